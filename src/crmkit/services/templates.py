"""Message templates: Liquid text with values of a lead, a campaign and so on.

Values are data: whatever stands in them comes out as it is, never read as a
template, and escaped in the HTML part. A template that is wrong, dangerous or
endless is a `RejectedError`; it cannot reach files, attributes or the clock.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from crmkit.errors import RejectedError

if TYPE_CHECKING:
    from liquid import BoundTemplate
    from liquid.static_analysis import TemplateAnalysis

__all__ = [
    "TEMPLATE_ROOTS",
    "DefaultTemplate",
    "Rendered",
    "Template",
    "compile_template",
    "default_templates",
]

TEMPLATE_ROOTS: Final = ("lead", "contact", "account", "campaign", "sender", "unsubscribe_url")
"""What a template can speak of; each a mapping of plain values, the last a text."""

_SOURCE_LIMIT: Final = 100_000  # characters in one part
_HINT: Final = "mend the template and check it again"


@attrs.frozen(kw_only=True)
class Rendered:
    """One message, ready to be queued.

    Attributes:
        subject: One line.
        text: The plain text body.
        html: The HTML body, or empty when the template has none.
    """

    subject: str
    text: str
    html: str = ""


@attrs.frozen(kw_only=True)
class DefaultTemplate:
    """A template that a new workspace begins with.

    Attributes:
        key: Its name, the same in each language.
        language: ISO 639-1 code.
    """

    key: str
    language: str
    subject: str
    text: str
    html: str


@attrs.frozen(kw_only=True, slots=False)  # without slots, for the parts are compiled when first needed
class Template:
    """A template in its two or three parts; see `compile_template`."""

    subject: str
    text: str
    html: str
    language: str

    def variables(self) -> frozenset[str]:
        """Return the values that are used, as dotted paths such as ``lead.first_name``.

        Raises:
            RejectedError: A part has a syntax error.
        """
        return frozenset(path for part in self._parts for path, _ in _paths(part.analysis))

    def check(self, known: Mapping[str, object] | Collection[str]) -> None:
        """Find everything that is wrong with this template.

        Args:
            known: What may be used: dotted paths, or a mapping from root to the
                names of its fields, or values as `render` takes them.

        Raises:
            RejectedError: All problems of all parts: syntax errors with their
                line, unknown variables and filters with a suggestion.
        """
        allowed = frozenset(_known_paths(known))
        parts, broken = self._compiled
        problems = [*broken, *(problem for part in parts for problem in part.problems(allowed))]
        if problems:
            raise RejectedError(problems, hint=_HINT)

    def render(self, values: Mapping[str, object]) -> Rendered:
        """Fill in *values*; one that is missing or None comes out as nothing.

        Raises:
            RejectedError: A part has a syntax error or unknown filter, breaks a
                limit, or applies a filter to a value that it cannot take.
        """
        parts = {part.name: part.render(values) for part in self._parts}
        return Rendered(
            subject=_one_line(parts["subject"]),
            text=parts["text"],
            html=parts.get("html", ""),
        )

    def render_many(self, rows: Sequence[Mapping[str, object]]) -> list[Rendered]:
        """Render one message per row, in order.

        Raises:
            RejectedError: As `render`; each row that fails, counted from 1.
        """
        rendered: list[Rendered] = []
        problems: list[str] = []
        for number, values in enumerate(rows, start=1):
            try:
                rendered.append(self.render(values))
            except RejectedError as error:
                problems += [f"row {number}: {reason}" for reason in error.reasons]
        if problems:
            raise RejectedError(problems)
        return rendered

    @cached_property
    def _compiled(self) -> tuple[tuple[_Part, ...], tuple[str, ...]]:
        """The parts that can be read, and why the others cannot."""
        parts: list[_Part] = []
        broken: list[str] = []
        for name, source in (("subject", self.subject), ("text", self.text), ("html", self.html)):
            if name == "html" and not source:
                continue
            try:
                parts.append(_Part.of(name, source, self.language))
            except RejectedError as error:
                broken += error.reasons
        return tuple(parts), tuple(broken)

    @property
    def _parts(self) -> tuple[_Part, ...]:
        parts, broken = self._compiled
        if broken:
            raise RejectedError(broken, hint=_HINT)
        return parts


def compile_template(subject: str, text: str, html: str = "", *, language: str = "en") -> Template:
    """Prepare a template for many renders.

    Nothing is refused yet: `Template.check` says all that is wrong at once.

    Args:
        subject: The subject; line breaks in it become blanks.
        text: The plain text part.
        html: The HTML part, in which values are escaped, or empty for none.
        language: In whose manner the filters ``money``, ``decimal`` and
            ``datetime`` write.
    """
    return Template(subject=subject, text=text, html=html, language=language)


def default_templates() -> tuple[DefaultTemplate, ...]:
    """Return the templates a new workspace begins with: a thank-you in French and English."""
    return (
        DefaultTemplate(
            key="thank_you", language="fr", subject=_SUBJECT_FR, text=_TEXT_FR, html=_html("fr", _TEXT_FR, _LEAVE_FR)
        ),
        DefaultTemplate(
            key="thank_you", language="en", subject=_SUBJECT_EN, text=_TEXT_EN, html=_html("en", _TEXT_EN, _LEAVE_EN)
        ),
    )


@attrs.frozen(kw_only=True, slots=False)  # without slots, for the cached analysis
class _Part:
    name: str
    source: str
    template: BoundTemplate

    @classmethod
    def of(cls, name: str, source: str, language: str) -> _Part:
        """Compile one part.

        Raises:
            RejectedError: It cannot be read.
        """
        from liquid.exceptions import LiquidError

        from crmkit.services._liquid import environment

        if len(source) > _SOURCE_LIMIT:
            raise RejectedError(f"{name}: longer than {_SOURCE_LIMIT} characters")
        try:
            template = environment(autoescape=name == "html").from_string(source, globals={"locale": language})
        except LiquidError as error:
            raise RejectedError(_told(name, error)) from error
        return cls(name=name, source=source, template=template)

    @cached_property
    def analysis(self) -> TemplateAnalysis:
        return self.template.analyze()

    def problems(self, allowed: frozenset[str]) -> Iterator[str]:
        filters = self.template.env.filters
        found = [
            (index, f"unknown variable {path!r}{_suggestion(path, allowed)}")
            for path, index in _paths(self.analysis)
            if not _is_known(path, allowed)
        ]
        found += [
            (span.index, f"unknown filter {name!r}{_suggestion(name, filters)}")
            for name, spans in self.analysis.filters.items()
            for span in spans
            if name not in filters
        ]
        for index, problem in sorted(found):
            yield f"{self.name}, line {_line(self.source, index)}: {problem}"

    def render(self, values: Mapping[str, object]) -> str:
        try:
            return self.template.render(values)
        except Exception as error:  # a template is data from outside: whatever it provokes is its fault
            raise RejectedError(_told(self.name, error)) from error


def _told(part: str, error: Exception) -> str:
    """Say where and why Liquid refused, in one clause."""
    from liquid.exceptions import LiquidError

    if not isinstance(error, LiquidError):
        return f"{part}: {type(error).__name__}: {error}"
    reason = str(error.message or type(error).__name__).splitlines()[0]
    token = error.token
    if token is None or token.start_index < 0:
        return f"{part}: {reason}"
    return f"{part}, line {_line(token.source, token.start_index)}: {reason}"


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


def _paths(analysis: TemplateAnalysis) -> Iterator[tuple[str, int]]:
    """Yield each use of a value as (dotted path, index in the source)."""
    for uses in analysis.globals.values():
        for use in uses:
            names = []
            for segment in use.segments:
                if not isinstance(segment, str):  # lead[name] or tags[0]: as far as it is written out
                    break
                names.append(segment)
            yield ".".join(names), use.span.index


def _known_paths(known: Mapping[str, object] | Collection[str]) -> Iterator[str]:
    if not isinstance(known, Mapping):
        yield from known
        return
    for root, fields in known.items():
        yield root
        if isinstance(fields, Iterable) and not isinstance(fields, str):
            yield from (f"{root}.{field}" for field in fields)


def _is_known(path: str, allowed: frozenset[str]) -> bool:
    if path in allowed or any(one.startswith(f"{path}.") for one in allowed):
        return True
    owner, _, last = path.rpartition(".")
    return owner in allowed and last in ("size", "first", "last")


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _one_line(subject: str) -> str:
    # Not split(): that would also lose the no-break space that French puts before "!".
    return " ".join(line.strip() for line in subject.splitlines() if line.strip())


_SUBJECT_FR: Final = "Merci de votre visite{% if campaign.name %} – {{ campaign.name }}{% endif %}"
_TEXT_FR: Final = """\
Bonjour{% if lead.first_name %} {{ lead.first_name }}{% endif %},

Merci d’avoir pris le temps d’échanger avec nous\
{% if campaign.name %} lors de {{ campaign.name }}{% endif %}. \
Nous serions heureux de poursuivre cette conversation\
{% if lead.company %} et de voir avec vous ce que nous pouvons apporter à {{ lead.company }}{% endif %}.

Pour convenir d’un rendez-vous ou poser une question, il vous suffit de répondre à ce message.

Bien cordialement{% if sender.name %},
{{ sender.name }}{% endif %}
{% if unsubscribe_url %}
Vous ne souhaitez plus recevoir nos messages ? {{ unsubscribe_url }}
{% endif %}"""
_LEAVE_FR: Final = "Ne plus recevoir nos messages"

_SUBJECT_EN: Final = "Thank you for your visit{% if campaign.name %} – {{ campaign.name }}{% endif %}"
_TEXT_EN: Final = """\
Dear {{ lead.first_name | default: "Sir or Madam" }},

Thank you for taking the time to talk with us\
{% if campaign.name %} at {{ campaign.name }}{% endif %}. \
We would be glad to continue the conversation\
{% if lead.company %} and to explore with you what we could do for {{ lead.company }}{% endif %}.

To arrange a meeting or ask a question, simply reply to this message.

Kind regards{% if sender.name %},
{{ sender.name }}{% endif %}
{% if unsubscribe_url %}
If you would rather not hear from us again: {{ unsubscribe_url }}
{% endif %}"""
_LEAVE_EN: Final = "Unsubscribe"


def _html(language: str, text: str, leave: str) -> str:
    """Set the plain text as HTML, so that the two parts cannot say different things."""
    letter, _, _ = text.partition("{% if unsubscribe_url")
    paragraphs = "\n".join(f"<p>{one.strip()}</p>".replace(",\n", ",<br>\n") for one in letter.split("\n\n"))
    return f"""\
<!DOCTYPE html>
<html lang="{language}">
<head><meta charset="utf-8"></head>
<body>
{paragraphs}
{{% if unsubscribe_url %}}\
<p><small><a href="{{{{ unsubscribe_url }}}}">{leave}</a></small></p>
{{% endif %}}\
</body>
</html>
"""

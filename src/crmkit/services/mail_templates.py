"""The templates of a workspace: saved after a check, chosen by language, shown before they are used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, Unpack

import attrs

from crmkit.core.fields import Row
from crmkit.core.message import Template
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Query
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to
from crmkit.core.values.email import Email
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.mail_values import known_values, person_values, plain_reader, sender_values, unsubscribe_link
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.templates import Rendered, compile_template, default_templates
from crmkit.services.templates import Template as Compiled
from crmkit.services.workspace import Workspace

__all__ = [
    "Preview",
    "choose_language",
    "compiled_templates",
    "plan_default_templates",
    "plan_save_template",
    "preview",
    "save_template",
]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Preview:
    """What one person would read.

    Attributes:
        language: The language of the template that was chosen.
        why: Why that one, as one clause.
        rendered: The mail.
    """

    language: str
    why: str
    rendered: Rendered


def save_template(
    workspace: Workspace,
    template: str,
    language: str,
    subject: str,
    text: str,
    *,
    html: str | None = None,
    **how: Unpack[How],
) -> Outcome[Template]:
    """Make a template, or change the one that has this name and language.

    Args:
        workspace: Where.
        template: Its name, the same in all languages: ``thank_you``.
        language: ISO 639-1.
        subject: A Liquid template of one line.
        text: The Liquid template of the plain text.
        html: The Liquid template of the HTML, or None for none.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong in all parts, each with its line.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"id": plan_save_template(planning, template, language, subject=subject, text=text, html=html)}

    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> Template:
        type_ = workspace.schema["template"]
        return type_.load(view.get_many("template", [result["id"]])[0])  # type: ignore[no-any-return]

    arguments = {"template": template, "language": language, "subject": subject, "text": text, "html": html}
    request = Request(kind="save_template", arguments=arguments, **how)
    return run(workspace, request, plan, finish)


def preview(
    workspace: Workspace,
    template: str,
    person: str | Stored,
    *,
    language: str | None = None,
    campaign: str | Stored | None = None,
) -> Preview:
    """Fill a template in for one person, and send nothing.

    Args:
        workspace: Where.
        template: Its name.
        person: A lead or contact, or its id.
        language: The language to show; None means the one the person would be written to in.
        campaign: The campaign it would be sent for, or None.

    Raises:
        NotFoundError: There is no such template, not in this language, or no such person.
        RejectedError: The template cannot be filled in.
    """
    schema, mail = workspace.schema, workspace.settings.mail
    with workspace.reading() as view:
        candidates = compiled_templates(view, schema, template)
        kind = schema.type_of(id_of(person))
        if kind.name not in ("lead", "contact"):
            raise NotFoundError("lead or contact", id_of(person))
        values = plain_reader(kind)(_row(view, kind.name, id_of(person)))
        account = _plain(view, schema, "account", values.get("account_id"))
        about = _plain(view, schema, "campaign", None if campaign is None else id_of(campaign))
    if language is not None:
        if language not in candidates:
            raise NotFoundError("template", f"{template} ({language})", hint=f"there is {', '.join(candidates)}")
        why = "it was asked for"
    else:
        language, why = choose_language(candidates, values.get("language"), workspace.settings.language)
    email = values.get("email")
    rendered = candidates[language].render(
        {
            **person_values(values, account),
            "campaign": about,
            "sender": sender_values(mail),
            "unsubscribe_url": unsubscribe_link(mail, Email.trusted(str(email)).key) if email else "",
        }
    )
    return Preview(language=language, why=why, rendered=rendered)


def choose_language(candidates: Mapping[str, T], persons: object, usual: str) -> tuple[str, str]:
    """Return the language in which a person is written to, and why it is that one.

    Args:
        candidates: The languages there are; at least one.
        persons: The language of the person, or None.
        usual: The language of the workspace.
    """
    if isinstance(persons, str) and persons in candidates:
        return persons, "it is the language of the person"
    lacking = f"there is none in {persons}" if persons else "the person has no language"
    if usual in candidates:
        return usual, f"{lacking}, and it is the language of the workspace"
    return min(candidates), f"{lacking}, nor one in {usual}, and it is the first there is"


def compiled_templates(view: ReadTransaction, schema: Schema, template: str) -> dict[str, Compiled]:
    """Return the templates of that name by language.

    Raises:
        NotFoundError: There is none.
    """
    kind = schema["template"]
    found: list[Template] = kind.load_many(view.find(Query(type="template", where=Compare("key", Op.EQ, template))))
    if not found:
        every = {record.key for record in kind.load_many(view.find(Query(type="template")))}
        raise NotFoundError("template", template, suggestions=close_to(template, sorted(every)))
    return {t.language: compile_template(t.subject, t.text, t.html or "", language=t.language) for t in found}


def plan_save_template(
    planning: Planning, template: str, language: str, *, subject: str, text: str, html: str | None
) -> str:
    """Plan to make or change a template, and return its id."""
    problems = []
    if not _KEY.fullmatch(template):
        problems.append(f"the name {template!r} must be lower case letters, digits and underscores, as in thank_you")
    if not _LANGUAGE.fullmatch(language):
        problems.append(f"the language {language!r} must be two letters of ISO 639-1, as in fr")
    problems += [f"{name}: is empty" for name, part in (("subject", subject), ("text", text)) if not part.strip()]
    try:
        compile_template(subject, text, html or "", language=language).check(known_values(planning.schema))
    except RejectedError as error:
        problems += error.reasons
    if problems:
        raise RejectedError(problems, hint="mend the template and save it again")
    parts = {"subject": subject, "text": text, "html": html or None}
    for record in planning.load_many(_named(template)):
        if record.language == language:
            planning.update("template", record.id, parts)
            return str(record.id)
    return planning.create("template", {"key": template, "language": language, **parts})


def plan_default_templates(planning: Planning) -> list[str]:
    """Plan the templates a new workspace begins with, and return their ids; one that is there already stays."""
    missing = list(default_templates())
    for template in {default.key for default in missing}:
        present = {record.language for record in planning.load_many(_named(template))}
        missing = [d for d in missing if d.key != template or d.language not in present]
    return [planning.create("template", attrs.asdict(default)) for default in missing]


_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LANGUAGE: Final = re.compile("[a-z]{2}")


def _named(template: str) -> Query:
    return Query(type="template", where=Compare("key", Op.EQ, template))


def _row(view: ReadTransaction, kind: str, id_: str) -> Row:
    rows = view.get_many(kind, [id_])
    if not rows:
        raise NotFoundError(kind.replace("_", " "), id_)
    return rows[0]


def _plain(view: ReadTransaction, schema: Schema, kind: str, id_: object) -> dict[str, object]:
    return plain_reader(schema[kind])(_row(view, kind, str(id_))) if id_ else {}

"""What is said about one kind of table: how it is recognised, and what its columns mean."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, TypeVar, cast

import attrs

from crmkit.core.drafts import DRAFT_FIELDS
from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.spelling import close_to
from crmkit.core.values.text import fold
from crmkit.plugins.builtin.headers import is_header_word, map_header
from crmkit.plugins.builtin.synonyms import REACH
from crmkit.plugins.column_names import ColumnName, Signature
from crmkit.plugins.drafting import FIELD_OF_SIGN, Meaning, Sign
from crmkit.services.tabular import RowBatch, RowKind

__all__ = ["Form", "Sign"]

_T = TypeVar("_T")

Named = tuple[tuple[ColumnName, _T], ...]
"""Something said about columns, in the order it was said."""


@attrs.frozen(kw_only=True)
class Form:
    """What was said about a kind of table, with its column names ready to be found."""

    signatures: tuple[Signature, ...]
    source: str | None
    map: Named[tuple[str, ...]]
    split: Named[str]
    values: Named[Mapping[str, str] | Callable[[str], str]]
    consent: Named[Sign | Mapping[str, Sign]]
    tags: Named[str | Mapping[str, str]]
    ignore: Named[None]
    skip: Named[frozenset[str]]
    sections: Named[bool]
    files: Mapping[str, Sign]

    @classmethod
    def of(
        cls,
        *,
        signatures: Sequence[Sequence[str | Sequence[str]]],
        source: str | None,
        map: Mapping[str, str | Sequence[str]],  # noqa: A002  as in `importer`
        split: Mapping[str, str],
        values: Mapping[str, Mapping[str, str] | Callable[[str], str]],
        consent: Mapping[str, Sign | Mapping[str, Sign]],
        tags: Mapping[str, str | Mapping[str, str]],
        ignore: Iterable[str],
        skip: Mapping[str, Sequence[str]],
        sections: Mapping[str, bool],
        files: Mapping[str, Sign],
    ) -> Form:
        """Make the names of columns ready to be found; see `crmkit.importer`."""
        return cls(
            signatures=tuple(Signature(each) for each in signatures),
            source=source,
            map=_named(map, lambda fields: (fields,) if isinstance(fields, str) else tuple(fields)),
            split=_named(split, str),
            values=_named(values, lambda by: _folded(by) if isinstance(by, Mapping) else by),
            consent=_named(consent, lambda says: _folded(says) if isinstance(says, Mapping) else says),
            tags=_named(tags, lambda form: _folded(form) if isinstance(form, Mapping) else form),
            ignore=_named(dict.fromkeys(ignore), lambda nothing: nothing),
            skip=_named(skip, lambda words: frozenset(fold(word) for word in words)),
            sections=_named(sections, bool),
            files=dict(files),
        )

    def flaw(self) -> str:
        """Say what an author mistyped, or nothing."""
        fields = (*DRAFT_FIELDS, REACH)
        for field in (field for _, some in self.map for field in some):
            if field not in fields:
                close = close_to(field, fields)
                hint = f"did you mean {' or '.join(close)}?" if close else f"fields are {', '.join(fields)}"
                return f"a draft has no field {field!r}; {hint}"
        signs: list[str] = [says for _, says in self.consent if isinstance(says, str)]
        signs += [sign for _, says in self.consent if not isinstance(says, str) for sign in says.values()]
        for sign in (*signs, *self.files.values()):
            if sign not in FIELD_OF_SIGN:
                return f"consent is opt_out or opt_in, not {sign!r}"
        return ""

    @property
    def needed(self) -> list[ColumnName]:
        """All names by which a file may be recognised."""
        return [name for signature in self.signatures for part in signature.parts for name in part]

    @functools.cached_property
    def is_strange(self) -> bool:
        """Whether it is known by words that headers usually are not made of."""
        return not all(is_header_word(name.text) for name in self.needed)

    @property
    def says_something(self) -> bool:
        """Whether it says more than how a file is recognised and where its leads come from."""
        return bool(self.map or self.split or self.values or self.consent or self.tags or self.ignore)

    def knows(self, header: Sequence[str]) -> bool:
        """Tell whether a header has what is needed."""
        return any(not signature.missing(header) for signature in self.signatures)

    def sureness(self, header: Sequence[str]) -> int:
        """Say from 50 to 99 how sure a header is the one that is meant, or 0."""
        fitting = [len(signature.parts) for signature in self.signatures if not signature.missing(header)]
        if not fitting:
            return 0
        said = (self.map, self.split, self.values, self.consent, self.tags, self.ignore, self.skip)
        names = [*self.needed, *(name for part in said for name, _ in part)]
        named = {place for name in names for place in name.places(header)}
        return 50 + 4 * min(max(fitting), 10) + 9 * len(named) // len(header)

    def meaning(self, header: Sequence[str], file: str, options: ReadingOptions) -> Meaning:
        """Say what the columns of one table mean."""
        mapping = options.mapping
        fields = _found(self.map, header)
        asked = {place for column in mapping for place in ColumnName(column).places(header)}
        consents = {place: says for place, says in _found(self.consent, header).items() if place not in asked}
        fields |= {place: (FIELD_OF_SIGN[says],) for place, says in consents.items() if isinstance(says, str)}
        declared = {place: some[0] for place, some in fields.items()}
        tags = {place: form for place, form in _found(self.tags, header).items() if place not in asked}
        silent = {
            *_found(self.ignore, header),
            *tags,
            *(p for p, says in consents.items() if not isinstance(says, str)),
        }
        mapped = map_header(header, mapping, declared, options.synonyms)
        said = next((sign for pattern, sign in self.files.items() if fnmatch(file.casefold(), pattern)), None)
        return Meaning(
            fields={
                place: (field, *fields.get(place, ())[1:])
                for place, field in mapped.items()
                if place not in silent or place in declared
            },
            splits=_found(self.split, header),
            values=_found(self.values, header),
            consents={place: says for place, says in consents.items() if not isinstance(says, str)},
            tags=tags,
            skips=_found(self.skip, header),
            every=said,
        )

    def title(self, cells: Sequence[str]) -> tuple[str, bool] | None:
        """Return the title that a row is, and whether people are below it, or None."""
        if not cells or not cells[0].strip() or any(cell.strip() for cell in cells[1:]):
            return None
        return next(((name.text, people) for name, people in self.sections if name.means(cells[0])), None)

    def set_aside(self, rows: RowBatch, *, is_listing: bool) -> bool:
        """Mark the rows that are not below a title with people; say whether the next ones are."""
        kinds = cast("dict[int, RowKind]", rows.kinds)
        for line, cells in zip(rows.lines, rows.cells, strict=True):
            found = self.title(cells)
            if found is not None:
                is_listing = found[1]
                kinds[line] = RowKind.ASIDE
            elif not is_listing and kinds.get(line) is not RowKind.BLANK:
                kinds[line] = RowKind.ASIDE
        return is_listing


def _named(said: Mapping[str, Any], read: Callable[[Any], _T]) -> Named[_T]:
    return tuple((ColumnName(column), read(value)) for column, value in said.items())


def _folded(table: Mapping[str, _T]) -> dict[str, _T]:
    return {fold(word): value for word, value in table.items()}


def _found(said: Named[_T], header: Sequence[str]) -> dict[int, _T]:
    """Return by place what was said of columns; of several names for one, the first goes."""
    found: dict[int, _T] = {}
    for name, value in said:
        for place in name.places(header):
            found.setdefault(place, value)
    return found

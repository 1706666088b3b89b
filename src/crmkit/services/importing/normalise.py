"""From drafts to typed columns: cleaned, parted, normalised, and nothing thrown away.

What cannot be typed goes to ``extra`` as it was written, with a warning. Only two
things cost a row: an e-mail address that is none, since without it the person would be
lost silently, and the lack of anything by which a person could be found.

A language is never guessed: a row that names none has none, and whoever writes to this
person falls back on the language of the campaign or workspace. For phone numbers a guess
does no harm, for they are checked against the plan of the country: a number without
country code is read in the form of the country of its row, else of the region that was
asked for or configured, else of the language of the row, else of the header's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import attrs

from crmkit.core.codecs import to_json
from crmkit.core.drafts import DraftBatch
from crmkit.core.people import person_name
from crmkit.core.values.company import domain_of
from crmkit.core.values.email import Email, parse_emails
from crmkit.core.values.names import name_case, name_key, split_name, split_salutation
from crmkit.core.values.phone import parse_phones
from crmkit.core.values.places import country_code, language_code, region_of_language
from crmkit.core.values.text import clean
from crmkit.services.importing.job import Job

__all__ = ["LEAD_TEXTS", "Rows", "normalise"]

LEAD_TEXTS: Final = (
    *("salutation", "first_name", "last_name", "company", "title", "email", "phone", "mobile", "website"),
    *("street", "postal_code", "city", "region", "country", "language", "source_id", "source", "notes"),
)
"""The fields of a lead that are one text, and that a draft can fill."""


@attrs.define(kw_only=True)
class Rows:
    """A part of a source, in columns; entry ``i`` of each list speaks of the same row.

    Attributes:
        lines: On which line each row begins.
        cells: Each row verbatim.
        texts: Field of `LEAD_TEXTS` to values, ready to be stored.
        tags: Sorted.
        extra: What has no field.
        others: Further e-mail addresses, normalised.
        opt_out: Whether the address must not be written to; None when nothing is said.
        import_keys: What identifies each row when it is imported again.
        email_keys: The key of each main address.
        name_keys: The key of each name, where there is a phone number to go with it.
        ignored: Index of rows that are no records, to the reason.
        flaws: Index of rows that are rejected, to the reasons.
        warnings: Index of rows that were not understood as a whole, to the reasons.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    texts: dict[str, list[str | None]]
    tags: list[tuple[str, ...]]
    extra: list[dict[str, str]]
    others: list[tuple[str, ...]]
    opt_out: list[bool | None]
    import_keys: list[str]
    email_keys: list[str | None]
    name_keys: list[str | None]
    ignored: dict[int, str]
    flaws: dict[int, list[str]]
    warnings: dict[int, list[str]]

    def __len__(self) -> int:
        return len(self.lines)


def normalise(batch: DraftBatch, job: Job) -> Rows:
    """Clean and type the drafts of one part; depends on nothing but its arguments."""
    return _Cleaning(batch, job).rows()


_DRAFT_TEXTS: Final = tuple(name for name in ("full_name", *LEAD_TEXTS) if name != "notes")
_OWN_COLUMNS: Final = "crmkit_"
"""How the columns begin that a rejects file has more than the source."""


class _Cleaning:
    """One part at work."""

    def __init__(self, batch: DraftBatch, job: Job) -> None:
        self._batch = batch
        self._job = job
        self._count = len(batch)
        self._texts: dict[str, list[str | None]] = {name: self._column(name, clean) for name in _DRAFT_TEXTS}
        self._texts["notes"] = self._column("notes", _clean_lines)
        self._tags = self._column("tags", _clean_list, empty=())
        self._other_texts = self._column("other_emails", _clean_list, empty=())
        self._extra = self._column("extra", _clean_mapping, empty={})  # entries are replaced, never changed
        self._opt_out: list[bool | None] = list(cast("Sequence[bool | None]", batch.columns.get("opt_out", ())))
        self._opt_out = self._opt_out or [None] * self._count
        self._others: list[tuple[str, ...]] = [()] * self._count
        places = {line: i for i, line in enumerate(batch.lines)}
        self._ignored = {places[line]: reason for line, reason in batch.ignored.items()}
        self._flaws: dict[int, list[str]] = {}
        self._warnings: dict[int, list[str]] = {}
        for problem in batch.problems:
            kind = self._flaws if problem.fatal else self._warnings
            kind.setdefault(places[problem.line], []).append(problem.reason)

    def rows(self) -> Rows:
        import_keys = self._import_keys()  # of what was written, whatever it is taken for
        self._part_names()
        self._read_emails()
        self._read_phones()
        self._read_places()
        self._check_websites()
        self._keep_homeless_opt_outs()
        self._refuse_nobodies()
        texts = self._texts
        del texts["full_name"]
        if self._job.source_label:
            texts["source"] = [source or self._job.source_label for source in texts["source"]]
        numbered = zip(texts["first_name"], texts["last_name"], texts["phone"], texts["mobile"], strict=True)
        return Rows(
            lines=self._batch.lines,
            cells=self._batch.cells,
            texts=texts,
            tags=[tuple(sorted({*own, *self._job.tags})) if own else self._job.tags for own in self._tags],
            extra=self._extra,
            others=self._others,
            opt_out=self._opt_out,
            import_keys=import_keys,
            email_keys=[None if email is None else Email.trusted(email).key for email in texts["email"]],
            name_keys=[name_key(person_name(f, n)) or None if p or m else None for f, n, p, m in numbered],
            ignored=self._ignored,
            flaws=self._flaws,
            warnings=self._warnings,
        )

    def _column[T](self, name: str, cleaned: Callable[..., T], empty: T = None) -> list[T]:  # type: ignore[assignment]
        column = self._batch.columns.get(name)
        return [empty] * self._count if column is None else [cleaned(value) if value else empty for value in column]

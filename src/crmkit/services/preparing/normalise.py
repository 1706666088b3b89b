"""From drafts to typed columns: cleaned, parted, normalised, and nothing thrown away.

What cannot be typed goes to ``extra`` as it was written, with a warning. Only one
thing costs a row: the lack of anything by which a person could be found. A number that
is not valid may still be dialled; an e-mail address that is none leads nowhere.

A language is never guessed: a row that names none has none, and whoever writes to this
person falls back on the language of the campaign or workspace. For phone numbers a guess
does no harm, for they are checked against the plan of the country: a number without
country code is read in the form of the country of its row, else of the region that was
asked for or configured, else of the language of the row, else of the header's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar, cast

import attrs

from crmkit.core.codecs import to_json
from crmkit.core.drafts import DraftBatch
from crmkit.core.fields import Scalar
from crmkit.core.values.company import domain_of
from crmkit.core.values.email import Email, parse_emails
from crmkit.core.values.names import name_case, name_key, split_name, split_salutation
from crmkit.core.values.phone import numbers_in, parse_phones
from crmkit.core.values.places import country_code, language_code, region_of_language
from crmkit.core.values.text import clean_column, says_none
from crmkit.services.preparing.columns import (
    by_value,
    clean_lines_column,
    clean_lists,
    clean_mappings,
    digests,
    json_texts,
)
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.preparing.job import Job

__all__ = ["LEAD_TEXTS", "Rows", "import_keys", "normalise"]

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
        custom: Stored field of the lead's custom fields to values; only those that some row has.
        extra: What has no field.
        others: Further e-mail addresses, normalised.
        opt_out: Whether the address must not be written to; False and None say nothing.
        consent: Whether this person agreed to be written to, or refused; None when nothing is said.
        import_keys: What identifies each row when it is imported again.
        derived: The derived fields of leads to what follows for each row.
        name_keys: The key of each name, where there is a phone number to go with it.
        ignored: Index of rows that are no records, to the reason.
        flaws: Index of rows that are rejected, to the reasons.
        warnings: Index of rows that were not understood as a whole, to the reasons.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    texts: dict[str, list[str | None]]
    tags: list[tuple[str, ...]]
    custom: dict[str, list[Scalar]]
    extra: list[dict[str, str]]
    others: list[tuple[str, ...]]
    opt_out: list[bool | None]
    consent: list[bool | None]
    import_keys: list[str]
    derived: dict[str, list[Scalar]]
    name_keys: list[Scalar]
    ignored: dict[int, str]
    flaws: dict[int, list[str]]
    warnings: dict[int, list[str]]

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def email_keys(self) -> list[Scalar]:
        """The key of each main address."""
        return self.derived["email_key"]


def normalise(batch: DraftBatch, job: Job, custom: CustomColumns) -> Rows:
    """Clean and type the drafts of one part; depends on nothing but its arguments."""
    return _Cleaning(batch, job, custom).rows()


def import_keys(batch: DraftBatch, job: Job, custom: CustomColumns) -> list[str]:
    """Return what identifies each row; a part of what `normalise` does."""
    return _Cleaning(batch, job, custom).import_keys()


_DRAFT_TEXTS: Final = tuple(name for name in ("full_name", *LEAD_TEXTS) if name != "notes")


class _Cleaning:
    """One part at work."""

    def __init__(self, batch: DraftBatch, job: Job, custom: CustomColumns) -> None:
        self._batch = batch
        self._job = job
        self._custom = custom
        self._count = len(batch)
        self._texts = {name: self._column(name, clean_column, None) for name in _DRAFT_TEXTS}
        self._texts["notes"] = self._column("notes", clean_lines_column, None)
        self._tags: list[tuple[str, ...]] = self._column("tags", clean_lists, ())
        self._other_texts: list[tuple[str, ...]] = self._column("other_emails", clean_lists, ())
        # Entries are replaced, never changed.
        self._extra: list[dict[str, str]] = self._column("extra", clean_mappings, {})
        self._opt_out = self._answers("opt_out")
        self._consent = self._answers("consent")
        self._others: list[tuple[str, ...]] = [()] * self._count
        told = batch.ignored or batch.problems
        places = {line: i for i, line in enumerate(batch.lines)} if told else {}
        self._ignored = {places[line]: reason for line, reason in batch.ignored.items()}
        self._flaws: dict[int, list[str]] = {}
        self._warnings: dict[int, list[str]] = {}
        for problem in batch.problems:
            kind = self._flaws if problem.fatal else self._warnings
            kind.setdefault(places[problem.line], []).append(problem.reason)

    def rows(self) -> Rows:
        import_keys = self.import_keys()  # of what was written, whatever it is taken for
        self._take_display_names()
        self._part_names()
        self._read_emails()
        self._read_phones()
        self._read_places()
        self._check_websites()
        self._keep_homeless_words()
        custom = self._custom.take(self._extra, self._warnings)
        self._refuse_nobodies()
        texts = self._texts
        del texts["full_name"]
        if self._job.source_label:
            texts["source"] = [source or self._job.source_label for source in texts["source"]]
        derived = self._custom.kind.derive_columns(texts, self._count)
        names = zip(derived["name_key"], texts["phone"], texts["mobile"], strict=True)
        return Rows(
            lines=self._batch.lines,
            cells=self._batch.cells,
            texts=texts,
            tags=by_value(lambda own: tuple(sorted({*own, *self._job.tags})) if own else self._job.tags, self._tags),
            custom=custom,
            extra=self._extra,
            others=self._others,
            opt_out=self._opt_out,
            consent=self._consent,
            import_keys=import_keys,
            derived=derived,
            name_keys=[name if phone or mobile else None for name, phone, mobile in names],
            ignored=self._ignored,
            flaws=self._flaws,
            warnings=self._warnings,
        )

    def _column(self, name: str, cleaned: Callable[[Sequence[Any]], list[_T]], empty: _T) -> list[_T]:
        column = self._batch.columns.get(name)
        return [empty] * self._count if column is None else cleaned(column)

    def _answers(self, name: str) -> list[bool | None]:
        return list(cast("Sequence[bool | None]", self._batch.columns.get(name) or [None] * self._count))

    def import_keys(self) -> list[str]:
        """Return what identifies each row."""
        importer = self._job.importer
        source_ids = self._texts["source_id"]
        if None not in source_ids:
            return [f"{importer}:{source_id}" for source_id in source_ids]
        # Only what is there counts, so that a field crmkit learns of later changes no key.
        columns = [(name, column) for name, column in sorted(self._texts.items()) if any(column)]
        for name, mixed in (("tags", self._tags), ("other_emails", self._other_texts)):
            if any(mixed):
                columns.append((name, by_value(lambda texts: to_json(texts) if texts else None, mixed)))
        if any(self._extra):
            columns.append(("extra", json_texts(self._extra)))
        return [
            f"{importer}:{source_id}" if source_id else f"{importer}:#{digest}"
            for source_id, digest in zip(source_ids, digests(columns, self._count), strict=True)
        ]

    def _take_display_names(self) -> None:
        """Call somebody without a name as the address does: ``Ann Lee <ann@lee.example>``."""
        texts = self._texts
        for i, email in enumerate(texts["email"]):
            if email is None or "<" not in email or texts["first_name"][i] or texts["last_name"][i]:
                continue
            if texts["full_name"][i] is None and (named := _DISPLAY_NAME.fullmatch(email)):
                texts["full_name"][i] = named[1]

    def _part_names(self) -> None:
        texts = self._texts
        firsts, lasts, salutations = texts["first_name"], texts["last_name"], texts["salutation"]
        for i, full_name in _entries(texts["full_name"]):
            salutation, rest = split_salutation(full_name)
            first, last = firsts[i], lasts[i]
            if not (first or last):
                firsts[i], lasts[i] = split_name(rest)
                salutations[i] = salutations[i] or salutation
            elif name_key(rest) not in {name_key(f"{first} {last}"), name_key(f"{last} {first}")}:
                self._keep(i, "full_name", full_name)
        for i, text in _entries(salutations):
            # Some call a job title a title, and so a salutation.
            if split_salutation(text)[0] is None:
                salutations[i] = None
                if texts["title"][i] is None:
                    texts["title"][i] = text
                elif texts["title"][i] != text:
                    self._keep(i, "salutation", text)
        for column in (firsts, lasts):
            column[:] = by_value(lambda name: None if name is None else name_case(name), column)

    def _read_emails(self) -> None:
        written = self._texts["email"]
        emails, reasons = parse_emails(written)
        for i, reason in _entries(reasons):
            text = str(written[i])
            if says_none(text):
                continue
            several, refused = _addresses(text)
            if several:
                emails[i], self._others[i] = several[0], several[1:]
                why = f"of {text[:_SHOWN]!r} only {', '.join(several)} is taken as e-mail address"
            else:
                why = f"{text[:_SHOWN]!r} is no e-mail address: {reason}"
            if refused:
                self._set_aside(i, "email", text, why)
        several_said = any(self._others) or any(self._other_texts)
        for i in range(self._count) if several_said else ():
            for text in self._other_texts[i]:
                found, refused = _addresses(text)
                self._others[i] += found
                for reason in refused:
                    self._set_aside(i, "other_emails", text, f"{text[:_SHOWN]!r} is no e-mail address: {reason}")
            if self._others[i]:
                distinct = {Email.trusted(address).key: address for address in (emails[i], *self._others[i]) if address}
                emails[i], *others = distinct.values()
                self._others[i] = tuple(others)
        self._texts["email"] = emails

    def _read_phones(self) -> None:
        job, languages = self._job, self._texts["language"]
        countries = by_value(lambda text: None if text is None else country_code(text), self._texts["country"])
        if job.region is None:
            found = {text: self._region_of_speakers(text) for text in set(languages)}
            regions = [country or found[text] for country, text in zip(countries, languages, strict=True)]
        else:
            regions = [country or job.region for country in countries]
        for name in ("phone", "mobile"):
            written = self._texts[name]
            numbers, reasons = parse_phones(written, regions)
            self._texts[name] = numbers
            for i, reason in _entries(reasons):  # beside a number it says what was left out
                text = str(written[i])
                if says_none(text):
                    continue
                several = numbers_in(text, regions[i]) if numbers[i] is None else []
                if several:
                    numbers[i] = several[0]
                self._set_aside(i, name, text, f"of {text[:_SHOWN]!r} one number is taken" if several else reason)

    def _region_of_speakers(self, language: str | None) -> str | None:
        known = self._job.regions
        return known.get(language) if language is None or language in known else region_of_language(language)

    def _read_places(self) -> None:
        for name, parse in (("country", country_code), ("language", language_code)):
            column = self._texts[name]
            known = {text: parse(text) for text in set(column) if text is not None}
            if None in known.values():
                for i, text in _entries(column):
                    if known[text] is None:
                        self._set_aside(i, name, text, f"{text[:_SHOWN]!r} is no {name} that is known")
            self._texts[name] = [None if text is None else known[text] for text in column]

    def _check_websites(self) -> None:
        column = self._texts["website"]
        for i, text in _entries(column):
            if domain_of(text) is None:
                self._set_aside(i, "website", text, f"{text[:_SHOWN]!r} is no web address")
                column[i] = None

    def _keep_homeless_words(self) -> None:
        """Keep what is said of mail to somebody who has no address yet."""
        silent = not any(self._opt_out) and self._consent.count(None) == self._count
        for i in () if silent else range(self._count):
            if self._texts["email"][i] is not None:
                continue
            if self._opt_out[i]:
                self._keep(i, "opt_out", "yes")
            if self._consent[i] is not None:
                self._keep(i, "consent", "yes" if self._consent[i] else "no")

    def _refuse_nobodies(self) -> None:
        texts = self._texts
        identifying = [texts[name] for name in ("email", "last_name", "first_name", "company", "phone", "mobile")]
        for i, values in enumerate(zip(*identifying, strict=True)):
            if any(values) or i in self._flaws or i in self._ignored:
                continue
            numbers = (self._extra[i].get(name, "") for name in ("phone", "mobile"))
            if not any(sum(map(str.isdigit, number)) >= _DIGITS for number in numbers):
                reasons = [*self._warnings.get(i, ()), "the row has no name, company, e-mail address or phone number"]
                self._flaws[i] = reasons

    def _set_aside(self, i: int, name: str, text: str, reason: str) -> None:
        """Keep what cannot be typed, and say so."""
        self._keep(i, name, text)
        self._warnings.setdefault(i, []).append(reason)

    def _keep(self, i: int, name: str, text: str) -> None:
        kept = self._extra[i]
        if kept.get(name, text) != text:
            text = f"{kept[name]}; {text}"
        self._extra[i] = {**kept, name: text}


_T = TypeVar("_T")

_DIGITS: Final = 6
"""How many a number has by which somebody can be found, though it is not valid as it is written."""

_SHOWN: Final = 80
"""How many characters of a value a reason shows."""

_BETWEEN_ADDRESSES: Final = re.compile(r"[;,|\s]+")
_DISPLAY_NAME: Final = re.compile(r'"?([^"<>@]*[^"<>@\s])"?\s*<[^<>]+>')
_IN_BRACKETS: Final = re.compile(r"<([^<>]+)>")


def _entries(column: Sequence[str | None]) -> Iterator[tuple[int, str]]:
    """Return the texts of a column with their places; most columns hold few, or none at all."""
    if column.count(None) == len(column):
        return iter(())
    return ((i, text) for i, text in enumerate(column) if text is not None)


def _addresses(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the addresses in a cell that is not plainly one, and why the rest is none."""
    parts = _IN_BRACKETS.findall(text) or _BETWEEN_ADDRESSES.split(text.strip())
    values, reasons = parse_emails([part.removeprefix("mailto:") for part in parts])
    return tuple(value for value in values if value), [reason for reason in reasons if reason]

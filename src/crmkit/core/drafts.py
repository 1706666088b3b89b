"""What an importer hands over: drafts of leads, in columns.

A *draft* is a lead as it stood in the source, before it is checked and
matched: every value is text as somebody wrote it. Drafts travel in batches of
columns, so that a file of a million rows costs no object per row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

__all__ = ["DRAFT_FIELDS", "DraftBatch", "Finding", "LeadDraft", "Problem"]


@attrs.frozen(kw_only=True)
class Problem:
    """One thing wrong with one row.

    Attributes:
        line: The line of the source on which the row begins, counted from 1.
        reason: What is wrong, as one clause.
        field: The field it is about, or None when it is about the whole row.
        value: The offending value as it was written, or None.
        fatal: Whether the row is rejected; otherwise it is imported and the
            problem is reported as a warning.
    """

    line: int
    reason: str
    field: str | None = None
    value: str | None = None
    fatal: bool = True


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that was detected about a source rather than asked for.

    Attributes:
        what: ``encoding``, ``delimiter``, ``header``, ``importer`` …
        value: What was found.
        evidence: Why, in words for a person.
    """

    what: str
    value: str
    evidence: str


@attrs.frozen(kw_only=True)
class LeadDraft:
    """One lead as a source wrote it; what the row function of an importer returns.

    All texts are taken as written: crmkit normalises, checks and matches them.
    None and blank mean that the source does not say.

    Attributes:
        source_id: The id that the source itself gives to this person, if any.
        full_name: First and last name in one text, when the source does not part them.
        opt_out: ``True`` when the source says that this address must not be mailed;
            False ("has not objected") and None say nothing. Goes before *consent*.
        consent: ``True`` when the source says that this person agreed to be mailed, ``False``
            that they refused or withdrew; None when it says nothing.
        extra: What has no field of its own, by the name the source uses.
    """

    source_id: str | None = None
    full_name: str | None = None
    salutation: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    title: str | None = None
    email: str | None = None
    other_emails: Sequence[str] = ()
    phone: str | None = None
    mobile: str | None = None
    website: str | None = None
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    language: str | None = None
    source: str | None = None
    notes: str | None = None
    tags: Sequence[str] = ()
    opt_out: bool | None = None
    consent: bool | None = None
    extra: Mapping[str, str] = attrs.field(factory=dict)


DRAFT_FIELDS: tuple[str, ...] = tuple(a.name for a in attrs.fields(LeadDraft))
"""The names an importer may fill, in order."""


@attrs.frozen(kw_only=True)
class DraftBatch:
    """Some rows of a source, read but not yet checked, in columns.

    Every list has one entry per row, so ``lines[i]``, ``cells[i]`` and
    ``columns[name][i]`` speak of the same row. A row may appear in *problems*
    by its line, and is then rejected if the problem is fatal.

    Attributes:
        lines: On which line of the source each row begins, counted from 1.
        cells: Each row verbatim, cell by cell, for the rejects file.
        columns: Draft field to values; a field that no row has is left out.
            Values are as in `LeadDraft`; None or blank means unknown.
        problems: What went wrong while these rows were read.
        ignored: The rows that are no records (blank ones, totals, a header once
            more): line to reason. Their columns are empty.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    columns: Mapping[str, Sequence[object]]
    problems: Sequence[Problem] = ()
    ignored: Mapping[int, str] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[int, Sequence[str], LeadDraft | None]],
        problems: Sequence[Problem] = (),
        ignored: Mapping[int, str] | None = None,
    ) -> DraftBatch:
        """Build a batch from rows as ``(line, cells, draft)``.

        A row without a draft (None) stays in the batch with empty columns; a
        problem with its line, or its line among the *ignored*, says why.
        """
        listed = list(rows)
        empty = LeadDraft()
        drafts = [draft or empty for _, _, draft in listed]
        columns: dict[str, list[object]] = {}
        for name in DRAFT_FIELDS:
            column = [getattr(draft, name) for draft in drafts]
            if any(value not in (None, "", (), {}) for value in column):
                columns[name] = column
        return cls(
            lines=[line for line, _, _ in listed],
            cells=[cells for _, cells, _ in listed],
            columns=columns,
            problems=tuple(problems),
            ignored=dict(ignored or {}),
        )

"""A lead source is pulled: each file or page is imported once, whatever happens in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from crmkit.core.lead_source import LeadSource, PullState
from crmkit.core.ports.pulling import Batch, PassedOver
from crmkit.errors import NotFoundError, PluginError, RejectedError, UnreadableError
from crmkit.services.edit import add_records, delete_records
from crmkit.services.operations import Request, open_operation
from crmkit.services.pulling import (
    PullOutcome,
    add_source,
    change_source,
    pull_source,
    pull_sources,
    source_state,
    taken_from,
)
from crmkit.services.pulling.ledger import Ledger
from crmkit.services.sources import BytesSource
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from tests.import_samples import JsonImporter, a_person, dump, people, records, stopping_after

from .conftest import Scripted, with_kinds

BOOKS = ("pull_state", "pulled_item")


def page(number: int, count: int = 2) -> BytesSource:
    first = number * 10_000
    return people(*map(a_person, range(first, first + count)), name=f"page {number}.jsonl")


def pages(*numbers: int, count: int = 2) -> Any:
    """Return what hands over pages with a cursor, from the cursor on."""

    def batches(cursor: str | None) -> Iterator[Batch]:
        for number in numbers:
            if number > int(cursor or 0):
                yield Batch(source=page(number, count), cursor=str(number))

    return batches


def files(*sources: BytesSource, stamp: str = "") -> Any:
    """Return what hands over files, each for itself."""
    return lambda _cursor: [Batch(source=source, stamp=stamp) for source in sources]


def broken(name: str, text: str = "x") -> BytesSource:
    return BytesSource(name, text.encode())


def state_of(crm: Workspace, source: LeadSource) -> PullState:
    """Return how far the pulls of a lead source came, as it is now."""
    state = source_state(crm, source).state
    assert state is not None
    return state


def imports(crm: Workspace) -> list[Any]:
    return [operation for operation in records(crm, "operation") if operation.kind == "import"]


# ------------------------------------------------------------------------ once


def test_a_file_is_imported_once_however_often_it_is_pulled(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = files(page(1), page(2))

    first, second = pull_source(crm, source), pull_source(crm, "Website")

    assert (first.imported, first.created, first.known) == (2, 4, 0)
    assert (second.imported, second.created, second.known) == (0, 0, 2)
    assert len(records(crm, "lead")) == 4
    assert len(imports(crm)) == 2


def test_a_file_that_changed_is_imported_again(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    contents = [people(a_person(1)), people(a_person(1), a_person(2)), people(a_person(1))]
    made = []
    for content in contents:
        kind.batches = files(content)
        made.append(pull_source(crm, source))

    assert [report.imported for report in made] == [1, 1, 1]
    assert [report.created for report in made] == [1, 1, 0]
    assert len(records(crm, "pulled_item")) == 1


def test_the_same_content_under_another_name_is_not_imported(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = files(people(a_person(1), name="leads.jsonl"), people(a_person(1), name="leads (1).jsonl"))

    report = pull_source(crm, source)

    assert [(batch.name, batch.outcome) for batch in report.batches] == [
        ("leads.jsonl", PullOutcome.IMPORTED),
        ("leads (1).jsonl", PullOutcome.KNOWN),
    ]
    assert report.batches[1].detail == "has the content of leads.jsonl"
    assert pull_source(crm, source).known == 2


def test_the_same_content_may_be_dropped_in_again_to_be_imported_otherwise(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = files(people(a_person(1), name="leads.jsonl"))
    pull_source(crm, source)
    change_source(crm, source, tags=["again"])
    kind.batches = files(people(a_person(1), name="leads (1).jsonl"))

    report = pull_source(crm, source)

    assert report.imported == 1
    assert [lead.tags for lead in records(crm, "lead")] == [("again",)]


def test_what_another_lead_source_took_is_not_known_to_this_one(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = files(page(1))
    other = add_source(crm, "Other", "scripted").value
    pull_source(crm, other)

    report = pull_source(crm, source)

    assert (report.imported, report.created) == (1, 0)
    assert report.outcomes


def test_with_the_stamp_of_last_time_the_content_is_not_read(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    class Unread(BytesSource):
        @property
        def sha256(self) -> str:
            raise AssertionError(self.name)

    kind.batches = files(page(1), stamp="10 o'clock")
    pull_source(crm, source)
    kind.batches = files(Unread("page 1.jsonl", b""), stamp="10 o'clock")

    assert pull_source(crm, source).known == 1


def test_a_new_stamp_of_the_same_content_is_remembered(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    for stamp in ("10 o'clock", "11 o'clock"):
        kind.batches = files(page(1), stamp=stamp)
        pull_source(crm, source)

    (item,) = taken_from(crm, source)

    assert (item.stamp, item.outcomes) == ("11 o'clock", {"created": 2})
    assert len(imports(crm)) == 1


def test_what_an_undone_import_took_is_not_taken_again(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = files(page(1))
    undo(crm, str(pull_source(crm, source).batches[0].operation_id))

    report = pull_source(crm, source)

    assert (report.imported, report.known) == (0, 1)
    assert records(crm, "lead") == []


# --------------------------------------------------------------------- cursors


def test_the_next_pull_begins_where_the_last_one_ended(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = pages(1, 2)
    pull_source(crm, source)
    kind.batches = pages(1, 2, 3)

    report = pull_source(crm, source)

    assert kind.asked == [None, "2"]
    assert (report.imported, report.cursor) == (1, "3")
    assert state_of(crm, source).cursor == "3"


def test_the_next_page_is_asked_for_when_the_one_before_is_imported(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    seen: list[tuple[str | None, int]] = []

    def batches(_cursor: str | None) -> Iterator[Batch]:
        for number in (1, 2):
            yield Batch(source=page(number), cursor=str(number))
            seen.append((state_of(crm, source).cursor, len(records(crm, "lead"))))

    kind.batches = batches
    pull_source(crm, source)

    assert seen == [("1", 2), ("2", 4)]


def test_a_page_without_anything_moves_the_cursor_on(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = lambda _cursor: [Batch(cursor="7")]

    assert pull_source(crm, source).batches == ()
    assert state_of(crm, source).cursor == "7"


def test_with_other_settings_it_begins_anew_and_imports_nothing_twice(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = pages(1, 2)
    pull_source(crm, source)
    change_source(crm, source, {"place": "there"})

    report = pull_source(crm, source)

    assert kind.asked == [None, None]
    assert (report.imported, report.known, report.cursor) == (0, 2, "2")


def test_a_cursor_comes_back_with_the_settings_it_is_about(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = pages(1, 2)
    pull_source(crm, source)
    changed = change_source(crm, source, {"place": "there"})
    undo(crm, str(changed.operation_id))

    pull_source(crm, source)

    assert kind.asked == [None, "2"]


# -------------------------------------------------------------------- failures


def test_a_broken_file_is_told_and_does_not_stop_the_others(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = files(broken("bad.xyz"), page(1))

    report = pull_source(crm, source)

    assert [(batch.name, batch.outcome.value) for batch in report.batches] == [
        ("bad.xyz", "failed"),
        ("page 1.jsonl", "imported"),
    ]
    assert report.batches[0].detail == "no importer knows this kind of file"
    assert not report.is_fine
    assert state_of(crm, source).last_error == "bad.xyz: no importer knows this kind of file"


def test_a_broken_file_is_tried_again_only_when_it_changes(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = files(broken("bad.xyz"))
    pull_source(crm, source)

    same = pull_source(crm, source)
    kind.batches = files(broken("bad.xyz", "y"))
    changed = pull_source(crm, source)

    assert [batch.outcome for batch in same.batches] == [PullOutcome.FAILED_BEFORE]
    assert same.is_fine
    assert [batch.outcome for batch in changed.batches] == [PullOutcome.FAILED]


def test_a_broken_file_is_tried_again_when_it_is_to_be_imported_otherwise(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = files(people(a_person(1), name="leads.xyz"))
    failed = pull_source(crm, source)
    change_source(crm, source, importer="json")

    report = pull_source(crm, source)

    assert (failed.imported, report.imported) == (0, 1)
    assert state_of(crm, source).last_error is None


def test_a_broken_page_stops_the_pull_so_that_nothing_is_skipped(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    good, bad = page(3), broken("page 2.xyz")
    kind.batches = lambda _cursor: [
        Batch(source=page(1), cursor="1"),
        Batch(source=bad, cursor="2"),
        Batch(source=good, cursor="3"),
    ]

    first, second = pull_source(crm, source), pull_source(crm, source)

    assert [batch.outcome.value for batch in first.batches] == ["imported", "failed"]
    assert [batch.outcome.value for batch in second.batches] == ["failed"]
    assert state_of(crm, source).cursor == "1"
    assert good not in [batch.source for batch in kind.handed_over]


def test_a_mended_page_lets_the_pull_go_on(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = lambda _cursor: [Batch(source=broken("page 1.jsonl", "\n".join("xxxxxx")), cursor="1")]
    assert not pull_source(crm, source).is_fine
    kind.batches = pages(1, 2)

    report = pull_source(crm, source)

    assert (report.imported, report.cursor) == (2, "2")


def test_what_a_kind_raises_stops_the_pull_and_keeps_what_was_imported(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    def batches(_cursor: str | None) -> Iterator[Batch]:
        yield Batch(source=page(1), cursor="1")
        raise ZeroDivisionError("oops")

    kind.batches = batches

    report = pull_source(crm, source)

    assert isinstance(report.error, PluginError)
    assert (report.error.plugin, report.imported) == ("scripted", 1)
    assert state_of(crm, source).cursor == "1"
    assert "oops" in (state_of(crm, source).last_error or "")


def test_a_place_that_cannot_be_reached_is_told_until_it_can(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    def batches(_cursor: str | None) -> Iterator[Batch]:
        raise UnreadableError("answers 503", source="example.com")
        yield

    kind.batches = batches
    report = pull_source(crm, source)
    error = state_of(crm, source).last_error
    kind.batches = pages(1)
    pull_source(crm, source)

    assert str(report.error) == error == "example.com: answers 503"
    assert state_of(crm, source).last_error is None


def test_something_else_than_a_batch_is_the_fault_of_the_kind(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = lambda _cursor: ["leads.csv"]

    error = pull_source(crm, source).error

    assert isinstance(error, PluginError)
    assert "handed over str instead of a Batch" in str(error)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(cursor=12),  # type: ignore[arg-type]  # that is what is tried
        Batch(cursor="\ud800"),
        Batch(source=BytesSource("\ud800", b"")),
        Batch(source=BytesSource("a\0b", b"")),
        Batch(source="leads.csv"),  # type: ignore[arg-type]  # likewise
        PassedOver(name="\ud800", reason="late"),
    ],
)
def test_what_cannot_be_kept_is_the_fault_of_the_kind(
    crm: Workspace, kind: Scripted, source: LeadSource, batch: Any
) -> None:
    kind.batches = lambda _cursor: [batch]

    assert isinstance(pull_source(crm, source).error, PluginError)


def test_bytes_that_cannot_be_had_are_the_fault_of_the_kind(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    class Gone(BytesSource):
        @property
        def sha256(self) -> str:
            raise ZeroDivisionError

    kind.batches = lambda _cursor: [Batch(source=Gone("a", b""))]

    assert isinstance(pull_source(crm, source).error, PluginError)


def test_a_file_that_cannot_be_read_is_told_each_time(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    class Locked(BytesSource):
        @property
        def sha256(self) -> str:
            raise UnreadableError("cannot be read (permission denied)", source=self.name)

    kind.batches = files(Locked("a.csv", b""), page(1))

    reports = [pull_source(crm, source), pull_source(crm, source)]

    assert [batch.detail for batch in reports[0].batches] == ["cannot be read (permission denied)", ""]
    assert [batch.outcome.value for batch in reports[1].batches] == ["failed"]


def test_a_kind_that_is_absent_is_told(workspace: Workspace, source: LeadSource) -> None:
    error = pull_source(workspace, source).error

    assert isinstance(error, NotFoundError)
    assert error.kind == "kind of lead source"


def test_a_campaign_that_is_gone_stops_the_pull_and_costs_no_file(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    salon = a_campaign(crm)
    kind.batches = files(page(1))
    delete_records(crm, "campaign", [salon])
    with crm.storage.write() as transaction:  # as somebody else may have written it
        transaction.update("lead_source", [source.id], [1], {"campaign_id": [salon]})

    report = pull_source(crm, source)

    assert isinstance(report.error, NotFoundError)
    assert taken_from(crm, source) == []


def test_one_lead_source_that_fails_does_not_stop_the_others(crm: Workspace, kind: Scripted) -> None:
    add_source(crm, "Website", "scripted")
    add_source(crm, "Another", "scripted")
    turns = itertools.count()

    def batches(_cursor: str | None) -> Iterator[Batch]:
        if next(turns) == 0:
            raise UnreadableError("answers 503", source="example.com")
        yield Batch(source=page(1))

    kind.batches = batches

    reports = pull_sources(crm)

    assert [(report.source, report.imported, report.error is None) for report in reports] == [
        ("Another", 0, False),
        ("Website", 1, True),
    ]


def test_what_is_passed_over_is_told(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = lambda _cursor: [PassedOver(name="late.csv", reason="was changed a moment ago")]

    (batch,) = pull_source(crm, source).batches

    assert (batch.name, batch.outcome, batch.detail) == (
        "late.csv",
        PullOutcome.PASSED_OVER,
        "was changed a moment ago",
    )


# ----------------------------------------------------------------- interrupted


def test_an_import_that_was_interrupted_is_resumed(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = pages(1, 2, count=2500)
    stop = stopping_after(4)
    with pytest.raises(KeyboardInterrupt):
        pull_source(crm, source, batch_size=1000, progress=lambda _name, progress: stop(progress))
    assert [operation.finished for operation in imports(crm)] == [True, False]

    report = pull_source(crm, source)

    assert (report.imported, report.created, report.cursor) == (1, 2500, "2")
    assert [operation.finished for operation in imports(crm)] == [True, True]
    assert len(records(crm, "lead")) == 5000


def test_an_import_that_failed_halfway_is_resumed_when_more_errors_are_allowed(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    rows: list[dict[str, Any] | str] = [*map(a_person, range(1200)), *["{broken"] * 3]
    kind.batches = files(people(*rows))
    change_source(crm, source, max_errors=2)
    failed = pull_source(crm, source, batch_size=1000)
    still = pull_source(crm, source)
    change_source(crm, source, max_errors=None)

    report = pull_source(crm, source)

    assert [pulled.batches[0].outcome.value for pulled in (failed, still)] == ["failed", "failed before"]
    assert (report.imported, report.created, len(records(crm, "lead"))) == (1, 1200, 1200)
    assert [operation.finished for operation in imports(crm)] == [True]


def test_what_an_importer_broke_on_is_resumed_with_its_next_version(workspace: Workspace, kind: Scripted) -> None:
    def with_version(version: str, importer: JsonImporter) -> Workspace:
        return with_kinds(workspace, kind, importers=[importer], version=version)

    kind.batches = files(people(*map(a_person, range(1500))))
    add_source(with_version("1", JsonImporter()), "Website", "scripted")
    broken_one = with_version("1", JsonImporter(break_at=1200))
    reports = [pull_source(each, "Website", batch_size=1000) for each in (broken_one, broken_one)]

    report = pull_source(with_version("2", JsonImporter()), "Website")

    assert [each.batches[0].outcome.value for each in reports] == ["failed", "failed before"]
    assert (report.imported, report.created) == (1, 1500)
    assert [operation.finished for operation in imports(workspace)] == [True]


@pytest.mark.parametrize("hand_over", [pages(1, 2), files(page(1), page(2))])
def test_killed_between_import_and_books_the_import_is_not_made_again(
    crm: Workspace, kind: Scripted, source: LeadSource, monkeypatch: pytest.MonkeyPatch, hand_over: Any
) -> None:
    kind.batches = hand_over
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pull_source(crm, source)
    assert (len(imports(crm)), [len(rows) for name, rows in dump(crm).items() if name in BOOKS]) == (1, [0, 0])

    report = pull_source(crm, source)

    assert [(batch.outcome, batch.detail) for batch in report.batches] == [
        (PullOutcome.KNOWN, "another pull imported it"),
        (PullOutcome.IMPORTED, ""),
    ]
    assert len(imports(crm)) == 2
    assert len(records(crm, "lead")) == 4
    assert pull_source(crm, source).imported == 0


def test_a_dry_run_writes_nothing_and_tells_the_same(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = files(page(1), broken("bad.xyz"), people(*map(a_person, range(10_000, 10_002)), name="twin.jsonl"))
    before = dump(crm)

    tried = pull_source(crm, source, dry_run=True)

    assert dump(crm) == before
    done = pull_source(crm, source)
    assert [(b.name, b.outcome, b.detail) for b in tried.batches] == [
        (b.name, b.outcome, b.detail) for b in done.batches
    ]
    assert tried.created == done.created == 2


def test_a_dry_run_goes_through_all_pages(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = pages(1, 2, 3)

    report = pull_source(crm, source, dry_run=True)

    assert (report.imported, report.cursor) == (3, "3")
    assert source_state(crm, source).state is None


# --------------------------------------------------------------- several at once


def test_of_two_pulls_that_meet_in_one_import_one_goes_on(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    kind.batches = pages(1, count=3500)
    others: list[Any] = []

    def meet(_name: str, progress: Any) -> None:
        if progress.rows == 1000 and not others:
            others.append(None)  # only once: the other one reports progress, too
            others[0] = pull_source(crm, source)

    mine = pull_source(crm, source, batch_size=1000, progress=meet)

    assert [batch.outcome for batch in mine.batches] == [PullOutcome.TAKEN]
    assert mine.is_fine
    assert (others[0].imported, others[0].created) == (1, 3500)
    assert len(imports(crm)) == 1
    assert len(records(crm, "lead")) == 3500


@pytest.mark.parametrize("hand_over", [pages(1, 2, 3), files(page(1), page(2), page(3))])
def test_a_pull_that_is_overtaken_between_batches_imports_nothing_twice(
    crm: Workspace, kind: Scripted, source: LeadSource, hand_over: Any
) -> None:
    others: list[Any] = []

    def batches(cursor: str | None) -> Iterator[Batch]:
        for number, batch in enumerate(hand_over(cursor)):
            if number == 1 and not others:
                others.append(None)
                others[0] = pull_source(crm, source)
            yield batch

    kind.batches = batches

    mine = pull_source(crm, source)

    assert (mine.imported, others[0].imported) == (1, 2)
    assert len(imports(crm)) == 3
    assert len(records(crm, "lead")) == 6
    assert mine.error is None


def test_what_somebody_else_noted_of_a_newer_content_stays(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    older, newer = people(a_person(1)), people(a_person(1), a_person(2))
    kind.batches = files(older)

    def overtake(_name: str, _progress: Any) -> None:
        if len(kind.asked) == 1:
            kind.batches = files(newer)
            pull_source(crm, source)

    pull_source(crm, source, progress=overtake)

    assert [item.sha256 for item in taken_from(crm, source)] == [newer.sha256]


def test_a_cursor_that_somebody_else_moved_is_not_moved_back(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    seen: list[Any] = []

    def batches(cursor: str | None) -> Iterator[Batch]:
        yield from pages(1)(cursor)
        if not seen:
            seen.append(None)
            kind.batches = pages(1, 2, 3)
            pull_source(crm, source)
        yield Batch(source=page(9), cursor="9")
        yield Batch(source=page(10), cursor="10")

    kind.batches = batches

    mine = pull_source(crm, source)

    assert state_of(crm, source).cursor == "3"
    assert mine.batches[-1].outcome is PullOutcome.TAKEN
    assert "page 10.jsonl" not in [batch.name for batch in mine.batches]


@pytest.mark.parametrize("change", ["settings", "removed"])
def test_a_lead_source_that_changes_meanwhile_is_left_alone(
    crm: Workspace, kind: Scripted, source: LeadSource, change: str
) -> None:
    def batches(_cursor: str | None) -> Iterator[Batch]:
        if change == "settings":
            change_source(crm, source, {"place": "there"})
        else:
            delete_records(crm, "lead_source", [source.id])
        yield Batch(source=page(1), cursor="1")
        yield Batch(source=page(2), cursor="2")

    kind.batches = batches

    report = pull_source(crm, source)

    assert [batch.outcome.value for batch in report.batches] == ["imported", "taken"]
    assert [state.cursor for state in records(crm, "pull_state")] == [None]


def test_a_lead_source_that_is_named_twice_is_pulled_once(crm: Workspace, source: LeadSource, kind: Scripted) -> None:
    assert len(pull_sources(crm, [source, source.name])) == 1
    assert kind.asked == [None]


def test_a_lead_source_that_was_removed_is_not_pulled(crm: Workspace, source: LeadSource) -> None:
    delete_records(crm, "lead_source", [source.id])

    with pytest.raises(NotFoundError):
        pull_source(crm, source)
    assert pull_sources(crm) == []


def test_a_pull_is_no_part_of_another_operation(crm: Workspace, source: LeadSource) -> None:
    with pytest.raises(RejectedError, match="cannot be part of another"), open_operation(crm, Request(kind="edit")):
        pull_source(crm, source)


# ------------------------------------------------------------------------- how


def test_what_the_lead_source_says_is_given_to_its_leads(crm: Workspace, kind: Scripted) -> None:
    salon = a_campaign(crm)
    source = add_source(
        crm, "Stand", "scripted", campaign="Salon", tags=["stand"], source_label="trade_show", importer="json"
    ).value
    kind.batches = files(page(1, 1))

    pull_source(crm, source)

    (lead,) = records(crm, "lead")
    assert (lead.campaign_id, lead.tags, lead.source) == (salon, ("stand",), "trade_show")
    assert imports(crm)[0].reason == "pulled from Stand"


def test_the_policy_decides_about_leads_that_are_known(crm: Workspace, kind: Scripted) -> None:
    source = add_source(crm, "Web", "scripted", policy="update").value
    for city in ("Lyon", "Nice"):
        kind.batches = files(people(a_person(1, city=city)))
        pull_source(crm, source)

    assert [lead.city for lead in records(crm, "lead")] == ["Nice"]


def test_the_moment_of_the_pull_is_kept(crm: Workspace, source: LeadSource) -> None:
    pull_source(crm, source)

    pulled_at = state_of(crm, source).pulled_at
    assert pulled_at is not None
    assert pulled_at > source.created_at


def a_campaign(crm: Workspace) -> str:
    added: str = add_records(crm, "campaign", [{"name": "Salon"}]).value[0].id
    return added

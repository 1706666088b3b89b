"""A source that comes again: short cuts give what the long way gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

import attrs
import pytest

from crmkit.core.imports import ImportReport
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.sources import Importer
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.services.edit import delete_records, update_records
from crmkit.services.importing import engine, import_leads
from crmkit.services.importing.known import Known
from crmkit.services.sources import BytesSource
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.import_samples import dump, records, stopping_after
from tests.services.conftest import open_workspace
from tests.services.importing.test_import_leads import a_campaign

HEADER = "First name,Last name,E-mail,Phone,City,Notes,Opt-out\n"


def row(number: int, *, notes: str = "", opt_out: str = "", phone: str = "") -> str:
    return f"Anna{number},Berg,anna{number}@x.example,{phone or f'+33 6 12 34 {number:02} 00'},Lyon,{notes},{opt_out}\n"


def rows(count: int = 40) -> list[str]:
    """Return rows of which some repeat others, lack an address, have a bad number or object to mail."""
    told = [
        row(n, opt_out="yes" if n % 11 == 0 else "", phone="12" if n % 13 == 0 else "") for n in range(1, count + 1)
    ]
    told += [row(n, notes="again") for n in range(3, count, 5)]
    return [*told, ",,no address,,,,\n", ",,,,,,\n"]


class CountingSource(BytesSource):
    """A source that counts how often it is read."""

    opened = 0

    def open(self) -> BinaryIO:
        self.opened += 1
        return super().open()


def file(*lines: str, name: str = "fair.csv") -> CountingSource:
    return CountingSource(name, (HEADER + "".join(lines)).encode())


def with_own_importer(workspace: Workspace, version: str = "1", *, item: Importer | None = None) -> Workspace:
    """Return the workspace with one of crmkit's own importers, that of tables, as that is contributed."""

    class Own(NoExtensions):
        pass

    extensions = Own()
    item = item or CsvImporter()
    extensions.importers = {
        item.name: Contribution(plugin="crmkit", version=version, hook="crmkit_importers", item=item)
    }
    return attrs.evolve(workspace, extensions=extensions, open_operations=threading.local())


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_own_importer(workspace)


def outcomes(report: ImportReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.outcomes.items() if count}


# The same file


def test_a_file_that_was_imported_is_not_read_again(crm: Workspace) -> None:
    first = import_leads(crm, file(*rows())).value
    source = file(*rows())
    before = dump(crm)

    again = import_leads(crm, source)

    assert source.opened == 0
    assert again.operation_id is None
    assert outcomes(again.value) == {"unchanged": 40, "duplicate": 8, "rejected": 1, "ignored": 1}
    assert [row.reason for row in again.value.problems] == [row.reason for row in first.problems]
    assert dump(crm) == before


def test_progress_tells_of_all_rows_at_once(crm: Workspace) -> None:
    told: list[Any] = []
    import_leads(crm, file(*rows()))

    import_leads(crm, file(*rows()), progress=told.append)

    assert [(each.rows, each.bytes_read == each.size_bytes) for each in told] == [(50, True)]


def an_edit(crm: Workspace) -> None:
    lead = next(each for each in records(crm, "lead") if each.first_name == "Anna1")
    update_records(crm, "lead", [lead.id], {"city": None})


def a_deletion(crm: Workspace) -> None:
    delete_records(crm, "lead", [records(crm, "lead")[0].id])


def a_lost_membership(crm: Workspace) -> None:
    delete_records(crm, "campaign_member", [records(crm, "campaign_member")[0].id])


def an_undo(crm: Workspace) -> None:
    undo(crm, next(each for each in records(crm, "operation") if each.kind == "import"))


def another_file(crm: Workspace) -> None:
    import_leads(crm, file(row(2, notes="more"), row(70), name="other.csv"))


CHANGES: list[Callable[[Workspace], None]] = [an_edit, a_deletion, a_lost_membership, an_undo, another_file]


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_touched_is_looked_at_again(
    workspace: Workspace, change: Callable[[Workspace], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports, dumps = [], []
    for way in ("short", "long"):
        crm = with_own_importer(workspace if way == "short" else open_workspace(MemoryStorage()))
        if way == "long":
            monkeypatch.setattr(engine, "would_change_nothing", lambda *_: False)
            monkeypatch.setattr(engine, "known_rows", lambda *_, **__: Known())
        campaign = a_campaign(crm)
        import_leads(crm, file(*rows()), campaign=campaign)
        change(crm)
        source = file(*rows())
        reports.append(outcomes(import_leads(crm, source, campaign=campaign).value))
        dumps.append(dump(crm, without=("operation", "import_row")))
        assert source.opened > 0

    assert reports[0] == reports[1]
    assert dumps[0] == dumps[1]


def test_work_that_touches_nothing_of_it_does_not_matter(crm: Workspace) -> None:
    import_leads(crm, file(*rows()))
    a_campaign(crm)
    source = file(*rows())

    import_leads(crm, source)

    assert source.opened == 0


def test_rows_about_people_who_were_there_before_are_looked_at_again(crm: Workspace) -> None:
    import_leads(crm, file(row(1), name="first.csv"))
    import_leads(crm, file(row(1, notes="now a note"), row(2)))
    source = file(row(1, notes="now a note"), row(2))

    import_leads(crm, source)

    assert source.opened > 0


def test_another_crmkit_may_read_another_thing(crm: Workspace) -> None:
    import_leads(crm, file(*rows()))
    source = file(*rows())

    import_leads(with_own_importer(crm, version="2"), source)

    assert source.opened > 0


def test_more_errors_than_allowed_are_refused_however_often(crm: Workspace) -> None:
    import_leads(crm, file(*rows()))
    source = file(*rows())

    with pytest.raises(Exception, match="rejected rows: 1, allowed: 0"):
        import_leads(crm, source, max_errors=0)


# A file with a few other rows


@pytest.mark.parametrize("batch_size", [7, 20, 500])
@pytest.mark.parametrize("policy", ["fill", "skip", "update"])
@pytest.mark.parametrize("joins", [True, False])
def test_known_rows_become_what_they_would_have_become(
    batch_size: int,
    policy: Any,
    joins: bool,  # noqa: FBT001  # a case of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = rows()
    changed[4] = row(5, notes="has changed")
    changed[9] = row(10, opt_out="yes")
    changed.insert(20, row(99))
    reports, dumps, looked_at = [], [], []
    for way in ("short", "long"):
        if way == "long":
            monkeypatch.setattr(engine, "known_rows", lambda *_, **__: Known())
        crm = with_own_importer(open_workspace(MemoryStorage()))
        campaign = a_campaign(crm) if joins else None
        import_leads(crm, file(*rows()), campaign=campaign, batch_size=batch_size)
        an_edit(crm)
        planned = vars(engine)["plan_part"]
        count = [0]

        def counted(planning: Any, rows: Any, *more: Any, planned: Any = planned, count: list[int] = count) -> Any:
            count[0] += len(rows)
            return planned(planning, rows, *more)

        monkeypatch.setattr(engine, "plan_part", counted)
        report = import_leads(crm, file(*changed), campaign=campaign, batch_size=batch_size, policy=policy).value
        monkeypatch.setattr(engine, "plan_part", planned)
        looked_at.append(count[0])
        reports.append(outcomes(report))
        dumps.append(dump(crm, without=("operation", "import_row")))

    assert reports[0] == reports[1]
    assert dumps[0] == dumps[1]
    assert looked_at[1] == len(changed)
    assert looked_at[0] < len(changed) / 2 or policy == "update"


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows of each part will have been looked at one by one."""
    counts: list[int] = []
    plan_part = vars(engine)["plan_part"]

    def counted(planning: Any, rows: Any, *more: Any) -> Any:
        counts.append(len(rows))
        return plan_part(planning, rows, *more)

    monkeypatch.setattr(engine, "plan_part", counted)
    return counts


def test_rows_that_repeat_known_ones_say_the_same_as_before() -> None:
    told = [*[row(n) for n in range(1, 21)], row(3, phone="+33 6 99 99 99 99"), row(4, notes="once more")]
    changed = [*told[:9], row(10, notes="has changed"), *told[10:]]
    reports, counts = [], []
    for way in ("short", "long"):
        crm = with_own_importer(open_workspace(MemoryStorage()))
        import_leads(crm, file(*told))
        with pytest.MonkeyPatch.context() as patch:
            if way == "long":
                patch.setattr(engine, "known_rows", lambda *_, **__: Known())
            counts.append(looked_at(patch))
            reports.append(import_leads(crm, file(*changed)).value)

    assert outcomes(reports[0]) == {"unchanged": 19, "updated": 1, "duplicate": 2}
    assert reports[0] == reports[1]
    assert "was not taken over" in reports[0].problems[0].reason
    assert counts == [[1], [22]]


def test_rows_that_were_skipped_are_not_known(crm: Workspace) -> None:
    told = [*[row(n) for n in range(1, 21)], row(3, notes="wants a quote")]
    import_leads(crm, file(*told), policy="skip")

    report = import_leads(crm, file(*told, row(21))).value

    assert outcomes(report) == {"unchanged": 20, "created": 1, "duplicate": 1}
    assert [lead.notes for lead in records(crm, "lead") if lead.first_name == "Anna3"] == ["wants a quote"]


def test_a_row_that_comes_before_the_one_it_repeated_is_looked_at(
    crm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [row(n) for n in range(1, 21)]
    import_leads(crm, file(*told, row(3, notes="wants a quote")))
    counts = looked_at(monkeypatch)

    report = import_leads(crm, file(row(3, notes="wants a quote"), *told)).value

    assert counts == [1]
    assert outcomes(report) == {"unchanged": 21}


@pytest.mark.parametrize("asked", [{"tags": ["vip"]}, {"source_label": "fair"}, {"owner": "user"}, {"region": "FR"}])
def test_rows_with_which_something_else_is_said_are_not_known(crm: Workspace, asked: dict[str, Any]) -> None:
    from crmkit.core.ports.sources import ReadingOptions
    from tests.services.importing.test_import_leads import change

    if "owner" in asked:
        asked = {"owner": change(crm, lambda planning: planning.create("user", {"name": "Ada"}))}
    options = ReadingOptions(region=asked.pop("region", None))
    import_leads(crm, file(row(1), row(2, phone="06 12 34 56 78")))

    report = import_leads(crm, file(row(1), row(2, phone="06 12 34 56 78"), row(3)), options=options, **asked).value

    lead = next(each for each in records(crm, "lead") if each.first_name == "Anna2")
    assert report.created == 1
    assert (lead.tags, lead.source, bool(lead.owner_id), lead.phone) == (
        tuple(asked.get("tags", ())),
        asked.get("source_label"),
        "owner" in asked,
        "+33612345678" if options.region else lead.phone,
    )


def test_a_known_row_that_is_repeated_is_said_to_be(crm: Workspace) -> None:
    import_leads(crm, file(*[row(n) for n in range(1, 11)]))
    source = file(*[row(n) for n in range(1, 11)], row(4, notes="later"), row(12))

    report = import_leads(crm, source).value

    assert outcomes(report) == {"unchanged": 10, "duplicate": 1, "created": 1}
    assert [each.reason for each in report.problems] == ["repeats line 5; changes notes"]


def test_a_stream_is_read_in_this_thread_when_it_is_not_crmkits_own_importer(workspace: Workspace) -> None:
    threads: set[threading.Thread] = set()

    class Watching(CsvImporter):
        def read(self, source: Any, options: Any) -> Any:
            reading = super().read(source, options)

            def watched() -> Any:
                for batch in reading.batches:
                    threads.add(threading.current_thread())
                    yield batch

            return attrs.evolve(reading, batches=watched())

    class Some(NoExtensions):
        pass

    extensions = Some()
    extensions.importers = {"csv": Contribution(plugin="acme", version="1", hook="crmkit_importers", item=Watching())}
    crm = attrs.evolve(workspace, extensions=extensions, open_operations=threading.local())

    import_leads(crm, BytesSource("x.csv", BytesIO((HEADER + "".join(rows())).encode()).read()), batch_size=5)

    assert threads == {threading.current_thread()}


def test_what_is_read_ahead_is_left_when_an_import_stops_and_read_when_it_goes_on(workspace: Workspace) -> None:
    whole, broken = with_own_importer(open_workspace(MemoryStorage())), with_own_importer(workspace)
    expected = import_leads(whole, file(*rows()), batch_size=7).value

    for parts in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            import_leads(broken, file(*rows()), batch_size=7, progress=stopping_after(parts))
    resumed = import_leads(broken, file(*rows())).value

    assert resumed == expected
    assert dump(broken) == dump(whole)

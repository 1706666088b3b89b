"""An import that is interrupted, by whatever, ends like one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmkit.core.planning import Planning
from crmkit.core.ports.storage import Storage
from crmkit.errors import ConflictError, PluginError, RejectedError
from crmkit.services.importing import import_leads, read_report
from crmkit.services.operations import Request, run
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.sqlite import SqliteStorage
from tests.import_samples import JsonImporter, a_person, dump, people, records, stopping_after, with_importers
from tests.services.conftest import STORAGES, open_workspace

Opening = Callable[[str], Workspace]


@pytest.fixture(params=list(STORAGES))
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Return a function that opens one of several workspaces that are all alike."""

    def open_one(name: str) -> Workspace:
        folder = tmp_path / name
        folder.mkdir()
        return with_importers(open_workspace(STORAGES[request.param](folder)), JsonImporter())

    return open_one


def rows(count: int = 50) -> list[dict[str, Any] | str]:
    """Return rows of every fate: new, repeated near and far, broken, blank, refusing mail, with a further address."""
    told: list[dict[str, Any] | str] = []
    for number in range(count):
        told.append(
            a_person(
                number, opt_out=number % 3 == 1, consent=[None, True, False][number % 5 % 3], notes=f"note {number}"
            )
        )
        if number % 4 == 0:
            told += ["{broken", a_person(number // 2, city="Lyon", other_emails=[f"other{number}@x.example"])]
    return [*told, "", a_person(1, phone="+33142685300")]


@pytest.mark.parametrize("stopped_after", [[1], [2], [3, 1, 2]])
def test_a_resumed_import_equals_an_uninterrupted_one(opening: Opening, stopped_after: list[int]) -> None:
    whole, broken = opening("whole"), opening("broken")
    source = people(*rows())
    expected = import_leads(whole, source, batch_size=10)

    for parts in stopped_after:
        with pytest.raises(KeyboardInterrupt):
            import_leads(broken, source, batch_size=10, progress=stopping_after(parts))
        assert len(records(broken, "operation")) == 1
        assert not records(broken, "operation")[0].finished
    # Its parts keep their size, or other rows would get other ids.
    resumed = import_leads(broken, source, batch_size=25)

    assert resumed == expected
    assert dump(broken) == dump(whole)
    assert records(broken, "operation")[0].finished


def test_an_importer_that_fails_halfway_leaves_an_import_that_goes_on(opening: Opening) -> None:
    whole, broken = opening("whole"), opening("broken")
    source = people(*rows())
    import_leads(whole, source, batch_size=10)

    with pytest.raises(PluginError):
        import_leads(with_importers(broken, JsonImporter(break_at=45)), source, batch_size=10)
    import_leads(broken, source, batch_size=10)

    assert dump(broken) == dump(whole)


def test_an_unfinished_import_can_be_reported(opening: Opening) -> None:
    crm = opening("one")
    with pytest.raises(KeyboardInterrupt):
        import_leads(crm, people(*rows()), batch_size=10, progress=stopping_after(2))

    report = read_report(crm, records(crm, "operation")[0])

    assert report.read == 20


def test_another_file_is_another_import(opening: Opening) -> None:
    crm = opening("one")
    with pytest.raises(KeyboardInterrupt):
        import_leads(crm, people(*rows()), batch_size=10, progress=stopping_after(1))

    import_leads(crm, people(a_person(900)))

    assert [operation.finished for operation in records(crm, "operation")] == [False, True]


def test_two_that_continue_the_same_import_do_not_race(opening: Opening) -> None:
    crm = opening("one")
    source = people(*rows())
    with pytest.raises(KeyboardInterrupt):
        import_leads(crm, source, batch_size=10, progress=stopping_after(1))

    def overtake(_progress: object) -> None:
        import_leads(crm, source)

    with pytest.raises(ConflictError):
        import_leads(crm, source, progress=overtake)
    assert read_report(crm, records(crm, "operation")[0]).read == len(rows())


def test_a_part_is_planned_anew_when_somebody_else_adds_one_of_its_people(opening: Opening) -> None:
    crm = opening("one")
    known = a_person(15)

    class Meddling:
        """A store where somebody adds a lead right before the second part is written."""

        def __init__(self, storage: Storage) -> None:
            self._storage = storage
            self._writes = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._storage, name)

        def write(self) -> Any:
            self._writes += 1
            if self._writes == 2:
                run(crm, Request(kind="add"), self._add, lambda _view, _result: None)
            return self._storage.write()

        def _add(self, planning: Planning) -> dict[str, Any]:
            planning.create("lead", {"last_name": "Roth", "email": known["email"]})
            return {}

    meddled = attrs.evolve(crm, storage=Meddling(crm.storage), open_operations=crm._open)  # noqa: SLF001

    report = import_leads(meddled, people(*map(a_person, range(20))), batch_size=10).value

    assert (report.created, report.updated) == (19, 1)
    assert len(records(crm, "lead")) == 20


def test_an_import_is_undone_as_a_whole_and_can_be_done_again(opening: Opening) -> None:
    crm = opening("one")
    import_leads(crm, people(a_person(1), a_person(2)))
    before = {lead.id: (lead.city, lead.notes) for lead in records(crm, "lead")}
    source = people(*map(a_person, range(30)), a_person(20, city="Nice"), a_person(1, city="Lyon"))
    outcome = import_leads(crm, source, batch_size=10)
    after = {lead.id: (lead.city, lead.notes) for lead in records(crm, "lead")}

    undo(crm, str(outcome.operation_id))
    assert {lead.id: (lead.city, lead.notes) for lead in records(crm, "lead")} == before
    redo(crm, str(outcome.operation_id))
    assert {lead.id: (lead.city, lead.notes) for lead in records(crm, "lead")} == after
    undo(crm, str(outcome.operation_id))
    again = import_leads(crm, source, batch_size=10)

    assert again.value.created == outcome.value.created == 28
    assert len(records(crm, "lead")) == len(after)


def test_a_lead_that_two_parts_changed_is_as_it_was_when_they_are_undone(opening: Opening) -> None:
    crm = opening("one")
    import_leads(crm, people(a_person(1)))
    outcome = import_leads(crm, people(a_person(1, city="Lyon"), a_person(1, title="CEO")), batch_size=1)

    undo(crm, str(outcome.operation_id))

    (lead,) = records(crm, "lead")
    assert (lead.city, lead.title) == (None, None)


def test_an_unfinished_import_that_was_undone_is_not_continued(opening: Opening) -> None:
    crm = opening("one")
    source = people(*rows())
    with pytest.raises(KeyboardInterrupt):
        import_leads(crm, source, batch_size=10, progress=stopping_after(1))
    (unfinished,) = records(crm, "operation")
    undo(crm, unfinished)

    outcome = import_leads(crm, source, batch_size=10)

    assert outcome.operation_id != unfinished.id
    assert outcome.value.created == 50


_CHILD = """
import json, sys, time
from crmkit.services.importing import import_leads
from crmkit.storage.sqlite import SqliteStorage
from tests.import_samples import JsonImporter, people, with_importers
from tests.services.conftest import open_workspace

crm = with_importers(open_workspace(SqliteStorage(sys.argv[1])), JsonImporter())
def tell(progress):
    print(progress.rows, flush=True)
    time.sleep(0.02)
import_leads(crm, people(*json.loads(sys.stdin.read())), batch_size=10, progress=tell)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_an_import_that_is_killed_is_resumed(tmp_path: Path) -> None:
    told = rows()
    whole = with_importers(open_workspace(SqliteStorage(tmp_path / "whole.db")), JsonImporter())
    import_leads(whole, people(*told), batch_size=10)
    path = tmp_path / "killed.db"
    for rows_done in (20, 50):
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(told))
            child.stdin.close()
            while int(child.stdout.readline()) < rows_done:
                pass
            child.send_signal(signal.SIGKILL)

    killed = with_importers(open_workspace(SqliteStorage(path)), JsonImporter())
    assert not records(killed, "operation")[0].finished
    import_leads(killed, people(*told))

    assert dump(killed) == dump(whole)


def test_more_errors_than_allowed_leave_an_import_that_goes_on(opening: Opening) -> None:
    whole, broken = opening("whole"), opening("broken")
    source = people(*rows())
    import_leads(whole, source, batch_size=10)

    with pytest.raises(RejectedError, match="rejected rows: 5, allowed: 4") as caught:
        import_leads(broken, source, batch_size=10, max_errors=4)
    assert records(broken, "operation")[0].id in caught.value.hint
    import_leads(broken, source)

    assert dump(broken) == dump(whole)

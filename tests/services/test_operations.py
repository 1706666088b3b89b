"""The one write path: at most once, all or nothing, on the ground it was planned on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast

import attrs
import pytest

from crmkit.core.changes import ChangeSet
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Query
from crmkit.core.values import Email
from crmkit.errors import ConflictError, KeyReusedError, RejectedError, StalePlanError
from crmkit.services import operations
from crmkit.services.edit import add_records, delete_records, update_records
from crmkit.services.operations import Request, apply, begin_planning, open_operation, run, write_changes
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.test_edit import add, dump


def lead_named(name: str) -> Any:
    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"id": planning.create("lead", {"first_name": name})}

    return plan


def loaded(workspace: Workspace) -> Any:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> Any:
        return workspace.schema["lead"].load(view.get_many("lead", [result["id"]])[0])

    return finish


def elsewhere(work: Callable[[], object]) -> None:
    """Do something in another thread, as another user would, and wait for it."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_the_second_call_with_a_key_gives_the_first_result(workspace: Workspace) -> None:
    request = Request(kind="edit", key="badge-17", arguments={"name": "Jules"})

    first = run(workspace, request, lead_named("Jules"), loaded(workspace))
    again = run(workspace, request, lead_named("Jules"), loaded(workspace))

    assert again.value == first.value
    assert (first.replayed, again.replayed) == (False, True)
    assert len(dump(workspace)["lead"]) == 1


def test_a_key_with_other_arguments_is_an_error(workspace: Workspace) -> None:
    run(workspace, Request(kind="edit", key="k", arguments={"n": 1}), lead_named("Jules"), loaded(workspace))

    with pytest.raises(KeyReusedError) as caught:
        run(workspace, Request(kind="edit", key="k", arguments={"n": 2}), lead_named("Jim"), loaded(workspace))

    assert caught.value.key == "k"


def test_a_key_is_kept_even_where_there_was_nothing_to_change(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    update_records(workspace, "lead", [lead], {"first_name": "Jules"}, key="k")

    with pytest.raises(KeyReusedError):
        update_records(workspace, "lead", [lead], {"first_name": "Jim"}, key="k")


def test_a_dry_run_gives_the_value_and_leaves_everything_as_it_was(workspace: Workspace) -> None:
    add(workspace, "lead", first_name="Ada")
    before = dump(workspace)

    tried = run(workspace, Request(kind="edit", dry_run=True), lead_named("Jules"), loaded(workspace))

    assert tried.value.first_name == "Jules"
    assert dump(workspace) == before


def test_plugins_hear_of_what_was_committed_but_of_no_dry_run(workspace: Workspace) -> None:
    class Listening(NoExtensions):
        heard: ClassVar[list[ChangeSet]] = []

        def committed(self, changes: ChangeSet) -> None:
            self.heard.append(changes)

    listened = attrs.evolve(workspace, extensions=Listening())
    add_records(listened, "lead", [{"first_name": "Jules"}], dry_run=True)
    outcome = add_records(listened, "lead", [{"first_name": "Ada"}])

    assert [changes.operation_id for changes in Listening.heard] == [outcome.operation_id]


def test_an_error_while_finishing_leaves_everything_as_it_was(workspace: Workspace) -> None:
    before = dump(workspace)

    def fail(_view: ReadTransaction, _result: Mapping[str, Any]) -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(workspace, Request(kind="edit"), lead_named("Jules"), fail)

    assert dump(workspace) == before


def test_a_lookup_that_found_nobody_is_repeated_when_the_plan_is_applied(workspace: Workspace) -> None:
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        assert planning.lookup("contact", "email_key", ["jules@hospy.example"]) == []
        planning.create("contact", {"email": Email("jules@hospy.example")})
        changes = planning.change_set({})
    add(workspace, "contact", email="Jules@Hospy.example")
    before = dump(workspace)

    with pytest.raises(StalePlanError, match=r"other contacts now have the email_key jules@hospy\.example"):
        apply(workspace, changes, Request(kind="edit"), lambda _view, _result: None)

    assert dump(workspace) == before


def test_a_version_that_was_read_is_checked_even_where_nothing_of_it_changes(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        planning.load("lead", lead.id)
        planning.create("contact", {"first_name": "Jules"})
        changes = planning.change_set({})
    update_records(workspace, "lead", [lead], {"title": "CEO"})

    with pytest.raises(StalePlanError) as caught:
        apply(workspace, changes, Request(kind="edit"), lambda _view, _result: None)

    assert caught.value.moved == (f"{lead.id} was changed",)


def test_a_query_that_was_made_is_repeated(workspace: Workspace) -> None:
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        planning.find(Query(type="campaign"))
        planning.create("campaign", {"name": "The first"})
        changes = planning.change_set({})
    add(workspace, "campaign", name="Another")

    with pytest.raises(StalePlanError, match="the campaigns it looked at have changed"):
        apply(workspace, changes, Request(kind="edit"), lambda _view, _result: None)


def test_an_implicit_plan_is_made_anew_when_something_moved(workspace: Workspace) -> None:
    attempts: list[int] = []

    def plan(planning: Planning) -> Mapping[str, Any]:
        attempts.append(len(planning.lookup("lead", "email_key", ["jules@hospy.example"])))
        if len(attempts) == 1:
            elsewhere(lambda: add(workspace, "lead", email="jules@hospy.example"))
        return {"id": planning.create("lead", {"first_name": f"found {attempts[-1]}"})}

    outcome = run(workspace, Request(kind="edit"), plan, loaded(workspace))

    assert attempts == [0, 1]
    assert outcome.value.first_name == "found 1"


def test_what_a_plan_relied_on_is_looked_at_again_only_when_somebody_has_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(operations, "check_reliance", lambda *arguments: looked.append(arguments))

    add(workspace, "lead", first_name="Jules")
    quiet = len(looked)
    with open_operation(workspace, Request(kind="edit")):
        add(workspace, "lead", first_name="Ada")

    assert (quiet, len(looked)) == (0, 1)


def test_records_are_written_after_those_they_refer_to(workspace: Workspace) -> None:
    class Recording:
        kinds: ClassVar[list[str]] = []

        def insert(self, kind: str, _columns: object) -> None:
            self.kinds.append(kind)

    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        for kind in ("deal", "contact", "account"):
            planning.create(kind, {})
        write_changes(cast("Any", Recording()), workspace.schema, planning.change_set({}))

    assert Recording.kinds == ["account", "contact", "deal"]


def test_a_long_log_is_written_in_pieces(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_LOG_ROWS", 1)
    fields = ("title", "company", "city", "region", "notes")
    leads = add_records(workspace, "lead", [{"first_name": field} for field in fields]).value

    with open_operation(workspace, Request(kind="edit")):
        for lead in leads:  # so that no two of them are changed together
            update_records(workspace, "lead", [lead], {lead.first_name: "X"})

    log = workspace.schema["change"].load_many(dump(workspace)["change"])
    assert {change.record_id: change.fields for change in log} == {
        lead.id: {lead.first_name: [None, "X"]} for lead in leads
    }
    assert len(log) == len(fields)


def test_an_implicit_plan_is_not_made_anew_for_ever(workspace: Workspace) -> None:
    def plan(planning: Planning) -> Mapping[str, Any]:
        planning.lookup("lead", "first_name", ["Jules"])
        elsewhere(lambda: add(workspace, "lead", first_name="Jules"))
        return {"id": planning.create("lead", {"first_name": "Ada"})}

    with pytest.raises(ConflictError):
        run(workspace, Request(kind="edit"), plan, loaded(workspace))


def test_many_changes_can_be_one_operation_that_sees_itself(workspace: Workspace) -> None:
    with open_operation(workspace, Request(kind="edit", reason="tidy up")):
        lead = add(workspace, "lead", first_name="Jules", email="jules@hospy.example")
        changed = update_records(workspace, "lead", [lead], {"title": "CEO"}).value[0]
        with workspace.reading() as view:
            seen = view.lookup("lead", "email_key", ["jules@hospy.example"])

    state = dump(workspace)
    assert seen == [("jules@hospy.example", lead.id)]
    assert (changed.title, changed.operation_id) == ("CEO", lead.operation_id)
    assert len(state["operation"]) == len(state["lead"]) == 1
    assert workspace.schema["lead"].load(state["lead"][0]).title == "CEO"


def test_an_operation_whose_block_raises_writes_nothing(workspace: Workspace) -> None:
    before = dump(workspace)

    def fail() -> None:
        with open_operation(workspace, Request(kind="edit")):
            add(workspace, "lead", first_name="Jules")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert dump(workspace) == before


def test_an_operation_is_refused_when_others_changed_what_it_read(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    other = Workspace(
        storage=workspace.storage,
        schema=workspace.schema,
        extensions=workspace.extensions,
        settings=workspace.settings,
        clock=workspace.clock,
        chance=workspace.chance,
    )

    def both_edit() -> None:
        with open_operation(workspace, Request(kind="edit")):
            update_records(workspace, "lead", [lead.id], {"title": "CEO"})
            update_records(other, "lead", [lead.id], {"title": "CTO"})

    with pytest.raises(ConflictError):
        both_edit()


def test_a_call_that_is_refused_leaves_nothing_in_an_open_operation(workspace: Workspace) -> None:
    jules, ada = (add(workspace, "lead", first_name=name) for name in ("Jules", "Ada"))
    update_records(workspace, "lead", [ada.id], {"title": "CEO"})

    with open_operation(workspace, Request(kind="edit")):
        update_records(workspace, "lead", [jules], {"title": "CTO"})
        with pytest.raises(ConflictError):
            delete_records(workspace, "lead", [jules.id, ada])
        add(workspace, "lead", first_name="Marie")

    state = workspace.schema["lead"].load_many(dump(workspace)["lead"])
    assert [(lead.first_name, lead.title, lead.deleted_at) for lead in state] == [
        ("Jules", "CTO", None),
        ("Ada", "CEO", None),
        ("Marie", None, None),
    ]


def test_moments_go_forward_even_where_the_clock_does_not(workspace: Workspace) -> None:
    class Stopped:
        def now(self) -> Any:
            return moment

    moment = workspace.clock.now()
    stopped = Workspace(
        storage=workspace.storage,
        schema=workspace.schema,
        extensions=workspace.extensions,
        settings=workspace.settings,
        clock=Stopped(),
        chance=workspace.chance,
    )

    leads = [add(stopped, "lead", first_name="Jules") for _ in range(3)]

    assert leads[0].created_at < leads[1].created_at < leads[2].created_at


def test_the_same_inputs_give_the_same_content() -> None:
    dumps = []
    for _ in range(2):
        workspace = open_workspace(MemoryStorage())
        leads = add_records(workspace, "lead", [{"first_name": f"Lead {i}"} for i in range(5)]).value
        update_records(workspace, "lead", leads[:2], {"title": "CEO"})
        dumps.append(dump(workspace))

    assert dumps[0] == dumps[1]


def test_ids_of_one_operation_are_unique_and_ascend(workspace: Workspace) -> None:
    leads = add_records(workspace, "lead", [{"first_name": str(i)} for i in range(500)]).value

    ids = [lead.id for lead in leads]
    assert ids == sorted(ids)
    assert len(set(ids)) == 500
    assert all(id_.startswith("lead_") and id_[17] == "7" for id_ in ids)


def test_a_refused_change_leaves_everything_as_it_was(workspace: Workspace) -> None:
    add(workspace, "campaign", name="Salon 2026")
    before = dump(workspace)
    rows = [{"name": "Another"}, {"name": "Salon 2026"}]
    random.Random(3).shuffle(rows)  # noqa: S311

    with pytest.raises(RejectedError, match="another campaign has the same name"):
        add_records(workspace, "campaign", rows)

    assert dump(workspace) == before


def test_an_open_operation_takes_no_other_operation_in(workspace: Workspace) -> None:
    with workspace.storage.read() as view:
        changes = begin_planning(workspace, view, Request(kind="edit")).change_set({})

    with open_operation(workspace, Request(kind="edit")):
        with pytest.raises(RejectedError, match="a plan that was made before cannot be part"):
            apply(workspace, changes, Request(kind="edit"), lambda _view, _result: None)
        with pytest.raises(RejectedError, match="those of the operation as a whole"):
            add_records(workspace, "lead", [{"first_name": "Jules"}], key="k")

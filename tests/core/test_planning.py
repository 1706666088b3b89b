"""A planning shows its own pending changes over the snapshot, as if they were stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.changes import Updates
from crmkit.core.fields import Scalar
from crmkit.core.planning import Planning
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.services.edit import add_records
from crmkit.services.operations import Request, begin_planning, insert_operation, write_changes
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace

NAMES = st.sampled_from(["Ada", "Bob", "Cy"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), NAMES),
        st.tuples(st.just("columns"), NAMES),
        st.tuples(st.just("update"), NAMES),
        st.tuples(st.just("update columns"), NAMES),
        st.tuples(st.just("forget"), NAMES),
        st.tuples(st.just("delete"), NAMES),
    ),
    max_size=8,
)
QUERIES = (
    Query(type="lead"),
    Query(type="lead", where=Compare("first_name", Op.EQ, "Ada")),
    Query(type="lead", where=Compare("first_name", Op.NE, "Ada"), order=(Order("first_name"),), limit=2),
    Query(type="lead", order=(Order("first_name", descending=True),), deleted=True),
)


def take(planning: Planning, step: tuple[str, str], which: int) -> None:
    what, name = step
    living = [row[0] for row in planning.find(Query(type="lead"))]
    if what == "create":
        planning.create("lead", {"first_name": name})
    elif what == "columns":
        planning.create_columns("lead", {"first_name": [name, "Dee"]}, 2)
    elif living and what == "update":
        planning.update("lead", str(living[which % len(living)]), {"first_name": name})
    elif what == "update columns":
        update_columns(planning, name)
    elif what == "forget":
        planning.forget("lead", [str(id_) for id_ in living])
    elif living:
        planning.delete("lead", str(living[which % len(living)]))


def update_columns(planning: Planning, name: str) -> None:
    """Rename those that were there before and are not touched yet, all at once."""
    kind = planning.schema["lead"]
    stored = {row[kind.position["id"]]: row for row in planning.view.find(Query(type="lead"))}
    pending = {row[kind.position["id"]]: row for row in planning.find(Query(type="lead"))}
    ids = [str(id_) for id_ in stored if pending.get(id_) == stored[id_]]
    if ids:
        old = [stored[id_][kind.position["first_name"]] for id_ in ids]
        new: dict[str, Sequence[Scalar]] = {"first_name": [name] * len(ids)}
        new |= kind.derive_columns({**new, "last_name": [None] * len(ids)}, len(ids))
        before = {field: [stored[id_][kind.position[field]] for id_ in ids] for field in new}
        assert before["first_name"] == old
        planning.update_columns(Updates(type="lead", ids=ids, versions=[1] * len(ids), old=before, new=new))


def answers(reader: Any) -> list[Any]:
    """What a reader sees, without what only the applier writes."""
    kind = {"version": 1, "updated_at": 3}
    seen: list[Any] = [
        [tuple(v for i, v in enumerate(row) if i not in kind.values()) for row in reader.find(query)]
        for query in QUERIES
    ]
    seen.append(reader.lookup("lead", "first_name", ["Ada", "Bob"]))
    return seen


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_what_is_pending_is_read_as_it_will_be_stored(steps: list[tuple[str, str]]) -> None:
    workspace = open_workspace(MemoryStorage())
    add_records(workspace, "lead", [{"first_name": name} for name in ("Ada", "Bob", "Ada")])
    request = Request(kind="edit")
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, request)
        for which, step in enumerate(steps):
            take(planning, step, which)
        pending = answers(planning)
        changes = planning.change_set({})

    with workspace.storage.write() as transaction:
        insert_operation(transaction, workspace.schema, changes, request)
        write_changes(transaction, workspace.schema, changes)

    with workspace.storage.read() as view:
        assert answers(view) == pending


def test_what_was_made_in_columns_keeps_its_order_when_one_of_it_is_changed() -> None:
    workspace = open_workspace(MemoryStorage())
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        ids = planning.create_columns("lead", {"first_name": ["Ada", "Bob", "Cy"]}, 3)
        planning.update("lead", ids[1], {"first_name": "Dee"})
        found = planning.lookup("lead", "first_name", ["Ada", "Bob", "Dee"])
        [created] = planning.change_set({}).creates

    assert (list(created.ids), list(created.columns["first_name"])) == (ids, ["Ada", "Dee", "Cy"])
    assert found == [("Ada", ids[0]), ("Dee", ids[1])]


def test_of_what_columns_change_one_can_be_changed_again() -> None:
    workspace = open_workspace(MemoryStorage())
    leads = add_records(workspace, "lead", [{"first_name": name} for name in ("Ada", "Bob")]).value
    ids = [lead.id for lead in leads]
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        columns = {"title": ["CEO", "CTO"]}
        planning.update_columns(
            Updates(type="lead", ids=ids, versions=[1, 1], old={"title": [None, None]}, new=columns, why="promoted")
        )
        planning.update("lead", ids[1], {"city": "Lyon"})
        changes = planning.change_set({})

    told = {(c.record_id, c.field, c.new, c.why) for c in changes.field_changes() if c.field in ("title", "city")}
    assert told == {
        (ids[0], "title", "CEO", "promoted"),
        (ids[1], "title", "CTO", "promoted"),
        (ids[1], "city", "Lyon", "promoted"),
    }


def test_changes_of_the_same_fields_are_one_block_whatever_their_reasons() -> None:
    workspace = open_workspace(MemoryStorage())
    leads = add_records(workspace, "lead", [{"first_name": name} for name in ("Ada", "Bob")]).value
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        for lead in leads:
            planning.update("lead", lead.id, {"title": "CEO"}, why=f"{lead.first_name} said so")
        changes = planning.change_set({})
    with workspace.storage.write() as transaction:
        write_changes(transaction, workspace.schema, changes)
        log = transaction.find(Query(type="change"))

    [updates] = changes.updates
    assert [updates.why_of(i) for i in range(2)] == ["Ada said so", "Bob said so"]
    why = workspace.schema["change"].position["why"]
    assert sorted(str(row[why]) for row in log) == ["Ada said so", "Bob said so"]
    assert changes.as_json()["updates"][0]["why"] == ["Ada said so", "Bob said so"]


def test_what_was_forgotten_is_relied_on_still() -> None:
    workspace = open_workspace(MemoryStorage())
    lead = add_records(workspace, "lead", [{"first_name": "Ada"}]).value[0]
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        planning.get_many("lead", [lead.id, "lead_0"])
        planning.forget("lead", [lead.id])
        again = planning.get_many("lead", [lead.id])
        versions = planning.change_set({}).relies_on.versions["lead"]

    assert len(again) == 1
    assert versions == {lead.id: 1, "lead_0": None}


def test_a_change_that_is_taken_back_in_the_same_plan_is_no_change() -> None:
    workspace = open_workspace(MemoryStorage())
    lead = add_records(workspace, "lead", [{"first_name": "Ada"}]).value[0]
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="edit"))
        planning.update("lead", lead.id, {"first_name": "Bob"})
        planning.update("lead", lead.id, {"first_name": "Ada"})

        assert not planning.change_set({})


def test_two_plans_on_the_same_ground_have_the_same_digest_if_they_do_the_same() -> None:
    def digest(name: str) -> str:
        workspace = open_workspace(MemoryStorage())
        with workspace.storage.read() as view:
            planning = begin_planning(workspace, view, Request(kind="edit"))
            planning.lookup("lead", "first_name", ["Ada"])
            planning.create("lead", {"first_name": name})
            return planning.change_set({}).digest

    assert digest("Ada") == digest("Ada") != digest("Bob")

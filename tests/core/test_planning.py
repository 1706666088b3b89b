"""A planning shows its own pending changes over the snapshot, as if they were stored."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    elif living:
        planning.delete("lead", str(living[which % len(living)]))


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

"""The past is read as it was: proved against snapshots that were taken on the way."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.builtin import builtin_schema
from crmkit.core.fields import Row, Scalar
from crmkit.core.ports.storage import ReadTransaction, Storage
from crmkit.core.query import Aggregate, All, Compare, Condition, Measure, Not, Op, Order, Query
from crmkit.core.query import Any as AnyOf
from crmkit.errors import CrmkitError, NotFoundError, RejectedError
from crmkit.services.as_of import past_of
from crmkit.services.board import board
from crmkit.services.convert import convert_lead
from crmkit.services.deals import lose_deal, move_deal, open_deal, reopen_deal
from crmkit.services.deliver import deliver
from crmkit.services.edit import add_records, delete_records, restore_records, update_records
from crmkit.services.importing import import_leads
from crmkit.services.log import recent_operations
from crmkit.services.operations import Request, open_operation
from crmkit.services.queue_mail import queue_mail
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.import_samples import JsonImporter, a_person, people, stopping_after, with_importers
from tests.mailing import HandClock, Postman, equipped, make_leads, make_templates, messages, refused, traced
from tests.services.conftest import open_workspace
from tests.services.deal_world import CountingStorage, with_sales

Snapshot = Mapping[str, Sequence[Row]]

_CITIES = ("Lyon", "Paris", "Évry", None)
_TYPES = ("lead", "contact", "account", "deal", "conversion", "stage_change", "change", "operation")


class World:
    """A workspace in which things happen by chance, and what it looked like after each."""

    def __init__(self, storage: Storage, seed: int) -> None:
        self.workspace = with_importers(with_sales(open_workspace(storage)), JsonImporter())
        self.chance = random.Random(seed)  # noqa: S311  # not for secrets
        self.snapshots: dict[datetime, Snapshot] = {}
        self._imported = 0

    def play(self, steps: Sequence[str]) -> None:
        """Do one thing after another; some are refused."""
        for step in steps:
            with suppress(CrmkitError):
                getattr(self, step)()
            with self.workspace.reading() as view:
                self.snapshots[self.moment] = everything(view)

    @property
    def moment(self) -> datetime:
        return recent_operations(self.workspace, limit=1)[0].operation.at

    def add(self) -> None:
        n = self.chance.randrange(10**6)
        rows = [
            {
                "first_name": self.chance.choice(["Ada", "Zoé", "Jules"]),
                "last_name": f"L{n}",
                "company": self.chance.choice(["Hospy", "Phare"]),
                "email": f"p{n + i}@x{n % 3}.example",
                "city": self.chance.choice(_CITIES),
                "score": self.chance.choice([None, 1, 10]),
            }
            for i in range(self.chance.choice([1, 3]))
        ]
        add_records(self.workspace, "lead", rows)

    def change(self) -> None:
        kind = self.chance.choice(["lead", "contact", "account"])
        changes: dict[str, Any] = {
            "city": self.chance.choice(_CITIES),
            "tags": self.chance.choice([(), ("vip",), ("a", "b")]),
        }
        if kind == "lead":
            changes |= {"score": self.chance.choice([None, 2, 20]), "last_name": self.chance.choice("ABC")}
        update_records(self.workspace, kind, [self.pick(kind, deleted=False)], changes)

    def delete(self) -> None:
        kind = self.chance.choice(["lead", "lead", "contact"])
        delete_records(self.workspace, kind, [self.pick(kind, deleted=False)])

    def restore(self) -> None:
        restore_records(self.workspace, "lead", [self.pick("lead", deleted=True)])

    def convert(self) -> None:
        convert_lead(self.workspace, self.pick("lead", deleted=False))

    def deal(self) -> None:
        amount = self.chance.choice([None, "100 EUR", "2.50 USD"])
        account = self.pick("account", deleted=False)
        close = date(2026, 6, self.chance.randrange(1, 29))
        open_deal(self.workspace, "Deal", account=account, amount=amount, expected_close_on=close)

    def move(self) -> None:
        stage = self.chance.choice(["needs_analysis", "proposal", "negotiation", "closed_won"])
        move_deal(self.workspace, self.pick("deal", deleted=False), stage)

    def lose(self) -> None:
        deal = self.pick("deal", deleted=False)
        if self.chance.random() < 0.5:
            lose_deal(self.workspace, deal, "price")
        else:
            reopen_deal(self.workspace, deal, reason="again")

    def undo(self) -> None:
        undo(self.workspace, self.chance.choice(recent_operations(self.workspace, limit=3)).operation)

    def redo(self) -> None:
        undone = [each.operation.id for each in recent_operations(self.workspace, limit=8) if each.undone]
        redo(self.workspace, self.chance.choice(undone or ["op_"]))

    def import_(self) -> None:
        start = self.chance.choice([self._imported, max(0, self._imported - 3)])
        self._imported = start + 5
        rows = [a_person(n, city=self.chance.choice(["Lyon", "Nantes"])) for n in range(start, self._imported)]
        import_leads(self.workspace, people(*rows), batch_size=2, policy="update")

    def pick(self, kind: str, *, deleted: bool) -> str:
        place = self.workspace.schema[kind].position["deleted_at"]
        with self.workspace.reading() as view:
            rows = view.find(Query(type=kind, deleted=True))
        ids = [str(row[0]) for row in rows if (row[place] is not None) is deleted]
        if not ids:
            raise NotFoundError(kind, "any")
        return self.chance.choice(ids)


BEGINNING = ["add", "convert", "deal"]
STEPS = ("add", "change", "delete", "restore", "convert", "deal", "move", "lose", "undo", "redo", "import_")
stories = st.lists(st.sampled_from(STEPS), min_size=1, max_size=14).map(
    lambda steps: ["add", "convert", "deal", *steps]
)


def everything(view: ReadTransaction) -> Snapshot:
    return {kind.name: view.find(Query(type=kind.name, deleted=True)) for kind in builtin_schema()}


def model_of(snapshot: Snapshot) -> Storage:
    """Return a workspace that holds just this."""
    storage, schema = MemoryStorage(), builtin_schema()
    storage.prepare(schema, create=True)
    with storage.write() as transaction:
        for kind in schema:
            if rows := snapshot[kind.name]:
                columns = dict(zip(kind.field_names, map(list, zip(*rows, strict=True)), strict=True))
                transaction.insert(kind.name, columns)
    return storage


@st.composite
def conditions(draw: st.DrawFn, kind: str, rows: Sequence[Row]) -> Condition | None:
    type_ = builtin_schema()[kind]

    def compare() -> Condition:
        field = draw(some_field(kind))
        here = sorted({row[type_.position[field]] for row in rows} - {None}, key=str)
        value: Scalar = draw(st.sampled_from([None, *here]))
        op = draw(st.sampled_from([Op.EQ, Op.NE, Op.IN, Op.LE, Op.GT]))
        return Compare(field, op, (value,) if op is Op.IN else value)

    shape = draw(st.sampled_from(["none", "one", "all", "any", "not"]))
    if shape == "none":
        return None
    if shape == "one":
        return compare()
    if shape == "not":
        return Not(compare())
    both = (compare(), compare())
    return All(both) if shape == "all" else AnyOf(both)


def some_field(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from(builtin_schema()[kind].field_names)


@st.composite
def queries(draw: st.DrawFn, snapshot: Snapshot) -> Query:
    kind = draw(st.sampled_from(_TYPES))
    type_, rows = builtin_schema()[kind], snapshot[kind]
    fields: list[str] = draw(st.lists(some_field(kind), max_size=2, unique=True))
    query = Query(
        type=kind,
        where=draw(conditions(kind, rows)),
        order=tuple(Order(field, draw(st.booleans())) for field in fields),
        limit=draw(st.sampled_from([None, 1, 3])),
        deleted=draw(st.booleans()),
    )
    if draw(st.booleans()) and rows:
        row = draw(st.sampled_from(rows))
        after = tuple(row[type_.position[order.field]] for order in query.full_order)
        query = Query(type=kind, where=query.where, order=query.order, limit=query.limit, after=after, deleted=True)
    return query


@st.composite
def aggregates(draw: st.DrawFn, snapshot: Snapshot) -> Aggregate:
    kind = draw(st.sampled_from(_TYPES))
    type_ = builtin_schema()[kind]
    field = some_field(kind)
    whole = [f.name for f in type_.fields if f.kind.value == "integer"]
    measure = st.one_of(
        st.tuples(st.sampled_from([Measure.COUNT, Measure.MIN, Measure.MAX]), field),
        st.tuples(st.just(Measure.SUM), st.sampled_from(whole)),
    )
    return Aggregate(
        type=kind,
        where=draw(conditions(kind, snapshot[kind])),
        group_by=tuple(draw(st.lists(field, max_size=2, unique=True))),
        measures=tuple(draw(st.lists(measure, min_size=1, max_size=3))),
        deleted=draw(st.booleans()),
    )


def check(world: World, data: st.DataObject) -> None:
    """Check each moment of a story against the snapshot of that moment."""
    moments = sorted(world.snapshots)
    for moment, following in zip(moments, [*moments[1:], moments[-1] + timedelta(1)], strict=True):
        snapshot = world.snapshots[moment]
        between = data.draw(st.sampled_from([moment, following - timedelta(microseconds=1)]))
        past = past_of(world.workspace, between)

        with past.reading() as view:
            assert everything(view) == snapshot
        for _ in range(3):
            check_questions(past, model_of(snapshot), snapshot, data)


def check_questions(past: Workspace, model: Storage, snapshot: Snapshot, data: st.DataObject) -> None:
    query, question = data.draw(queries(snapshot)), data.draw(aggregates(snapshot))
    kind = data.draw(st.sampled_from(_TYPES))
    field = data.draw(some_field(kind))
    values = [row[past.schema[kind].position[field]] for row in snapshot[kind]][:3]
    ids = [str(row[0]) for row in snapshot[kind]][:3]
    words = data.draw(st.sampled_from([["ada"], ["j"], ["x1", "p"], ["hospy"], []]))
    with past.reading() as view, model.read() as expected:
        assert view.find(query) == expected.find(query)
        assert list(chain.from_iterable(view.iterate(query, batch=2))) == expected.find(query)
        assert all(0 < len(some) <= 2 for some in view.iterate(query, batch=2))
        assert view.aggregate(question) == expected.aggregate(question)
        assert view.lookup(kind, field, values) == expected.lookup(kind, field, values)
        assert view.get_many(kind, [*ids, "nobody"]) == expected.get_many(kind, ids)
        for name in ("lead", "contact", "account"):
            assert set(view.search(name, words, limit=100)) == set(expected.search(name, words, limit=100))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(story=stories, seed=st.integers(0, 10**6), data=st.data())
def test_each_moment_is_read_as_it_was_in_memory(story: list[str], seed: int, data: st.DataObject) -> None:
    world = World(MemoryStorage(), seed)

    world.play(story)

    check(world, data)


@settings(
    max_examples=8,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(story=stories, seed=st.integers(0, 10**6), data=st.data())
def test_each_moment_is_read_as_it_was_in_sqlite(
    tmp_path_factory: pytest.TempPathFactory, story: list[str], seed: int, data: st.DataObject
) -> None:
    storage = SqliteStorage(tmp_path_factory.mktemp("past") / "crm.db")
    world = World(storage, seed)

    world.play(story)

    check(world, data)
    storage.close()


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    return with_importers(with_sales(workspace), JsonImporter())


def add(workspace: Workspace, kind: str, **values: Any) -> Any:
    return add_records(workspace, kind, [values]).value[0]


def names(workspace: Workspace) -> list[str]:
    """Return the first names of the living leads."""
    with workspace.reading() as view:
        return [lead.first_name for lead in workspace.schema["lead"].load_many(view.find(Query(type="lead")))]


def cities(workspace: Workspace) -> list[str]:
    with workspace.reading() as view:
        return [lead.city for lead in workspace.schema["lead"].load_many(view.find(Query(type="lead")))]


def test_a_moment_may_be_named_by_an_operation_too(shop: Workspace) -> None:
    first = add_records(shop, "lead", [{"first_name": "Ada"}])
    second = add_records(shop, "lead", [{"first_name": "Zoé"}])
    operation = recent_operations(shop, limit=1)[0].operation

    assert second.operation_id == operation.id
    for named in (operation, operation.id, second, operation.at, operation.at.isoformat()):
        assert names(past_of(shop, named)) == ["Ada", "Zoé"], named
        assert names(past_of(shop, named, before=True)) == ["Ada"], named
    assert names(past_of(shop, first)) == ["Ada"]
    assert names(past_of(shop, first, before=True)) == []
    assert names(past_of(shop, operation.at + timedelta(days=9))) == ["Ada", "Zoé"]


def test_a_day_means_its_end_and_before_it_the_end_of_the_day_before(shop: Workspace) -> None:
    add(shop, "lead", first_name="Ada")  # on the 15th of January 2026, in the morning

    assert names(past_of(shop, "2026-01-15")) == ["Ada"]
    assert names(past_of(shop, "2026-01-14")) == names(past_of(shop, "2026-01-15", before=True)) == []
    assert names(past_of(shop, date(2026, 1, 15))) == names(past_of(shop, "today")) == ["Ada"]
    assert names(past_of(shop, date(2026, 1, 14))) == names(past_of(shop, date(2026, 1, 15), before=True)) == []
    assert names(past_of(shop, "0001", before=True)) == []
    assert names(past_of(shop, "-1h")) == names(past_of(shop, "last month")) == []


def test_the_past_of_the_past_is_further_back(shop: Workspace) -> None:
    operations = [add_records(shop, "lead", [{"first_name": name}]) for name in ("Ada", "Zoé", "Jules")]

    assert names(past_of(past_of(shop, operations[1]), operations[0])) == ["Ada"]
    assert names(past_of(past_of(shop, operations[0]), datetime.max.replace(tzinfo=UTC))) == ["Ada"]
    with pytest.raises(NotFoundError):  # it has not happened yet
        past_of(past_of(shop, operations[0]), operations[1])


@pytest.mark.parametrize("moment", ["some day", "2026-01-15T09:00:00", datetime(2026, 1, 15)])  # noqa: DTZ001
def test_what_is_no_moment_is_refused(shop: Workspace, moment: datetime | str) -> None:
    with pytest.raises(RejectedError, match=r"is not a moment|has no time zone"):
        past_of(shop, moment)


def test_an_operation_that_is_not_there_is_no_moment(shop: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no operation 'op_7'"):
        past_of(shop, "op_7")


WRITING: Mapping[str, Callable[[Workspace, Any], object]] = {
    "add": lambda past, _lead: add(past, "lead", first_name="Eve"),
    "add in a dry run": lambda past, _lead: add_records(past, "lead", [{"first_name": "Eve"}], dry_run=True),
    "change": lambda past, lead: update_records(past, "lead", [lead], {"city": "Lyon"}),
    "delete": lambda past, lead: delete_records(past, "lead", [lead]),
    "convert": convert_lead,
    "undo": lambda past, lead: undo(past, lead.operation_id),
    "import": lambda past, _lead: import_leads(past, people(a_person(1))),
}


@pytest.mark.parametrize("way", WRITING)
def test_the_past_cannot_be_changed(shop: Workspace, way: str) -> None:
    lead = add(shop, "lead", first_name="Ada", company="Phare")
    past = past_of(shop, lead)
    with shop.reading() as view:
        before = everything(view)

    with pytest.raises(RejectedError, match="the past cannot be changed: this is the state as of 2026-01-15"):
        WRITING[way](past, lead)

    with shop.reading() as view:
        assert everything(view) == before


def test_what_is_idle_is_so_by_the_moment_that_is_looked_at(shop: Workspace) -> None:
    account = add(shop, "account", name="Phare")
    deal = open_deal(shop, "Studio", account=account.id, amount="100 EUR").value
    opened = recent_operations(shop, limit=1)[0].operation
    move_deal(shop, deal.id, "needs_analysis")

    then, now = board(past_of(shop, opened)), board(shop)
    later = board(past_of(shop, opened.at + timedelta(days=30)))

    assert [column.count for column in then.columns[:2]] == [1, 0]
    assert [column.count for column in now.columns[:2]] == [0, 1]
    assert then.at == opened.at
    assert then.columns[0].cards[0].deal == deal
    assert later.columns[1].cards[0].idle_days == 29


def test_an_open_operation_does_not_show_in_the_past(shop: Workspace) -> None:
    lead = add(shop, "lead", first_name="Ada")
    past = past_of(shop, lead)

    with open_operation(shop, Request(kind="edit")):
        update_records(shop, "lead", [lead.id], {"first_name": "Zoé"})

        assert names(past) == ["Ada"]

    assert (names(past), names(shop)) == (["Ada"], ["Zoé"])


def test_a_past_that_is_held_sees_what_happens_meanwhile(shop: Workspace) -> None:
    """What was read once is kept, until something new has to be taken back."""
    leads = add_records(shop, "lead", [{"first_name": name} for name in ("Ada", "Zoé")])
    past = past_of(shop, leads)

    for number, lead in enumerate(leads.value):
        update_records(shop, "lead", [lead.id], {"first_name": f"new {number}"})

        assert names(past) == ["Ada", "Zoé"]


def test_a_part_of_an_import_that_came_later_leaves_the_earlier_state(shop: Workspace) -> None:
    """A part carries the moment of the whole import, though others acted in between."""
    import_leads(shop, people(a_person(1, city="Lyon"), a_person(2)))
    source = people(a_person(3), a_person(4), a_person(1, city="Nantes"))
    with pytest.raises(KeyboardInterrupt):
        import_leads(shop, source, batch_size=2, policy="update", progress=stopping_after(1))
    imported = recent_operations(shop, limit=1)[0].operation
    lead = next(lead for lead in shop.load_many("lead", all_ids(shop)) if lead.city == "Lyon")
    edited = update_records(shop, "lead", [lead.id], {"city": "Paris"})
    import_leads(shop, source, batch_size=2, policy="update")

    def city(at: object) -> str:
        return str(past_of(shop, at).load_many("lead", [lead.id])[0].city)  # type: ignore[arg-type]  # either

    assert shop.load_many("lead", [lead.id])[0].version == 3
    assert city(imported) == "Lyon"
    assert city(edited) == "Nantes"


def test_a_past_that_is_held_sees_what_a_later_part_of_an_import_changes(shop: Workspace) -> None:
    import_leads(shop, people(a_person(1, city="Lyon")))
    past = past_of(shop, recent_operations(shop, limit=1)[0].operation)
    source = people(a_person(3), a_person(4), a_person(1, city="Nantes"))
    with pytest.raises(KeyboardInterrupt):
        import_leads(shop, source, batch_size=2, policy="update", progress=stopping_after(1))
    add(shop, "lead", first_name="Ada")  # so that the import is not the last operation
    before = cities(past)

    import_leads(shop, source, batch_size=2, policy="update")

    assert cities(past) == before == ["Lyon"]
    assert "Nantes" in cities(shop)


def test_a_mail_is_queued_until_it_has_left(workspace: Workspace) -> None:
    clock = HandClock()
    office = equipped(workspace, Postman(), clock=clock)
    make_templates(office)
    make_leads(office, "ada@example.com")
    queue_mail(office, "thank_you", people=all_ids(office))
    moments = [recent_operations(office, limit=1)[0].operation.at]
    for postman in (Postman(answer=refused), Postman()):
        clock.pass_(hours=1)
        deliver(equipped(office, postman), "postman")
        moments.append(clock.now())

    seen = [messages(past_of(office, moment))[0] for moment in moments]

    assert [(m.status.value, m.attempts, m.sent_at) for m in seen] == [
        ("queued", 0, None),
        ("queued", 1, None),
        ("sent", 2, moments[2]),
    ]


@pytest.mark.parametrize("many", [10, 400])
def test_what_a_question_costs_does_not_grow_with_the_records(many: int) -> None:
    shop = open_workspace(MemoryStorage())
    leads = add_records(shop, "lead", [{"first_name": f"n{n}", "city": "Lyon"} for n in range(many)])
    update_records(shop, "lead", [lead.id for lead in leads.value], {"city": "Paris"})
    counting = CountingStorage(shop.storage)
    past = past_of(attrs.evolve(shop, storage=counting), leads)
    counting.questions = 0

    with past.reading() as view:
        assert len(view.find(Query(type="lead", where=Compare("city", Op.EQ, "Lyon")))) == many
        first = counting.questions
        assert view.aggregate(Aggregate(type="lead", where=Compare("city", Op.EQ, "Lyon"))) == [(many,)]

    assert first == 8
    assert counting.questions == first + 1


def test_what_has_to_be_taken_back_is_found_by_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = traced(monkeypatch)
    shop = open_workspace(SqliteStorage(tmp_path / "crm.db"))
    lead = add(shop, "lead", first_name="Ada")
    update_records(shop, "lead", [lead.id], {"city": "Lyon"})
    seen.clear()

    with past_of(shop, lead).reading() as view:
        view.get_many("lead", [lead.id])
        view.lookup("lead", "name_key", ["ada"])
        view.find(Query(type="lead", limit=50))

    asked = [text for text in seen if 'FROM "' in text]
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        plans = [row[3] for text in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    assert len(asked) > 5
    assert [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan and "json" not in plan] == []


def all_ids(workspace: Workspace) -> list[str]:
    with workspace.reading() as view:
        return [str(row[0]) for row in view.find(Query(type="lead"))]

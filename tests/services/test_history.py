"""The history of a record: who changed what, when, why, by which rule, from which file and row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.amendments import Amendment, SetField
from crmkit.core.conversion import Proposal, Target
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, ConversionRule, NoExtensions
from crmkit.core.query import Query
from crmkit.core.records import Stored
from crmkit.errors import NotFoundError
from crmkit.services.convert import convert_lead
from crmkit.services.edit import add_records, delete_records, restore_records, update_records
from crmkit.services.history import HistoryEntry, history, provenance
from crmkit.services.importing import import_leads
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.import_samples import JsonImporter, a_person, people, with_importers
from tests.services.test_as_of import World, stories


def add(workspace: Workspace, kind: str, **values: Any) -> Any:
    return add_records(workspace, kind, [values]).value[0]


def told(entries: Sequence[HistoryEntry]) -> list[tuple[str, dict[str, tuple[Any, Any]]]]:
    """Return what happened, with old and new values by field."""
    return [(entry.what, {change.field: (change.old, change.new) for change in entry.changes}) for entry in entries]


def test_a_history_tells_who_changed_what_when_and_why(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Ada", tags=["vip"])
    bob = attrs.evolve(workspace, actor="Bob")
    changed = update_records(bob, "lead", [lead], {"city": "Lyon", "tags": ()}, reason="she moved").value[0]

    entries = history(workspace, lead)

    assert told(entries)[1] == ("changed", {"city": (None, "Lyon"), "tags": (("vip",), ())})
    assert [(e.at, e.actor, e.kind, e.version, e.reason) for e in entries] == [
        (lead.created_at, "Ada", "edit", 1, None),
        (changed.updated_at, "Bob", "edit", 2, "she moved"),
    ]
    assert {c.field: c.new for c in entries[0].changes}.items() >= {"first_name": "Ada", "tags": ("vip",)}.items()


def test_a_value_that_is_stored_in_two_places_is_told_as_one(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon", budget="8000 EUR")
    update_records(workspace, "campaign", [campaign], {"budget": "9000 EUR"})

    budget = history(workspace, campaign, field="budget")

    assert [(str(c.old), str(c.new)) for entry in budget for c in entry.changes] == [
        ("None", "8000.00 EUR"),
        ("8000.00 EUR", "9000.00 EUR"),
    ]
    assert history(workspace, campaign, field="budget_minor") == budget


def test_a_history_of_one_field_leaves_out_the_others(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Ada")
    for changes in ({"city": "Lyon"}, {"title": "CTO"}, {"city": "Paris"}):
        update_records(workspace, "lead", [lead.id], changes)

    assert told(history(workspace, lead, field="city")) == [
        ("changed", {"city": (None, "Lyon")}),
        ("changed", {"city": ("Lyon", "Paris")}),
    ]


def test_deleting_restoring_undoing_and_redoing_are_told_as_such(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Ada")
    delete_records(workspace, "lead", [lead.id])
    restored = restore_records(workspace, "lead", [lead.id])
    undo(workspace, str(restored.operation_id))
    redo(workspace, str(restored.operation_id))

    entries = history(workspace, lead.id)

    assert [(e.what, e.kind) for e in entries] == [
        ("created", "edit"),
        ("deleted", "delete"),
        ("restored", "restore"),
        ("deleted", "undo"),
        ("restored", "redo"),
    ]
    assert entries[3].undoes == restored.operation_id


def test_an_imported_value_tells_its_file_and_row(workspace: Workspace) -> None:
    shop = with_importers(workspace, JsonImporter())
    import_leads(shop, people(a_person(1), a_person(2, city="Lyon")))
    import_leads(shop, people(a_person(9), a_person(8), a_person(2, city="Paris"), name="again.jsonl"), policy="update")
    lead = next(lead for lead in everyone(shop) if lead.city == "Paris")

    entries, origins = history(shop, lead), provenance(shop, lead)

    assert [(e.kind, e.file, e.row) for e in entries] == [
        ("import", "people.jsonl", 2),
        ("import", "again.jsonl", 3),
    ]
    assert (origins["email"].file, origins["email"].row) == ("people.jsonl", 2)
    assert (origins["city"].file, origins["city"].row) == ("again.jsonl", 3)


def test_a_converted_value_tells_the_field_of_the_lead_and_where_that_came_from(workspace: Workspace) -> None:
    shop = with_importers(workspace, JsonImporter())
    import_leads(shop, people(a_person(0), a_person(1, company="Hospy", title="CTO")))
    lead = next(lead for lead in everyone(shop) if lead.title)
    update_records(shop, "lead", [lead.id], {"title": "CEO"}, reason="promoted")
    conversion = convert_lead(shop, lead.id).value.conversion
    assert conversion is not None

    contact, account = provenance(shop, conversion.contact_id), provenance(shop, str(conversion.account_id))

    title, email, name = contact["title"], contact["email"], account["name"]
    assert [(o.from_record, o.from_field, o.rule) for o in (title, email, name)] == [
        (lead.id, "title", "default"),
        (lead.id, "email", "default"),
        (lead.id, "company", "default"),
    ]
    assert (title.first.kind, title.first.why) == ("edit", "promoted")
    assert (email.first.file, email.first.row) == (name.first.file, name.first.row) == ("people.jsonl", 2)
    assert contact["account_id"].from_record is None


def test_what_the_lead_had_after_its_conversion_was_undone_is_not_where_a_value_comes_from(
    workspace: Workspace,
) -> None:
    lead = add(workspace, "lead", first_name="Ada", title="CTO")
    result = convert_lead(workspace, lead).value
    undo(workspace, str(result.operation_id))
    update_records(workspace, "lead", [lead.id], {"title": "CEO"})
    assert result.conversion is not None

    title = provenance(workspace, result.conversion.contact_id)["title"]

    assert (title.value, title.first.value, title.first.operation_id) == ("CTO", "CTO", lead.operation_id)


class Industry:
    """A rule that gives every account an industry, and the contact a title."""

    name = "industry"

    def amend(self, proposal: Proposal, context: Context) -> Sequence[Amendment]:
        return [
            SetField(target=Target.ACCOUNT, field="industry", value="media", reason="we sell to no one else"),
            SetField(target=Target.CONTACT, field="title", value="Boss", reason="they all are"),
        ]


def test_a_value_that_a_rule_set_names_the_rule_and_no_field_of_the_lead(workspace: Workspace) -> None:
    class Ruled(NoExtensions):
        conversion_rules: Sequence[Contribution[ConversionRule]] = (
            Contribution(plugin="media", version="1", hook="crmkit_conversion_rules", item=Industry()),
        )

    ruled = attrs.evolve(workspace, extensions=Ruled())
    account = add(ruled, "account", name="Hospy")
    lead = add(ruled, "lead", first_name="Ada", title="CTO", company="Hospy")
    conversion = convert_lead(ruled, lead).value.conversion
    assert conversion is not None

    industry, title = provenance(ruled, account)["industry"], provenance(ruled, conversion.contact_id)["title"]

    assert (industry.value, industry.rule, industry.from_record, industry.from_field) == (
        "media",
        "industry",
        lead.id,
        None,
    )
    assert (title.value, title.rule, title.from_field) == ("Boss", "industry", None)
    assert provenance(ruled, account)["name"].kind == "edit"


def test_a_value_that_an_undo_brought_back_comes_from_where_it_came_from_before(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Ada", city="Lyon")
    moved = update_records(workspace, "lead", [lead.id], {"city": "Paris"})
    taken_back = undo(workspace, str(moved.operation_id))

    before = provenance(workspace, lead)["city"]
    redo(workspace, str(moved.operation_id))
    after = provenance(workspace, lead)["city"]

    assert (before.value, before.operation_id) == ("Lyon", lead.operation_id)
    assert (after.value, after.operation_id) == ("Paris", moved.operation_id)
    assert taken_back.operation_id in {entry.operation_id for entry in history(workspace, lead)}


def test_what_is_not_there_has_no_history(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Ada")

    with pytest.raises(NotFoundError, match="no lead 'lead_7'"):
        history(workspace, "lead_7")
    with pytest.raises(NotFoundError, match="no record 'nobody'"):
        provenance(workspace, "nobody")
    with pytest.raises(NotFoundError) as caught:
        history(workspace, lead, field="citi")
    assert caught.value.suggestions == ("city",)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories, seed=st.integers(0, 10**6))
def test_a_history_leads_from_nothing_to_the_record_and_every_value_has_an_origin(story: list[str], seed: int) -> None:
    world = World(MemoryStorage(), seed)

    world.play(story)

    for kind in ("lead", "contact", "account", "deal"):
        for record in everyone(world.workspace, kind):
            entries, origins = history(world.workspace, record), provenance(world.workspace, record)
            assert replayed(entries) == values_of(record)
            assert {name: origin.value for name, origin in origins.items()} == values_of(record)
            assert [entry.version for entry in entries] == list(range(1, record.version + 1))
            assert entries[-1].at == record.updated_at
            life = [entry.what for entry in entries if entry.what != "changed"]
            assert (life[-1] == "deleted") is (record.deleted_at is not None)


EMPTY: tuple[Any, ...] = (None, "", (), {})


def replayed(entries: Sequence[HistoryEntry]) -> Mapping[str, Any]:
    """Return what a history comes to; each change must begin where the one before ended."""
    values: dict[str, Any] = {}
    for entry in entries:
        for change in entry.changes:
            assert values.get(change.field) == (None if change.old in EMPTY else change.old)
            values[change.field] = None if change.new in EMPTY else change.new
    return {name: value for name, value in values.items() if value is not None}


def values_of(record: Any) -> Mapping[str, Any]:
    """Return the values of a record that are not empty, without what every record carries."""
    plumbing = {a.name for a in attrs.fields(Stored)} | {"custom"}
    names = [a.name for a in attrs.fields(type(record)) if a.name not in plumbing]
    return {name: value for name in names if (value := getattr(record, name)) not in EMPTY}


def everyone(workspace: Workspace, kind: str = "lead") -> list[Any]:
    """Return all records of a type, deleted ones too."""
    with workspace.reading() as view:
        return workspace.schema[kind].load_many(view.find(Query(type=kind, deleted=True)))

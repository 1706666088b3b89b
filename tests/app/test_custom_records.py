"""Record types of one's own: they get what the built-in ones have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import crmkit
from crmkit import CRM, Money
from crmkit.core.operation import RowOutcome
from crmkit.errors import ConfigError, NotFoundError, RejectedError
from crmkit.services.cards import record_card
from crmkit.services.export import export_records


@crmkit.custom_record("booth", search=("name", "hall"), unique=(("name",),))
@attrs.frozen(kw_only=True)
class Booth(crmkit.Record):
    name: str
    hall: str | None = None
    size: Decimal | None = attrs.field(default=None)
    rent: Money | None = None
    campaign_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="campaign"))

    @size.validator
    def _check_size(self, _attribute: object, size: Decimal | None) -> None:
        if size is not None and size <= 0:
            message = "size must be more than nothing"
            raise ValueError(message)


@crmkit.custom_record("visit", search=("name",))
class Visit(crmkit.Record):
    name: str
    booth_id: str = attrs.field(metadata=crmkit.stored(references="booth"))
    lead_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="lead"))


@crmkit.custom_fields("lead", "booth")
class Place:
    near_booth_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="campaign"))
    floor: int = 0


TYPES = [Visit, Booth]  # in the wrong order, on purpose


@pytest.fixture(params=["memory", "sqlite"])
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CRM]:
    url = "memory:" if request.param == "memory" else str(tmp_path / "crm.db")
    with crmkit.open(url, create=True, discover=False, fields=[Place], record_types=TYPES, actor="Ada") as opened:
        yield opened


def test_a_collection_is_found_by_class_name_or_plural(crm: CRM) -> None:
    salon = crm.campaigns.add(name="Salon")
    booth = crm[Booth].add(Place(floor=2), name="Stand 7", hall="Nord", size="12.50", rent="900 EUR", campaign_id=salon)

    assert booth.id.startswith("booth_")
    assert (booth.label, booth.size, booth.rent, booth[Place].floor) == (
        "Stand 7",
        Decimal("12.5"),
        Money("900", "EUR"),
        2,
    )
    assert crm[Booth].find("stand 7") == crm.collection("booths").get(booth.id) == crm.get(booth.id) == booth
    assert crm.collection("booth").count(hall="Nord") == 1
    assert [hit.record for hit in crm.search("nord")] == [booth]
    with pytest.raises(NotFoundError) as caught:
        crm[type("Unknown", (crmkit.Record,), {})]
    assert "crmkit.open(record_types=" in caught.value.hint


def test_what_is_wrong_comes_all_at_once(crm: CRM) -> None:
    with pytest.raises(RejectedError) as unreadable:
        crm[Booth].add(nmae="x", size="big", campaign_id="lead_1")
    with pytest.raises(RejectedError) as refused:
        crm[Booth].add({"place.floor": "up"}, name="x", size="-1")

    assert unreadable.value.reasons == (
        "a booth has no field 'nmae'; did you mean name?",
        "size is not a number",
        "name is missing",
    )
    assert refused.value.reasons == ("place.floor is not a whole number", "size must be more than nothing")
    assert crm[Booth].count() == 0


def test_unique_groups_and_references_hold(crm: CRM) -> None:
    booth = crm[Booth].add(name="Stand 7")
    crm[Visit].add(name="First", booth_id=booth)

    with pytest.raises(RejectedError, match="another booth has the same name"):
        crm[Booth].add(name="Stand 7")
    with pytest.raises(RejectedError, match="is not the id of a booth"):
        crm[Visit].add(name="Second", booth_id=crm.leads.add(first_name="Ada"))
    with pytest.raises(RejectedError, match="the visit First belongs to it"):
        crm[Booth].delete(booth)


def test_edits_are_logged_undone_and_told(crm: CRM) -> None:
    booth = crm[Booth].add(name="Stand 7")
    crm[Booth].update(booth, hall="Nord", reason="moved")
    crm.note(booth, "Needs more light")
    crm[Booth].tag(booth.id, "corner")

    told = [(entry.kind, entry.text) for entry in crm.timeline(booth)]
    assert told == [
        ("created", "booth Stand 7"),
        ("changed", "booth Stand 7, hall: – → Nord (moved)"),
        ("note", "Needs more light"),
        ("changed", "booth Stand 7, tags: – → corner"),
    ]
    tagging, moving, making = (entry.operation for entry in crm.log(record=booth))
    crm.undo(tagging)
    crm.undo(moving)
    assert (crm[Booth].get(booth.id).hall, crm[Booth].get(booth.id).tags) == (None, ())
    assert making.counts == {"booth": {"created": 1}}
    crm.redo(moving)
    assert crm[Booth].get(booth.id).hall == "Nord"
    assert crm[Booth].restore(*crm[Booth].delete(booth.id))[0].deleted_at is None


def test_a_card_shows_what_refers_to_a_record(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Ada")
    visit = crm[Visit].add(name="First", booth_id=crm[Booth].add(name="Stand 7"), lead_id=lead)

    assert record_card(crm.workspace, lead.id).related == {"visits": [visit]}
    assert record_card(crm.workspace, visit.id).references["booth_id"].label == "Stand 7"


def test_records_are_imported_by_the_names_of_their_fields_and_again_without_effect(crm: CRM, tmp_path: Path) -> None:
    crm.campaigns.add(name="Salon 2026")
    crm[Booth].add(name="Old", hall="Nord")
    file = tmp_path / "booths.csv"
    file.write_text(
        "Name;Hall;Size;Campaign;Place floor;Surface libre\n"
        "B1;Nord;12.5;Salon 2026;1;x\nB2;Sud;big;;;x\nOld;Sud;;;;x\nB1;Est;;;;x\n;;;;;\nB3;;;Salon 1999;;x\n"
    )

    with pytest.raises(RejectedError, match="a booth has no field 'Surface libre'"):
        crm.import_records("booths", file)
    file.write_text(file.read_text().replace(";Surface libre", "").replace(";x\n", "\n").replace(";;;;;\n", ";;;;\n"))
    report = crm.import_records(Booth, file)

    assert report.read == sum(report.outcomes.values())
    assert (report.created, report.updated, report.duplicates, report.rejected) == (1, 1, 1, 2)
    assert {row.line: row.reason for row in report.problems if row.outcome is RowOutcome.REJECTED} == {
        3: "size is not a number",
        7: "campaign_id: there is no campaign 'Salon 1999'",
    }
    b1 = crm[Booth].find("B1")
    assert (b1.hall, b1.size, b1[Place].floor) == ("Nord", Decimal("12.5"), 1)
    assert crm[Booth].find("Old").hall == "Sud"
    again = crm.import_records("booth", file)
    assert (again.created, again.updated, again.unchanged, again.duplicates) == (0, 0, 2, 1)
    crm.undo(str(report.operation_id))
    assert [(booth.name, booth.hall) for booth in crm[Booth]] == [("Old", "Nord")]


def test_what_is_exported_can_be_imported_elsewhere(crm: CRM, tmp_path: Path) -> None:
    crm[Booth].add(Place(floor=3), name="B1", hall="Nord", size="12.5", rent="900 EUR", tags=["a", "b"])
    crm[Booth].add(name="B2")
    for suffix in ("csv", "jsonl"):
        file = tmp_path / f"booths.{suffix}"
        export_records(crm.workspace, "booths", file, format=suffix)

        with crmkit.open("memory:", discover=False, fields=[Place], record_types=TYPES) as other:
            report = other.import_records("booth", file)
            values = [_business(booth) for booth in other[Booth].where().order_by("name")]

        assert (report.created, report.rejected) == (2, 0)
        assert values == [_business(booth) for booth in crm[Booth].where().order_by("name")]


def _business(booth: Booth) -> Any:
    return booth.name, booth.hall, booth.size, booth.rent, booth.tags, booth[Place]


def test_a_file_without_a_good_row_is_refused_and_changes_nothing(crm: CRM, tmp_path: Path) -> None:
    file = tmp_path / "booths.jsonl"
    file.write_text('{"name": "B1", "size": "big"}\n{"name":\n[1]\n')
    newest = crm.log(limit=1)

    with pytest.raises(RejectedError) as caught:
        crm.import_records("booth", file)

    assert caught.value.reasons[0] == "line 1: size is not a number"
    assert caught.value.reasons[1].startswith("line 2: is no JSON")
    assert crm.log(limit=1) == newest


def test_types_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    @crmkit.custom_record("hen")
    class Hen(crmkit.Record):
        egg_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="egg"))

    @crmkit.custom_record("egg")
    class Egg(crmkit.Record):
        hen_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="hen"))

    @crmkit.custom_record("lead")
    class Twin(crmkit.Record):
        name: str

    cases: list[tuple[list[type[crmkit.Record]], str]] = [
        ([Hen, Egg], "in a circle: hen → egg → hen"),
        ([Hen], "hen.egg_id refers to a egg, which is no record type"),
        ([Twin], "there is a record type called lead already"),
    ]
    for types, reason in cases:
        with pytest.raises(ConfigError, match=reason.replace(".", r"\.")):
            crmkit.open("memory:", discover=False, record_types=types)


def test_records_of_an_absent_type_survive_and_can_still_be_undone(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False, fields=[Place], record_types=TYPES) as crm:
        booth = crm[Booth].add(Place(floor=2), name="Stand 7", rent="900 EUR")
        crm.note(booth, "Needs more light")
        making = crm.log(limit=2)[1].operation
        later = crm[Booth].add(name="Stand 8")
        last = crm.log(limit=1)[0].operation

    with crmkit.open(path, discover=False) as without:
        card = record_card(without.workspace, booth.id)
        export_records(without.workspace, "booths", tmp_path / "booths.jsonl", format="jsonl")
        without.note(booth.id, "Still here")
        without.undo(last)
        with pytest.raises(RejectedError, match="made by a plugin that is absent"):
            without.collection("booth").add(name="x")
        notes = [entry.text for entry in without.timeline(booth.id) if entry.kind == "note"]

    assert (card.raw["name"], card.raw["rent_minor"], card.raw["place.floor"]) == ("Stand 7", 90000, 2)
    assert notes == ["Needs more light", "Still here"]
    assert [json.loads(line)["name"] for line in (tmp_path / "booths.jsonl").read_text().splitlines()] == [
        "Stand 7",
        "Stand 8",
    ]
    with crmkit.open(path, discover=False, fields=[Place], record_types=TYPES) as back:
        assert [found.name for found in back[Booth]] == ["Stand 7"]
        assert back[Booth].get(booth.id) == booth
        assert making.kind != last.kind or back[Booth].get(later.id).deleted_at is not None


def test_a_type_comes_from_a_plugin_file_too(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(
        "import crmkit\n"
        '@crmkit.custom_record("shelf", plural="shelves")\nclass Shelf(crmkit.Record):\n    name: str\n'
        '@crmkit.custom_fields("lead")\nclass Taste:\n    likes: str | None = None\n'
    )

    with crmkit.open("memory:", plugin_files=[file], discover=False) as crm:
        crm.collection("shelves").add(name="Top")
        crm.leads.add({"taste.likes": "tea"}, first_name="Ada")
        [info] = [info for info in crm.plugins.listing() if info.name == "shop"]

    assert info.contributions == ("record type shelf", "custom fields taste")


def test_a_type_that_is_named_twice_is_there_once() -> None:
    with crmkit.open("memory:", discover=False, record_types=[Booth, Booth]) as crm:
        assert crm[Booth].count() == 0

"""Custom fields: declared as a class, and then fields like any other, from the first edit to the last export."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import crmkit
from crmkit import CRM, Money
from crmkit.errors import ConfigError, NotFoundError, RejectedError
from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl
from crmkit.services.export import export_records
from crmkit.storage.memory import MemoryStorage


@crmkit.custom_fields("lead", "contact", "deal")
@attrs.frozen(kw_only=True)
class BadgeScan:
    booth: str | None = attrs.field(default=None, metadata=crmkit.stored(indexed=True))
    minutes: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    scanned_on: date | None = None
    budget: Money | None = None
    hot: bool = False
    topics: tuple[str, ...] = ()

    @booth.validator
    def _check_booth(self, _attribute: object, booth: str | None) -> None:
        if booth and not booth[0].isalpha():
            message = "booth begins with a letter"
            raise ValueError(message)


@crmkit.custom_fields("lead")
class Survey:
    stars: int | None = None


SCAN = BadgeScan(
    booth="B12",
    minutes=7,
    scanned_on=date(2026, 3, 10),
    budget=Money("1200.50", "EUR"),
    hot=True,
    topics=("audio", "video"),
)

Opener = Callable[..., CRM]


class _Kept(HookSpecs):
    """A storage in memory that can be opened again."""

    kept = MemoryStorage()

    @hookimpl
    def crmkit_storages(self) -> list[StorageScheme]:
        return [StorageScheme(scheme="kept", target=f"{__name__}:_kept")]


def _kept() -> MemoryStorage:
    return _Kept.kept


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Open the same workspace again and again, each time with other classes."""
    monkeypatch.setattr(_Kept, "kept", MemoryStorage())
    scheme = "kept" if request.param == "memory" else f"sqlite:{tmp_path / 'crm.db'}"
    opened: list[CRM] = []

    def again(*fields: type, record_types: tuple[type, ...] = ()) -> CRM:
        plugin = _Kept()
        monkeypatch.setattr(StorageScheme, "open", _open_kept(StorageScheme.open))
        crm = crmkit.open(
            "kept:" if scheme == "kept" else scheme,
            create=True,
            plugins=[plugin],
            discover=False,
            fields=fields,
            record_types=record_types,
        )
        opened.append(crm)
        return crm

    yield again
    for crm in opened:
        crm.close()


def _open_kept(usual: Callable[..., Any]) -> Callable[..., Any]:
    return lambda scheme, address: _kept() if scheme.scheme == "kept" else usual(scheme, address)


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", discover=False, fields=[BadgeScan, Survey]) as opened:
        yield opened


# ------------------------------------------------------------------- everyday


def test_values_come_back_typed_and_are_changed_as_a_whole_or_one_by_one(crm: CRM) -> None:
    lead = crm.leads.add(SCAN, first_name="Ada")

    assert crm.leads.get(lead.id)[BadgeScan] == SCAN
    assert lead[Survey] == Survey()
    changed = crm.leads.update(lead, attrs.evolve(SCAN, booth="C1"), {"survey.stars": 5})
    assert (changed[BadgeScan].booth, changed[BadgeScan].minutes, changed[Survey].stars) == ("C1", 7, 5)
    emptied = crm.leads.update(changed, BadgeScan())
    assert emptied[BadgeScan] == BadgeScan()


def test_rows_of_many_may_hold_both_forms(crm: CRM) -> None:
    leads = crm.leads.add_many(
        [
            {"first_name": "A", "badge_scan.booth": "B12", "badge_scan.minutes": "7"},
            {"first_name": "B", "badge_scan": BadgeScan(booth="C1")},
            {"first_name": "C", "badge_scan": {"booth": "D1"}},
        ]
    )

    assert [(lead[BadgeScan].booth, lead[BadgeScan].minutes) for lead in leads] == [
        ("B12", 7),
        ("C1", None),
        ("D1", None),
    ]


def test_everything_that_is_wrong_comes_at_once(crm: CRM) -> None:
    with pytest.raises(RejectedError) as unreadable:
        crm.leads.add({"badge_scan.minutes": "many", "badge_scan.boot": "B", "badge_scan.hot": "perhaps"}, score=3)
    with pytest.raises(RejectedError) as refused:
        crm.leads.add({"badge_scan.minutes": 0, "badge_scan.booth": "12"}, first_name="Ada", score=200)

    assert unreadable.value.reasons[:3] == (
        "badge_scan.minutes is not a whole number",
        "a lead has no field 'badge_scan.boot'; did you mean badge_scan.booth?",
        "badge_scan.hot is neither yes nor no",
    )
    assert refused.value.reasons == (
        "score must be 0 to 100, not 200",
        "badge_scan: booth begins with a letter",
        "badge_scan: 'minutes' must be >= 1: 0",
    )
    assert crm.leads.count() == 0


def test_a_class_that_the_records_do_not_have_is_refused_with_those_they_have(crm: CRM) -> None:
    with pytest.raises(RejectedError, match=r"a contact has no custom fields Survey \(it has BadgeScan\)"):
        crm.contacts.add(Survey(stars=1), first_name="Ada")
    lead = crm.contacts.add(first_name="Ada")
    with pytest.raises(NotFoundError) as caught:
        lead[Survey]
    assert "crmkit.open(fields=" in caught.value.hint


def test_records_are_found_and_ordered_by_custom_fields(crm: CRM) -> None:
    for name, booth in (("A", "B2"), ("B", "B1"), ("C", None)):
        crm.leads.add(BadgeScan(booth=booth, hot=name == "A"), first_name=name)

    assert [lead.first_name for lead in crm.leads.where(**{"badge_scan.booth": "B1"})] == ["B"]
    assert [lead.first_name for lead in crm.leads.where(**{"badge_scan.hot": True})] == ["A"]
    assert [lead.first_name for lead in crm.leads.where().order_by("badge_scan.booth")] == ["C", "B", "A"]
    assert crm.leads.count(**{"badge_scan.booth": None}) == 1


def test_a_stage_can_need_a_custom_field_and_a_guard_sees_it() -> None:
    seen: list[str | None] = []

    @crmkit.stage_guard("look")
    def look(move: crmkit.StageMove, _context: crmkit.Context) -> list[str]:
        seen.append(move.deal[BadgeScan].booth)
        return []

    with crmkit.open("memory:", plugins=[look], discover=False, fields=[BadgeScan]) as crm:
        deal = crm.open_deal("Desk", BadgeScan(booth="B1"), amount="9 EUR", stage="needs_analysis")
        moved = crm.move_deal(deal, "proposal")

        assert seen == ["B1", "B1"]
        assert moved[BadgeScan].booth == "B1"
        with pytest.raises(RejectedError, match="badge_scan: booth begins with a letter"):
            crm.open_deal("Desk", {"badge_scan.booth": "1"})


def test_the_timeline_and_the_log_tell_of_custom_fields(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Ada")
    crm.leads.update(lead, {"badge_scan.booth": "B12"})

    assert crm.timeline(lead)[-1].text == "lead Ada, badge_scan.booth: – → B12"


def test_tags_and_owner_are_given_to_one_or_many(crm: CRM) -> None:
    ada = crm.users.add(name="Ada")
    one, two = crm.leads.add_many([{"first_name": "A", "tags": ["fr"]}, {"first_name": "B"}])

    assert [lead.tags for lead in crm.leads.tag([one, two], "vip", "hot")] == [("fr", "hot", "vip"), ("hot", "vip")]
    assert crm.leads.untag(one.id, "fr", "none")[0].tags == ("hot", "vip")
    assert {lead.owner_id for lead in crm.leads.assign([one.id, two.id], "Ada")} == {ada.id}
    assert crm.leads.assign(two.id, None)[0].owner_id is None
    with pytest.raises(RejectedError, match="a user has no tags"):
        crm.users.tag(ada, "vip")


def test_converted_leads_leave_the_lists_until_somebody_asks_for_them(crm: CRM) -> None:
    ada, _ = crm.leads.add(first_name="Ada"), crm.leads.add(first_name="Bob")
    crm.convert(ada)

    assert [lead.first_name for lead in crm.leads] == ["Bob"]
    assert (crm.leads.count(), crm.leads.count(first_name="Ada")) == (1, 0)
    assert crm.leads.count(status="converted") == 1
    assert crm.leads.count(status=["new", "converted"]) == 2
    assert crm.leads.where().including_unlisted().count() == 2
    assert crm.leads.find("Ada").id == crm.leads.one(first_name="Ada").id == ada.id


# ----------------------------------------------------------------- conversion


def test_a_conversion_fills_the_same_class_and_keeps_the_rest_as_unmapped(crm: CRM) -> None:
    lead = crm.leads.add(SCAN, {"survey.stars": 4}, first_name="Ada", email="ada@x.example")

    plan = crm.plan_conversion(lead, deal="Desk")
    conversion = crm.convert(plan).conversion

    assert conversion is not None
    step = next(f for f in plan.fields if f.field == "badge_scan.booth" and f.target.value == "contact")
    assert (step.new, step.action.value, step.reason) == ("B12", "create", "badge_scan.booth of the lead")
    assert crm.contacts.get(conversion.contact_id)[BadgeScan] == SCAN
    assert crm.deals.get(str(conversion.deal_id))[BadgeScan] == SCAN
    assert conversion.unmapped == {"survey.stars": 4}


def test_a_contact_that_is_there_keeps_its_own_values_and_the_others_are_unmapped(crm: CRM) -> None:
    crm.contacts.add(BadgeScan(booth="A1"), first_name="Ada", email="ada@x.example")
    lead = crm.leads.add(SCAN, first_name="Ada", email="ada@x.example")

    conversion = crm.convert(lead).conversion

    assert conversion is not None
    contact = crm.contacts.get(conversion.contact_id)
    assert (contact[BadgeScan].booth, contact[BadgeScan].minutes, contact[BadgeScan].hot) == ("A1", 7, False)
    assert conversion.unmapped == {"badge_scan.booth": "B12", "badge_scan.hot": True}


def test_a_rule_sets_a_custom_field_of_a_target() -> None:
    @crmkit.conversion_rule("booth")
    def booth(proposal: crmkit.Proposal, _context: crmkit.Context) -> list[crmkit.SetField]:
        assert proposal.value(crmkit.Target.CONTACT, "badge_scan.booth") == "B12"
        return [crmkit.SetField(target=crmkit.Target.CONTACT, field="badge_scan.booth", value="Z9", reason="moved")]

    with crmkit.open("memory:", plugins=[booth], discover=False, fields=[BadgeScan]) as crm:
        conversion = crm.convert(crm.leads.add(SCAN, first_name="Ada")).conversion

        assert conversion is not None
        assert crm.contacts.get(conversion.contact_id)[BadgeScan].booth == "Z9"


# ----------------------------------------------------------- files in and out


def test_columns_of_a_file_are_custom_fields_by_their_names(crm: CRM, tmp_path: Path) -> None:
    file = tmp_path / "scans.csv"
    file.write_text(
        "First name;Email;Booth;badge_scan.minutes;Badge scan hot;Colour\n"
        "Ada;ada@x.example;B12;7;yes;red\nBob;bob@x.example;12;many;;\n"
    )

    report = crm.import_leads(file, importer="csv")
    ada, bob = crm.leads.find("ada@x.example"), crm.leads.find("bob@x.example")

    assert (report.created, report.warnings) == (2, 1)
    assert (ada[BadgeScan].booth, ada[BadgeScan].minutes, ada[BadgeScan].hot) == ("B12", 7, True)
    assert ada.extra == {"Colour": "red"}
    assert bob[BadgeScan] == BadgeScan()
    assert bob.extra == {"Booth": "12", "badge_scan.minutes": "many"}
    assert report.problems[0].reason == (
        "badge_scan.minutes 'many': is not a whole number; badge_scan.booth '12': booth begins with a letter"
    )
    assert crm.import_leads(file, importer="csv").unchanged == 2


def test_a_file_fills_what_is_empty_and_overwrites_on_request_only(crm: CRM, tmp_path: Path) -> None:
    crm.leads.add({"badge_scan.booth": "A1"}, first_name="Ada", email="ada@x.example")
    file = tmp_path / "scans.csv"
    file.write_text("Email,Booth,Minutes\nada@x.example,B12,7\n")

    kept = crm.import_leads(file, importer="csv")
    filled = crm.leads.find("Ada")[BadgeScan]
    file.write_text("Email,Booth,Minutes\nada@x.example,C1,8\n")
    crm.import_leads(file, importer="csv", policy="update")

    assert (filled.booth, filled.minutes) == ("A1", 7)
    assert "badge_scan.booth 'B12' was not taken over, since it is 'A1'" in kept.problems[0].reason
    assert (crm.leads.find("Ada")[BadgeScan].booth, crm.leads.find("Ada")[BadgeScan].minutes) == ("C1", 8)


def test_a_column_can_be_mapped_to_a_custom_field_and_a_wrong_one_is_refused(crm: CRM, tmp_path: Path) -> None:
    from crmkit.core.ports.sources import ReadingOptions

    file = tmp_path / "scans.csv"
    file.write_text("Email,Stand\nada@x.example,B12\n")

    with pytest.raises(RejectedError, match=r"badge_scan\.boot") as caught:
        crm.import_leads(file, importer="csv", options=ReadingOptions(mapping={"Stand": "badge_scan.boot"}))
    crm.import_leads(file, importer="csv", options=ReadingOptions(mapping={"Stand": "badge_scan.booth"}))

    assert caught.value.hint.startswith("did you mean badge_scan.booth")
    assert crm.leads.find("ada@x.example")[BadgeScan].booth == "B12"


def test_exports_have_the_custom_columns(crm: CRM, tmp_path: Path) -> None:
    crm.leads.add(SCAN, first_name="Ada")

    export_records(crm.workspace, "leads", tmp_path / "leads.csv")
    export_records(crm.workspace, "leads", tmp_path / "leads.jsonl", format="jsonl")

    [row] = csv.DictReader((tmp_path / "leads.csv").read_text(encoding="utf-8-sig").splitlines())
    line = json.loads((tmp_path / "leads.jsonl").read_text())
    assert (row["badge_scan.booth"], row["badge_scan.hot"], row["badge_scan.topics"]) == ("B12", "yes", "audio, video")
    assert (line["badge_scan.budget"], line["badge_scan.scanned_on"]) == (
        {"amount": "1200.50", "currency": "EUR"},
        "2026-03-10",
    )


# ------------------------------------------------------------- declaring them


def test_declarations_that_do_not_fit_are_refused_before_anything_is_opened(tmp_path: Path) -> None:
    @crmkit.custom_fields("lead", name="badge_scan")
    class Other:
        colour: str | None = None

    @crmkit.custom_fields("lead", name="import")
    class Taken:
        key: str | None = None

    @crmkit.custom_fields("leed")
    class Lost:
        colour: str | None = None

    for fields, reason in (
        ([BadgeScan, Other], "two classes of custom fields are called badge_scan"),
        ([Taken], "a lead already has the field import_key"),
        ([Lost], "the custom fields lost are for a leed, which is no record type"),
        ([str], "str is not declared; put @crmkit.custom_fields"),
    ):
        with pytest.raises(ConfigError, match=reason):
            crmkit.open(tmp_path / "crm.db", create=True, discover=False, fields=fields)

    assert list(tmp_path.iterdir()) == []


def test_a_class_without_defaults_or_of_a_strange_type_is_refused_where_it_is_declared() -> None:
    with pytest.raises(TypeError, match=r"give bare\.booth a default"):

        @crmkit.custom_fields("lead")
        class Bare:
            booth: str

    with pytest.raises(TypeError, match=r"Strange\.photo: crmkit cannot store"):

        @crmkit.custom_fields("lead")
        class Strange:
            photo: bytes | None = None

    with pytest.raises(TypeError, match="say which records have Homeless"):

        @crmkit.custom_fields()
        class Homeless:
            booth: str | None = None


# ------------------------------------------------------- opened without a class


def test_what_an_absent_class_declared_is_hidden_and_nothing_is_lost(reopen: Opener, tmp_path: Path) -> None:
    with reopen(BadgeScan) as crm:
        lead = crm.leads.add(SCAN, first_name="Ada", email="ada@x.example")
        other = crm.leads.add(SCAN, first_name="Bob")
    without = reopen()
    updated = without.leads.update(without.leads.find("Ada"), title="CEO")
    without.leads.update(updated, city="London")
    without.undo(without.log(limit=1)[0].operation)
    edit = without.log(limit=1)[0].operation
    without.leads.delete(other.id)
    without.leads.restore(other.id)
    conversion = without.convert(lead.id)
    without.undo(conversion)
    without.redo(conversion)
    export_records(without.workspace, "leads", tmp_path / "leads.jsonl", format="jsonl")
    lines = [json.loads(line) for line in (tmp_path / "leads.jsonl").read_text().splitlines()]

    assert edit.kind == "undo"
    assert updated.custom == {}
    assert not any("badge" in name for name in without.workspace.schema["lead"].visible_names)
    assert {line["badge_scan.booth"] for line in lines} == {"B12"}
    assert {line["badge_scan.budget_minor"] for line in lines} == {120050}
    with pytest.raises(RejectedError, match=r"no field 'badge_scan\.booth'"):
        without.leads.update(other.id, {"badge_scan.booth": "C1"})
    with pytest.raises(RejectedError, match=r"no field of lead 'badge_scan\.booth'"):
        without.leads.where(**{"badge_scan.booth": "B12"}).all()

    back = reopen(BadgeScan)
    assert {lead[BadgeScan] for lead in back.leads.where().including_unlisted()} == {SCAN}
    assert conversion.conversion is not None
    assert back.contacts.get(conversion.conversion.contact_id)[BadgeScan] == SCAN


def test_values_without_a_place_are_kept_on_the_conversion_while_the_class_is_absent(reopen: Opener) -> None:
    with reopen(Survey) as crm:
        lead = crm.leads.add(Survey(stars=4), first_name="Ada")

    conversion = reopen().convert(lead.id).conversion

    assert conversion is not None
    assert conversion.unmapped == {"survey.stars": 4}


def test_a_change_of_type_is_refused_with_the_way_to_migrate(reopen: Opener) -> None:
    @crmkit.custom_fields("lead", name="survey")
    class OtherSurvey:
        stars: str | None = None

    reopen(Survey).leads.add(Survey(stars=4), first_name="Ada")

    with pytest.raises(ConfigError, match=r"lead\.survey\.stars is declared as text, .* holds integer") as caught:
        reopen(OtherSurvey)

    assert caught.value.hint.startswith("declare a field of another name")


def test_records_made_before_a_field_have_its_default_also_in_conditions(reopen: Opener) -> None:
    reopen().leads.add(first_name="Ada")

    crm = reopen(BadgeScan)

    assert crm.leads.find("Ada")[BadgeScan] == BadgeScan()
    assert crm.leads.count(**{"badge_scan.hot": False}) == 1


def test_a_stricter_class_still_reads_what_is_stored(reopen: Opener) -> None:
    reopen(Survey).leads.add(Survey(stars=9), first_name="Ada")

    @crmkit.custom_fields("lead", name="survey")
    class Stricter:
        stars: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.le(5)))

    crm = reopen(Stricter)

    assert crm.leads.find("Ada")[Stricter].stars == 9
    with pytest.raises(RejectedError, match="must be <= 5"):
        crm.leads.update(crm.leads.find("Ada"), title="CEO")


def test_a_new_field_is_added_without_rewriting_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.leads.add_many([{"first_name": f"Lead {i}"} for i in range(3)])
    rowids = "SELECT id, rowid FROM lead ORDER BY id"
    with sqlite3.connect(path) as connection:
        before = connection.execute(rowids).fetchall()
    connection.close()
    statements = traced(monkeypatch)

    crmkit.open(path, discover=False, fields=[BadgeScan]).close()

    with sqlite3.connect(path) as connection:
        assert connection.execute(rowids).fetchall() == before
    connection.close()
    reading = ("SELECT", "PRAGMA", "INSERT OR REPLACE INTO crmkit_catalogue")
    on_leads = [text for text in statements if '"lead"' in text and not text.startswith(reading)]
    assert any("ADD COLUMN" in text for text in on_leads)
    assert any(text.startswith("CREATE INDEX") and "badge_scan_booth" in text for text in on_leads)
    assert [text for text in on_leads if not text.startswith(("ALTER TABLE", "CREATE INDEX"))] == []


def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that every statement of every new connection goes into."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced_connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced_connect)
    return statements


def test_a_decimal_stays_exact() -> None:
    @crmkit.custom_fields("lead")
    class Weight:
        kilograms: Decimal | None = None

    with crmkit.open("memory:", discover=False, fields=[Weight]) as weighed:
        lead = weighed.leads.add(Weight(kilograms=Decimal("0.100")), first_name="Ada")

        assert lead[Weight].kilograms == Decimal("0.1")

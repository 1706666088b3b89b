"""Importing a whole workspace: into a fresh one, all of it or nothing, and all that is wrong at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import crmkit
from crmkit import CRM
from crmkit.core.changes import ChangeSet
from crmkit.core.operation import RowOutcome
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.sources import Source
from crmkit.core.schema import Schema
from crmkit.errors import KeyReusedError, NewerWorkspaceError, NotFoundError, RejectedError, UnreadableError
from crmkit.services.importing import ImportProgress
from crmkit.services.sources import BytesSource, is_whole_workspace
from crmkit.services.whole_workspace import import_workspace, reading, restoring
from crmkit.services.whole_workspace.outline import Outline

from .conftest import BADGES
from .world import Booth, content, opened

Lines = list[Any]


def changed(file: Path, change: Callable[[Lines], object]) -> BytesSource:
    """Return the file with its lines changed."""
    lines: Lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    change(lines)
    return BytesSource("changed.jsonl", b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def first(lines: Lines, name: str) -> dict[str, Any]:
    """Return the first record of a type."""
    found: dict[str, Any] = next(line[name] for line in lines[1:] if name in line)
    return found


def found(crm: CRM, words: str) -> list[str]:
    return [hit.record.label for hit in crm.search(words)]


def refusal(crm: CRM, source: BytesSource) -> str:
    """Return why a file is refused; the workspace is as it was."""
    before = content(crm), len(crm.log(limit=100))
    with pytest.raises(UnreadableError) as caught:
        crm.import_all(source)
    assert (content(crm), len(crm.log(limit=100))) == before
    return str(caught.value)


# ------------------------------------------------------------------- it works


def test_everything_is_what_it_was(shop: CRM, fresh: CRM, file: Path) -> None:
    report = fresh.import_all(file)

    assert content(fresh) == content(shop)
    assert report.created == report.read == len(file.read_text("utf-8").splitlines()) - 1
    assert found(fresh, "hospy") == found(shop, "hospy") != []


def test_a_record_names_the_file_and_the_line_it_comes_from(fresh: CRM, file: Path) -> None:
    report = fresh.import_all(file, reason="moved")

    [entry] = fresh.history(fresh.contacts.find("ada@hospy.fr"))
    line = json.loads(file.read_text("utf-8").splitlines()[(entry.row or 0) - 1])
    assert (entry.file, entry.operation_id, entry.reason) == ("shop.jsonl", report.operation_id, "moved")
    assert line["contact"]["email"] == "ada@hospy.fr"


def test_what_happened_to_a_record_is_told_from_then_on(shop: CRM, fresh: CRM, file: Path) -> None:
    contact = shop.contacts.find("ada@hospy.fr")
    fresh.import_all(file)
    fresh.contacts.update(contact.id, city="Lyon")

    told = {entry.kind for entry in fresh.timeline(contact.id)}

    assert told >= {"created", "changed", "mail"}
    assert fresh.provenance(contact.id)["email"].file == "shop.jsonl"
    assert fresh.at(fresh.log(limit=1)[0].operation, before=True).contacts.get(contact.id).city is None


def test_of_two_imports_at_once_one_finds_all_of_it_there(
    fresh: CRM, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, reports = reading.read_outline, []

    def overtaken(source: Source, schema: Schema) -> Outline:
        monkeypatch.setattr(restoring, "read_outline", real)
        reports.append(fresh.import_all(file))
        return real(source, schema)

    monkeypatch.setattr(restoring, "read_outline", overtaken)
    second = fresh.import_all(file)

    assert (reports[0].created, second.created, second.unchanged) == (second.read, 0, second.read)


def test_the_same_file_again_changes_nothing(fresh: CRM, file: Path) -> None:
    fresh.import_all(file)
    fresh.leads.add(first_name="New")
    before = content(fresh)

    again = fresh.import_all(file)

    assert (again.operation_id, again.outcomes) == (None, {RowOutcome.UNCHANGED: again.read})
    assert content(fresh) == before


def test_what_was_imported_before_it_was_exported_is_known_again(fresh: CRM, file: Path) -> None:
    fresh.import_all(file)
    before = content(fresh)

    report = fresh.import_leads(BADGES, campaign="Salon")

    assert report.created == report.updated == 0
    assert content(fresh) == before


def test_ids_of_merged_records_still_open_the_winner(shop: CRM, fresh: CRM, file: Path) -> None:
    merged = next(iter(shop.collection("merge")))

    fresh.import_all(file)

    assert fresh.leads.find(merged.loser_id).id == merged.winner_id


def test_converting_again_gives_the_first_conversion(shop: CRM, fresh: CRM, file: Path) -> None:
    lead = next(iter(shop.leads.where(status="converted")))

    fresh.import_all(file)

    again = fresh.convert(lead.id)
    assert (again.outcome, again.conversion and again.conversion.id) == ("already", lead.conversion_id)


def test_nobody_is_written_to_again(fresh: CRM, file: Path) -> None:
    fresh.import_all(file)

    assert fresh.send("thank_you", campaign="Salon").queued == 0


def test_a_key_gives_the_first_report_again(fresh: CRM, file: Path) -> None:
    report = fresh.import_all(file, key="move")

    assert fresh.import_all(file, key="move") == report
    with pytest.raises(KeyReusedError):
        fresh.import_all(BytesSource("other.jsonl", b"{}"), key="move")


def test_a_dry_run_says_the_same_and_writes_nothing(fresh: CRM, file: Path) -> None:
    before = content(fresh)

    report = fresh.import_all(file, dry_run=True)

    assert (content(fresh), len(fresh.log())) == (before, 1)
    assert attrs.evolve(fresh.import_all(file), operation_id=None) == report


def test_it_is_undone_and_redone_like_anything_else(fresh: CRM, file: Path) -> None:
    report = fresh.import_all(file)

    fresh.undo(report)
    gone = [fresh.leads.count(), fresh.accounts.count(), fresh[Booth].count()]
    fresh.redo(report)

    assert gone == [0, 0, 0]
    assert (fresh.accounts.count(), fresh[Booth].count()) == (1, 1)


def test_after_an_undo_the_file_is_not_there_any_more(fresh: CRM, file: Path) -> None:
    fresh.undo(fresh.import_all(file))

    with pytest.raises(RejectedError, match="deleted ones count"):
        fresh.import_all(file)


def test_what_was_changed_since_stands_in_the_way_of_an_undo(fresh: CRM, file: Path) -> None:
    report = fresh.import_all(file)
    fresh.accounts.update(fresh.accounts.find("Hospy"), city="Lyon")

    with pytest.raises(RejectedError, match="the account Hospy was changed since by the edit"):
        fresh.undo(report)


def test_plugins_are_told_once_and_without_records(fresh: CRM, file: Path) -> None:
    told: list[ChangeSet] = []

    class Listening(NoExtensions):
        def committed(self, changes: ChangeSet) -> None:
            told.append(changes)

    import_workspace(attrs.evolve(fresh.workspace, extensions=Listening()), BytesSource("x", file.read_bytes()))

    [changes] = told
    assert (changes.kind, changes.creates, changes.result["importer"]) == ("import", (), "workspace")


def test_fields_that_are_new_here_have_their_defaults(fresh: CRM, file: Path) -> None:
    def without(lines: Lines) -> None:
        del lines[0]["types"]["lead"]["fields"]["status"]
        for line in lines[1:]:
            line.get("lead", {}).pop("status", None)

    fresh.import_all(changed(file, without))

    assert {row["status"] for row in content(fresh)["lead"]} == {"new"}


def test_an_empty_list_is_none_at_all(fresh: CRM, file: Path) -> None:
    source = changed(file, lambda lines: [line["lead"].update(tags=[], extra={}) for line in lines if "lead" in line])

    fresh.import_all(source)

    assert all("tags" not in row and "extra" not in row for row in content(fresh)["lead"])


# ------------------------------------------------------------ absent plugins


def test_absent_plugins_are_carried_and_found_when_they_are_back(shop: CRM, bare: CRM, file: Path) -> None:
    bare.import_all(file)
    lead = bare.leads.add(first_name="New")  # the workspace goes on as if nothing had happened

    assert bare.leads.get(lead.id).first_name == "New"
    with pytest.raises(NotFoundError):
        bare[Booth]
    back = opened(bare.workspace.storage)
    assert found(back, "stand") == ["Stand 7"]
    assert content(back)["visit"] == content(shop)["visit"]


def test_a_dry_run_of_what_is_unknown_leaves_neither_record_nor_declaration(
    shop: CRM, bare: CRM, tmp_path: Path
) -> None:
    shop.note(shop[Booth].find("Stand 7"), "a note leads to what is unknown")
    shop.export_all(tmp_path / "noted.jsonl")
    before = content(bare)

    report = bare.import_all(tmp_path / "noted.jsonl", dry_run=True)

    again = opened(bare.workspace.storage, fields=(), types=())
    assert content(again) == before
    assert "booth" not in again.workspace.schema.types
    assert not any(name.startswith("badge_scan.") for name in again.workspace.schema["lead"].field_names)
    assert bare.import_all(tmp_path / "noted.jsonl").created == report.created


def test_a_dry_run_finds_what_is_broken_in_what_is_unknown(bare: CRM, file: Path) -> None:
    with pytest.raises(UnreadableError, match=r"booth\.version is missing"):
        bare.import_all(changed(file, lambda lines: first(lines, "booth").pop("version")), dry_run=True)


def test_it_is_told_how_far_it_is(fresh: CRM, file: Path) -> None:
    told: list[ImportProgress] = []

    report = fresh.import_all(file, progress=told.append)

    assert [each.rows for each in told] == sorted({each.rows for each in told})
    assert (told[-1].rows, told[-1].bytes_read) == (report.read, file.stat().st_size)


def test_what_the_progress_raises_stops_it_and_nothing_is_written(fresh: CRM, file: Path) -> None:
    before = content(fresh)

    def stop(_progress: ImportProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fresh.import_all(file, progress=stop)
    assert content(fresh) == before


def test_a_broken_file_leaves_no_table_of_an_absent_plugin(bare: CRM, file: Path) -> None:
    reason = refusal(bare, changed(file, lambda lines: first(lines, "booth").pop("version")))

    assert "booth.version is missing" in reason
    assert "booth" not in bare.workspace.schema.types


# ----------------------------------------------------------------- it refuses


def test_a_workspace_that_holds_something_is_refused(fresh: CRM, file: Path) -> None:
    lead = fresh.leads.add(first_name="Ada")
    fresh.leads.add(first_name="Bob")
    fresh.leads.delete(lead)
    fresh.users.add(name="Eve")

    with pytest.raises(RejectedError) as caught:
        fresh.import_all(file)

    assert "1 user, 2 leads (deleted ones count)" in str(caught.value)
    assert "a new one" in caught.value.hint


def test_a_pipeline_that_was_changed_is_not_thrown_away(fresh: CRM, file: Path) -> None:
    fresh.pipelines.update(next(iter(fresh.pipelines)), title="Ventes")

    with pytest.raises(RejectedError, match="1 pipeline "):
        fresh.import_all(file)


def test_an_open_operation_refuses_it(fresh: CRM, file: Path) -> None:
    with fresh.operation("many"), pytest.raises(RejectedError, match="operation of its own"):
        fresh.import_all(file)


def test_a_file_without_its_end_is_noticed(fresh: CRM, file: Path) -> None:
    data = file.read_bytes()

    shorter = refusal(fresh, BytesSource("cut.jsonl", data[: data[:-1].rfind(b"\n") + 1]))
    torn = refusal(fresh, BytesSource("cut.jsonl", data[:-20]))

    assert "it should hold 2 records of the type delivery, but holds 1" in shorter
    assert "is broken" in torn


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"hello", "does not begin like"),
        (b'{"name": "Ada"}\n', "does not begin like"),
        (b'{"crmkit": "workspace", "format": 1}\n', "the first line is incomplete"),
        (b'{"crmkit": "workspace", "format": "x", "types": {}}\n', "the first line is incomplete"),
        (b'{"crmkit": "workspace", "format": 1, "types": {"lead": 3}}\n', "lead has no fields"),
        (b"[" * 100_000, "does not begin like"),
    ],
)
def test_another_file_is_refused(fresh: CRM, text: bytes, reason: str) -> None:
    assert reason in refusal(fresh, BytesSource("leads.jsonl", text))


def test_the_file_of_a_newer_crmkit_is_refused(fresh: CRM, file: Path) -> None:
    with pytest.raises(NewerWorkspaceError) as caught:
        fresh.import_all(changed(file, lambda lines: lines[0].update(format=2)))

    assert (caught.value.found, caught.value.supported) == (2, 1)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("lead", {"id": "contact_01"}, "lead.id is 'contact_01', not an id that begins with lead_"),
        ("lead", {"version": None}, "lead.version is missing"),
        ("lead", {"version": "1"}, "lead.version is no whole number"),
        ("lead", {"version": True}, "lead.version is no whole number"),
        ("lead", {"status": "great"}, "lead.status is 'great', not one of"),
        ("lead", {"first_name": 7}, "lead.first_name is no text"),
        ("lead", {"first_name": "\ud800"}, "lead.first_name holds a broken character"),
        ("lead", {"extra": {"a": "\ud800"}}, "lead.extra holds a broken character"),
        ("lead", {"extra": {"a": float("nan")}}, "lead.extra holds a number that JSON cannot"),
        ("lead", {"tags": "vip"}, "lead.tags is no list"),
        ("lead", {"extra": ["a"]}, "lead.extra is no object"),
        ("lead", {"created_at": "2026-01-31"}, "lead.created_at is no moment"),
        ("lead", {"created_at": "2026-13-31T09:30:00.000000Z"}, "lead.created_at"),
        ("lead", {"badge_scan.hot": 1}, "lead.badge_scan.hot is neither true nor false"),
        ("lead", {"operation_id": "op_1"}, "lead has no field operation_id"),
        ("lead", {"email_key": "a"}, "lead has no field email_key"),
        ("lead", {"campaign_id": "campaign_0"}, "campaign_id campaign_0 of lead_"),
        ("lead", {"campaign_id": "lead_0"}, "campaign_id lead_0 of lead_"),
        ("link", {"to_id": "nobody"}, "to_id nobody of link_"),
        ("booth", {"size": 1.5}, "booth.size is no text"),
        ("booth", {"size": "1e9"}, "booth.size is no exact number"),
        ("campaign", {"starts_on": "1. May"}, "campaign.starts_on is no day"),
    ],
)
def test_a_wrong_value_is_refused(fresh: CRM, file: Path, kind: str, change: dict[str, Any], reason: str) -> None:
    source = changed(file, lambda lines: first(lines, kind).update(change))

    assert reason in refusal(fresh, source)


def test_ids_and_unique_values_that_are_there_twice_are_named_by_line(fresh: CRM, file: Path) -> None:
    def twice(lines: Lines) -> None:
        stages = [line["stage"] for line in lines[1:] if "stage" in line]
        stages[1]["key"] = stages[0]["key"]
        lines.append({"booth": dict(first(lines, "booth"))})
        lines[0]["types"]["booth"]["count"] += 1

    source = changed(file, twice)
    lines = source.open().read().splitlines()
    stage = next(n for n, line in enumerate(lines, 1) if line.startswith(b'{"stage"')) + 1
    reason = refusal(fresh, source)

    assert f"line {stage}: another" in reason.replace("a stage with", "another") or f"line {stage}: " in reason
    assert f"line {len(lines)}: " in reason


def test_all_that_is_wrong_is_told_at_once_and_of_very_much_the_first(fresh: CRM, file: Path) -> None:
    def spoil(lines: Lines) -> None:
        for line in lines[1:]:
            for record in line.values():
                record["version"] = "x"
        lines.append({"dragon": {}})
        lines.append("no object")

    reason = refusal(fresh, changed(file, spoil))

    assert reason.count("version is no whole number") == 20
    assert f"and {len(file.read_text('utf-8').splitlines()) - 1 - 20 + 2} more" in reason


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"prefix": "lead"}, "the prefix lead of dragon is lead's here"),
        ({"plural": "leads"}, "the plural leads of dragon is lead's here"),
        ({"fields": {"x y": {"kind": "text"}}}, "dragon cannot have a field 'x y'"),
        ({"fields": {"x": {"kind": "blob"}}}, "dragon cannot have a field 'x'"),
        ({"fields": {"x": {"kind": "text", "references": "unicorn"}}}, "dragon.x refers to a unicorn"),
        ({"fields": {}}, "dragon has no field id"),
        ({"count": -1}, "dragon has no fields or no count"),
    ],
)
def test_a_record_type_that_cannot_be_is_refused(fresh: CRM, file: Path, entry: dict[str, Any], reason: str) -> None:
    def add(lines: Lines) -> None:
        lines[0]["types"]["dragon"] = {**lines[0]["types"]["user"], "prefix": "d", "plural": "ds", "count": 0, **entry}

    assert reason in refusal(fresh, changed(file, add))


@pytest.mark.parametrize("name", ["crmkit_catalogue", "sqlite_master", "lead_fts", "Ünicorn", "a b", "operation"])
def test_a_record_type_with_such_a_name_is_refused(fresh: CRM, file: Path, name: str) -> None:
    def add(lines: Lines) -> None:
        lines[0]["types"][name] = {**lines[0]["types"]["user"], "prefix": "d", "plural": "ds", "count": 0}

    assert name in refusal(fresh, changed(file, add))


def test_fields_that_do_not_fit_those_here_are_refused(fresh: CRM, file: Path) -> None:
    def alter(lines: Lines) -> None:
        fields = lines[0]["types"]["lead"]["fields"]
        fields |= {"score": {"kind": "text"}, "badge_scan_booth": {"kind": "text"}, "operation_id": {"kind": "text"}}

    reason = refusal(fresh, changed(file, alter))

    assert "lead.score is integer here and text in the file" in reason
    assert "lead.badge_scan_booth is called like badge_scan.booth here" in reason
    assert "lead.operation_id is filled by crmkit itself" in reason


def test_such_a_file_is_known_by_its_first_bytes(file: Path) -> None:
    assert is_whole_workspace(BytesSource("x", file.read_bytes()))
    assert not is_whole_workspace(BADGES)


def test_such_a_file_is_not_taken_for_leads(file: Path) -> None:
    with crmkit.open("memory:", discover=False) as crm:
        with pytest.raises(RejectedError, match="is the export of a whole workspace") as caught:
            crm.import_leads(file)

        assert "import_all" in caught.value.hint
        assert crm.leads.count() == 0

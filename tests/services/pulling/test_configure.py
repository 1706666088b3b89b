"""Adding lead sources, and changing them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from crmkit.core.lead_source import LeadSource
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.edit import add_records
from crmkit.services.pulling import add_source, change_source, pull_source, source_states, taken_from
from crmkit.services.pulling.recipe import Recipe
from crmkit.services.sources import FileSource
from crmkit.services.undo import undo
from crmkit.services.whole_workspace import export_workspace, import_workspace
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.import_samples import a_person, people, records
from tests.services.conftest import open_workspace

from .conftest import Scripted, with_kinds
from .test_pull import broken, files, state_of


class Careful(Scripted):
    """A kind that looks at its settings."""

    name = "careful"

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        if "place" not in settings:
            raise RejectedError("it needs a place")
        return {"place": settings["place"].upper()}


def test_a_lead_source_is_added_by_an_operation_that_can_be_undone(crm: Workspace) -> None:
    outcome = add_source(crm, "Website", "scripted", {"place": "here"}, policy="update", mapping={"Firm": "company"})
    made = outcome.value

    assert (made.name, made.kind, made.settings) == ("Website", "scripted", {"place": "here"})
    assert made.options == {"policy": "update", "mapping": {"Firm": "company"}}
    undo(crm, str(outcome.operation_id))
    assert records(crm, "lead_source") == []


def test_its_undo_is_not_hindered_by_what_was_pulled(crm: Workspace, kind: Scripted) -> None:
    outcome = add_source(crm, "Website", "scripted")
    kind.batches = files(people(a_person(1)))
    pull_source(crm, outcome.value)

    undo(crm, str(outcome.operation_id))

    assert records(crm, "lead_source") == []


def test_a_dry_run_adds_nothing(crm: Workspace) -> None:
    add_source(crm, "Website", "scripted", dry_run=True)

    assert records(crm, "lead_source") == []


def test_names_are_unique(crm: Workspace, source: LeadSource) -> None:
    with pytest.raises(RejectedError, match="name"):
        add_source(crm, source.name, "scripted")


def test_a_kind_that_is_not_there_is_told_with_what_comes_close(crm: Workspace) -> None:
    with pytest.raises(NotFoundError) as caught:
        add_source(crm, "Website", "script")

    assert caught.value.suggestions == ("scripted",)


def test_a_setting_that_its_kind_does_not_know_is_told_with_what_comes_close(crm: Workspace) -> None:
    with pytest.raises(RejectedError) as caught:
        add_source(crm, "Website", "scripted", {"plaec": "here", "colour": "red"})

    assert caught.value.reasons == (
        "a lead source of the kind scripted has no setting 'plaec'; did you mean place?",
        "a lead source of the kind scripted has no setting 'colour' (it has place, room)",
    )


def test_a_kind_may_look_at_the_settings_before_the_first_pull(workspace: Workspace) -> None:
    crm = with_kinds(workspace, Careful())

    with pytest.raises(RejectedError, match="needs a place"):
        add_source(crm, "Website", "careful")
    assert add_source(crm, "Website", "careful", {"place": "here"}).value.settings == {"place": "HERE"}


def test_settings_are_kept_as_texts(crm: Workspace) -> None:
    made = [
        add_source(crm, f"Source {number}", "scripted", {"place": value}).value.settings
        for number, value in enumerate([12, True, {"A": "b", "C": "d"}, None, "  "])
    ]

    assert made == [{"place": "12"}, {"place": "yes"}, {"place": "A: b\nC: d"}, {}, {}]


def test_all_options_that_are_wrong_are_told_at_once(crm: Workspace) -> None:
    with pytest.raises(RejectedError) as caught:
        add_source(crm, "Website", "scripted", polcy="fill", policy="overwrite", max_errors=-1, mapping="x", sheet=3)

    assert caught.value.reasons == (
        "an import has no option 'polcy'; did you mean policy?",
        "policy must be fill, skip or update, not 'overwrite'",
        "max_errors must be a whole number, 0 or more",
        "mapping must say for each word what it means",
        "sheet must be text",
    )


def test_what_the_files_are_said_to_be_is_looked_at_too(crm: Workspace) -> None:
    with pytest.raises(RejectedError) as caught:
        add_source(crm, "Website", "scripted", date_order="dym", region="Narnia")

    assert len(caught.value.reasons) == 2


def test_a_saved_mapping_is_looked_up_by_each_pull(crm: Workspace) -> None:
    add_records(crm, "mapping", [{"name": "Ours", "columns": {"Firm": "company"}}])
    source = add_source(crm, "Website", "scripted", saved_mapping="Ours").value

    assert Recipe.of(crm, source).reading.mapping == {"Firm": "company"}
    with pytest.raises(NotFoundError):
        add_source(crm, "Other", "scripted", saved_mapping="Theirs")


def test_how_many_errors_are_allowed_makes_no_other_import_of_it(crm: Workspace) -> None:
    few, many, other = (
        Recipe.of(crm, add_source(crm, name, "scripted", **options).value)
        for name, options in (("A", {"max_errors": 1}), ("B", {"max_errors": 9}), ("C", {"policy": "skip"}))
    )

    assert few.import_digest("a.csv") == many.import_digest("a.csv") != other.import_digest("a.csv")
    assert few.digest() != many.digest()


@pytest.mark.parametrize("what", ["importer", "campaign", "owner"])
def test_what_is_named_must_be_there(crm: Workspace, what: str) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        add_source(crm, "Website", "scripted", **{what: "nobody"})  # type: ignore[arg-type]  # one of three texts


def test_a_change_leaves_what_is_not_named(crm: Workspace) -> None:
    add_records(crm, "campaign", [{"name": "Salon"}])
    settings = {"place": "here", "room": "12"}
    made = add_source(crm, "Website", "scripted", settings, campaign="Salon", policy="skip", region="FR").value

    changed = change_source(crm, "Website", {"place": "there"}, importer="json", policy=None, name="Site").value

    assert (changed.id, changed.name, changed.kind, changed.settings) == (
        made.id,
        "Site",
        "scripted",
        {"place": "there", "room": "12"},
    )
    assert (changed.campaign_id, changed.importer, changed.options) == (made.campaign_id, "json", {"region": "FR"})


def test_none_takes_a_value_away(crm: Workspace) -> None:
    add_records(crm, "campaign", [{"name": "Salon"}])
    add_source(crm, "Website", "scripted", {"place": "here"}, campaign="Salon", importer="json")

    changed = change_source(crm, "Website", {"place": None}, campaign=None, importer=None).value

    assert (changed.settings, changed.campaign_id, changed.importer) == ({}, None, None)


def test_a_change_after_a_pull_is_no_conflict_and_can_be_undone(
    crm: Workspace, kind: Scripted, source: LeadSource
) -> None:
    kind.batches = files(people(a_person(1)))
    pull_source(crm, source)
    changed = change_source(crm, source.id, policy="update")
    pull_source(crm, source)

    undo(crm, str(changed.operation_id))

    assert crm.load_many("lead_source", [source.id])[0].options == {}
    assert state_of(crm, source).pulled_at is not None


def test_in_the_file_of_a_whole_workspace_it_still_knows_what_it_took(
    crm: Workspace, kind: Scripted, source: LeadSource, tmp_path: Path
) -> None:
    kind.batches = files(people(a_person(1)))
    pull_source(crm, source)
    export_workspace(crm, tmp_path / "all.jsonl")
    other = with_kinds(open_workspace(MemoryStorage()), kind)
    import_workspace(other, FileSource(tmp_path / "all.jsonl"))

    report = pull_source(other, "Website")

    assert (report.imported, report.known) == (0, 1)


def test_the_overview_tells_what_was_taken(crm: Workspace, kind: Scripted, source: LeadSource) -> None:
    add_source(crm, "Another", "scripted")
    kind.batches = files(people(a_person(1), name="a.jsonl"), broken("b.xyz"), people(a_person(2), name="c.jsonl"))
    pull_source(crm, source)

    states = source_states(crm)

    assert [(state.source.name, state.imported, state.failed) for state in states] == [
        ("Another", 0, 0),
        ("Website", 2, 1),
    ]
    assert [(item.name, item.imported) for item in taken_from(crm, source, limit=2)] == [
        ("c.jsonl", True),
        ("b.xyz", False),
    ]

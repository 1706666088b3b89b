"""importer(…) as data: what each thing that can be said of a table does."""

from __future__ import annotations

from typing import Any, cast

import attrs
import pytest

import crmkit
from crmkit.core.drafts import DraftBatch, LeadDraft
from crmkit.core.ports.sources import Importer, ReadingOptions
from crmkit.errors import PluginError, RejectedError
from crmkit.plugins.builtin.importers import builtin_importers
from crmkit.plugins.importer import DeclaredImporter, Row, importer
from crmkit.services.sources import BytesSource


def declared(**said: Any) -> DeclaredImporter:
    return importer("fair", columns=["Key", "Who"], **said)


def read(subject: Importer, text: str, *, name: str = "fair.csv", mapping: dict[str, str] | None = None) -> DraftBatch:
    (batch,) = subject.read(BytesSource(name, text.encode()), ReadingOptions(mapping=mapping or {})).batches
    return batch


def column(subject: Importer, field: str, text: str, **more: Any) -> list[Any]:
    batch = read(subject, text, **more)
    return list(batch.columns.get(field, [None] * len(batch)))


def test_data_alone_is_an_importer() -> None:
    fair: Importer = declared(map={"Key": "source_id", "Who": "full_name"}, summary="a fair", source="Fair")

    reading = fair.read(
        BytesSource("fair.csv", b"Key,Who,E-mail,Colour\n7,Ada Lind,ada@x.example,red\n"), ReadingOptions()
    )
    (batch,) = reading.batches

    assert (fair.summary, reading.source_label) == ("a fair", "Fair")
    assert batch.columns == {
        "source_id": ["7"],
        "full_name": ["Ada Lind"],
        "email": ["ada@x.example"],  # by the word of its header
        "extra": [{"Colour": "red"}],
    }


def test_of_several_columns_for_a_field_the_first_that_is_filled_goes_first_and_the_others_are_kept() -> None:
    fair = declared(map={"Office": "phone", "Home": "phone"})

    batch = read(fair, "Key,Who,Home,Office\n1,A,01,02\n2,B,03,\n")

    assert batch.columns["phone"] == ["02", "03"]
    assert batch.columns["extra"] == [{"Key": "1", "Who": "A", "Home": "01"}, {"Key": "2", "Who": "B"}]


def test_one_column_may_fill_several_fields() -> None:
    batch = read(declared(map={"Key": ("source_id", "extra")}), "Key,Who\n7,Ada\n")

    assert batch.columns["source_id"] == ["7"]
    assert batch.columns["extra"] == [{"Key": "7", "Who": "Ada"}]


def test_a_star_stands_for_numbered_columns() -> None:
    fair = declared(
        map={"Mail 1 - Value": "email", "Mail * - Value": "other_emails"}, ignore=["Mail * - Kind", "Key", "Who"]
    )

    batch = read(
        fair, "Key,Who,Mail 1 - Kind,Mail 1 - Value,Mail 2 - Kind,Mail 2 - Value\n1,A,x,a@x.example,y,b@x.example\n"
    )

    assert batch.columns == {"email": ["a@x.example"], "other_emails": [("b@x.example",)]}


def test_several_values_in_a_cell_are_parted() -> None:
    fair = declared(
        map={"Mail": "email", "Tel": "phone", "Groups": "tags"},
        split={"Mail": " ::: ", "Tel": " ::: ", "Groups": " ::: "},
        ignore=["Key", "Who"],
    )

    batch = read(
        fair, 'Key,Who,Mail,Tel,Groups\n1,A,a@x.example ::: b@x.example,01 ::: 02 ::: 03,"red, dark ::: blue"\n'
    )

    assert batch.columns["email"] == ["a@x.example"]
    assert batch.columns["other_emails"] == [("b@x.example",)]
    assert batch.columns["phone"] == ["01"]
    assert batch.columns["extra"] == [{"Tel": "02; 03"}]
    assert batch.columns["tags"] == [("red, dark", "blue")]


def test_values_are_changed_by_a_table_or_a_function_before_anything_else() -> None:
    fair = declared(
        map={"Who": "last_name", "Tel": "phone"},
        values={"Who": {"-None-": ""}, "Tel": lambda cell: cell.removeprefix("p:")},
        tags={"Who": "met {}"},
    )

    batch = read(fair, "Key,Who,Tel\n1,-NONE-,p:01\n2,Lind,02\n")

    assert batch.columns["last_name"] == ["", "Lind"]
    assert batch.columns["phone"] == ["01", "02"]
    assert batch.columns["tags"] == [(), ("met Lind",)]


def test_a_function_that_fails_costs_one_row() -> None:
    batch = read(declared(values={"Key": lambda cell: str(int(cell))}), "Key,Who\n1,A\nx,B\n2,C\n")

    ((line, reason),) = [(problem.line, problem.reason) for problem in batch.problems if problem.fatal]
    assert line == 3
    assert "'x' as Key: ValueError" in reason


@pytest.mark.parametrize(
    ("consent", "cells", "opted_out", "agreed"),
    [
        ("opt_out", ["Yes", "No", "", "2026-01-02"], [True, False, None, True], None),
        ("opt_in", ["Yes", "No", "", "x"], None, [True, False, None, True]),
        (
            {"gone": "opt_out", "Active": "opt_in"},
            ["GONE", "active", "", "maybe"],
            [True, None, None, None],
            [None, True, None, None],
        ),
    ],
)
def test_consent_has_its_sign_and_a_blank_says_nothing(
    consent: Any, cells: list[str], opted_out: list[bool | None] | None, agreed: list[bool | None] | None
) -> None:
    rows = "".join(f"{number},A,{cell}\n" for number, cell in enumerate(cells))

    columns = read(declared(consent={"Mail?": consent}), f"Key,Who,Mail?\n{rows}").columns

    assert (columns.get("opt_out"), columns.get("consent")) == (opted_out, agreed)


def test_the_name_of_a_file_says_what_no_column_does() -> None:
    files: dict[str, Any] = {"unsubscribed_*": "opt_out", "subscribed_*": "opt_in"}
    fair = declared(consent={"No mail": "opt_out", "News": "opt_in"}, files=files)
    text = "Key,Who,No mail,News\n1,A,,\n2,B,yes,\n3,C,no,\n4,D,,no\n"

    def said(name: str) -> list[list[bool | None]]:
        return [column(fair, field, text, name=name) for field in ("opt_out", "consent")]

    assert said("all.csv") == [[None, True, False, None], [None, None, None, False]]
    assert said("Subscribed_1.csv") == [[None, True, False, None], [True, None, True, False]]
    assert said("unsubscribed_1.csv") == [[True, True, True, None], [None, None, None, False]]


def test_tags_are_made_of_texts_and_tables() -> None:
    fair = declared(tags={"Stand": "stand {}", "Came": {"yes": "came", "no": "stayed away"}, "Key": "known"})

    assert column(fair, "tags", "Key,Who,Stand,Came\n1,A,7,YES\n,B,,no\n") == [
        ("stand 7", "came", "known"),
        ("stayed away",),
    ]


def test_rows_that_are_no_leads_are_ignored_with_their_reason() -> None:
    batch = read(declared(skip={"Who": ["Test", "Staff"]}), "Key,Who\n1,test\n2,Ada\n3,STAFF\n")

    assert batch.ignored == {2: "Who is 'test'", 4: "Who is 'STAFF'"}
    assert [extra for extra in batch.columns["extra"] if extra] == [{"Key": "2", "Who": "Ada"}]


def test_only_rows_below_a_title_of_people_are_read() -> None:
    fair = declared(sections={"Hosts": False, "Guests *": True}, map={"Who": "last_name"})
    text = "Hosts,\nKey,Who,Room\n1,Host,5\nGuests of today,\nKey,Who\n2,Guest,\n3,Other,\nHosts,\n4,Late,\n"

    batch = read(fair, text)

    assert [name for name in batch.columns["last_name"] if name] == ["Guest", "Other"]
    assert sorted(batch.ignored) == [8, 9]


def test_a_row_function_of_two_is_handed_the_draft() -> None:
    @importer("fair", columns=["Key", "Who"], map={"Who": "last_name"}, skip={"Key": ["0"]})
    def fair(row: Row, draft: LeadDraft) -> LeadDraft | None:
        """A fair."""
        return None if row["Key"] == "9" else attrs.evolve(draft, notes=f"key {row['Key']}")

    batch = read(fair, "Key,Who\n1,Ada\n9,Bob\n0,Cid\n")

    assert fair.summary == "A fair."
    assert batch.columns["last_name"] == ["Ada", None, None]
    assert batch.columns["notes"] == ["key 1", None, None]
    assert batch.ignored == {3: "no lead for fair", 4: "Key is '0'"}
    assert fair(Row.of({"Key": "1", "Who": "Ada"})) == LeadDraft(last_name="Ada", notes="key 1", extra={"Key": "1"})


def test_what_the_user_maps_goes_before_what_is_declared() -> None:
    fair = declared(map={"Who": "last_name"}, tags={"Key": "{}"})

    batch = read(fair, "Key,Who\n7,Ada\n", mapping={"Who": "company", "Key": "source_id"})

    assert batch.columns == {"company": ["Ada"], "source_id": ["7"]}
    with pytest.raises(RejectedError, match="no column 'Whom'"):
        read(fair, "Key,Who\n7,Ada\n", mapping={"Whom": "company"})


def test_the_source_of_the_user_goes_before_that_of_the_importer_and_that_of_a_row_before_both() -> None:
    fair = declared(map={"Who": "last_name", "From": "source"}, source="Fair")
    text = b"Key,Who,From\n1,Ada,Poster\n2,Bob,\n"

    found = []
    for label in (None, "Spring 2026"):
        with crmkit.open("memory:", plugins=[fair], discover=False) as crm:
            crm.import_leads(BytesSource("fair.csv", text), source_label=label)
            found.append({lead.last_name: lead.source for lead in crm.leads})

    assert found == [{"Ada": "Poster", "Bob": "Fair"}, {"Ada": "Poster", "Bob": "Spring 2026"}]


def test_who_names_more_columns_is_surer_and_of_several_in_one_place_one_will_do() -> None:
    vague = importer("vague", columns=[("Key", "Code")])
    exact = importer("exact", columns=[("Key", "Code"), "Who"], variants=[["Badge"]])

    def sure(subject: Importer, header: str) -> int:
        return subject.identify(BytesSource("fair.csv", f"{header}\n1,2,3\n".encode()))

    assert sure(exact, "Code,Who,Mail") > sure(vague, "Code,Who,Mail") >= 50
    assert sure(exact, "Badge,Mail,Name") >= 50
    assert sure(exact, "Who,Mail,Name") == 0


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"map": {"Who": "fullname"}}, "no field 'fullname'; did you mean full_name"),
        ({"consent": {"Who": "yes"}}, "consent is opt_out or opt_in, not 'yes'"),
        ({"files": {"a*": "in"}}, "not 'in'"),
        ({"variants": [[]]}, "at least one column"),
    ],
)
def test_what_an_author_mistypes_is_said_at_once(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PluginError, match=complaint):
        declared(**said)


def test_a_function_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(PluginError, match="takes two"):
        declared(map={"Who": "last_name"})(lambda _: LeadDraft())
    with pytest.raises(PluginError, match="a row, or a row and a draft"):
        declared()(lambda: None)  # type: ignore[arg-type]  # that is the mistake


def test_a_column_of_addresses_and_numbers_is_parted() -> None:
    fair = declared(map={"Reach": "reach"}, ignore=["Key", "Who"])

    batch = read(fair, "Key,Who,Reach\n1,A,a@x.example / 9876501234 / Monday\n2,B,b@x.example\n3,C,98765 43210\n")

    assert batch.columns["email"] == ["a@x.example", "b@x.example", ""]
    assert batch.columns["phone"] == ["9876501234", "", "98765 43210"]
    assert batch.columns["extra"] == [{"Reach": "Monday"}, {}, {}]


def test_no_two_importers_of_crmkit_have_one_name() -> None:
    names = [each.name for each in builtin_importers()]

    assert len(names) == len(set(names))


def test_a_function_is_not_asked_of_a_file_without_the_columns_it_is_about() -> None:
    asked: list[str] = []

    @importer("fair", columns=["Key", "Who"], map={"Who": "last_name"}, only_with=["Event", "Fair *"])
    def fair(row: Row, draft: LeadDraft) -> LeadDraft:
        asked.append(row["Who"])
        return attrs.evolve(draft, source=row.get("Event") or row["Fair name"])

    without = read(fair, "Key,Who\n1,Ada\n")
    named = read(fair, "Key,Who,Fair name\n1,Bob,Salon\n")

    assert asked == ["Bob"]
    assert (without.columns["last_name"], "source" in without.columns) == (["Ada"], False)
    assert named.columns["source"] == ["Salon"]


def test_a_function_may_write_into_the_extra_of_a_draft_and_return_it() -> None:
    @importer("fair", columns=["Key", "Who"], map={"Who": "last_name", "Key": "source_id"})
    def fair(row: Row, draft: LeadDraft) -> LeadDraft:
        if row["Key"] == "1":
            cast("dict[str, str]", draft.extra)["hall"] = "7"
        return draft

    batch = read(fair, "Key,Who\n1,Ada\n2,Bob\n")

    assert batch.columns["extra"] == [{"hall": "7"}, {}]


def test_a_refusal_is_kept_however_alone_it_stands() -> None:
    @importer("fair", columns=["Key", "Who"], map={"Who": "last_name"})
    def fair(_: Row, draft: LeadDraft) -> LeadDraft:
        return attrs.evolve(draft, consent=False if draft.last_name == "Bob" else None)

    batch = read(fair, "Key,Who\n1,Ada\n2,Bob\n")

    assert batch.columns["consent"] == [None, False]


def test_a_function_of_values_is_asked_once_for_each_value() -> None:
    asked: list[str] = []

    def upper(cell: str) -> str:
        asked.append(cell)
        return cell.upper()

    batch = read(declared(map={"Who": "last_name"}, values={"Who": upper}), "Key,Who\n1,Ada\n2,Bob\n3,Ada\n4,\n")

    assert batch.columns["last_name"] == ["ADA", "BOB", "ADA", ""]
    assert asked == ["Ada", "Bob"]

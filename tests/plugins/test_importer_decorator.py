"""@importer: a row function becomes an importer."""

from __future__ import annotations

import pytest

from crmkit.core.drafts import DraftBatch, LeadDraft
from crmkit.core.ports.sources import Importer, ReadingOptions
from crmkit.errors import PluginError, RejectedError, UnreadableError
from crmkit.plugins.importer import Row, importer
from crmkit.services.sources import BytesSource

SAMPLE = "BadgeID;Prénom;Last;Email;Booth\r\n7;Zoé;Müller;zoe@x.fr;A1\r\n8;Ann;Lee;ann@x.fr;B2\r\n".encode("cp1252")


@importer("acme-badges", columns=["BadgeID", "Prénom", "Last", "Email"])
def acme(row: Row) -> LeadDraft | None:
    """Acme badge scanners."""
    if row["Email"] == "staff@acme.example":
        return None
    return LeadDraft(
        source_id=row["BadgeID"],
        first_name=row["Prénom"],
        last_name=row["Last"],
        email=row["Email"],
        tags=["booth:" + row["Booth"]] if row.get("Booth") else (),
    )


def source(data: bytes | str) -> BytesSource:
    return BytesSource("scans.csv", data.encode() if isinstance(data, str) else data)


def only_batch(of: Importer, data: bytes | str) -> DraftBatch:
    (batch,) = of.read(source(data), ReadingOptions()).batches
    return batch


def reasons(batch: DraftBatch) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in batch.problems if problem.fatal]


def test_it_is_an_importer_and_still_the_function() -> None:
    whole: Importer = acme

    assert (whole.name, whole.summary) == ("acme-badges", "Acme badge scanners.")
    draft = acme(Row.of({"BadgeID": "7", "Prénom": "Zoé", "Last": "Müller", "Email": "zoe@x.fr"}))
    assert draft == LeadDraft(source_id="7", first_name="Zoé", last_name="Müller", email="zoe@x.fr")


def test_it_reads_a_file_of_its_own() -> None:
    reading = acme.read(source(SAMPLE), ReadingOptions())

    (batch,) = reading.batches

    assert reading.header == ("BadgeID", "Prénom", "Last", "Email", "Booth")
    assert batch.lines == [2, 3]
    assert batch.columns["first_name"] == ["Zoé", "Ann"]
    assert batch.columns["tags"] == [["booth:A1"], ["booth:B2"]]


def test_it_knows_its_own_files_and_no_others() -> None:
    exact = "BadgeID,Prénom,Last,Email\n"
    wider = "BadgeID,Prénom,Last,Email,a,b,c,d,e,f\n"
    folded = "badgeid,PRENOM,LAST,e-mail\n"

    assert 100 > acme.identify(source(exact)) > acme.identify(source(wider)) >= 50
    assert acme.identify(source("Prénom,Last,Email\n")) == 0
    assert acme.identify(source(folded)) == 0
    assert acme.identify(source(folded.replace("e-mail", "email"))) >= 50
    for other in (b"", b"PK\x03\x04" + bytes(100), b"\xff\xfe"):
        assert acme.identify(source(other)) == 0


def test_its_columns_are_found_below_a_preamble() -> None:
    strange = importer("strange", columns=["Zuname2", "Kürzel"])(lambda row: LeadDraft(last_name=row["Zuname2"]))

    batch = only_batch(strange, "Export of today\n\nZuname2,Kürzel,Other\nLee,x,\n")

    assert batch.columns["last_name"] == ["Lee"]
    assert batch.lines == [4]


def test_one_bad_row_never_costs_its_neighbours() -> None:
    @importer("picky", columns=["Name", "Age"])
    def picky(row: Row) -> LeadDraft:
        return LeadDraft(full_name=row["Name"], notes=str(int(row["Age"])))

    batch = only_batch(picky, 'Name,Age\nAnn,7\nBob,old\nCid,9\nDan,"1\n')

    assert batch.columns["full_name"] == ["Ann", None, "Cid", None]
    (line, reason), (open_line, _) = reasons(batch)
    assert (line, open_line) == (3, 5)
    assert "picky failed: ValueError" in reason
    assert "'old'" in reason


def test_a_column_that_is_not_there_is_named_with_close_ones() -> None:
    @importer("typo", columns=["Name", "Email"])
    def typo(row: Row) -> LeadDraft:
        return LeadDraft(email=row["Emial"])

    batch = only_batch(typo, "Name,Email\nAnn,a@x.fr\n")

    assert reasons(batch) == [(2, "there is no column 'Emial'; did you mean 'Email'?")]


def test_a_key_error_of_the_function_itself_is_not_mistaken_for_a_column() -> None:
    @importer("lookup", columns=["Name", "Email"])
    def lookup(row: Row) -> LeadDraft:
        return LeadDraft(country={"F": "FR"}[row["Name"]])

    batch = only_batch(lookup, "Name,Email\nAnn,a@x.fr\n")

    assert reasons(batch) == [(2, "lookup of lookup failed: KeyError: 'Ann'")]


def test_a_refusal_on_purpose_is_the_reason_itself() -> None:
    @importer("strict", columns=["Name", "Email"])
    def strict(row: Row) -> LeadDraft:
        raise RejectedError(f"{row['Name']} did not agree")

    assert reasons(only_batch(strict, "Name,Email\nAnn,a@x.fr\n")) == [(2, "Ann did not agree")]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"email": "a@x.fr"}, "returned dict instead of LeadDraft or None"),
        (LeadDraft(email=7), "returned int as email"),  # type: ignore[arg-type]  # that is the mistake
        (LeadDraft(tags="vip"), "returned str as tags"),
        (LeadDraft(opt_out="yes"), "returned str as opt_out"),  # type: ignore[arg-type]  # likewise
        (LeadDraft(consent="yes"), "returned str as consent"),  # type: ignore[arg-type]  # likewise
    ],
)
def test_a_wrong_result_names_the_function(result: object, said: str) -> None:
    wrong = importer("wrong", columns=["Name", "Email"])(lambda _: result)  # type: ignore[arg-type]  # likewise

    ((line, reason),) = reasons(only_batch(wrong, "Name,Email\nAnn,a@x.fr\n"))

    assert line == 2
    assert "<lambda> of wrong" in reason
    assert said in reason


def test_none_and_rows_that_are_no_records_are_ignored_with_a_reason() -> None:
    batch = only_batch(acme, "BadgeID,Prénom,Last,Email\n1,S,T,staff@acme.example\n,,,\n2,A,B,a@x.fr\n")

    assert batch.ignored == {2: "no lead for acme-badges", 3: "blank row"}
    assert len(batch) == 3
    assert batch.problems == ()


def test_a_file_without_its_columns_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableError, match=r"no column 'BadgeID'.*no column 'Last'"):
        acme.read(source("Prénom,Email\n"), ReadingOptions())


def test_a_mapping_by_the_user_is_refused_and_not_ignored() -> None:
    with pytest.raises(RejectedError, match="acme-badges"):
        acme.read(source(SAMPLE), ReadingOptions(mapping={"Email": "email"}))


def test_a_decorator_used_wrongly_says_how_to_use_it() -> None:
    with pytest.raises(PluginError, match="lower case"):
        importer("Acme Badges", columns=["A"])
    with pytest.raises(PluginError, match="at least one"):
        importer("acme", columns=[])
    with pytest.raises(PluginError, match="@importer"):
        importer(acme, columns=["A"])  # type: ignore[arg-type]  # that is the mistake

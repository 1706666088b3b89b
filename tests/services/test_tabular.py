"""Tables: from bytes in any encoding and dialect to rows of cells."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.ports.sources import ReadingOptions
from crmkit.errors import RejectedError, UnreadableError
from crmkit.services.sources import BytesSource
from crmkit.services.tabular import Row, RowKind, Table, UnknownColumnError, open_table

WORDS = {"name", "email", "phone", "company", "nom", "prénom", "société", "téléphone", "notes"}


def known(cell: str) -> bool:
    return cell.strip().casefold() in WORDS


def table_of(data: bytes | str, **options: object) -> Table:
    raw = data.encode() if isinstance(data, str) else data
    return open_table(BytesSource("leads.csv", raw), ReadingOptions(**options), known=known)  # type: ignore[arg-type]  # as given


def records(table: Table) -> list[list[str]]:
    return [list(row.cells) for row in table.rows() if row.kind is RowKind.DATA]


def finding(table: Table, what: str) -> str:
    return next(finding.value for finding in table.findings if finding.what == what)


# ------------------------------------------------------------------ encodings


def test_french_excel_is_read_without_being_told_anything() -> None:
    table = table_of("Nom;Prénom;Société\r\nÉtienne;Jules;Hospy Médias\r\n".encode("cp1252"))

    assert table.header == ("Nom", "Prénom", "Société")
    assert records(table) == [["Étienne", "Jules", "Hospy Médias"]]
    assert (finding(table, "encoding"), finding(table, "delimiter")) == ("cp1252", ";")


def test_the_evidence_for_cp1252_names_the_byte_and_its_line() -> None:
    table = table_of("Nom;Email\nAnne;a@x.fr\nZoé;z@x.fr\n".encode("cp1252"))

    assert [f.evidence for f in table.findings if f.what == "encoding"] == ["byte 0xE9 on line 3 is not utf-8"]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1252", "Zoé D’ÉTÉ-MÜLLER"),
        ("cp1252", "João Conceição"),
        ("cp1250", "Łukasz Świątek"),
        ("mac-roman", "Zoé LEFÈVRE"),
        ("cp850", "Hélène Müller"),
        ("cp1251", "Иван Петров"),
    ],
)
def test_a_code_page_is_told_by_the_words_that_it_makes(codec: str, name: str) -> None:
    table = table_of(f"Name;Email\n{name};a@x.fr\n".encode(codec))

    assert records(table) == [[name, "a@x.fr"]]
    assert finding(table, "encoding") == codec


def test_the_evidence_for_another_code_page_shows_a_word() -> None:
    table = table_of("Name;Email\nZoé;a@x.fr\n".encode("mac-roman"))

    assert table.findings[0].evidence == (
        "byte 0x8E on line 2 is not utf-8; 'ZoŽ' is no word, as it would be in cp1252, and 'Zoé' is one"
    )


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_every_usual_encoding_gives_the_same_rows(codec: str) -> None:
    text = "Name\tEmail\tCompany\r\nZoë Müller\tzoe@huber.at\tDruckerei Hüber\r\n"

    table = table_of(text.encode(codec))

    assert table.header == ("Name", "Email", "Company")
    assert records(table) == [["Zoë Müller", "zoe@huber.at", "Druckerei Hüber"]]


def test_a_byte_that_is_not_utf8_is_noticed_at_the_very_end_of_a_large_file() -> None:
    rows = "Anne,a@x.fr\n" * 200_000

    table = table_of(f"Name,Email\n{rows}Zoé,z@x.fr\n".encode("cp1252"))

    assert finding(table, "encoding") == "cp1252"
    assert sum(1 for _ in table.rows()) == 200_001


def test_an_encoding_that_was_asked_for_is_used_and_bad_bytes_are_warnings() -> None:
    table = table_of("Name,Email\nZoé,z@x.fr\nAnne,a@x.fr\n".encode("cp1252"), encoding="utf-8")

    rows = list(table.rows())

    assert rows[0]["Name"] == "Zo\ufffd"
    assert [(problem.line, problem.fatal) for row in rows for problem in row.problems] == [(2, False)]


def test_an_unknown_encoding_is_refused() -> None:
    for name in ("latin-99", "base64"):
        with pytest.raises(RejectedError, match=name):
            table_of("Name,Email\n", encoding=name)


def test_a_nul_is_left_out_of_its_cell_and_reported() -> None:
    table = table_of(b"Name,Email\nB\0ob,b@x.fr\n")

    assert records(table) == [["Bob", "b@x.fr"]]
    assert finding(table, "NUL characters") == "1"


# ------------------------------------------------------------------- no tables


def test_an_empty_source_says_so() -> None:
    for data in (b"", b"\n\r\n \n", "\ufeff".encode()):
        with pytest.raises(UnreadableError, match=r"is empty|has no rows"):
            table_of(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04" + bytes(range(256)), "XLSX"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "picture"),
        (b"%PDF-1.7\n", "PDF"),
        (bytes(range(1, 32)) * 40, "control characters"),
    ],
)
def test_a_binary_file_is_refused_with_a_hint(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableError, match=what) as caught:
        table_of(data)

    assert caught.value.hint


# -------------------------------------------------------------------- dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["Name", "Email", "Notes"], ["Ann", "a@x.fr", "x"], ["Bob", "b@x.fr", "y"]]

    table = table_of("\n".join(delimiter.join(row) for row in rows))

    assert [list(table.header), *records(table)] == rows


@pytest.mark.parametrize(
    "text",
    [
        "Name,Email,Notes\nAnn,a@x.fr,a\tb\tc\td\nBob,b@x.fr,a\tb\tc\td\n",  # tabs in each cell
        "Name;Email;Notes\nAnn;a@x.fr;1,5\nBob;b@x.fr;2,5\nCid;c@x.fr;3,5\n",  # decimal commas
        "Name,Email,Notes\nAnn,a@x.fr,a|b|c|d\nBob,b@x.fr,a|b|c|d\n",  # lists in a cell
        'Name;Email;Notes\nAnn;a@x.fr;"a;b;c"\nBob;b@x.fr;"d;e"\n',  # quoted delimiters
    ],
)
def test_other_delimiters_within_cells_do_not_mislead(text: str) -> None:
    table = table_of(text)

    assert table.header == ("Name", "Email", "Notes")
    assert {len(row) for row in records(table)} == {3}


def test_a_file_of_one_column_has_no_delimiter() -> None:
    table = table_of("Email\nann@x.fr\nbob@x.fr\n")

    assert table.header == ("Email",)
    assert records(table) == [["ann@x.fr"], ["bob@x.fr"]]


def test_the_line_that_excel_heeds_is_heeded() -> None:
    table = table_of("sep=|\nName|Email\nAnn|a@x.fr\n")

    assert table.header == ("Name", "Email")
    assert records(table) == [["Ann", "a@x.fr"]]


def test_a_quoted_cell_may_have_blanks_before_it() -> None:
    table = table_of('Name,Email,Company\n"Ann",a@x.fr, "Acme, Inc."\nBob,b@x.fr, Beta\n')

    assert records(table) == [["Ann", "a@x.fr", "Acme, Inc."], ["Bob", "b@x.fr", "Beta"]]


def test_a_delimiter_that_was_asked_for_is_used() -> None:
    table = table_of("Name:Email\nAnn:a@x.fr\n", delimiter=":")

    assert table.header == ("Name", "Email")
    with pytest.raises(RejectedError, match="delimiter"):
        table_of("Name,Email\n", delimiter="::")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    table = table_of(end.join(["Name,Email", "Ann,a@x.fr", 'Bob,"b@x.fr"']))

    assert [(row.line, list(row.cells)) for row in table.rows()] == [(2, ["Ann", "a@x.fr"]), (3, ["Bob", "b@x.fr"])]


# --------------------------------------------------------------------- headers


def test_a_header_below_a_preamble_is_found() -> None:
    table = table_of('Notes:\n"When exporting, some addresses are missing."\n\nName,Email,Company\nAnn,a@x.fr,Acme\n')

    assert table.header == ("Name", "Email", "Company")
    assert [(row.line, list(row.cells)) for row in table.rows()] == [(5, ["Ann", "a@x.fr", "Acme"])]
    assert finding(table, "header") == "line 4"


def test_a_header_with_one_row_above_another_table_is_a_summary() -> None:
    table = table_of("Name,Phone,Notes\nExpo,1,2\n\nName,Email,City\nAnn,ann@x.example,Bonn\n")

    assert table.header == ("Name", "Email", "City")


def test_a_number_among_many_names_is_part_of_a_header() -> None:
    table = table_of("0,Name,Company,Email,Phone\n1,Ann Lee,Lee Inc,ann@x.example,12\n")

    assert table.header == ("0", "Name", "Company", "Email", "Phone")


def test_a_line_drawn_below_the_header_is_no_record() -> None:
    text = "Name|Phone\n:----|----\nAnn Lee|12\n"

    assert [row.kind for row in table_of(text).rows()] == [RowKind.RULE, RowKind.DATA]


def test_a_total_that_counts_is_no_record() -> None:
    kinds = [row.kind for row in table_of("Name,Email,City\nAnn,ann@x.example,Bonn\nTotal,Count,1\n").rows()]

    assert kinds == [RowKind.DATA, RowKind.TOTAL]


def test_without_known_words_labels_above_values_are_a_header() -> None:
    table = open_table(BytesSource("x.csv", b"Foo,Bar\nAnn,a@x.fr\n"), ReadingOptions())

    assert table.header == ("Foo", "Bar")


def test_values_in_the_first_row_are_a_record() -> None:
    table = table_of("Ann,a@x.fr\nBob,b@x.fr\n")

    assert table.header == ("column_1", "column_2")
    assert records(table) == [["Ann", "a@x.fr"], ["Bob", "b@x.fr"]]
    assert finding(table, "header") == "none"


def test_the_header_line_can_be_told() -> None:
    text = "Name,Email\nA,B\nAnn,a@x.fr\n"

    assert table_of(text, header_line=2).header == ("A", "B")
    assert len(records(table_of(text, header_line=0))) == 3
    with pytest.raises(UnreadableError, match="line 9"):
        table_of(text, header_line=9)


def test_every_column_has_a_name_of_its_own() -> None:
    table = table_of("Name,Email,,Email , Na  me*,Email (2),Email\nAnn,a@x.fr,,,,,\n")

    assert table.header == ("Name", "Email", "column_3", "Email (3)", "Na me*", "Email (2)", "Email (4)")


# ------------------------------------------------------------------------ rows


def test_short_rows_are_padded_and_long_ones_keep_their_surplus_with_a_warning() -> None:
    rows = list(table_of("Name,Email,Phone\nAnn\nBob,b@x.fr,1,2,3\nCid,c@x.fr,1,,\n").rows())

    assert [list(row.cells) for row in rows] == [
        ["Ann", "", ""],
        ["Bob", "b@x.fr", "1", "2", "3"],
        ["Cid", "c@x.fr", "1", "", ""],
    ]
    assert [(problem.line, problem.fatal) for row in rows for problem in row.problems] == [(3, False)]


def test_rows_that_are_no_records_are_told_apart_and_kept() -> None:
    text = (
        "Name,Email,Company\nAnn,a@x.fr,Acme\n,,\n \t\nName,Email,Company\nTotal,,3\n"
        "Bob,b@x.fr,Total\n\nGrand Totals (2 records)\n\nConfidential Information - Do Not Distribute\nAsk us\n"
    )

    kinds = [(row.line, row.kind) for row in table_of(text).rows()]

    assert kinds == [
        (2, RowKind.DATA),
        (3, RowKind.BLANK),
        (4, RowKind.BLANK),
        (5, RowKind.HEADER),
        (6, RowKind.TOTAL),
        (7, RowKind.DATA),
        (8, RowKind.BLANK),
        (9, RowKind.TOTAL),
        (10, RowKind.BLANK),
        (11, RowKind.FOOTER),
        (12, RowKind.FOOTER),
    ]


@pytest.mark.parametrize("row", ["Total,a@total.example,Total", "Totalenergies,,", "Tota Ls,,Acme", "bob@x.fr,,"])
def test_people_who_look_like_totals_are_records(row: str) -> None:
    table = table_of(f"Name,Email,Company\nAnn,a@x.fr,Acme\n\n{row}\n")

    assert len(records(table)) == (1 if row == "Totalenergies,," else 2)


def test_each_row_knows_the_physical_line_on_which_it_begins() -> None:
    table = table_of('Name,"No\ntes"\nAnn,"one\r\ntwo\rthree"\n\nBob,x\n', header_line=1)

    assert table.header == ("Name", "No tes")
    assert [(row.line, row.cells[1]) for row in table.rows()] == [(3, "one\r\ntwo\rthree"), (6, ""), (7, "x")]


# ----------------------------------------------------------------- broken rows


def faults(table: Table) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for row in table.rows() for problem in row.problems if problem.fatal]


def test_a_quote_left_open_costs_one_row_and_not_the_rest_of_the_file() -> None:
    rows = [f"Ann{n},a{n}@x.fr" for n in range(5000)]
    rows[10] = 'Bob,"b@x.fr'

    table = table_of("\n".join(["Name,Email", *rows]))

    assert faults(table) == [(12, 'a quote (") opens here and is not closed')]
    assert len(records(table)) == 4999
    assert [row.cells[0] for row in table.rows() if row.kind is RowKind.BROKEN] == ['Bob,"b@x.fr']


def test_a_quote_left_open_on_the_last_line_costs_that_line() -> None:
    table = table_of('Name,Email\nAnn,a@x.fr\nBob,"b@x.fr\n')

    assert [line for line, _ in faults(table)] == [3]
    assert records(table) == [["Ann", "a@x.fr"]]


def test_an_open_quote_that_a_later_quote_closes_is_noticed() -> None:
    table = table_of(
        'Name,Company,Email\nAnn,"Acme,a@x.fr\nBob,Beta,b@x.fr\nCid,"Gamma, Inc",c@x.fr\nDan,Delta,d@x.fr\n'
    )

    assert [line for line, _ in faults(table)] == [2]
    assert [row[0] for row in records(table)] == ["Bob", "Cid", "Dan"]


def test_notes_over_several_lines_are_not_mistaken_for_an_open_quote() -> None:
    table = table_of('Name,Notes,Email\nAnn,"Dear all,\nhello, there,\nbye, bye, bye",a@x.fr\nBob,,b@x.fr\n')

    assert faults(table) == []
    assert len(records(table)) == 2


def test_a_huge_cell_costs_one_row() -> None:
    huge = "x" * 2_000_000

    table = table_of(f'Name,Email\nAnn,a@x.fr\nBob,{huge}\nCid,"{huge}"\nDan,d@x.fr\n')

    assert [line for line, _ in faults(table)] == [3, 4]
    assert records(table) == [["Ann", "a@x.fr"], ["Dan", "d@x.fr"]]


def test_a_line_too_long_to_hold_costs_one_row() -> None:
    long = ("x" * 1000 + ",") * 20_000

    table = table_of(f'Name,Email\nAnn,a@x.fr\n{long}\r\nBob,b@x.fr\n"{long}\nCid,c@x.fr\n')

    assert [line for line, _ in faults(table)] == [3, 5]
    assert records(table) == [["Ann", "a@x.fr"], ["Bob", "b@x.fr"], ["Cid", "c@x.fr"]]


def test_lines_are_counted_right_behind_one_that_is_too_long() -> None:
    for length in range(5_000_000, 5_000_000 + 131_072, 32_767):  # the line end falls on many places of a block
        table = table_of(f"Name,Email\r\n{'x,' * (length // 2)}\r\nAnn,a@x.fr\r\n")

        assert [(row.line, row.kind) for row in table.rows()] == [(2, RowKind.BROKEN), (3, RowKind.DATA)]


def test_a_file_full_of_open_quotes_is_still_read_in_one_go() -> None:
    trap = 'a"b,"\n'  # opens a quote, and keeps one open that was open already

    rows = list(table_of("Name,Email\n" + trap * 60_000).rows())

    assert [row.line for row in rows] == list(range(2, 60_002))
    assert sum(1 for row in rows if row.kind is RowKind.BROKEN) == 100


class Endless:
    """A source of very many rows that takes no room itself."""

    name = "endless.csv"
    size_bytes = 0
    sha256 = ""

    def __init__(self, row: bytes, count: int) -> None:
        self._row, self._count = row, count

    def head(self, count: int = 65536) -> bytes:
        return (b"Name,Email\n" + self._row * (count // len(self._row) + 1))[:count]

    def open(self) -> BinaryIO:
        return _Stream(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        yield b"Name,Email\n"
        for _ in range(self._count // 1000):
            yield self._row * 1000


class _Stream(BytesIO):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = chunks

    def read(self, _size: int | None = -1, /) -> bytes:
        return next(self._pieces, b"")

    read1 = read


@pytest.mark.parametrize("row", [b"Ann,a@x.fr\n", b'Ann,"a@x.fr\n', b"x" * 200])
def test_memory_does_not_grow_with_the_file(row: bytes) -> None:
    table = open_table(Endless(row, 100_000), ReadingOptions(), known=known)
    tracemalloc.start()

    count = sum(len(batch.lines) for batch in table.batches())

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count >= 1
    assert peak < 30_000_000


# ------------------------------------------------------------------------ laws


CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\r,;\t|\"' "), max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    return draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=30))


@given(
    rows=tables(),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_csv_writes_is_read_back_cell_by_cell(rows: list[list[str]], delimiter: str, end: str, codec: str) -> None:
    text = StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)

    table = table_of(text.getvalue().encode(codec), delimiter=delimiter, encoding=codec, header_line=0)

    assert [list(row.cells) for row in table.rows()] == rows


@given(names=st.lists(st.sampled_from(["Ann", "Zoé", "O'Hara", 'J. "Jo" D', "x, y", "a;b"]), min_size=1, max_size=30))
def test_what_csv_writes_in_any_dialect_is_found_out(names: list[str]) -> None:
    for delimiter in ",;\t|":
        text = StringIO()
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow(["Name", "Email", "Notes"])
        writer.writerows([name, "a@x.fr", "x"] for name in names)

        table = table_of(text.getvalue())

        assert [row["Name"] for row in table.rows()] == names


@given(data=st.binary(max_size=400) | st.text(st.sampled_from('ab,;"\r\n\t\0'), max_size=200).map(str.encode))
def test_whatever_the_bytes_they_are_read_or_refused(data: bytes) -> None:
    try:
        rows = list(table_of(data).rows())
    except UnreadableError:
        return

    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))


# ------------------------------------------------------------------ single rows


def test_a_cell_is_found_by_its_column_whatever_its_case_and_accents() -> None:
    row = Row.of({"Prénom": "Jules", "E-mail": "'+33 1", "Code": '="00123"'})

    assert (row["Prénom"], row["prenom"], row["e mail"], row["Code"]) == ("Jules", "Jules", "+33 1", "00123")
    assert row.get("Nom", "?") == "?"


def test_a_column_that_is_not_there_names_close_ones() -> None:
    row = Row.of({"BadgeID": "1", "Email": "a@x.fr"})

    with pytest.raises(UnknownColumnError) as caught:
        row["BadgeIDs"]

    assert str(caught.value) == "there is no column 'BadgeIDs'; did you mean 'BadgeID'?"


# ------------------------------------------------------------------ what is rare


@pytest.mark.parametrize("mark", "^~¦§:")
def test_a_rare_delimiter_is_found_where_the_header_speaks_for_it(mark: str) -> None:
    table = table_of("Name,Email,Phone\nAnn Lee,ann@x.fr,12\nBob Roe,bob@x.fr,34\n".replace(",", mark))

    assert (table.header, finding(table, "delimiter")) == (("Name", "Email", "Phone"), mark)


def test_what_rarely_parts_cells_does_not_part_times_and_links() -> None:
    table = table_of("Name,Email,Notes\nAnn,a@x.fr,https://x.fr at 10:30:00\nBob,b@x.fr,https://y.fr at 11:30:00\n")
    words = table_of("Ann at 10:30\nBob at 11:45\n")

    assert (finding(table, "delimiter"), finding(words, "delimiter")) == (",", "none")


def test_a_name_that_another_column_has_is_told_by_the_row_above() -> None:
    table = table_of("Contact;;Société;\nPrénom;Nom;Nom;Notes\nJules;ETIENNE;Acme;\n")

    assert table.header == ("Prénom", "Nom", "Société Nom", "Notes")
    assert records(table) == [["Jules", "ETIENNE", "Acme", ""]]


def test_a_title_above_the_header_names_no_columns() -> None:
    table = table_of("People of 2026;;;\nNom;Email;Email;Notes\nETIENNE;a@x.fr;b@x.fr;\n")

    assert table.header == ("Nom", "Email", "Email (2)", "Notes")


def test_a_single_row_in_words_that_nobody_knows_is_a_row() -> None:
    table = table_of("Jules ETIENNE;Acme\n")

    assert (finding(table, "header"), records(table)) == ("none", [["Jules ETIENNE", "Acme"]])


def test_a_sentence_below_a_narrow_table_is_no_record() -> None:
    table = table_of("Name;Email\nAnn;a@x.fr\n;\nThis list has been made by Bob on Monday;\n")

    assert [row.kind for row in table.rows()] == [RowKind.DATA, RowKind.BLANK, RowKind.FOOTER]


def test_what_stands_alone_below_a_total_is_no_record() -> None:
    table = table_of("Name,Email,Phone\nAnn,a@x.fr,12\nTotal,1,\nPage 1 of 1,,\n")

    assert [row.kind for row in table.rows()] == [RowKind.DATA, RowKind.TOTAL, RowKind.FOOTER]

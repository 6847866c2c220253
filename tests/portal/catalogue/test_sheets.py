"""Events as CSV files that spreadsheets read and write."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.cells import guard, unguard
from festgate.portal.catalogue.details import FIELDS, Details, written
from festgate.portal.catalogue.rows import LineError, Unreadable
from festgate.portal.catalogue.sheets import COLUMNS, read_sheet, write_rows
from tests.portal.catalogue.programme import KOLKATA, any_details

CELLS = st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@'\t\r\n\",;"), max_size=30)
HEADER = ",".join(COLUMNS)
ROW = "Robo Race,Robots.,,Technology,Yard,2026-03-14T10:00,2026-03-14T12:00,,,450,50,robo-race"


@given(CELLS)
def test_no_spreadsheet_takes_a_cell_for_a_formula_and_the_cell_comes_back_as_it_was(cell: str) -> None:
    guarded = guard(cell)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard(guarded) == cell


@pytest.mark.parametrize(
    "cell, guarded",
    [
        ("\uff1dcmd", "'\uff1dcmd"),
        ("\uff0b1", "'\uff0b1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("+91 98", "'+91 98"),
        ("Bring:\n- a laptop", "Bring:\n- a laptop"),
    ],
)
def test_signs_of_full_width_and_within_a_cell_are_guarded_too(cell: str, guarded: str) -> None:
    assert guard(cell) == guarded
    assert unguard(guarded) == cell


@given(st.lists(any_details(), max_size=5))
def test_rows_that_were_written_are_read_as_they_were(entered: list[Details]) -> None:
    rows = [written(details, KOLKATA) | {"slug": f"event-{number}"} for number, details in enumerate(entered)]
    sheet = read_sheet(write_rows(rows).encode())
    assert [row.fields for row in sheet.rows] == rows
    assert not sheet.errors


@given(st.lists(any_details(), min_size=1, max_size=3))
def test_a_spreadsheet_reads_the_same_table_as_we_do(entered: list[Details]) -> None:
    text = write_rows(written(details, KOLKATA) | {"slug": ""} for details in entered)
    table = list(csv.reader(io.StringIO(text, newline="")))
    assert table[0] == list(COLUMNS)
    assert [[unguard(cell) for cell in row[: len(FIELDS)]] for row in table[1:]] == [
        list(written(details, KOLKATA).values()) for details in entered
    ]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheets_of_the_world_save_is_read(sign: str, mark: bytes, end: str) -> None:
    table = [
        ["Title", " FEE ", "place"],
        ["Café, späte Vorstellung", "450", "Hof"],
        ["", "", ""],
        ["B;C", "0", ""],
    ]
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=sign, lineterminator=end).writerows(table)
    sheet = read_sheet(mark + target.getvalue().encode())
    assert [row.fields for row in sheet.rows] == [
        {"title": "Café, späte Vorstellung", "fee": "450", "place": "Hof"},
        {"title": "B;C", "fee": "0", "place": ""},
    ]
    assert [row.line for row in sheet.rows] == [2, 4]


def test_a_row_is_named_by_the_line_on_which_it_begins() -> None:
    sheet = read_sheet(b'title,description\nOne,"a\nb\nc"\nTwo,x\n\nThree,y\n')
    assert [(row.line, row.fields["title"]) for row in sheet.rows] == [(2, "One"), (5, "Two"), (7, "Three")]


def test_a_row_with_too_few_or_too_many_cells_is_wrong_and_the_others_are_not() -> None:
    sheet = read_sheet(b"title,fee\nOne,1\nTwo\nThree,3,3\nFour,4\n")
    assert [row.fields["title"] for row in sheet.rows] == ["One", "Four"]
    assert sheet.errors == [
        LineError(3, "1 cells, but the header has 2."),
        LineError(4, "3 cells, but the header has 2."),
    ]


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "The file is empty. Its first line names the columns: title"),
        (b"\xef\xbb\xbf\r\n\r\n", "The file is empty"),
        ("title,fee\nCafé,1\n".encode("latin-1"), r"line 2: byte 0xe9 is not UTF-8 text"),
        ("title,fee\nCafé,1\n".encode("utf-16"), "The file is in UTF-16"),
        (b"title,price\nA,1\n", "line 1: unknown column 'price'. The columns are: title"),
        (b"title,fee,fee\nA,1,1\n", "line 1: the column 'fee' appears twice"),
        (b"fee,place\n1,Yard\n", "line 1: there is no column 'title'"),
        (b'title,fee\nA,1\n"B,2\n', "line 3: this is not CSV"),
        (b"Robo Race,450\n", "line 1: unknown columns 'robo race', '450'"),
        (b"PK\x03\x04\x14\x00\x06\x00", "unknown column"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        read_sheet(data)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(f"{HEADER}\n{ROW}\n".encode().__add__))
def test_no_file_whatever_breaks_the_reader(data: bytes) -> None:
    try:
        sheet = read_sheet(data)
    except Unreadable:
        return
    assert all(row.fields.keys() <= {*COLUMNS} for row in sheet.rows)

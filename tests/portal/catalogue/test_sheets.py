"""Events as CSV files that spreadsheets read and write."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.cells import guard, unguard
from festgate.portal.catalogue.details import FIELDS, Details, written
from festgate.portal.catalogue.files.rows import LineError, Unreadable
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.sheets import COLUMNS, write_rows
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA, any_details

CELLS = st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@'\t\r\n\",;"), max_size=30)
HEADER = ",".join(COLUMNS)
ROW = "Robo Race,Robots.,,Technology,Yard,2026-03-14T10:00,2026-03-14T12:00,,,450,50,robo-race"


@given(CELLS)
def test_a_guarded_cell_is_not_a_formula_and_can_be_restored(cell: str) -> None:
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
def test_full_width_signs_and_signs_within_a_cell_are_guarded(cell: str, guarded: str) -> None:
    assert guard(cell) == guarded
    assert unguard(guarded) == cell


@given(st.lists(any_details(), max_size=5))
def test_written_rows_are_read_unchanged(details_given: list[Details]) -> None:
    rows = [
        written(details, KOLKATA) | {"slug": f"event-{number}", "room": ""}
        for number, details in enumerate(details_given)
    ]
    sheet = read_sheet(write_rows(rows).encode(), CONVENTIONS)
    assert [row.fields for row in sheet.rows] == rows
    assert not sheet.errors


@given(st.lists(any_details(), min_size=1, max_size=3))
def test_written_rows_are_valid_csv(details_given: list[Details]) -> None:
    text = write_rows(written(details, KOLKATA) | {"slug": "", "room": ""} for details in details_given)
    table = list(csv.reader(io.StringIO(text, newline="")))
    assert table[0] == list(COLUMNS)
    assert [[unguard(cell) for cell in row[: len(FIELDS)]] for row in table[1:]] == [
        list(written(details, KOLKATA).values()) for details in details_given
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_are_read_with_any_delimiter_line_end_and_byte_order_mark(
    delimiter: str, byte_order_mark: bytes, end: str
) -> None:
    table = [
        ["Title", " FEE ", "place"],
        ["Café, späte Vorstellung", "450", "Hof"],
        ["", "", ""],
        ["B;C", "0", ""],
    ]
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter, lineterminator=end).writerows(table)
    sheet = read_sheet(byte_order_mark + target.getvalue().encode(), CONVENTIONS)
    assert [row.fields for row in sheet.rows] == [
        {"title": "Café, späte Vorstellung", "fee": "450", "place": "Hof"},
        {"title": "B;C", "fee": "0", "place": ""},
    ]
    assert [row.line for row in sheet.rows] == [2, 4]


def test_a_row_has_the_number_of_its_first_line() -> None:
    sheet = read_sheet(b'title,description\nOne,"a\nb\nc"\nTwo,x\n\nThree,y\n', CONVENTIONS)
    assert [(row.line, row.fields["title"]) for row in sheet.rows] == [(2, "One"), (5, "Two"), (7, "Three")]


def test_only_rows_with_more_content_than_the_header_are_errors() -> None:
    sheet = read_sheet(b"title,fee,\nOne,1\nTwo\nThree,3,3\nFour,4,,,\n", CONVENTIONS)
    assert [(row.fields["title"], row.fields["fee"]) for row in sheet.rows] == [
        ("One", "1"),
        ("Two", ""),
        ("Four", "4"),
    ]
    assert sheet.errors == [LineError(4, "3 cells, but the header has 2.")]


def test_content_in_a_column_without_a_heading_is_an_error() -> None:
    sheet = read_sheet(b"title,,fee\nOne,,1\nTwo,x,2\n", CONVENTIONS)
    assert [row.fields for row in sheet.rows] == [{"title": "One", "fee": "1"}]
    assert sheet.errors == [
        LineError(3, "column 2 has content, but no heading: write the heading, or delete the column.")
    ]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "The file is empty. Its first line names the columns: title"),
        (b"\xef\xbb\xbf\r\n\r\n", "The file is empty"),
        ("title,fee\nA,1\nCafé \x81,1\n".encode("latin-1"), r"line 3: byte 0x81 is not UTF-8 text"),
        ("title,fee\nCafé,1\n".encode() + b"Caf\xe9,1\n", r"line 3: byte 0xe9 is not UTF-8 text"),
        ("title,fee\nCafé,1\n".encode("utf-16")[:-1], "The file begins like UTF-16, but is not"),
        ("title,fee\nCafé,1\n".encode("utf-16-le"), "line 1: this is not text"),
        (b"title,price\nA,1\n", "line 1: unknown column 'price'. The columns are: title"),
        (b"title,fee,fee\nA,1,1\n", "line 1: the column 'fee' appears twice"),
        (b"fee,place\n1,Yard\n", "line 1: there is no column 'title'"),
        (b'title,fee\nA,1\n"B,2\n', "line 3: this is not CSV"),
        (b"Robo Race,450\n", "line 1: unknown columns 'robo race', '450'"),
        (b"PK\x03\x04\x14\x00\x06\x00", "This is a workbook and not a CSV file. Save it as .xlsx"),
        (b"\xd0\xcf\x11\xe0", "This is a workbook and not a CSV file. Save it as .xlsx"),
    ],
)
def test_an_unreadable_file_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_sheet(data, CONVENTIONS)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(f"{HEADER}\n{ROW}\n".encode().__add__))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        sheet = read_sheet(data, CONVENTIONS)
    except Unreadable:
        return
    assert all(row.fields.keys() <= {*COLUMNS} for row in sheet.rows)

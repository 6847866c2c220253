"""Events in Excel workbooks."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from unittest.mock import patch

import openpyxl
import pytest

from festgate.portal.catalogue.files import workbooks
from festgate.portal.catalogue.files.rows import Sheet, Unreadable
from festgate.portal.catalogue.files.workbooks import read_workbook
from tests.portal.catalogue.files.calendar_files import notices_of
from tests.portal.catalogue.programme import CONVENTIONS

HEADER = ("title", "starts_at", "ends_at", "fee", "capacity", None)
STARTS, ENDS = datetime(2031, 3, 14, 10), datetime(2031, 3, 14, 12)  # noqa: DTZ001  (cells have no zone)


def workbook_of(*rows: Sequence[object], change: Callable[[Any], object] = lambda _: None) -> bytes:
    """Return a workbook with the rows in its first sheet."""
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    change(workbook)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def read(*rows: Sequence[object], change: Callable[[Any], object] = lambda _: None) -> Sheet:
    return read_workbook(workbook_of(*rows, change=change), CONVENTIONS)


def with_parts(data: bytes, **parts: bytes) -> bytes:
    """Return a workbook with other content in some of its parts."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in source.namelist():
            copy.writestr(name, parts.get(name.rpartition("/")[2].partition(".")[0], source.read(name)))
    return target.getvalue()


def test_dates_times_and_numbers_of_a_spreadsheet_are_read() -> None:
    sheet = read(
        HEADER,
        ("Robo Race", STARTS, ENDS, 450, 40.0, None),
        (),
        ("Dance", STARTS, time(11, 30), 450.5, "1,000", "  "),
        (2031, "14.03.2031 9:00", timedelta(hours=12), 0.1 + 0.2, None),
    )
    assert not sheet.errors
    assert sheet.unit == "row"
    assert [(row.line, *row.fields.values()) for row in sheet.rows] == [
        (2, "Robo Race", "2031-03-14T10:00:00", "2031-03-14T12:00:00", "450", "40"),
        (4, "Dance", "2031-03-14T10:00:00", "2031-03-14T11:30:00", "450.5", "1000"),
        (5, "2031", "2031-03-14T09:00:00", "2031-03-14T12:00:00", "0.3", ""),
    ]
    assert notices_of(sheet) == [
        "ends_at: 11:30:00 has no date; it was read as 2031-03-14 11:30.",
        "ends_at: 12:00 has no date; it was read as 2031-03-14 12:00.",
    ]


def test_a_date_of_a_spreadsheet_without_a_time_is_a_whole_day() -> None:
    sheet = read(HEADER, ("Fair", date(2031, 3, 14), date(2031, 3, 15), 0, 40))
    assert (sheet.rows[0].fields["starts_at"], sheet.rows[0].fields["ends_at"]) == (
        "2031-03-14T00:00:00",
        "2031-03-16T00:00:00",
    )
    midnight = read(HEADER, ("Ball", STARTS, datetime(2031, 3, 15), 0, 40))  # noqa: DTZ001
    assert midnight.rows[0].fields["ends_at"] == "2031-03-15T00:00:00"
    assert not midnight.notices


def test_only_the_first_visible_worksheet_is_read_with_a_notice() -> None:
    def add_sheets(workbook: Any) -> None:  # noqa: ANN401
        workbook.active.title = "Hidden"
        workbook.active.sheet_state = "hidden"
        for title in ("Programme", "Helpers"):
            workbook.create_sheet(title).append(("title", "fee"))
        workbook["Programme"].append(("Robo Race", 5))

    sheet = read(("nonsense",), change=add_sheets)
    assert [row.fields["title"] for row in sheet.rows] == ["Robo Race"]
    assert notices_of(sheet) == ["only the first worksheet, “Programme”, was read, and not “Helpers”."]


def test_a_formula_without_a_stored_value_is_an_error_and_not_an_empty_cell() -> None:
    sheet = read(("title", "fee"), ("One", "=1+1"), ("Two", "#DIV/0!"), ("Three", 3))
    assert [row.fields["title"] for row in sheet.rows] == ["Three"]
    assert [(error.line, error.sentence) for error in sheet.errors] == [
        (2, "cell B2: the formula has no stored value: open the file in a spreadsheet, and save it again."),
        (3, "cell B3: its value is the error #DIV/0!."),
    ]


def test_a_row_beyond_the_last_allowed_column_is_refused() -> None:
    with pytest.raises(Unreadable, match="row 2: more than 100 columns have content"):
        read(("title", "fee"), [None] * 120 + ["lost"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"title,fee\n",
        b"\xd0\xcf\x11\xe0",
        workbook_of(("title", "fee"))[:-30],
        with_parts(workbook_of(("title", "fee")), workbook=b"<workbook"),
        with_parts(
            workbook_of(("title", "fee")),
            sheet1=b"<worksheet><sheetData><row r='x'/></sheetData></worksheet>",
        ),
    ],
    ids=["empty", "beginning", "text", "old workbook", "cut off", "workbook", "worksheet"],
)
def test_a_damaged_workbook_is_refused(data: bytes) -> None:
    with pytest.raises(
        Unreadable, match=r"This is not an Excel workbook, or it is damaged|The file is empty"
    ):
        read_workbook(data, CONVENTIONS)


def test_a_workbook_that_expands_without_bounds_is_refused() -> None:
    data = workbook_of(("title", "fee"))
    blanks = with_parts(data, styles=b" " * 2 * 1024**2)
    assert len(blanks) < 20_000
    with (
        patch.object(workbooks, "MAX_UNZIPPED", 1024**2),
        pytest.raises(Unreadable, match="more than 1 MB of content"),
    ):
        read_workbook(blanks, CONVENTIONS)
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sst>&b;</sst>'
    with pytest.raises(Unreadable, match="damaged"):
        read_workbook(with_parts(data, styles=entities), CONVENTIONS)


def test_a_worksheet_with_a_row_beyond_all_is_refused() -> None:
    worksheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>title</t></is></c></row>'
        b'<row r="99999999999"><c r="A9" t="inlineStr"><is><t>far</t></is></c></row></sheetData></worksheet>'
    )
    with (
        patch.object(workbooks, "MAX_SHEET_ROWS", 1_000),
        pytest.raises(Unreadable, match="more than 1,000 rows"),
    ):
        read_workbook(with_parts(workbook_of(("title",)), sheet1=worksheet), CONVENTIONS)


def test_a_workbook_with_a_forged_size_of_a_part_is_refused() -> None:
    data = bytearray(with_parts(workbook_of(HEADER), sheet1=b" " * 1_000_000))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.find(signature)
        while start >= 0:
            data[start + place : start + place + 4] = (10).to_bytes(4, "little")
            start = data.find(signature, start + 4)
    with pytest.raises(Unreadable, match="not an Excel workbook, or it is damaged"):
        read_workbook(bytes(data), CONVENTIONS)


def test_a_workbook_of_thousands_of_parts_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(1_001):
            archive.writestr(f"{number}.xml", b"")
    with pytest.raises(Unreadable, match="more than 1,000 parts"):
        read_workbook(target.getvalue(), CONVENTIONS)

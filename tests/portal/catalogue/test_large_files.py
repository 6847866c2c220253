"""Files of events that are too large are refused with a message before they are processed."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from festgate.kit.errors import Invalid
from festgate.portal.catalogue.details import read_details
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import MAX_FILE, MAX_ROWS, Conventions, Sheet, Unreadable
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.files.workbooks import read_workbook
from tests.portal.catalogue.programme import CONVENTIONS
from tests.rig.server import festgate

Reader = Callable[[bytes, Conventions], Sheet]
LARGE = 10 * 1024 * 1024


def calendar(events: bytes) -> bytes:
    return b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + events + b"END:VCALENDAR\r\n"


def event(summary: bytes) -> bytes:
    return b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:21990314T100000Z\r\nSUMMARY:" + summary + b"\r\nEND:VEVENT\r\n"


def refusal_of(read: Reader, data: bytes) -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(Unreadable) as refused:
        read(data, CONVENTIONS)
    return str(refused.value)


@pytest.mark.parametrize("read", [read_sheet, read_calendar, read_workbook])
def test_a_file_of_more_than_16_mb_is_refused_unread(read: Reader) -> None:
    assert refusal_of(read, b"\xff" * (MAX_FILE + 1)) == "The file has more than 16 MB. Import it in parts."


def test_a_table_with_a_hundred_thousand_columns_is_refused_with_their_number() -> None:
    message = refusal_of(read_sheet, b"," * 99_999 + b"x\n")
    assert message.startswith("line 1: 100,000 columns. The columns are: title")
    assert len(message) < 300


def test_a_row_with_more_cells_than_the_header_is_an_error_with_their_number() -> None:
    (error,) = read_sheet(b"title,fee\n" + b"," * 99_999 + b"x\n", CONVENTIONS).errors
    assert error.sentence == "100000 cells, but the header has 2."


@pytest.mark.parametrize(
    "read, data",
    [
        (read_sheet, b"title,fee\n" + b"A,0\n" * 100_000),
        (read_sheet, b"title,fee\n" + b"A\n" * 100_000),  # all of them invalid
        (read_calendar, calendar(event(b"A") * 100_000)),
    ],
    ids=["rows", "invalid rows", "calendar"],
)
def test_a_file_of_a_hundred_thousand_events_is_refused(read: Reader, data: bytes) -> None:
    assert refusal_of(read, data) == "The file has more than 20,000 events. Import it in parts."


def test_the_maximum_number_of_rows_is_read() -> None:
    assert len(read_sheet(b"title,fee\n" + b"A,0\n" * MAX_ROWS, CONVENTIONS).rows) == MAX_ROWS


def test_a_cell_of_10_mb_is_refused() -> None:
    message = refusal_of(read_sheet, b"title,fee\n" + b"a" * LARGE + b",0\n")
    assert message.startswith("line 2: this is not CSV as spreadsheets write it (field larger than")


def test_a_calendar_text_of_10_mb_is_refused_as_a_title() -> None:
    sheet = read_calendar(calendar(event("\u0301".encode() * (LARGE // 2))), CONVENTIONS)
    with pytest.raises(Invalid) as refused:
        read_details(sheet.rows[0].fields, ZoneInfo("Asia/Kolkata"), "INR")
    assert refused.value.fields["title"] == "At most 30 accents or other marks can stand on one character."


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("big.csv", b"title,fee\n" + b"A,0\n" * 30_000, "The file has more than 20,000 events."),
        ("big.ics", b"\n" * (MAX_FILE + 1), "The file has more than 16 MB."),
    ],
)
def test_the_command_refuses_a_large_file_with_a_message(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    process = festgate("events", "import", str(file), data=tmp_path / "data")
    assert process.returncode != 0
    assert f"{message} Import it in parts.\nNothing was imported." in process.stderr.replace(f"{file}: ", "")
    assert "Traceback" not in process.stderr

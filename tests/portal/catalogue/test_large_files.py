"""Files of events that are larger than any fest's: refused with a sentence, before they are processed."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from festgate.kit.errors import Invalid
from festgate.portal.catalogue.calendars import read_calendar
from festgate.portal.catalogue.details import read_details
from festgate.portal.catalogue.rows import MAX_FILE, MAX_ROWS, Sheet, Unreadable
from festgate.portal.catalogue.sheets import read_sheet
from tests.rig.server import festgate

Reader = Callable[[bytes], Sheet]
LARGE = 10 * 1024 * 1024


def calendar(events: bytes) -> bytes:
    return b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + events + b"END:VCALENDAR\r\n"


def event(summary: bytes) -> bytes:
    return b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:21990314T100000Z\r\nSUMMARY:" + summary + b"\r\nEND:VEVENT\r\n"


def said(read: Reader, data: bytes) -> str:
    """Return the sentence with which a file is refused."""
    with pytest.raises(Unreadable) as refused:
        read(data)
    return str(refused.value)


@pytest.mark.parametrize("read", [read_sheet, read_calendar])
def test_a_file_of_more_than_16_mb_is_refused_unread(read: Reader) -> None:
    assert said(read, b"\xff" * (MAX_FILE + 1)) == "The file has more than 16 MB. Import it in parts."


def test_a_table_of_a_hundred_thousand_columns_is_refused_by_their_number() -> None:
    sentence = said(read_sheet, b"," * 99_999 + b"x\n")
    assert sentence.startswith("line 1: 100,000 columns. The columns are: title")
    assert len(sentence) < 300


def test_a_row_with_more_cells_than_the_header_is_an_error_with_their_number() -> None:
    (wrong,) = read_sheet(b"title,fee\n" + b"," * 99_999 + b"x\n").errors
    assert wrong.sentence == "100000 cells, but the header has 2."


@pytest.mark.parametrize(
    "read, data",
    [
        (read_sheet, b"title,fee\n" + b"A,0\n" * 100_000),
        (read_sheet, b"title,fee\n" + b"A\n" * 100_000),  # every one of them wrong
        (read_calendar, calendar(event(b"A") * 100_000)),
    ],
    ids=["rows", "wrong rows", "a calendar"],
)
def test_a_file_of_a_hundred_thousand_events_is_refused(read: Reader, data: bytes) -> None:
    assert said(read, data) == "The file has more than 20,000 events. Import it in parts."


def test_as_many_rows_as_are_allowed_are_read() -> None:
    assert len(read_sheet(b"title,fee\n" + b"A,0\n" * MAX_ROWS).rows) == MAX_ROWS


def test_a_cell_of_10_mb_is_no_cell_of_a_spreadsheet() -> None:
    sentence = said(read_sheet, b"title,fee\n" + b"a" * LARGE + b",0\n")
    assert sentence.startswith("line 2: this is not CSV as spreadsheets write it (field larger than")


def test_a_calendars_text_of_10_mb_is_refused_as_the_title_that_it_is() -> None:
    sheet = read_calendar(calendar(event("\u0301".encode() * (LARGE // 2))))
    with pytest.raises(Invalid) as refused:
        read_details(sheet.rows[0].fields, ZoneInfo("Asia/Kolkata"), "INR")
    assert refused.value.fields["title"] == "At most 120 characters."


@pytest.mark.parametrize(
    "name, data, sentence",
    [
        ("big.csv", b"title,fee\n" + b"A,0\n" * 30_000, "The file has more than 20,000 events."),
        ("big.ics", b"\n" * (MAX_FILE + 1), "The file has more than 16 MB."),
    ],
)
def test_the_command_refuses_it_in_a_sentence(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    ran = festgate("events", "import", str(file), data=tmp_path / "data")
    assert ran.returncode != 0
    assert f"{sentence} Import it in parts.\nNothing was imported." in ran.stderr.replace(f"{file}: ", "")
    assert "Traceback" not in ran.stderr

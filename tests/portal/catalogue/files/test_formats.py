"""Files of any content are read or refused, and never end in another error."""

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from festgate.portal.catalogue.files.formats import READERS, read_events
from festgate.portal.catalogue.files.rows import Unreadable
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of
from tests.portal.catalogue.files.test_workbooks import workbook_of
from tests.portal.catalogue.programme import CONVENTIONS
from tests.rig.lengths import length

WORKBOOK = workbook_of(("title", "fee", "starts_at"), ("A", 4.5, "14.03.2031 9:00"))
CALENDAR = calendar_of(
    "X-WR-TIMEZONE:Europe/Berlin",
    "BEGIN:VTIMEZONE",
    "TZID:Own",
    "BEGIN:STANDARD",
    "DTSTART:16011028T030000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;UNTIL=20301027T010000Z",
    "RDATE:20310101T000000",
    "TZOFFSETTO:+0100",
    "END:STANDARD",
    "END:VTIMEZONE",
    *event_of(
        "UID:a",
        "SEQUENCE:1",
        "DTSTART;TZID=Own:20310514T080000",
        "DURATION:P1DT2H",
        "RRULE:FREQ=MONTHLY;COUNT=3;BYDAY=-1FR;INTERVAL=2;BYSETPOS=1",
        "EXDATE;TZID=Own:20310514T080000",
        "RDATE;VALUE=DATE:20310515",
        "DESCRIPTION:<p>a</p>",
        "CATEGORIES:a,b",
        end="",
    ),
    *event_of("UID:a", "RECURRENCE-ID:20310514T080000Z"),
)
TABLE = b"title;fee;starts_at;ends_at;capacity\nA;1.500,00;14.03.2031 9:00;10:00 pm;1,000\n"
SEEDS = {".csv": TABLE, ".ics": CALENDAR, ".xlsx": WORKBOOK}


def read_or_refuse(name: str, data: bytes) -> None:
    """Read a file; the only error may be the reader's own."""
    with suppress(Unreadable):
        read_events(name, data, CONVENTIONS)


@pytest.mark.parametrize("ending", READERS)
def test_the_files_that_are_changed_below_are_valid(ending: str) -> None:
    sheet = read_events(f"events{ending.upper()}", SEEDS[ending], CONVENTIONS)
    assert sheet.rows
    assert not sheet.errors


@given(st.sampled_from(list(READERS)), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(ending: str, data: bytes) -> None:
    read_or_refuse(f"events{ending}", data)


@given(st.data())
def test_a_file_with_other_bytes_somewhere_is_read_or_refused(data: st.DataObject) -> None:
    ending = data.draw(st.sampled_from([".csv", ".ics"]))
    seed = SEEDS[ending]
    begin = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(begin, min(len(seed), begin + 12)))
    piece = data.draw(
        st.binary(max_size=8)
        | st.sampled_from(
            [b"99999999", b"-", b"00000000T000000Z", b"\r\n", b'"', b":", b"9999-12-31 23:59", b";"]
        )
    )
    read_or_refuse(f"events{ending}", seed[:begin] + piece + seed[end:])


@settings(max_examples=length(25, 1_000))
@given(st.data())
def test_a_workbook_with_other_bytes_in_a_part_is_read_or_refused(data: st.DataObject) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as source, zipfile.ZipFile(target, "w") as copy:
        changed = data.draw(st.sampled_from(source.namelist()))
        for name in source.namelist():
            part = source.read(name)
            if name == changed:
                begin = data.draw(st.integers(0, len(part)))
                end = data.draw(st.integers(begin, min(len(part), begin + 12)))
                part = part[:begin] + data.draw(st.binary(max_size=8) | st.just(b"99999999")) + part[end:]
            copy.writestr(name, part)
    read_or_refuse("events.xlsx", target.getvalue())


@pytest.mark.parametrize(
    "name, reason",
    [
        ("events.xls", "Save it as .xlsx"),
        ("events", "has to end in .csv, .ics, .xlsx"),
        ("a.pdf", "has to end"),
    ],
)
def test_another_kind_of_file_is_refused(name: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_events(name, b"", CONVENTIONS)

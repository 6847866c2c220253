"""Events as iCalendar."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import HOUR, milliseconds
from festgate.kit.money import Money
from festgate.portal.catalogue.calendars import calendar, read_calendar, write_calendar
from festgate.portal.catalogue.details import Details, details_of, read_details
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import Sheet, Unreadable
from tests.portal.catalogue.programme import BERLIN, KOLKATA, any_details, details

BASE = "https://fest.example.org"
STARTS = milliseconds(datetime(2026, 3, 14, 10, tzinfo=KOLKATA))


def event_of(entered: Details, number: int = 7) -> Event:
    return Event(
        number,
        f"event-{number}",
        entered.title,
        entered.summary,
        entered.description,
        entered.category,
        entered.place,
        entered.starts_at,
        entered.ends_at,
        entered.sales_open_at,
        entered.sales_close_at,
        entered.fee,
        entered.capacity,
        0,
        "published",
        STARTS,
        number,
    )


EVENT = event_of(details(STARTS))


def parsed(text: str) -> Any:  # noqa: ANN401  (whose properties are of any of icalendar's types)
    (found,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return found


def test_a_visitors_calendar_gets_what_when_and_where() -> None:
    found = parsed(calendar(EVENT, BASE, "Aurora Fest"))
    assert str(found["SUMMARY"]) == "Robo Race"
    assert str(found["LOCATION"]) == "Workshop"
    assert str(found["URL"]) == f"{BASE}/events/event-7"
    assert str(found["DESCRIPTION"]).startswith("Robots on a line.\n\nBring batteries.")
    assert found["DTSTART"].dt == datetime(2026, 3, 14, 4, 30, tzinfo=UTC)
    assert found["DTEND"].dt == datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
    assert str(found["STATUS"]) == "CONFIRMED"


def test_a_calendar_updates_what_it_was_given_before() -> None:
    before = parsed(calendar(EVENT, BASE))
    after = parsed(calendar(replace(EVENT, title="Derby", state="cancelled", updated_at=STARTS + HOUR), BASE))
    assert before["UID"] == after["UID"]
    assert before["DTSTAMP"].dt < after["DTSTAMP"].dt
    assert (str(after["SUMMARY"]), str(after["STATUS"])) == ("Derby", "CANCELLED")


@given(any_details())
def test_lines_are_folded_and_ended_as_the_standard_has_it(entered: Details) -> None:
    begin = entered.starts_at or STARTS
    timed = replace(entered, starts_at=begin, ends_at=entered.ends_at or begin + HOUR)
    text = calendar(event_of(timed), BASE, "Aurora Fest")
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 and "\n" not in line for line in lines)
    assert [line for line in lines if line.startswith("BEGIN:")] == ["BEGIN:VCALENDAR", "BEGIN:VEVENT"]


@given(st.lists(any_details(), max_size=4), st.sampled_from((KOLKATA, BERLIN)))
def test_events_that_were_written_are_read_as_they_were(entered: list[Details], zone: ZoneInfo) -> None:
    timed = [each for each in entered if each.starts_at and each.ends_at]
    events = [event_of(each, number) for number, each in enumerate(timed)]
    sheet = read_calendar(write_calendar(events, BASE, zone).encode())
    assert [row.fields["slug"] for row in sheet.rows] == [event.slug for event in events]
    assert [read_details(row.fields, zone, "INR") for row in sheet.rows] == [details_of(e) for e in events]
    assert not sheet.errors


def read(*lines: str) -> Sheet:
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return read_calendar("\r\n".join(text).encode())


def fields(*lines: str) -> Details:
    sheet = read("SUMMARY:Robo Race", *lines)
    assert not sheet.errors
    (row,) = sheet.rows
    return read_details({"fee": "0", **row.fields}, KOLKATA, "INR")


def test_times_of_any_zone_are_read() -> None:
    for start in (
        "DTSTART:20260314T043000Z",
        "DTSTART;TZID=Asia/Kolkata:20260314T100000",
        "DTSTART;TZID=Europe/Berlin:20260314T053000",
        "DTSTART:20260314T100000",
    ):
        assert fields(start).starts_at == STARTS


def test_an_end_may_be_a_time_a_duration_or_the_end_of_the_day() -> None:
    start = "DTSTART;TZID=Asia/Kolkata:20260314T100000"
    assert fields(start, "DTEND;TZID=Asia/Kolkata:20260314T120000").ends_at == STARTS + 2 * HOUR
    assert fields(start, "DURATION:PT90M").ends_at == STARTS + 90 * HOUR // 60
    assert fields(start).ends_at == 0
    day = fields("DTSTART;VALUE=DATE:20260314")
    assert (day.starts_at, day.ends_at) == (STARTS - 10 * HOUR, STARTS + 14 * HOUR)
    days = fields("DTSTART;VALUE=DATE:20260314", "DTEND;VALUE=DATE:20260316")
    assert days.ends_at == STARTS + 38 * HOUR


def test_fields_that_other_programs_lack_are_read_from_our_own_properties() -> None:
    found = fields(
        "DTSTART:20260314T043000Z",
        "DTEND:20260314T063000Z",
        "CATEGORIES:Technology,Robots",
        "LOCATION:Block C\\, Workshop",
        "X-FESTGATE-CAPACITY:48",
        "X-FESTGATE-FEE:450.50",
        "X-FESTGATE-SUMMARY:Line\\, then course\\; both count.",
        "X-FESTGATE-SALES-OPEN:2026-03-01T08:00",
    )
    assert (found.category, found.place, found.capacity) == ("Technology", "Block C, Workshop", 48)
    assert found.fee == Money(45_050, "INR")
    assert found.summary == "Line, then course; both count."
    assert found.sales_open_at == milliseconds(datetime(2026, 3, 1, 8, tzinfo=KOLKATA))


@pytest.mark.parametrize(
    "line, sentence",
    [
        (
            "DTSTART;TZID=Nowhere/City:20260314T100000",
            "DTSTART: the time zone Nowhere/City is unknown",
        ),
        ("DTSTART:yesterday", "DTSTART:"),
        ("RRULE:FREQ=WEEKLY", "RRULE: repeating events cannot be imported"),
        ("nonsense", "a line:"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_with_its_line(line: str, sentence: str) -> None:
    sheet = read("SUMMARY:Robo Race", line)
    assert sentence in " ".join(error.sentence for error in sheet.errors)
    assert {error.line for error in sheet.errors} == {3}


def test_events_that_are_cancelled_are_left_out() -> None:
    sheet = read("SUMMARY:Robo Race", "STATUS:CANCELLED")
    assert (sheet.rows, sheet.errors, sheet.left_out) == ([], [], 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"title,fee\nRobo Race,450\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Cut off\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Cut off\r\nEND:VEVENT\r\n",
        b"BEGIN:VEVENT\r\nSUMMARY:No calendar\r\nEND:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\nSUMMARY:Café\r\nEND:VCALENDAR\r\n".encode("latin-1"),
        b"\xff\xfe\x00",
        b"PK\x03\x04",
    ],
)
def test_a_file_that_is_no_whole_calendar_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_calendar(data)


@given(st.data())
def test_no_calendar_whatever_breaks_the_reader(data: st.DataObject) -> None:
    lines = write_calendar([EVENT], BASE, KOLKATA).split("\r\n")
    place = data.draw(st.integers(0, len(lines)))
    lines.insert(place, data.draw(st.text(max_size=40)))
    kept = data.draw(st.integers(0, len(lines)))
    try:
        sheet = read_calendar("\r\n".join(lines[:kept]).encode(errors="replace"))
    except Unreadable:
        return
    assert all(first.line < second.line for first, second in pairwise(sheet.rows))

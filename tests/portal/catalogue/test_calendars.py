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
from festgate.portal.catalogue.calendars import calendar, write_calendar
from festgate.portal.catalogue.details import FIELDS, Details, details_of, read_details
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Sheet, Unreadable
from festgate.portal.catalogue.queries import Event
from tests.portal.catalogue.programme import BERLIN, CONVENTIONS, KOLKATA, any_details, details

BASE = "https://fest.example.org"
STARTS_AT = milliseconds(datetime(2026, 3, 14, 10, tzinfo=KOLKATA))


def event_of(details_given: Details, number: int = 7) -> Event:
    return Event(
        **{name: getattr(details_given, name) for name in FIELDS},
        id=number,
        several_prices=0,
        max_per_person=1,
        slug=f"event-{number}",
        taken=0,
        state="published",
        updated_at=STARTS_AT,
        version=number,
        uid=f"4c3b9e3e-{number}",
        sequence=3,
    )


EVENT = event_of(details(STARTS_AT))


def parse_event(text: str) -> Any:  # noqa: ANN401  (icalendar's properties have many types)
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return event


def test_a_calendar_file_has_title_times_and_place() -> None:
    event = parse_event(calendar(EVENT, BASE, "Aurora Fest"))
    assert str(event["SUMMARY"]) == "Robo Race"
    assert str(event["LOCATION"]) == "Workshop"
    assert str(event["URL"]) == f"{BASE}/events/event-7"
    assert str(event["DESCRIPTION"]).startswith("Robots on a line.\n\nBring batteries.")
    assert event["DTSTART"].dt == datetime(2026, 3, 14, 4, 30, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
    assert str(event["STATUS"]) == "CONFIRMED"


def test_a_newer_calendar_file_updates_the_same_event() -> None:
    before = parse_event(calendar(EVENT, BASE))
    after = parse_event(
        calendar(
            replace(EVENT, title="Derby", state="cancelled", updated_at=STARTS_AT + HOUR, sequence=4),
            "https://elsewhere.example.org",
        )
    )
    assert before["UID"] == after["UID"]
    assert before["SEQUENCE"] < after["SEQUENCE"]
    assert before["DTSTAMP"].dt < after["DTSTAMP"].dt
    assert after["LAST-MODIFIED"].dt == after["DTSTAMP"].dt
    assert (str(after["SUMMARY"]), str(after["STATUS"])) == ("Derby", "CANCELLED")


@given(any_details())
def test_lines_are_folded_and_ended_by_the_standard(details_given: Details) -> None:
    starts_at = details_given.starts_at or STARTS_AT
    with_times = replace(
        details_given, starts_at=starts_at, ends_at=details_given.ends_at or starts_at + HOUR
    )
    text = calendar(event_of(with_times), BASE, "Aurora Fest")
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 and "\n" not in line for line in lines)
    assert [line for line in lines if line.startswith("BEGIN:")] == ["BEGIN:VCALENDAR", "BEGIN:VEVENT"]


@given(st.lists(any_details(), max_size=4), st.sampled_from((KOLKATA, BERLIN)))
def test_written_events_are_read_unchanged(details_given: list[Details], zone: ZoneInfo) -> None:
    with_times = [entry for entry in details_given if entry.starts_at and entry.ends_at]
    events = [event_of(entry, number) for number, entry in enumerate(with_times)]
    sheet = read_calendar(write_calendar(events, BASE, zone).encode(), CONVENTIONS)
    assert [row.fields["slug"] for row in sheet.rows] == [event.slug for event in events]
    assert [read_details(row.fields, zone, "INR") for row in sheet.rows] == [details_of(e) for e in events]
    assert not sheet.errors


def test_a_backslash_before_a_capital_n_is_no_line_break() -> None:
    details_given = details(STARTS_AT, title="C:\\New", description="a\\Nb\\n\nc;d,e")
    text = write_calendar([event_of(details_given)], BASE, KOLKATA)
    (row,) = read_calendar(text.encode(), CONVENTIONS).rows
    assert read_details(row.fields, KOLKATA, "INR") == details_given
    assert str(parse_event(calendar(event_of(details_given), BASE))["SUMMARY"]) == "C:\\New"


def read(*lines: str) -> Sheet:
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return read_calendar("\r\n".join(text).encode(), CONVENTIONS)


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
        assert fields(start).starts_at == STARTS_AT


def test_an_end_may_be_a_time_a_duration_or_the_end_of_the_day() -> None:
    start = "DTSTART;TZID=Asia/Kolkata:20260314T100000"
    assert fields(start, "DTEND;TZID=Asia/Kolkata:20260314T120000").ends_at == STARTS_AT + 2 * HOUR
    assert fields(start, "DURATION:PT90M").ends_at == STARTS_AT + 90 * HOUR // 60
    assert fields(start).ends_at == STARTS_AT + HOUR
    day = fields("DTSTART;VALUE=DATE:20260314")
    assert (day.starts_at, day.ends_at) == (STARTS_AT - 10 * HOUR, STARTS_AT + 14 * HOUR)
    days = fields("DTSTART;VALUE=DATE:20260314", "DTEND;VALUE=DATE:20260316")
    assert days.ends_at == STARTS_AT + 38 * HOUR


def test_fields_without_a_standard_property_are_read_from_x_properties() -> None:
    event = fields(
        "DTSTART:20260314T043000Z",
        "DTEND:20260314T063000Z",
        "CATEGORIES:Technology,Robots",
        "LOCATION:Block C\\, Workshop",
        "X-FESTGATE-CAPACITY:48",
        "X-FESTGATE-FEE:450.50",
        "X-FESTGATE-SUMMARY:Line\\, then course\\; both count.",
        "X-FESTGATE-SALES-OPEN:2026-03-01T08:00",
    )
    assert (event.category, event.place, event.capacity) == ("Technology", "Block C, Workshop", 48)
    assert event.fee == Money(45_050, "INR")
    assert event.summary == "Line, then course; both count."
    assert event.sales_open_at == milliseconds(datetime(2026, 3, 1, 8, tzinfo=KOLKATA))


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "DTSTART;TZID=Nowhere/City:20260314T100000",
            "DTSTART: the time zone Nowhere/City is unknown",
        ),
        ("DTSTART:yesterday", "DTSTART:"),
        ("DTSTART:20260314T100000Z\r\nRRULE:FREQ=WEEKLY", "RRULE: this event repeats without an end"),
        (
            "DTSTART:20260314T100000Z\r\nRRULE:FREQ=HOURLY;COUNT=2",
            "RRULE: the frequency 'HOURLY' is not supported",
        ),
    ],
)
def test_an_unreadable_event_is_reported_with_its_line(line: str, message: str) -> None:
    sheet = read("SUMMARY:Robo Race", line)
    assert message in " ".join(error.sentence for error in sheet.errors)
    assert {error.line for error in sheet.errors} == {3}


def test_cancelled_events_are_skipped() -> None:
    sheet = read("SUMMARY:Robo Race", "STATUS:CANCELLED")
    assert (sheet.rows, sheet.errors, len(sheet.cancelled)) == ([], [], 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"title,fee\nRobo Race,450\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Cut off\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Cut off\r\nEND:VEVENT\r\n",
        b"BEGIN:VEVENT\r\nSUMMARY:No calendar\r\nEND:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\nSUMMARY:\x81 Café\r\nEND:VCALENDAR\r\n".encode("latin-1"),
        b"\xff\xfe\x00",
        b"PK\x03\x04",
    ],
)
def test_an_invalid_or_truncated_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_calendar(data, CONVENTIONS)


@given(st.data())
def test_any_calendar_is_read_or_refused(data: st.DataObject) -> None:
    lines = write_calendar([EVENT], BASE, KOLKATA).split("\r\n")
    place = data.draw(st.integers(0, len(lines)))
    lines.insert(place, data.draw(st.text(max_size=40)))
    lines_kept = data.draw(st.integers(0, len(lines)))
    try:
        sheet = read_calendar("\r\n".join(lines[:lines_kept]).encode(errors="replace"), CONVENTIONS)
    except Unreadable:
        return
    assert all(first.line < second.line for first, second in pairwise(sheet.rows))

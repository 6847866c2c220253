"""Several versions of one event in a calendar file: the latest is read, and a notice names the lines of the others."""

import pytest

from festgate.kit.clock import moment
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Sheet
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of, notices_of, read_row
from tests.portal.catalogue.programme import CONVENTIONS

TWO_CALENDARS = ("END:VCALENDAR", "BEGIN:VCALENDAR")


def read_lines(*lines: str) -> Sheet:
    sheet = read_calendar(calendar_of(*lines), CONVENTIONS)
    assert not sheet.errors
    return sheet


def version(place: str, *lines: str) -> list[str]:
    return event_of("UID:a", f"LOCATION:{place}", *lines)


def places_of(sheet: Sheet) -> list[str]:
    return [row.fields["place"] for row in sheet.rows]


@pytest.mark.parametrize(
    "older, newer",
    [
        (["SEQUENCE:9"], ["SEQUENCE:10"]),
        (["LAST-MODIFIED:20301101T120000Z"], ["LAST-MODIFIED:20301101T120001Z", "DTSTAMP:20300101T000000Z"]),
        (["DTSTAMP:20301101T120000Z"], ["DTSTAMP:20301101T130000Z"]),
        (["SEQUENCE:-1"], ["SEQUENCE:1"]),
        (["DTSTAMP:never", "SEQUENCE:many"], ["DTSTAMP:20301101T130000Z"]),
    ],
)
def test_the_latest_version_is_read_wherever_it_stands(older: list[str], newer: list[str]) -> None:
    old, new = version("Hall", *older), version("Yard", *newer)
    first = read_lines(*old, *new)
    last = read_lines(*new, *TWO_CALENDARS, *old)
    assert places_of(first) == places_of(last) == ["Yard"]
    assert notices_of(first) == ["line 3 has another version of this event, which was left out."]
    assert last.notices[0].line == 3


def test_the_last_of_equal_versions_counts_and_all_others_are_named() -> None:
    sheet = read_lines(*version("Hall"), *version("Yard"), *version("Aula"))
    assert places_of(sheet) == ["Aula"]
    assert notices_of(sheet) == ["lines 3, 10 have other versions of this event, which were left out."]


def test_events_of_one_uid_and_version_at_different_times_are_dates_of_one_event() -> None:
    later = ["DTSTART:20310515T080000Z", "DTEND:20310515T100000Z"]
    sheet = read_lines(*version("Hall"), *version("Yard", *later), *version("Aula", *later))
    assert places_of(sheet) == ["Hall", "Aula"]
    assert [row.origin.recurrence for row in sheet.rows] == [
        "2031-05-14T08:00:00+00:00",
        "2031-05-15T08:00:00+00:00",
    ]
    # A move is a newer version, so it is no other date.
    assert places_of(read_lines(*version("Hall"), *version("Yard", "SEQUENCE:1", *later))) == ["Yard"]


def test_a_later_cancellation_or_series_replaces_what_was_before() -> None:
    sheet = read_lines(*version("Hall"), *version("Hall", "SEQUENCE:1", "STATUS:CANCELLED"))
    assert (sheet.rows, [row.line for row in sheet.cancelled]) == ([], [10])
    rule = "RRULE:FREQ=DAILY;COUNT=2"
    change = version("Yard", "RECURRENCE-ID:20310515T080000Z")
    series = read_lines(*version("Hall", rule), *change, *version("Aula", rule, "SEQUENCE:1"))
    assert places_of(series) == ["Yard", "Aula"]


def test_events_without_a_uid_are_different_ones() -> None:
    sheet = read_lines(*event_of("LOCATION:Hall"), *event_of("LOCATION:Yard"))
    assert places_of(sheet) == ["Hall", "Yard"]
    assert not sheet.notices


def test_a_row_carries_the_identity_and_version_of_its_event() -> None:
    origin = read_row("UID: a@b ", "SEQUENCE:7", "LAST-MODIFIED;TZID=Asia/Kolkata:20301101T120000").origin
    assert (origin.uid, origin.sequence, origin.recurrence) == ("a@b", 7, "")
    assert f"{moment(origin.modified_at):%Y-%m-%d %H:%M}" == "2030-11-01 06:30"
    long = read_row(f"UID:{'x' * 4_000}").origin.uid
    assert len(long) < 100
    assert long != read_row(f"UID:{'x' * 4_001}").origin.uid

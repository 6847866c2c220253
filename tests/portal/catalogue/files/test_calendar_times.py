"""Times of calendars: zones by many names, zones that a file defines, ends, and repeating events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.recurrences import MAX_SERIES
from festgate.portal.catalogue.files.rows import Sheet, Unreadable
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of, notices_of, read, read_row
from tests.portal.catalogue.programme import BERLIN, CONVENTIONS

CENTRAL_EUROPE = [
    "BEGIN:STANDARD",
    "DTSTART:16011028T030000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:16010325T020000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "END:DAYLIGHT",
]
IN_CENTRAL_EUROPE = ("2031-06-10T09:00:00+02:00", "2031-06-10T17:00:00+02:00")


def defined_zone(name: str) -> list[str]:
    return ["BEGIN:VTIMEZONE", f"TZID:{name}", *CENTRAL_EUROPE, "END:VTIMEZONE"]


def day_in_june(tzid: str) -> list[str]:
    return event_of(f"DTSTART;TZID={tzid}:20310610T090000", f"DTEND;TZID={tzid}:20310610T170000")


def times_of(sheet: Sheet) -> list[tuple[str, str]]:
    assert not sheet.errors
    return [(row.fields["starts_at"], row.fields["ends_at"]) for row in sheet.rows]


def read_lines(*lines: str) -> Sheet:
    return read_calendar(calendar_of(*lines), CONVENTIONS)


@pytest.mark.parametrize(
    "tzid, name",
    [
        ("Customized Time Zone", "Customized Time Zone"),
        ('"Customized Time Zone"', "Customized Time Zone"),
        ('"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"',) * 2,
        ("(UTC+01:00) Amsterdam",) * 2,
    ],
)
def test_a_zone_that_the_file_defines_is_used_wherever_it_stands(tzid: str, name: str) -> None:
    name = name.strip('"')
    for lines in ([*defined_zone(name), *day_in_june(tzid)], [*day_in_june(tzid), *defined_zone(name)]):
        assert times_of(read_lines(*lines)) == [IN_CENTRAL_EUROPE]


@pytest.mark.parametrize(
    "tzid",
    [
        "Europe/Vienna",
        "europe/vienna",
        "/Europe/Vienna",
        "W. Europe Standard Time",
        "/freeassociation.sourceforge.net/Europe/Berlin",
        "/mozilla.org/20050126_1/Europe/Berlin",
        "/softwarestudio.org/Olson_20011030_5/Europe/Berlin",
    ],
)
def test_a_zone_is_known_by_names_of_other_systems(tzid: str) -> None:
    assert times_of(read_lines(*day_in_june(tzid))) == [IN_CENTRAL_EUROPE]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_a_defined_zone_has_the_offsets_of_the_same_zone_of_the_database(local: datetime) -> None:
    local = local.replace(microsecond=0)
    if local.year < 1996:  # before, summer ended in September
        local = local.replace(year=1996 + local.year % 4, day=min(local.day, 28))
    text = f"{local:%Y%m%dT%H%M%S}"
    lines = event_of(f"DTSTART;TZID=Own:{text}", "DURATION:PT1H", end="")
    (row,) = read_lines(*defined_zone("Own"), *lines).rows
    expected = local.replace(tzinfo=BERLIN)
    exists = expected.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) == local
    ambiguous = expected.utcoffset() != expected.replace(fold=1).utcoffset()
    if exists and not ambiguous:
        assert datetime.fromisoformat(row.fields["starts_at"]) == expected


def test_a_zone_without_a_definition_is_refused_unless_an_option_gives_one() -> None:
    data = calendar_of(*day_in_june("Customized Time Zone"))
    (error,) = read_calendar(data, CONVENTIONS).errors
    assert (error.line, error.name) == (3, "Training")
    assert error.sentence == (
        "DTSTART: the time zone Customized Time Zone is unknown, and the file does not define it: give --time-zone, "
        "such as Europe/Berlin."
    )
    given_zone = replace(CONVENTIONS, file_zone=BERLIN)
    assert times_of(read_calendar(data, given_zone)) == [IN_CENTRAL_EUROPE]


def test_times_without_a_zone_are_in_the_zone_of_the_calendar() -> None:
    lines = [
        "X-WR-TIMEZONE:America/New_York",
        *event_of(start="DTSTART:20310522T200000", end="DTEND:20310522T220000"),
    ]
    assert times_of(read_lines(*lines)) == [("2031-05-22T20:00:00-04:00", "2031-05-22T22:00:00-04:00")]
    in_india = [("2031-05-22T20:00:00+05:30", "2031-05-22T22:00:00+05:30")]
    assert times_of(read_lines(*lines[1:])) == in_india
    (error,) = read_lines("X-WR-TIMEZONE:Nowhere", *lines[1:]).errors
    assert "X-WR-TIMEZONE: the time zone Nowhere is unknown" in error.sentence
    berlin = replace(CONVENTIONS, file_zone=ZoneInfo("Europe/Berlin"))
    assert times_of(read_calendar(calendar_of(*lines), berlin)) == [
        ("2031-05-22T20:00:00+02:00", "2031-05-22T22:00:00+02:00")
    ]


def test_a_local_time_that_does_not_exist_is_counted_on_from_before_the_change() -> None:
    sheet = read("DTSTART;TZID=Europe/Berlin:20310330T023000", end="DTEND:20310330T100000Z")
    assert times_of(sheet) == [("2031-03-30T03:30:00+02:00", "2031-03-30T10:00:00+00:00")]
    assert notices_of(sheet) == [
        "DTSTART: 02:30 does not exist that day (the clocks go forward); it became 03:30."
    ]


def test_start_and_end_may_be_in_different_zones() -> None:
    sheet = read("DTSTART;TZID=Europe/Berlin:20310521T180000", "DTEND:20310521T180000Z")
    assert times_of(sheet) == [("2031-05-21T18:00:00+02:00", "2031-05-21T18:00:00+00:00")]


@pytest.mark.parametrize("end, reason", [("", "is missing"), ("DTEND:20310518T080000Z", "is the start")])
def test_an_event_without_an_end_or_of_no_length_gets_a_stated_length(end: str, reason: str) -> None:
    data = calendar_of(*event_of(start="DTSTART:20310518T080000Z", end=end))
    sheet = read_calendar(data, CONVENTIONS)
    assert times_of(sheet) == [("2031-05-18T08:00:00+00:00", "2031-05-18T09:00:00+00:00")]
    assert notices_of(sheet) == [
        f"ends_at: it {reason}, so the event lasts 1 hour (--default-duration sets another)."
    ]
    longer = read_calendar(data, replace(CONVENTIONS, duration=timedelta(minutes=90)))
    assert times_of(longer) == [("2031-05-18T08:00:00+00:00", "2031-05-18T09:30:00+00:00")]
    assert "1 hour 30 minutes" in notices_of(longer)[0]


def test_a_whole_day_that_ends_on_the_same_day_lasts_that_day() -> None:
    sheet = read("DTSTART;VALUE=DATE:20310522", "DTEND;VALUE=DATE:20310522")
    assert times_of(sheet) == [("2031-05-22T00:00:00+05:30", "2031-05-23T00:00:00+05:30")]
    assert notices_of(sheet) == ["ends_at: it is the start, so the event lasts the whole day."]


@pytest.mark.parametrize(
    "text", ["20310230T100000Z", "20310101T250000", "2031-01-01", "", "19691231", "99991231T235959Z"]
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    (error,) = read(f"DTSTART:{text}").errors
    assert error.sentence.startswith(f"DTSTART: {text!r} is not ")


@pytest.mark.parametrize("text", ["1H", "P1", "-PT1H", "P999999D"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    sheet = read(f"DURATION:{text}", end="")
    assert [error.sentence[:9] for error in sheet.errors] == ["DURATION:"]


def test_a_repeating_event_becomes_single_events_with_its_exceptions_and_changes() -> None:
    weekly = event_of(
        "UID:class",
        "SEQUENCE:2",
        "RRULE:FREQ=WEEKLY;COUNT=5",
        "EXDATE:20310610T180000Z",
        "RDATE:20310701T180000Z",
        start="DTSTART:20310520T180000Z",
        end="DTEND:20310520T200000Z",
    )
    moved = event_of(
        "UID:class",
        "RECURRENCE-ID:20310527T180000Z",
        "SUMMARY:Class (moved)",
        start="DTSTART:20310528T180000Z",
        end="DTEND:20310528T200000Z",
    )
    cancelled = event_of("UID:class", "RECURRENCE-ID:20310603T180000Z", "STATUS:CANCELLED")
    sheet = read_lines(*event_of("UID:dinner"), *weekly, *moved, *cancelled)
    assert not sheet.errors
    assert [row.origin.recurrence[:10] for row in sheet.cancelled] == ["2031-06-03"]
    starts = sorted(
        (row.fields["starts_at"][:10], row.fields["title"]) for row in sheet.rows if row.origin.uid == "class"
    )
    assert starts == [
        ("2031-05-20", "Training"),
        ("2031-05-28", "Class (moved)"),
        ("2031-06-17", "Training"),
        ("2031-07-01", "Training"),
    ]
    assert notices_of(sheet) == ["the repeating event became 4 events."]
    origins = sorted(row.origin.recurrence for row in sheet.rows if row.origin.uid == "class")
    assert origins[:2] == ["2031-05-20T18:00:00+00:00", "2031-05-27T18:00:00+00:00"]
    assert {row.origin.sequence for row in sheet.rows if row.fields["title"] == "Training"} == {0, 2}


def test_a_repeating_event_keeps_its_local_time_when_the_clocks_change() -> None:
    sheet = read(
        "DTSTART;TZID=Europe/Berlin:20310328T180000",
        "DTEND;TZID=Europe/Berlin:20310328T200000",
        "RRULE:FREQ=DAILY;UNTIL=20310330T160000Z",
    )
    assert times_of(sheet) == [
        ("2031-03-28T18:00:00+01:00", "2031-03-28T19:00:00+00:00"),
        ("2031-03-29T18:00:00+01:00", "2031-03-29T19:00:00+00:00"),
        ("2031-03-30T18:00:00+02:00", "2031-03-30T18:00:00+00:00"),
    ]


def test_whole_days_repeat_until_a_day_that_is_included() -> None:
    sheet = read(
        "DTSTART;VALUE=DATE:20310522", "RRULE:FREQ=DAILY;UNTIL=20310524", "EXDATE;VALUE=DATE:20310523", end=""
    )
    assert times_of(sheet) == [
        ("2031-05-22T00:00:00+05:30", "2031-05-23T00:00:00+05:30"),
        ("2031-05-24T00:00:00+05:30", "2031-05-25T00:00:00+05:30"),
    ]


def test_a_changed_date_of_a_series_that_is_not_in_the_file_is_an_event() -> None:
    assert (
        read_row("UID:class", "RECURRENCE-ID:20310527T180000Z").origin.recurrence
        == "2031-05-27T18:00:00+00:00"
    )


@pytest.mark.parametrize(
    "rule, reason",
    [
        ("FREQ=WEEKLY", "repeats without an end"),
        ("FREQ=WEEKLY;COUNT=201", "more than 200 dates"),
        ("FREQ=DAILY;UNTIL=20991231", "more than 200 dates"),
        ("FREQ=YEARLY;UNTIL=20991231", "more than ten years after the first"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "more than ten years after the first"),
        ("FREQ=SECONDLY;COUNT=3", "'SECONDLY' is not supported"),
        ("FREQ=DAILY;COUNT=3;BYHOUR=9,10", "BYHOUR with several times a day is not supported"),
        ("FREQ=DAILY;COUNT=3;BYHOUR=9", "another time of day"),
        ("FREQ=DAILY;COUNT=3;BYEASTER=1", "BYEASTER is not supported"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0 is not valid"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL: 'SOON' is not a date and time"),
        ("COUNT=3", "the frequency '' is not supported"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_for_that_event_alone(rule: str, reason: str) -> None:
    sheet = read_lines(*event_of("SUMMARY:Single"), *event_of("SUMMARY:Class", f"RRULE:{rule}"))
    assert [row.name for row in sheet.rows] == ["Single"]
    (error,) = sheet.errors
    assert error.name == "Class"
    assert reason in error.sentence


def test_changes_of_a_refused_series_are_reported_too() -> None:
    change = event_of("UID:c", "SUMMARY:Moved", "RECURRENCE-ID:20310521T080000Z")
    sheet = read_lines(*event_of("UID:c", "RRULE:FREQ=WEEKLY"), *change)
    assert not sheet.rows
    assert [(error.line, error.name) for error in sheet.errors] == [(3, "Training"), (11, "Moved")]


def test_a_file_with_very_many_repeating_events_is_refused() -> None:
    lines = [line for _ in range(MAX_SERIES + 1) for line in event_of("RRULE:FREQ=DAILY;COUNT=2")]
    with pytest.raises(Unreadable, match="more than 500 repeating events"):
        read_lines(*lines)

"""Days, times and amounts are written by the patterns of the fest's locale."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from festgate.kit.clock import DAY, HOUR, SECOND, milliseconds
from festgate.kit.money import Money
from festgate.kit.writing import Writing, unbroken
from festgate.settings import Settings
from tests.rig.database import MovableClock

NARROW = "\N{NARROW NO-BREAK SPACE}"
SPACE = "\N{NO-BREAK SPACE}"
TO = "\N{THIN SPACE}\N{EN DASH}\N{THIN SPACE}"
DASH = "\N{EN DASH}"
SUNDAY = milliseconds(datetime(2026, 11, 29, 18, tzinfo=UTC))
LOCALES = ("en_IN", "en_US", "de_DE", "ja_JP")


def clock_at(now: datetime) -> MovableClock:
    clock = MovableClock()
    clock.now = milliseconds(now)
    return clock


def writing_at(now: datetime, locale: str = "en_IN", zone: str = "UTC") -> Writing:
    return Writing(Settings(locale=locale, timezone=zone), clock_at(now))


def in_2026(locale: str) -> Writing:
    return writing_at(datetime(2026, 6, 1, tzinfo=UTC), locale)


@pytest.mark.parametrize(
    "locale, day, day_time, when",
    [
        ("en_IN", "Sun, 29 Nov", f"Sun, 29 Nov, 6:00{NARROW}pm", f"Sun, 29 Nov, 2026, 6:00{NARROW}pm"),
        ("en_US", "Sun, Nov 29", f"Sun, Nov 29, 6:00{NARROW}PM", f"Sun, Nov 29, 2026, 6:00{NARROW}PM"),
        ("de_DE", "So., 29. Nov.", "So., 29. Nov., 18:00", "So., 29. Nov. 2026, 18:00"),
        ("ja_JP", "11月29日(日)", "11月29日(日) 18:00", "2026年11月29日(日) 18:00"),
    ],
)
def test_days_and_times_follow_the_locale(locale: str, day: str, day_time: str, when: str) -> None:
    writing = in_2026(locale)
    assert (writing.day(SUNDAY), writing.day_time(SUNDAY), writing.when(SUNDAY)) == (day, day_time, when)
    assert writing.day(date(2026, 11, 29)) == day


@pytest.mark.parametrize(
    "locale, day, day_time",
    [
        ("en_IN", "Mon, 29 Nov, 2027", f"Mon, 29 Nov, 2027, 6:00{NARROW}pm"),
        ("en_US", "Mon, Nov 29, 2027", f"Mon, Nov 29, 2027, 6:00{NARROW}PM"),
        ("de_DE", "Mo., 29. Nov. 2027", "Mo., 29. Nov. 2027, 18:00"),
        ("ja_JP", "2027年11月29日(月)", "2027年11月29日(月) 18:00"),
    ],
)
def test_a_day_of_another_year_has_its_year(locale: str, day: str, day_time: str) -> None:
    writing = in_2026(locale)
    assert (writing.day(SUNDAY + 365 * DAY), writing.day_time(SUNDAY + 365 * DAY)) == (day, day_time)


def test_the_year_turns_at_midnight_in_the_zone_of_the_fest() -> None:
    clock = clock_at(datetime(2026, 12, 31, 18, 29, 59, tzinfo=UTC))
    writing = Writing(Settings(locale="en_IN", timezone="Asia/Kolkata"), clock)
    january = milliseconds(datetime(2027, 1, 1, 10, tzinfo=UTC))
    assert [writing.day(SUNDAY), writing.day(january)] == ["Sun, 29 Nov", "Fri, 1 Jan, 2027"]
    assert [writing.other_year(SUNDAY), writing.other_year(january)] == ["", "2027"]
    clock.move(SECOND)
    assert [writing.day(SUNDAY), writing.day(january)] == ["Sun, 29 Nov, 2026", "Fri, 1 Jan"]
    assert [writing.other_year(SUNDAY), writing.other_year(january)] == ["2026", ""]
    clock.move(-SECOND)
    assert writing.day(SUNDAY) == "Sun, 29 Nov"


@pytest.mark.parametrize(
    "hours, text",
    [
        (3, f"11:00{NARROW}pm"),
        (13, f"Thu, 31 Dec, 9:00{NARROW}am"),
        (37, f"Fri, 1 Jan, 2027, 9:00{NARROW}am"),
    ],
)
@pytest.mark.parametrize("year", [2026, 2027])
def test_an_end_on_another_day_than_the_start_has_its_day(hours: int, text: str, year: int) -> None:
    start = datetime(2026, 12, 30, 20, tzinfo=UTC)
    end = start + timedelta(hours=hours)
    writing = writing_at(datetime(year, 6, 1, tzinfo=UTC))
    assert writing.end(milliseconds(end), milliseconds(start)) == text


@pytest.mark.parametrize(
    "first, last, expected",
    [
        (date(2026, 11, 29), date(2026, 12, 1), f"29 Nov{TO}1 Dec 2026"),
        (date(2026, 3, 13), date(2026, 3, 15), f"13{DASH}15 Mar 2026"),
        (date(2026, 3, 13), date(2026, 3, 13), "13 Mar 2026"),
        (date(2026, 12, 30), date(2027, 1, 2), f"30 Dec 2026{TO}2 Jan 2027"),
        (date(2026, 3, 1), date(2026, 11, 30), f"Mar{TO}Nov 2026"),
        (date(2026, 9, 1), date(2027, 6, 30), f"Sept 2026{TO}Jun 2027"),
    ],
)
def test_the_dates_of_a_fest_are_an_interval(first: date, last: date, expected: str) -> None:
    assert in_2026("en_IN").dates(first, last) == expected


@pytest.mark.parametrize(
    "locale, expected",
    [
        ("en_IN", f"29 Nov{TO}1 Dec 2026"),
        ("en_US", f"Nov 29{TO}Dec 1, 2026"),
        ("de_DE", f"29. Nov.{TO}1. Dez. 2026"),
        ("ja_JP", "2026年11月29日\N{FULLWIDTH TILDE}12月1日"),
    ],
)
def test_the_interval_has_the_pattern_of_the_locale(locale: str, expected: str) -> None:
    assert in_2026(locale).dates(date(2026, 11, 29), date(2026, 12, 1)) == expected


@pytest.mark.parametrize(
    "dates, lines",
    [
        (f"29 Nov{TO}1 Dec 2026", [f"29 Nov {DASH}", "1 Dec", "2026"]),
        (f"30. Dez. 2026{TO}2. Jan. 2027", ["30. Dez.", f"2026 {DASH}", "2. Jan.", "2027"]),
        (f"Nov 27{TO}29, 2026", [f"Nov 27 {DASH}", "29,", "2026"]),
        (f"13{DASH}15 Mar 2026", [f"13{DASH}15 Mar", "2026"]),
    ],
)
def test_dates_in_a_narrow_place_break_after_the_dash_and_before_a_year(dates: str, lines: list[str]) -> None:
    broken = re.split("[ \N{THIN SPACE}]", unbroken(dates))
    assert [line.replace(SPACE, " ") for line in broken] == lines


@pytest.mark.parametrize(
    "locale, amounts",
    [
        ("en_IN", ["₹12,34,500", "₹12,34,500.50", "₹0"]),
        ("en_US", ["₹1,234,500", "₹1,234,500.50", "₹0"]),
        ("de_DE", [f"1.234.500{SPACE}₹", f"1.234.500,50{SPACE}₹", f"0{SPACE}₹"]),
        ("ja_JP", ["₹1,234,500", "₹1,234,500.50", "₹0"]),
    ],
)
def test_a_price_in_a_list_has_decimals_only_where_it_needs_them(locale: str, amounts: list[str]) -> None:
    writing = in_2026(locale)
    assert [writing.price(Money(minor, "INR")) for minor in (1_23_45_00_00, 1_23_45_00_50, 0)] == amounts


@pytest.mark.parametrize(
    "locale, text",
    [
        ("en_IN", "JP¥500"),
        ("en_US", "¥500"),
        ("de_DE", f"500{SPACE}¥"),
        ("ja_JP", "\N{FULLWIDTH YEN SIGN}500"),
    ],
)
def test_a_price_in_a_currency_without_decimals_is_written_as_every_amount(locale: str, text: str) -> None:
    writing = in_2026(locale)
    assert writing.price(Money(500, "JPY")) == writing.money(Money(500, "JPY")) == text


def test_a_whole_amount_on_a_receipt_keeps_its_decimals() -> None:
    assert in_2026("en_IN").money(Money(450_00, "INR")) == "₹450.00"


@pytest.mark.parametrize("locale", LOCALES)
def test_a_text_is_formatted_once_for_a_minute(locale: str) -> None:
    writing = in_2026(locale)
    for write in (writing.day, writing.day_time, writing.when, writing.time):
        assert write(SUNDAY) is write(SUNDAY + 59 * SECOND)
    assert writing.time(SUNDAY) != writing.time(SUNDAY + HOUR)

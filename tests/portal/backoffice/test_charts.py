"""The sizes of a chart's bars, and sums by days and hours of a time zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from festgate.kit.clock import HOUR, MINUTE, milliseconds
from festgate.portal.backoffice.charts import (
    HEIGHT,
    MAX_HOURS,
    MIN_HOURS,
    by_day,
    by_hour,
    columns,
    days_until,
    share,
)

KOLKATA = ZoneInfo("Asia/Kolkata")


def test_the_tallest_column_has_the_whole_height_and_a_small_one_can_be_seen() -> None:
    bars = columns([(1000,), (0,), (1,)])
    assert [bar.height for bar in bars] == [HEIGHT, 1]
    assert [bar.y for bar in bars] == [0, HEIGHT - 1]


def test_columns_of_several_series_stand_side_by_side() -> None:
    first, second = columns([(4, 2)])
    assert first.x + first.width == second.x
    assert (first.series, second.series) == (0, 1)


def test_a_chart_without_values_has_no_bars() -> None:
    assert columns([(0,), (0,)]) == ()
    assert columns([]) == ()


def test_a_share_is_seen_unless_it_is_nothing() -> None:
    assert [share(value, 1000) for value in (0, 1, 500, 1000)] == [0, 1, 50, 100]
    assert share(5, 0) == 0


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    days = days_until(date(2026, 3, 2), 2)
    late = milliseconds(datetime(2026, 3, 1, 18, 15, tzinfo=UTC))  # 23:45 in Kolkata
    early = milliseconds(datetime(2026, 3, 1, 18, 30, tzinfo=UTC))
    assert by_day([(late, 2), (early, 3), (late - 30 * 24 * HOUR, 9)], days, KOLKATA) == {
        date(2026, 3, 1): 2,
        date(2026, 3, 2): 3,
    }


def test_hours_without_a_check_in_are_in_the_chart_and_those_long_ago_are_not() -> None:
    at = milliseconds(datetime(2026, 3, 1, 18, 30, tzinfo=UTC))  # midnight in Kolkata
    assert by_hour([(at + 15 * MINUTE, 1), (at + 45 * MINUTE, 2), (at + 2 * HOUR, 4)], KOLKATA) == [
        (at, 3),
        (at + HOUR, 0),
        (at + 2 * HOUR, 4),
    ]
    assert len(by_hour([(at - 500 * HOUR, 1), (at, 1)], KOLKATA)) == MAX_HOURS
    assert by_hour([], KOLKATA) == []


def test_the_hours_of_a_few_check_ins_are_columns_beside_empty_hours_before_them() -> None:
    at = milliseconds(datetime(2026, 3, 1, 18, 30, tzinfo=UTC))
    hours = by_hour([(at + 15 * MINUTE, 1)], KOLKATA, least=MIN_HOURS)
    assert (len(hours), hours[-1]) == (MIN_HOURS, (at, 1))
    assert sum(count for _, count in hours) == 1

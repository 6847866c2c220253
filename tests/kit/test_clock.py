"""Times in whole milliseconds."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import NEVER, milliseconds, moment, system_clock

zones = st.sampled_from(
    [UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-9.5))]
)
moments = st.integers(0, 7_258_118_400_000)
"""Moments between 1970 and 2200."""


@given(moments, zones)
def test_a_moment_is_the_same_in_every_time_zone(at: int, zone: timezone) -> None:
    assert milliseconds(moment(at, zone)) == at
    assert moment(at, zone) == moment(at)


@given(moments, st.integers(1, 10**9))
def test_a_later_time_is_a_larger_number(at: int, difference: int) -> None:
    assert at < at + difference < NEVER
    assert moment(at) < moment(at + difference)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        milliseconds(datetime(2026, 3, 14))  # noqa: DTZ001  (the missing zone is the subject of the test)


def test_never_is_exact_as_a_json_number() -> None:
    assert int(float(NEVER)) == NEVER
    assert system_clock() < NEVER

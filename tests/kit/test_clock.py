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
"""Until the year 2200."""


@given(moments, zones)
def test_a_moment_in_any_zone_is_the_same_moment(at: int, zone: timezone) -> None:
    assert milliseconds(moment(at, zone)) == at
    assert moment(at, zone) == moment(at)


@given(moments, st.integers(1, 10**9))
def test_later_is_larger(at: int, more: int) -> None:
    assert at < at + more < NEVER
    assert moment(at) < moment(at + more)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        milliseconds(datetime(2026, 3, 14))  # noqa: DTZ001  (that is what is refused)


def test_never_is_exact_for_readers_of_json_too() -> None:
    assert int(float(NEVER)) == NEVER
    assert system_clock() < NEVER

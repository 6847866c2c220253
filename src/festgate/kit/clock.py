"""Time in whole milliseconds since 1970-01-01 UTC.

Integers compare alike in Python, SQLite and PostgreSQL, and need no conversion when they are stored or read.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

from festgate.kit.resilience import faults

Milliseconds: TypeAlias = int
Clock: TypeAlias = Callable[[], Milliseconds]

SECOND: Milliseconds = 1_000
MINUTE: Milliseconds = 60 * SECOND
HOUR: Milliseconds = 60 * MINUTE
DAY: Milliseconds = 24 * HOUR

NEVER: Milliseconds = 2**53
"""A time after all others, for states that never end. It is exact as a float too, so JSON readers preserve it."""


def system_clock() -> Milliseconds:
    """Return the system time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000 + (faults.clock_offset() if faults.armed else 0)


def moment(at: Milliseconds, zone: tzinfo = UTC) -> datetime:
    """Return a time in milliseconds as an aware datetime in `zone`."""
    return datetime.fromtimestamp(at / 1000, zone)


def minutes_left(span: Milliseconds) -> str:
    """Return the span as text, such as `12 minutes`, rounded up so that nothing ends earlier than announced."""
    minutes = max(1, -(-span // MINUTE))
    if minutes >= 120:  # noqa: PLR2004  (from two hours on, hours read better)
        return f"{minutes // 60} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def milliseconds(at: datetime) -> Milliseconds:
    """Return an aware datetime as a time in milliseconds. Raise ValueError if it has no time zone."""
    if at.tzinfo is None:
        msg = f"{at.isoformat()} has no time zone"
        raise ValueError(msg)
    return round(at.timestamp() * 1000)

"""Time as the portal keeps it: whole milliseconds since 1970-01-01 UTC.

Integers compare alike in Python, SQLite and PostgreSQL, and need no conversion on the way in or out.
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
"""Later than anything: the end of what has no end. Exact as a float too, so JSON readers keep it."""


def system_clock() -> Milliseconds:
    """The machine's own clock, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000 + (faults.clock_offset() if faults.armed else 0)


def moment(at: Milliseconds, zone: tzinfo = UTC) -> datetime:
    """The aware datetime, in `zone`, of a time in milliseconds."""
    return datetime.fromtimestamp(at / 1000, zone)


def minutes_left(span: Milliseconds) -> str:
    """`12 minutes`, rounded up, so that nothing is said to be over before it is."""
    minutes = max(1, -(-span // MINUTE))
    if minutes >= 120:  # noqa: PLR2004  (from two hours on, hours say it better)
        return f"{minutes // 60} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def milliseconds(at: datetime) -> Milliseconds:
    """The time in milliseconds of an aware datetime; `ValueError` when it has no zone."""
    if at.tzinfo is None:
        msg = f"{at.isoformat()} has no time zone"
        raise ValueError(msg)
    return round(at.timestamp() * 1000)

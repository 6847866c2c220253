"""The limits of what a run or a comparison can show. The module imports little, so that commands start quickly."""

import math
from typing import Final

MAX_CPU: Final = 0.8
"""Share of a core; above it a load generator in Python begins to measure its own queue."""
MANY_NAMES: Final = 500
"""Steps; no web app has that many routes in one journey."""
MAX_MACHINE_USERS: Final = 100_000
"""Users of one load generator machine. Each holds a connection, and a machine has 65,535 ports for those to one
address; a user also takes 0.1 to 0.3 ms of processor time to start, and 11 to 17 kB before its first request."""
MAX_MACHINE_RATE: Final = 100_000
"""Visits a second of one load generator machine: a request takes 0.7 ms of processor time (measured at 100 a second),
so that many would keep 70 cores busy."""
MIN_PAIRS: Final = 6
"""With five, the smallest two-sided p-value of the sign-flip test is 2/32: above 0.05 whatever the runs show."""
NAME_ADVICE: Final = "If names contain values, give each request the name= of its route."
MIN_TAIL: Final = 30
"""Requests beyond a quantile that make it reliable: 600 in all for a p95, 3,000 for a p99. With fewer, a few requests
decide it; with 20 in all, a p95 is the maximum."""


def min_requests(quantile: float | None) -> int:
    """Return how many requests a run needs: 600 for p95, 3,000 for p99; 30 for a metric that is not a quantile."""
    tail = 1.0 if quantile is None else min(quantile, 1 - quantile)
    return math.ceil(round(MIN_TAIL / tail, 6))

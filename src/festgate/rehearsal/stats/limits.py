"""The limits of what a run or a comparison can show, in one place; without imports, so that commands start quickly."""

from typing import Final

MAX_CPU: Final = 0.8
"""Share of a core; above it a load generator in Python begins to measure its own queue."""
MIN_PAIRS: Final = 6
"""With five, the smallest two-sided p of the sign-flip test is 2/32: above 0.05 whatever is seen."""
MIN_TAIL: Final = 30
"""Requests beyond a quantile before it is worth reading: 600 for a p95, 3,000 for a p99. With fewer, a few requests
decide it, and at 20 it is the maximum."""

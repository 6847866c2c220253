"""Limits of Locust's figures: how they are rounded, and when a single request or a pause decides them."""

import math
from typing import Final

FEW: Final = 20
"""Requests up to which the p95 that Locust prints is the maximum: it takes the value above int(0.95 n) others."""
OUTLIER: Final = 0.1
"""Share of a mean that one request contributes; above it, it is reported."""
SLOW_FIRST: Final = 5.0
"""Ratio of the maximum to the median; above it, the slowest request did something that the others did not."""
FALLBACK: Final = (1900.0, 2700.0)
"""Milliseconds of a first connection to `localhost` if nothing listens at ::1 and the client falls back to IPv4."""
WAITING: Final = 0.5
"""Share of their time that users wait for responses; below it, their pauses decide the rate, not the target."""
EXACT: Final = 100.0
"""Milliseconds up to which Locust does not round to two digits."""


def bucket(value: float) -> tuple[float, float]:
    """Return the range of times that Locust rounds to this percentile; it keeps two digits from 100 ms on."""
    if value <= EXACT:
        return value - 0.5, value + 0.5
    half = 10.0 ** (math.floor(math.log10(value)) - 1) / 2
    return value - half, value + half


def milliseconds(value: float) -> str:
    """Format milliseconds with no more digits than Locust keeps: `2,104 ms`, `8.75 ms`."""
    return f"{value:,.0f} ms" if value >= EXACT else f"{value:.3g} ms"

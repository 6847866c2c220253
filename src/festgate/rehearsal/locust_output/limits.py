"""What Locust's figures are worth: how it rounds them, and from where on one request or a pause makes a figure."""

import math
from typing import Final

FEW: Final = 20
"""Requests up to which the p95 that Locust prints is their maximum: it takes the one below which int(0.95 n) lie."""
OUTLIER: Final = 0.1
"""Share of a mean that one request makes, from which it is told."""
SLOW_FIRST: Final = 5.0
"""Times the median that the slowest request took: then it did something that the others did not."""
FALLBACK: Final = (1900.0, 2700.0)
"""Milliseconds of a first connection to `localhost` where nothing listens at ::1 and the client falls back."""
WAITING: Final = 0.5
"""Share of their time that users wait for answers, up to which a rate says more of their pauses than of the answers."""
EXACT: Final = 100.0
"""Milliseconds below which Locust keeps each whole one."""


def bucket(value: float) -> tuple[float, float]:
    """Between what times lie those that Locust writes as this percentile: two digits are kept from 100 ms on."""
    if value <= EXACT:
        return value - 0.5, value + 0.5
    half = 10.0 ** (math.floor(math.log10(value)) - 1) / 2
    return value - half, value + half


def milliseconds(value: float) -> str:
    """`2,104 ms`, `8.75 ms`: no digit more than Locust has."""
    return f"{value:,.0f} ms" if value >= EXACT else f"{value:.3g} ms"

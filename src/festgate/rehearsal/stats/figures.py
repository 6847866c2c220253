"""The number formats of every report: `4.20 ms`, `1,800`, `0.0412 %`, `+3.2 %`, `1 min 12 s`."""

import math
from datetime import UTC, datetime
from typing import Final

NOTHING: Final = "-"
"""The text in place of a missing figure."""
_MINUTE, _HOUR = 60, 3600
_WHOLE_MINUTES = 10
"""From this number of minutes on, a duration is shown without its seconds."""


def count(number: float) -> str:
    """Format a count: `25,000`."""
    return f"{number:,.0f}"


def rate(a_second: float) -> str:
    """Format a rate: `420/s`, `9.40/s`, `0.0512/s`."""
    return f"{_three_digits(a_second)}/s" if math.isfinite(a_second) else NOTHING


def latency(seconds: float) -> str:
    """Format a latency with three digits, more than one run can resolve: `0.420 ms`, `310 ms`, `2.31 s`."""
    if not math.isfinite(seconds):
        return NOTHING
    return f"{_three_digits(seconds)} s" if seconds >= 1 else f"{_three_digits(seconds * 1000)} ms"


def share(part: float) -> str:
    """Format a share: `1.20 %`, `0.0412 %`, `0 %`, `5 %`."""
    if not math.isfinite(part):
        return NOTHING
    percent = round(part * 100, 9)
    return f"{percent:.0f} %" if percent == int(percent) else f"{_three_digits(percent)} %"


def change(part: float) -> str:
    """Format a relative change: `+3.2 %`, `-0.4 %`, `0.0 %`."""
    if not math.isfinite(part):
        return NOTHING
    text = f"{part * 100:+,.1f} %"
    return text[1:] if text[1:] == "0.0 %" else text


def size(octets: float) -> str:
    """Format a number of bytes: `812 B`, `21.1 kB`, `1.20 MB`."""
    for unit, weight in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= weight:
            return f"{_three_digits(octets / weight)} {unit}"
    return f"{octets:.0f} B" if math.isfinite(octets) else NOTHING


def span(seconds: float) -> str:
    """Format a duration: `45 s`, `1 min 12 s`, `5 minutes`, `1 h 20 min`."""
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        if rest == 0 or minutes >= _WHOLE_MINUTES:
            return "1 minute" if minutes == 1 else f"{minutes} minutes"
        return f"{minutes} min {rest} s"
    hours, rest = divmod(whole, _HOUR)
    return f"{hours} h {rest // _MINUTE} min"


def at(seconds: float) -> str:
    """Format a time since the start of a run: `0:42`, `1:02:05`."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(seconds_since_1970: float) -> str:
    """Format a date and time: `2026-11-22 18:30 UTC`."""
    return f"{datetime.fromtimestamp(seconds_since_1970, UTC):%Y-%m-%d %H:%M} UTC"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    # Rounding can add a digit before the point: 99.96 becomes 100, not 100.0.
    decimals = 2 - math.floor(math.log10(abs(round(value, decimals))))
    return f"{value:,.{max(decimals, 0)}f}"

"""Finds numbers with their units in prose: times, rates, percentages and factors, but no other numbers."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from festgate.lab.audit.words import METRICS, ROUTE

Unit = Literal["ms", "rate", "percent", "times", ""]
_ABOUT: Final = "about|around|only|just|nearly|roughly|approximately|approx\\.?|almost|over|some|ca\\."
ABOUT: Final = rf"(?:(?:{_ABOUT})\s*|[~\u2248]\s*)*"
"""Words that may precede a rounded number."""
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNITS: Final = (
    ("ms", 1.0, r"milliseconds?|millis|msecs?|ms"),
    ("ms", 1000.0, r"seconds?|secs?|s"),
    ("rate", 1.0, r"rps|req(?:uest)?s?\s?(?:/|per)\s?s(?:ec(?:ond)?)?|/\s?s(?:ec)?"),
    ("times", 1.0, r"times|x|-?\s?fold"),
)
_UNIT: Final = "|".join(f"(?:{pattern})\\b" for _, _, pattern in _UNITS)
_QUANTITY: Final = re.compile(
    rf"(?<![\w.,:/#])(?<!\d[-\u2013\u2212])(?P<sign>[-\u2212+])?(?P<number>{_NUMBER})"
    rf"(?![-\u2013]\d)(?:\s?(?P<unit>{_UNIT}|%|per\s?cent\b|\u00d7))?(?![\w%]|\.\d)",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"\bHTTP\s?/?\d[\d.]*|\b[1-5]\d\d\s+(?:OK|errors?|responses?|Found|Internal)\b|\bstatus\s+(?:code\s+)?\d+"
    r"|\d+\.\d+\.\d+(?:\.\d+)?|\d{4}-\d\d-\d\d|\b\d+(?:st|nd|rd|th)\b"
    r"|\b9\d(?:\.\d)?\s?%\s*-?\s*(?=confidence|interval|CI\b)|\b[A-Za-z]+\d+\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was written."""

    value: float
    """Milliseconds, requests per second, per cent, or a factor, depending on the unit."""
    unit: Unit
    """Empty if no unit follows the number."""
    step: float
    """Value of its last digit in the same unit: 1 for `451 ms`, 10 for `0.45 s`."""
    start: int
    end: int
    """Offsets in the sentence."""

    def matches(self, figure: float) -> bool:
        """Return whether this number can be the figure, rounded, or truncated as on Locust's console."""
        return abs(figure - self.value) <= self.step / 2 + 1e-9 or 0 <= figure - self.value < self.step

    def as_unit(self, unit: Unit) -> "Quantity":
        """Return the number with this unit if it was written without one."""
        return Quantity(self.value, unit, self.step, self.start, self.end) if not self.unit else self


def mask(text: str) -> str:
    """Replace digits that are not a quantity by dots: `p95`, `/events/1`, `HTTP 500`, a date, a 95 % interval."""
    for pattern in (_OTHER, ROUTE, *(pattern for metric, pattern in METRICS if metric != "rate")):
        text = pattern.sub(lambda match: "\u00b7" * len(match[0]), text)
    return text


def quantities_in(text: str) -> list[Quantity]:
    """Return all quantities of a masked text, in order."""
    return [_quantity(match) for match in _QUANTITY.finditer(text)]


def _quantity(match: re.Match[str]) -> Quantity:
    written = match["number"].replace(",", "")
    value, step = float(written), 10.0 ** -len(written.partition(".")[2])
    unit_text = (match["unit"] or "").lower()
    if unit_text == "%" or unit_text.startswith("per"):
        return Quantity(value, "percent", step, match.start(), match.end())
    if unit_text == "\u00d7":
        return Quantity(value, "times", step, match.start(), match.end())
    for unit, factor, pattern in _UNITS:
        if re.fullmatch(pattern, unit_text):
            name: Unit = "ms" if unit == "ms" else "rate" if unit == "rate" else "times"
            return Quantity(value * factor, name, step * factor, match.start(), match.end())
    return Quantity(value, "", step, match.start(), match.end())

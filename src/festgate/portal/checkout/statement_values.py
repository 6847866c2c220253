"""Dates and amounts as banks write them in statements: `03/11/2026`, `3-Nov-26`, `1,50,000.00 Cr`, `1.234,56-`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from festgate.kit.amounts import read_amount
from festgate.kit.money import Money
from festgate.kit.translation import gettext

Direction = Literal["in", "out"]
DateOrder = Literal["day_first", "month_first"]
"""The order of the numbers of a date such as `03/11/2026`."""

MAX_DATE: Final = 40
YEARS: Final = range(2000, 2100)
_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)(?!\d)")
_NUMBERS: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?!\d)")
_NAMED: Final = re.compile(r"(\d{1,2})[-/. ]?([A-Za-zäéû]{3})[A-Za-zäéû]*[-/. ,]*(\d{4}|\d{2})(?!\d)")
_CENTURY: Final = 2000
_TWO_DIGITS: Final = 100
_LAST_MONTH: Final = 12
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan",
            "feb fév",
            "mar mär mrt",
            "apr avr",
            "may mai mei",
            "jun",
            "jul",
            "aug aoû",
            "sep",
            "oct okt",
            "nov",
            "dec dez déc",
        ),
        1,
    )
    for name in names.split()
}
_OUT_WORDS: Final = frozenset({"dr", "dr.", "d", "debit", "soll", "s", "af", "withdrawal", "out", "débit"})
_IN_WORDS: Final = frozenset({"cr", "cr.", "c", "credit", "haben", "h", "bij", "deposit", "in", "crédit"})
_SUFFIX: Final = re.compile(r"\s*\(?\b(cr|dr)\.?\)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads the dates of one statement, all of which have the same order of day and month."""

    order: DateOrder | None = None
    """None if every date has its year first, or the name of its month."""
    is_open: bool = False
    """Whether the dates fit both orders: no number is above 12, and they would be other days."""
    example: str = ""
    """A date as the statement has it, which would be another day in the other order if there is one."""

    @classmethod
    def of(cls, texts: Iterable[str], wanted: DateOrder | None = None) -> "DateReader":
        """Return the reader for these dates.

        The order is that which a number above 12 shows, else the `wanted` one, else the day first.
        """
        dates = [(match, text) for text in texts if (match := _numbers_of(text))]
        if not dates:
            return cls()
        telling = [text for match, text in dates if int(match[1]) != int(match[2])]
        example = next(iter(telling), dates[0][1]).strip()[:MAX_DATE]
        if any(int(match[2]) > _LAST_MONTH for match, _ in dates):
            return cls("month_first", example=example)
        if any(int(match[1]) > _LAST_MONTH for match, _ in dates) or not telling:
            return cls("day_first", example=example)
        return cls(wanted or "day_first", is_open=True, example=example)

    def read(self, text: str) -> date:
        """Return the day. Raises ValueError with a sentence."""
        short = text.strip()[:MAX_DATE]
        if match := _YEAR_FIRST.match(short):
            return _day(text, match[1], match[2], match[3])
        if match := _NUMBERS.match(short):
            is_month_first = self.order == "month_first"
            day, month = (match[2], match[1]) if is_month_first else (match[1], match[2])
            return _day(text, match[3], month, day)
        if (match := _NAMED.match(short)) and (month_number := _MONTHS.get(match[2].casefold())):
            return _day(text, match[3], str(month_number), match[1])
        raise ValueError(_no_date(text))

    def other_day(self, text: str) -> date | None:
        """Return the day that a date would be in the other order of day and month; None if it can be no other."""
        match = _numbers_of(text)
        if match is None or match[1] == match[2] or max(int(match[1]), int(match[2])) > _LAST_MONTH:
            return None
        other: DateOrder = "day_first" if self.order == "month_first" else "month_first"
        return replace(self, order=other).read(text)


def _numbers_of(text: str) -> re.Match[str] | None:
    """Return the numbers of a date whose order matters; None for another date."""
    short = text.strip()[:MAX_DATE]
    return None if _YEAR_FIRST.match(short) else _NUMBERS.match(short)


def _day(text: str, year: str, month: str, day: str) -> date:
    number = int(year)
    number += _CENTURY if number < _TWO_DIGITS else 0
    if number in YEARS:
        try:
            return date(number, int(month), int(day))
        except ValueError:
            pass
    raise ValueError(_no_date(text))


def _no_date(text: str) -> str:
    return gettext("{text!r} is not a date.").format(text=text.strip()[:MAX_DATE])


def read_direction(text: str) -> Direction | None:
    """Return the direction that a cell of its own states, such as `CR`; None if it states none."""
    word = text.strip().casefold()
    if word in _OUT_WORDS:
        return "out"
    return "in" if word in _IN_WORDS else None


def read_signed(text: str, currency: str) -> tuple[Money, Direction | None]:
    """Return an amount without its sign, and the direction of the sign; None without one. Raises ValueError."""
    short = text.strip().replace("\u2212", "-").replace("\u2013", "-")
    direction: Direction | None = None
    if suffix := _SUFFIX.search(short):
        direction = "in" if suffix[1].casefold() == "cr" else "out"
        short = short[: suffix.start()]
    if short.startswith("(") and short.endswith(")"):
        short, direction = short[1:-1], "out"
    if short.startswith("-") or (short.endswith("-") and short[-2:-1].isdigit()):
        short, direction = short.strip("-"), "out"
    elif short.startswith("+"):
        short, direction = short[1:], direction or "in"
    return read_amount(short.strip(), currency), direction

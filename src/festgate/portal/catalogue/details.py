"""The details of an event as organisers enter them: read from text, checked, and written as the same text again.

The form, the API, and CSV and calendar files all use these functions, so they refuse the same values with the same
sentences.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from festgate.kit.amounts import plain_number, read_amount
from festgate.kit.clock import MINUTE, Milliseconds, milliseconds, moment
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.text import MAX_TEXT, check_length, searchable, tidy
from festgate.kit.translation import N_, gettext

T = TypeVar("T")

MAX_LENGTHS: Mapping[str, int] = {
    "title": 120,
    "summary": 200,
    "description": MAX_TEXT,
    "category": 40,
    "place": 120,
    "slug": 60,
}
"""Characters of each text."""
MAX_CAPACITY = 1_000_000
YEARS = range(1971, 2200)
"""Years of an event: after 1970, whose first moment means "no time", and before calendars end."""

TEXTS = ("title", "summary", "description", "category", "place")
TIMES = ("starts_at", "ends_at", "sales_open_at", "sales_close_at")
FIELDS = (*TEXTS, *TIMES, "fee", "capacity")
"""The fields of Details, and the columns of a file, in this order."""

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_VALUE = 100
"""Characters of an entered time, fee, number of seats or slug: more than any spelling of one needs."""
RESERVED_SLUGS = frozenset({"new"})
"""Slugs that organisers' pages below /organise/events/ have."""
_MISSING = {
    "place": N_("Enter a place before you publish the event."),
    "starts_at": N_("Enter a start before you publish the event."),
    "ends_at": N_("Enter an end before you publish the event."),
    "capacity": N_("Enter the number of seats before you publish the event."),
}
"""A sentence for each field that a published event needs."""


@dataclass(frozen=True, slots=True)
class Details:
    """An event as its organiser enters it. Times are in milliseconds; 0 if not entered yet."""

    title: str
    summary: str
    description: str
    category: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    sales_open_at: Milliseconds
    sales_close_at: Milliseconds
    fee: Money
    capacity: int


def details_of(event: Details) -> Details:
    """Return the details of an event alone, without its id, its state and its count of seats."""
    return Details(*(getattr(event, name) for name in FIELDS))


def read_details(fields: Mapping[str, str], zone: ZoneInfo, currency: str) -> Details:
    """Read details that were entered as text, with times of the zone and amounts in `currency`.

    Only the title and the fee are required: a draft may lack the rest. Raises Invalid with a sentence for every wrong
    field.
    """
    errors: dict[str, str] = {}

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(fields.get(name, ""))
        except ValueError as error:
            errors[name] = str(error)
            return default

    entered: dict[str, Any] = {name: read(name, partial(_read_text, name), "") for name in TEXTS}
    entered |= {name: read(name, partial(read_moment, zone), 0) for name in TIMES}
    entered["sales_close_at"] = entered["sales_close_at"] or entered["starts_at"]
    fee = read("fee", partial(read_fee, currency), Money(0, currency))
    capacity = read("capacity", read_capacity, 0)
    details = Details(**entered, fee=fee, capacity=capacity)
    errors = {**find_errors(details), **errors}
    if errors:
        raise Invalid(errors)
    return details


def find_errors(details: Details) -> dict[str, str]:
    """Return a sentence for each field whose value is wrong even for a draft."""
    errors: dict[str, str] = {}
    if not details.title:
        errors["title"] = gettext("This field is required.")
    starts, ends = details.starts_at, details.ends_at
    if starts and ends and ends <= starts:
        errors["ends_at"] = gettext("The end must be after the start.")
    opens, closes = details.sales_open_at, details.sales_close_at
    if closes and opens >= closes:
        # A closing time that was derived from the start is not a field that the organiser filled in.
        name = "sales_open_at" if closes == starts else "sales_close_at"
        errors[name] = gettext("Sales must open before they close.")
    elif ends and closes > ends and closes != starts:
        errors["sales_close_at"] = gettext("Sales must close before the event ends.")
    return errors


def find_gaps(details: Details) -> dict[str, str]:
    """Return a sentence for each field that has to be filled in before the event is published."""
    return {name: gettext(sentence) for name, sentence in _MISSING.items() if not getattr(details, name)}


def written(details: Details, zone: ZoneInfo) -> dict[str, str]:
    """Return the details as text, from which `read_details` reads the same details."""
    times = {name: written_time(getattr(details, name), zone) for name in TIMES}
    if details.sales_close_at == details.starts_at:
        times["sales_close_at"] = ""
    return {
        **{name: getattr(details, name) for name in TEXTS},
        **times,
        "fee": details.fee.plain(),
        "capacity": str(details.capacity) if details.capacity else "",
    }


def read_slug(text: str) -> str:
    """Return the slug, the event's part of its address. Raises ValueError with a sentence about what is wrong."""
    check_length(text, MAX_VALUE, MAX_LENGTHS["slug"])
    slug = text.strip()
    if not SLUG.fullmatch(slug) or len(slug) > MAX_LENGTHS["slug"]:
        msg = gettext(
            "{slug} cannot be part of an address: small letters a to z, digits and single hyphens, at most {max}."
        )
        raise ValueError(msg.format(slug=repr(slug), max=MAX_LENGTHS["slug"]))
    if slug in RESERVED_SLUGS:
        msg = gettext("{slug} is an address that the portal needs itself.").format(slug=repr(slug))
        raise ValueError(msg)
    return slug


def search_text(details: Details) -> str:
    """Return the text that the list's search looks in."""
    return searchable(f"{details.title}\n{details.summary}\n{details.place}\n{details.category}")


def _read_text(name: str, text: str) -> str:
    return tidy(text, lines=name == "description", max_length=MAX_LENGTHS[name])


def _value(text: str) -> str:
    """Return a time, an amount or a number as it was entered. Raises ValueError if it is too long."""
    check_length(text, MAX_VALUE)
    return text.strip()


def read_moment(zone: ZoneInfo, text: str) -> Milliseconds:
    """Read a time as `read_time` does; 0 for an empty text."""
    entered = _value(text)
    return read_time(entered, zone) if entered else 0


def read_time(text: str, zone: ZoneInfo) -> Milliseconds:
    """Read `2026-03-14T10:00` in the zone, or a time with an offset. Raises ValueError with a sentence."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or not re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", text, re.DOTALL):
        msg = gettext("{text} is not a date and time; write it like 2026-03-14T10:00.")
        raise ValueError(msg.format(text=repr(text)))
    if at.year not in YEARS:
        msg = gettext("{text} is not in the years that an event can be in ({first} to {last}).")
        raise ValueError(msg.format(text=text, first=YEARS[0], last=YEARS[-1]))
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
        if at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None):
            msg = gettext("{text} does not exist in {zone}: the clocks go forward over it.")
            raise ValueError(msg.format(text=text, zone=zone.key))
    # Events are not announced with fractions of a second, and calendars have none.
    return milliseconds(at.replace(microsecond=0))


def written_time(at: Milliseconds, zone: ZoneInfo) -> str:
    """Return the time as text, from which `read_time` reads the same time; empty for 0."""
    if at == 0:
        return ""
    local = moment(at, zone)
    timespec = "minutes" if at % MINUTE == 0 else "seconds"
    plain = local.replace(tzinfo=None).isoformat(timespec=timespec)
    # In the hour that comes twice when the clocks go back, only the offset distinguishes the two.
    return plain if milliseconds(local.replace(fold=0)) == at else local.isoformat(timespec=timespec)


def read_fee(currency: str, text: str) -> Money:
    """Read an amount that was entered. Raises ValueError with a sentence."""
    entered = _value(text)
    if not entered:
        msg = gettext("This field is required. Enter 0 for a free event.")
        raise ValueError(msg)
    try:
        return read_amount(entered, currency)
    except ValueError as error:
        msg = f"{str(error).removesuffix('.')}."
        raise ValueError(msg) from None


def read_capacity(text: str) -> int:
    """Read a number of seats; 0 for an empty text. Raises ValueError with a sentence."""
    entered = plain_number(_value(text))
    if not entered:
        return 0
    if not (entered.isascii() and entered.isdecimal() and len(entered) <= len(str(MAX_CAPACITY))):
        msg = gettext("{text} is not a whole number of seats.")
        raise ValueError(msg.format(text=repr(entered)))
    if int(entered) > MAX_CAPACITY:
        msg = gettext("At most {max} seats.")
        raise ValueError(msg.format(max=MAX_CAPACITY))
    return int(entered)


def read_number(text: str, *, least: int, most: int, empty: int | None) -> int | None:
    """Return a whole number that was entered; `empty` for an empty field. Raises ValueError with a sentence."""
    check_length(text, MAX_VALUE)
    entered = text.strip()
    if not entered:
        return empty
    if not (entered.isascii() and entered.isdecimal()) or not least <= int(entered[:20]) <= most:
        raise ValueError(gettext("Enter a whole number from {min} to {max}.").format(min=least, max=most))
    return int(entered)

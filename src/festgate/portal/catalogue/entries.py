"""What an organiser enters for an event: read from text, checked, and written as the same text again.

The form, the API, and the CSV and calendar files all pass through here, so a value that one of them refuses is refused
by all, with the same sentence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from festgate.kit.clock import MINUTE, Milliseconds, milliseconds, moment
from festgate.kit.errors import Invalid
from festgate.kit.money import Money, parse_amount
from festgate.kit.text import MAX_TEXT, check_length, searchable, tidy
from festgate.portal.catalogue.queries import Event

MAX_LENGTHS: Mapping[str, int] = {
    "title": 120,
    "summary": 200,
    "description": MAX_TEXT,
    "category": 40,
    "place": 120,
    "slug": 60,
}
"""Characters that each text may have."""
MAX_CAPACITY = 1_000_000
YEARS = range(1971, 2200)
"""Years that an event can be in: after the time that stands for none, and before calendars run out."""

TIMES = ("starts_at", "ends_at", "sales_open_at", "sales_close_at")
FIELDS = ("title", "summary", "description", "category", "place", *TIMES, "fee", "capacity")
"""What makes an event, in the order in which files have it."""

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_VALUE = 100
"""Characters of a time, a fee, a number of seats or a slug as it is entered: more than any way of writing one needs."""
RESERVED_SLUGS = frozenset({"new"})
"""Addresses of the organiser's own pages below /organise/events/."""


@dataclass(frozen=True, slots=True)
class Details:
    """An event as its organiser describes it. Times in milliseconds, 0 where they are not known yet."""

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


def details_of(event: Event) -> Details:
    """What the organiser of the event had entered."""
    return Details(
        event.title,
        event.summary,
        event.description,
        event.category,
        event.place,
        event.starts_at,
        event.ends_at,
        event.sales_open_at,
        event.sales_close_at,
        event.fee,
        event.capacity,
    )


def read_details(fields: Mapping[str, str], zone: ZoneInfo, currency: str) -> Details:
    """The details that were entered as text. Times are the zone's own, amounts are in `currency`.

    Only the title and the fee have to be there: a draft may lack the rest. Raises Invalid, which names every field that
    is wrong.
    """
    wrong: dict[str, str] = {}
    texts = {
        name: _text(name, fields, wrong) for name in ("title", "summary", "description", "category", "place")
    }
    times = {name: _time(name, fields, zone, wrong) for name in TIMES}
    fee = _fee(_value("fee", fields, wrong), currency, wrong)
    capacity = _capacity(_value("capacity", fields, wrong), wrong)
    details = Details(
        **texts,
        starts_at=times["starts_at"],
        ends_at=times["ends_at"],
        sales_open_at=times["sales_open_at"],
        sales_close_at=times["sales_close_at"] or times["starts_at"],
        fee=fee,
        capacity=capacity,
    )
    wrong = {**find_wrongs(details), **wrong}
    if wrong:
        raise Invalid(wrong)
    return details


def find_wrongs(details: Details) -> dict[str, str]:
    """What no event may have, not even a draft: a sentence for each field, none when all is well."""
    wrong: dict[str, str] = {}
    if not details.title:
        wrong["title"] = "This field is required."
    starts, ends = details.starts_at, details.ends_at
    if starts and ends and ends <= starts:
        wrong["ends_at"] = "The end must be after the start."
    opens, closes = details.sales_open_at, details.sales_close_at
    if closes and opens >= closes:
        # A closing time that only follows from the start is no field that was filled in wrongly.
        name = "sales_open_at" if closes == starts else "sales_close_at"
        wrong[name] = "Sales must open before they close."
    elif ends and closes > ends and closes != starts:
        wrong["sales_close_at"] = "Sales must close before the event ends."
    return wrong


def find_gaps(details: Details) -> dict[str, str]:
    """What has to be filled in before people may see the event: a sentence for each field."""
    needed = {
        "place": "Enter a place before you publish the event.",
        "starts_at": "Enter a start before you publish the event.",
        "ends_at": "Enter an end before you publish the event.",
        "capacity": "Enter the number of seats before you publish the event.",
    }
    return {name: sentence for name, sentence in needed.items() if not getattr(details, name)}


def written(details: Details, zone: ZoneInfo) -> dict[str, str]:
    """The details as text that `read_details` reads as the same details."""
    times = {name: _written_time(getattr(details, name), zone) for name in TIMES}
    if details.sales_close_at == details.starts_at:
        times["sales_close_at"] = ""
    return {
        "title": details.title,
        "summary": details.summary,
        "description": details.description,
        "category": details.category,
        "place": details.place,
        **times,
        "fee": details.fee.plain(),
        "capacity": str(details.capacity) if details.capacity else "",
    }


def read_slug(text: str) -> str:
    """An event's own part of its address. `ValueError` says what is wrong with it."""
    check_length(text, MAX_VALUE, MAX_LENGTHS["slug"])
    slug = text.strip()
    if not SLUG.fullmatch(slug) or len(slug) > MAX_LENGTHS["slug"]:
        msg = (
            f"{slug!r} cannot be part of an address: small letters a to z, digits and single hyphens, "
            f"at most {MAX_LENGTHS['slug']}."
        )
        raise ValueError(msg)
    if slug in RESERVED_SLUGS:
        msg = f"{slug!r} is an address of the portal's own."
        raise ValueError(msg)
    return slug


def folded(text: str) -> str:
    """The text as searching compares it: without case, and with one spelling of each character."""
    return searchable(text)


def search_text(details: Details) -> str:
    """What the list's search field looks in."""
    return folded(f"{details.title}\n{details.summary}\n{details.place}\n{details.category}")


def _text(name: str, fields: Mapping[str, str], wrong: dict[str, str]) -> str:
    try:
        return tidy(fields.get(name, ""), lines=name == "description", max_length=MAX_LENGTHS[name])
    except ValueError as error:
        wrong[name] = str(error)
        return ""


def _value(name: str, fields: Mapping[str, str], wrong: dict[str, str]) -> str:
    """A field that is no text but a time, an amount or a number, as it was entered; empty where it is too long."""
    text = fields.get(name, "")
    if len(text) > MAX_VALUE:
        wrong[name] = f"At most {MAX_VALUE} characters."
        return ""
    return text.strip()


def _time(name: str, fields: Mapping[str, str], zone: ZoneInfo, wrong: dict[str, str]) -> Milliseconds:
    text = _value(name, fields, wrong)
    if not text:
        return 0
    try:
        return read_time(text, zone)
    except ValueError as error:
        wrong[name] = str(error)
        return 0


def read_time(text: str, zone: ZoneInfo) -> Milliseconds:
    """`2026-03-14T10:00` where the fest is, or with an offset of its own. `ValueError` says what is wrong with it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or not re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", text, re.DOTALL):
        msg = f"{text!r} is not a date and time; write it like 2026-03-14T10:00."
        raise ValueError(msg)
    if at.year not in YEARS:
        msg = f"{text} is not in the years that an event can be in ({YEARS[0]} to {YEARS[-1]})."
        raise ValueError(msg)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
        if at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None):
            msg = f"{text} does not exist in {zone.key}: the clocks are put forward there and then."
            raise ValueError(msg)
    # Nobody announces fractions of a second, and calendars do not know them.
    return milliseconds(at.replace(microsecond=0))


def _written_time(at: Milliseconds, zone: ZoneInfo) -> str:
    if at == 0:
        return ""
    local = moment(at, zone)
    timespec = "minutes" if at % MINUTE == 0 else "seconds"
    plain = local.replace(tzinfo=None).isoformat(timespec=timespec)
    # In the hour that comes twice when the clocks are put back, only the offset says which one is meant.
    return plain if milliseconds(local.replace(fold=0)) == at else local.isoformat(timespec=timespec)


def _fee(text: str, currency: str, wrong: dict[str, str]) -> Money:
    if not text:
        wrong.setdefault("fee", "This field is required. Enter 0 for a free event.")
        return Money(0, currency)
    try:
        return parse_amount(text, currency)
    except ValueError as error:
        wrong["fee"] = f"{error}."
        return Money(0, currency)


def _capacity(text: str, wrong: dict[str, str]) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_CAPACITY))):
        wrong["capacity"] = f"{text!r} is not a whole number of seats."
        return 0
    capacity = int(text)
    if capacity > MAX_CAPACITY:
        wrong["capacity"] = f"At most {MAX_CAPACITY} seats."
    return capacity

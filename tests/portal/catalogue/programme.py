"""Events for tests, and strategies that generate them."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from festgate.kit.clock import DAY, HOUR, MINUTE, Milliseconds
from festgate.kit.money import MAX_MINOR, Money
from festgate.kit.text import tidy
from festgate.portal.catalogue.details import MAX_CAPACITY, MAX_LENGTHS, Details, find_errors
from festgate.portal.catalogue.events import create_event, publish_event
from festgate.portal.catalogue.files.rows import Conventions
from festgate.portal.catalogue.queries import Event
from tests.rig.database import OpenDatabase

KOLKATA = ZoneInfo("Asia/Kolkata")
CONVENTIONS = Conventions(KOLKATA, "INR")
BERLIN = ZoneInfo("Europe/Berlin")
BEFORE = 1_919_764_800_000
"""A time before the events of the calendars in these tests: 1 November 2030, 12:00 UTC."""


def details(starts_at: Milliseconds = 0, **changes: object) -> Details:
    """Return details of an event of two hours, complete if it has a start."""
    fields: dict[str, Any] = {
        "title": "Robo Race",
        "summary": "Robots on a line.",
        "description": "Bring batteries.",
        "category": "Technology",
        "place": "Workshop",
        "starts_at": starts_at,
        "ends_at": starts_at + 2 * HOUR if starts_at else 0,
        "sales_open_at": 0,
        "sales_close_at": starts_at,
        "fee": Money(45_000, "INR"),
        "capacity": 50,
    }
    return Details(**fields | changes)


def add_event(
    database: OpenDatabase, slug: str | None = None, *, draft: bool = False, **changes: object
) -> Event:
    """Add an event that starts in exactly one day, published unless `draft` is set."""
    starts_at = changes.pop("starts_at", (database.clock.now + DAY) // MINUTE * MINUTE)
    assert isinstance(starts_at, int)
    event = database.write(create_event, details(starts_at, **changes), slug)
    return event if draft else database.write(publish_event, event.slug)


def as_stored(text: str, *, lines: bool) -> str:
    """Return the text as an event stores it; empty if it would be refused because it is invisible."""
    try:
        return tidy(text, lines=lines)
    except ValueError:
        return ""


def texts(name: str, *, min_size: int = 0) -> SearchStrategy[str]:
    """Generate any text that the field of an event can hold."""
    lines = name == "description"
    alphabet = st.characters(exclude_categories=("Cc", "Cf", "Cs"))
    if lines:
        alphabet |= st.sampled_from("\n\t")
    # Characters with a meaning in a file, a search or a spreadsheet are generated more often.
    alphabet |= st.sampled_from("=+-@'\"\\;,:%_ ")
    return (
        st.text(alphabet, max_size=min(MAX_LENGTHS[name], 200))
        .map(lambda text: as_stored(text, lines=lines))
        .filter(lambda text: min_size <= len(text) <= MAX_LENGTHS[name])
    )


_START_SECONDS = st.integers(31_622_400, 7_258_118_399 - 86_400 * 30)
"""Possible starts in seconds; an event may last for a month after them."""


@st.composite
def any_details(draw: st.DrawFn) -> Details:
    """Generate details of an event, a draft or complete, in rupees."""
    starts_at = draw(st.just(0) | _START_SECONDS) * 1000
    duration = draw(st.integers(1, int(timedelta(days=29).total_seconds()))) * 1000
    ends_at = draw(st.sampled_from((0, starts_at + duration))) if starts_at else 0
    closes_at = draw(st.sampled_from((starts_at, ends_at))) or starts_at
    opens_at = draw(st.sampled_from((0, closes_at - DAY))) if closes_at else 0
    generated = Details(
        title=draw(texts("title", min_size=1)),
        summary=draw(texts("summary")),
        description=draw(texts("description")),
        category=draw(texts("category")),
        place=draw(texts("place")),
        starts_at=starts_at,
        ends_at=ends_at,
        sales_open_at=max(0, opens_at),
        sales_close_at=closes_at,
        fee=Money(draw(st.integers(0, MAX_MINOR)), "INR"),
        capacity=draw(st.integers(0, MAX_CAPACITY)),
    )
    assert not find_errors(generated)
    return generated

"""Reads of single events, and of all of them for those who organise."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.portal.catalogue.tables import events, seats

NO_EVENT = "There is no event at this address."

EventState = Literal["draft", "published", "cancelled"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event and the count of its seats. Times are milliseconds; a draft's are 0 where they are not known yet."""

    id: int
    slug: str
    title: str
    summary: str
    description: str
    category: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    sales_open_at: Milliseconds
    """0: from the moment that it is published."""
    sales_close_at: Milliseconds
    """The start, where nothing else was said."""
    fee: Money
    capacity: int
    taken: int
    """Held and confirmed seats, among them holds that have ended and that nobody has swept yet."""
    state: EventState
    updated_at: Milliseconds
    version: int
    """Another one after each change of what organisers enter, and of the state."""


_event = select(
    events.c.id,
    events.c.slug,
    events.c.title,
    events.c.summary,
    events.c.description,
    events.c.category,
    events.c.place,
    events.c.starts_at,
    events.c.ends_at,
    events.c.sales_open_at,
    events.c.sales_close_at,
    events.c.fee_minor,
    events.c.currency,
    seats.c.capacity,
    seats.c.taken,
    events.c.state,
    events.c.updated_at,
    events.c.version,
).join_from(events, seats, seats.c.event_id == events.c.id)

_by_id = Statement(_event.where(events.c.id == bindparam("event")))
_by_slug = Statement(_event.where(events.c.slug == bindparam("slug")))
_all = Statement(_event.order_by(events.c.starts_at, events.c.id))
_id_of_slug = Statement(select(events.c.id).where(events.c.slug == bindparam("slug")))
_version = Statement(select(func.max(events.c.version)))
_count = Statement(select(func.count()).select_from(events))
_by_currency = Statement(
    select(events.c.currency, func.count())
    .where(events.c.fee_minor > 0, events.c.state != "cancelled")
    .group_by(events.c.currency)
)


def event_by_id(connection: Connection, event_id: int) -> Event:
    """The event, whatever its state. Raises NotFound."""
    row = connection.first(_by_id, event=event_id)
    if row is None:
        raise NotFound(NO_EVENT)
    return _read(row)


def event_by_slug(connection: Connection, slug: str) -> Event:
    """The event as everyone may see it: published or cancelled. Raises NotFound, also for a draft."""
    event = any_event_by_slug(connection, slug)
    if event.state == "draft":
        raise NotFound(NO_EVENT)
    return event


def any_event_by_slug(connection: Connection, slug: str) -> Event:
    """The event as its organisers see it, whatever its state. Raises NotFound."""
    row = connection.first(_by_slug, slug=slug)
    if row is None:
        raise NotFound(NO_EVENT)
    return _read(row)


def id_of_slug(connection: Connection, slug: str) -> int | None:
    """The id of the event of that slug, whatever its state; None when there is none."""
    found: int | None = connection.value(_id_of_slug, slug=slug)
    return found


def all_events(connection: Connection) -> list[Event]:
    """Every event in every state, by its start; drafts without a time come first."""
    return [_read(row) for row in connection.all(_all)]


def count_events(connection: Connection) -> int:
    """How many events there are in any state."""
    count: int = connection.value(_count)
    return count


def count_by_currency(connection: Connection) -> dict[str, int]:
    """Return how many events have a fee in each currency. A free event has none, and a cancelled one sells nothing."""
    return {currency: count for currency, count in connection.all(_by_currency)}  # noqa: C416  (typed)


def fee_currency(event: Event | None, setting: str) -> str:
    """Return the currency that a fee typed for this event is in: its own, or the fest's where it has no fee yet."""
    return event.fee.currency if event is not None and event.fee.minor else setting


def programme_version(connection: Connection) -> int:
    """A number that rises with each change of an event; 0 while there is none."""
    version: int | None = connection.value(_version)
    return version or 0


def _read(row: tuple[Any, ...]) -> Event:
    values = list(row)
    values[11:13] = [Money(row[11], row[12])]
    return Event(*values)

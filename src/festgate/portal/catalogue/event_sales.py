"""The part of an event that a registration needs, which is read in half the time of the whole event.

Nothing else is read as often in a rush: before a registration is queued, and again in its transaction.
"""

from typing import NamedTuple, TypeAlias

from sqlalchemy import bindparam, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.translation import gettext
from festgate.portal.catalogue.queries import NO_EVENT, Event
from festgate.portal.catalogue.tables import EventState, NameRule, events, seats


class EventSale(NamedTuple):
    """An event as it is sold. The fields are those of `Event`."""

    id: int
    state: EventState
    version: int
    uid: str
    sales_open_at: Milliseconds
    sales_close_at: Milliseconds
    max_per_person: int
    ticket_names: NameRule
    needs_approval: int
    asks: int
    capacity: int
    taken: int
    waiting: int
    to_offer: int


Sellable: TypeAlias = Event | EventSale
"""An event for which seats are taken."""

_by_slug = Statement(
    select(*events.c[EventSale._fields[:10]], *seats.c[EventSale._fields[10:]])
    .join_from(events, seats)
    .where(events.c.slug == bindparam("slug"))
)


def event_sale(connection: Connection, slug: str) -> EventSale:
    """Return how a published or cancelled event is sold. Raises NotFound, also for a draft."""
    row = connection.first(_by_slug, slug=slug)
    if row is None:
        raise NotFound(gettext(NO_EVENT))
    event = EventSale._make(row)
    if event.state == "draft":
        raise NotFound(gettext(NO_EVENT))
    return event

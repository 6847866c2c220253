"""Passes: ticket types of one event that also admit to others, and count in each.

The event of the type is the home event of the pass. Registrations, a module above, takes a place at every event.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.portal.catalogue.overlaps import Timed
from festgate.portal.catalogue.tables import EventState, events, pass_events, seats, ticket_types

MAX_PASS_EVENTS = 50
"""Other events that one pass can admit to."""


@dataclass(frozen=True, slots=True)
class PassEvent:
    """An event that a pass admits to, besides its home event, with the count of its seats."""

    id: int
    slug: str
    title: str
    state: EventState
    starts_at: Milliseconds
    ends_at: Milliseconds
    capacity: int
    taken: int

    @property
    def left(self) -> int:
        """The seats that are left; 0 while nobody can take one."""
        return self.capacity - self.taken if self.state == "published" else 0


_columns = (
    *events.c["id", "slug", "title", "state", "starts_at", "ends_at"],
    *seats.c["capacity", "taken"],
)
_of_event = Statement(
    select(pass_events.c.type_id, *_columns)
    .join_from(pass_events, events, events.c.id == pass_events.c.event_id)
    .join(seats, seats.c.event_id == events.c.id)
    .join(ticket_types, ticket_types.c.id == pass_events.c.type_id)
    .where(ticket_types.c.event_id == bindparam("event"))
    .order_by(events.c.starts_at, events.c.id)
)
_choices = Statement(
    select(*_columns)
    .join_from(events, seats, seats.c.event_id == events.c.id)
    .where(events.c.id != bindparam("event"), events.c.state != "cancelled")
    .order_by(events.c.starts_at, events.c.id)
)
_homes = Statement(
    select(ticket_types.c.event_id)
    .distinct()
    .join_from(pass_events, ticket_types, ticket_types.c.id == pass_events.c.type_id)
    .where(pass_events.c.event_id == bindparam("event"))
    .order_by(ticket_types.c.event_id)
)
_all = Statement(select(pass_events.c.type_id, pass_events.c.event_id))
_link = inserting(pass_events)
_unlink = Statement(
    delete(pass_events).where(
        pass_events.c.type_id == bindparam("type"), pass_events.c.event_id == bindparam("event")
    )
)
_drop = Statement(delete(pass_events).where(pass_events.c.type_id == bindparam("type")))


def passes_of_event(connection: Connection, event_id: int) -> dict[int, tuple[PassEvent, ...]]:
    """Return the other events of each pass of the event, by type id, in the order of their starts."""
    by_type: dict[int, list[PassEvent]] = {}
    for type_id, *row in connection.all(_of_event, event=event_id):
        by_type.setdefault(type_id, []).append(PassEvent(*row))
    return {type_id: tuple(admitted) for type_id, admitted in by_type.items()}


def events_for_passes(connection: Connection, event_id: int) -> list[PassEvent]:
    """Return the events that a pass of this event could also admit to, by their start."""
    return [PassEvent(*row) for row in connection.all(_choices, event=event_id)]


def homes_of_passes(connection: Connection, event_id: int) -> list[int]:
    """Return the ids of the events with a pass that also admits to this event, in ascending order."""
    return [home for (home,) in connection.all(_homes, event=event_id)]


def events_by_pass(connection: Connection) -> dict[int, set[int]]:
    """Return the ids of the other events of every pass, by type id."""
    by_type: dict[int, set[int]] = {}
    for type_id, event_id in connection.all(_all):
        by_type.setdefault(type_id, set()).add(event_id)
    return by_type


def set_pass_events(
    connection: Connection,
    type_id: int,
    event_id: int,
    before: Collection[int],
    wanted: Collection[int],
    ever: int,
) -> bool:
    """Let a ticket type of `event_id` admit to the events `wanted` too, instead of `before`; return whether it changed.

    `ever` is the number of its seats that were ever taken: each has its places already. Raises Invalid.
    """
    added, removed = set(wanted) - set(before), set(before) - set(wanted)
    if not added and not removed:
        return False
    if ever:
        sentence = gettext(
            "Tickets of this type have been taken, so the events that it admits to cannot change. "
            "Withdraw it, and add another ticket type."
        )
        raise Invalid({"admits_to": sentence})
    if len(set(wanted)) > MAX_PASS_EVENTS:
        sentence = gettext("A pass can admit to at most {max} other events.")
        raise Invalid({"admits_to": sentence.format(max=MAX_PASS_EVENTS)})
    if not added <= {choice.id for choice in events_for_passes(connection, event_id)}:
        raise Invalid({"admits_to": gettext("Choose events of this fest that are not cancelled.")})
    for other in sorted(removed):
        connection.run(_unlink, type=type_id, event=other)
    for other in sorted(added):
        connection.run(_link, type_id=type_id, event_id=other)
    return True


def drop_pass(connection: Connection, type_id: int) -> None:
    """Delete the events of a ticket type that is deleted."""
    connection.run(_drop, type=type_id)


def overlapping(home: Timed, admitted: Sequence[PassEvent]) -> list[str]:
    """Return the titles of the events of a pass that are at the same time as another one, by their start.

    A home event that lasts as long as all the others, such as the whole fest, does not count.
    """
    timed: list[Timed] = [event for event in admitted if event.starts_at and event.state != "cancelled"]
    first = min((event.starts_at for event in timed), default=0)
    last = max((event.ends_at for event in timed), default=0)
    if not home.starts_at <= first <= last <= home.ends_at:
        timed.append(home)
    return [
        event.title
        for event in sorted(timed, key=lambda event: event.starts_at)
        if any(
            other is not event and other.starts_at < event.ends_at and event.starts_at < other.ends_at
            for other in timed
        )
    ]

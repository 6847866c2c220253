"""Offers of free seats to the waiting list, in its order.

A seat that comes free is held for the next person in the same transaction, so it is never empty while somebody waits,
and nobody else can take it. A person with several tickets on the list is offered them as they come free, and keeps the
place in the line for the others. The caller has locked the count of the event's seats.
"""

from collections.abc import Callable
from typing import TypeAlias

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line, passes, queries
from festgate.portal.registrations.choices import Item
from festgate.portal.registrations.facts import SeatOffered

MAX_AT_ONCE = 100
"""Seats that one operation offers, so that it does not block the writer for long."""
MIN_OFFER: Milliseconds = 15 * MINUTE
"""The shortest time for which a seat is offered, also shortly before sales close."""

InsertSeat: TypeAlias = Callable[[Connection, catalogue.Event, Item, int, int, Milliseconds], int]
"""An operation that inserts a seat: event, ticket, person, slot, and the end of the hold."""


def offer_end(event: catalogue.Event, now: Milliseconds) -> Milliseconds:
    """Return the end of an offer that is made now: shorter before sales close, so that the next has a turn too."""
    left = max(MIN_OFFER, (event.sales_close_at - now) // 2)
    return now + min(event.offer_minutes * MINUTE, left)


def offer_free_seats(connection: Connection, event_id: int, insert: InsertSeat) -> int:
    """Offer the free seats of the event to its waiting list, and return the number of offered seats.

    A person with as many seats as one person can have is passed over, and keeps the place.
    """
    catalogue.open_to_newcomers(connection, event_id)
    event = catalogue.event_by_id(connection, event_id)
    if not event.waiting or event.needs_approval or not is_on_sale(event, connection.now):
        return 0
    types = {kind.id: kind for kind in catalogue.types_of(connection, event_id)}
    full = {kind.id for kind in types.values() if not is_sold(kind, connection.now)}
    offered = 0
    for entry_id, type_id, person_id, remaining in line.in_line(connection, event_id):
        if offered >= MAX_AT_ONCE:
            catalogue.close_to_newcomers(connection, [event_id])
            break
        if type_id in full:
            continue
        waiter = entry_id, person_id, remaining
        count, is_free = _offer_several(connection, event, types[type_id], waiter, insert)
        offered += count
        if is_free is None:
            break
        if not is_free:
            full.add(type_id)
    return offered


def _offer_several(
    connection: Connection,
    event: catalogue.Event,
    kind: catalogue.TicketType,
    waiter: tuple[int, int, int],
    insert: InsertSeat,
) -> tuple[int, bool | None]:
    """Offer as many seats as are free to a `waiter`: the ids of the entry and its person, and the number of tickets.

    Return the number of offered seats, and True unless more were wanted: False if the type is full, None if the event.
    """
    entry_id, person_id, remaining = waiter
    used = queries.used_slots(connection, person_id, event.id)
    slots = [slot for slot in range(event.max_per_person) if slot not in used]
    count = 0
    is_free: bool | None = True
    if kind.is_pass:
        others = passes.free_slots(connection, person_id, kind)
        slots = slots[: min((len(free) for free in others.values()), default=remaining)]
    for slot in slots[:remaining]:
        is_free = _offer(connection, event, kind, entry_id, person_id, slot, insert)
        if not is_free:
            break
        count += 1
    if count:
        line.reduce_entry(connection, entry_id, count)
        catalogue.count_waiting(connection, event.id, -count)
    return count, is_free


def could_offer(connection: Connection, event: catalogue.Event) -> bool:
    """Return whether a seat of the event is free that somebody on the waiting list could have."""
    if event.needs_approval or not is_on_sale(event, connection.now) or event.taken >= event.capacity:
        return False
    # A pass needs seats at several events, so it is offered a moment after they came free.
    free = {
        kind.id
        for kind in catalogue.types_of(connection, event.id)
        if not kind.is_pass and is_sold(kind, connection.now) and all(quota.left > 0 for quota in kind.quotas)
    }
    return any(
        type_id in free and len(queries.used_slots(connection, person_id, event.id)) < event.max_per_person
        for _, type_id, person_id, _ in line.in_line(connection, event.id)
    )


def offer_seat(
    connection: Connection, event: catalogue.Event, entry: line.Entry, slot: int, insert: InsertSeat
) -> bool:
    """Offer one seat to an entry, out of order; return False if there is none."""
    kind = catalogue.type_of(catalogue.types_of(connection, event.id), entry.type_id)
    return bool(_offer(connection, event, kind, entry.id, entry.person_id, slot, insert))


def is_on_sale(event: catalogue.Event, now: Milliseconds) -> bool:
    """Return whether seats of the event can be offered."""
    return event.state == "published" and now < event.sales_close_at


def is_sold(kind: catalogue.TicketType, now: Milliseconds) -> bool:
    """Return whether tickets of the type can be offered: neither withdrawn nor closed."""
    closes = kind.details.sales_close_at
    return not kind.is_withdrawn and (not closes or now < closes)


def _offer(
    connection: Connection,
    event: catalogue.Event,
    kind: catalogue.TicketType,
    entry_id: int,
    person_id: int,
    slot: int,
    insert: InsertSeat,
) -> bool | None:
    places: dict[int, int] = {}
    if kind.is_pass:
        free = passes.free_slots(connection, person_id, kind)
        if not all(free.values()) or not passes.lock_others(connection, event.id, list(free)):
            return False
        places = {event_id: slots[0] for event_id, slots in free.items()}
    is_free = catalogue.take_free_seat(
        connection, event.id, [quota.id for quota in kind.quotas], list(places)
    )
    if is_free:
        end = offer_end(event, connection.now)
        seat_id = insert(connection, event, Item(kind, 1, kind.fee), person_id, slot, end)
        if places:
            passes.add_places(connection, seat_id, places)
        line.add_offer(connection, entry_id, seat_id)
        outbox.record(connection, SeatOffered(seat_id))
    return is_free

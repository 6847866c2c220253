"""The count of an event's seats: taken and given back, never above the capacity or a quota.

Operations that change an event lock this row first, and operations that take a seat update it, so they run one after
the other.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.portal.catalogue.errors import NotOnSale, SoldOut
from festgate.portal.catalogue.facts import SeatsFreed
from festgate.portal.catalogue.quotas import give_back_to_quotas, take_free_tickets, take_from_quotas
from festgate.portal.catalogue.tables import pass_events, quota_types, seats, ticket_types

_take = Statement(
    update(seats)
    .where(
        seats.c.event_id == bindparam("event"),
        seats.c.taken + bindparam("count") <= seats.c.capacity,
        seats.c.on_sale == 1,
        seats.c.to_offer == 0,
    )
    .values(taken=seats.c.taken + bindparam("count"))
)
_on_sale = Statement(select(seats.c.on_sale).where(seats.c.event_id == bindparam("event")))
_give_back = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"))
    .values(taken=seats.c.taken - bindparam("returned"))
    .returning(
        seats.c.waiting,
        # In the same statement, so that events without passes need no further one.
        select(pass_events.c.type_id).where(pass_events.c.event_id == bindparam("event")).exists(),
    )
)
_waiting_homes = Statement(
    select(seats.c.event_id)
    .distinct()
    .join_from(seats, ticket_types, ticket_types.c.event_id == seats.c.event_id)
    .join(pass_events, pass_events.c.type_id == ticket_types.c.id)
    .where(pass_events.c.event_id == bindparam("event"), seats.c.waiting > 0)
    .order_by(seats.c.event_id)
)
_waiting_for_quota = Statement(
    select(seats.c.event_id)
    .distinct()
    .join_from(seats, ticket_types, ticket_types.c.event_id == seats.c.event_id)
    .join(quota_types, quota_types.c.type_id == ticket_types.c.id)
    .where(quota_types.c.quota_id == bindparam("quota"), seats.c.waiting > 0)
)
_count_waiting = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"))
    .values(waiting=seats.c.waiting + bindparam("change"))
)
_close = Statement(
    update(seats).where(seats.c.event_id == bindparam("event"), seats.c.waiting > 0).values(to_offer=1)
)
_open = Statement(update(seats).where(seats.c.event_id == bindparam("event")).values(to_offer=0))
_add_seats = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"))
    .values(capacity=seats.c.capacity + bindparam("more"))
)
_lock = Statement(select(seats.c.event_id).where(seats.c.event_id == bindparam("event")).with_for_update())

_lock_at_once = Statement(
    select(seats.c.event_id).where(seats.c.event_id == bindparam("event")).with_for_update(skip_locked=True)
)


def take_seats(connection: Connection, event_id: int, count: int, quotas: Mapping[int, int]) -> None:
    """Count seats as taken, and tickets of quotas by quota id.

    Raises SoldOut if fewer are left, or NotOnSale if the event is not published.
    """
    if not connection.run(_take, event=event_id, count=count):
        if connection.value(_on_sale, event=event_id):
            raise SoldOut
        raise NotOnSale
    if quotas:
        take_from_quotas(connection, quotas)


def give_back_seats(connection: Connection, event_id: int, counts: Mapping[int, int]) -> list[int]:
    """Count seats as free again: `counts` by ticket type. The database refuses a negative count.

    Return the ids of the events for which somebody may wait for them, in ascending order: the event itself, and others
    that share a quota with it.
    """
    waiting = give_back_at(connection, event_id, sum(counts.values()))
    return offer_again(connection, {event_id} if waiting else set(), counts)


def give_back_at(connection: Connection, event_id: int, count: int) -> bool:
    """Count seats of one event as free again, but not in quotas; return whether somebody waits for them there."""
    waiting, is_in_pass = connection.all(_give_back, event=event_id, returned=count)[0]
    if is_in_pass:
        wake_homes(connection, event_id)
    return bool(waiting)


def offer_again(connection: Connection, eager: set[int], counts: Mapping[int, int]) -> list[int]:
    """Count tickets as free again in quotas, `counts` by type id; return the `eager` events, and those of the quotas.

    They are in ascending order.
    """
    for quota_id in give_back_to_quotas(connection, counts):
        eager |= {other for (other,) in connection.all(_waiting_for_quota, quota=quota_id)}
    return sorted(eager)


def wake_homes(connection: Connection, event_id: int) -> None:
    """Record that a pass that also admits to this event may be offered to the waiting list of its home now."""
    for (home,) in connection.all(_waiting_homes, event=event_id):
        outbox.record(connection, SeatsFreed(home))


def take_free_seat(
    connection: Connection, event_id: int, quota_ids: Sequence[int], others: Sequence[int] = ()
) -> bool | None:
    """Count one seat as taken, also at the `others` of a pass, and a ticket of each quota; all events are locked.

    Return False, with nothing changed, if one of the quotas or the others is full, and None if the event is or is not
    on sale.
    """
    if not connection.run(_take, event=event_id, count=1):
        return None
    taken = [event_id]
    for other in others:
        if not connection.run(_take, event=other, count=1):
            break
        taken.append(other)
    if len(taken) == len(others) + 1 and take_free_tickets(connection, quota_ids):
        return True
    for given_back in taken:
        connection.all(_give_back, event=given_back, returned=1)
    return False


def lock_if_free(connection: Connection, event_ids: Iterable[int]) -> bool:
    """Lock the counts of these events' seats; return False without waiting if somebody else has locked one.

    So an operation that has locked other events already cannot wait for one that waits for it.
    """
    return all(connection.first(_lock_at_once, event=event_id) is not None for event_id in event_ids)


def count_waiting(connection: Connection, event_id: int, change: int) -> None:
    """Change the number of tickets on the event's waiting list. The database refuses a negative count."""
    connection.run(_count_waiting, event=event_id, change=change)


def close_to_newcomers(connection: Connection, event_ids: Iterable[int]) -> None:
    """Let nobody take a free seat of these events before it is offered to the waiting list, if somebody waits."""
    for event_id in event_ids:
        if connection.run(_close, event=event_id):
            outbox.record(connection, SeatsFreed(event_id))


def open_to_newcomers(connection: Connection, event_id: int) -> None:
    """Let everybody take free seats again; it locks the count of the event's seats."""
    connection.run(_open, event=event_id)


def add_seats(connection: Connection, event_id: int, more: int) -> None:
    """Raise the capacity of the event."""
    connection.run(_add_seats, event=event_id, more=more)


def lock_seats(connection: Connection, event_id: int) -> None:
    """Lock the count of the event's seats until this transaction ends. Raises NotFound.

    To lock several, lock them in ascending order of event id.
    """
    if connection.first(_lock, event=event_id) is None:
        raise NotFound

"""The count of an event's seats: taken and given back, never above the capacity or a quota.

Operations that change an event lock this row first, and operations that take a seat update it, so they run one after
the other.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.portal.catalogue.errors import NotOnSale, SoldOut
from festgate.portal.catalogue.quotas import give_back_to_quotas, take_from_quotas
from festgate.portal.catalogue.tables import seats

_take = Statement(
    update(seats)
    .where(
        seats.c.event_id == bindparam("event"),
        seats.c.taken + bindparam("count") <= seats.c.capacity,
        seats.c.on_sale == 1,
    )
    .values(taken=seats.c.taken + bindparam("count"))
)
_on_sale = Statement(select(seats.c.on_sale).where(seats.c.event_id == bindparam("event")))
_give_back = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"))
    .values(taken=seats.c.taken - bindparam("returned"))
)
_lock = Statement(select(seats.c.event_id).where(seats.c.event_id == bindparam("event")).with_for_update())


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


def give_back_seats(connection: Connection, event_id: int, counts: Mapping[int, int]) -> None:
    """Count seats as free again: `counts` by ticket type. The database refuses a negative count."""
    connection.run(_give_back, event=event_id, returned=sum(counts.values()))
    give_back_to_quotas(connection, counts)


def lock_seats(connection: Connection, event_id: int) -> None:
    """Lock the count of the event's seats until this transaction ends. Raises NotFound.

    To lock several, lock them in ascending order of event id.
    """
    if connection.first(_lock, event=event_id) is None:
        raise NotFound

"""Taking seats that are paid at once, at the box office.

Capacity, quotas, promo codes, periods of sale and limits of an order hold as for visitors. Limits on the seats of one
person do not: one customer may buy for a whole group. Required answers can be given later.
"""

from collections.abc import Sequence
from itertools import count as numbers

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import ngettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, passes, queries
from festgate.portal.registrations.choices import Choice, choose
from festgate.portal.registrations.holders import Holder, write_holder
from festgate.portal.registrations.holds import (
    event_for_all,
    find_code,
    insert_held_seat,
    insert_seat,
    take_all,
    use_code,
)
from festgate.portal.registrations.offers import offer_free_seats

KEPT = HOUR
"""The hold of such a seat, which is confirmed in the same transaction."""


def sell_seats(
    connection: Connection, person_id: int, guest_key: str, slug: str, choice: Choice, names: Sequence[str]
) -> list[queries.Seat]:
    """Take seats for a walk-in and return them, held for an order of the same transaction.

    `names` are those of the attendees, one for each seat, where the event requires names; else it is empty. Raises
    Invalid for them, catalogue's SoldOut, CodeUnknown or CodeNotValid, or an error of `event_for_all` or `choose`.
    """
    event = event_for_all(connection, slug)
    if event.to_offer:  # the waiting list comes first
        offer_free_seats(connection, event.id, insert_held_seat)
    code = find_code(connection, event, choice)
    items = choose(catalogue.types_of_event(connection, event), choice, connection.now, code)
    total = sum(item.count for item in items)
    check_names(event, names, total)
    others = take_all(connection, person_id, event, items, total, guest_key)
    use_code(connection, code, items, person_id, guest_key)
    used = guest_queries.slots_of_guest(connection, guest_key, event.id)
    slots = (slot for slot in numbers() if slot not in used)
    seat_ids = []
    for item in items:
        for _ in range(item.count):
            seat_id = insert_seat(
                connection,
                event,
                item,
                person_id,
                next(slots),
                code=code,
                until=connection.now + KEPT,
                guest_key=guest_key,
            )
            if item.type.is_pass:
                passes.add_places(connection, seat_id, passes.next_slots(item.type, others))
            seat_ids.append(seat_id)
    for seat_id, name in zip(seat_ids, names, strict=False):
        write_holder(connection, person_id, seat_id, Holder(name))
    return [queries.seat(connection, seat_id) for seat_id in seat_ids]


def check_names(event: catalogue.Sellable, names: Sequence[str], total: int) -> None:
    """Raise Invalid unless an event that requires names gets one for each of the tickets."""
    if event.ticket_names == "required" and len(names) != total:
        sentence = ngettext(
            "Enter one name: this event has names on its tickets.",
            "Enter {count} names, each on a line of its own: this event has names on its tickets.",
            total,
        )
        raise Invalid({"names": sentence.format(count=total)})

"""The places of passes: seats at the other events that a pass admits to.

A pass is one seat at its home event, with one more seat at each other event. These places have the state and the times
of the pass, and neither a fee nor an order, so each event counts its places as it counts its other seats. All are taken
together or none is; each event's ended places are swept with its other ended holds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, func, insert, literal, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import SeatsFreed
from festgate.portal.registrations import guest_queries, queries
from festgate.portal.registrations.choices import Item
from festgate.portal.registrations.endings import EndedBy
from festgate.portal.registrations.errors import PassNotOnSale, PassSeatsTaken, PassSoldOut, SeatsGone
from festgate.portal.registrations.tables import LIVE, TEAM_SLOT, seats

NO_TYPE = 0
"""The ticket type under which freed places are counted: the pass alone draws on the quotas of its type."""

_pass = seats.alias("pass_seat")
_COPIED = (
    "type_id",
    "person_id",
    "state",
    "held_until",
    "hold_ends_at",
    "currency",
    "taken_at",
    "changed_at",
    "attendee_name",
    "attendee_email",
    "attendee_search",
    "guest_key",
)
_add = Statement(
    insert(seats).from_select(
        ["event_id", "slot", "fee_minor", "tax_minor", "tax_rate", "is_pass", "pass_seat_id", *_COPIED],
        select(
            bindparam("event", type_=seats.c.event_id.type),
            bindparam("new_slot", type_=seats.c.slot.type),
            *(literal(0, seats.c.slot.type).label(name) for name in ("fee", "tax", "rate", "pass")),
            _pass.c.id,
            *_pass.c[_COPIED],
        ).where(_pass.c.id == bindparam("seat")),
    )
)
_follow = Statement(
    update(seats)
    .where(seats.c.pass_seat_id == bindparam("seat"), LIVE)
    .values(
        {
            name: select(_pass.c[name]).where(_pass.c.id == bindparam("seat")).scalar_subquery()
            for name in ("state", "held_until", "hold_ends_at", "changed_at")
        }
    )
)
_end = Statement(
    update(seats)
    .where(seats.c.pass_seat_id == bindparam("seat"), LIVE)
    .values(state="cancelled", changed_at=bindparam("now"), ended_by=bindparam("cause"))
    .returning(seats.c.event_id)
)
_live_places = Statement(
    select(seats.c.pass_seat_id, seats.c.event_id, func.count())
    .where(seats.c.pass_seat_id.is_not(None), LIVE)
    .group_by(seats.c.pass_seat_id, seats.c.event_id)
)
_SWEPT = seats.c.pass_seat_id.is_not(None), seats.c.state == "lapsed"
_is_swept = Statement(select(seats.c.id).where(seats.c.pass_seat_id == bindparam("seat"), *_SWEPT).limit(1))
_swept = Statement(select(seats.c.pass_seat_id, seats.c.event_id).where(*_SWEPT))
_passes = Statement(
    select(*seats.c["id", "event_id", "type_id", "person_id", "state", "held_until"]).where(
        seats.c.is_pass == 1
    )
)
_odd = Statement(
    select(seats.c.id)
    .join_from(seats, _pass, _pass.c.id == seats.c.pass_seat_id)
    .where(
        LIVE,
        # A place whose pass was swept ends with its own hold.
        ~((_pass.c.state == "lapsed") & (seats.c.state == "held")),
        (seats.c.state != _pass.c.state)
        | (seats.c.held_until != _pass.c.held_until)
        | (seats.c.person_id != _pass.c.person_id)
        | (seats.c.type_id != _pass.c.type_id)
        | seats.c.order_id.is_not(None)
        | (seats.c.fee_minor != 0),
    )
    .order_by(seats.c.id)
)


def other_events(items: Iterable[Item]) -> Counter[int]:
    """Return the number of places that these tickets need, by the id of the other event; cancelled ones need none."""
    counts: Counter[int] = Counter()
    for item in items:
        for event in item.type.admits:
            if event.state != "cancelled":
                counts[event.id] += item.count
    return counts


def check_places(
    connection: Connection, person_id: int, event: catalogue.Event, count: int, guest_key: str | None
) -> list[int]:
    """Return the slots of that many places of the person at another event, whose seats are locked.

    For a guest, the seats of all purchases with the same address count. Raises PassNotOnSale,
    PassSeatsTaken or PassSoldOut.
    """
    if event.state != "published":
        raise PassNotOnSale(event.title)
    used = {slot for slot in queries.used_slots(connection, person_id, event.id) if slot < TEAM_SLOT}
    if guest_key is not None:
        used |= guest_queries.slots_of_guest(connection, guest_key, event.id)
    free = [slot for slot in range(event.max_per_person) if slot not in used]
    if len(free) < count:
        raise PassSeatsTaken(event.title, event.max_per_person, len(used))
    if event.capacity - event.taken < count:
        raise PassSoldOut(event.title)
    return free[:count]


def free_slots(connection: Connection, person_id: int, kind: catalogue.TicketType) -> dict[int, list[int]]:
    """Return the slots that the person has free at each other event of the pass that is not cancelled."""
    slots: dict[int, list[int]] = {}
    for event_id in sorted(event.id for event in kind.admits if event.state != "cancelled"):
        event = catalogue.event_by_id(connection, event_id)
        used = queries.used_slots(connection, person_id, event_id)
        slots[event_id] = [slot for slot in range(event.max_per_person) if slot not in used]
    return slots


def lock_others(connection: Connection, home_id: int, event_ids: Sequence[int]) -> bool:
    """Lock the other events of a pass that is offered; False if somebody else has locked one.

    The caller has locked the home event, so others are not waited for: the offer is made a moment later.
    """
    if catalogue.lock_if_free(connection, event_ids):
        return True
    outbox.record(connection, SeatsFreed(home_id))
    return False


def next_slots(kind: catalogue.TicketType, slots: Mapping[int, list[int]]) -> dict[int, int]:
    """Return the slot of the next pass at each other event, and remove it from `slots`."""
    return {event.id: slots[event.id].pop(0) for event in kind.admits if event.id in slots}


def add_places(connection: Connection, seat_id: int, slots: Mapping[int, int]) -> None:
    """Add the places of a new pass: their slot by event id. They are counted as taken already."""
    try:
        for event_id in sorted(slots):
            connection.run(_add, seat=seat_id, event=event_id, new_slot=slots[event_id])
    except UniqueViolation:
        raise TryAgain from None  # the person has just taken a seat there in another process


def follow_pass(connection: Connection, seat_id: int) -> None:
    """Give the live places of a pass its state and its times."""
    connection.run(_follow, seat=seat_id)


def hold_places(connection: Connection, seat_id: int) -> None:
    """Give the places of a held pass its state and its times. Raises SeatsGone if one of them has been swept already.

    The hold of a pass ends with that of its first swept place, also for a process whose clock is behind.
    """
    follow_pass(connection, seat_id)
    if connection.first(_is_swept, seat=seat_id) is not None:
        raise SeatsGone


def end_places(connection: Connection, seat_id: int, ended_by: EndedBy) -> Counter[int]:
    """End the live places of a pass, and return their number by event id; the caller counts them as free."""
    return Counter(
        event_id for (event_id,) in connection.all(_end, seat=seat_id, now=connection.now, cause=ended_by)
    )


def live_places(connection: Connection) -> dict[int, dict[int, int]]:
    """Return the number of live places by the seat of their pass and by event id, to check them."""
    places: dict[int, dict[int, int]] = {}
    for seat_id, event_id, count in connection.all(_live_places):
        places.setdefault(seat_id, {})[event_id] = count
    return places


def swept_places(connection: Connection) -> dict[int, set[int]]:
    """Return the ids of the events that have swept their place of a pass, by the seat of the pass, to check them."""
    swept: dict[int, set[int]] = {}
    for seat_id, event_id in connection.all(_swept):
        swept.setdefault(seat_id, set()).add(event_id)
    return swept


def all_passes(connection: Connection) -> list[tuple[int, int, str, int]]:
    """Return (seat, ticket type, state, end of the hold) of every pass that was ever taken, to check them."""
    return [(row[0], row[2], row[4], row[5]) for row in connection.all(_passes)]


def odd_places(connection: Connection) -> list[int]:
    """Return the live places that do not agree with their pass, to check them."""
    return [seat_id for (seat_id,) in connection.all(_odd)]

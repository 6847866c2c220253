"""Operations of orders on seats: claim them during payment, confirm them once paid, or release them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import bindparam, update

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, queries, team_rows
from festgate.portal.registrations.cancellations import release_seat
from festgate.portal.registrations.endings import EVENT, ORDER, EndedBy
from festgate.portal.registrations.errors import SeatsGone
from festgate.portal.registrations.holds import give_back, sweep_event
from festgate.portal.registrations.passes import NO_TYPE, follow_pass, hold_places
from festgate.portal.registrations.queries import Seat
from festgate.portal.registrations.tables import HELD, HOLD_NOW, TEAM_SLOT, seats

_claim = Statement(
    update(seats)
    .where(
        seats.c.id == bindparam("seat"),
        HELD,
        seats.c.held_until > HOLD_NOW,
        # As it was read: if holds have been resumed since, its end has changed.
        seats.c.held_until == bindparam("seen"),
        seats.c.order_id.is_(None),
        # An account may have claimed the seats of a guest since.
        seats.c.person_id == bindparam("owner"),
    )
    .values(order_id=bindparam("order"), held_until=bindparam("until"), changed_at=bindparam("now"))
)
_confirm = Statement(
    update(seats)
    # As it was read: on PostgreSQL its event may have been cancelled or its hold swept since.
    .where(seats.c.id == bindparam("seat"), seats.c.state == bindparam("seen_state"))
    .values(state="confirmed", held_until=NEVER, slot=bindparam("new_slot"), changed_at=bindparam("now"))
)
_unclaim = Statement(
    update(seats)
    .where(seats.c.order_id == bindparam("order"), HELD)
    .values(order_id=None, held_until=seats.c.hold_ends_at, changed_at=bindparam("now"))
    .returning(*seats.c["id", "is_pass"])
)
_leave = Statement(update(seats).where(seats.c.id == bindparam("seat")).values(order_id=None))
_extend = Statement(
    update(seats).where(seats.c.id == bindparam("seat"), HELD).values(held_until=bindparam("until"))
)


def claim_seats(connection: Connection, claimed: Sequence[Seat], order_id: int, until: Milliseconds) -> None:
    """Put held seats into an order, which keeps them until `until` at least. Raises SeatsGone if one is not held."""
    for seat in claimed:
        # While holds are paused, the times in the row are earlier by the length of the pause.
        stood = seat.stood or 0
        if not connection.run(
            _claim,
            seat=seat.id,
            owner=seat.person_id,
            order=order_id,
            seen=seat.held_until - stood,
            until=max(seat.held_until, until) - stood,
            now=connection.now,
        ):
            raise SeatsGone if seat.stood is None else TryAgain
        if seat.is_pass:
            hold_places(connection, seat.id)


def unclaim_seats(connection: Connection, order_id: int) -> None:
    """Take the seats out of an order whose payment was declined: they are held as long as promised at first."""
    for seat_id, is_pass in connection.all(_unclaim, order=order_id, now=connection.now):
        if is_pass:
            follow_pass(connection, seat_id)


def confirm_seats(connection: Connection, order_id: int) -> bool:
    """Confirm the seats of a paid order. Return False, and confirm none, if one of them cannot be.

    A hold that ended during the payment is taken again if its event still has a free seat.
    """
    owned = queries.seats_of_order(connection, order_id)
    lapsed = [seat for seat in owned if seat.state == "lapsed"]
    # A place may have been swept although its pass is held: the clock of that process was ahead.
    passes = [seat for seat in owned if seat.is_pass and seat.state != "confirmed"]
    places = [place for seat in passes for place in _lapsed_places(connection, seat)]
    if not owned or any(seat.state == "cancelled" for seat in owned):
        return False
    again = by_event([*lapsed, *places])
    slots = _take_again(connection, again) if again else {}
    if slots is None:
        return False
    for seat in (*owned, *places):
        slot = slots.get(seat.id, seat.slot)
        if not connection.run(
            _confirm, seat=seat.id, now=connection.now, seen_state=seat.state, new_slot=slot
        ):
            raise TryAgain
        if seat.is_pass and seat.state != "confirmed":
            follow_pass(connection, seat.id)
    return True


def _lapsed_places(connection: Connection, seat: Seat) -> list[Seat]:
    """Return the places of a pass whose hold has ended; those of events that were cancelled have ended for good."""
    places = queries.places_of_pass(connection, seat.id)
    return [
        place
        for place in places
        if place.state == "lapsed" and catalogue.event_by_id(connection, place.event_id).state != "cancelled"
    ]


def by_event(chosen: Iterable[Seat]) -> list[Seat]:
    """Return the seats in ascending order of event id."""
    return sorted(chosen, key=lambda seat: seat.event_id)


def _take_again(connection: Connection, lapsed: Sequence[Seat]) -> dict[int, int] | None:
    """Take seats again whose hold has ended; return the slot of each, or None if one of them cannot be taken."""
    slots: dict[int, int] = {}
    counts: dict[int, int] = {}
    drawn: Counter[int] = Counter()
    left: dict[int, int] = {}
    # In order of event id, as everywhere where several counts are locked.
    for event_id, group in groupby(lapsed, key=lambda seat: seat.event_id):
        again = list(group)
        catalogue.lock_seats(connection, event_id)
        sweep_event(connection, event_id)
        event = catalogue.event_by_id(connection, event_id)
        used = queries.used_slots(connection, again[0].person_id, event_id)
        if again[0].guest_key is not None:
            used |= guest_queries.slots_of_guest(connection, again[0].guest_key, event_id)
        single = [seat for seat in again if seat.slot < TEAM_SLOT]
        free = [slot for slot in range(event.max_per_person) if slot not in used]
        if (
            event.state != "published"
            or event.capacity - event.taken < len(again)
            or len(free) < len(single)
            or not team_rows.can_live_again(connection, again, used)
        ):
            return None
        slots |= {seat.id: slot for seat, slot in zip(single, free, strict=False)}
        counts[event_id] = len(again)
        types = {kind.id: kind for kind in catalogue.types_of(connection, event_id)}
        whole = [seat for seat in again if seat.pass_seat_id is None]
        for quota in (quota for seat in whole for quota in types[seat.type_id].quotas):
            drawn[quota.id] += 1
            left[quota.id] = quota.left
    if any(drawn[quota_id] > left[quota_id] for quota_id in drawn):
        return None
    for event_id, count in counts.items():
        catalogue.take_seats(connection, event_id, count, {})
    catalogue.take_from_quotas(connection, drawn)
    codes = Counter((seat.code_id, seat.person_id) for seat in lapsed if seat.code_id is not None)
    if not catalogue.take_codes_again(connection, codes):
        for event_id in counts:
            types_again = Counter(
                seat.type_id if seat.pass_seat_id is None else NO_TYPE
                for seat in lapsed
                if seat.event_id == event_id
            )
            give_back(connection, event_id, types_again)
        return None
    team_rows.grow_teams(connection, lapsed)
    return slots


def release_seats(connection: Connection, order_id: int, ended_by: EndedBy = ORDER) -> None:
    """Release the seats of an order that ended without payment or was refunded."""
    for seat in queries.seats_of_order(connection, order_id):
        if seat.state in ("held", "confirmed"):
            release_seat(connection, seat, ended_by)


def drop_seat(connection: Connection, seat_id: int) -> None:
    """Take a cancelled seat out of its order, and end it if it is still live. Idempotent."""
    seat = queries.lock_seat(connection, seat_id)
    if seat is None:
        return
    if seat.state in ("held", "confirmed"):
        release_seat(connection, seat, EVENT)
    connection.run(_leave, seat=seat_id)


def extend_seats(connection: Connection, order_id: int, until: Milliseconds) -> None:
    """Extend the holds of an order's seats until `until` at least."""
    for seat in queries.seats_of_order(connection, order_id):
        if seat.state == "held" and seat.held_until < until:
            connection.run(_extend, seat=seat.id, until=until - (seat.stood or 0))
            if seat.is_pass:
                follow_pass(connection, seat.id)

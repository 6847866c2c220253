"""Operations that end a seat: by its holder, by an organiser, or with its event."""

from collections import Counter

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import passes, queries, team_rows
from festgate.portal.registrations.endings import EVENT, HOLDER, ORGANISER, EndedBy
from festgate.portal.registrations.errors import (
    PassPlace,
    SeatInOrder,
    SeatPaid,
    SeatUsed,
    TeamSeat,
)
from festgate.portal.registrations.facts import HoldCancelled, SeatReleased
from festgate.portal.registrations.holds import give_back, insert_held_seat
from festgate.portal.registrations.offers import offer_free_seats
from festgate.portal.registrations.tables import LIVE, seats

_cancel = Statement(
    update(seats)
    .where(seats.c.id == bindparam("seat"), LIVE)
    .values(state="cancelled", changed_at=bindparam("now"), ended_by=bindparam("cause"))
)


def cancel_seat(
    connection: Connection, person_id: int, seat_id: int, is_used: queries.IsUsed | None = None
) -> None:
    """Cancel the person's seat if it is unpaid or free. Idempotent.

    Without `is_used`, nobody counts as checked in. Raises NotFound (also for another person's seat), SeatPaid,
    SeatInOrder or SeatUsed.
    """
    seat = queries.lock_seat(connection, seat_id)
    if seat is None:
        raise NotFound
    _check_cancel(connection, person_id, seat, is_used)
    if seat.state in ("held", "confirmed"):
        release_seat(connection, seat, HOLDER)


def seat_to_cancel(
    connection: Connection, person_id: int, seat_id: int, is_used: queries.IsUsed
) -> queries.Seat:
    """Return the seat that `cancel_seat` would end, or that has ended already. Raises the same errors."""
    seat = queries.seat(connection, seat_id)
    _check_cancel(connection, person_id, seat, is_used)
    return seat


def _check_cancel(
    connection: Connection, person_id: int, seat: queries.Seat, is_used: queries.IsUsed | None
) -> None:
    if seat.team_id is not None and person_id in (seat.person_id, seat.member_id):
        raise TeamSeat(seat.team_id)
    if seat.person_id != person_id:
        raise NotFound
    if seat.pass_seat_id is not None:
        raise PassPlace
    if seat.state == "confirmed" and seat.fee.minor > 0:
        raise SeatPaid
    if seat.state == "held" and seat.order_id is not None:
        raise SeatInOrder
    if seat.state == "confirmed" and is_used is not None and is_used(connection, seat.id):
        raise SeatUsed


def take_back_seat(
    connection: Connection, seat_id: int, is_used: queries.IsUsed, *, force: bool = False
) -> queries.Seat:
    """Cancel an unpaid registration as an organiser, and return the seat as it was. Idempotent.

    `force` also cancels a seat whose holder was checked in. Raises NotFound, SeatPaid, SeatInOrder or SeatUsed: an
    organiser cancels a seat of an order in the order, so that it is refunded.
    """
    seat = queries.lock_seat(connection, seat_id)
    if seat is None:
        raise NotFound
    if seat.team_id is not None:
        raise TeamSeat(seat.team_id)
    if seat.pass_seat_id is not None:
        raise PassPlace
    if seat.state == "confirmed" and seat.fee.minor > 0:
        msg = gettext("This seat has been paid. Cancel it in its order, so that it is refunded.")
        raise SeatPaid(msg)
    if seat.state == "held" and seat.order_id is not None:
        msg = gettext("This seat is part of an order that is waiting for payment. Cancel it in the order.")
        raise SeatInOrder(msg)
    if seat.state == "confirmed" and not force and is_used(connection, seat.id):
        msg = gettext(
            "The holder was checked in with this seat. Undo the check-in first, if it was a mistake."
        )
        raise SeatUsed(msg)
    release_seat(connection, seat, ORGANISER)
    return seat


def cancel_as_organiser(
    connection: Connection, organiser: Visitor, seat_id: int, is_used: queries.IsUsed
) -> None:
    """Cancel an organiser's own seat as its holder, and other people's seats as an organiser.

    A lead does so at the assigned events. Raises NotFound for others, and the errors of `take_back_seat`.
    """
    seat = queries.lock_seat(connection, seat_id)
    if seat is not None and seat.person_id == organiser.person:
        cancel_seat(connection, organiser.person, seat_id, is_used)
    else:
        reachable = catalogue.reachable_events(connection, organiser.person, organiser.role)
        if seat is not None and reachable is not None and seat.event_id not in reachable:
            raise NotFound
        take_back_seat(connection, seat_id, is_used)


def release_seat(connection: Connection, seat: queries.Seat, ended_by: EndedBy) -> bool:
    """End a live seat and count it as free; return False if it has ended already.

    The caller has locked the seat or its order. If somebody other than the holder cancelled it, a fact is recorded so
    that the holder is informed.
    """
    if connection.run(_cancel, seat=seat.id, now=connection.now, cause=ended_by) == 0:
        return False
    if seat.code_id is not None:
        catalogue.give_back_codes(connection, {(seat.code_id, seat.person_id): 1})
    if seat.team_id is not None:
        team_rows.shrink_teams(connection, {seat.team_id: 1})
    if seat.is_pass:
        _give_back_pass(connection, seat, passes.end_places(connection, seat.id, ended_by))
    else:
        kind = seat.type_id if seat.pass_seat_id is None else passes.NO_TYPE
        give_back(connection, seat.event_id, {kind: 1})
    if seat.state == "confirmed":
        outbox.record(connection, SeatReleased(seat.id))
    elif ended_by in (EVENT, ORGANISER):
        outbox.record(connection, HoldCancelled(seat.id))
    return True


def _give_back_pass(connection: Connection, seat: queries.Seat, places: Counter[int]) -> None:
    """Count a pass and its places as free, in ascending order of event id, and offer them to the waiting lists."""
    places[seat.event_id] += 1
    eager = {
        event_id
        for event_id in sorted(places)
        if catalogue.give_back_at(connection, event_id, places[event_id])
    }
    for event_id in catalogue.offer_again(connection, eager, {seat.type_id: 1}):
        offer_free_seats(connection, event_id, insert_held_seat)

"""Cancelling a registration that is in no order as an organiser: free, complimentary, or held without a payment."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.shown import Changed, facts
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets


@dataclass(frozen=True)
class FreeCancellation:
    """The view model of /organise/registrations/{id}/cancel: the effect of cancelling it."""

    seat: registrations.Seat
    person: accounts.Person
    is_used: bool
    """Whether its holder is checked in."""
    waits: bool
    """Whether somebody is on the waiting list of the event."""

    @property
    def can_cancel(self) -> bool:
        """Return whether there is something to cancel here."""
        return can_cancel(self.seat)

    @property
    def seen(self) -> str:
        """A short text that changes with the state of the registration."""
        return facts(self.seat.id, self.seat.state, int(self.is_used))


def can_cancel(seat: registrations.Seat) -> bool:
    """Return whether the registration is live, in no order, and of one person."""
    is_free = seat.order_id is None and (seat.state == "held" or not seat.fee.minor)
    is_whole = seat.team_id is None and seat.pass_seat_id is None
    return seat.state in ("held", "confirmed") and is_free and is_whole


def plan_free_cancellation(connection: Connection, seat_id: int) -> FreeCancellation:
    """Return the effect of cancelling the registration now. Raises NotFound."""
    seat = registrations.seat(connection, seat_id)
    event = catalogue.event_by_id(connection, seat.event_id)
    person = accounts.person_by_id(connection, seat.person_id)
    return FreeCancellation(seat, person, tickets.is_used(connection, seat_id), bool(event.waiting))


def cancel_free(connection: Connection, actor: Actor, seat_id: int, seen: str) -> None:
    """Cancel the registration as the page showed it. A second time does nothing.

    Raises NotFound, Changed, or the errors of registrations' `take_back_seat`.
    """
    registrations.lock_seat(connection, seat_id)
    plan = plan_free_cancellation(connection, seat_id)
    if plan.seat.state == "cancelled":
        return
    if seen != plan.seen:
        raise Changed
    registrations.take_back_seat(connection, seat_id, tickets.is_used, force=True)
    audit.record(
        connection,
        actor,
        "registration.cancelled",
        checkout.subject_of_person(plan.seat.person_id),
        event_id=plan.seat.event_id,
        ticket=plan.seat.label,
    )

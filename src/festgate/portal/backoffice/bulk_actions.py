"""Actions on many guests: send tickets again, and cancel free registrations.

Each guest is an operation of its own, done whole or not at all, and is marked as done in the same transaction. A form
that is sent twice, or again after a crash, therefore goes on where it ended and does nothing a second time.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.guest_list import GuestList
from festgate.portal.backoffice.guest_queries import Guest, guest_ids, guests_by_id
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

Action: TypeAlias = Literal["resend", "cancel"]
ACTIONS: Final[tuple[Action, ...]] = ("resend", "cancel")
MAX_SELECTED: Final = 100
"""Guests that are selected one by one; a page of the list has fewer."""
MAX_GUESTS: Final = 200_000
TOGETHER: Final = 20
"""Guests whose operations are committed together: about 10 ms, after which others have their turn at the writer."""
SECONDS: Final = 4.0
"""Time for one request, after which its page offers to continue with the rest."""
ONCE_FOR: Final = DAY
"""Time for which a form remembers the guests that it was done for."""

_NO_TICKET: Final = N_("There is no valid ticket.")
_OVER: Final = N_("The event is over or cancelled.")
_PLACE: Final = N_("This is a place of a pass: choose the pass itself.")
_ENDED: Final = N_("The registration has ended already.")
_PAID: Final = N_("It was paid: cancel it in its order, so that it is refunded.")
_IN_ORDER: Final = N_("Its order waits for payment: cancel it in the order.")
_TEAM: Final = N_("The seats of a team are cancelled together.")
_IS_IN: Final = N_("The guest was checked in.")
_NOT_SENT: Final = N_("No email was sent, because the address is not confirmed and gets few emails.")
_DONE_BEFORE: Final = N_("This was done already.")


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect that an action would have."""

    action: Action
    listed: GuestList
    ids: tuple[int, ...]
    """The registrations, by id, in ascending order."""
    ready: tuple[Guest, ...]
    refused: tuple[tuple[Guest, str], ...]
    """The guests for whom it cannot be done, with the reason."""

    @property
    def count(self) -> int:
        """The number of guests for whom it would be done."""
        return len(self.ready)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons for which guests are left out, and their numbers, the most frequent first."""
        return Counter(reason for _, reason in self.refused).most_common()

    @property
    def last(self) -> int:
        """The highest id, so that later registrations are not added."""
        return max(self.ids, default=0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one guest; `reason` is empty if it was done."""

    guest: Guest
    reason: str


def plan_action(connection: Connection, action: Action, listed: GuestList, selected: Sequence[int]) -> Plan:
    """Return the effect of the action for the selected guests, or for all of the list's filter if there are none."""
    ids = _ids_of(connection, listed, selected)
    guests = guests_by_id(connection, listed.scope, ids, has_answers=False)
    reasons = [(guest, reason_against(action, guest, connection.now)) for guest in guests]
    return Plan(
        action,
        listed,
        tuple(guest.seat_id for guest in guests),
        tuple(guest for guest, reason in reasons if not reason),
        tuple((guest, reason) for guest, reason in reasons if reason),
    )


def guests_after(
    connection: Connection, listed: GuestList, selected: Sequence[int], after: int, last: int
) -> list[Guest]:
    """Return the guests of an action with ids above `after`, up to `last`, in ascending order.

    Guests that have left the filter meanwhile are not among them, unless they were selected.
    """
    ids = [seat for seat in _ids_of(connection, listed, selected) if after < seat <= last]
    return guests_by_id(connection, listed.scope, ids, has_answers=False)


def _ids_of(connection: Connection, listed: GuestList, selected: Sequence[int]) -> list[int]:
    if selected:
        return sorted(set(selected))
    return sorted(guest_ids(connection, listed.scope, listed.filters, MAX_GUESTS))


def reason_against(action: Action, guest: Guest, now: Milliseconds) -> str:
    """Return the reason for which the action cannot be done for the guest; empty if it can."""
    checks = _AGAINST_RESENDING if action == "resend" else _AGAINST_CANCELLING
    return next((gettext(reason) for reason, applies in checks if applies(guest, now)), "")


_Check: TypeAlias = tuple[str, Callable[[Guest, Milliseconds], bool]]
_AGAINST_RESENDING: Final[tuple[_Check, ...]] = (
    (_PLACE, lambda guest, _: guest.is_place),
    (_NO_TICKET, lambda guest, _: not guest.has_ticket),
    (_OVER, lambda guest, now: guest.event_state != "published" or guest.ends_at <= now),
)
_AGAINST_CANCELLING: Final[tuple[_Check, ...]] = (
    (_PLACE, lambda guest, _: guest.is_place),
    (_ENDED, lambda guest, _: guest.state in ("cancelled", "expired")),
    (_TEAM, lambda guest, _: guest.team != ""),
    (_IN_ORDER, lambda guest, _: guest.state == "waiting"),
    (_PAID, lambda guest, _: guest.state == "confirmed" and guest.fee.minor > 0),
    (_IS_IN, lambda guest, _: guest.admitted_at is not None),
)


def resend_ticket(
    connection: Connection, actor: Actor, guest: Guest, form: str, post: tickets.PostCopy
) -> None:
    """Send the guest's ticket again, once for the form. Raises Refused with the reason."""
    _once(connection, form, guest)
    ticket = tickets.ticket_of_seat(connection, guest.seat_id)
    if ticket is None or ticket.state != "valid":
        raise _Against(gettext(_NO_TICKET))
    copies = tickets.count_copies(connection, ticket.id)
    tickets.send_copy(connection, ticket.person_id, ticket.code, copies, post)
    if tickets.count_copies(connection, ticket.id) == copies:
        raise _Against(gettext(_NOT_SENT))
    audit.record(connection, actor, "ticket.resent", str(guest.seat_id), event_id=guest.event_id)


def cancel_free(
    connection: Connection, actor: Actor, guest: Guest, form: str, is_used: registrations.IsUsed
) -> None:
    """Cancel the guest's free or unpaid registration, once for the form. Raises Refused with the reason."""
    _once(connection, form, guest)
    seat = registrations.take_back_seat(connection, guest.seat_id, is_used)
    if seat.state not in ("held", "confirmed"):
        raise _Against(gettext(_ENDED))
    audit.record(connection, actor, "registration.cancelled", str(guest.seat_id), event_id=guest.event_id)


class _Against(Refused):
    """A reason against the action for one guest."""


def _once(connection: Connection, form: str, guest: Guest) -> None:
    """Mark the guest as done by the form. It is undone with the operation, if that is refused."""
    try:
        accounts.count_attempt(connection, accounts.Limit(f"bulk:{form}:{guest.seat_id}", 1, "", ONCE_FOR))
    except TooMany:
        raise _Against(gettext(_DONE_BEFORE)) from None


def reason_of(refusal: Exception) -> str:
    """Return the sentence of a refusal about one guest."""
    if isinstance(refusal, NotFound):
        return gettext(_ENDED)
    return gettext(refusal.message) if isinstance(refusal, Refused) else ""

"""One order as organisers see it: its lines, refunds, person, and the organisers who marked it."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facade import Person
from festgate.portal.backoffice.badges import Badge, badge_of_order
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import Cancellation, Order, Refund
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

MAX_ID = 2**53
"""Beyond any seat's id, and within what every database can hold."""


@dataclass(frozen=True)
class LineView:
    """A line of the order."""

    line: checkout.Line
    words: str
    """The state of the seat."""
    holder: str
    """The name of the attendee; empty for the buyer."""
    can_cancel: bool
    team: str = ""
    """The team of the seat, and whether its place is free; empty without one."""


@dataclass(frozen=True)
class RefundView:
    """A refund of the order."""

    refund: Refund
    asked_by: str
    """The organiser who asked for it; empty where it was automatic or asked for on the command line."""


@dataclass(frozen=True)
class OrderView:
    """The view model of /organise/orders/{ref}."""

    order: Order
    person: Person
    lines: tuple[LineView, ...]
    refunds: tuple[RefundView, ...]
    can_cancel: bool

    @property
    def charged(self) -> Money | None:
        """The amount that was charged, in its own currency."""
        for view in self.refunds:
            if view.refund.foreign and view.refund.provider_ref == self.order.provider_ref:
                return view.refund.amount
        return self.order.paid

    @property
    def badge(self) -> Badge:
        """The state of the order."""
        return badge_of_order(self.order.state)

    @property
    def cancel_button(self) -> str:
        """The button beside one line."""
        return gettext("Cancel and refund") if self.order.paid_at else gettext("Cancel")

    @property
    def cancel_all_button(self) -> str:
        """The button below all lines."""
        if self.order.paid_at:
            return gettext("Cancel and refund the whole order")
        return gettext("Cancel the whole order")


def later_label(method: str) -> str:
    """Return the choice of a refund that the organiser does not give back at once, by the method of the order."""
    if method == "transfer":
        return gettext("Later, by transfer")
    return gettext("Later, at the desk") if method in checkout.BY_HAND else gettext("To the payment method")


@dataclass(frozen=True)
class Confirmation:
    """The view model of /organise/orders/{ref}/cancel: what cancelling would do."""

    plan: Cancellation
    name: str
    """The person's name, or the username in its place."""
    back: str
    """The amount that would be refunded, written out."""
    waiting: tuple[str, ...] = ()
    """The titles of the events with a waiting list."""

    @property
    def by_hand(self) -> bool:
        """Return whether the order was paid to the organisers themselves, not to a provider."""
        return self.plan.order.method in checkout.BY_HAND

    @property
    def later(self) -> str:
        """The label of a refund that is not made by hand now."""
        return later_label(self.plan.order.method)

    @property
    def heading(self) -> str:
        """The question."""
        if self.plan.whole:
            return gettext("Cancel order {ref}?").format(ref=self.plan.order.ref)
        return gettext("Cancel this registration?")

    @property
    def warnings(self) -> list[str]:
        """A sentence for each check-in that would be undone."""
        sentence = gettext("{name} was checked in at {event}. Cancelling undoes the check-in.")
        return [sentence.format(name=self.name, event=line.title) for line in self.plan.checked_in]

    @property
    def refund_sentence(self) -> str:
        """The sentence about the refund."""
        if not self.plan.back.minor:
            return gettext("Nothing was paid, so there is nothing to refund.")
        if self.plan.order.method == "transfer":
            return gettext("{amount} is to be transferred back.").format(amount=self.back)
        if self.by_hand:
            return gettext("{amount} is to be refunded at the desk.").format(amount=self.back)
        return gettext("{amount} will be refunded to the payment method.").format(amount=self.back)

    @property
    def waiting_sentence(self) -> str:
        """The sentence about waiting lists; empty without one."""
        if not self.waiting:
            return ""
        sentence = gettext("The freed seats are offered to the waiting list of {events}.")
        return sentence.format(events=", ".join(self.waiting))

    @property
    def button(self) -> str:
        """The button that does it."""
        return gettext("Cancel and refund") if self.plan.back.minor else gettext("Cancel registration")


def view_order(connection: Connection, ref: str) -> OrderView:
    """Return the order of that reference; NotFound when there is none."""
    order = checkout.order_by_ref(connection, ref)
    cancellable = {
        line.seat_id for line in checkout.plan_cancellation(connection, order, None, tickets.is_used).lines
    }
    lines = tuple(
        LineView(
            line,
            _words(connection, order, line),
            registrations.seat(connection, line.seat_id).attendee_name,
            line.seat_id in cancellable,
            _team_of(registrations.seat(connection, line.seat_id)),
        )
        for line in order.lines
    )
    refunds = tuple(
        RefundView(
            refund,
            "" if refund.asked_by is None else accounts.person_by_id(connection, refund.asked_by).username,
        )
        for refund in checkout.refunds_of(connection, order.id)
    )
    person = accounts.person_by_id(connection, order.person_id)
    return OrderView(order, person, lines, refunds, bool(cancellable))


def plan_for_page(connection: Connection, ref: str, seat_id: int | None, writing: Formats) -> Confirmation:
    """Return what cancelling would do, and to whom."""
    order = checkout.order_by_ref(connection, ref)
    plan = checkout.plan_cancellation(connection, order, seat_id, tickets.is_used)
    name = accounts.person_by_id(connection, order.person_id).shown_name
    return Confirmation(plan, name, writing.money(plan.back))


def _team_of(seat: registrations.Seat) -> str:
    """Return the name of the seat's team, and whether its place is free; empty without a team."""
    if not seat.team_name:
        return ""
    sentence = gettext("team {team}, free place") if seat.member_id is None else gettext("team {team}")
    return sentence.format(team=seat.team_name)


def _words(connection: Connection, order: Order, line: checkout.Line) -> str:
    seat = registrations.seat(connection, line.seat_id)
    if seat.state == "cancelled":
        return registrations.ending_words(checkout.ended_by_of(connection, seat))
    if seat.state == "lapsed":
        return gettext("Hold expired")
    if order.state == "paid" and tickets.is_used(connection, line.seat_id):
        return gettext("Confirmed, checked in")
    return gettext("Confirmed") if seat.state == "confirmed" else gettext("Held")


def read_seat(given: str) -> int | None:
    """Return the id of a seat, None for the whole order. Raises NotFound for anything else."""
    if not given:
        return None
    if not (
        given.isascii() and given.isdecimal() and len(given) <= len(str(MAX_ID)) and int(given) <= MAX_ID
    ):
        raise NotFound
    return int(given)

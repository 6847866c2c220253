"""View models of one order and of the confirmations of what organisers do about it."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice import orders
from festgate.portal.backoffice.history import Histories, Moment
from festgate.portal.backoffice.orders import Confirmation, OrderView, later_label
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

Given: TypeAlias = tuple[registrations.Seat, accounts.Person]
"""A complimentary ticket and its guest."""


@dataclass(frozen=True)
class Difference:
    """An open difference of an exchanged ticket."""

    exchange: checkout.Exchanged
    sentence: str

    @property
    def steps(self) -> tuple[tuple[checkout.Settlement, str], ...]:
        """The steps that settle it, with their buttons."""
        labels = {
            "paid": gettext("Paid at the desk"),
            "waived": gettext("Waive"),
            "returned": gettext("Given back"),
        }
        steps = checkout.STEPS.get(self.exchange.settlement, ())
        return tuple((step, labels[step]) for step in steps)


@dataclass(frozen=True)
class WholeOrder(OrderView):
    """The view model of /organise/orders/{ref}, with the history."""

    history: tuple[Moment, ...] = ()
    differences: tuple[Difference, ...] = ()
    exchangeable: frozenset[int] = frozenset()
    """The seats whose ticket can be exchanged: of a team one, with which the others are."""
    of_teams: frozenset[int] = frozenset()
    """Those of them that are of a team."""
    holdable: frozenset[int] = frozenset()
    """The seats whose ticket can get another holder."""
    left: Money | None = None
    """The amount that can still be refunded; None without one."""
    copies: int = 0
    """The number of emails with which all tickets of the order were sent again."""
    forms: checkout.DeskForms = field(default_factory=checkout.DeskForms)
    """The content of the forms that mark it as paid and refunded by hand."""

    @property
    def sends(self) -> bool:
        """Return whether there is a ticket to send."""
        return bool(self.holdable)


@dataclass(frozen=True)
class PartPlan:
    """The view model of /organise/orders/{ref}/refund."""

    part: checkout.PartRefund
    name: str
    """The buyer's name."""

    @property
    def later(self) -> str:
        """The label of a refund that is not made by hand now."""
        return later_label(self.part.order.method)


@dataclass(frozen=True)
class DifferencePlan:
    """The view model of /organise/differences/{id}."""

    exchange: checkout.Exchanged
    step: checkout.Settlement
    name: str
    """The guest's name."""
    amount: str
    back: str
    """The address of the page of its order or guest."""

    @property
    def heading(self) -> str:
        """The question."""
        if self.step == "paid":
            return gettext("Record {amount} as paid at the desk?").format(amount=self.amount)
        if self.step == "waived":
            return gettext("Waive {amount}?").format(amount=self.amount)
        return gettext("Record {amount} as given back?").format(amount=self.amount)

    @property
    def consequence(self) -> str:
        """The consequence, in a sentence."""
        if self.step == "paid":
            return gettext("{name} has paid it to you. Nothing is charged, and no email is sent.").format(
                name=self.name
            )
        if self.step == "waived":
            return gettext("{name} need not pay it. No email is sent.").format(name=self.name)
        return gettext("You have given it back to {name}. No email is sent.").format(name=self.name)


def view_order(connection: Connection, ref: str, writing: Formats) -> WholeOrder:
    """Return the order of that reference with its history. Raises NotFound."""
    view = orders.view_order(connection, ref)
    order = view.order
    histories = Histories(connection, writing)
    paid = order.state == "paid"
    seats = [registrations.seat(connection, line.seat_id) for line in order.kept_lines]
    confirmed = [seat for seat in seats if seat.state == "confirmed"]
    single = [seat for seat in confirmed if seat.team_id is None]
    of_teams = {seat.team_id: seat for seat in reversed(confirmed) if seat.team_id is not None}
    useful = frozenset(seat.id for seat in single if _has_useful_ticket(connection, seat))
    part = checkout.plan_part(connection, order) if paid else None
    return WholeOrder(
        view.order,
        view.person,
        view.lines,
        view.refunds,
        view.can_cancel,
        history=histories.of_order(order),
        differences=tuple(
            Difference(exchange, histories.settlement(exchange))
            for exchange in checkout.exchanges_of_order(connection, order.id)
            if exchange.settlement in checkout.STEPS
        ),
        exchangeable=frozenset(seat.id for seat in (*single, *of_teams.values()) if paid),
        of_teams=frozenset(seat.id for seat in of_teams.values()),
        holdable=useful,
        left=part.left if part is not None and part.left.minor else None,
        copies=tickets.count_order_copies(connection, order.id),
        forms=checkout.desk_forms_of(connection, order.ref),
    )


def view_given(connection: Connection, event_id: int) -> list[Given]:
    """Return the complimentary tickets of the event that are valid, the latest first."""
    given = sorted(checkout.complimentary_seats(connection, event_id), reverse=True)
    seats = [registrations.seat(connection, seat_id) for seat_id in given]
    return [
        (seat, accounts.person_by_id(connection, seat.person_id))
        for seat in seats
        if seat.state == "confirmed"
    ]


def plan_for_page(connection: Connection, ref: str, seat_id: int | None, writing: Formats) -> Confirmation:
    """Return what cancelling would do, and to whom, with the people that may get the seats. Raises NotFound."""
    confirmation = orders.plan_for_page(connection, ref, seat_id, writing)
    events = {line.event_id for line in confirmation.plan.lines}
    waiting = [catalogue.event_by_id(connection, event_id) for event_id in sorted(events)]
    return replace(confirmation, waiting=tuple(event.title for event in waiting if event.waiting))


def plan_part_for_page(connection: Connection, ref: str) -> PartPlan:
    """Return what could be refunded in part. Raises NotFound or NotPaid."""
    order = checkout.order_by_ref(connection, ref)
    name = accounts.person_by_id(connection, order.person_id).shown_name
    return PartPlan(checkout.plan_part(connection, order), name)


def plan_difference(connection: Connection, exchange_id: int, step: str, writing: Formats) -> DifferencePlan:
    """Return what settling the difference would do. Raises NotFound, also for an unknown step."""
    exchange = checkout.exchange_by_id(connection, exchange_id)
    steps = [known for several in checkout.STEPS.values() for known in several if known == step]
    if not steps:
        raise NotFound
    person = accounts.person_by_id(connection, registrations.seat(connection, exchange.seat_id).person_id)
    ref = None if exchange.order_id is None else checkout.ref_of(connection, exchange.order_id)
    return DifferencePlan(
        exchange,
        steps[0],
        person.shown_name,
        writing.money(exchange.amount),
        f"/organise/people/{person.id}" if ref is None else f"/organise/orders/{ref}",
    )


def _has_useful_ticket(connection: Connection, seat: registrations.Seat) -> bool:
    ticket = tickets.ticket_of_seat(connection, seat.id)
    event = catalogue.event_by_id(connection, seat.event_id)
    return ticket is not None and tickets.is_useful(ticket, event, connection.now)

"""View models of exchanging a ticket, changing its holder, and giving a complimentary one."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event, TicketType
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import Exchange, Settlement
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

_LABELS = {
    "owed": N_("The guest owes {amount}, to be paid at the desk"),
    "paid": N_("The guest has paid {amount} at the desk"),
    "waived": N_("Waive {amount}"),
    "refunded": N_("Refund {amount}"),
    "kept": N_("Keep the difference"),
    "even": N_("The price is the same"),
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A ticket type that can be chosen."""

    kind: TicketType
    name: str
    price: str
    is_full: bool
    """Whether its event or one of its quotas has nothing left."""


@dataclass(frozen=True)
class ExchangeView:
    """The view model of /organise/registrations/{id}/exchange."""

    seat: registrations.Seat
    person: accounts.Person
    back: str
    """The address of the page of its order or guest."""
    event: Event
    """The event whose types are shown."""
    events: tuple[tuple[str, str], ...]
    """The events that can be chosen, as (slug, title)."""
    offered: tuple[Offered, ...]
    plan: Exchange | None
    """The effect of the chosen type; None while none is chosen."""
    difference: str
    """The difference, as a sentence."""
    choices: tuple[tuple[Settlement, str], ...]
    """The settlements with their labels."""
    waits: bool
    """Whether somebody is on the waiting list of the event that loses a seat."""


@dataclass(frozen=True)
class HolderView:
    """The view model of changing the holder of a ticket."""

    now: tickets.HolderNow
    back: str


@dataclass(frozen=True)
class GiftView:
    """The view model of a complimentary ticket."""

    event: Event
    offered: tuple[Offered, ...]
    chosen: Offered | None
    free: int
    """The seats that are left at the event."""


def read_settlement(text: str) -> Settlement:
    """Return the settlement of a form; `even` for anything else."""
    return next((choice for choice in checkout.CHOICES if choice == text), "even")


def page_of_seat(connection: Connection, seat_id: int) -> str:
    """Return the address of the page of the seat's order, or of its guest. Raises NotFound."""
    seat = registrations.seat(connection, seat_id)
    if seat.order_id is None:
        return f"/organise/people/{seat.person_id}"
    return f"/organise/orders/{checkout.ref_of(connection, seat.order_id)}"


def view_exchange(
    connection: Connection, seat_id: int, slug: str, type_id: int, writing: Formats
) -> ExchangeView:
    """Return what the seat can be exchanged for, and the effect of the chosen type. Raises NotFound."""
    seat = registrations.seat(connection, seat_id)
    event = catalogue.any_event_by_slug(connection, slug or seat.slug)
    open_events = [
        other
        for other in catalogue.all_events(connection)
        if other.state == "published" and other.ends_at > connection.now
    ]
    offered = tuple(
        row
        for row in _offered(connection, event, writing, same_event=event.id == seat.event_id)
        if row.kind.id != seat.type_id
    )
    chosen = next((row for row in offered if row.kind.id == type_id), None)
    plan = None
    if chosen is not None:
        plan = checkout.plan_exchange(connection, seat_id, event.slug, type_id, tickets.is_used)
    old_event = catalogue.event_by_id(connection, seat.event_id)
    return ExchangeView(
        seat,
        accounts.person_by_id(connection, seat.person_id),
        page_of_seat(connection, seat_id),
        event,
        tuple((other.slug, other.title) for other in open_events),
        offered,
        plan,
        "" if plan is None else _difference(plan, writing),
        () if plan is None else _choices(plan, writing),
        bool(old_event.waiting),
    )


def view_holder(connection: Connection, seat_id: int) -> HolderView:
    """Return the holder of the seat's ticket. Raises the errors of `plan_holder`."""
    return HolderView(tickets.plan_holder(connection, seat_id), page_of_seat(connection, seat_id))


def view_gift(connection: Connection, slug: str, type_id: int, writing: Formats) -> GiftView:
    """Return the types that can be given at the event. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    offered = tuple(_offered(connection, event, writing))
    chosen = next((row for row in offered if row.kind.id == type_id), None)
    if chosen is None and len(offered) == 1:
        chosen = offered[0]
    return GiftView(event, offered, chosen, max(0, event.capacity - event.taken))


def _offered(
    connection: Connection, event: Event, writing: Formats, *, same_event: bool = False
) -> list[Offered]:
    has_seat = same_event or event.taken < event.capacity
    return [
        Offered(
            kind,
            kind.details.name or gettext("Ticket"),
            writing.money(kind.fee) if kind.fee.minor else gettext("Free"),
            not has_seat or any(quota.left <= 0 for quota in kind.quotas),
        )
        for kind in catalogue.types_of(connection, event.id)
        if not (kind.is_pass or kind.details.is_for_teams or kind.is_withdrawn)
    ]


def _difference(plan: Exchange, writing: Formats) -> str:
    paid, price = writing.money(plan.paid), writing.money(plan.kind.fee)
    if plan.difference == 0:
        return gettext("{price} was paid, and the new ticket costs the same.").format(price=paid)
    amount = writing.money(Money(abs(plan.difference), plan.paid.currency))
    sentence = (
        gettext("{paid} was paid, and the new ticket costs {price}: {amount} more.")
        if plan.difference > 0
        else gettext("{paid} was paid, and the new ticket costs {price}: {amount} less.")
    )
    return sentence.format(paid=paid, price=price, amount=amount)


def _choices(plan: Exchange, writing: Formats) -> tuple[tuple[Settlement, str], ...]:
    amount = writing.money(plan.more if plan.difference > 0 else plan.back)
    return tuple(
        (settlement, gettext(_LABELS[settlement]).format(amount=amount)) for settlement in plan.settlements
    )

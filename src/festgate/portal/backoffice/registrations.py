"""View models of exchanging a ticket, changing its holder, and giving a complimentary one."""

from collections.abc import Sequence
from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event, TicketType
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import Exchange, Wish
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

BY_HAND = "by-hand"
"""The choice of a form for a difference that the organiser has given back already."""
_LABELS = {
    "owed": N_("The guest owes {amount}, to be paid at the desk"),
    "paid": N_("The guest has paid {amount} at the desk"),
    "waived": N_("Waive {amount}"),
    "refunded": N_("Refund {amount}"),
    BY_HAND: N_("I have given back {amount} by hand"),
    "kept": N_("Keep {amount}"),
    "even": N_("The price is the same"),
}


_HINTS = {
    "owed": N_("It stands on the page of the order or guest until you record it as paid, or waive it."),
    "paid": N_("You have taken the money. Nothing is charged."),
    "waived": N_("The guest need not pay it."),
    "refunded": N_("To the payment method, and an email about it once it is made."),
    BY_HAND: N_("Recorded as done now, and counted in your shift if it is open."),
    "kept": N_("Nothing is refunded. A later exchange counts it as paid."),
}
_LATER = N_("You pay it out, and press Mark refunded on the page of the order.")


@dataclass(frozen=True, slots=True)
class Offered:
    """A ticket type that can be chosen."""

    kind: TicketType
    name: str
    price: str
    is_full: bool
    """Whether one of its events or quotas has not enough left."""
    admits_to: str = ""
    """The titles of the other events to which it admits, if it is a pass."""

    @property
    def hint(self) -> str:
        """Its price, what it admits to, and whether it is full."""
        parts = [self.price]
        if self.admits_to:
            parts.append(gettext("also admits to {events}").format(events=self.admits_to))
        if self.is_full:
            parts.append(gettext("full"))
        return ", ".join(parts)


@dataclass(frozen=True)
class ExchangeView:
    """The view model of /organise/registrations/{id}/exchange."""

    seat: registrations.Seat
    person: accounts.Person
    back: str
    """The address of the page of its order or guest."""
    ref: str
    """The reference of its order; empty without one."""
    event: Event
    """The event whose types are shown."""
    events: tuple[tuple[str, str], ...]
    """The events that can be chosen, as (slug, title)."""
    offered: tuple[Offered, ...]
    plan: Exchange | None
    """The effect of the chosen type; None while none is chosen."""
    difference: str
    """The difference, as a sentence."""
    choices: tuple[tuple[str, str, str], ...]
    """The settlements with their labels, and what they mean."""
    frees: str
    """A sentence about the events that lose a seat; empty without one."""
    waits: bool
    """Whether somebody is on the waiting list of one of them."""
    team: registrations.Team | None
    """The team that is exchanged as a whole; None for a ticket of one person."""
    admits_to: str
    """The titles of the other events to which the present ticket admits, if it is a pass."""


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


def read_wish(slug: str, type_id: int, settlement: str) -> Wish:
    """Return the wish of a form; its settlement is `even` where the form has another text."""
    if settlement == BY_HAND:
        return Wish(slug, type_id, "refunded", by_hand=True)
    return Wish(slug, type_id, next((choice for choice in checkout.CHOICES if choice == settlement), "even"))


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
    seats = registrations.seats_to_exchange(connection, seat_id)
    seat = registrations.seat(connection, seat_id)
    open_events = {
        other.id: other
        for other in catalogue.all_events(connection)
        if other.state == "published" and other.ends_at > connection.now
    }
    team = None if seat.team_id is None else registrations.team_by_id(connection, seat.team_id)
    if team is not None:  # most events have nothing for it
        open_events = {
            number: other
            for number, other in open_events.items()
            if _exchangeable(connection, other, seats, writing)
        }
    own = catalogue.event_by_id(connection, seat.event_id)
    event = catalogue.any_event_by_slug(connection, slug) if slug else open_events.get(own.id, own)
    if not slug and event.id not in open_events and open_events:
        event = next(iter(open_events.values()))
    offered = _exchangeable(connection, event, seats, writing)
    chosen = next((row for row in offered if row.kind.id == type_id), None)
    plan = None
    frees: list[Event] = []
    if chosen is not None:
        plan = checkout.plan_exchange(connection, seat_id, event.slug, type_id, tickets.is_used)
        needed = registrations.seats_needed(connection, seats, chosen.kind)
        frees = [catalogue.event_by_id(connection, other) for other, count in needed.items() if count < 0]
    return ExchangeView(
        seat,
        accounts.person_by_id(connection, seat.person_id),
        page_of_seat(connection, seat_id),
        "" if seat.order_id is None else checkout.ref_of(connection, seat.order_id),
        event,
        tuple((other.slug, other.title) for other in open_events.values()),
        offered,
        plan,
        "" if plan is None else _difference(plan, writing),
        () if plan is None else _choices(plan, writing),
        _frees(frees, len(seats)),
        any(other.waiting for other in frees),
        team,
        registrations.titles_of_places(connection, seat),
    )


def _frees(events: list[Event], count: int) -> str:
    if not events:
        return ""
    sentence = ngettext(
        "{count} seat at {events} is free again.", "{count} seats at {events} are free again.", count
    )
    if len(events) > 1:
        sentence = gettext("One seat each at {events} is free again.")
    return sentence.format(count=count, events=", ".join(event.title for event in events))


def _exchangeable(
    connection: Connection, event: Event, seats: Sequence[registrations.Seat], writing: Formats
) -> tuple[Offered, ...]:
    """Return the types of the event for which the seats can be exchanged."""
    rows = []
    own = catalogue.types_of(connection, seats[0].event_id)
    drawn = {quota.id for quota in catalogue.type_of(own, seats[0].type_id).quotas}
    for kind in catalogue.types_of(connection, event.id):
        try:
            registrations.check_exchange(seats, kind)
        except registrations.NotExchangeable:
            continue
        needed = registrations.seats_needed(connection, seats, kind)
        others = (catalogue.event_by_id(connection, other) for other, count in needed.items() if count > 0)
        is_full = any(other.capacity - other.taken < needed[other.id] for other in others) or any(
            quota.left < len(seats) and quota.id not in drawn for quota in kind.quotas
        )
        rows.append(_offer(kind, writing, len(seats), is_full=is_full))
    return tuple(rows)


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


def _offered(connection: Connection, event: Event, writing: Formats) -> list[Offered]:
    """Return the tickets for one person."""
    has_seat = event.taken < event.capacity
    return [
        _offer(kind, writing, 1, is_full=not has_seat or any(quota.left <= 0 for quota in kind.quotas))
        for kind in catalogue.types_of(connection, event.id)
        if not (kind.is_pass or kind.details.is_for_teams or kind.is_withdrawn)
    ]


def _offer(kind: TicketType, writing: Formats, count: int, *, is_full: bool) -> Offered:
    price = registrations.price_of(kind, count)
    admits_to = ", ".join(other.title for other in kind.admits if other.state != "cancelled")
    name = kind.details.name or gettext("Ticket")
    return Offered(kind, name, writing.money(price) if price.minor else gettext("Free"), is_full, admits_to)


def _difference(plan: Exchange, writing: Formats) -> str:
    paid, price = writing.money(plan.paid), writing.money(plan.price)
    if plan.difference == 0:
        return gettext("{price} was paid, and the new ticket costs the same.").format(price=paid)
    amount = writing.money(Money(abs(plan.difference), plan.paid.currency))
    sentence = (
        gettext("{paid} was paid, and the new ticket costs {price}: {amount} more.")
        if plan.difference > 0
        else gettext("{paid} was paid, and the new ticket costs {price}: {amount} less.")
    )
    return sentence.format(paid=paid, price=price, amount=amount)


def _choices(plan: Exchange, writing: Formats) -> tuple[tuple[str, str, str], ...]:
    back = plan.back
    amounts = {"refunded": back, BY_HAND: back, "kept": Money(-plan.difference, back.currency)}
    hints = dict(_HINTS)
    if plan.order is not None and plan.order.method in checkout.BY_HAND:
        hints["refunded"] = _LATER
    names: list[str] = []
    for settlement in plan.settlements:
        names += ["refunded", BY_HAND] if settlement == "refunded" else [settlement]
    return tuple(
        (
            name,
            gettext(_LABELS[name]).format(amount=writing.money(amounts.get(name, plan.more))),
            gettext(hints[name]) if name in hints else "",
        )
        for name in names
    )

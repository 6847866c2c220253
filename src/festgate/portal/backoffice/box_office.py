"""The box office: the events that a seller may sell, a sale with its tickets, and the steps after it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from zoneinfo import ZoneInfo

from festgate.kit.amounts import read_amount
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.text import search_words, searchable
from festgate.kit.translation import gettext, ngettext
from festgate.kit.visitors import Actor, Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.badges import Badge, badge_of_event
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.door import facade as door
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

MAX_EVENTS = 60
"""Events on the first page of the box office; a search finds the others."""
MAX_WORDS = 100
"""Characters of a search."""
MAX_TICKETS = 20
"""Tickets of one type that the page offers in one sale."""
MAX_NAMES = 100
"""Names of attendees in one sale."""
MAX_FORM_KEY = 100


@dataclass(frozen=True, slots=True)
class SoldType:
    """A ticket type at the box office."""

    type: catalogue.TicketType
    left: int
    """The tickets of it that can be sold now."""

    @property
    def label(self) -> str:
        """The name of the type, or `Ticket` for the only one of an event."""
        return self.type.name or gettext("Ticket")

    @property
    def can_sell(self) -> bool:
        """Return whether as many are left as an order needs at least."""
        return self.left >= self.type.details.min_per_order

    @property
    def counts(self) -> range:
        """The numbers that one sale can have."""
        details = self.type.details
        return range(details.min_per_order, min(details.max_per_order, self.left, MAX_TICKETS) + 1)


@dataclass(frozen=True, slots=True)
class SoldEvent:
    """An event at the box office."""

    event: catalogue.Event
    badge: Badge
    types: tuple[SoldType, ...]
    is_today: bool

    @property
    def can_sell(self) -> bool:
        """Return whether any ticket can be sold now."""
        return any(kind.can_sell for kind in self.types)

    @property
    def wants_names(self) -> bool:
        """Return whether each ticket has the name of its attendee."""
        return self.event.ticket_names == "required"


@dataclass(frozen=True, slots=True)
class BoxOffice:
    """The view model of /organise/box-office."""

    today: tuple[SoldEvent, ...]
    later: tuple[SoldEvent, ...]
    shift: checkout.Shift | None
    is_cut: bool
    """Whether there are more events than are listed."""
    is_limited: bool
    """Whether the seller may sell the assigned events only."""


@dataclass(frozen=True, slots=True)
class SoldTicket:
    """A ticket of a sale."""

    ticket: tickets.Ticket
    seat: registrations.Seat
    holder: str
    admits_to: str

    @property
    def is_valid(self) -> bool:
        """Return whether it admits its holder."""
        return self.ticket.state == "valid" and self.seat.state == "confirmed"


@dataclass(frozen=True, slots=True)
class SaleView:
    """The view model of /organise/box-office/sales/{ref}."""

    sale: checkout.Sale
    event: catalogue.Event
    buyer: accounts.Person
    seller: str
    tickets: tuple[SoldTicket, ...]
    why_final: str
    """Why the visitor cannot take it back; empty if they can."""
    can_admit: bool
    asks: bool
    """Whether there are questions that can be answered now."""
    sent_to: str
    """The address that the tickets are emailed to; empty without one."""

    @property
    def method(self) -> str:
        """The way of payment."""
        return gettext(checkout.AT_BOX_OFFICE[self.sale.order.method])

    @property
    def admissible(self) -> int:
        """The number of tickets whose holder is not in yet."""
        return sum(entry.is_valid and entry.ticket.admitted_at is None for entry in self.tickets)

    @property
    def admit_button(self) -> str:
        """The button that checks them in."""
        count = self.admissible
        return ngettext("Check in {count} guest now", "Check in {count} guests now", count).format(
            count=count
        )

    def undo_sentence(self, amount: str) -> str:
        """Return what taking the sale back does."""
        count = len(self.tickets)
        ends = ngettext(
            "{count} ticket is void at once, and its seat is free again.",
            "{count} tickets are void at once, and their seats are free again.",
            count,
        ).format(count=count)
        if not self.sale.amount.minor:
            return ends
        pays = {
            "cash": gettext("You give back {amount} in cash, and your shift counts it."),
            "card-machine": gettext("You reverse {amount} on the card machine, and your shift counts it."),
            "upi": gettext("You send back {amount} by UPI, and your shift counts it."),
        }
        return f"{ends} {pays[self.sale.order.method].format(amount=amount)}"


def sellable_events(connection: Connection, seller: Visitor) -> Collection[int] | None:
    """Return the ids of the events that the seller may sell; None: all.

    A member of the team to whom events are assigned sells these, and a lead no others in any case.
    """
    if seller.may("events.manage"):
        return None
    assigned = catalogue.assigned_events(connection, seller.person)
    return assigned if assigned or seller.role == "lead" else None


def read_box_office(connection: Connection, seller: Visitor, words: str, zone: ZoneInfo) -> BoxOffice:
    """Return the events on sale, today's first; with `words` those whose title, place or category has all of them."""
    events, now = sellable_events(connection, seller), connection.now
    wanted = search_words(words)
    listed = [
        event
        for event in catalogue.all_events(connection)
        if event.state == "published"
        and event.ends_at > now
        and not event.needs_approval
        and (events is None or event.id in events)
        and _has_words(event, wanted)
    ]
    listed.sort(key=lambda event: (event.starts_at, event.id))
    freed = registrations.find_lapses(connection).seats
    shown = [_sold_event(connection, event, freed, zone) for event in listed[:MAX_EVENTS]]
    shown.sort(key=lambda entry: not entry.can_sell)  # stable: by their start within
    return BoxOffice(
        tuple(entry for entry in shown if entry.is_today),
        tuple(entry for entry in shown if not entry.is_today),
        checkout.open_shift(connection, seller.person),
        len(listed) > MAX_EVENTS,
        events is not None,
    )


def read_sold_event(connection: Connection, seller: Visitor, slug: str, zone: ZoneInfo) -> SoldEvent:
    """Return an event with the tickets that can be sold. Raises NotFound, or SaleNotHere."""
    event = catalogue.event_by_slug(connection, slug)
    events = sellable_events(connection, seller)
    if events is not None and event.id not in events:
        raise checkout.SaleNotHere
    return _sold_event(connection, event, registrations.find_lapses(connection).seats, zone)


def _has_words(event: catalogue.Event, wanted: Sequence[str]) -> bool:
    text = searchable(f"{event.title} {event.place} {event.category}") if wanted else ""
    return all(word in text for word in wanted)


def _sold_event(
    connection: Connection, event: catalogue.Event, freed: Mapping[int, int], zone: ZoneInfo
) -> SoldEvent:
    now = connection.now
    offer = catalogue.offer_of(event, freed, now)
    taken = max(0, event.taken - freed.get(event.id, 0))
    kinds: tuple[SoldType, ...] = ()
    if offer.state in ("open", "few") and not event.needs_approval:
        types = catalogue.types_of_event(connection, event)
        kinds = tuple(
            SoldType(kind, offer.left if kind.left is None else max(0, min(offer.left, kind.left)))
            for kind in types
            if catalogue.is_offered(kind, types, now) and not kind.details.is_for_teams
        )
    today = moment(now, zone).date()
    is_today = moment(event.starts_at, zone).date() <= today
    return SoldEvent(event, badge_of_event(event, offer, taken), kinds, is_today)


def read_sale(
    fields: Mapping[str, str], slug: str, currency: str, *, wants_names: bool
) -> checkout.SaleContent:
    """Return the sale of a form. Raises Invalid with a sentence for each wrong field."""
    errors: dict[str, str] = {}
    name = email = ""
    names: list[str] = []
    received: Money | None = None
    method = fields.get("method", "")
    if method not in checkout.AT_BOX_OFFICE:
        errors["method"] = gettext("Choose how it was paid.")
    try:
        name = accounts.read_person_name(fields["name"]) if fields.get("name", "").strip() else ""
    except ValueError as error:
        errors["name"] = str(error)
    try:
        email = accounts.read_email(fields["email"]) if fields.get("email", "").strip() else ""
    except ValueError as error:
        errors["email"] = str(error)
    try:
        if wants_names:
            lines = [line for line in fields.get("names", "").splitlines() if line.strip()]
            names = [accounts.read_person_name(line) for line in lines[:MAX_NAMES]]
    except ValueError as error:
        errors["names"] = str(error)
    try:
        if method == "cash" and fields.get("received", "").strip():
            received = read_amount(fields["received"], currency)
    except ValueError as error:
        errors["received"] = str(error)
    choice = registrations.read_choice(fields)
    if choice is None or not any((choice.counts or {}).values()):
        errors["tickets"] = gettext("Choose at least one ticket.")
    if errors or choice is None:
        raise Invalid(errors)
    (paid_by,) = (known for known in get_args(checkout.BoxOfficeMethod) if known == method)
    return checkout.SaleContent(
        slug, choice, paid_by, name or (names[0] if names else ""), email, tuple(names), received
    )


def sell_tickets(
    connection: Connection,
    actor: Actor,
    seller: Visitor,
    content: checkout.SaleContent,
    key: str,
    secret: bytes,
) -> checkout.Sale:
    """Sell the tickets, and issue them at once, so that they can be printed. The same key makes one sale."""
    events = sellable_events(connection, seller)
    sale, is_new = checkout.sell(connection, actor, seller.person, content, key, content.hash(secret), events)
    if is_new:
        for seat in registrations.seats_of_order(connection, sale.order.id):
            tickets.issue_ticket(connection, seat)
            tickets.issue_places(connection, seat)
    return sale


def view_sale(connection: Connection, visitor: Visitor, ref: str) -> SaleView:
    """Return the sale with its tickets. Raises NotFound, also for an event that the visitor may not sell."""
    sale = find_sale(connection, visitor, ref)
    order = sale.order
    buyer = accounts.person_by_id(connection, order.person_id)
    event = catalogue.event_by_id(connection, order.lines[0].event_id)
    sold = []
    for line in order.lines:
        ticket = tickets.ticket_of_seat(connection, line.seat_id)
        seat = registrations.seat(connection, line.seat_id)
        if ticket is not None:
            admits_to = registrations.titles_of_places(connection, seat)
            sold.append(SoldTicket(ticket, seat, seat.attendee_name or buyer.shown_name, admits_to))
    final = checkout.why_final(connection, sale, visitor.person, tickets.is_used)
    return SaleView(
        sale,
        event,
        buyer,
        accounts.person_by_id(connection, sale.seller_id).shown_name,
        tuple(sold),
        final,
        visitor.may("door"),
        event.asks > 0 and sale.undone_at is None and connection.now < event.starts_at,
        buyer.email,
    )


def find_sale(connection: Connection, visitor: Visitor, ref: str) -> checkout.Sale:
    """Return the sale if the visitor may sell its event. Raises NotFound, or SaleNotHere."""
    sale = checkout.sale_by_ref(connection, ref)
    events = sellable_events(connection, visitor)
    if events is not None and sale.order.lines[0].event_id not in events:
        raise checkout.SaleNotHere
    return sale


def sheet_of_sale(connection: Connection, sale: checkout.Sale) -> registrations.AnswerSheet:
    """Return the questions about the sold tickets, with the answers."""
    slug = sale.order.lines[0].slug
    return registrations.answer_sheet(connection, sale.order.person_id, slug, tickets.is_used)


def undo(connection: Connection, actor: Actor, visitor: Visitor, ref: str) -> checkout.Sale:
    """Take the sale back. Raises NotFound or SaleFinal."""
    find_sale(connection, visitor, ref)
    return checkout.undo_sale(connection, actor, visitor.person, ref, tickets.is_used)


def admit_sold(connection: Connection, visitor: Visitor, ref: str) -> int:
    """Check in everybody of the sale that is not in yet; return how many. Raises errors of the door."""
    view = view_sale(connection, visitor, ref)
    waiting = [entry for entry in view.tickets if entry.is_valid and entry.ticket.admitted_at is None]
    for entry in waiting:
        door.admit(connection, entry.ticket.code, visitor, view.event.slug)
    return len(waiting)

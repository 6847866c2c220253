"""The view model of /my-events: the visitor's own seats, with their tickets and orders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from festgate.kit.clock import MINUTE, NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money, totals
from festgate.kit.translation import gettext, ngettext
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line, queries
from festgate.portal.registrations.endings import EVENT, ORGANISER, ending_words
from festgate.portal.registrations.queries import Seat, SeatReferences
from festgate.portal.registrations.seat_overlaps import seat_overlaps


@dataclass(frozen=True)
class ListedSeat:
    """A seat with its ticket code and its order reference, as its holder sees it."""

    seat: Seat
    ticket: str | None
    order: str | None
    can_register_again: bool = False
    """Whether the seat has ended, and its event is on sale."""
    places: tuple[Seat, ...] = ()
    """Its places at other events, if it is a pass, by their start."""

    @property
    def ending(self) -> str:
        """The label of a seat that has ended."""
        return gettext("Hold expired") if self.seat.state == "lapsed" else ending_words(self.seat.ended_by)

    @property
    def was_taken_away(self) -> bool:
        """Return whether others ended the seat, or the whole event."""
        return self.seat.state == "cancelled" and self.seat.ended_by in (EVENT, ORGANISER)

    @property
    def look(self) -> str:
        """The state whose colours the card has."""
        if self.seat.state in ("held", "confirmed"):
            return "open"
        return "cancelled" if self.seat.ended_by == EVENT else "closed"


@dataclass(frozen=True)
class MyEvents:
    """The view model of /my-events."""

    held: tuple[ListedSeat, ...]
    unconfirmed_seats: tuple[ListedSeat, ...]
    """Seats that are held without a fee."""
    paying: tuple[ListedSeat, ...]
    confirmed: tuple[ListedSeat, ...]
    over: tuple[ListedSeat, ...]
    due: tuple[Money, ...]
    """The total fee of the held seats by currency: an older fest may have several."""
    now: Milliseconds
    """The time to the second while a hold runs, else 0, so that an unchanged page is not rendered again."""
    waiting: tuple[line.Entry, ...] = ()
    """Places on waiting lists, and applications, at events that have not ended."""
    overlaps: tuple[catalogue.Overlap, ...] = ()
    awaits_tickets: bool = field(compare=False, default=False)
    """Whether a seat was confirmed so recently that its ticket will be there in a moment."""
    is_paused: bool = False
    """Whether holds are paused, because nobody can pay."""
    person: int = 0
    """The visitor."""
    unconfirmed: str = ""
    """The visitor's email address if it has to be confirmed."""
    is_guest: bool = False
    """Whether the visitor has bought without an account."""
    claimable: str = ""
    """The visitor's confirmed address, if somebody has bought with it without an account."""
    until: Milliseconds = field(compare=False, default=NEVER)

    @property
    def sections(self) -> list[tuple[str, str, tuple[ListedSeat, ...]]]:
        """The (name, heading, seats) of each section that has seats."""
        sections = [
            ("held", gettext("To pay"), self.held),
            ("to-confirm", gettext("To confirm"), self.unconfirmed_seats),
            ("paying", gettext("Waiting for payment"), self.paying),
            ("confirmed", gettext("Your seats"), self.confirmed),
            ("over", gettext("Over"), self.over),
        ]
        return [section for section in sections if section[2]]

    @property
    def held_until(self) -> Milliseconds:
        """The time at which the first hold ends."""
        return min(entry.seat.held_until for entry in self.held)

    @property
    def held_hint(self) -> str:
        """The sentence about the time of the held seats."""
        return hold_hint([entry.seat for entry in self.held], is_paused=self.is_paused)


def hold_hint(held: Sequence[Seat], *, is_paused: bool) -> str:
    """Return the sentence about the one time that is shown for all these held seats: that of the first to end."""
    if is_paused:
        return gettext("Kept for you while checkout is unavailable.")
    first = min(held, key=lambda seat: seat.held_until)
    if max(seat.held_until for seat in held) - first.held_until >= MINUTE:
        sentence = gettext("Then {title} goes back on sale; the others are held a little longer.")
        return sentence.format(title=first.title)
    return ngettext(
        "It goes back on sale when the time runs out.",
        "They go back on sale when the time runs out.",
        len(held),
    )


def my_events(
    connection: Connection,
    person_id: int,
    tickets_of: SeatReferences,
    orders_of: SeatReferences,
    unconfirmed: str,
    visitor: Visitor | None = None,
) -> MyEvents:
    """Return the person's seats and places on waiting lists.

    `unconfirmed` is their email address if it has to be confirmed. With the `visitor`, orders without an account that
    the person can claim are counted.
    """
    seats, may_wait = queries.seats_to_list(connection, person_id)
    waiting = line.open_entries_of(connection, person_id) if may_wait else []
    # Seats outside an order have neither before they are confirmed. In a rush most visitors have no others.
    has_neither = all(seat.state == "held" and seat.order_id is None for seat in seats)
    tickets = {} if has_neither else tickets_of(connection, person_id)
    orders = {} if has_neither else orders_of(connection, person_id)
    has_passes = any(seat.is_pass for seat in seats)
    places = queries.places_of(connection, person_id) if has_passes else []
    listed = [
        ListedSeat(
            seat,
            tickets.get(seat.id),
            orders.get(seat.id),
            places=tuple(place for place in places if place.pass_seat_id == seat.id),
        )
        for seat in seats
    ]
    held = tuple(entry for entry in listed if entry.seat.payable)
    unconfirmed_seats = tuple(entry for entry in listed if entry.seat.confirmable)
    paying = tuple(
        entry for entry in listed if entry.seat.state == "held" and entry.seat.order_id is not None
    )
    confirmed = tuple(entry for entry in listed if entry.seat.state == "confirmed")
    live = [entry.seat for entry in (*held, *unconfirmed_seats, *paying, *confirmed)]
    live_places = [place for place in places if place.state in ("held", "confirmed")]
    over, over_until = _with_offers(
        connection,
        [entry for entry in listed if entry.seat.state in ("cancelled", "lapsed")],
        {seat.event_id for seat in live} | {place.event_id for place in live_places},
    )
    overlaps = seat_overlaps(live, [*live, *live_places], connection.now)
    second = connection.now // SECOND * SECOND
    holds = (*held, *unconfirmed_seats, *paying)
    has_holds = bool(holds)
    is_paused = any(entry.seat.stood is not None for entry in holds)
    until = second + SECOND if has_holds and not is_paused else NEVER
    return MyEvents(
        held=held,
        unconfirmed_seats=unconfirmed_seats,
        paying=paying,
        confirmed=confirmed,
        over=over,
        due=totals(entry.seat.fee for entry in held),
        # The time left is exact while holds are paused: if it were rounded, it would seem to change.
        now=connection.now if is_paused else second if has_holds else 0,
        waiting=tuple(waiting),
        overlaps=overlaps,
        is_paused=is_paused,
        awaits_tickets=any(entry.ticket is None for entry in confirmed)
        and queries.has_confirmed_since(connection, person_id, connection.now - SECOND),
        person=person_id,
        unconfirmed=unconfirmed,
        is_guest=visitor is not None and visitor.is_guest,
        claimable=_claimable(connection, visitor),
        until=min(
            until,
            over_until,
            *(overlap.ends_at for overlap in overlaps),
            *(entry.ends_at for entry in waiting),
        ),
    )


def _claimable(connection: Connection, visitor: Visitor | None) -> str:
    if visitor is None or visitor.is_guest or not visitor.is_confirmed:
        return ""
    return visitor.email if accounts.guest_ids(connection, visitor.email) else ""


def _with_offers(
    connection: Connection, over: Sequence[ListedSeat], live_events: Iterable[int]
) -> tuple[tuple[ListedSeat, ...], Milliseconds]:
    """Mark the last seat at each event that is on sale and has no live seat; return when the clock may change that."""
    last = {
        entry.seat.event_id: entry.seat.id
        for entry in sorted(over, key=lambda entry: entry.seat.id)
        if connection.now < entry.seat.ends_at and not entry.was_taken_away
    }
    lapsed = queries.find_lapses(connection) if last else catalogue.LapsedHolds()
    until, on_sale = NEVER, set()
    for event_id in last.keys() - set(live_events):
        event = catalogue.event_by_id(connection, event_id)
        if catalogue.offer_of(event, lapsed.seats, connection.now).state in ("open", "few"):
            on_sale.add(last[event_id])
        until = min(until, catalogue.offer_until(event, lapsed, connection.now))
    return tuple(replace(entry, can_register_again=entry.seat.id in on_sale) for entry in over), until

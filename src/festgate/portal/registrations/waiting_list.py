"""Operations on the line for seats of an event: join, leave, and an organiser's decisions.

An event that asks for approval has applications in the same line: organisers accept, decline or waitlist them.
"""

from collections.abc import Sequence

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, TryAgain, UniqueViolation
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line, offers, queries
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ChooseTicket,
    ListClosed,
    NotEnoughSeats,
    SalesClosed,
    SeatsAvailable,
    TooManyTickets,
)
from festgate.portal.registrations.facts import WaitingEnded
from festgate.portal.registrations.holds import insert_held_seat, open_event, sweep_event

MAX_JOINS = 10
"""How often a person can join the line of one event in a day."""
MAX_MESSAGE = 1000
ENDED_AT_ONCE = 200


def join(
    connection: Connection,
    person_id: int,
    slug: str,
    quantity: int = 1,
    type_id: int | None = None,
    message: str = "",
    *,
    needs_confirmed: bool = False,
) -> int:
    """Put the person at the end of the line for seats of the event, or take their application; return its id.

    A person in the line keeps their place. `type_id` None is the only ticket type on sale.
    `needs_confirmed`: the email address has to be confirmed, since offers go there. Raises the errors of `open_event`,
    ListClosed, SeatsAvailable, ChooseTicket, AlreadyRegistered, TooManyTickets, AddressNotConfirmed, TooMany, or
    ValueError for a message that is too long.
    """
    event_id = open_event(connection, slug).id
    catalogue.lock_seats(connection, event_id)
    known = line.open_entry(connection, person_id, event_id)
    if known is not None:
        return known
    if needs_confirmed:
        accounts.require_confirmed(connection, person_id)
    sweep_event(connection, event_id)
    event = catalogue.event_by_id(connection, event_id)
    if not event.needs_approval and event.waiting_list != "open":
        raise ListClosed
    kind = _chosen(connection, event, type_id)
    _check_quantity(connection, person_id, event, quantity)
    if not event.needs_approval and not event.to_offer:
        free = event.capacity - event.taken
        free = free if kind.left is None else min(free, kind.left)
        if free >= quantity:
            raise SeatsAvailable
    _check_joins(connection, person_id, event.id)
    text = tidy(message, lines=True, max_length=MAX_MESSAGE)
    state: line.EntryState = "applied" if event.needs_approval else "waiting"
    try:
        entry_id = line.add_entry(connection, event.id, kind.id, person_id, quantity, state, text)
    except UniqueViolation:
        raise TryAgain from None
    if state == "waiting":
        catalogue.count_waiting(connection, event.id, quantity)
        offers.offer_free_seats(connection, event.id, insert_held_seat)
    return entry_id


def _check_quantity(connection: Connection, person_id: int, event: catalogue.Event, quantity: int) -> None:
    """Raise ChooseTicket for no ticket; AlreadyRegistered or TooManyTickets if the person would have too many."""
    if quantity < 1:
        raise ChooseTicket(gettext("Choose at least one ticket."))
    live = len(queries.used_slots(connection, person_id, event.id))
    if live + quantity > event.max_per_person:
        raise (
            AlreadyRegistered
            if live and event.max_per_person == 1
            else TooManyTickets(event.max_per_person, live)
        )


def _check_joins(connection: Connection, person_id: int, event_id: int) -> None:
    """Raise TooMany if the person has joined the line of the event too often today."""
    count, first = line.count_joined(connection, person_id, event_id, connection.now - DAY)
    if count >= MAX_JOINS:
        sentence = gettext("You have joined the list of this event {count} times in 24 hours.")
        raise accounts.too_many(sentence.format(count=count), first + DAY - connection.now)


def leave(connection: Connection, person_id: int, entry_id: int) -> None:
    """Take the person out of the line; offered seats stay held. Idempotent. Raises NotFound."""
    entry = line.entry_by_id(connection, entry_id)
    if entry.person_id != person_id:
        raise NotFound
    catalogue.lock_seats(connection, entry.event_id)
    _end(connection, line.entry_by_id(connection, entry_id), "left")


def leave_all(connection: Connection, person_id: int) -> None:
    """Take the person out of every line, and delete what they wrote."""
    for entry in sorted(line.entries_of(connection, person_id), key=lambda entry: entry.event_id):
        if entry.is_open:
            leave(connection, person_id, entry.id)
    line.wipe_messages(connection, person_id)


def offer_by_hand(
    connection: Connection, slug: str, entry_ids: Sequence[int], *, may_raise: bool = False
) -> list[line.Entry]:
    """Offer seats to these entries now, whatever their place: accept an application, or renew what ran out.

    Return those that were offered a seat, as they were before. With `may_raise` the capacity of the event is raised by
    the seats that are missing. Seats that are free besides go to the line in its order. All or none: raises NotFound,
    SalesClosed, or NotEnoughSeats before anything is sent.
    """
    event, entries = _lock(connection, slug, entry_ids)
    if not offers.is_on_sale(event, connection.now):
        raise SalesClosed
    wanted: list[tuple[line.Entry, list[int]]] = []
    for entry in entries:
        used = queries.used_slots(connection, entry.person_id, event.id)
        slots = [slot for slot in range(event.max_per_person) if slot not in used]
        again = entry.quantity - entry.offered - entry.taken
        number = entry.remaining if entry.is_open else max(0, again)
        wanted.append((entry, slots[:number]))
    total = sum(len(slots) for _, slots in wanted)
    free = event.capacity - event.taken
    if total > free:
        if not may_raise:
            raise NotEnoughSeats(free, total)
        catalogue.add_seats(connection, event.id, total - free)
    catalogue.open_to_newcomers(connection, event.id)
    for entry, slots in wanted:
        for slot in slots:
            if not offers.offer_seat(connection, event, entry, slot, insert_held_seat):
                raise NotEnoughSeats(0, total)
        remaining = max(0, entry.remaining - len(slots)) if entry.is_open else 0
        if entry.state == "waiting":
            catalogue.count_waiting(connection, event.id, remaining - entry.remaining)
        if slots:
            line.set_entry(
                connection,
                entry,
                "waiting" if remaining and entry.state == "waiting" else "offered",
                remaining,
            )
    # Seats that the capacity was just raised by are free, too: the line gets them before any newcomer.
    offers.offer_free_seats(connection, event.id, insert_held_seat)
    return [entry for entry, slots in wanted if slots]


def remove(connection: Connection, slug: str, entry_ids: Sequence[int]) -> list[line.Entry]:
    """Take these entries out of the line as an organiser; their people get an email.

    Return those that were in it, as they were. Raises NotFound.
    """
    _, entries = _lock(connection, slug, entry_ids)
    ended = [entry for entry in entries if _end(connection, entry, "removed")]
    for entry in ended:
        outbox.record(connection, WaitingEnded(entry.id))
    return ended


def decline(
    connection: Connection, slug: str, entry_ids: Sequence[int], answer: str = ""
) -> list[line.Entry]:
    """Decline these applications, with a sentence to their people; return those that were open, as they were.

    Raises NotFound, or ValueError for a long sentence.
    """
    text = tidy(answer, lines=True, max_length=MAX_MESSAGE)
    _, entries = _lock(connection, slug, entry_ids)
    ended = [entry for entry in entries if _end(connection, entry, "declined", text)]
    for entry in ended:
        outbox.record(connection, WaitingEnded(entry.id))
    return ended


def put_on_list(connection: Connection, slug: str, entry_ids: Sequence[int]) -> list[line.Entry]:
    """Put these applications on the waiting list; return those that were not on it, as they were. Raises NotFound."""
    event, entries = _lock(connection, slug, entry_ids)
    listed = [
        entry
        for entry in entries
        if entry.state == "applied" and line.set_entry(connection, entry, "waiting", entry.remaining)
    ]
    for entry in listed:
        catalogue.count_waiting(connection, event.id, entry.remaining)
    offers.offer_free_seats(connection, event.id, insert_held_seat)
    return listed


def end_lines(connection: Connection, event_id: int) -> bool:
    """End the line of a cancelled event, some at a time; return whether there are more."""
    catalogue.lock_seats(connection, event_id)
    still_open = [entry for entry in line.entries_of_event(connection, event_id) if entry.is_open]
    for entry in still_open[:ENDED_AT_ONCE]:
        if _end(connection, entry, "ended"):
            outbox.record(connection, WaitingEnded(entry.id))
    return len(still_open) > ENDED_AT_ONCE


def _end(
    connection: Connection, entry: line.Entry, state: line.EntryState, answer: str | None = None
) -> bool:
    if not entry.is_open or not line.set_entry(connection, entry, state, entry.remaining, answer):
        return False
    if entry.state == "waiting":
        catalogue.count_waiting(connection, entry.event_id, -entry.remaining)
    return True


def _lock(
    connection: Connection, slug: str, entry_ids: Sequence[int]
) -> tuple[catalogue.Event, list[line.Entry]]:
    """Return the event, whose ended holds are swept, and these entries of its line. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    catalogue.lock_seats(connection, event.id)
    sweep_event(connection, event.id)
    chosen = [entry for entry in line.entries_of_event(connection, event.id) if entry.id in set(entry_ids)]
    if len(chosen) != len(set(entry_ids)):
        raise NotFound
    return catalogue.event_by_id(connection, event.id), chosen


def _chosen(connection: Connection, event: catalogue.Event, type_id: int | None) -> catalogue.TicketType:
    types = catalogue.types_of(connection, event.id)
    offered = [
        kind
        for kind in types
        if catalogue.is_offered(kind, types, connection.now) and (type_id is None or kind.id == type_id)
    ]
    if len(offered) != 1:
        raise ChooseTicket if offered or type_id is not None else SalesClosed
    return offered[0]

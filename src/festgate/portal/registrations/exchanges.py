"""Exchanging confirmed seats for others of another ticket type, at the same or another event, for an organiser.

What is exchanged is one seat, a pass with its places at other events, or all seats of a team. The old seats end and the
new ones are confirmed in one transaction, so that nobody else can have either between. The counts of all events and
quotas are changed by conditional updates: if one of them is full, nothing is changed. Where the old and the new ticket
both admit to an event, its seat is kept, so that event may be full.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, update

from festgate.kit.clock import NEVER
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, passes, queries, team_queries, team_rows
from festgate.portal.registrations.choices import Item, split_price
from festgate.portal.registrations.endings import EXCHANGE
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    NotExchangeable,
    PassNotOnSale,
    PassSoldOut,
    TooManyTickets,
)
from festgate.portal.registrations.facts import SeatExchanged
from festgate.portal.registrations.holders import Holder, write_holder
from festgate.portal.registrations.holds import insert_held_seat, sweep_together
from festgate.portal.registrations.offers import offer_free_seats
from festgate.portal.registrations.queries import Seat
from festgate.portal.registrations.tables import TEAM_SLOT, answers, seats

_end = Statement(
    update(seats)
    .where(seats.c.id == bindparam("seat"), seats.c.state == "confirmed")
    .values(state="cancelled", changed_at=bindparam("now"), ended_by=EXCHANGE)
)
_insert = inserting(seats, returning="id")
_move_answers = Statement(
    update(answers).where(answers.c.seat_id == bindparam("seat")).values(seat_id=bindparam("new_seat"))
)


def seats_to_exchange(connection: Connection, seat_id: int, *, locks: bool = False) -> tuple[Seat, ...]:
    """Return the seats that are exchanged with this one, in ascending order of id: those of its team, or it alone.

    With `locks` they are locked, before the counts of events, as where they are cancelled. Raises NotFound.
    """
    read = queries.lock_seat if locks else queries.seat
    first = read(connection, seat_id)
    if first is None:
        raise NotFound
    if first.team_id is None or first.state != "confirmed":
        return (first,)
    team = team_queries.team_by_id(connection, first.team_id)
    own = [read(connection, place.seat_id) for place in team.places]
    return tuple(seat for seat in own if seat is not None)


def check_exchange(old: Sequence[Seat], kind: catalogue.TicketType) -> None:
    """Raise NotExchangeable if the seats of `seats_to_exchange` cannot become tickets of that type."""
    first, details = old[0], kind.details
    if any(seat.state != "confirmed" for seat in old):
        raise NotExchangeable(
            gettext("Only a confirmed ticket can be exchanged. This one is not paid yet, or has ended.")
        )
    if first.pass_seat_id is not None:
        raise NotExchangeable(gettext("This seat is part of a pass. Exchange the pass instead."))
    if kind.is_withdrawn:
        raise NotExchangeable(gettext("The new ticket is not sold any more. Choose another one."))
    if kind.id == first.type_id:
        raise NotExchangeable(gettext("This is the ticket that the guest has. Choose another one."))
    if first.team_id is None:
        if details.is_for_teams:
            raise NotExchangeable(
                gettext(
                    "The new ticket is for teams, and this is a ticket of one person. Choose another one. To join a "
                    "team, the guest uses the link of its captain."
                )
            )
        return
    if not details.is_for_teams:
        raise NotExchangeable(
            gettext(
                "A team moves to a ticket for teams only. For single tickets, cancel the team, and sell them anew."
            )
        )
    if not details.team_min <= len(old) <= details.team_max:
        sentence = gettext("The new ticket is for teams of {min} to {max}, and this one has {count} places.")
        raise NotExchangeable(sentence.format(min=details.team_min, max=details.team_max, count=len(old)))


def price_of(kind: catalogue.TicketType, count: int) -> Money:
    """Return the price of one ticket, or of a whole team with so many places."""
    items = (
        split_price(Item(kind, count, kind.fee)) if kind.details.is_for_teams else (Item(kind, 1, kind.fee),)
    )
    return Money(sum(item.count * item.price.minor for item in items), kind.fee.currency)


def seats_needed(connection: Connection, old: Sequence[Seat], kind: catalogue.TicketType) -> Counter[int]:
    """Return how many more seats than before the new ticket takes, by event id; below zero: they become free."""
    places = queries.places_of_pass(connection, old[0].id) if old[0].is_pass else []
    needed = _taken(kind, len(old))
    needed.subtract(seat.event_id for seat in (*old, *places) if seat.state == "confirmed")
    return needed


def exchange_seats(
    connection: Connection, old: Sequence[Seat], kind: catalogue.TicketType, fees: Sequence[Money]
) -> list[int]:
    """End the locked seats of `seats_to_exchange`, confirm as many of the type for the same people; return their ids.

    `fees` are what was paid for each. All or nothing: raises NotExchangeable, AlreadyRegistered, TooManyTickets,
    PassNotOnSale, PassSoldOut, or catalogue's SoldOut or NotOnSale.
    """
    check_exchange(old, kind)
    first = old[0]
    _check_published(connection, first, kind)
    ended = Counter(seat.event_id for seat in old)
    for seat in old:
        if not connection.run(_end, seat=seat.id, now=connection.now):
            raise TryAgain
    if first.is_pass:
        ended += passes.end_places(connection, first.id, EXCHANGE)
    taken = _taken(kind, len(old))
    quotas = Counter({quota.id: len(old) for quota in kind.quotas})
    # As everywhere: events are locked in ascending order, and quotas after them.
    others = {other for quota in quotas for other in catalogue.events_of_quota(connection, quota)}
    sweep_together(connection, ended.keys() | taken.keys() | others)
    event = _check_published(connection, first, kind)
    if _taken(catalogue.type_of(catalogue.types_of(connection, event.id), kind.id), len(old)) != taken:
        raise TryAgain  # an organiser has just changed the pass, or cancelled one of its events
    waiting = _count_again(connection, old, kind, taken, ended)
    if quotas:
        catalogue.take_from_quotas(connection, quotas)
    _give_back_codes(connection, old)
    new = _insert_all(connection, old, event, kind, fees)
    for seat, new_id in zip(old, new, strict=True):
        if event.id == seat.event_id:
            connection.run(_move_answers, seat=seat.id, new_seat=new_id)
        outbox.record(connection, SeatExchanged(seat.id, new_id))
    for eager_id in waiting:
        offer_free_seats(connection, eager_id, insert_held_seat)
    return new


def _taken(kind: catalogue.TicketType, count: int) -> Counter[int]:
    """Return the seats that so many tickets take, by event id."""
    return Counter({kind.event_id: count}) + passes.other_events([Item(kind, count, kind.fee)])


def _check_published(connection: Connection, old: Seat, kind: catalogue.TicketType) -> catalogue.Event:
    """Return the event of the new ticket. Raises NotExchangeable if it or the old one is not published."""
    event = catalogue.event_by_id(connection, kind.event_id)
    for known in (catalogue.event_by_id(connection, old.event_id), event):
        if known.state != "published":
            sentence = gettext("{event} is cancelled or not published, so its tickets are not exchanged.")
            raise NotExchangeable(sentence.format(event=known.title))
    return event


def _count_again(
    connection: Connection,
    old: Sequence[Seat],
    kind: catalogue.TicketType,
    taken: Counter[int],
    ended: Counter[int],
) -> list[int]:
    """Count the new seats as taken and the old ones as free; return the events whose waiting lists may have these."""
    more = Counter(taken)
    more.subtract(ended)
    eager: set[int] = set()
    for event_id in sorted(more):
        if event_id in taken and event_id != kind.event_id:
            _check_other(connection, event_id)
        if more[event_id] > 0:
            if catalogue.event_by_id(connection, event_id).to_offer:  # the waiting list comes first
                offer_free_seats(connection, event_id, insert_held_seat)
            _take(connection, event_id, more[event_id], is_home=event_id == kind.event_id)
        elif more[event_id] < 0 and catalogue.give_back_at(connection, event_id, -more[event_id]):
            eager.add(event_id)
    # The quotas of the old type first: both types may share one that is full.
    return catalogue.offer_again(connection, eager, {old[0].type_id: len(old)})


def _check_other(connection: Connection, event_id: int) -> None:
    event = catalogue.event_by_id(connection, event_id)
    if event.state != "published":
        raise PassNotOnSale(event.title)


def _take(connection: Connection, event_id: int, count: int, *, is_home: bool) -> None:
    try:
        catalogue.take_seats(connection, event_id, count, {})
    except catalogue.SoldOut:
        if is_home:
            raise
        raise PassSoldOut(catalogue.event_by_id(connection, event_id).title) from None


def _give_back_codes(connection: Connection, old: Iterable[Seat]) -> None:
    used = Counter((seat.code_id, seat.person_id) for seat in old if seat.code_id is not None)
    if used:
        catalogue.give_back_codes(connection, used)


def _insert_all(
    connection: Connection,
    old: Sequence[Seat],
    event: catalogue.Event,
    kind: catalogue.TicketType,
    fees: Sequence[Money],
) -> list[int]:
    """Insert the new seats with their attendees, members and places, and return their ids."""
    first = old[0]
    if first.team_id is not None:
        team_rows.move_team(connection, first.team_id, event.id, kind.id, len(old))
        return _insert_team(connection, old, event, kind, fees)
    slots = {
        other: _free_slot(connection, first, catalogue.event_by_id(connection, other))
        for other in sorted(_taken(kind, 1))
    }
    new_id = insert_confirmed_seat(
        connection,
        event,
        kind,
        first.person_id,
        slots.pop(event.id),
        fees[0],
        order_id=first.order_id,
        guest_key=first.guest_key,
    )
    passes.add_places(connection, new_id, slots)
    if first.attendee_name:
        holder = Holder(first.attendee_name, first.attendee_email)
        write_holder(connection, first.person_id, new_id, holder)
    return [new_id]


def _free_slot(connection: Connection, old: Seat, event: catalogue.Event) -> int:
    """Return a slot of the person's seats at the event. Raises AlreadyRegistered or TooManyTickets if all are used."""
    used = {slot for slot in queries.used_slots(connection, old.person_id, event.id) if slot < TEAM_SLOT}
    if old.guest_key is not None:
        used |= guest_queries.slots_of_guest(connection, old.guest_key, event.id)
    free = next((slot for slot in range(event.max_per_person) if slot not in used), None)
    if free is not None:
        return free
    sentence = gettext(
        "This guest has {count} of the {max} tickets that one person can have for {event}. "
        "Cancel one of them first, or choose another ticket."
    ).format(count=len(used), max=event.max_per_person, event=event.title)
    if event.max_per_person == 1:
        raise AlreadyRegistered(sentence)
    raise TooManyTickets(event.max_per_person, len(used), sentence)


def _insert_team(
    connection: Connection,
    old: Sequence[Seat],
    event: catalogue.Event,
    kind: catalogue.TicketType,
    fees: Sequence[Money],
) -> list[int]:
    """Insert the seats of a team that has moved, with its members."""
    first = old[0]
    for seat in old:
        if seat.member_id is not None and team_rows.is_member(connection, event.id, seat.member_id):
            sentence = gettext("{name} is in another team at {event}, and each person can be in one.")
            raise AlreadyRegistered(sentence.format(name=seat.attendee_name, event=event.title))
    used = queries.used_slots(connection, first.person_id, event.id)
    slots = [slot for slot in range(TEAM_SLOT, TEAM_SLOT + len(old) + len(used)) if slot not in used]
    new = []
    for seat, slot, fee in zip(old, slots, fees, strict=False):
        new_id = insert_confirmed_seat(
            connection, event, kind, seat.person_id, slot, fee, order_id=seat.order_id
        )
        team_rows.fill_place(connection, new_id, seat)
        new.append(new_id)
    return new


def insert_confirmed_seat(
    connection: Connection,
    event: catalogue.Event,
    kind: catalogue.TicketType,
    person_id: int,
    slot: int,
    fee: Money,
    *,
    order_id: int | None = None,
    guest_key: str | None = None,
) -> int:
    """Insert a confirmed seat, which is counted as taken already, and return its id. Records no fact."""
    try:
        seat_id: int = connection.value(
            _insert,
            event_id=event.id,
            type_id=kind.id,
            person_id=person_id,
            slot=slot,
            state="confirmed",
            held_until=NEVER,
            hold_ends_at=NEVER,
            fee_minor=fee.minor,
            currency=fee.currency,
            order_id=order_id,
            taken_at=connection.now,
            changed_at=connection.now,
            ended_by=None,
            attendee_name="",
            attendee_email="",
            tax_minor=kind.tax_of(fee).minor,
            tax_rate=kind.details.tax_rate,
            code_id=None,
            attendee_search="",
            team_id=None,
            member_id=None,
            is_pass=int(kind.is_pass),
            pass_seat_id=None,
            guest_key=guest_key,
        )
    except UniqueViolation:
        # The same person has just taken a seat in another process.
        raise TryAgain from None
    return seat_id

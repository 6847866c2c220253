"""Operations that take and release a seat.

The database enforces the capacity: a conditional update of the event's count, in the same transaction as the seat's
row. A hold ends by the clock. The next registration sweeps the ended holds of its event before it takes a seat, so a
seat becomes free without a periodic task.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, update

from festgate.kit.clock import MINUTE, NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import answers, guest_queries, limits, passes, queries, team_rows
from festgate.portal.registrations.choices import Choice, Item, choose
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ApprovalNeeded,
    NameNeeded,
    PassPlace,
    SalesClosed,
    SalesNotOpen,
    SeatsGone,
    TooManyTickets,
)
from festgate.portal.registrations.facts import SeatConfirmed
from festgate.portal.registrations.offers import offer_free_seats
from festgate.portal.registrations.tables import HELD, HOLD_NOW, TEAM_SLOT, seats

SWEPT_AT_ONCE = 200
"""Seats that one call of a handler changes, so that it does not block the writer for long."""

_insert = inserting(
    seats,
    # Those that a new seat can have; the names of attendees, for example, come later.
    (
        *("event_id", "type_id", "person_id", "slot", "state", "held_until", "hold_ends_at"),
        *("fee_minor", "currency", "tax_minor", "tax_rate", "taken_at", "changed_at"),
        *("code_id", "is_pass", "guest_key"),
    ),
    returning="id",
)
_sweep = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"), HELD, seats.c.held_until <= HOLD_NOW)
    .values(state="lapsed", changed_at=bindparam("now"))
    .returning(*seats.c["type_id", "code_id", "person_id", "team_id", "pass_seat_id"])
)
_confirm_free = Statement(
    update(seats)
    .where(
        seats.c.id == bindparam("seat"),
        HELD,
        seats.c.held_until > HOLD_NOW,
        seats.c.order_id.is_(None),
        seats.c.fee_minor == 0,
    )
    .values(state="confirmed", held_until=NEVER, changed_at=bindparam("now"))
)


def hold_seats(
    connection: Connection,
    person_id: int,
    slug: str,
    hold_minutes: int,
    terms: limits.Terms = limits.UNLIMITED,
    choice: Choice | None = None,
) -> list[int]:
    """Take seats for the person and return their ids: held for `hold_minutes`, or confirmed at once.

    They are held if they have a fee, or if the event requires the names of attendees or answers. The choice None is
    one ticket of the only type on sale. With an unconfirmed email address seats are held for a few minutes only. Raises
    AlreadyRegistered, TooManyTickets, AddressNotConfirmed, TooMany, catalogue's SoldOut, CodeUnknown or CodeNotValid,
    or an error of `open_event` or `choose`.
    """
    event = event_for_all(connection, slug)
    if event.to_offer:
        offer_free_seats(connection, event.id, insert_held_seat)
    code = find_code(connection, event, choice)
    items = choose(catalogue.types_of_event(connection, event), choice, connection.now, code)
    count = items[0].count if len(items) == 1 else sum(item.count for item in items)
    address = terms.address
    if address is not None:
        accounts.check_seats(connection, address)
    guest = accounts.lock_guest(connection, person_id) if terms.is_guest else None
    if not terms.is_confirmed and limits.admit_unconfirmed(connection, person_id, count, guest):
        hold_minutes = min(hold_minutes, limits.UNCONFIRMED_HOLD_MINUTES)
    others = take_all(connection, person_id, event, items, count, guest)
    use_code(connection, code, items, person_id, guest)
    if not terms.is_first:
        limits.check_takings(connection, person_id, event, count, guest)
    team_id = _add_team(connection, items, person_id, choice)
    slots = (
        _free_slots(connection, person_id, event, count, guest)
        if team_id is None
        else iter(range(TEAM_SLOT, TEAM_SLOT + count))
    )
    seat_ids = []
    for item in items:
        for _ in range(item.count):
            seat_id = insert_seat(
                connection, event, item, person_id, next(slots), hold_minutes, code, guest_key=guest
            )
            if item.type.is_pass:
                passes.add_places(connection, seat_id, passes.next_slots(item.type, others))
            if address is not None:
                accounts.count_seat(connection, address, seat_id)
            seat_ids.append(seat_id)
    if team_id is not None:
        team_rows.fill_team(connection, team_id, seat_ids, person_id)
    return seat_ids


def _take_seats(
    connection: Connection, person_id: int, event: catalogue.Sellable, count: int, quotas: Mapping[int, int]
) -> None:
    """Count seats as taken, and tickets of quotas by quota id. Raises SoldOut, or AlreadyRegistered before it."""
    try:
        catalogue.take_seats(connection, event.id, count, quotas)
    except catalogue.SoldOut:
        if queries.count_seats_at(connection, person_id, event.id)[1] >= event.max_per_person:
            raise AlreadyRegistered from None
        raise


def take_all(
    connection: Connection,
    person_id: int,
    event: catalogue.Sellable,
    items: Sequence[Item],
    count: int,
    guest_key: str | None,
) -> dict[int, list[int]]:
    """Count the seats as taken, and the places of passes; return the slots of these by the id of the other event."""
    if any(item.type.is_pass for item in items):
        return _take_passes(connection, person_id, event, items, guest_key)
    _take_seats(connection, person_id, event, count, _sweep_for(connection, event.id, items))
    return {}


def _take_passes(
    connection: Connection,
    person_id: int,
    event: catalogue.Sellable,
    items: Sequence[Item],
    guest_key: str | None,
) -> dict[int, list[int]]:
    """Count the seats of the items and the places of passes as taken; return their slots at each other event.

    Every event is locked, in ascending order, before anything that other operations lock after events: so passes and
    single tickets never wait for each other in a circle. Raises the errors of `check_places`, SoldOut or
    AlreadyRegistered.
    """
    counts = passes.other_events(items)
    counts[event.id] += sum(item.count for item in items)
    drawn, sharing = _quotas_of(connection, items)
    sweep_together(connection, counts.keys() | sharing)
    now = {kind.id: kind.admits for kind in catalogue.types_of(connection, event.id)}
    if any(_ids(item.type.admits) != _ids(now[item.type.id]) for item in items):
        raise TryAgain  # an organiser has just changed the pass, or cancelled one of its events
    if event.waiting:  # the waiting list comes first
        offer_free_seats(connection, event.id, insert_held_seat)
    slots: dict[int, list[int]] = {}
    for event_id in sorted(counts):
        if event_id == event.id:
            _take_seats(connection, person_id, event, counts[event_id], {})
            continue
        other = catalogue.event_by_id(connection, event_id)
        if other.to_offer:
            offer_free_seats(connection, event_id, insert_held_seat)
            other = catalogue.event_by_id(connection, event_id)
        slots[event_id] = passes.check_places(connection, person_id, other, counts[event_id], guest_key)
        catalogue.take_seats(connection, event_id, counts[event_id], {})
    if drawn:
        catalogue.take_from_quotas(connection, drawn)
    return slots


def _ids(admits: Iterable[catalogue.PassEvent]) -> set[int]:
    return {event.id for event in admits if event.state != "cancelled"}


def use_code(
    connection: Connection,
    code: catalogue.PromoCode | None,
    items: Sequence[Item],
    person_id: int,
    guest_key: str | None,
) -> None:
    """Count the tickets that the promo code changes as its uses."""
    if code is None:
        return
    uses = sum(item.count for item in items if item.has_code)
    catalogue.take_code(connection, code, person_id, uses)
    most = code.terms.max_per_person
    # The code's row is locked by now, so that purchases with one address are counted in turn.
    if (
        guest_key is not None
        and most is not None
        and guest_queries.count_uses_of_guest(connection, guest_key, code.id) + uses > most
    ):
        raise catalogue.CodeNotValid(gettext("You have used this promo code as often as one person can."))


def _add_team(
    connection: Connection, items: Sequence[Item], person_id: int, choice: Choice | None
) -> int | None:
    """Add the team that takes the seats, and return its id; None for single people."""
    if choice is None or choice.team is None:
        return None
    return team_rows.add_team(connection, items, person_id, choice.team)


def hold_seat(
    connection: Connection,
    person_id: int,
    slug: str,
    hold_minutes: int,
    terms: limits.Terms = limits.UNLIMITED,
) -> int:
    """Take one seat of the only type on sale and return its id. Raises the errors of `hold_seats`."""
    return hold_seats(connection, person_id, slug, hold_minutes, terms)[0]


def insert_seat(  # noqa: PLR0913  (a seat has so many parts)
    connection: Connection,
    event: catalogue.Sellable,
    item: Item,
    person_id: int,
    slot: int,
    hold_minutes: int = 0,
    code: catalogue.PromoCode | None = None,
    *,
    until: Milliseconds | None = None,
    guest_key: str | None = None,
) -> int:
    """Insert a seat and return its id. `until` is the end of an offer, which its person has to confirm or pay."""
    now = connection.now
    # A seat that still needs the name of its attendee or answers is confirmed by its holder.
    needs_more = not item.type.details.is_for_teams and (
        event.ticket_names == "required" or answers.requires_answer(connection, event, item.type.id)
    )
    free = item.price.minor == 0 and until is None and not needs_more
    until = until or (NEVER if free else now + hold_minutes * MINUTE)
    try:
        seat_id: int = connection.value(
            _insert,
            event_id=event.id,
            type_id=item.type.id,
            person_id=person_id,
            slot=slot,
            state="confirmed" if free else "held",
            held_until=until,
            hold_ends_at=until,
            fee_minor=item.price.minor,
            currency=item.price.currency,
            taken_at=now,
            changed_at=now,
            tax_minor=item.type.tax_of(item.price).minor,
            tax_rate=item.type.details.tax_rate,
            code_id=code.id if code is not None and item.has_code else None,
            is_pass=int(item.type.is_pass),
            guest_key=guest_key,
        )
    except UniqueViolation:
        if event.max_per_person == 1 and slot == 0:
            raise AlreadyRegistered from None
        # The same person has just taken a seat in another process.
        raise TryAgain from None
    if free:
        outbox.record(connection, SeatConfirmed(seat_id))
    return seat_id


def _free_slots(
    connection: Connection, person_id: int, event: catalogue.Sellable, count: int, guest_key: str | None
) -> Iterator[int]:
    """Return the numbers of the person's next seats. Raises AlreadyRegistered if there are not enough."""
    if event.max_per_person == 1 and count == 1:
        return iter((0,))  # a seat that the person has already violates the key
    used = {slot for slot in queries.used_slots(connection, person_id, event.id) if slot < TEAM_SLOT}
    if guest_key is not None:
        used |= guest_queries.slots_of_guest(connection, guest_key, event.id)
    free = [slot for slot in range(event.max_per_person) if slot not in used]
    if len(free) < count:
        raise (
            AlreadyRegistered
            if event.max_per_person == 1
            else TooManyTickets(event.max_per_person, len(used))
        )
    return iter(free)


def _sweep_for(connection: Connection, event_id: int, items: Sequence[Item]) -> Mapping[int, int]:
    """Sweep the events whose ended holds the items may need; return the tickets that draw on each quota, by its id."""
    if not any(item.type.quotas for item in items):
        sweep_event(connection, event_id)
        return {}
    drawn, others = _quotas_of(connection, items)
    for swept in sorted({event_id, *others}):
        sweep_event(connection, swept)
    return drawn


def _quotas_of(connection: Connection, items: Sequence[Item]) -> tuple[Counter[int], set[int]]:
    """Return the tickets that draw on each quota, by its id, and the events whose ended holds may keep one full."""
    left: dict[int, int] = {}
    drawn: Counter[int] = Counter()
    for item in items:
        for quota in item.type.quotas:
            left[quota.id] = quota.left
            drawn[quota.id] += item.count
    # Ended holds at other events may be all that keeps a shared quota full.
    full = [quota_id for quota_id, number in drawn.items() if left[quota_id] < number]
    return drawn, {other for quota_id in full for other in catalogue.events_of_quota(connection, quota_id)}


def insert_held_seat(
    connection: Connection,
    event: catalogue.Sellable,
    item: Item,
    person_id: int,
    slot: int,
    until: Milliseconds,
) -> int:
    """Insert a seat that is held until then, also without a fee, and return its id; it is counted as taken already."""
    return insert_seat(connection, event, item, person_id, slot, until=until)


def give_back(connection: Connection, event_id: int, counts: Mapping[int, int]) -> None:
    """Count seats as free, `counts` by ticket type, and offer them to the waiting list."""
    for eager in catalogue.give_back_seats(connection, event_id, counts):
        offer_free_seats(connection, eager, insert_held_seat)


class Early(NamedTuple):
    """The facts that a read finds before a registration is queued."""

    is_first: bool
    """Whether the person has never had a seat at the event."""
    asks: bool
    """Whether the event has questions to its attendees."""


def refuse_early(connection: Connection, person_id: int, slug: str, choice: Choice | None = None) -> Early:
    """Raise the errors of `hold_seats` from a read.

    In a rush most requests find the event sold out, and need not wait for the writer.
    """
    event = event_for_all(connection, slug)
    ever, live = queries.count_seats_at(connection, person_id, event.id)
    if live >= event.max_per_person:
        raise AlreadyRegistered if event.max_per_person == 1 else TooManyTickets(event.max_per_person, live)
    if (
        event.taken >= event.capacity
        and event.taken - queries.count_lapsed(connection, event.id) >= event.capacity
    ):
        raise catalogue.SoldOut
    if choice is not None:
        code = find_code(connection, event, choice)
        choose(catalogue.types_of(connection, event.id), choice, connection.now, code)
    return Early(ever == 0, event.asks > 0)


def find_code(
    connection: Connection, event: catalogue.Sellable, choice: Choice | None
) -> catalogue.PromoCode | None:
    """Return the promo code of the choice; None without one. Raises CodeUnknown."""
    if choice is None or not choice.code:
        return None
    code = catalogue.find_code(connection, choice.code, event.id)
    if code is None:
        raise catalogue.CodeUnknown
    return code


def open_event(connection: Connection, slug: str) -> catalogue.EventSale:
    """Return the event if it is on sale now. Raises NotFound, SalesNotOpen or SalesClosed."""
    event = catalogue.event_sale(connection, slug)
    if event.state != "published" or connection.now >= event.sales_close_at:
        raise SalesClosed
    if connection.now < event.sales_open_at:
        raise SalesNotOpen
    return event


def event_for_all(connection: Connection, slug: str) -> catalogue.EventSale:
    """Return the event if everybody can register for it now. Raises ApprovalNeeded, or an error of `open_event`."""
    event = open_event(connection, slug)
    if event.needs_approval:
        raise ApprovalNeeded
    return event


def sweep_event(connection: Connection, event_id: int) -> int:
    """Release the seats of the event whose holds have ended, and return their number."""
    if queries.count_lapsed(connection, event_id) == 0:
        return 0
    rows = connection.all(_sweep, event=event_id, now=connection.now)
    if rows:
        _forget_ended(connection, rows)
        give_back(connection, event_id, _count_types(rows))
    return len(rows)


def sweep_together(connection: Connection, event_ids: Collection[int]) -> None:
    """Sweep several events, and lock the counts of their seats, in ascending order of event id.

    What other operations lock after an event, such as quotas, is changed once all are locked.
    """
    ended: list[tuple[Any, ...]] = []
    eager: set[int] = set()
    for event_id in sorted(event_ids):
        rows = connection.all(_sweep, event=event_id, now=connection.now)
        ended += rows
        if not rows:
            catalogue.lock_seats(connection, event_id)
        elif catalogue.give_back_at(connection, event_id, len(rows)):
            eager.add(event_id)
    if ended:
        _forget_ended(connection, ended)
        for event_id in catalogue.offer_again(connection, eager, _count_types(ended)):
            offer_free_seats(connection, event_id, insert_held_seat)


def _forget_ended(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Give back the uses of promo codes, and shrink the teams, of swept seats."""
    used = Counter((code_id, person_id) for _, code_id, person_id, *_ in rows if code_id is not None)
    catalogue.give_back_codes(connection, used)
    team_rows.shrink_teams(connection, Counter(row[3] for row in rows if row[3] is not None))


def _count_types(rows: Sequence[tuple[Any, ...]]) -> Counter[int]:
    return Counter(type_id if pass_id is None else passes.NO_TYPE for type_id, _, _, _, pass_id in rows)


def sweep_all(connection: Connection) -> int:
    """Sweep every event, only to keep the number of unswept holds small while nobody registers."""
    return sum(
        sweep_event(connection, event_id) for event_id in sorted(queries.find_lapses(connection).seats)
    )


def confirm_seat(connection: Connection, person_id: int, seat_id: int) -> None:
    """Confirm a seat of the person that is held without a fee. Idempotent.

    Raises NotFound (also for another person's seat), NameNeeded, AnswersNeeded, or SeatsGone if it is not held any more
    or has a fee.
    """
    seat = queries.lock_seat(connection, seat_id)
    if seat is None or seat.person_id != person_id:
        raise NotFound
    if seat.pass_seat_id is not None:
        raise PassPlace
    if seat.state == "confirmed":
        return
    if seat.needs_name:
        raise NameNeeded
    answers.require_answers(connection, [seat])
    if not connection.run(_confirm_free, seat=seat.id, now=connection.now):
        raise SeatsGone
    if seat.is_pass:
        passes.hold_places(connection, seat.id)
    outbox.record(connection, SeatConfirmed(seat.id))

"""Exchanging a confirmed seat for one of another ticket type, at the same or another event, for an organiser.

The old seat ends and the new one is confirmed in one transaction, so that nobody else can have either between. The
counts of both events and of all quotas are changed by conditional updates: if one of them is full, nothing is changed.
"""

from collections import Counter

from sqlalchemy import bindparam, update

from festgate.kit.clock import NEVER
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, queries
from festgate.portal.registrations.endings import EXCHANGE
from festgate.portal.registrations.errors import AlreadyRegistered, NotExchangeable, TooManyTickets
from festgate.portal.registrations.facts import SeatExchanged
from festgate.portal.registrations.holders import Holder, write_holder
from festgate.portal.registrations.holds import insert_held_seat, sweep_together
from festgate.portal.registrations.offers import offer_free_seats
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


def check_exchange(seat: queries.Seat, kind: catalogue.TicketType) -> None:
    """Raise NotExchangeable if the seat cannot become one of that type."""
    is_single = seat.team_id is None and not seat.is_pass and seat.pass_seat_id is None
    fits = not kind.is_pass and not kind.details.is_for_teams and not kind.is_withdrawn
    if seat.state != "confirmed" or not is_single or not fits or kind.id == seat.type_id:
        raise NotExchangeable


def exchange_seat(
    connection: Connection, seat_id: int, event_id: int, kind: catalogue.TicketType, fee: Money
) -> int:
    """End a confirmed seat and confirm one of the type `kind` at the event for the same person; return its id.

    `fee` is what was paid for it. All or nothing: raises NotFound, NotExchangeable, AlreadyRegistered, TooManyTickets,
    or catalogue's SoldOut or NotOnSale.
    """
    # A seat is locked before the counts of events, as where it is cancelled.
    old = queries.lock_seat(connection, seat_id)
    if old is None:
        raise NotFound
    check_exchange(old, kind)
    quotas = Counter(quota.id for quota in kind.quotas)
    # As everywhere: events are locked in ascending order, and quotas after them.
    others = {other for quota in quotas for other in catalogue.events_of_quota(connection, quota)}
    sweep_together(connection, {old.event_id, event_id} | others)
    event = catalogue.event_by_id(connection, event_id)
    if event.state != "published" or catalogue.event_by_id(connection, old.event_id).state != "published":
        raise NotExchangeable
    if event_id != old.event_id and event.to_offer:  # the waiting list comes first
        offer_free_seats(connection, event_id, insert_held_seat)
    _end_old(connection, old)
    waiting = _count_again(connection, old, event_id, quotas)
    new_id = _insert_confirmed(connection, old, event, kind, fee)
    if old.attendee_name:
        write_holder(connection, old.person_id, new_id, Holder(old.attendee_name, old.attendee_email))
    if event_id == old.event_id:
        connection.run(_move_answers, seat=seat_id, new_seat=new_id)
    for eager_id in waiting:
        offer_free_seats(connection, eager_id, insert_held_seat)
    outbox.record(connection, SeatExchanged(seat_id, new_id))
    return new_id


def _end_old(connection: Connection, old: queries.Seat) -> None:
    if not connection.run(_end, seat=old.id, now=connection.now):
        raise TryAgain
    if old.code_id is not None:
        catalogue.give_back_codes(connection, {(old.code_id, old.person_id): 1})


def _count_again(connection: Connection, old: queries.Seat, event_id: int, quotas: Counter[int]) -> list[int]:
    """Count the old seat as free and the new one as taken; return the events whose waiting lists may have the old."""
    eager: set[int] = set()
    if event_id != old.event_id:
        catalogue.take_seats(connection, event_id, 1, {})
        if catalogue.give_back_at(connection, old.event_id, 1):
            eager.add(old.event_id)
    # The quotas of the old type first: both types may share one that is full.
    waiting = catalogue.offer_again(connection, eager, {old.type_id: 1})
    if quotas:
        catalogue.take_from_quotas(connection, quotas)
    return waiting


def _insert_confirmed(
    connection: Connection, old: queries.Seat, event: catalogue.Event, kind: catalogue.TicketType, fee: Money
) -> int:
    used = {slot for slot in queries.used_slots(connection, old.person_id, event.id) if slot < TEAM_SLOT}
    if old.guest_key is not None:
        used |= guest_queries.slots_of_guest(connection, old.guest_key, event.id)
    free = next((slot for slot in range(event.max_per_person) if slot not in used), None)
    if free is None:
        raise (
            AlreadyRegistered
            if event.max_per_person == 1
            else TooManyTickets(event.max_per_person, len(used))
        )
    return insert_confirmed_seat(
        connection, event, kind, old.person_id, free, fee, order_id=old.order_id, guest_key=old.guest_key
    )


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
            is_pass=0,
            pass_seat_id=None,
            guest_key=guest_key,
        )
    except UniqueViolation:
        # The same person has just taken a seat in another process.
        raise TryAgain from None
    return seat_id

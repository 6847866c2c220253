"""Invariants of tickets and check-ins."""

from typing import Any

from sqlalchemy import func, select, table
from sqlalchemy.sql import column

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import outbox
from festgate.portal.checkout.facts import OrderPaid
from festgate.portal.registrations.facts import SeatConfirmed, SeatExchanged, SeatReleased
from festgate.portal.tickets.tables import replaced_codes, tickets

_people = table("accounts_people", column("id"), column("claimed_by"))
_seats = table(
    "registrations_seats", column("id"), column("state"), column("order_id"), column("pass_seat_id")
)
# The facts about a pass change the tickets of its places too.
_passes = _seats.alias("passes")
_PASS = _passes.c.id == _seats.c.pass_seat_id

_unticketed = Statement(
    select(
        _seats.c.id,
        func.coalesce(_passes.c.id, _seats.c.id),
        func.coalesce(_seats.c.order_id, _passes.c.order_id),
        tickets.c.state,
    )
    .join_from(_seats, tickets, tickets.c.seat_id == _seats.c.id, isouter=True)
    .join(_passes, _PASS, isouter=True)
    .where(_seats.c.state == "confirmed", tickets.c.state.is_distinct_from("valid"))
)
_unseated = Statement(
    select(tickets.c.code, tickets.c.seat_id, _seats.c.pass_seat_id, _seats.c.state)
    .join_from(tickets, _seats, _seats.c.id == tickets.c.seat_id)
    .where(tickets.c.state == "valid", _seats.c.state != "confirmed")
)
_void_inside = Statement(
    select(tickets.c.code).where(
        tickets.c.state == "void", (tickets.c.admitted_at.is_not(None)) | (tickets.c.admitted_by.is_not(None))
    )
)
_half_inside = Statement(
    select(tickets.c.code).where(
        tickets.c.state == "valid", tickets.c.admitted_at.is_(None) != tickets.c.admitted_by.is_(None)
    )
)

_live_replaced = Statement(
    select(tickets.c.code).join_from(tickets, replaced_codes, replaced_codes.c.code == tickets.c.code)
)
_early_replaced = Statement(
    select(tickets.c.code)
    .join_from(tickets, replaced_codes, replaced_codes.c.ticket_id == tickets.c.id)
    .where(replaced_codes.c.replaced_at < tickets.c.issued_at)
)

_of_claimed = Statement(
    select(tickets.c.code)
    .join_from(tickets, _people, _people.c.id == tickets.c.person_id)
    .where(_people.c.claimed_by.is_not(None))
)


def check_tickets(connection: Connection) -> list[Finding]:
    """Check that each confirmed seat, and no other, has a valid ticket, or that a waiting fact will change it."""
    coming = _coming(connection)
    findings = [
        Finding(
            "a confirmed seat has its ticket",
            f"seat {seat}",
            f"its ticket is {state or 'missing'}, and no fact that would bring it is queued",
        )
        for seat, whole, order, state in connection.all(_unticketed)
        if not coming & {(SeatConfirmed, whole), (OrderPaid, order), (SeatExchanged, whole)}
    ]
    findings += [
        Finding(
            "a ticket is valid only while its seat is confirmed",
            f"ticket {code}",
            f"its seat is {state}, and no fact that would void it is queued",
        )
        for code, seat, whole, state in connection.all(_unseated)
        if not coming & {(fact, number) for fact in (SeatReleased, SeatExchanged) for number in (seat, whole)}
    ]
    return findings


def _coming(connection: Connection) -> set[tuple[type[Any], int]]:
    """Return the waiting facts with the id of their seat or order."""
    known = {fact.KIND: fact for fact in (SeatConfirmed, OrderPaid, SeatReleased, SeatExchanged)}
    return {
        (known[kind], number)
        for kind, fields in outbox.waiting(connection)
        if kind in known
        for number in fields.values()
    }


def check_door(connection: Connection) -> list[Finding]:
    """Check that no void ticket is checked in, and that each check-in has its member of staff."""
    rules = (
        (_void_inside, "no void ticket is checked in", "it is void, and its holder counts as in"),
        (
            _half_inside,
            "a check-in has its time and its member of staff",
            "it has one of them without the other",
        ),
    )
    return [
        Finding(rule, f"ticket {code}", what)
        for statement, rule, what in rules
        for (code,) in connection.all(statement)
    ]


def check_transfers(connection: Connection) -> list[Finding]:
    """Check that no code that a transfer replaced is a ticket's code, or was replaced before its ticket existed."""
    findings = [
        Finding("a replaced code admits nobody", f"ticket {code}", "a transfer has replaced this code")
        for (code,) in connection.all(_live_replaced)
    ]
    findings += [
        Finding(
            "a code is replaced after it was issued", f"ticket {code}", "its former code was replaced earlier"
        )
        for (code,) in connection.all(_early_replaced)
    ]
    return findings


def check_claims(connection: Connection) -> list[Finding]:
    """Check that no ticket belongs to a guest whose tickets somebody has claimed."""
    return [
        Finding("a claimed guest has no ticket", f"ticket {code}", "its person was claimed")
        for (code,) in connection.all(_of_claimed)
    ]


CHECKS: tuple[Check, ...] = (check_tickets, check_door, check_transfers, check_claims)

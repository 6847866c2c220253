"""Exchanging tickets for others, with the difference in price."""

from dataclasses import replace
from functools import partial

import pytest

from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts.facade import person_by_id
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.shift_pages import written
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, shifts
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.checks import CHECKS
from festgate.portal.checkout.desk import desk_forms_of
from festgate.portal.checkout.errors import OrderChanged, WrongSettlement
from festgate.portal.checkout.exchanges import (
    Exchanged,
    Settlement,
    Wish,
    exchange_ticket,
    exchanges_of_order,
    person_of_subject,
    plan_exchange,
    settle_difference,
    subject_of_person,
)
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts, check_quotas, check_types
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.tickets import checks as ticket_checks
from festgate.portal.tickets.queries import ticket_of_seat
from tests.portal.checkout.factories import give_money_back, mark_order_paid
from tests.portal.checkout.test_reduced_orders import (
    always_used,
    current,
    never_used,
    place,
    refunds,
)
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def paid_order(fest: Fest, fee: int = 45_000, name: str = "asha") -> tuple[Order, catalogue.Event]:
    order, (event,) = place(fest, "sandbox", fee, name=name)
    fest.pay(order)
    fest.deliver()
    return current(fest, order), event


def only_type(fest: Fest, event: catalogue.Event) -> catalogue.TicketType:
    (kind,) = fest.database.read(catalogue.types_of, event.id)
    return kind


def exchange(fest: Fest, order: Order, event: catalogue.Event, settlement: Settlement) -> int:
    seat = order.kept_lines[-1].seat_id
    wish = Wish(event.slug, only_type(fest, event).id, settlement)
    return fest.database.write(exchange_ticket, COMMAND, seat, wish, never_used)


def only_exchange(fest: Fest, order: Order) -> Exchanged:
    return fest.database.read(exchanges_of_order, order.id)[-1]


def problems(fest: Fest) -> list[str]:
    checks = (check_counts, check_quotas, check_types, *CHECKS, *ticket_checks.CHECKS)
    return [str(finding) for finding in fest.database.violations(checks)]


def test_a_cheaper_ticket_is_exchanged_and_the_difference_refunded(fest: Fest) -> None:
    order, event = paid_order(fest)
    cheaper = fest.event("Workshop", 30_000)
    old_seat = order.lines[0].seat_id
    old_ticket = fest.database.read(ticket_of_seat, old_seat)
    new_seat = exchange(fest, order, cheaper, "refunded")
    assert exchange(fest, order, cheaper, "refunded") == new_seat  # a second click
    fest.send_refunds()
    fest.deliver()
    assert [minor for minor, _ in refunds(fest, order)] == [15_000]
    assert current(fest, order).total == Money(30_000, "INR")
    states = [fest.database.read(registrations.seat, seat).state for seat in (old_seat, new_seat)]
    assert states == ["cancelled", "confirmed"]
    void, fresh = (fest.database.read(ticket_of_seat, seat) for seat in (old_seat, new_seat))
    assert old_ticket is not None
    assert void is not None
    assert fresh is not None
    assert (void.state, fresh.state) == ("void", "valid")
    assert fresh.code != old_ticket.code
    assert "Your new ticket: Workshop" in fest.subjects()
    assert [subject for subject in fest.subjects() if subject.startswith("Your registration was")] == []
    taken = [fest.database.read(catalogue.event_by_id, sold.id).taken for sold in (event, cheaper)]
    assert taken == [0, 1]
    assert problems(fest) == []


def test_the_difference_of_a_cheaper_ticket_can_be_kept(fest: Fest) -> None:
    order, _ = paid_order(fest)
    exchange(fest, order, fest.event("Workshop", 30_000), "kept")
    fest.deliver()
    assert refunds(fest, order) == []
    assert current(fest, order).total == order.total
    assert only_exchange(fest, order).amount == Money(15_000, "INR")
    assert problems(fest) == []


def test_the_difference_of_a_dearer_ticket_is_owed_paid_at_the_desk_and_given_back(fest: Fest) -> None:
    order, _ = paid_order(fest)
    exchange(fest, order, fest.event("Gala", 60_000), "owed")
    fest.deliver()
    owed = only_exchange(fest, order)
    assert (owed.settlement, owed.amount) == ("owed", Money(15_000, "INR"))
    for _ in range(2):
        fest.database.write(settle_difference, COMMAND, owed.id, "paid")
    with pytest.raises(WrongSettlement):
        fest.database.write(settle_difference, COMMAND, owed.id, "waived")
    assert problems(fest) == []
    fest.database.write(cancel_registrations, order.ref, None, None, never_used)
    fest.deliver()
    assert [minor for minor, _ in refunds(fest, order)] == [45_000]  # at the provider; the rest by hand
    assert only_exchange(fest, order).settlement == "due"
    assert fest.database.write(settle_difference, COMMAND, owed.id, "returned").settlement == "returned"
    assert problems(fest) == []


def test_a_difference_in_cash_is_in_the_open_shift_of_the_person_that_settles_it(fest: Fest) -> None:
    seller, other = (Actor(fest.person(name).id, "session") for name in ("meena", "usha"))
    assert seller.person is not None
    assert other.person is not None
    fest.database.write(shifts.set_float, seller.person, Money(10_000, "INR"))
    at_once, later = paid_order(fest)[0], paid_order(fest, name="ravi")[0]
    dearer = fest.event("Gala", 60_000)
    wish = Wish(dearer.slug, only_type(fest, dearer).id, "paid")
    seat = at_once.kept_lines[-1].seat_id
    for _ in range(2):
        fest.database.write(exchange_ticket, seller, seat, wish, never_used)
    exchange(fest, later, dearer, "owed")
    owed = only_exchange(fest, later).id
    for _ in range(2):
        fest.database.write(settle_difference, seller, owed, "paid")
    shift = fest.database.read(shifts.open_shift, seller.person)
    assert shift is not None
    assert (shift.gained.minor, shift.returned.minor, shift.expected.minor) == (30_000, 0, 40_000)
    closed = fest.database.write(
        shifts.close_shift, seller, seller.person, Money(40_000, "INR"), "", shift.facts
    )
    assert closed.difference == Money(0, "INR")
    # Given back in the next shift, which leaves the closed one as it was.
    fest.database.write(cancel_registrations, later.ref, None, None, never_used)
    fest.database.write(shifts.set_float, other.person, Money(20_000, "INR"))
    fest.database.write(settle_difference, other, owed, "returned")
    after = fest.database.read(shifts.open_shift, other.person)
    assert after is not None
    assert (after.gained.minor, after.returned.minor, after.expected.minor) == (0, 15_000, 5_000)
    assert fest.database.read(shifts.shift_by_id, closed.id) == closed
    sheet = [line.split(",") for line in written([closed, after]).splitlines()]
    paid, back = sheet[0].index("cash_differences"), sheet[0].index("cash_differences_returned")
    assert [(row[paid], row[back]) for row in sheet[1:]] == [("300.00", "0.00"), ("0.00", "150.00")]
    fest.send_refunds()
    fest.deliver()
    assert problems(fest) == []


def test_a_difference_that_was_given_back_by_hand_is_refunded_at_once_and_leaves_the_drawer(
    fest: Fest,
) -> None:
    seller = Actor(fest.person("meena").id, "session")
    assert seller.person is not None
    fest.database.write(shifts.set_float, seller.person, Money(50_000, "INR"))
    order, _ = paid_order(fest)
    cheaper = fest.event("Workshop", 30_000)
    wish = Wish(cheaper.slug, only_type(fest, cheaper).id, "refunded", by_hand=True)
    for _ in range(2):
        fest.database.write(exchange_ticket, seller, order.lines[0].seat_id, wish, never_used)
    (refund,) = fest.database.read(queries.refunds_of, order.id)
    assert (refund.amount.minor, refund.done_by, refund.attempts) == (15_000, seller.person, 0)
    assert refund.done_at is not None  # so no provider is asked
    shift = fest.database.read(shifts.open_shift, seller.person)
    assert shift is not None
    assert (shift.returned.minor, shift.expected.minor) == (15_000, 35_000)
    (entry,), _ = fest.database.report(audit.find_entries, audit.Filters(action="ticket.exchanged"), 5)
    assert (entry.details["by_hand"], entry.details["amount"]) == (1, "150.00 INR")
    fest.send_refunds()
    fest.deliver()
    assert problems(fest) == []


def test_the_difference_of_a_ticket_that_was_paid_at_the_desk_waits_until_it_is_given_back(
    fest: Fest,
) -> None:
    order, _ = place(fest, "desk", 45_000)
    organiser = fest.person("meena").id
    fest.database.write(mark_order_paid, order.ref, organiser)
    exchange(fest, order, fest.event("Workshop", 30_000), "refunded")
    fest.send_refunds()
    assert fest.database.read(desk_forms_of, order.ref).due == Money(15_000, "INR")
    fest.database.write(give_money_back, order.ref, organiser)
    assert [refund.done_by for refund in fest.database.read(queries.refunds_of, order.id)] == [organiser]
    fest.deliver()
    assert problems(fest) == []


def test_a_later_exchange_counts_what_was_paid_at_the_desk_and_replaces_what_is_owed(fest: Fest) -> None:
    order, _ = paid_order(fest)
    exchange(fest, order, fest.event("Gala", 60_000), "paid")
    exchange(fest, current(fest, order), fest.event("Ball", 70_000), "owed")
    assert only_exchange(fest, order).amount == Money(10_000, "INR")
    exchange(fest, current(fest, order), fest.event("Dinner", 65_000), "waived")
    first, second, third = fest.database.read(exchanges_of_order, order.id)
    assert [first.settlement, second.settlement, third.settlement] == ["paid", "replaced", "waived"]
    assert third.amount == Money(5_000, "INR")
    fest.deliver()
    assert problems(fest) == []


def test_nothing_changes_if_the_new_event_is_full_or_the_limit_of_a_person_reached(fest: Fest) -> None:
    order, _ = paid_order(fest)
    full = fest.event("Full", 45_000, capacity=1)
    fest.hold(fest.person("ravi"), full)
    with pytest.raises(catalogue.SoldOut):
        exchange(fest, order, full, "even")
    taken = fest.event("Taken", 45_000)
    fest.hold(fest.database.read(person_by_id, order.person_id), taken)
    with pytest.raises(registrations.AlreadyRegistered):
        exchange(fest, order, taken, "even")
    assert fest.database.read(registrations.seat, order.lines[0].seat_id).state == "confirmed"
    assert problems(fest) == []


def test_a_type_of_the_same_event_can_be_had_though_the_event_is_full(fest: Fest) -> None:
    event = fest.event("Small", 45_000, capacity=1)
    kind = only_type(fest, event)
    named = replace(kind.details, name="Standard")
    database = fest.database
    database.write(catalogue.edit_ticket_type, event.slug, kind.id, named, registrations.count_of_type, set())
    student = catalogue.TypeDetails("Student", Money(30_000, "INR"))
    added = database.write(catalogue.add_ticket_type, event.slug, student, set())
    person = fest.person("asha")
    choice = Choice({kind.id: 1})
    database.write(hold_seats, person.id, event.slug, 15, choice=choice)
    order = fest.pay(fest.order(person))
    wish = Wish(event.slug, added.id, "refunded")
    seat = order.lines[0].seat_id
    database.write(exchange_ticket, COMMAND, seat, wish, never_used)
    fest.deliver()
    assert database.read(catalogue.event_by_id, event.id).taken == 1
    assert [minor for minor, _ in refunds(fest, order)] == [15_000]
    assert problems(fest) == []


def test_an_exchange_is_refused_once_it_differs_from_what_was_shown(fest: Fest) -> None:
    order, _ = paid_order(fest)
    gala = fest.event("Gala", 60_000)
    kind, seat = only_type(fest, gala), order.lines[0].seat_id
    plan = fest.database.read(plan_exchange, seat, gala.slug, kind.id, never_used)
    assert (plan.difference, plan.settlements) == (15_000, ("owed", "paid", "waived"))

    def write(connection: Connection, seen: str, settlement: Settlement, *, used: bool) -> int:
        is_used = always_used if used else never_used
        wish = Wish(gala.slug, kind.id, settlement)
        return exchange_ticket(connection, COMMAND, seat, wish, is_used, seen=seen)

    used = fest.database.read(plan_exchange, seat, gala.slug, kind.id, always_used)
    wrong: tuple[tuple[str, Settlement, bool, type[Exception]], ...] = (
        ("stale", "owed", False, OrderChanged),
        (plan.seen, "kept", False, WrongSettlement),
        (plan.seen, "owed", True, OrderChanged),
        (used.seen, "owed", True, registrations.SeatUsed),
    )
    for seen, settlement, is_used, refusal in wrong:
        with pytest.raises(refusal):
            fest.database.write(partial(write, seen=seen, settlement=settlement, used=is_used))
    assert fest.database.read(queries.order_by_id, order.id).kept_lines == order.kept_lines


def test_the_audit_log_knows_a_person_from_an_order_by_the_subject() -> None:
    assert person_of_subject(subject_of_person(7)) == 7
    assert [person_of_subject(subject) for subject in ("7GK2M9QX04", "", "7", "person x")] == [None] * 4

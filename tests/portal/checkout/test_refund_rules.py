"""Attendees cancel paid seats under the refund rule of their order, on SQLite and on PostgreSQL."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.refund_rules import RefundRule, Step, part_of, read_rule, stored_rule
from festgate.portal.checkout import queries
from festgate.portal.checkout.cancellations import cancel_registrations, plan_cancellation
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.errors import OrderChanged
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.own_cancellations import CannotCancel, cancel_own_seat, plan_own_cancellation
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.receipts import cancellable_lines
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.tickets.facade import is_used
from festgate.portal.tickets.issue import admit_holder, issue_ticket
from tests.portal.registrations.team_fest import add_team_event, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

FEE = 45_000
RULE = RefundRule((Step(14, 100), Step(2, 50)))


def buy(database: OpenDatabase, person: int, *events: catalogue.Event, key: str = "key") -> Order:
    """Pay for a seat at each event by card."""
    for event in events:
        database.write(hold_seat, person, event.slug, 15)
    order, _ = database.write(partial(place_order, asks=True), person, "sandbox", 15 * MINUTE, key)
    return database.write(mark_paid, order.id, f"charge-{order.ref}", order.total)


def sell(database: OpenDatabase, days: int = 30, rule: RefundRule = RULE) -> catalogue.Event:
    event = add_event(database, fee=FEE, days=days)
    return database.write(catalogue.set_refund_rule, event.slug, rule)


def cancel(database: OpenDatabase, person: int, order: Order, line: int = 0, **more: Any) -> Order:  # noqa: ANN401
    operation = partial(cancel_own_seat, **more)
    return database.write(operation, person, order.ref, order.lines[line].seat_id, is_used)


def amounts(database: OpenDatabase, order: Order) -> list[int]:
    for invariant in (check_money, check_seats):
        assert database.report(invariant) == []
    return [refund.amount.minor for refund in database.read(queries.refunds_of, order.id)]


@pytest.mark.parametrize("days_before, back", [(20, FEE), (14, 22_500), (3, 22_500), (2, None), (0, None)])
def test_the_amount_follows_the_time_before_the_start(
    database: OpenDatabase, days_before: int, back: int | None
) -> None:
    event, person = sell(database), add_someone(database)
    order = buy(database, person, event)
    database.clock.move(event.starts_at - days_before * DAY - database.clock.now)
    seat_id = order.lines[0].seat_id
    if back is None:
        with pytest.raises(CannotCancel):
            cancel(database, person, order)
        assert registrations_state(database, seat_id) == "confirmed"
        return
    cancel(database, person, order)
    cancel(database, person, order)
    assert amounts(database, order) == [back]
    assert registrations_state(database, seat_id) == "cancelled"
    assert database.read(catalogue.event_by_id, event.id).taken == 0


def registrations_state(database: OpenDatabase, seat_id: int) -> str:
    return database.read(registrations.seat, seat_id).state


def test_without_a_rule_only_organisers_cancel_a_paid_seat(database: OpenDatabase) -> None:
    event, person = add_event(database, fee=FEE, days=30), add_someone(database)
    order = buy(database, person, event)
    with pytest.raises(CannotCancel):
        cancel(database, person, order)
    assert not database.read(cancellable_lines, order)[0]


def test_a_single_seat_of_a_team_cannot_be_cancelled_by_its_captain(database: OpenDatabase) -> None:
    event, kind = add_team_event(database, price=90_000)
    database.write(catalogue.set_refund_rule, event.slug, RULE)
    captain = add_someone(database)
    register_team(database, captain, kind, "Ducks", 3)
    order, _ = database.write(partial(place_order, asks=True), captain, "sandbox", 15 * MINUTE, "key")
    paid = database.write(mark_paid, order.id, "charge", order.total)
    assert not database.read(cancellable_lines, paid)[0]
    with pytest.raises(CannotCancel):
        cancel(database, captain, paid)


def test_an_order_keeps_the_rule_that_its_buyer_was_shown(database: OpenDatabase) -> None:
    event, person, later = sell(database), add_someone(database), add_someone(database)
    order = buy(database, person, event)
    database.write(catalogue.set_refund_rule, event.slug, RefundRule())
    with pytest.raises(CannotCancel):
        cancel(database, later, buy(database, later, event))
    cancel(database, person, order)
    assert amounts(database, order) == [FEE]


def test_another_amount_than_was_shown_cancels_nothing(database: OpenDatabase) -> None:
    event, person = sell(database), add_someone(database)
    order = buy(database, person, event)
    seat_id = order.lines[0].seat_id
    plan = database.read(plan_own_cancellation, person, order.ref, seat_id, is_used)
    assert (plan.back.minor, plan.kept.minor) == (FEE, 0)
    database.clock.move(event.starts_at - 13 * DAY - database.clock.now)
    with pytest.raises(OrderChanged):
        cancel(database, person, order, seen=plan.seen)
    assert amounts(database, order) == []
    again = database.read(plan_own_cancellation, person, order.ref, seat_id, is_used)
    cancel(database, person, order, seen=again.seen)
    assert amounts(database, order) == [22_500]


def test_a_seat_of_another_person_or_order_is_not_found(database: OpenDatabase) -> None:
    event, person, other = sell(database), add_someone(database), add_someone(database)
    order, theirs = buy(database, person, event), buy(database, other, event)
    with pytest.raises(NotFound):
        cancel(database, other, order)
    with pytest.raises(NotFound):
        database.write(cancel_own_seat, person, order.ref, theirs.lines[0].seat_id, is_used)


def test_after_the_check_in_nothing_can_be_cancelled(database: OpenDatabase) -> None:
    event, person = sell(database), add_someone(database)
    order = buy(database, person, event)
    seat = database.read(registrations.seat, order.lines[0].seat_id)
    ticket = database.write(issue_ticket, seat)
    assert ticket is not None
    assert database.write(admit_holder, ticket.id, ticket.code, person)
    with pytest.raises(registrations.SeatUsed):
        cancel(database, person, order)
    assert amounts(database, order) == []


def test_what_was_kept_stays_kept_when_organisers_cancel_the_rest(database: OpenDatabase) -> None:
    early, late, person = sell(database, days=3), sell(database, days=40), add_someone(database)
    order = buy(database, person, early, late)
    cancel(database, person, order, line=0)
    assert amounts(database, order) == [22_500]
    paid = database.read(queries.order_by_id, order.id)
    plan = database.read(plan_cancellation, paid, None, is_used)
    assert plan.back == Money(FEE, "INR")
    database.write(cancel_registrations, order.ref, None, None, is_used)
    assert sorted(amounts(database, order)) == [22_500, FEE]


def test_two_cancellations_at_once_refund_a_seat_once(database: OpenDatabase) -> None:
    event, person = sell(database), add_someone(database)
    order = buy(database, person, event)
    operation = partial(cancel_own_seat, person_id=person, ref=order.ref, is_used=is_used)
    seat_id = order.lines[0].seat_id
    results = database.write_together(*(partial(operation, seat_id=seat_id) for _ in range(5)))
    assert all(isinstance(result, Order) for result in results)
    assert amounts(database, order) == [FEE]


def test_a_receipt_offers_the_seats_that_can_be_cancelled_until_their_last_step(
    database: OpenDatabase,
) -> None:
    event, person = sell(database), add_someone(database)
    order = buy(database, person, event)
    seat_ids, until = database.read(cancellable_lines, order)
    assert seat_ids == (order.lines[0].seat_id,)
    assert until == event.starts_at - 2 * DAY
    database.clock.move(until - database.clock.now)
    assert database.read(cancellable_lines, order)[0] == ()


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"days-1": "14"}, "percent-1"),
        ({"percent-2": "50"}, "days-2"),
        ({"days-1": "14", "percent-1": "101"}, "percent-1"),
        ({"days-1": "400", "percent-1": "50"}, "days-1"),
        ({"days-1": "14", "percent-1": "50", "days-2": "2", "percent-2": "60"}, "days-1"),
        ({"days-1": "2", "percent-1": "50", "days-2": "2", "percent-2": "40"}, "days-1"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_at_its_field(fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_rule(fields)
    assert list(refusal.value.fields) == [wrong]


STEPS = st.lists(st.tuples(st.integers(0, 365), st.integers(1, 100)), max_size=3)


@given(fee=st.integers(1, 10**9), steps=STEPS, hours=st.integers(-24, 400 * 24))
def test_less_comes_back_the_later_and_never_more_than_was_paid(
    fee: int, steps: list[tuple[int, int]], hours: int
) -> None:
    days = sorted({day for day, _ in steps}, reverse=True)
    percents = sorted({percent for _, percent in steps}, reverse=True)
    rule = RefundRule(tuple(Step(*pair) for pair in zip(days, percents, strict=False)))
    assert stored_rule(rule.written()) == rule
    price, starts_at = Money(fee, "INR"), 500 * DAY
    back = rule.amount_at(price, starts_at, starts_at - hours * HOUR)
    later = rule.amount_at(price, starts_at, starts_at - (hours - 24) * HOUR)
    assert back is None or 1 <= back.minor <= fee
    assert later is None or (back is not None and later.minor <= back.minor)


def test_a_part_is_rounded_half_up_and_never_to_nothing() -> None:
    assert part_of(Money(101, "INR"), 50) == Money(51, "INR")
    assert part_of(Money(1, "INR"), 1) == Money(1, "INR")

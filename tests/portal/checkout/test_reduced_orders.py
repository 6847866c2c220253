"""Unpaid orders whose event or registration is cancelled: the rest stays payable, and the attendee is told."""

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import orders, placements, queries
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.errors import NothingToCancel
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.shown import OrderChanged
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.holds import SWEPT_AT_ONCE
from tests.portal.checkout.factories import take_money
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_someone


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def place(
    fest: Fest, method: str = "sandbox", *fees: int, name: str = "asha"
) -> tuple[Order, list[catalogue.Event]]:
    person = fest.person(name)
    events = [fest.event(f"Event {number} of {name}", fee) for number, fee in enumerate(fees)]
    for event in events:
        fest.hold(person, event)
    order, _ = fest.database.write(placements.place_order, person.id, method, HOUR, "key", asks=False)
    return order, events


def call_off(fest: Fest, *events: catalogue.Event) -> None:
    for event in events:
        fest.database.write(catalogue.cancel_event, event.slug)


def now(fest: Fest, order: Order) -> Order:
    return fest.database.read(queries.order_by_id, order.id)


def states(fest: Fest, order: Order) -> list[str]:
    return [fest.database.read(registrations.seat, line.seat_id).state for line in order.lines]


def refunds(fest: Fest, order: Order) -> list[tuple[int, str]]:
    return [(each.amount.minor, each.reason) for each in fest.database.read(queries.refunds_of, order.id)]


def all_is_well(fest: Fest) -> bool:
    return not [
        finding
        for check in (check_counts, check_money, check_seats)
        for finding in fest.database.report(check)
    ]


def never_used(_connection: object, _seat: int) -> bool:
    return False


def always_used(_connection: object, _seat: int) -> bool:
    return True


def test_a_desk_order_is_reduced_to_the_event_that_still_takes_place(fest: Fest) -> None:
    order, (gone, _) = place(fest, "desk", 45_000, 30_000)
    call_off(fest, gone)
    fest.deliver()
    left = now(fest, order)
    assert (left.state, left.total.minor, left.revision) == ("pending", 30_000, 1)
    bodies = {topic: body for topic, _, _, body in fest.emails()}
    assert "This event has been cancelled by the organisers" in bodies[f"released:{order.lines[0].seat_id}"]
    told = bodies[f"reduced:{order.ref}:1"]
    assert f"{gone.title} was cancelled." in told
    assert "300.00 at the desk by" in told
    organiser = add_someone(fest.database)
    assert fest.database.write(take_money, order.ref, organiser).state == "paid"
    assert states(fest, order) == ["cancelled", "confirmed"]
    assert refunds(fest, order) == []
    assert all_is_well(fest)


def test_an_order_that_loses_its_last_seat_is_closed_and_its_owner_is_told(fest: Fest) -> None:
    order, events = place(fest, "desk", 45_000, 30_000)
    call_off(fest, *events)
    fest.deliver()
    closed = now(fest, order)
    assert (closed.state, closed.total.minor) == ("cancelled", 0)
    assert closed.reason is not None
    assert "was cancelled." in closed.reason
    assert f"Order {order.ref} is closed" in fest.subjects()
    assert all_is_well(fest)


@pytest.mark.parametrize("told", [True, False], ids=["after the order was reduced", "before anyone was told"])
@pytest.mark.parametrize("late", [True, False], ids=["after the order's time", "in time"])
def test_a_payment_of_the_old_amount_keeps_what_is_left_and_gives_the_difference_back(
    fest: Fest, told: bool, late: bool
) -> None:
    order, (gone, _) = place(fest, "sandbox", 45_000, 30_000)
    if late:
        fest.database.clock.move(2 * HOUR)
        fest.database.write(orders.expire_order, order.id)
    call_off(fest, gone)
    if told:
        fest.deliver()
    paid = fest.pay(order)
    fest.deliver()
    assert paid.state == now(fest, order).state == "paid"
    assert states(fest, order) == ["lapsed" if late else "cancelled", "confirmed"]
    assert refunds(fest, order) == [(45_000, f"{gone.title} was cancelled.")]
    assert all_is_well(fest)


def test_events_that_are_cancelled_one_after_the_other_leave_each_earlier_total_payable(fest: Fest) -> None:
    for paid_at in range(3):
        order, events = place(fest, "sandbox", 10_000, 20_000, 40_000, name=f"person-{paid_at}")
        amounts = [order.total]
        for event in (events[1], events[0]):  # within one millisecond, and not in the order of their seats
            call_off(fest, event)
            fest.deliver()
            amounts.append(now(fest, order).total)
        assert [amount.minor for amount in amounts] == [70_000, 50_000, 40_000]
        fest.database.write(orders.mark_paid, order.id, f"charge-{order.ref}", amounts[paid_at])
        assert now(fest, order).state == "paid"
        assert sum(amount for amount, _ in refunds(fest, order)) == amounts[paid_at].minor - 40_000
    assert all_is_well(fest)


def test_an_amount_that_no_revision_had_goes_back_as_a_whole(fest: Fest) -> None:
    order, (_, gone, _) = place(fest, "sandbox", 10_000, 20_000, 40_000)
    call_off(fest, gone)
    fest.deliver()
    wrong = Money(60_000, "INR")
    assert fest.database.write(orders.mark_paid, order.id, "charge", wrong).state == "refunding"
    assert [amount for amount, _ in refunds(fest, order)] == [60_000]
    assert all_is_well(fest)


def test_money_for_a_closed_order_goes_back_as_a_whole_and_says_why(fest: Fest) -> None:
    order, events = place(fest, "sandbox", 45_000, 30_000)
    call_off(fest, *events)
    fest.deliver()
    fest.pay(order)
    ((amount, reason),) = refunds(fest, order)
    assert amount == 75_000
    assert all(f"{event.title} was cancelled." in reason for event in events)
    assert all_is_well(fest)


def test_each_holder_of_a_plain_hold_is_told_however_many_there_are(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000, capacity=SWEPT_AT_ONCE + 5)
    for number in range(SWEPT_AT_ONCE + 3):
        fest.hold(fest.person(f"holder-{number}"), event)
    call_off(fest, event)
    fest.deliver()
    assert fest.subjects().count("Cancelled: Robo Race") == SWEPT_AT_ONCE + 3
    assert all_is_well(fest)


def test_a_hold_that_had_ended_before_is_not_told(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    fest.hold(fest.person(), event)
    fest.database.clock.move(20 * MINUTE)
    call_off(fest, event)
    fest.deliver()
    assert fest.subjects() == []
    assert all_is_well(fest)


def test_six_attendees_of_a_cancelled_event_are_told_that_it_was_cancelled(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    bought = [fest.buy(fest.person(f"person-{number}"), event) for number in range(6)]
    call_off(fest, event)
    fest.deliver()
    fest.send_refunds()
    fest.deliver()
    paid_back = [body for topic, _, _, body in fest.emails() if topic.startswith("refunded:")]
    assert len(paid_back) == len(bought) == 6
    assert all("Robo Race was cancelled." in body for body in paid_back)
    assert not any("organisers" in body for body in paid_back)


def test_an_organiser_cancels_one_seat_of_a_paid_order_and_the_rest_stands(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000, 30_000)
    fest.pay(order)
    fest.deliver()
    organiser = add_someone(fest.database)
    first = order.lines[0].seat_id
    for _ in range(2):
        fest.database.write(cancel_registrations, order.ref, first, organiser, never_used)
    fest.deliver()
    (refund,) = fest.database.read(queries.refunds_of, order.id)
    assert (refund.amount.minor, refund.asked_by, refund.seat_id) == (45_000, organiser, first)
    assert (now(fest, order).state, states(fest, order)) == ("paid", ["cancelled", "confirmed"])
    assert fest.database.read(registrations.seat, first).ended_by == registrations.ORGANISER
    assert f"Your registration was cancelled: {order.lines[0].title}" in fest.subjects()
    assert all_is_well(fest)


def test_an_organiser_cancels_a_whole_order_after_one_of_its_seats(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000, 30_000)
    fest.pay(order)
    organiser = add_someone(fest.database)
    fest.database.write(cancel_registrations, order.ref, order.lines[0].seat_id, organiser, never_used)
    for _ in range(2):
        fest.database.write(cancel_registrations, order.ref, None, organiser, never_used)
    fest.deliver()
    assert [amount for amount, _ in refunds(fest, order)] == [45_000, 30_000]
    fest.send_refunds()
    fest.deliver()
    assert now(fest, order).state == "refunded"
    assert all_is_well(fest)


def test_an_organiser_cancels_seats_of_an_order_that_is_not_paid_yet(fest: Fest) -> None:
    order, _ = place(fest, "desk", 45_000, 30_000)
    organiser = add_someone(fest.database)
    fest.database.write(cancel_registrations, order.ref, order.lines[0].seat_id, organiser, never_used)
    assert now(fest, order).total.minor == 30_000
    fest.database.write(cancel_registrations, order.ref, None, organiser, never_used)
    assert now(fest, order).state == "cancelled"
    assert all_is_well(fest)


def test_a_checked_in_seat_and_an_order_that_changed_are_refused(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    fest.pay(order)
    organiser = add_someone(fest.database)
    with pytest.raises(registrations.SeatUsed, match="was checked in"):
        fest.database.write(cancel_registrations, order.ref, None, organiser, always_used)
    with pytest.raises(OrderChanged):
        fest.database.write(cancel_registrations, order.ref, None, organiser, never_used, seen="another")
    assert states(fest, order) == ["confirmed"]
    fest.database.write(cancel_registrations, order.ref, None, organiser, always_used, force=True)
    assert states(fest, order) == ["cancelled"]


def test_an_order_that_is_over_has_nothing_to_cancel(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    fest.database.write(orders.mark_declined, order.id, "The card was declined.")
    with pytest.raises(NothingToCancel):
        fest.database.write(cancel_registrations, order.ref, None, None, never_used)

"""Unpaid orders whose event or registration is cancelled: the rest stays payable, and the attendee gets an email."""

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import orders, placements, queries
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.errors import NothingToCancel, OrderChanged
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.holds import SWEPT_AT_ONCE
from tests.portal.checkout.factories import mark_order_paid
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


def cancel_events(fest: Fest, *events: catalogue.Event) -> None:
    for event in events:
        fest.database.write(catalogue.cancel_event, event.slug)


def current(fest: Fest, order: Order) -> Order:
    return fest.database.read(queries.order_by_id, order.id)


def states(fest: Fest, order: Order) -> list[str]:
    return [fest.database.read(registrations.seat, line.seat_id).state for line in order.lines]


def refunds(fest: Fest, order: Order) -> list[tuple[int, str]]:
    return [
        (refund.amount.minor, refund.reason) for refund in fest.database.read(queries.refunds_of, order.id)
    ]


def has_no_problems(fest: Fest) -> bool:
    return not [
        finding
        for check in (check_counts, check_money, check_seats)
        for finding in fest.database.report(check)
    ]


def never_used(_connection: object, _seat: int) -> bool:
    return False


def always_used(_connection: object, _seat: int) -> bool:
    return True


def test_a_desk_order_is_reduced_to_the_event_that_is_not_cancelled(fest: Fest) -> None:
    order, (cancelled_event, _) = place(fest, "desk", 45_000, 30_000)
    cancel_events(fest, cancelled_event)
    fest.deliver()
    reduced = current(fest, order)
    assert (reduced.state, reduced.total.minor, reduced.revision) == ("pending", 30_000, 1)
    bodies = {topic: body for topic, _, _, body in fest.emails()}
    assert "This event has been cancelled by the organisers" in bodies[f"released:{order.lines[0].seat_id}"]
    email = bodies[f"reduced:{order.ref}:1"]
    assert f"{cancelled_event.title} was cancelled." in email
    assert "300.00 at the desk by" in email
    organiser = add_someone(fest.database)
    assert fest.database.write(mark_order_paid, order.ref, organiser).state == "paid"
    assert states(fest, order) == ["cancelled", "confirmed"]
    assert refunds(fest, order) == []
    assert has_no_problems(fest)


def test_an_order_that_loses_its_last_seat_is_closed_with_an_email(fest: Fest) -> None:
    order, events = place(fest, "desk", 45_000, 30_000)
    cancel_events(fest, *events)
    fest.deliver()
    closed = current(fest, order)
    assert (closed.state, closed.total.minor) == ("cancelled", 0)
    assert closed.reason is not None
    assert "was cancelled." in closed.reason
    assert f"Order {order.ref} is closed" in fest.subjects()
    assert has_no_problems(fest)


@pytest.mark.parametrize(
    "is_delivered", [True, False], ids=["after the order was reduced", "before the fact was delivered"]
)
@pytest.mark.parametrize("is_late", [True, False], ids=["after the order's time", "in time"])
def test_a_payment_of_the_old_amount_pays_the_reduced_order_and_refunds_the_difference(
    fest: Fest, is_delivered: bool, is_late: bool
) -> None:
    order, (cancelled_event, _) = place(fest, "sandbox", 45_000, 30_000)
    if is_late:
        fest.database.clock.move(2 * HOUR)
        fest.database.write(orders.expire_order, order.id)
    cancel_events(fest, cancelled_event)
    if is_delivered:
        fest.deliver()
    paid = fest.pay(order)
    fest.deliver()
    assert paid.state == current(fest, order).state == "paid"
    assert states(fest, order) == ["lapsed" if is_late else "cancelled", "confirmed"]
    assert refunds(fest, order) == [(45_000, f"{cancelled_event.title} was cancelled.")]
    assert has_no_problems(fest)


def test_after_several_cancelled_events_each_earlier_total_can_still_be_paid(fest: Fest) -> None:
    for revision in range(3):
        order, events = place(fest, "sandbox", 10_000, 20_000, 40_000, name=f"person-{revision}")
        amounts = [order.total]
        for event in (events[1], events[0]):  # within one millisecond and in another order than their seats
            cancel_events(fest, event)
            fest.deliver()
            amounts.append(current(fest, order).total)
        assert [amount.minor for amount in amounts] == [70_000, 50_000, 40_000]
        fest.database.write(orders.mark_paid, order.id, f"charge-{order.ref}", amounts[revision])
        assert current(fest, order).state == "paid"
        assert sum(amount for amount, _ in refunds(fest, order)) == amounts[revision].minor - 40_000
    assert has_no_problems(fest)


def test_an_amount_of_no_revision_is_refunded_in_full(fest: Fest) -> None:
    order, (_, cancelled_event, _) = place(fest, "sandbox", 10_000, 20_000, 40_000)
    cancel_events(fest, cancelled_event)
    fest.deliver()
    wrong_amount = Money(60_000, "INR")
    assert fest.database.write(orders.mark_paid, order.id, "charge", wrong_amount).state == "refunding"
    assert [amount for amount, _ in refunds(fest, order)] == [60_000]
    assert has_no_problems(fest)


def test_a_payment_for_a_closed_order_is_refunded_in_full_with_the_reason(fest: Fest) -> None:
    order, events = place(fest, "sandbox", 45_000, 30_000)
    cancel_events(fest, *events)
    fest.deliver()
    fest.pay(order)
    ((amount, reason),) = refunds(fest, order)
    assert amount == 75_000
    assert all(f"{event.title} was cancelled." in reason for event in events)
    assert has_no_problems(fest)


def test_every_holder_of_a_hold_gets_an_email_about_a_cancelled_event(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000, capacity=SWEPT_AT_ONCE + 5)
    for number in range(SWEPT_AT_ONCE + 3):
        fest.hold(fest.person(f"holder-{number}"), event)
    cancel_events(fest, event)
    fest.deliver()
    assert fest.subjects().count("Cancelled: Robo Race") == SWEPT_AT_ONCE + 3
    assert has_no_problems(fest)


def test_an_expired_hold_gets_no_email_about_a_cancelled_event(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    fest.hold(fest.person(), event)
    fest.database.clock.move(20 * MINUTE)
    cancel_events(fest, event)
    fest.deliver()
    assert fest.subjects() == []
    assert has_no_problems(fest)


def test_refund_emails_of_a_cancelled_event_name_the_reason(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    orders_of_event = [fest.buy(fest.person(f"person-{number}"), event) for number in range(6)]
    cancel_events(fest, event)
    fest.deliver()
    fest.send_refunds()
    fest.deliver()
    refund_emails = [body for topic, _, _, body in fest.emails() if topic.startswith("refunded:")]
    assert len(refund_emails) == len(orders_of_event) == 6
    assert all("Robo Race was cancelled." in body for body in refund_emails)
    assert not any("organisers" in body for body in refund_emails)


def test_an_organiser_cancels_one_seat_of_a_paid_order_and_the_rest_stays_paid(fest: Fest) -> None:
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
    assert (current(fest, order).state, states(fest, order)) == ("paid", ["cancelled", "confirmed"])
    assert fest.database.read(registrations.seat, first).ended_by == registrations.ORGANISER
    assert f"Your registration was cancelled: {order.lines[0].title}" in fest.subjects()
    assert has_no_problems(fest)


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
    assert current(fest, order).state == "refunded"
    assert has_no_problems(fest)


def test_an_organiser_cancels_seats_of_an_unpaid_order(fest: Fest) -> None:
    order, _ = place(fest, "desk", 45_000, 30_000)
    organiser = add_someone(fest.database)
    fest.database.write(cancel_registrations, order.ref, order.lines[0].seat_id, organiser, never_used)
    assert current(fest, order).total.minor == 30_000
    fest.database.write(cancel_registrations, order.ref, None, organiser, never_used)
    assert current(fest, order).state == "cancelled"
    assert has_no_problems(fest)


def test_cancelling_a_checked_in_seat_or_a_changed_order_is_refused(fest: Fest) -> None:
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


def test_a_declined_order_has_nothing_to_cancel(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    fest.database.write(orders.mark_declined, order.id, "The card was declined.")
    with pytest.raises(NothingToCancel):
        fest.database.write(cancel_registrations, order.ref, None, None, never_used)

"""Refunds in part and cancellations for less, by organisers."""

import pytest

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.audit.facade import entries_about
from festgate.portal.checkout import queries
from festgate.portal.checkout.cancellations import RefundTerms, cancel_registrations, plan_cancellation
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.desk import desk_forms_of
from festgate.portal.checkout.errors import KeyReused, NotPaid, OrderChanged, RefundTooHigh
from festgate.portal.checkout.part_refunds import plan_part, refund_part
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from tests.portal.checkout.factories import mark_order_paid
from tests.portal.checkout.test_reduced_orders import current, never_used, place, refunds
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver
from tests.rig.scene import add_someone


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def rupees(amount: int) -> Money:
    return Money(100 * amount, "INR")


def part(fest: Fest, order: Order, amount: int, key: str = "key", *, by_hand: bool = False) -> Order:
    def write(connection: Connection) -> Order:
        return refund_part(connection, COMMAND, order.ref, rupees(amount), key, by_hand=by_hand)

    return fest.database.write(write)


def has_no_problems(fest: Fest) -> bool:
    return not [finding for check in (check_money, check_seats) for finding in fest.database.report(check)]


def test_a_part_is_refunded_once_for_each_key_and_the_tickets_stay(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000, 30_000)
    fest.pay(order)
    fest.deliver()
    for _ in range(2):
        assert part(fest, order, 100).state == "paid"
    with pytest.raises(KeyReused):
        part(fest, order, 200)
    fest.send_refunds()
    fest.deliver()
    assert refunds(fest, order) == [(10_000, "The organisers refunded a part of this order.")]
    assert "Refunded: ₹100.00 for order" in " ".join(fest.subjects())
    bodies = " ".join(body for topic, _, _, body in fest.emails() if ":part:" in topic)
    assert "Your tickets stay valid." in bodies
    for line in order.lines:
        assert fest.database.read(registrations.seat, line.seat_id).state == "confirmed"
    assert [entry.action for entry in fest.database.read(entries_about, order.ref)] == ["order.refunded"]
    assert has_no_problems(fest)


def test_no_more_than_was_paid_is_ever_refunded(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000, 30_000)
    with pytest.raises(NotPaid):
        part(fest, order, 1)
    fest.pay(order)
    with pytest.raises(Invalid):
        part(fest, order, 0)
    with pytest.raises(RefundTooHigh):
        part(fest, order, 751)
    part(fest, order, 700, "first")
    with pytest.raises(RefundTooHigh):
        part(fest, order, 51, "second")
    # What is left of the order goes back with its first seat, and nothing with the second.
    for line in order.lines:
        fest.database.write(cancel_registrations, order.ref, line.seat_id, None, never_used)
        assert has_no_problems(fest)
    assert [minor for minor, _ in refunds(fest, order)] == [70_000, 5_000]
    fest.send_refunds()
    fest.deliver()
    assert current(fest, order).state == "refunded"
    assert has_no_problems(fest)


def test_a_seat_is_cancelled_for_a_part_of_its_fee_or_nothing(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000, 30_000)
    fest.pay(order)
    first, second = order.lines

    def cancel(connection: Connection, seat: int, amount: int) -> Order:
        terms = RefundTerms(rupees(amount), actor=COMMAND)
        return cancel_registrations(connection, order.ref, seat, None, never_used, terms=terms)

    with pytest.raises(RefundTooHigh):
        fest.database.write(cancel, first.seat_id, 451)
    assert fest.database.read(registrations.seat, first.seat_id).state == "confirmed"
    fest.database.write(cancel, first.seat_id, 200)
    fest.database.write(cancel, second.seat_id, 0)
    fest.send_refunds()
    fest.deliver()
    assert [minor for minor, _ in refunds(fest, order)] == [20_000]
    for line in order.lines:
        assert fest.database.read(registrations.seat, line.seat_id).state == "cancelled"
    assert [subject for subject in fest.subjects() if "₹0.00" in subject] == []
    assert has_no_problems(fest)


def test_money_that_was_given_back_by_hand_is_recorded_as_refunded_at_once(fest: Fest) -> None:
    order, _ = place(fest, "desk", 45_000, 30_000)
    organiser = add_someone(fest.database)
    fest.database.write(mark_order_paid, order.ref, organiser)
    actor = Actor(organiser, "session")

    def by_hand(connection: Connection) -> Order:
        return refund_part(connection, actor, order.ref, rupees(50), "by hand", by_hand=True)

    fest.database.write(by_hand)
    part(fest, order, 20, "at the desk")
    done, due = fest.database.read(queries.refunds_of, order.id)
    assert (done.done_by, done.done_at is not None) == (organiser, True)
    assert due.done_at is None
    form = fest.database.read(desk_forms_of, order.ref)
    assert form.due == rupees(20)
    terms = RefundTerms(by_hand=True)

    def cancel_all(connection: Connection) -> Order:
        return cancel_registrations(connection, order.ref, None, organiser, never_used, terms=terms)

    fest.database.write(cancel_all)
    assert [minor for minor, _ in refunds(fest, order)] == [5_000, 2_000, 68_000]
    assert current(fest, order).state == "refunding"  # the twenty are still to be given back
    assert has_no_problems(fest)


def test_nothing_is_refunded_once_the_order_has_changed_since_it_was_shown(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    fest.pay(order)
    paid = current(fest, order)
    seen = fest.database.read(plan_part, paid).seen
    seen_whole = fest.database.read(plan_cancellation, paid, None, never_used).seen
    part(fest, order, 100)

    def again(connection: Connection) -> Order:
        return refund_part(connection, COMMAND, order.ref, rupees(100), "another", seen=seen)

    with pytest.raises(OrderChanged):
        fest.database.write(again)

    def cancel(connection: Connection) -> Order:
        return cancel_registrations(connection, order.ref, None, None, never_used, seen=seen_whole)

    with pytest.raises(OrderChanged):
        fest.database.write(cancel)
    assert len(refunds(fest, order)) == 1


def test_two_organisers_at_once_refund_no_more_than_was_paid(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = Fest(database)
    order, _ = place(fest, "sandbox", 45_000)
    fest.pay(order)

    def refund(connection: Connection, key: str) -> Order:
        return refund_part(connection, COMMAND, order.ref, rupees(300), key)

    def after_the_other(connection: Connection) -> Order:
        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "checkout_orders",
            lambda: other_database.write(refund, "theirs"),
        )
        return refund(Connection(driver, connection.now), "ours")

    with pytest.raises(RefundTooHigh):
        database.write(after_the_other)
    assert [minor for minor, _ in refunds(fest, order)] == [30_000]
    assert has_no_problems(fest)

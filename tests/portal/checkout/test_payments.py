"""Payments from held seats to settled orders, by the sandbox and at the desk."""

import asyncio

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventCancelled
from festgate.portal.checkout import orders, payments, placements, queries
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.desk import Desk
from festgate.portal.checkout.errors import NotAtDesk, NothingToPay, NotPending, UnknownMethod
from festgate.portal.checkout.handlers import refund_released
from festgate.portal.checkout.payments import Payments
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.refunds import LEASE, claim_refund
from festgate.portal.checkout.sandbox import ANSWERS_TWICE, APPROVES, DECLINES, LOSES, TIMES_OUT, Sandbox
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.facts import SeatReleased
from festgate.portal.registrations.handlers import release_all
from festgate.portal.registrations.holds import hold_seat
from tests.portal.checkout.factories import current_cart, give_money_back, mark_order_paid
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


@pytest.fixture
def payment_service(database: OpenDatabase) -> Payments:
    """Create the payment service with the sandbox and the desk."""
    sandbox = Sandbox(database.real)
    service = Payments(database.real, [sandbox, Desk(hours=48)])
    sandbox.notify(service.settle)
    return service


def add_person_with_seats(database: OpenDatabase, count: int = 2, capacity: int = 5) -> int:
    person = add_someone(database)
    for _ in range(count):
        database.write(hold_seat, person, add_event(database, capacity=capacity).slug, 15)
    return person


def pay(
    database: OpenDatabase,
    payment_service: Payments,
    person: int,
    card: str = APPROVES,
    *,
    key: str = "key",
    method: str = "sandbox",
) -> Order:
    cart = database.read(current_cart, person)
    return database.run(payment_service.check_out(person, method, key, {"card_number": card}, cart=cart))


def current(database: OpenDatabase, order: Order) -> Order:
    return database.read(queries.order_by_id, order.id)


def seat_states(database: OpenDatabase, person: int) -> list[str]:
    return [seat.state for seat in database.read(registrations.seats_of, person)]


def has_no_problems(database: OpenDatabase) -> bool:
    return not [
        finding for check in (check_counts, check_money, check_seats) for finding in database.report(check)
    ]


def paid_facts(database: OpenDatabase) -> list[int]:
    return [
        fields["order_id"] for kind, fields in database.read(outbox.waiting) if kind == "checkout.OrderPaid"
    ]


def test_an_order_for_all_held_seats_is_paid_with_one_fact(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database, 3)
    order = pay(database, payment_service, person)
    assert (order.state, order.total.minor, len(order.lines)) == ("paid", 150_000, 3)
    assert seat_states(database, person) == ["confirmed"] * 3
    assert paid_facts(database) == [order.id]
    assert has_no_problems(database)


def test_a_declined_card_leaves_the_seats_held_and_another_card_pays(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    declined = pay(database, payment_service, person, DECLINES, key="first")
    assert declined.state == "declined"
    assert declined.reason == "The card was declined."
    assert seat_states(database, person) == ["held", "held"]
    assert pay(database, payment_service, person, APPROVES, key="second").state == "paid"


def test_simultaneous_requests_with_the_same_key_make_one_order_and_one_charge(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    cart = database.read(current_cart, person)

    async def click_often() -> list[Order]:
        return await asyncio.gather(
            *(payment_service.check_out(person, "sandbox", "key", {}, cart=cart) for _ in range(8))
        )

    assert len({order.id for order in database.run(click_often())}) == 1
    assert len(database.read(queries.orders_of, person)) == 1
    assert paid_facts(database) == [database.read(queries.orders_of, person)[0].id]


def test_two_tabs_with_different_keys_make_one_order(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    cart = database.read(current_cart, person)

    async def click_in_two_tabs() -> list[object]:
        return await asyncio.gather(
            *(payment_service.check_out(person, "sandbox", key, {}, cart=cart) for key in "ab"),
            return_exceptions=True,
        )

    results = database.run(click_in_two_tabs())
    assert {type(result) for result in results} == {Order, NothingToPay}
    assert len(paid_facts(database)) == 1


def test_the_key_of_a_cart_changes_after_a_declined_order(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)

    def key() -> str:
        cart = database.read(current_cart, person)
        return database.read(placements.cart_key, b"secret", cart)

    first = key()
    assert key() == first
    pay(database, payment_service, person, DECLINES, key=first)
    assert key() != first


def test_checkout_without_held_seats_is_refused(database: OpenDatabase, payment_service: Payments) -> None:
    with pytest.raises(NothingToPay):
        pay(database, payment_service, add_someone(database))


def test_an_unknown_method_is_refused_with_the_accepted_ones(
    database: OpenDatabase, payment_service: Payments
) -> None:
    with pytest.raises(UnknownMethod, match="sandbox, desk"):
        pay(database, payment_service, add_person_with_seats(database), method="cheque")


@pytest.mark.parametrize("card, final_state", [(TIMES_OUT, "paid"), (LOSES, "declined")])
def test_a_provider_that_does_not_answer_is_asked_again_and_its_result_settles_the_order(
    database: OpenDatabase,
    payment_service: Payments,
    monkeypatch: pytest.MonkeyPatch,
    card: str,
    final_state: str,
) -> None:
    monkeypatch.setattr(payments, "MAX_BEGIN", 0.2)
    person = add_person_with_seats(database)
    order = pay(database, payment_service, person, card)
    assert order.state == "pending"
    assert seat_states(database, person) == ["held", "held"]
    database.run(payment_service.ask_again())
    assert current(database, order).state == "pending", "not asked before its time"
    database.clock.move(orders.ASK_AFTER)
    database.run(payment_service.ask_again())
    assert current(database, order).state == final_state
    assert has_no_problems(database)


def test_two_responses_of_a_provider_pay_the_order_once(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    order = pay(database, payment_service, person, ANSWERS_TWICE)
    database.run(asyncio.sleep(0))
    database.run(
        payment_service.settle(order.id, database.run(payment_service.method("sandbox").look_up(order)))
    )
    assert current(database, order).state == "paid"
    assert paid_facts(database) == [order.id]
    assert database.read(queries.refunds_of, order.id) == []


def test_a_payment_after_the_hold_expired_takes_a_free_seat_again(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    order, _ = database.write(placements.place_order, person, "sandbox", 2 * MINUTE, "key", asks=False)
    database.clock.move(HOUR)
    database.run(payment_service.expire())
    assert current(database, order).state == "expired"
    assert database.write(orders.mark_paid, order.id, "charge", order.total).state == "paid"
    assert seat_states(database, person) == ["confirmed", "confirmed"]
    assert has_no_problems(database)


def test_a_payment_for_a_seat_that_was_taken_is_refunded(database: OpenDatabase) -> None:
    late_order, _ = database.write(
        placements.place_order, add_person_with_seats(database, 2, 1), "sandbox", MINUTE, "key", asks=False
    )
    database.clock.move(20 * MINUTE)
    other_person = add_someone(database)
    database.write(hold_seat, other_person, late_order.lines[0].slug, 15)
    paid = database.write(orders.mark_paid, late_order.id, "play-late", late_order.total)
    assert paid.state == "refunding"
    assert paid.reason is not None
    assert "seat was gone" in paid.reason
    refund = database.read(queries.refunds_of, late_order.id)
    assert [(item.amount, item.provider_ref) for item in refund] == [(late_order.total, "play-late")]
    assert seat_states(database, other_person) == ["held"]
    assert paid_facts(database) == []
    assert has_no_problems(database)


def test_a_refund_is_sent_once_and_the_order_becomes_refunded(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database, 1)
    order = pay(database, payment_service, person)
    event = order.lines[0]
    database.write(catalogue.cancel_event, event.slug)
    database.write(release_all, EventCancelled(event.event_id))
    for _ in range(2):
        database.write(refund_released, SeatReleased(event.seat_id))
    for _ in range(2):
        database.run(payment_service.send_refunds())
    assert current(database, order).state == "refunded"
    (refund,) = database.read(queries.refunds_of, order.id)
    assert refund.done_at is not None
    assert has_no_problems(database)


def test_a_refund_that_was_sent_but_not_recorded_is_not_sent_twice(
    database: OpenDatabase, payment_service: Payments
) -> None:
    order = pay(database, payment_service, add_person_with_seats(database, 1))
    line = order.lines[0]
    database.write(catalogue.cancel_event, line.slug)
    database.write(release_all, EventCancelled(line.event_id))
    database.write(refund_released, SeatReleased(line.seat_id))
    (refund,) = database.read(queries.refunds_due)
    # The process that sent it was killed before it recorded that.
    database.write(claim_refund, refund.id)
    database.run(payment_service.method("sandbox").refund(refund))
    database.run(payment_service.send_refunds())
    assert current(database, order).state == "refunding", "the lease of the other process has not expired"
    database.clock.move(LEASE)
    database.run(payment_service.send_refunds())
    assert current(database, order).state == "refunded"
    assert database.read(queries.refunds_due) == []


def test_a_cancelled_event_refunds_its_fee_and_keeps_the_rest_of_the_order(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database, 2)
    order = pay(database, payment_service, person)
    cancelled_line, kept_line = order.lines
    database.write(catalogue.cancel_event, cancelled_line.slug)
    database.write(release_all, EventCancelled(cancelled_line.event_id))
    database.write(refund_released, SeatReleased(cancelled_line.seat_id))
    database.run(payment_service.send_refunds())
    assert current(database, order).state == "paid"
    assert [refund.amount for refund in database.read(queries.refunds_of, order.id)] == [cancelled_line.fee]
    assert database.read(registrations.seat, kept_line.seat_id).state == "confirmed"
    assert has_no_problems(database)


def test_a_desk_order_keeps_its_seats_until_an_organiser_marks_it_paid(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person, organiser = add_person_with_seats(database), add_someone(database)
    order = pay(database, payment_service, person, method="desk")
    assert order.state == "pending"
    database.clock.move(20 * HOUR)
    assert seat_states(database, person) == ["held", "held"]
    for _ in range(2):
        assert database.write(mark_order_paid, order.ref, organiser).state == "paid"
    assert paid_facts(database) == [order.id]
    assert database.read(queries.order_by_id, order.id).paid_by == organiser
    assert [item.ref for item in database.read(queries.open_orders)] == []


def test_only_pending_desk_orders_can_be_marked_paid_by_hand(
    database: OpenDatabase, payment_service: Payments
) -> None:
    organiser = add_someone(database)
    with pytest.raises(NotAtDesk):
        database.write(
            mark_order_paid, pay(database, payment_service, add_person_with_seats(database)).ref, organiser
        )
    person = add_person_with_seats(database)
    order = pay(database, payment_service, person, method="desk")
    database.run(payment_service.cancel(person, order.ref))
    with pytest.raises(NotPending):
        database.write(mark_order_paid, order.ref, organiser)


def test_a_refund_at_the_desk_stays_due_until_an_organiser_records_it(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person, organiser = add_person_with_seats(database, 1), add_someone(database)
    order = pay(database, payment_service, person, method="desk")
    database.write(mark_order_paid, order.ref, organiser)
    line = order.lines[0]
    database.write(catalogue.cancel_event, line.slug)
    database.write(release_all, EventCancelled(line.event_id))
    database.write(refund_released, SeatReleased(line.seat_id))
    database.run(payment_service.send_refunds())
    assert [item.state for item in database.read(queries.open_orders)] == ["refunding"]
    assert database.write(give_money_back, order.ref, organiser).state == "refunded"
    assert [item.done_by for item in database.read(queries.refunds_of, order.id)] == [organiser]
    assert database.read(queries.open_orders) == []


def test_a_cancelled_order_releases_its_seats_and_a_later_payment_is_refunded(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_seats(database)
    order = pay(database, payment_service, person, method="desk")
    for _ in range(2):
        assert database.run(payment_service.cancel(person, order.ref)).state == "cancelled"
    assert seat_states(database, person) == ["cancelled", "cancelled"]
    assert database.write(orders.mark_paid, order.id, "late", order.total).state == "refunding"
    assert has_no_problems(database)


def test_a_person_cannot_read_or_cancel_the_order_of_another(
    database: OpenDatabase, payment_service: Payments
) -> None:
    order = pay(database, payment_service, add_person_with_seats(database), method="desk")
    other_person = add_someone(database)
    with pytest.raises(NotFound):
        database.read(queries.order_of_person, other_person, order.ref)
    with pytest.raises(NotFound):
        database.run(payment_service.cancel(other_person, order.ref))

"""Paying: the way from the held seats to the order's end, with the play-money provider and at the desk."""

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
from tests.portal.checkout.factories import current_cart, give_money_back, take_money
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


@pytest.fixture
def till(database: OpenDatabase) -> Payments:
    """Both methods that need no other site."""
    sandbox = Sandbox(database.real)
    made = Payments(database.real, [sandbox, Desk(hours=48)])
    sandbox.notify(made.settle)
    return made


def someone_with_seats(database: OpenDatabase, count: int = 2, capacity: int = 5) -> int:
    person = add_someone(database)
    for _ in range(count):
        database.write(hold_seat, person, add_event(database, capacity=capacity).slug, 15)
    return person


def pay(
    database: OpenDatabase,
    till: Payments,
    person: int,
    card: str = APPROVES,
    *,
    key: str = "key",
    method: str = "sandbox",
) -> Order:
    cart = database.read(current_cart, person)
    return database.run(till.check_out(person, method, key, {"card_number": card}, cart=cart))


def order_now(database: OpenDatabase, order: Order) -> Order:
    return database.read(queries.order_by_id, order.id)


def seat_states(database: OpenDatabase, person: int) -> list[str]:
    return [seat.state for seat in database.read(registrations.seats_of, person)]


def nothing_is_wrong(database: OpenDatabase) -> bool:
    return not [
        finding for check in (check_counts, check_money, check_seats) for finding in database.report(check)
    ]


def paid_facts(database: OpenDatabase) -> list[int]:
    return [
        fields["order_id"] for kind, fields in database.read(outbox.waiting) if kind == "checkout.OrderPaid"
    ]


def test_one_order_for_all_held_seats_is_paid_and_told_once(database: OpenDatabase, till: Payments) -> None:
    person = someone_with_seats(database, 3)
    order = pay(database, till, person)
    assert (order.state, order.total.minor, len(order.lines)) == ("paid", 150_000, 3)
    assert seat_states(database, person) == ["confirmed"] * 3
    assert paid_facts(database) == [order.id]
    assert nothing_is_wrong(database)


def test_a_declined_card_leaves_the_seats_held_and_another_card_pays(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database)
    declined = pay(database, till, person, DECLINES, key="first")
    assert declined.state == "declined"
    assert declined.reason == "The card was declined."
    assert seat_states(database, person) == ["held", "held"]
    assert pay(database, till, person, APPROVES, key="second").state == "paid"


def test_the_same_key_is_one_order_and_one_charge_also_when_it_comes_at_once(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database)
    cart = database.read(current_cart, person)

    async def click_often() -> list[Order]:
        return await asyncio.gather(
            *(till.check_out(person, "sandbox", "key", {}, cart=cart) for _ in range(8))
        )

    assert len({order.id for order in database.run(click_often())}) == 1
    assert len(database.read(queries.orders_of, person)) == 1
    assert paid_facts(database) == [database.read(queries.orders_of, person)[0].id]


def test_two_tabs_with_keys_of_their_own_make_one_order(database: OpenDatabase, till: Payments) -> None:
    person = someone_with_seats(database)
    cart = database.read(current_cart, person)

    async def click_in_two_tabs() -> list[object]:
        return await asyncio.gather(
            *(till.check_out(person, "sandbox", key, {}, cart=cart) for key in "ab"), return_exceptions=True
        )

    answers = database.run(click_in_two_tabs())
    assert {type(answer) for answer in answers} == {Order, NothingToPay}
    assert len(paid_facts(database)) == 1


def test_the_form_s_own_key_is_one_for_the_same_list_and_another_after_a_decline(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database)

    def key() -> str:
        cart = database.read(current_cart, person)
        return database.read(placements.cart_key, b"secret", cart)

    first = key()
    assert key() == first
    pay(database, till, person, DECLINES, key=first)
    assert key() != first


def test_nothing_held_is_nothing_to_pay(database: OpenDatabase, till: Payments) -> None:
    with pytest.raises(NothingToPay):
        pay(database, till, add_someone(database))


def test_a_method_that_the_fest_does_not_take_is_named_with_those_it_does(
    database: OpenDatabase, till: Payments
) -> None:
    with pytest.raises(UnknownMethod, match="sandbox, desk"):
        pay(database, till, someone_with_seats(database), method="cheque")


@pytest.mark.parametrize("card, ending", [(TIMES_OUT, "paid"), (LOSES, "declined")])
def test_a_provider_that_does_not_answer_is_asked_and_the_order_ends_as_the_provider_says(
    database: OpenDatabase, till: Payments, monkeypatch: pytest.MonkeyPatch, card: str, ending: str
) -> None:
    monkeypatch.setattr(payments, "MAX_BEGIN", 0.2)
    person = someone_with_seats(database)
    order = pay(database, till, person, card)
    assert order.state == "pending"
    assert seat_states(database, person) == ["held", "held"]
    database.run(till.ask_again())
    assert order_now(database, order).state == "pending", "asked before its time"
    database.clock.move(orders.ASK_AFTER)
    database.run(till.ask_again())
    assert order_now(database, order).state == ending
    assert nothing_is_wrong(database)


def test_a_provider_that_answers_twice_is_paid_once(database: OpenDatabase, till: Payments) -> None:
    person = someone_with_seats(database)
    order = pay(database, till, person, ANSWERS_TWICE)
    database.run(asyncio.sleep(0))
    database.run(till.settle(order.id, database.run(till.method("sandbox").look_up(order))))
    assert order_now(database, order).state == "paid"
    assert paid_facts(database) == [order.id]
    assert database.read(queries.refunds_of, order.id) == []


def test_money_that_comes_after_the_hold_ended_takes_the_seat_again_while_there_is_one(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database)
    order, _ = database.write(placements.place_order, person, "sandbox", 2 * MINUTE, "key", asks=False)
    database.clock.move(HOUR)
    database.run(till.expire())
    assert order_now(database, order).state == "expired"
    assert database.write(orders.mark_paid, order.id, "charge", order.total).state == "paid"
    assert seat_states(database, person) == ["confirmed", "confirmed"]
    assert nothing_is_wrong(database)


def test_money_that_comes_when_a_seat_is_gone_goes_back_by_itself(database: OpenDatabase) -> None:
    late, _ = database.write(
        placements.place_order, someone_with_seats(database, 2, 1), "sandbox", MINUTE, "key", asks=False
    )
    database.clock.move(20 * MINUTE)
    rival = add_someone(database)
    database.write(hold_seat, rival, late.lines[0].slug, 15)
    paid = database.write(orders.mark_paid, late.id, "play-late", late.total)
    assert paid.state == "refunding"
    assert paid.reason is not None
    assert "seat was gone" in paid.reason
    refund = database.read(queries.refunds_of, late.id)
    assert [(each.amount, each.provider_ref) for each in refund] == [(late.total, "play-late")]
    assert seat_states(database, rival) == ["held"]
    assert paid_facts(database) == []
    assert nothing_is_wrong(database)


def test_a_refund_is_sent_to_the_provider_once_and_the_order_says_so(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database, 1)
    order = pay(database, till, person)
    event = order.lines[0]
    database.write(catalogue.cancel_event, event.slug)
    database.write(release_all, EventCancelled(event.event_id))
    for _ in range(2):
        database.write(refund_released, SeatReleased(event.seat_id))
    for _ in range(2):
        database.run(till.send_refunds())
    assert order_now(database, order).state == "refunded"
    (refund,) = database.read(queries.refunds_of, order.id)
    assert refund.done_at is not None
    assert nothing_is_wrong(database)


def test_a_refund_that_was_sent_but_not_noted_is_not_sent_a_second_time(
    database: OpenDatabase, till: Payments
) -> None:
    order = pay(database, till, someone_with_seats(database, 1))
    line = order.lines[0]
    database.write(catalogue.cancel_event, line.slug)
    database.write(release_all, EventCancelled(line.event_id))
    database.write(refund_released, SeatReleased(line.seat_id))
    (refund,) = database.read(queries.refunds_due)
    # The process that sent it died before it could say so.
    database.write(claim_refund, refund.id)
    database.run(till.method("sandbox").refund(refund))
    database.run(till.send_refunds())
    assert order_now(database, order).state == "refunding", "it is still the other process's"
    database.clock.move(LEASE)
    database.run(till.send_refunds())
    assert order_now(database, order).state == "refunded"
    assert database.read(queries.refunds_due) == []


def test_a_cancelled_event_refunds_its_own_fee_and_leaves_the_rest_of_the_order(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database, 2)
    order = pay(database, till, person)
    gone, kept = order.lines
    database.write(catalogue.cancel_event, gone.slug)
    database.write(release_all, EventCancelled(gone.event_id))
    database.write(refund_released, SeatReleased(gone.seat_id))
    database.run(till.send_refunds())
    assert order_now(database, order).state == "paid"
    assert [refund.amount for refund in database.read(queries.refunds_of, order.id)] == [gone.fee]
    assert database.read(registrations.seat, kept.seat_id).state == "confirmed"
    assert nothing_is_wrong(database)


def test_an_order_for_the_desk_keeps_its_seats_until_an_organiser_takes_the_money(
    database: OpenDatabase, till: Payments
) -> None:
    person, organiser = someone_with_seats(database), add_someone(database)
    order = pay(database, till, person, method="desk")
    assert order.state == "pending"
    database.clock.move(20 * HOUR)
    assert seat_states(database, person) == ["held", "held"]
    for _ in range(2):
        assert database.write(take_money, order.ref, organiser).state == "paid"
    assert paid_facts(database) == [order.id]
    assert database.read(queries.order_by_id, order.id).paid_by == organiser
    assert [each.ref for each in database.read(queries.open_orders)] == []


def test_only_desk_orders_are_marked_paid_by_hand_and_only_while_they_wait(
    database: OpenDatabase, till: Payments
) -> None:
    organiser = add_someone(database)
    with pytest.raises(NotAtDesk):
        database.write(take_money, pay(database, till, someone_with_seats(database)).ref, organiser)
    person = someone_with_seats(database)
    order = pay(database, till, person, method="desk")
    database.run(till.cancel(person, order.ref))
    with pytest.raises(NotPending):
        database.write(take_money, order.ref, organiser)


def test_a_refund_at_the_desk_waits_for_the_organiser(database: OpenDatabase, till: Payments) -> None:
    person, organiser = someone_with_seats(database, 1), add_someone(database)
    order = pay(database, till, person, method="desk")
    database.write(take_money, order.ref, organiser)
    line = order.lines[0]
    database.write(catalogue.cancel_event, line.slug)
    database.write(release_all, EventCancelled(line.event_id))
    database.write(refund_released, SeatReleased(line.seat_id))
    database.run(till.send_refunds())
    assert [each.state for each in database.read(queries.open_orders)] == ["refunding"]
    assert database.write(give_money_back, order.ref, organiser).state == "refunded"
    assert [each.done_by for each in database.read(queries.refunds_of, order.id)] == [organiser]
    assert database.read(queries.open_orders) == []


def test_a_cancelled_order_gives_its_seats_back_and_is_refunded_if_money_comes_all_the_same(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_seats(database)
    order = pay(database, till, person, method="desk")
    for _ in range(2):
        assert database.run(till.cancel(person, order.ref)).state == "cancelled"
    assert seat_states(database, person) == ["cancelled", "cancelled"]
    assert database.write(orders.mark_paid, order.id, "late", order.total).state == "refunding"
    assert nothing_is_wrong(database)


def test_nobody_sees_or_cancels_the_order_of_someone_else(database: OpenDatabase, till: Payments) -> None:
    order = pay(database, till, someone_with_seats(database), method="desk")
    stranger = add_someone(database)
    with pytest.raises(NotFound):
        database.read(queries.order_of_person, stranger, order.ref)
    with pytest.raises(NotFound):
        database.run(till.cancel(stranger, order.ref))

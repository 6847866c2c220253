"""Stuck payments: a provider that is slow, silent, wrong or duplicates its responses."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from festgate.effects import Effect
from festgate.kit.clock import HOUR, MINUTE, SECOND
from festgate.kit.errors import NotFound
from festgate.kit.resilience import faults
from festgate.kit.resilience.faults import Fault
from festgate.portal.checkout import orders, payments, placements, queries, records, refunds
from festgate.portal.checkout.checks import check_money, check_seats
from festgate.portal.checkout.desk import Desk
from festgate.portal.checkout.orders import try_now
from festgate.portal.checkout.payments import Payments
from festgate.portal.checkout.queries import SILENT, count_stuck, stuck_payments
from festgate.portal.checkout.records import Order, Stuck
from festgate.portal.checkout.sandbox import LOSES, TIMES_OUT, Sandbox
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.holds import hold_seat
from tests.portal.checkout.factories import current_cart
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


@pytest.fixture
def payment_service(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> Payments:
    """Create the payment service with the sandbox and the desk, with short timeouts."""
    monkeypatch.setattr(payments, "MAX_BEGIN", 0.2)
    monkeypatch.setattr(payments, "MAX_CALL", 0.2)
    sandbox = Sandbox(database.real)
    service = Payments(database.real, [sandbox, Desk(hours=48)])
    sandbox.notify(service.settle)
    return service


class Drill:
    """Injects faults in this process."""

    def __init__(self, folder: Path) -> None:
        """Keep the file of injected faults in `folder`."""
        self._folder = folder

    def arm(self, point: str, effect: Effect, seconds: float = 0.0, times: int | None = None) -> None:
        faults.arm(self._folder, Fault(point, effect, seconds, times, until=time.time() + 60))

    def disarm(self) -> None:
        faults.disarm(self._folder)


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    new_drill = Drill(tmp_path)
    yield new_drill
    new_drill.disarm()


def add_person_with_a_seat(database: OpenDatabase, capacity: int = 5) -> int:
    person = add_someone(database)
    database.write(hold_seat, person, add_event(database, capacity=capacity).slug, 15)
    return person


def pay(database: OpenDatabase, payment_service: Payments, person: int, card: str = "") -> Order:
    cart = database.read(current_cart, person)
    return database.run(payment_service.check_out(person, "sandbox", "key", {"card_number": card}, cart=cart))


def current(database: OpenDatabase, order: Order) -> Order:
    return database.read(queries.order_by_id, order.id)


def only_stuck(database: OpenDatabase) -> Stuck:
    (stuck,) = database.read(stuck_payments)
    assert database.read(count_stuck) == 1
    return stuck


def has_no_stuck_payments_or_problems(database: OpenDatabase) -> bool:
    checks = (check_counts, check_money, check_seats)
    assert [finding for check in checks for finding in database.report(check)] == []
    return database.read(stuck_payments) == [] and database.read(count_stuck) == 0


@pytest.mark.parametrize("card, final_state", [(TIMES_OUT, "paid"), (LOSES, "declined")])
def test_a_stuck_payment_is_listed_until_the_provider_answers(
    database: OpenDatabase, payment_service: Payments, card: str, final_state: str
) -> None:
    order = pay(database, payment_service, add_person_with_a_seat(database), card)
    stuck = only_stuck(database)
    assert (stuck.kind, stuck.ref, stuck.amount, stuck.tries) == ("payment", order.ref, order.total, 0)
    assert stuck.error == "no answer within 0.2 seconds"
    assert stuck.next_at == order.created_at + orders.ASK_AFTER
    database.clock.move(orders.ASK_AFTER)
    database.run(payment_service.ask_again())
    assert current(database, order).state == final_state
    assert has_no_stuck_payments_or_problems(database)


def test_an_order_interrupted_by_a_crash_is_listed_after_half_a_minute(
    database: OpenDatabase,
) -> None:
    person = add_person_with_a_seat(database)
    order, _ = database.write(placements.place_order, person, "sandbox", MINUTE, "key", asks=True)
    database.clock.move(SILENT - 1)
    assert database.read(stuck_payments) == []
    database.clock.move(1)
    assert only_stuck(database).ref == order.ref


def test_an_order_that_waits_for_the_person_or_the_desk_is_not_stuck(
    database: OpenDatabase, payment_service: Payments
) -> None:
    stripe_order, _ = database.write(
        placements.place_order, add_person_with_a_seat(database), "stripe", HOUR, "key", asks=True
    )
    database.write(orders.mark_waiting, stripe_order.id, "session", "https://pay.example/1")
    database.write(orders.ask_later, stripe_order.id, 0)
    person = add_person_with_a_seat(database)
    database.run(
        payment_service.check_out(person, "desk", "key", {}, cart=database.read(current_cart, person))
    )
    database.clock.move(MINUTE)
    assert has_no_stuck_payments_or_problems(database)


def test_an_unavailable_provider_is_asked_until_each_payment_is_settled_or_refunded(
    database: OpenDatabase, payment_service: Payments, drill: Drill
) -> None:
    quick_person, slow_person = add_person_with_a_seat(database, 1), add_person_with_a_seat(database, 1)
    orders_paid = [
        pay(database, payment_service, person, TIMES_OUT) for person in (quick_person, slow_person)
    ]
    drill.arm("payments.look_up", "raise")
    for _ in range(40):
        database.clock.move(MINUTE)
        database.run(payment_service.ask_again())
        database.run(payment_service.expire())
    assert [current(database, order).state for order in orders_paid] == ["pending", "pending"]
    stuck_list = database.read(stuck_payments)
    assert {stuck.error for stuck in stuck_list} == {
        "InjectedFault: fault injected by a drill at payments.look_up"
    }
    assert all(stuck.tries > 30 and stuck.next_at <= database.clock.now + MINUTE for stuck in stuck_list)
    # The holds expired long ago, and another person takes one of the seats.
    database.write(hold_seat, add_someone(database), orders_paid[1].lines[0].slug, 15)
    drill.disarm()
    database.clock.move(MINUTE)
    database.run(payment_service.ask_again())
    database.run(payment_service.send_refunds())
    assert [current(database, order).state for order in orders_paid] == ["paid", "refunded"]
    assert has_no_stuck_payments_or_problems(database)


def test_an_organiser_can_ask_the_provider_at_once(database: OpenDatabase, payment_service: Payments) -> None:
    order = pay(database, payment_service, add_person_with_a_seat(database), TIMES_OUT)
    database.run(payment_service.ask_again())
    assert current(database, order).state == "pending"
    assert database.write(try_now, order.ref).ref == order.ref
    assert only_stuck(database).next_at == database.clock.now
    database.run(payment_service.ask_again())
    assert current(database, order).state == "paid"
    database.write(try_now, order.ref)
    assert has_no_stuck_payments_or_problems(database)
    with pytest.raises(NotFound):
        database.write(try_now, "NOTHING")


def test_payments_of_a_disabled_method_stay_listed_with_the_reason(
    database: OpenDatabase, payment_service: Payments
) -> None:
    order, _ = database.write(
        placements.place_order, add_person_with_a_seat(database), "stripe", MINUTE, "key", asks=True
    )
    database.clock.move(HOUR)
    database.run(payment_service.ask_again())
    database.run(payment_service.expire())
    assert current(database, order).state == "pending"
    assert only_stuck(database).error == "the payment method stripe is not switched on"


def test_a_failed_refund_is_listed_and_can_be_retried_at_once(
    database: OpenDatabase, payment_service: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = pay(database, payment_service, add_person_with_a_seat(database))
    # The provider has no such charge, so it refuses the refund.
    charge = order.provider_ref or ""
    database.write(refunds.refund_charge, order, "another-charge", order.total, "It was charged twice.")
    assert database.read(stuck_payments) == []
    database.run(payment_service.send_refunds())
    stuck = only_stuck(database)
    assert (stuck.kind, stuck.ref, stuck.tries) == ("refund", order.ref, 1)
    assert stuck.error is not None
    assert "no charge another-charge" in stuck.error
    assert stuck.next_at > database.clock.now
    database.write(try_now, order.ref)
    database.run(payment_service.send_refunds())
    assert only_stuck(database).tries == 2
    assert charge != "another-charge"


def test_refunds_are_sent_concurrently(
    database: OpenDatabase, payment_service: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders_paid = [pay(database, payment_service, add_person_with_a_seat(database)) for _ in range(3)]
    for order in orders_paid:
        database.write(refunds.refund_whole, order, "The organisers undid it.")
    in_progress = 0
    max_in_progress = 0
    sandbox = payment_service.methods["sandbox"]
    send_refund = sandbox.refund

    async def send_slowly(refund: records.Refund) -> None:
        nonlocal in_progress, max_in_progress
        in_progress += 1
        max_in_progress = max(max_in_progress, in_progress)
        await asyncio.sleep(0.01)
        await send_refund(refund)
        in_progress -= 1

    monkeypatch.setattr(sandbox, "refund", send_slowly)
    database.run(payment_service.send_refunds())
    assert max_in_progress == 3
    assert database.read(queries.refunds_due) == []


def test_a_slow_provider_that_answers_in_time_settles_the_payment(
    database: OpenDatabase, payment_service: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "delay", seconds=0.02)
    assert pay(database, payment_service, add_person_with_a_seat(database)).state == "paid"
    assert has_no_stuck_payments_or_problems(database)


@pytest.mark.parametrize("effect", ["raise", "hang", "lose"])
def test_a_provider_that_fails_before_charging_leaves_the_seats_held(
    database: OpenDatabase, payment_service: Payments, drill: Drill, effect: Effect
) -> None:
    drill.arm("payments.begin", effect, times=1)
    person = add_person_with_a_seat(database)
    order = pay(database, payment_service, person)
    assert (order.state, only_stuck(database).ref) == ("pending", order.ref)
    assert faults.armed == {}, "the fault was injected once"
    database.clock.move(orders.ASK_AFTER)
    database.run(payment_service.ask_again())
    assert current(database, order).state == "declined"
    assert [seat.state for seat in database.read(registrations.seats_of, person)] == ["held"]
    assert has_no_stuck_payments_or_problems(database)


def test_duplicate_responses_of_a_provider_pay_the_order_once(
    database: OpenDatabase, payment_service: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "double")
    order = pay(database, payment_service, add_person_with_a_seat(database))
    for _ in range(3):
        database.run(
            payment_service.settle(order.id, database.run(payment_service.method("sandbox").look_up(order)))
        )
    assert current(database, order).state == "paid"
    assert database.read(queries.refunds_of, order.id) == []
    assert has_no_stuck_payments_or_problems(database)


def test_a_payment_with_a_wrong_amount_is_refunded_in_full(
    database: OpenDatabase, payment_service: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "lie")
    person = add_person_with_a_seat(database)
    order = pay(database, payment_service, person)
    assert (order.state, order.reason) == ("refunding", "The amount that was charged is not the order's.")
    database.run(payment_service.send_refunds())
    (refund,) = database.read(queries.refunds_of, order.id)
    assert (refund.amount.minor, refund.done_at is not None) == (order.total.minor + 1, True)
    assert current(database, order).state == "refunded"
    assert [seat.state for seat in database.read(registrations.seats_of, person)] == ["cancelled"]
    assert has_no_stuck_payments_or_problems(database)


def test_an_order_lasts_as_long_as_its_paused_holds(
    database: OpenDatabase, payment_service: Payments
) -> None:
    person = add_person_with_a_seat(database)
    order, _ = database.write(placements.place_order, person, "desk", 20 * MINUTE, "key", asks=False)
    database.clock.move(10 * MINUTE)
    database.write(registrations.pause_holds, database.clock.now + 3 * SECOND)
    database.clock.move(HOUR)
    database.run(payment_service.expire())
    database.write(orders.expire_order, order.id)
    assert current(database, order).state == "pending"
    database.write(registrations.resume_holds)
    # The orders have not followed their seats yet.
    database.run(payment_service.expire())
    assert current(database, order).expires_at == database.clock.now + 10 * MINUTE
    assert database.write(orders.follow_seats) == 0
    database.clock.move(10 * MINUTE)
    database.run(payment_service.expire())
    assert current(database, order).state == "expired"
    assert has_no_stuck_payments_or_problems(database)


def test_open_orders_are_extended_like_their_paused_holds(database: OpenDatabase) -> None:
    people = [add_person_with_a_seat(database) for _ in range(2)]
    open_order, declined_order = (
        database.write(placements.place_order, person, "desk", 20 * MINUTE, "key", asks=False)[0]
        for person in people
    )
    database.write(orders.mark_declined, declined_order.id, "No.")
    database.write(registrations.pause_holds, database.clock.now + 3 * SECOND)
    database.clock.move(HOUR)
    database.write(registrations.resume_holds)
    assert [database.write(orders.follow_seats) for _ in range(2)] == [1, 0]
    assert current(database, open_order).expires_at == database.clock.now + 20 * MINUTE
    assert current(database, declined_order).expires_at == declined_order.expires_at

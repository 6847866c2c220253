"""A provider that is slow, silent, wrong or doubled: what is kept, what the organisers see, and how it ends."""

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
def till(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> Payments:
    """Both methods that need no other site, and little patience."""
    monkeypatch.setattr(payments, "MAX_BEGIN", 0.2)
    monkeypatch.setattr(payments, "MAX_CALL", 0.2)
    sandbox = Sandbox(database.real)
    made = Payments(database.real, [sandbox, Desk(hours=48)])
    sandbox.notify(made.settle)
    return made


class Drill:
    """Arms points in this process."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the file of what is armed."""
        self._folder = folder

    def arm(self, point: str, effect: Effect, seconds: float = 0.0, times: int | None = None) -> None:
        faults.arm(self._folder, Fault(point, effect, seconds, times, until=time.time() + 60))

    def disarm(self) -> None:
        faults.disarm(self._folder)


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    made = Drill(tmp_path)
    yield made
    made.disarm()


def someone_with_a_seat(database: OpenDatabase, capacity: int = 5) -> int:
    person = add_someone(database)
    database.write(hold_seat, person, add_event(database, capacity=capacity).slug, 15)
    return person


def pay(database: OpenDatabase, till: Payments, person: int, card: str = "") -> Order:
    cart = database.read(current_cart, person)
    return database.run(till.check_out(person, "sandbox", "key", {"card_number": card}, cart=cart))


def now_of(database: OpenDatabase, order: Order) -> Order:
    return database.read(queries.order_by_id, order.id)


def only_stuck(database: OpenDatabase) -> Stuck:
    (stuck,) = database.read(stuck_payments)
    assert database.read(count_stuck) == 1
    return stuck


def nothing_hangs_and_nothing_is_wrong(database: OpenDatabase) -> bool:
    checks = (check_counts, check_money, check_seats)
    assert [finding for check in checks for finding in database.report(check)] == []
    return database.read(stuck_payments) == [] and database.read(count_stuck) == 0


@pytest.mark.parametrize("card, ending", [(TIMES_OUT, "paid"), (LOSES, "declined")])
def test_a_payment_that_hangs_is_on_the_list_until_asking_ends_it(
    database: OpenDatabase, till: Payments, card: str, ending: str
) -> None:
    order = pay(database, till, someone_with_a_seat(database), card)
    stuck = only_stuck(database)
    assert (stuck.kind, stuck.ref, stuck.amount, stuck.tries) == ("payment", order.ref, order.total, 0)
    assert stuck.error == "no answer within 0.2 seconds"
    assert stuck.next_at == order.created_at + orders.ASK_AFTER
    database.clock.move(orders.ASK_AFTER)
    database.run(till.ask_again())
    assert now_of(database, order).state == ending
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_an_order_that_was_left_alone_by_a_crash_is_on_the_list_after_half_a_minute(
    database: OpenDatabase,
) -> None:
    person = someone_with_a_seat(database)
    order, _ = database.write(placements.place_order, person, "sandbox", MINUTE, "key", asks=True)
    database.clock.move(SILENT - 1)
    assert database.read(stuck_payments) == []
    database.clock.move(1)
    assert only_stuck(database).ref == order.ref


def test_an_order_that_waits_for_the_person_or_for_the_desk_does_not_hang(
    database: OpenDatabase, till: Payments
) -> None:
    elsewhere, _ = database.write(
        placements.place_order, someone_with_a_seat(database), "stripe", HOUR, "key", asks=True
    )
    database.write(orders.mark_waiting, elsewhere.id, "session", "https://pay.example/1")
    database.write(orders.ask_later, elsewhere.id, 0)
    person = someone_with_a_seat(database)
    database.run(till.check_out(person, "desk", "key", {}, cart=database.read(current_cart, person)))
    database.clock.move(MINUTE)
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_a_provider_that_is_away_is_asked_until_it_is_back_and_the_money_gets_its_seat_or_goes_back(
    database: OpenDatabase, till: Payments, drill: Drill
) -> None:
    quick, slow = someone_with_a_seat(database, 1), someone_with_a_seat(database, 1)
    paid = [pay(database, till, person, TIMES_OUT) for person in (quick, slow)]
    drill.arm("payments.look_up", "raise")
    for _ in range(40):
        database.clock.move(MINUTE)
        database.run(till.ask_again())
        database.run(till.expire())
    assert [now_of(database, order).state for order in paid] == ["pending", "pending"]
    listed = database.read(stuck_payments)
    assert {stuck.error for stuck in listed} == {
        "InjectedFault: fault injected by a drill at payments.look_up"
    }
    assert all(stuck.tries > 30 and stuck.next_at <= database.clock.now + MINUTE for stuck in listed)
    # The holds ended long ago; one of the seats went to somebody else.
    database.write(hold_seat, add_someone(database), paid[1].lines[0].slug, 15)
    drill.disarm()
    database.clock.move(MINUTE)
    database.run(till.ask_again())
    database.run(till.send_refunds())
    assert [now_of(database, order).state for order in paid] == ["paid", "refunded"]
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_who_does_not_want_to_wait_asks_at_once(database: OpenDatabase, till: Payments) -> None:
    order = pay(database, till, someone_with_a_seat(database), TIMES_OUT)
    database.run(till.ask_again())
    assert now_of(database, order).state == "pending"
    assert database.write(try_now, order.ref).ref == order.ref
    assert only_stuck(database).next_at == database.clock.now
    database.run(till.ask_again())
    assert now_of(database, order).state == "paid"
    database.write(try_now, order.ref)
    assert nothing_hangs_and_nothing_is_wrong(database)
    with pytest.raises(NotFound):
        database.write(try_now, "NOTHING")


def test_a_method_that_was_switched_off_leaves_its_payments_on_the_list_with_the_reason(
    database: OpenDatabase, till: Payments
) -> None:
    order, _ = database.write(
        placements.place_order, someone_with_a_seat(database), "stripe", MINUTE, "key", asks=True
    )
    database.clock.move(HOUR)
    database.run(till.ask_again())
    database.run(till.expire())
    assert now_of(database, order).state == "pending"
    assert only_stuck(database).error == "the payment method stripe is not switched on"


def test_a_refund_that_fails_is_on_the_list_and_can_be_sent_at_once(
    database: OpenDatabase, till: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = pay(database, till, someone_with_a_seat(database))
    # The books have lost the charge: the provider will not give it back.
    charge = order.provider_ref or ""
    database.write(refunds.refund_charge, order, "another-charge", order.total, "It was charged twice.")
    assert database.read(stuck_payments) == []
    database.run(till.send_refunds())
    stuck = only_stuck(database)
    assert (stuck.kind, stuck.ref, stuck.tries) == ("refund", order.ref, 1)
    assert stuck.error is not None
    assert "no charge another-charge" in stuck.error
    assert stuck.next_at > database.clock.now
    database.write(try_now, order.ref)
    database.run(till.send_refunds())
    assert only_stuck(database).tries == 2
    assert charge != "another-charge"


def test_refunds_are_sent_side_by_side(
    database: OpenDatabase, till: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = [pay(database, till, someone_with_a_seat(database)) for _ in range(3)]
    for order in paid:
        database.write(refunds.refund_whole, order, "The organisers undid it.")
    inside = 0
    most = 0
    sandbox = till.methods["sandbox"]
    give_back = sandbox.refund

    async def slow(refund: records.Refund) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        await give_back(refund)
        inside -= 1

    monkeypatch.setattr(sandbox, "refund", slow)
    database.run(till.send_refunds())
    assert most == 3
    assert database.read(queries.refunds_due) == []


def test_a_provider_that_is_slow_but_answers_in_time_is_as_one_that_is_quick(
    database: OpenDatabase, till: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "delay", seconds=0.02)
    assert pay(database, till, someone_with_a_seat(database)).state == "paid"
    assert nothing_hangs_and_nothing_is_wrong(database)


@pytest.mark.parametrize("effect", ["raise", "hang", "lose"])
def test_a_provider_that_fails_before_it_has_charged_leaves_the_seats_held_and_nothing_charged(
    database: OpenDatabase, till: Payments, drill: Drill, effect: Effect
) -> None:
    drill.arm("payments.begin", effect, times=1)
    person = someone_with_a_seat(database)
    order = pay(database, till, person)
    assert (order.state, only_stuck(database).ref) == ("pending", order.ref)
    assert faults.armed == {}, "it struck once"
    database.clock.move(orders.ASK_AFTER)
    database.run(till.ask_again())
    assert now_of(database, order).state == "declined"
    assert [seat.state for seat in database.read(registrations.seats_of, person)] == ["held"]
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_a_provider_that_doubles_its_answers_is_paid_once(
    database: OpenDatabase, till: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "double")
    order = pay(database, till, someone_with_a_seat(database))
    for _ in range(3):
        database.run(till.settle(order.id, database.run(till.method("sandbox").look_up(order))))
    assert now_of(database, order).state == "paid"
    assert database.read(queries.refunds_of, order.id) == []
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_a_provider_that_lies_about_the_amount_gives_all_of_it_back(
    database: OpenDatabase, till: Payments, drill: Drill
) -> None:
    drill.arm("payments.begin", "lie")
    person = someone_with_a_seat(database)
    order = pay(database, till, person)
    assert (order.state, order.reason) == ("refunding", "The amount that was charged is not the order's.")
    database.run(till.send_refunds())
    (refund,) = database.read(queries.refunds_of, order.id)
    assert (refund.amount.minor, refund.done_at is not None) == (order.total.minor + 1, True)
    assert now_of(database, order).state == "refunded"
    assert [seat.state for seat in database.read(registrations.seats_of, person)] == ["cancelled"]
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_an_order_lasts_as_long_as_its_seats_whose_clock_has_stood_still(
    database: OpenDatabase, till: Payments
) -> None:
    person = someone_with_a_seat(database)
    order, _ = database.write(placements.place_order, person, "desk", 20 * MINUTE, "key", asks=False)
    database.clock.move(10 * MINUTE)
    database.write(registrations.pause_holds, database.clock.now + 3 * SECOND)
    database.clock.move(HOUR)
    database.run(till.expire())
    database.write(orders.expire_order, order.id)
    assert now_of(database, order).state == "pending"
    database.write(registrations.resume_holds)
    # Nobody has told the orders yet.
    database.run(till.expire())
    assert now_of(database, order).expires_at == database.clock.now + 10 * MINUTE
    assert database.write(orders.follow_seats) == 0
    database.clock.move(10 * MINUTE)
    database.run(till.expire())
    assert now_of(database, order).state == "expired"
    assert nothing_hangs_and_nothing_is_wrong(database)


def test_open_orders_get_the_time_that_their_seats_have_got(database: OpenDatabase) -> None:
    people = [someone_with_a_seat(database) for _ in range(2)]
    told, over = (
        database.write(placements.place_order, person, "desk", 20 * MINUTE, "key", asks=False)[0]
        for person in people
    )
    database.write(orders.mark_declined, over.id, "No.")
    database.write(registrations.pause_holds, database.clock.now + 3 * SECOND)
    database.clock.move(HOUR)
    database.write(registrations.resume_holds)
    assert [database.write(orders.follow_seats) for _ in range(2)] == [1, 0]
    assert now_of(database, told).expires_at == database.clock.now + 20 * MINUTE
    assert now_of(database, over).expires_at == over.expires_at

"""Payments of bank statements: each is stored once, pays one order at most, and the rest goes back."""

from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import orders
from festgate.portal.checkout.bank_lines import (
    Assignment,
    Imported,
    assign_lines,
    forget_lines,
    ignore_lines,
    import_lines,
    lines_of_order,
    open_lines,
    plan_assignment,
)
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.checks import CHECKS
from festgate.portal.checkout.errors import LineSettled, OrderChanged
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.statement_files import Credit
from festgate.portal.checkout.transfers import confirm_transfer, enter_utr
from tests.portal.checkout.transfer_fest import SECRET, TransferFest, credit
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver

UTR = "632109876541"


@pytest.fixture
def fest(database: OpenDatabase) -> TransferFest:
    return TransferFest(database)


def check(database: OpenDatabase) -> None:
    assert database.violations(CHECKS) == []


def assign(
    fest: TransferFest, order: Order, lines: Collection[int], *, accepts_less: bool = False
) -> Assignment:
    def operation(connection: Connection) -> Assignment:
        seen = plan_assignment(connection, order.ref, lines).seen
        return assign_lines(
            connection, order.ref, lines, fest.treasurer, fest.actor, seen=seen, accepts_less=accepts_less
        )

    return fest.database.write(operation)


def listed(fest: TransferFest) -> list[tuple[str, str]]:
    return [(line.problem, line.likely_ref) for line in fest.database.read(open_lines)]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "upi/632109876541/{}/asha@bank",
        "ticket for {}.",
        "{spaced}",
        "{lower}",
        "fest{}thanks",
        "{misread}",
    ],
)
def test_a_reference_is_recognised_in_any_surrounding_text(fest: TransferFest, text: str) -> None:
    order = fest.order()
    ref = order.ref
    written = text.format(
        ref,
        spaced=f"{ref[:3]} {ref[3:7]}-{ref[7:]}",
        lower=ref.lower(),
        misread=ref.replace("0", "O").replace("1", "l"),
    )
    assert fest.upload(credit(written)) == Imported(paid=1)
    assert fest.now(order).state == "paid"
    check(fest.database)


def test_a_payment_without_a_reference_is_matched_by_its_number(fest: TransferFest) -> None:
    order = fest.order()
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    assert fest.upload(credit("from Asha", utr=f"0000{UTR}")) == Imported(paid=1)
    assert fest.now(order).state == "paid"


def test_an_overlapping_statement_changes_nothing(fest: TransferFest) -> None:
    order = fest.order()
    first, gift = credit(order.ref), credit("gift", 100)
    assert fest.upload(first, gift) == Imported(paid=1, listed=1)
    later = credit("other", 200, day=4)
    assert [match.result for match in fest.preview(first, gift, later)] == ["known", "known", "none"]
    assert fest.upload(first, gift, later) == Imported(known=2, listed=1)
    check(fest.database)


def in_other_order(payment: Credit) -> Credit:
    """Return the payment as a statement has it that is read with day and month in the other order."""
    return replace(payment, booked_on=payment.other_day, other_day=payment.booked_on)


def test_a_statement_that_is_read_in_the_other_order_of_day_and_month_changes_nothing(
    fest: TransferFest,
) -> None:
    order, waiting = fest.order(), fest.order()
    paid, short, numbered, plain = (
        replace(payment, booked_on="2026-11-03", other_day="2026-03-11")
        for payment in (
            credit(order.ref),
            credit(waiting.ref, 100),
            credit("gift", utr=UTR),
            credit("monthly gift", 500),
        )
    )
    assert fest.upload(paid, short, numbered) == Imported(paid=1, listed=2)
    again = [in_other_order(payment) for payment in (paid, short, numbered)]
    assert [match.result for match in fest.preview(*again)] == ["known"] * 3
    assert fest.upload(*again) == Imported(known=3)
    # What names neither itself nor an order may be another payment, of just that day.
    assert fest.upload(plain) == Imported(listed=1)
    assert fest.upload(in_other_order(plain)) == Imported(listed=1)
    check(fest.database)


def test_each_order_of_a_statement_has_an_entry_with_the_treasurer(fest: TransferFest) -> None:
    first, second = fest.order(), fest.order()
    incoming = [credit(first.ref, 45_000), credit(second.ref, 45_000), credit("nobody", 1)]
    for _ in range(2):
        fest.upload(*incoming)
    for order in (first, second):
        (entry,) = fest.database.report(audit.entries_about, order.ref)
        assert (entry.action, entry.person, entry.origin) == ("order.marked-paid", fest.treasurer, "session")
        assert entry.details == {"amount": "450.00 INR", "method": "transfer", "result": "paid"}


def test_a_confirmed_preview_that_is_sent_again_changes_nothing(fest: TransferFest) -> None:
    order = fest.order()
    matches = fest.preview(credit(order.ref))
    assert (fest.confirm(matches), fest.confirm(matches)) == (Imported(paid=1), Imported(known=1))
    assert (fest.now(order).paid, fest.back(order)) == (order.total, [])
    check(fest.database)


def test_two_equal_payments_of_one_day_pay_once_and_the_second_is_listed(fest: TransferFest) -> None:
    order = fest.order()
    assert fest.upload(credit(order.ref), credit(order.ref, occurrence=1)) == Imported(paid=1, listed=1)
    assert listed(fest) == [("again", order.ref)]
    (line,) = fest.database.read(open_lines)
    plan = assign(fest, order, [line.id])
    assert (plan.is_again, plan.rest.minor, fest.back(order)) == (True, 45_000, [45_000])
    assert fest.now(order).state == "paid"
    check(fest.database)


def test_a_payment_whose_order_was_paid_meanwhile_is_listed_instead(fest: TransferFest) -> None:
    order = fest.order()
    matches = fest.preview(credit(order.ref))
    assert fest.upload(credit(order.ref, day=4)) == Imported(paid=1)
    assert fest.confirm(matches) == Imported(listed=1)
    assert listed(fest) == [("changed", order.ref)]
    check(fest.database)


def test_a_payment_that_was_confirmed_by_hand_is_filed_with_it_and_not_paid_again(fest: TransferFest) -> None:
    order = fest.order()
    fest.database.write(confirm_transfer, order.ref, fest.treasurer, fest.actor, None)
    assert fest.upload(credit(order.ref)) == Imported(filed=1)
    assert fest.back(order) == []
    assert [line.applied.minor for line in fest.database.read(lines_of_order, order.id)] == [45_000]
    assert fest.upload(credit(order.ref, day=5)) == Imported(listed=1)
    check(fest.database)


def test_an_overpayment_pays_the_order_and_the_rest_is_to_be_returned(fest: TransferFest) -> None:
    order = fest.order()
    assert fest.upload(credit(order.ref, 50_000)) == Imported(listed=1)
    assert listed(fest) == [("more", order.ref)]
    assert fest.now(order).state == "pending"
    (line,) = fest.database.read(open_lines)
    assert assign(fest, order, [line.id]).rest.minor == 5_000
    assert (fest.now(order).state, fest.back(order)) == ("paid", [5_000])
    check(fest.database)


def test_an_underpayment_is_accepted_only_if_the_treasurer_asks_for_it(fest: TransferFest) -> None:
    order = fest.order(seats=2)
    fest.upload(credit(order.ref, 80_001))
    assert listed(fest) == [("less", order.ref)]
    (line,) = fest.database.read(open_lines)
    with pytest.raises(OrderChanged):
        assign(fest, order, [line.id])
    assert assign(fest, order, [line.id], accepts_less=True).missing.minor == 9_999
    paid = fest.now(order)
    assert (paid.state, paid.total.minor, [part.fee.minor for part in paid.lines]) == (
        "paid",
        80_001,
        [40_000, 40_001],
    )
    check(fest.database)

    def cancel(connection: Connection) -> None:
        cancel_registrations(connection, order.ref, None, fest.treasurer, lambda _connection, _seat: False)

    fest.database.write(cancel)
    assert fest.back(order) == [80_001]
    check(fest.database)


def test_two_payments_pay_an_order_together(fest: TransferFest) -> None:
    order = fest.order()
    fest.upload(credit(f"{order.ref} part one", 20_000), credit("the rest from Ravi", 30_000))
    lines = [line.id for line in fest.database.read(open_lines)]
    plan = assign(fest, order, lines)
    assert (plan.received.minor, plan.missing.minor, plan.rest.minor) == (50_000, 0, 5_000)
    assert (fest.now(order).state, fest.back(order)) == ("paid", [5_000])
    check(fest.database)
    again = fest.database.write(
        lambda connection: assign_lines(
            connection, order.ref, lines, fest.treasurer, fest.actor, seen=plan.seen
        )
    )
    assert again.order.state == "paid"
    assert fest.back(order) == [5_000]


@pytest.mark.parametrize("paid", [30_000, 45_000, 60_000])
def test_a_payment_for_a_cancelled_order_is_to_be_returned_as_a_whole(fest: TransferFest, paid: int) -> None:
    order = fest.order()
    fest.database.write(orders.cancel_order, order.person_id, order.ref)
    fest.upload(credit("no reference", paid))
    (line,) = fest.database.read(open_lines)
    assert assign(fest, order, [line.id]).is_lost
    assert (fest.now(order).state, fest.back(order)) == ("refunding", [paid])
    check(fest.database)


def test_a_payment_of_the_amount_before_an_event_was_cancelled_pays_the_rest(fest: TransferFest) -> None:
    order = fest.order(seats=2)

    def cancel(connection: Connection) -> None:
        cancel_registrations(
            connection, order.ref, order.lines[0].seat_id, fest.treasurer, lambda _connection, _seat: False
        )

    fest.database.write(cancel)
    fest.upload(credit(order.ref, 90_000))
    (line,) = fest.database.read(open_lines)
    assign(fest, order, [line.id])
    assert (fest.now(order).state, fest.back(order)) == ("paid", [45_000])
    check(fest.database)


def test_an_order_cannot_get_a_payment_that_was_assigned_or_ignored(fest: TransferFest) -> None:
    order, other = fest.order(), fest.order()
    fest.upload(credit("one"), credit("two", day=4))
    one, two = (line.id for line in fest.database.read(open_lines))
    assign(fest, order, [one])
    for _ in range(2):
        fest.database.write(ignore_lines, [two], fest.treasurer, fest.actor)
    for line in (one, two):
        with pytest.raises(LineSettled):
            assign(fest, other, [line])
    with pytest.raises(LineSettled):
        fest.database.write(ignore_lines, [one], fest.treasurer, fest.actor)
    assert fest.database.read(open_lines) == []


def test_payments_without_an_order_are_deleted_after_thirty_days(fest: TransferFest) -> None:
    order = fest.order()
    fest.upload(credit(order.ref), credit("gift", 100), credit("rent", 200))
    ignored = fest.database.read(open_lines)[0]
    fest.database.write(ignore_lines, [ignored.id], fest.treasurer, fest.actor)
    fest.database.clock.move(30 * DAY - 1)
    fest.database.write(forget_lines)
    assert len(fest.database.read(open_lines)) == 1
    fest.database.clock.move(1)
    fest.database.write(forget_lines)
    assert fest.database.read(open_lines) == []
    assert len(fest.database.read(lines_of_order, order.id)) == 1
    assert fest.upload(credit(order.ref)) == Imported(known=1)


def test_several_orders_in_one_payment_are_for_the_treasurer(fest: TransferFest) -> None:
    one, two = fest.order(), fest.order()
    fest.upload(credit(f"{one.ref} and {two.ref}"))
    assert listed(fest) == [("several", "")]


def test_two_treasurers_on_two_servers_pay_an_order_once(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = TransferFest(database)
    imported, confirmed = fest.order(), fest.order()
    other_database.clock.now = database.clock.now
    other_fest = TransferFest(other_database)
    matches = fest.preview(credit(imported.ref), credit(confirmed.ref))
    others: list[Imported] = []

    def act_meanwhile() -> None:
        if not others:  # the operation runs again once it has lost the race
            others.append(other_fest.confirm(matches[:1]))
            other_database.write(
                confirm_transfer, confirmed.ref, other_fest.treasurer, other_fest.actor, None
            )

    def operation(connection: Connection) -> Imported:
        # The other treasurer acts after this one has seen that the payment is new, and before it locks the order.
        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "checkout_orders",
            act_meanwhile,
        )
        return import_lines(Connection(driver, connection.now), matches, SECRET, fest.treasurer, fest.actor)

    result = database.write(operation)
    assert others == [Imported(paid=1)]
    assert result.known + result.listed == 2
    for order in (imported, confirmed):
        assert (fest.now(order).paid, fest.back(order)) == (order.total, [])
    check(database)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["import", "confirm", "assign", "cancel"]),
        st.integers(0, 2),
        st.sampled_from([20_000, 45_000, 60_000]),
        st.integers(1, 3),
        st.integers(0, 1),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_no_sequence_of_imports_and_confirmations_pays_twice(
    database: OpenDatabase, steps: list[tuple[str, int, int, int, int]]
) -> None:
    fest = TransferFest(database)
    placed = [fest.order() for _ in range(3)]
    texts = [order.ref for order in placed]
    for step, which, minor, day, occurrence in steps:
        order = fest.now(placed[which])
        if step == "import":
            fest.upload(credit(texts[which], minor, day=day, occurrence=occurrence))
        elif step == "confirm" and order.state == "pending":
            fest.database.write(confirm_transfer, order.ref, fest.treasurer, fest.actor, None)
        elif step == "cancel" and order.state == "pending":
            fest.database.write(orders.cancel_order, order.person_id, order.ref)
        elif step == "assign":
            for line in fest.database.read(open_lines)[:1]:
                assign(fest, order, [line.id], accepts_less=True)
        check(database)
    for order in placed:
        now = fest.now(order)
        lines = fest.database.read(lines_of_order, order.id)
        assert sum(line.applied.minor for line in lines) <= (now.paid.minor if now.paid else 0)
        assert len({line.id for line in lines}) == len(lines)

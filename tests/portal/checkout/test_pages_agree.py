"""Receipt, my-events, ticket page, emails and API agree with the database after any sequence of steps."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.writing import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import handlers, orders, queries
from festgate.portal.checkout.api import OrderOutput
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.receipts import Receipt, Row, SeatNow, seats_now
from festgate.portal.checkout.records import Line, Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.api import Registration
from festgate.portal.registrations.my_events import ListedSeat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.pages import look_at_ticket
from tests.portal.checkout.test_order_machine import DELETE_ALL
from tests.portal.tickets.fest import FEST, Fest
from tests.rig.database import OpenDatabase

ENDING_TEXTS = {
    "event": ("Event cancelled", "was cancelled."),
    "organiser": ("Cancelled by the organisers", "The organisers cancelled"),
}
"""For each origin of an ended seat, the text on pages and a part of the reason in the refund email."""


class PagesMachine(RuleBasedStateMachine):
    """One person, two events, and one order after another."""

    database: OpenDatabase

    @initialize()
    def begin(self) -> None:
        for statement in DELETE_ALL:
            self.database.write(Connection.run, statement)
        self.fest = Fest(self.database)
        self.asha = self.fest.person()
        self.organiser = self.fest.person("meena").id
        self.events = [self.fest.event("Robo Race", 45_000), self.fest.event("Music Night", 30_000)]
        self.charges = 0
        for event in self.events:
            self.fest.hold(self.asha, event)
        self.fest.order(self.asha)

    def latest_order(self) -> Order:
        return self.database.read(queries.orders_of, self.asha.id)[0]

    @rule(event=st.integers(0, 1))
    def hold_and_order(self, event: int) -> None:
        try:
            self.fest.hold(self.asha, self.events[event])
            self.fest.order(self.asha)
        except Refused:
            return

    @rule(full_amount=st.booleans(), same_charge=st.booleans())
    def pay(self, full_amount: bool, same_charge: bool) -> None:
        order = self.latest_order()
        self.charges += not same_charge
        lines = order.lines if full_amount else order.kept_lines
        amount = sum(line.fee.minor for line in lines) or 75_000
        charge = f"charge-{order.ref}-{self.charges}"
        self.database.write(orders.mark_paid, order.id, charge, type(order.total)(amount, "INR"))

    @rule()
    def decline(self) -> None:
        self.database.write(orders.mark_declined, self.latest_order().id, "The card was declined.")

    @rule(minutes=st.sampled_from([5, 70]))
    def expire(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)
        for order in self.database.read(queries.ended_orders):
            self.database.write(orders.expire_order, order.id)

    @rule()
    def cancel_order(self) -> None:
        try:
            self.database.write(orders.cancel_order, self.asha.id, self.latest_order().ref)
        except Refused:
            return

    @rule(event=st.integers(0, 1))
    def cancel_event(self, event: int) -> None:
        try:
            self.database.write(catalogue.cancel_event, self.events[event].slug)
        except Refused:
            return

    @rule(line=st.sampled_from([0, -1, None]))
    def organiser_cancels(self, line: int | None) -> None:
        order = self.latest_order()
        seat = None if line is None else order.lines[line].seat_id
        try:
            self.database.write(cancel_registrations, order.ref, seat, self.organiser, tickets.is_used)
        except Refused:
            return

    @rule()
    def send_refunds(self) -> None:
        self.fest.send_refunds()

    @invariant()
    def everything_agrees(self) -> None:
        if not hasattr(self, "fest"):
            return
        self.fest.deliver()
        codes = self.database.read(tickets.codes_by_seat, self.asha.id)
        bodies = {topic: body for topic, _, _, body in self.fest.emails()}
        for order in self.database.read(queries.orders_of, self.asha.id):
            self.check_receipt(order, codes)
            assert OrderOutput.of(order).total.minor == sum(line.fee.minor for line in order.kept_lines)
            self.check_emails(order, bodies)
        for seat in self.database.read(registrations.seats_of, self.asha.id):
            ending = ENDING_TEXTS.get(seat.ended_by or "", ("", ""))[0]
            assert ListedSeat(seat, None, None).ending.startswith(ending)
            assert Registration.of(seat).ended_by == seat.ended_by
            assert (seat.id in codes) == (seat.state == "confirmed")
            assert (seat.ended_by is not None) == (seat.state == "cancelled")
        for ticket in self.database.read(tickets.tickets_of, self.asha.id):
            seat = self.database.read(registrations.seat, ticket.seat_id)
            ended = self.database.read(look_at_ticket, self.asha.id, ticket.code).ended
            assert bool(ended) == (seat.state != "confirmed")
            assert ended.startswith(ENDING_TEXTS.get(seat.ended_by or "", ("", ""))[0])

    def check_receipt(self, order: Order, codes: dict[int, str]) -> None:
        refunds = self.database.read(queries.refunds_of, order.id)
        tickets_of_order = tuple(
            (line.seat_id, codes[line.seat_id]) for line in order.lines if line.seat_id in codes
        )
        seats = self.database.read(seats_now, order, codes)
        receipt = Receipt(
            order,
            "asha",
            "Pay",
            tuple(refunds),
            tickets_of_order,
            None,
            True,
            Writing(FEST),
            seats,
        )
        tone, headline = receipt.headline
        for row in receipt.rows:
            seat = self.database.read(registrations.seat, row.line.seat_id)
            assert "being prepared" not in row.words, "every fact is delivered"
            if order.state == "paid":
                assert (row.ticket is not None) == (seat.state == "confirmed")
            if row.ended and seat.state == "cancelled":
                assert row.words.startswith(registrations.ending_words(seat.ended_by))
            seat_refunds = [refund for refund in refunds if refund.seat_id == row.line.seat_id]
            if row.ended and seat_refunds:
                assert ("refunded on" in row.words) == (seat_refunds[0].done_at is not None)
        if order.state == "paid":
            assert tone == ("good" if any(not row.ended for row in receipt.rows) else "info")
            assert ("cancelled" in headline) == any(row.ended for row in receipt.rows)
        assert ("Nothing was charged" in headline) <= (order.paid_at is None)
        assert ("still held" in headline) == receipt.can_retry

    def check_emails(self, order: Order, bodies: dict[str, str]) -> None:
        for line in order.lines:
            seat = self.database.read(registrations.seat, line.seat_id)
            refund_email = bodies.get(f"refunded:{order.ref}:{seat.id}")
            if refund_email is not None and seat.ended_by in ENDING_TEXTS:
                assert ENDING_TEXTS[seat.ended_by][1] in refund_email
            if seat.ended_by in ENDING_TEXTS:
                email = bodies[f"released:{seat.id}"]
                assert ("been cancelled by the organisers" in email) == (seat.ended_by == "event")
        if order.state == "pending" and order.revision:
            email = bodies[f"reduced:{order.ref}:{order.revision}"]
            assert order.total.shown(FEST.locale) in email


@pytest.fixture
def machine(database: OpenDatabase) -> PagesMachine:
    """Create a machine for a fixed sequence of steps."""
    machine_class: type[PagesMachine] = type("Machine", (PagesMachine,), {"database": database})
    result = machine_class()
    result.begin()
    return result


def test_pages_emails_and_api_agree_with_the_state(database: OpenDatabase) -> None:
    examples = 30 if database.dialect == "sqlite" else 4
    run_state_machine_as_test(
        type("Machine", (PagesMachine,), {"database": database}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_comparison_reports_a_receipt_where_a_refunded_seat_waits_for_its_ticket(
    machine: PagesMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Receipt._row  # noqa: SLF001  (it is replaced by a wrong version)

    def wrong_row(receipt: Receipt, line: Line, ticket: str | None, seat: SeatNow | None) -> Row:
        result = row(receipt, line, ticket, seat)
        return replace(result, words="Your ticket is being prepared.") if result.ended else result

    machine.pay(full_amount=False, same_charge=True)
    machine.organiser_cancels(0)
    machine.send_refunds()
    machine.everything_agrees()
    monkeypatch.setattr(Receipt, "_row", wrong_row)
    with pytest.raises(AssertionError, match="every fact is delivered"):
        machine.everything_agrees()


def test_the_comparison_reports_an_email_that_blames_the_organisers_for_a_cancelled_event(
    machine: PagesMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "ending_sentence", lambda *_: "The seat was taken back by the organisers.")
    machine.pay(full_amount=False, same_charge=True)
    machine.cancel_event(0)
    machine.fest.deliver()
    machine.send_refunds()
    with pytest.raises(AssertionError, match="taken back by the organisers"):
        machine.everything_agrees()


def test_the_comparison_reports_an_order_that_keeps_its_old_total(
    machine: PagesMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_total = machine.latest_order().total
    machine.cancel_event(0)
    machine.everything_agrees()
    wrong_order = replace(machine.latest_order(), total=old_total)
    monkeypatch.setattr(queries, "orders_of", lambda *_: [wrong_order])
    with pytest.raises(AssertionError):
        machine.everything_agrees()

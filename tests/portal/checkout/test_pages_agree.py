"""Receipt, my-events, ticket page, emails and API say what the database says, whatever happened to the order before."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.web.pages import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import handlers, orders, queries
from festgate.portal.checkout.api import OrderOutput
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.receipts import Receipt, Row, SeatNow, seats_now
from festgate.portal.checkout.records import Line, Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.api import Registration
from festgate.portal.registrations.pages import ListedSeat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.pages import look_at_ticket
from tests.portal.checkout.test_order_machine import EMPTY
from tests.portal.tickets.fest import FEST, Fest
from tests.rig.database import OpenDatabase

SAID = {
    "event": ("Event cancelled", "was cancelled."),
    "organiser": ("Cancelled by the organisers", "The organisers cancelled"),
}
"""By who ended a seat: what pages say, and how the reason in an email about its money begins or ends."""


class Pages(RuleBasedStateMachine):
    """One person, two events, one order after the other."""

    database: OpenDatabase

    @initialize()
    def begin(self) -> None:
        for emptied in EMPTY:
            self.database.write(Connection.run, emptied)
        self.fest = Fest(self.database)
        self.asha = self.fest.person()
        self.organiser = self.fest.person("meena").id
        self.events = [self.fest.event("Robo Race", 45_000), self.fest.event("Music Night", 30_000)]
        self.charges = 0
        for event in self.events:
            self.fest.hold(self.asha, event)
        self.fest.order(self.asha)

    def last(self) -> Order:
        return self.database.read(queries.orders_of, self.asha.id)[0]

    @rule(what=st.integers(0, 1))
    def hold_and_order(self, what: int) -> None:
        try:
            self.fest.hold(self.asha, self.events[what])
            self.fest.order(self.asha)
        except Refused:
            return

    @rule(old=st.booleans(), same=st.booleans())
    def pay(self, old: bool, same: bool) -> None:
        order = self.last()
        self.charges += not same
        lines = order.lines if old else order.kept_lines
        amount = sum(line.fee.minor for line in lines) or 75_000
        charge = f"charge-{order.ref}-{self.charges}"
        self.database.write(orders.mark_paid, order.id, charge, type(order.total)(amount, "INR"))

    @rule()
    def decline(self) -> None:
        self.database.write(orders.mark_declined, self.last().id, "The card was declined.")

    @rule(minutes=st.sampled_from([5, 70]))
    def expire(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)
        for order in self.database.read(queries.ended_orders):
            self.database.write(orders.expire_order, order.id)

    @rule()
    def cancel_order(self) -> None:
        try:
            self.database.write(orders.cancel_order, self.asha.id, self.last().ref)
        except Refused:
            return

    @rule(what=st.integers(0, 1))
    def cancel_event(self, what: int) -> None:
        try:
            self.database.write(catalogue.cancel_event, self.events[what].slug)
        except Refused:
            return

    @rule(which=st.sampled_from([0, -1, None]))
    def organiser_cancels(self, which: int | None) -> None:
        order = self.last()
        seat = None if which is None else order.lines[which].seat_id
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
            ending = SAID.get(seat.ended_by or "", ("", ""))[0]
            assert ListedSeat(seat, None, None).ending.startswith(ending)
            assert Registration.of(seat).ended_by == seat.ended_by
            assert (seat.id in codes) == (seat.state == "confirmed")
            assert (seat.ended_by is not None) == (seat.state == "cancelled")
        for ticket in self.database.read(tickets.tickets_of, self.asha.id):
            seat = self.database.read(registrations.seat, ticket.seat_id)
            ended = self.database.read(look_at_ticket, self.asha.id, ticket.code).ended
            assert bool(ended) == (seat.state != "confirmed")
            assert ended.startswith(SAID.get(seat.ended_by or "", ("", ""))[0])

    def check_receipt(self, order: Order, codes: dict[int, str]) -> None:
        refunds = self.database.read(queries.refunds_of, order.id)
        known = tuple((line.seat_id, codes[line.seat_id]) for line in order.lines if line.seat_id in codes)
        seats = self.database.read(seats_now, order, codes)
        receipt = Receipt(
            order,
            "asha",
            "Pay",
            tuple(refunds),
            known,
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
            own = [refund for refund in refunds if refund.seat_id == row.line.seat_id]
            if row.ended and own:
                assert ("refunded on" in row.words) == (own[0].done_at is not None)
        if order.state == "paid":
            assert tone == ("good" if any(not row.ended for row in receipt.rows) else "info")
            assert ("cancelled" in headline) == any(row.ended for row in receipt.rows)
        assert ("Nothing was charged" in headline) <= (order.paid_at is None)
        assert ("still held" in headline) == receipt.can_retry

    def check_emails(self, order: Order, bodies: dict[str, str]) -> None:
        for line in order.lines:
            seat = self.database.read(registrations.seat, line.seat_id)
            paid_back = bodies.get(f"refunded:{order.ref}:{seat.id}")
            if paid_back is not None and seat.ended_by in SAID:
                assert SAID[seat.ended_by][1] in paid_back
            if seat.ended_by in SAID:
                told = bodies[f"released:{seat.id}"]
                assert ("been cancelled by the organisers" in told) == (seat.ended_by == "event")
        if order.state == "pending" and order.revision:
            told = bodies[f"reduced:{order.ref}:{order.revision}"]
            assert order.total.shown(FEST.locale) in told


@pytest.fixture
def pages(database: OpenDatabase) -> Pages:
    """The fest of the machine, for one chosen order of steps."""
    machine: type[Pages] = type("Machine", (Pages,), {"database": database})
    made = machine()
    made.begin()
    return made


def test_pages_emails_and_api_agree_with_the_state(database: OpenDatabase) -> None:
    examples = 30 if database.dialect == "sqlite" else 4
    run_state_machine_as_test(
        type("Machine", (Pages,), {"database": database}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_comparison_reports_a_receipt_that_says_a_refunded_seat_waits_for_its_ticket(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Receipt._row  # noqa: SLF001  (the wrong version is planted in its place)

    def wrong(receipt: Receipt, line: Line, ticket: str | None, seat: SeatNow | None) -> Row:
        made = row(receipt, line, ticket, seat)
        return replace(made, words="Your ticket is being prepared.") if made.ended else made

    pages.pay(old=False, same=True)
    pages.organiser_cancels(0)
    pages.send_refunds()
    pages.everything_agrees()
    monkeypatch.setattr(Receipt, "_row", wrong)
    with pytest.raises(AssertionError, match="every fact is delivered"):
        pages.everything_agrees()


def test_the_comparison_reports_an_email_that_blames_the_organisers_for_a_cancelled_event(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "ending_sentence", lambda *_: "The seat was taken back by the organisers.")
    pages.pay(old=False, same=True)
    pages.cancel_event(0)
    pages.fest.deliver()
    pages.send_refunds()
    with pytest.raises(AssertionError, match="taken back by the organisers"):
        pages.everything_agrees()


def test_the_comparison_reports_an_order_that_keeps_its_old_total(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pages.last().total
    pages.cancel_event(0)
    pages.everything_agrees()
    wrong = replace(pages.last(), total=old)
    monkeypatch.setattr(queries, "orders_of", lambda *_: [wrong])
    with pytest.raises(AssertionError):
        pages.everything_agrees()

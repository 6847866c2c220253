"""Orders, seats and money under sequences of steps that Hypothesis generates.

The machine is independent of the implementation: it runs steps of people, providers and the clock, and after each
step the invariants of `festgate check` must hold, and nobody may own more seats than an event has.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from festgate.kit.clock import MINUTE, SECOND
from festgate.kit.db.statements import Connection, Statement, metadata
from festgate.kit.errors import Refused
from festgate.kit.messaging.outbox import Relay
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import orders, placements, queries, refunds
from festgate.portal.checkout.cancellations import RefundTerms, cancel_registrations
from festgate.portal.checkout.checks import check_exchanges, check_money, check_seats
from festgate.portal.checkout.exchanges import (
    CHOICES,
    Settlement,
    Wish,
    exchange_ticket,
    exchanges_of_order,
    settle_difference,
)
from festgate.portal.checkout.part_refunds import refund_part
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_counts, check_quotas, check_types
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats, sweep_all
from tests.portal.tickets.fest import subscriptions
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

DELETE_ALL = [
    Statement(table.delete())
    for table in reversed(metadata.sorted_tables)
    if table.name != "audit_entries"  # append-only
]
CHECKS = (check_counts, check_quotas, check_types, check_money, check_seats, check_exchanges)
MOVES = {
    "pending": {"pending", "paid", "declined", "cancelled", "expired", "refunding", "refunded"},
    "declined": {"declined", "refunding", "refunded"},
    "cancelled": {"cancelled", "refunding", "refunded"},
    "expired": {"expired", "paid", "refunding", "refunded"},
    "paid": {"paid", "refunding", "refunded"},
    "refunding": {"refunding", "refunded"},
    "refunded": {"refunded"},
}
"""For each state, the states that may follow it; drawn in docs/explanation/orders.md."""


def never_used(_connection: Connection, _seat: int) -> bool:
    return False


class OrderMachine(RuleBasedStateMachine):
    """Three people, and a provider that reports late, twice or wrongly; holds are paused at times.

    Two small events have three ticket types and a shared quota.
    """

    database: OpenDatabase
    seats = Bundle("seats")
    placed = Bundle("placed")

    @initialize()
    def begin(self) -> None:
        # A failed example must be reproducible.
        for statement in DELETE_ALL:
            self.database.write(Connection.run, statement)
        self.people = [add_someone(self.database) for _ in range(3)]
        # One person can have two seats at the second event, which has two ticket types. Its second type and the first
        # event share a quota of one ticket.
        self.events = [add_event(self.database, capacity=capacity, fee=1000) for capacity in (1, 3)]
        only, standard = (self.database.read(catalogue.types_of, event.id)[0] for event in self.events)
        quota = self.database.write(catalogue.create_quota, "Room", 1)
        self.edit(self.events[0], only, only.details, {quota.id})
        self.edit(
            self.events[1], standard, replace(standard.details, name="Standard", max_per_order=2), set()
        )
        student = catalogue.TypeDetails("Student", Money(700, "INR"), own_quota=2)
        added = self.database.write(catalogue.add_ticket_type, self.events[1].slug, student, {quota.id})
        self.database.write(catalogue.limit_per_person, self.events[1].slug, 2)
        self.types = ((only,), (standard, added))
        self.relay = Relay(self.database.real, subscriptions())
        self.last_states: dict[int, str] = {}
        self.charges = 0
        # The provider's books, by charge.
        self.charged: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()

    def edit(
        self,
        event: catalogue.Event,
        kind: catalogue.TicketType,
        details: catalogue.TypeDetails,
        shared: set[int],
    ) -> None:
        self.database.write(
            catalogue.edit_ticket_type, event.slug, kind.id, details, registrations.count_of_type, shared
        )

    @rule(
        target=seats,
        person=st.integers(0, 2),
        event=st.integers(0, 1),
        kind=st.integers(0, 1),
        count=st.integers(1, 2),
    )
    def hold(self, person: int, event: int, kind: int, count: int) -> object:
        chosen = self.types[event][kind % len(self.types[event])]
        choice = Choice({chosen.id: count})
        try:
            held = self.database.write(
                hold_seats, self.people[person], self.events[event].slug, 15, choice=choice
            )
        except Refused:
            return multiple()
        return multiple(*((person, seat) for seat in held))

    @rule(seat=consumes(seats))
    def cancel_seat_of_person(self, seat: tuple[int, int]) -> None:
        try:
            self.database.write(cancel_seat, self.people[seat[0]], seat[1])
        except Refused:
            return

    @rule(minutes=st.sampled_from([1, 14, 15, 40]))
    def move_clock(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)

    @rule(
        target=placed, person=st.integers(0, 2), key=st.sampled_from("ab"), minutes=st.sampled_from([2, 35])
    )
    def place(self, person: int, key: str, minutes: int) -> object:
        try:
            order, new = self.database.write(
                placements.place_order, self.people[person], "sandbox", minutes * MINUTE, f"{key}", asks=True
            )
        except Refused:
            return multiple()
        assert new == (order.id not in self.last_states)
        return order.id

    @rule(order=placed, times=st.integers(1, 2))
    def pay(self, order: int, times: int) -> None:
        total = self.database.read(queries.order_by_id, order).total
        for _ in range(times):
            self.charge(order, f"charge-{order}", total)

    def charge(self, order: int, charge: str, amount: Money) -> None:
        """Report a charge; the provider's books keep what it reported first."""
        self.charged.setdefault(charge, amount.minor)
        self.database.write(orders.mark_paid, order, charge, Money(self.charged[charge], amount.currency))

    @rule(order=placed)
    def pay_with_another_charge(self, order: int) -> None:
        total = self.database.read(queries.order_by_id, order).total
        self.charges += 1
        self.charge(order, f"charge-{order}-{self.charges}", total)

    @rule(order=placed, minor=st.sampled_from([1, 999, 5000]))
    def pay_a_wrong_amount(self, order: int, minor: int) -> None:
        self.charge(order, f"charge-{order}", Money(minor, "INR"))

    @rule(order=placed)
    def decline(self, order: int) -> None:
        self.database.write(orders.mark_declined, order, "The card was declined.")

    @rule(order=placed)
    def cancel(self, order: int) -> None:
        order_found = self.database.read(queries.order_by_id, order)
        try:
            self.database.write(orders.cancel_order, order_found.person_id, order_found.ref)
        except Refused:
            return

    @rule()
    def run_periodic_tasks(self) -> None:
        self.database.write(sweep_all)
        for order in self.database.read(queries.ended_orders):
            self.database.write(orders.expire_order, order.id)

    @rule(seconds=st.sampled_from([1, 20, 90]))
    def pause_holds(self, seconds: int) -> None:
        self.database.write(registrations.pause_holds, self.database.clock.now + seconds * SECOND)

    @rule()
    def resume_holds(self) -> None:
        were_paused = self.database.read(registrations.are_holds_paused)
        before_resuming = self.times_left()
        if self.database.write(registrations.resume_holds) and were_paused:
            assert self.times_left() == before_resuming, "the time left does not change"
            self.database.write(orders.follow_seats)

    @rule(minutes=st.sampled_from([1, 20]))
    def move_clock_during_a_pause(self, minutes: int) -> None:
        if not self.database.read(registrations.are_holds_paused):
            return
        before = self.times_left()
        self.database.clock.move(minutes * MINUTE)
        assert self.times_left() == before, "no hold expires"

    def times_left(self) -> dict[int, int]:
        """Return the milliseconds that each hold has left, by seat."""
        now = self.database.clock.now
        return {
            seat.id: seat.held_until - now
            for person in self.people
            for seat in self.database.read(registrations.seats_of, person)
            if seat.state == "held"
        }

    @rule(order=placed, minutes=st.integers(0, 40))
    def expire(self, order: int, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)
        self.database.write(orders.expire_order, order)

    @rule()
    def send_refunds(self) -> None:
        for refund in self.database.read(queries.refunds_due):
            self.sent[refund.provider_ref] += refund.amount.minor
            assert self.sent[refund.provider_ref] <= self.charged[refund.provider_ref], (
                "more than was charged"
            )
            assert self.database.write(refunds.claim_refund, refund.id)
            assert not self.database.write(refunds.claim_refund, refund.id)
            for _ in range(2):
                self.database.write(refunds.note_refunded, refund.id, refund.order_id, refund.seat_id)

    @rule(event=st.integers(0, 1))
    def cancel_event(self, event: int) -> None:
        try:
            self.database.write(catalogue.cancel_event, self.events[event].slug)
        except Refused:
            return

    @rule(order=placed, line=st.sampled_from([0, -1, None]))
    def cancel_as_organiser(self, order: int, line: int | None) -> None:
        order_found = self.database.read(queries.order_by_id, order)
        seat = None if line is None else order_found.lines[line].seat_id
        try:
            self.database.write(cancel_registrations, order_found.ref, seat, None, never_used)
        except Refused:
            return

    @rule(order=placed, line=st.sampled_from([0, -1, None]), minor=st.sampled_from([0, 1, 400, 1000]))
    def cancel_for_less(self, order: int, line: int | None, minor: int) -> None:
        order_found = self.database.read(queries.order_by_id, order)
        seat = None if line is None else order_found.lines[line].seat_id
        terms = RefundTerms(Money(minor, "INR"), by_hand=minor == 400)
        try:
            self.database.write(
                cancel_registrations, order_found.ref, seat, None, never_used, force=True, terms=terms
            )
        except Refused:
            return

    @rule(order=placed, minor=st.sampled_from([1, 300, 1000, 5000]), key=st.sampled_from("xyz"))
    def refund_a_part(self, order: int, minor: int, key: str) -> None:
        order_found = self.database.read(queries.order_by_id, order)
        for _ in range(2):  # the second call refunds nothing more
            try:
                self.database.write(refund_part, COMMAND, order_found.ref, Money(minor, "INR"), key)
            except Refused:
                return

    @rule(
        order=placed,
        line=st.sampled_from([0, -1]),
        event=st.integers(0, 1),
        kind=st.integers(0, 1),
        settlement=st.sampled_from(["even", *CHOICES]),
    )
    def exchange(self, order: int, line: int, event: int, kind: int, settlement: Settlement) -> None:
        seat = self.database.read(queries.order_by_id, order).lines[line].seat_id
        chosen = self.types[event][kind % len(self.types[event])]
        wish = Wish(self.events[event].slug, chosen.id, settlement)
        try:
            new_seat = self.database.write(exchange_ticket, COMMAND, seat, wish, never_used)
        except Refused:
            return
        assert self.database.write(exchange_ticket, COMMAND, seat, wish, never_used) == new_seat

    @rule(order=placed, step=st.sampled_from(["paid", "waived", "returned"]))
    def settle(self, order: int, step: Settlement) -> None:
        for exchange in self.database.read(exchanges_of_order, order):
            try:
                self.database.write(settle_difference, COMMAND, exchange.id, step)
            except Refused:
                continue

    @rule()
    def deliver_facts(self) -> None:
        while self.database.run(self.relay.deliver_due()):
            pass

    @invariant()
    def data_agree(self) -> None:
        # One read for all checks: on PostgreSQL a transaction takes longer than its queries.
        self.database.read(self.assert_data_agree)

    def assert_data_agree(self, connection: Connection) -> None:
        for check in CHECKS:
            assert check(connection) == []
        people: list[int] = getattr(self, "people", [])
        self.assert_no_event_has_more_owners_than_seats(connection, people)
        for order in (order for person in people for order in queries.orders_of(connection, person)):
            self.assert_state_changes_only_as_documented(order)
            assert_money_in_is_kept_or_refunded(connection, order)
            if order.state == "expired":
                assert registrations.kept_until(connection, order.id) <= connection.now
            elif order.state == "paid":
                assert_order_has_all_its_seats(connection, order)

    def assert_no_event_has_more_owners_than_seats(self, connection: Connection, people: list[int]) -> None:
        owners = Counter(
            seat.event_id
            for person in people
            for seat in registrations.seats_of(connection, person)
            if seat.state in ("held", "confirmed")
        )
        assert all(owners[event.id] <= event.capacity for event in getattr(self, "events", []))

    def assert_state_changes_only_as_documented(self, order: Order) -> None:
        before = self.last_states.get(order.id, "pending")
        assert order.state in MOVES[before], f"{before} -> {order.state}"
        self.last_states[order.id] = order.state


def assert_order_has_all_its_seats(connection: Connection, order: Order) -> None:
    refunded = {refund.seat_id for refund in queries.refunds_of(connection, order.id)}
    for line in order.kept_lines:
        seat = registrations.seat(connection, line.seat_id)
        # A seat that ended by its event or by organisers after the payment is refunded alone.
        ended_by_fest = seat.ended_by in (registrations.EVENT, registrations.ORGANISER)
        assert seat.state == "confirmed" or ended_by_fest
        assert seat.state == "cancelled" or line.seat_id not in refunded


def assert_money_in_is_kept_or_refunded(connection: Connection, order: Order) -> None:
    """Compare what came in for an order with what is kept for its seats and what goes back."""
    if order.paid is None or order.state != "paid":
        return
    back: Counter[int | None] = Counter()
    for refund in queries.refunds_of(connection, order.id):
        if refund.provider_ref == order.provider_ref:
            back[refund.seat_id] += refund.amount.minor
    lines = {line.seat_id for line in order.kept_lines}
    kept = sum(line.fee.minor - back[line.seat_id] for line in order.kept_lines) - back[None]
    exchanged = sum(minor for seat, minor in back.items() if seat is not None and seat not in lines)
    assert order.paid.minor == kept + exchanged + sum(back[seat] for seat in lines) + back[None]
    assert kept >= 0
    for line in order.kept_lines:
        assert registrations.seat(connection, line.seat_id).fee == line.fee


@pytest.fixture
def machine(database: OpenDatabase) -> type[OrderMachine]:
    return type("Machine", (OrderMachine,), {"database": database})


def test_seats_orders_and_money_agree_after_any_sequence_of_steps(
    machine: type[OrderMachine], database: OpenDatabase
) -> None:
    examples = 60 if database.dialect == "sqlite" else 12
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

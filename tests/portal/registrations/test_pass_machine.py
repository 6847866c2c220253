"""Passes and single tickets in any order of steps: counts, places and tickets agree, on SQLite and on PostgreSQL."""

from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.messaging.outbox import Relay
from festgate.kit.visitors import COMMAND, Visitor
from festgate.portal.backoffice.crew import set_role
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import checks as checkout_checks
from festgate.portal.checkout import orders, placements
from festgate.portal.checkout import queries as checkout_queries
from festgate.portal.checkout.exchanges import CHOICES, Settlement, Wish, exchange_ticket
from festgate.portal.door.admissions import admit, undo_admission
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat, take_back_seat
from festgate.portal.registrations.facade import Holder
from festgate.portal.registrations.holds import confirm_seat, sweep_all
from festgate.portal.registrations.pauses import pause_holds, resume_holds
from festgate.portal.registrations.waiting_list import join
from festgate.portal.tickets import checks as ticket_checks
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.facade import is_used, ticket_of_seat
from festgate.portal.tickets.transfers import transfer_ticket
from tests.portal.checkout.test_order_machine import DELETE_ALL
from tests.portal.registrations.pass_fest import HOLD_MINUTES, add_pass, check, single, take
from tests.portal.tickets.fest import FEST, SECRET, subscriptions
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

PEOPLE, KINDS, EVENTS = st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)
CAPACITY = 3


class Passes(RuleBasedStateMachine):
    """Three passes over four small events, with single tickets and every step on seats."""

    database: ClassVar[OpenDatabase]
    seats: Bundle[int] = Bundle("seats")
    placed: Bundle[int] = Bundle("placed")

    @initialize()
    def begin(self) -> None:
        database = self.database
        # A failed example must be reproducible.
        for statement in DELETE_ALL:
            database.write(Connection.run, statement)
        self.events = [add_event(database, fee=0, capacity=CAPACITY) for _ in range(4)]
        one, two, three, four = self.events
        database.write(catalogue.limit_per_person, one.slug, 2)
        self.kinds = [
            add_pass(database, two, [four, one], fee=900, quota=2),
            add_pass(database, four, [three, two]),
            add_pass(database, one, [two], fee=700, name="Small pass"),
            *(single(database, event) for event in (one, two, four)),
        ]
        waiting = catalogue.read_waiting_settings({"waiting_list": "open", "offer_hours": "1"})
        for event in (two, four):
            database.write(catalogue.set_waiting_list, event.slug, waiting)
        self.people = [add_someone(database) for _ in range(4)]
        staff = add_someone(database, f"staff-{one.id}")
        database.write(set_role, f"staff-{one.id}", "organiser")
        self.staff = Visitor(staff, f"staff-{one.id}", "staff@example.org", "organiser")
        self.relay = Relay(database.real, subscriptions())

    @rule(target=seats, person=PEOPLE, kind=KINDS)
    def take(self, person: int, kind: int) -> int:
        try:
            return take(self.database, self.people[person], self.kinds[kind])[0]
        except Refused:
            return 0

    @rule(person=PEOPLE)
    def confirm_offers(self, person: int) -> None:
        for seat in self.database.read(queries.seats_of, self.people[person]):
            if seat.confirmable:
                self.attempt(confirm_seat, self.people[person], seat.id)

    @rule(target=placed, person=PEOPLE, minutes=st.sampled_from([2, 35]))
    def place(self, person: int, minutes: int) -> int:
        key = f"key-{self.database.clock.now}"
        try:
            order, _ = self.database.write(
                placements.place_order, self.people[person], "sandbox", minutes * MINUTE, key, asks=True
            )
        except Refused:
            return 0
        return order.id

    @rule(order=placed, is_late=st.booleans())
    def pay(self, order: int, is_late: bool) -> None:
        if order:
            if is_late:
                self.database.clock.move(HOLD_MINUTES * MINUTE)
            total = self.database.read(checkout_queries.order_by_id, order).total
            self.database.write(orders.mark_paid, order, f"charge-{order}", total)

    @rule(order=placed)
    def decline(self, order: int) -> None:
        if order:
            self.database.write(orders.mark_declined, order, "The card was declined.")

    @rule(order=placed)
    def cancel_order(self, order: int) -> None:
        if order:
            ended = self.database.read(checkout_queries.order_by_id, order)
            self.attempt(orders.cancel_order, ended.person_id, ended.ref)

    @rule()
    def expire_orders(self) -> None:
        for order in self.database.read(checkout_queries.ended_orders):
            self.database.write(orders.expire_order, order.id)

    @rule(seat=seats, is_organiser=st.booleans())
    def cancel(self, seat: int, is_organiser: bool) -> None:
        if seat and is_organiser:
            self.attempt(take_back_seat, seat, is_used)
        elif seat:
            self.attempt(cancel_seat, self.database.read(queries.seat, seat).person_id, seat, is_used)

    @rule(person=PEOPLE, kind=KINDS)
    def wait_for(self, person: int, kind: int) -> None:
        chosen = self.kinds[kind]
        slug = self.database.read(catalogue.event_by_id, chosen.event_id).slug
        self.attempt(join, self.people[person], slug, 1, chosen.id)

    @rule(seat=seats, event=EVENTS, undo=st.booleans())
    def check_in(self, seat: int, event: int, undo: bool) -> None:
        ticket = self.database.read(ticket_of_seat, seat) if seat else None
        if ticket is not None:
            operation = undo_admission if undo else admit
            self.attempt(operation, ticket.code, self.staff, self.events[event].slug)

    @rule(seat=seats, name=st.sampled_from(["Asha", "Ben"]))
    def transfer(self, seat: int, name: str) -> None:
        ticket = self.database.read(ticket_of_seat, seat) if seat else None
        if ticket is not None:
            holder = Holder(name, f"{name.lower()}@example.org")
            self.attempt(
                transfer_ticket, ticket.person_id, ticket.code, holder, TicketEmails(FEST, SECRET).holders
            )

    @rule()
    def wait(self) -> None:
        self.database.clock.move(HOLD_MINUTES * MINUTE // 2)

    @rule()
    def sweep(self) -> None:
        self.database.write(sweep_all)

    @rule()
    def pause(self) -> None:
        self.database.write(pause_holds, self.database.clock.now + 5_000)
        self.database.clock.move(7_000)
        if self.database.write(resume_holds):
            self.database.write(orders.follow_seats)

    @rule()
    def deliver(self) -> None:
        while self.database.run(self.relay.deliver_due()):
            pass

    @rule(target=seats, seat=seats, kind=KINDS, settlement=st.sampled_from(["even", *CHOICES]))
    def exchange(self, seat: int, kind: int, settlement: Settlement) -> int:
        chosen = self.kinds[kind]
        wish = Wish(self.database.read(catalogue.event_by_id, chosen.event_id).slug, chosen.id, settlement)
        try:
            return self.database.write(exchange_ticket, COMMAND, seat, wish, is_used)
        except Refused:
            return 0

    @rule(event=EVENTS)
    def cancel_event(self, event: int) -> None:
        live = [other for other in self.events if self.read(other).state == "published"]
        if len(live) > 2:
            self.database.write(catalogue.cancel_event, self.events[event].slug)

    @invariant()
    def all_agree(self) -> None:
        check(self.database)
        assert self.database.violations((*ticket_checks.CHECKS, *checkout_checks.CHECKS)) == []
        for event in self.events:
            assert self.read(event).taken <= CAPACITY

    def read(self, event: catalogue.Event) -> catalogue.Event:
        return self.database.read(catalogue.event_by_id, event.id)

    def attempt(self, operation: Any, *arguments: Any) -> None:  # noqa: ANN401  (any operation on seats)
        try:
            self.database.write(operation, *arguments)
        except Refused:
            return


def test_passes_always_agree_with_their_places(database: OpenDatabase) -> None:
    run_state_machine_as_test(
        type("PassesOnOneDatabase", (Passes,), {"database": database}),
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

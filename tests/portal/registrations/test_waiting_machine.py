"""The waiting list under sequences of steps that Hypothesis generates, on SQLite and on PostgreSQL.

After each step the invariants of `festgate check` hold: no seat is free while somebody waits for it, none is
sold twice, and offers go out in the order of the line.
"""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection, Statement, metadata
from festgate.kit.errors import Refused
from festgate.kit.messaging.outbox import Relay
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line, queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.handlers import SUBSCRIPTIONS
from festgate.portal.registrations.holds import confirm_seat, hold_seat, sweep_all
from festgate.portal.registrations.tables import offers
from festgate.portal.registrations.waiting_list import join, leave, offer_by_hand
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

DELETE_ALL = [
    Statement(table.delete())
    for table in reversed(metadata.sorted_tables)
    if table.name != "audit_entries"  # append-only
]
ENTRIES = Statement(select(offers.c.waiting_id).order_by(offers.c.seat_id))
PEOPLE = st.integers(0, 5)
MAX_PER_PERSON = 2


def delete_all(connection: Connection) -> None:
    for statement in DELETE_ALL:
        connection.run(statement)


def entries_of_offers(connection: Connection) -> list[int]:
    """Return the entry of every offer, in the order in which they were made."""
    return [entry_id for (entry_id,) in connection.all(ENTRIES)]


def entries_with_room(connection: Connection, event_id: int) -> list[int]:
    """Return the entries on the waiting list whose people can have another seat."""
    return [
        entry_id
        for entry_id, _, person_id, _ in line.in_line(connection, event_id)
        if len(queries.used_slots(connection, person_id, event_id)) < MAX_PER_PERSON
    ]


class WaitingMachine(RuleBasedStateMachine):
    """Six people, and a small event with a waiting list; one person can have two tickets."""

    database: OpenDatabase

    @initialize()
    def begin(self) -> None:
        self.database.write(delete_all)
        self.offered = 0
        self.chosen_by_hand = 0
        self.people = [add_someone(self.database) for _ in range(6)]
        self.event = add_event(self.database, fee=0, capacity=1, days=30)
        self.database.write(
            catalogue.set_waiting_list,
            self.event.slug,
            catalogue.WaitingSettings("open", 60, needs_approval=False),
        )
        self.database.write(catalogue.limit_per_person, self.event.slug, MAX_PER_PERSON)
        self.relay = Relay(self.database.real, SUBSCRIPTIONS)

    def attempt(self, operation: Callable[..., object], *arguments: object) -> bool:
        try:
            self.database.write(operation, *arguments)
        except Refused:
            return False
        return True

    @rule(person=PEOPLE)
    def register(self, person: int) -> None:
        if self.attempt(hold_seat, self.people[person], self.event.slug, 15):
            assert self.database.read(entries_with_room, self.event.id) == []

    @rule(person=PEOPLE, quantity=st.integers(1, 2))
    def wait(self, person: int, quantity: int) -> None:
        self.attempt(join, self.people[person], self.event.slug, quantity)

    @rule(person=PEOPLE)
    def leave(self, person: int) -> None:
        entry = self.database.read(line.entry_at, self.people[person], self.event.slug)
        if entry is not None:
            self.attempt(leave, self.people[person], entry.id)

    @rule(person=PEOPLE)
    def cancel(self, person: int) -> None:
        for seat in self.database.read(queries.live_seats, self.people[person])[:1]:
            self.attempt(cancel_seat, self.people[person], seat.id)

    @rule(person=PEOPLE)
    def confirm(self, person: int) -> None:
        for seat in self.database.read(queries.live_seats, self.people[person]):
            self.attempt(confirm_seat, self.people[person], seat.id)

    @rule(person=PEOPLE)
    def offer_out_of_order(self, person: int) -> None:
        entry = self.database.read(line.entry_at, self.people[person], self.event.slug)
        if entry is not None:
            self.chosen_by_hand = entry.id
            self.attempt(offer_by_hand, self.event.slug, [entry.id])

    @rule(more=st.integers(-2, 2))
    def change_capacity(self, more: int) -> None:
        event = self.database.read(catalogue.event_by_id, self.event.id)
        details = replace(catalogue.details_of(event), capacity=max(1, event.capacity + more))
        self.attempt(catalogue.edit_event, event.slug, details)

    @rule(minutes=st.sampled_from([10, 60]))
    def move_clock(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)

    @rule()
    def sweep(self) -> None:
        self.database.write(sweep_all)

    @rule()
    def deliver(self) -> None:
        while self.database.run(self.relay.deliver_due()):
            pass

    @invariant()
    def every_invariant_holds(self) -> None:
        if hasattr(self, "event"):
            assert self.database.violations(CHECKS) == []

    @invariant()
    def offers_go_out_in_the_order_of_the_line(self) -> None:
        if hasattr(self, "event"):
            offered = self.database.read(entries_of_offers)
            with_room = self.database.read(entries_with_room, self.event.id)
            new = [entry for entry in offered[self.offered :] if entry != self.chosen_by_hand]
            assert all(entry <= min(with_room, default=entry) for entry in new)
            self.offered, self.chosen_by_hand = len(offered), 0


def test_no_seat_is_empty_while_somebody_waits_and_none_is_sold_twice(database: OpenDatabase) -> None:
    WaitingMachine.database = database
    run_state_machine_as_test(
        WaitingMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

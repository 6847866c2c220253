"""The uses of promo codes under sequences of steps that Hypothesis generates, on both databases.

People take, cancel and lose seats with codes, payments confirm lapsed holds, and organisers change the codes. After
each step the counts of `festgate check` must agree, and no code may be used more often than it allows.
"""

from contextlib import suppress
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection, Statement, metadata
from festgate.kit.errors import Refused
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import CodeTerms
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.holds import hold_seats, sweep_all
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

DELETE_ALL = [
    Statement(table.delete())
    for table in reversed(metadata.sorted_tables)
    if table.name != "audit_entries"  # append-only
]
LIMITS = st.one_of(st.none(), st.integers(1, 4))
FULL = 50_000
HIDDEN = 10_000
PRICES = ((37_500, 7_500), (0, 0), (FULL, HIDDEN))
"""The price of each ticket type with each code."""


class CodeMachine(RuleBasedStateMachine):
    """Three people, two events with a hidden ticket type each, and three codes with limits that change."""

    database: OpenDatabase
    seats = Bundle("seats")

    @initialize()
    def begin(self) -> None:
        for statement in DELETE_ALL:
            self.database.write(Connection.run, statement)
        self.orders = 0
        self.people = [add_someone(self.database) for _ in range(3)]
        self.events = [add_event(self.database, fee=FULL, capacity=6) for _ in range(2)]
        self.types = []
        for event in self.events:
            self.database.write(catalogue.limit_per_person, event.slug, 4)
            (only,) = self.database.read(catalogue.types_of, event.id)
            named = replace(only.details, name="Standard", max_per_order=3)
            self.database.write(catalogue.edit_ticket_type, event.slug, only.id, named, queries.count_of_type)
            crew = catalogue.TypeDetails("Crew", Money(HIDDEN, "INR"), is_hidden=True, max_per_order=3)
            self.types.append((only, self.database.write(catalogue.add_ticket_type, event.slug, crew)))
        terms = (
            CodeTerms("percentage", 2_500, max_uses=3, max_per_person=2),
            CodeTerms("free", event_id=self.events[0].id, max_uses=2),
            CodeTerms("unlock", unlocks=True, max_per_person=1),
        )
        self.codes = [
            self.database.write(catalogue.create_code, f"CODE{number}", own)
            for number, own in enumerate(terms)
        ]

    @rule(
        target=seats,
        person=st.integers(0, 2),
        event=st.integers(0, 1),
        kind=st.integers(0, 1),
        count=st.integers(1, 3),
        code=st.integers(0, 2),
    )
    def hold(self, person: int, event: int, kind: int, count: int, code: int) -> object:
        choice = Choice({self.types[event][kind].id: count}, code=f"code{code}")
        try:
            held = self.database.write(
                hold_seats, self.people[person], self.events[event].slug, 15, choice=choice
            )
        except Refused:
            return multiple()
        for number in held:
            fee = self.database.read(queries.seat, number).fee.minor
            assert fee == PRICES[code][kind]
        return multiple(*((person, number) for number in held))

    @rule(seat=seats)
    def cancel(self, seat: tuple[int, int]) -> None:
        with suppress(Refused):
            self.database.write(cancel_seat, self.people[seat[0]], seat[1])

    @rule(seat=seats, minutes=st.sampled_from([0, 15, 16]), sweeps=st.booleans())
    def pay(self, seat: tuple[int, int], minutes: int, sweeps: bool) -> None:
        """Confirm a seat whose hold may have ended during the payment."""
        payable = self.database.read(queries.seat, seat[1])
        if not payable.payable:
            return
        self.orders += 1
        self.database.write(claim_seats, [payable], self.orders, self.database.clock.now + 15 * MINUTE)
        self.database.clock.move(minutes * MINUTE)
        if sweeps:
            self.database.write(sweep_all)
        self.database.write(confirm_seats, self.orders)

    @rule(minutes=st.sampled_from([1, 15]))
    def move_clock(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)

    @rule()
    def sweep(self) -> None:
        self.database.write(sweep_all)

    @rule(number=st.integers(0, 2), most=LIMITS, per_person=LIMITS)
    def limit(self, number: int, most: int | None, per_person: int | None) -> None:
        code = self.codes[number]
        with suppress(Refused):
            terms = replace(code.terms, max_uses=most, max_per_person=per_person)
            self.database.write(catalogue.edit_code, code.id, terms)

    @rule(number=st.integers(0, 2), ends=st.booleans())
    def end(self, number: int, ends: bool) -> None:
        step = catalogue.end_code if ends else catalogue.resume_code
        self.database.write(step, self.codes[number].id)

    @rule(event=st.integers(0, 1))
    def create_and_delete(self, event: int) -> None:
        code = self.database.write(
            catalogue.create_code, f"TEMP{event}", CodeTerms("free", event_id=self.events[event].id)
        )
        self.database.write(catalogue.drop_code, code.id)

    @invariant()
    def counts_agree(self) -> None:
        assert self.database.violations(CHECKS) == []


def test_the_uses_of_codes_agree_with_the_seats_after_any_sequence_of_steps(database: OpenDatabase) -> None:
    machine = type("Machine", (CodeMachine,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40 if database.dialect == "sqlite" else 10,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

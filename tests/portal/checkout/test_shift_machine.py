"""The cash count under sequences of sales, sales taken back, refunds and closed shifts, on both databases.

Hypothesis generates the steps. After each one the cash of every seller must be what the model has, and `festgate check`
must find nothing.
"""

from collections import Counter
from contextlib import suppress

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
from festgate.kit.visitors import Actor
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, shifts
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.checks import check_money, check_shifts
from festgate.portal.checkout.records import AT_BOX_OFFICE, Refund
from festgate.portal.checkout.sales import SaleContent, SaleFinal, sell, undo_sale
from festgate.portal.registrations import facade as registrations
from tests.portal.checkout.factories import give_money_back
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

# The entries of the audit log cannot be deleted.
DELETE_ALL = [
    Statement(table.delete())
    for table in reversed(metadata.sorted_tables)
    if not table.name.startswith("audit_")
]
METHODS = st.sampled_from(sorted(AT_BOX_OFFICE))
FEES = (45_000, 0)
SELLERS = st.integers(0, 1)


class ShiftMachine(RuleBasedStateMachine):
    """Two sellers, a paid and a free event with few seats."""

    database: OpenDatabase
    sold = Bundle("sold")

    @initialize()
    def begin(self) -> None:
        for statement in DELETE_ALL:
            self.database.write(Connection.run, statement)
        self.sellers = [add_someone(self.database) for _ in range(2)]
        self.events = [add_event(self.database, fee=fee, capacity=4) for fee in FEES]
        self.types = [self.database.read(catalogue.types_of, event.id)[0].id for event in self.events]
        self.keys = 0
        self.open: set[int] = set()
        self.taken: Counter[tuple[int, str]] = Counter()
        """The money of each seller's open shift, by way of payment; the float is cash."""

    @rule(target=sold, seller=SELLERS, event=st.integers(0, 1), method=METHODS, again=st.booleans())
    def sell(self, seller: int, event: int, method: str, again: bool) -> object:
        self.keys += 1
        choice = registrations.Choice({self.types[event]: 1})
        content = SaleContent(self.events[event].slug, choice, method)  # type: ignore[arg-type]
        person = self.sellers[seller]
        sales = []
        for _ in range(1 + again):
            try:
                sale, _ = self.database.write(
                    sell, Actor(person, "session"), person, content, str(self.keys), content.hash(b"s"), None
                )
            except catalogue.SoldOut:
                return multiple()
            sales.append(sale.order.ref)
        assert len(set(sales)) == 1
        self.open.add(seller)
        self.taken[seller, method] += FEES[event]
        return seller, method, FEES[event], sales[0]

    @rule(sale=sold, seller=SELLERS)
    def undo(self, sale: tuple[int, str, int, str], seller: int) -> None:
        owner, method, fee, ref = sale
        person = self.sellers[seller]
        before = self.database.read(queries.order_by_ref, ref).state
        try:
            self.database.write(
                undo_sale, Actor(person, "session"), person, ref, lambda _connection, _seat: False
            )
        except SaleFinal:
            return
        if before == "paid":
            assert seller == owner
            self.taken[seller, method] -= fee

    @rule(sale=sold, seller=SELLERS)
    def refund(self, sale: tuple[int, str, int, str], seller: int) -> None:
        """Cancel the order as an organiser, and pay the money out."""
        _, method, _, ref = sale
        person = self.sellers[seller]
        with suppress(Refused):
            self.database.write(cancel_registrations, ref, None, person, lambda _connection, _seat: False)
        due = [part for part in self.database.read(self._refunds, ref) if part.done_at is None]
        self.database.write(give_money_back, ref, person)
        if seller in self.open:
            self.taken[seller, method] -= sum(part.amount.minor for part in due)

    @rule(seller=SELLERS, amount=st.integers(0, 3))
    def set_float(self, seller: int, amount: int) -> None:
        shift = self.database.read(shifts.open_shift, self.sellers[seller])
        earlier = shift.opening.minor if shift else 0
        self.database.write(shifts.set_float, self.sellers[seller], Money(amount * 1_000, "INR"))
        self.open.add(seller)
        self.taken[seller, "cash"] += amount * 1_000 - earlier

    @rule(seller=SELLERS)
    def close(self, seller: int) -> None:
        person = self.sellers[seller]
        counted = Money(1_000, "INR")
        with suppress(shifts.ShiftNotOpen):
            closed = self.database.write(
                shifts.close_shift, Actor(person, "session"), person, counted, "", None
            )
            assert closed.expected.minor == self.taken[seller, "cash"]
            assert closed.difference == Money(1_000 - self.taken[seller, "cash"], "INR")
        self.open.discard(seller)
        for method in AT_BOX_OFFICE:
            self.taken[seller, method] = 0

    @rule(minutes=st.sampled_from([1, 11]))
    def wait(self, minutes: int) -> None:
        self.database.clock.move(minutes * MINUTE)

    @invariant()
    def the_cash_agrees(self) -> None:
        for seller, person in enumerate(self.sellers):
            shift = self.database.read(shifts.open_shift, person)
            assert (shift is not None) == (seller in self.open)
            if shift is not None:
                assert shift.expected.minor == self.taken[seller, "cash"]
                for method in ("card-machine", "upi"):
                    assert shift.net(method).minor == self.taken[seller, method]
        assert self.database.read(check_shifts) == []
        assert self.database.read(check_money) == []

    @staticmethod
    def _refunds(connection: Connection, ref: str) -> list[Refund]:
        return queries.refunds_of(connection, queries.order_by_ref(connection, ref).id)


def test_the_cash_count_agrees_after_any_sales_refunds_and_sales_taken_back(database: OpenDatabase) -> None:
    machine = type("Machine", (ShiftMachine,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

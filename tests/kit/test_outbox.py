"""Facts of committed operations reach every handler at least once and take effect once, after any failure."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, Text, bindparam, select, text
from structlog.testing import capture_logs

from festgate.kit.clock import DAY, HOUR, MINUTE, SECOND
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import AT_ONCE, KEPT_FOR, MAX_WAIT, Fact, Relay, Subscription, backoff
from tests.rig.database import OpenDatabase, open_database
from tests.rig.postgres import Cluster


@dataclass(frozen=True)
class OrderPaid(Fact):
    """A fact with handlers in these tests."""

    KIND: ClassVar[str] = "kit.OrderPaid"

    order: int
    paid_by: str


@dataclass(frozen=True)
class EventCancelled(Fact):
    """A fact of another kind."""

    KIND: ClassVar[str] = "kit.EventCancelled"

    event: int


F = TypeVar("F", bound=Fact)

# The effects of handlers. No column is unique, so that an effect that happens twice has two rows.
effects = Table("test_effects", MetaData(), Column("effect", Text))
_create = Statement(text("CREATE TABLE test_effects (effect TEXT)"))
_insert = inserting(effects)
_all = Statement(select(effects.c.effect))
_error = Statement(
    select(outbox.facts.c.error, outbox.facts.c.attempts).where(outbox.facts.c.kind == bindparam("kind"))
)
_facts = Statement(select(outbox.facts.c.id))
_count_blocked = Statement(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
_deliveries = Statement(select(outbox.deliveries.c.fact_id))


@pytest.fixture
def database(database: OpenDatabase) -> OpenDatabase:
    """Create the table of effects."""
    database.write(lambda connection: connection.run(_create))
    return database


def subscribe(fact: type[F], handler: Callable[[Connection, F], None], name: str) -> Subscription[F]:
    return Subscription(fact, handler, name, "outbox.tests")


def read_effects(database: OpenDatabase) -> list[str]:
    return sorted(effect for (effect,) in database.read(lambda connection: connection.all(_all)))


def send_receipt(connection: Connection, fact: OrderPaid) -> None:
    connection.run(_insert, effect=f"receipt {fact.order}")


def send_ticket(connection: Connection, fact: OrderPaid) -> None:
    connection.run(_insert, effect=f"ticket {fact.order}")


class FailingHandler:
    """A handler that fails after its work, a given number of times."""

    def __init__(self) -> None:
        """Start failing."""
        self.is_failing = True
        self.calls = 0

    def add_to_total(self, connection: Connection, fact: OrderPaid) -> None:
        self.calls += 1
        connection.run(_insert, effect=f"total {fact.order}")
        if self.is_failing:
            msg = "the account is closed"
            raise RuntimeError(msg)


def record_payments(database: OpenDatabase, *orders: int) -> None:
    for order in orders:
        database.write(outbox.record, OrderPaid(order, "asha"))


def deliver(database: OpenDatabase, relay: Relay) -> None:
    while database.run(relay.deliver_due()):
        pass


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """Run the relay during the block, which may take twenty seconds."""
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_until_settled(database: Database) -> None:
    """Return once no fact waits."""
    while await database.read(outbox.count_waiting):  # noqa: ASYNC110  (another process may settle it)
        await asyncio.sleep(0.01)


async def wait_until_blocked(database: Database) -> None:
    """Return once a transaction waits for another one."""
    while not await database.read(lambda connection: connection.value(_count_blocked)):  # noqa: ASYNC110  (as above)
        await asyncio.sleep(0.01)


def waiting(database: OpenDatabase) -> list[tuple[str, dict[str, object]]]:
    return database.read(outbox.waiting)


def test_a_fact_is_settled_after_every_handler_got_it_with_its_fields(database: OpenDatabase) -> None:
    relay = Relay(
        database.real,
        [
            subscribe(OrderPaid, send_receipt, "send_receipt"),
            subscribe(OrderPaid, send_ticket, "send_ticket"),
        ],
    )
    record_payments(database, 1, 2)
    assert waiting(database) == [("kit.OrderPaid", {"order": order, "paid_by": "asha"}) for order in (1, 2)]
    deliver(database, relay)
    assert read_effects(database) == ["receipt 1", "receipt 2", "ticket 1", "ticket 2"]
    assert waiting(database) == []
    assert database.read(outbox.count_waiting) == 0


def test_a_fact_of_an_operation_that_was_rolled_back_is_never_delivered(database: OpenDatabase) -> None:
    def fail(connection: Connection) -> None:
        outbox.record(connection, OrderPaid(1, "asha"))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    deliver(database, Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")]))
    assert read_effects(database) == []


def test_a_fact_without_subscriptions_is_settled(database: OpenDatabase) -> None:
    database.write(outbox.record, EventCancelled(12))
    deliver(
        database,
        Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")], facts=[EventCancelled]),
    )
    assert waiting(database) == []


def test_a_running_relay_delivers_facts_as_they_are_committed(
    database: OpenDatabase,
) -> None:
    relay = Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")])

    async def record_many() -> None:
        async with running(relay):
            for order in range(2 * AT_ONCE + 1):
                await database.real.write(outbox.record, OrderPaid(order, "asha"))
            await wait_until_settled(database.real)

    database.run(record_many())
    assert read_effects(database) == sorted(f"receipt {order}" for order in range(2 * AT_ONCE + 1))


def test_a_running_relay_delivers_facts_of_another_process(database: OpenDatabase) -> None:
    relay = Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")])
    other_database = Database(database.url, clock=database.clock)

    async def record_in_other_process() -> None:
        await other_database.open()
        async with running(relay):
            await other_database.write(outbox.record, OrderPaid(1, "asha"))
            await wait_until_settled(other_database)
        await other_database.close()

    database.run(record_in_other_process())
    assert read_effects(database) == ["receipt 1"]


def test_a_handler_that_raises_is_rolled_back_and_does_not_delay_other_handlers(
    database: OpenDatabase,
) -> None:
    failing_handler = FailingHandler()
    relay = Relay(
        database.real,
        [
            subscribe(OrderPaid, failing_handler.add_to_total, "add_to_total"),
            subscribe(OrderPaid, send_receipt, "send_receipt"),
        ],
    )
    record_payments(database, 1, 2)
    deliver(database, relay)
    assert read_effects(database) == ["receipt 1", "receipt 2"]
    assert len(waiting(database)) == 2
    error, attempts = database.read(lambda connection: connection.first(_error, kind="kit.OrderPaid")) or (
        "",
        0,
    )
    assert error.endswith("add_to_total: RuntimeError: the account is closed")
    assert attempts == 1


def test_a_failed_delivery_is_retried_only_for_the_handler_that_failed(
    database: OpenDatabase,
) -> None:
    failing_handler = FailingHandler()
    relay = Relay(
        database.real,
        [
            subscribe(OrderPaid, send_receipt, "send_receipt"),
            subscribe(OrderPaid, failing_handler.add_to_total, "add_to_total"),
        ],
    )
    record_payments(database, 1)
    for _ in range(3):
        deliver(database, relay)
        database.clock.move(HOUR)
    assert failing_handler.calls == 3
    failing_handler.is_failing = False
    deliver(database, relay)
    assert read_effects(database) == ["receipt 1", "total 1"]
    assert waiting(database) == []


def test_a_failed_fact_is_not_retried_before_its_time(database: OpenDatabase) -> None:
    failing_handler = FailingHandler()
    relay = Relay(database.real, [subscribe(OrderPaid, failing_handler.add_to_total, "add_to_total")])
    record_payments(database, 1)
    for calls in (1, 2, 3):
        deliver(database, relay)
        deliver(database, relay)
        assert failing_handler.calls == calls
        database.clock.move(backoff(calls - 1) - 1)
        deliver(database, relay)
        assert failing_handler.calls == calls
        database.clock.move(1)


@given(attempts=st.integers(0, 10_000))
def test_the_backoff_grows_to_a_limit_and_never_shrinks(attempts: int) -> None:
    assert SECOND <= backoff(attempts) <= backoff(attempts + 1) <= MAX_WAIT == 5 * MINUTE


def test_facts_wait_for_a_missing_module_and_reach_the_other_modules_once(
    database: OpenDatabase,
) -> None:
    record_payments(database, 1)
    incomplete = Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")], complete=False)
    for _ in range(3):
        deliver(database, incomplete)
        database.clock.move(HOUR)
    assert read_effects(database) == ["receipt 1"]
    assert len(waiting(database)) == 1
    deliver(
        database,
        Relay(
            database.real,
            [
                subscribe(OrderPaid, send_receipt, "send_receipt"),
                subscribe(OrderPaid, send_ticket, "send_ticket"),
            ],
        ),
    )
    assert read_effects(database) == ["receipt 1", "ticket 1"]
    assert waiting(database) == []


def test_two_processes_deliver_each_fact_once(database: OpenDatabase) -> None:
    other_database = Database(database.url, clock=database.clock)
    subscriptions = [
        subscribe(OrderPaid, send_receipt, "send_receipt"),
        subscribe(OrderPaid, send_ticket, "send_ticket"),
    ]
    relays = [Relay(database.real, subscriptions), Relay(other_database, subscriptions)]

    async def deliver_both() -> None:
        await other_database.open()
        for _ in range(20):
            await asyncio.gather(*(relay.deliver_due() for relay in relays))
        await other_database.close()

    record_payments(database, *range(50))
    database.run(deliver_both())
    assert waiting(database) == []
    assert read_effects(database) == sorted(
        f"{effect} {order}" for order in range(50) for effect in ("receipt", "ticket")
    )


@pytest.fixture
def postgres_database(postgres_cluster: Cluster, migrated_postgres: str) -> Iterator[OpenDatabase]:
    """Open a PostgreSQL database, where operations run on threads and a test can pause one in the middle."""
    name = postgres_cluster.create(migrated_postgres)
    with open_database(postgres_cluster.url(name)) as opened:
        opened.write(lambda connection: connection.run(_create))
        yield opened
    postgres_cluster.drop(name)


@pytest.mark.parametrize("fails", [True, False])
def test_a_fact_that_another_process_is_delivering_is_neither_delivered_nor_settled(
    postgres_database: OpenDatabase, fails: bool
) -> None:
    database = postgres_database
    has_started, may_continue = threading.Event(), threading.Event()

    def send_slowly(connection: Connection, fact: OrderPaid) -> None:
        if threading.current_thread() is slow_thread[0]:
            has_started.set()
            assert may_continue.wait(20)
            if fails:
                raise LookupError
        connection.run(_insert, effect=f"slow {fact.order}")

    slow_thread: list[threading.Thread] = []
    other_database = Database(database.url, clock=database.clock)
    subscriptions = [
        subscribe(OrderPaid, send_slowly, "send_slowly"),
        subscribe(OrderPaid, send_receipt, "send_receipt"),
    ]
    relay, other_relay = Relay(database.real, subscriptions), Relay(other_database, subscriptions)

    async def deliver_at_the_same_time() -> None:
        await other_database.open()
        await other_database.write(lambda _connection: slow_thread.append(threading.current_thread()))
        slow = asyncio.create_task(other_relay.deliver_due())
        assert await asyncio.to_thread(has_started.wait, 20)
        await relay.deliver_due()
        assert await database.real.read(outbox.count_waiting) == 1
        assert await database.real.read(lambda connection: connection.all(_all)) == []
        may_continue.set()
        await slow
        await other_database.close()

    record_payments(database, 1)
    database.run(deliver_at_the_same_time())
    database.clock.move(HOUR)
    deliver(database, relay)
    assert read_effects(database) == ["receipt 1", "slow 1"]
    assert waiting(database) == []


def test_waiting_facts_are_listed_by_their_first_field_oldest_first(database: OpenDatabase) -> None:
    for order, payer in ((1, "asha"), (10, "asha"), (1, "ben")):
        database.write(outbox.record, OrderPaid(order, payer))
    database.write(outbox.record, EventCancelled(1))
    listed = database.write(outbox.lock_waiting, OrderPaid, 1)
    assert listed == [{"order": 1, "paid_by": "asha"}, {"order": 1, "paid_by": "ben"}]
    deliver(database, Relay(database.real, [subscribe(OrderPaid, send_receipt, "send_receipt")]))
    assert database.write(outbox.lock_waiting, OrderPaid, 1) == []


@pytest.mark.parametrize("fails", [True, False])
def test_a_fact_that_is_being_delivered_is_listed_as_waiting_only_if_that_fails(
    postgres_database: OpenDatabase, fails: bool
) -> None:
    database = postgres_database
    has_started, may_continue = threading.Event(), threading.Event()

    def send_slowly(_connection: Connection, _fact: OrderPaid) -> None:
        has_started.set()
        assert may_continue.wait(20)
        if fails:
            raise LookupError

    other_database = Database(database.url, clock=database.clock)
    other_relay = Relay(other_database, [subscribe(OrderPaid, send_slowly, "send_slowly")])

    async def list_during_the_delivery() -> list[dict[str, object]]:
        await other_database.open()
        slow = asyncio.create_task(other_relay.deliver_due())
        assert await asyncio.to_thread(has_started.wait, 20)
        listing = asyncio.create_task(database.real.write(outbox.lock_waiting, OrderPaid, 1))
        await wait_until_blocked(other_database)
        may_continue.set()
        await slow
        await other_database.close()
        return await listing

    record_payments(database, 1)
    listed = database.run(asyncio.wait_for(list_during_the_delivery(), 60))
    assert listed == ([{"order": 1, "paid_by": "asha"}] if fails else [])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failures=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6))
def test_every_handler_takes_effect_once_for_every_fact_after_any_failures(
    database: OpenDatabase, failures: list[tuple[int, int]]
) -> None:
    """Each pair of `failures` has the number of failures of the first and the second handler for that fact."""
    before = Counter(read_effects(database))
    failures_left = {
        (order, handler_number): numbers[handler_number]
        for order, numbers in enumerate(failures)
        for handler_number in (0, 1)
    }

    def handler(handler_number: int) -> Callable[[Connection, OrderPaid], None]:
        def handle(connection: Connection, fact: OrderPaid) -> None:
            connection.run(_insert, effect=f"{handler_number} {fact.order}")
            if failures_left[fact.order, handler_number] > 0:
                failures_left[fact.order, handler_number] -= 1
                raise LookupError

        return handle

    relay = Relay(
        database.real,
        [
            subscribe(OrderPaid, handler(handler_number), f"handle_{handler_number}")
            for handler_number in (0, 1)
        ],
    )
    record_payments(database, *range(len(failures)))
    with capture_logs():
        for _ in range(5):
            deliver(database, relay)
            database.clock.move(MAX_WAIT)
    assert waiting(database) == []
    assert Counter(read_effects(database)) - before == Counter(
        f"{handler_number} {order}" for order in range(len(failures)) for handler_number in (0, 1)
    )


def test_settled_facts_are_deleted_after_a_week_and_waiting_ones_never(database: OpenDatabase) -> None:
    failing_handler = FailingHandler()
    relay = Relay(database.real, [subscribe(EventCancelled, lambda _connection, _fact: None, "listen")])
    database.write(outbox.record, EventCancelled(1))
    deliver(database, relay)
    failing_relay = Relay(
        database.real,
        [
            subscribe(OrderPaid, failing_handler.add_to_total, "add_to_total"),
            subscribe(OrderPaid, send_ticket, "send_ticket"),
        ],
    )
    record_payments(database, 1)
    deliver(database, failing_relay)
    database.clock.move(KEPT_FOR)
    assert database.write(outbox.forget_settled) == 0
    database.clock.move(DAY)
    assert database.write(outbox.forget_settled) == 1
    assert len(waiting(database)) == 1
    failing_handler.is_failing = False
    deliver(database, failing_relay)
    assert database.write(outbox.forget_settled) == 1
    assert database.read(lambda connection: connection.all(_facts)) == []
    assert database.read(lambda connection: connection.all(_deliveries)) == []

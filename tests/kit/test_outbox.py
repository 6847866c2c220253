"""Facts of committed operations reach every handler at least once and take effect once, whatever fails."""

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
class BellRung(Fact):
    """A fact of these tests."""

    KIND: ClassVar[str] = "kit.BellRung"

    tower: int
    by: str


@dataclass(frozen=True)
class ClockStruck(Fact):
    """A second fact of these tests."""

    KIND: ClassVar[str] = "kit.ClockStruck"

    hour: int


F = TypeVar("F", bound=Fact)

# The effects of handlers. No column is unique, so that an effect that happens twice has two rows.
effects = Table("test_effects", MetaData(), Column("what", Text))
_create = Statement(text("CREATE TABLE test_effects (what TEXT)"))
_insert = inserting(effects)
_all = Statement(select(effects.c.what))
_error = Statement(
    select(outbox.facts.c.error, outbox.facts.c.attempts).where(outbox.facts.c.kind == bindparam("kind"))
)
_facts = Statement(select(outbox.facts.c.id))
_deliveries = Statement(select(outbox.deliveries.c.fact_id))


@pytest.fixture
def database(database: OpenDatabase) -> OpenDatabase:
    """Create the table of effects."""
    database.write(lambda connection: connection.run(_create))
    return database


def subscribe(fact: type[F], handler: Callable[[Connection, F], None], name: str) -> Subscription[F]:
    return Subscription(fact, handler, name, "outbox.tests")


def done(database: OpenDatabase) -> list[str]:
    return sorted(what for (what,) in database.read(lambda connection: connection.all(_all)))


def write_down(connection: Connection, fact: BellRung) -> None:
    connection.run(_insert, what=f"bell {fact.tower}")


def sing(connection: Connection, fact: BellRung) -> None:
    connection.run(_insert, what=f"song {fact.tower}")


class Breakable:
    """A handler that fails after its work, a given number of times."""

    def __init__(self) -> None:
        """Start with failures."""
        self.broken = True
        self.calls = 0

    def toll(self, connection: Connection, fact: BellRung) -> None:
        self.calls += 1
        connection.run(_insert, what=f"toll {fact.tower}")
        if self.broken:
            msg = "the rope is torn"
            raise RuntimeError(msg)


def ring(database: OpenDatabase, *towers: int) -> None:
    for tower in towers:
        database.write(outbox.record, BellRung(tower, "asha"))


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


async def settled(database: Database) -> None:
    """Return once no fact waits."""
    while await database.read(outbox.count_waiting):  # noqa: ASYNC110  (another process may be who settles it)
        await asyncio.sleep(0.01)


def waiting(database: OpenDatabase) -> list[tuple[str, dict[str, object]]]:
    return database.read(outbox.waiting)


def test_a_fact_reaches_every_handler_with_its_fields_and_is_then_settled(database: OpenDatabase) -> None:
    relay = Relay(
        database.real, [subscribe(BellRung, write_down, "write_down"), subscribe(BellRung, sing, "sing")]
    )
    ring(database, 1, 2)
    assert waiting(database) == [("kit.BellRung", {"tower": tower, "by": "asha"}) for tower in (1, 2)]
    deliver(database, relay)
    assert done(database) == ["bell 1", "bell 2", "song 1", "song 2"]
    assert waiting(database) == []
    assert database.read(outbox.count_waiting) == 0


def test_a_fact_of_an_operation_that_was_undone_is_never_told(database: OpenDatabase) -> None:
    def fail(connection: Connection) -> None:
        outbox.record(connection, BellRung(1, "asha"))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    deliver(database, Relay(database.real, [subscribe(BellRung, write_down, "write_down")]))
    assert done(database) == []


def test_a_fact_that_nobody_waits_for_is_settled(database: OpenDatabase) -> None:
    database.write(outbox.record, ClockStruck(12))
    deliver(
        database,
        Relay(database.real, [subscribe(BellRung, write_down, "write_down")], facts=[ClockStruck]),
    )
    assert waiting(database) == []


def test_a_running_relay_hears_of_a_commit_and_delivers_without_the_clock_moving(
    database: OpenDatabase,
) -> None:
    relay = Relay(database.real, [subscribe(BellRung, write_down, "write_down")])

    async def ring_many() -> None:
        async with running(relay):
            for tower in range(2 * AT_ONCE + 1):
                await database.real.write(outbox.record, BellRung(tower, "asha"))
            await settled(database.real)

    database.run(ring_many())
    assert done(database) == sorted(f"bell {tower}" for tower in range(2 * AT_ONCE + 1))


def test_a_running_relay_finds_what_another_process_has_left(database: OpenDatabase) -> None:
    relay = Relay(database.real, [subscribe(BellRung, write_down, "write_down")])
    elsewhere = Database(database.url, clock=database.clock)

    async def ring_elsewhere() -> None:
        await elsewhere.open()
        async with running(relay):
            await elsewhere.write(outbox.record, BellRung(1, "asha"))
            await settled(elsewhere)
        await elsewhere.close()

    database.run(ring_elsewhere())
    assert done(database) == ["bell 1"]


def test_a_handler_that_raises_leaves_nothing_behind_and_holds_up_nobody(database: OpenDatabase) -> None:
    breakable = Breakable()
    relay = Relay(
        database.real,
        [subscribe(BellRung, breakable.toll, "toll"), subscribe(BellRung, write_down, "write_down")],
    )
    ring(database, 1, 2)
    deliver(database, relay)
    assert done(database) == ["bell 1", "bell 2"]
    assert len(waiting(database)) == 2
    error, attempts = database.read(lambda connection: connection.first(_error, kind="kit.BellRung")) or (
        "",
        0,
    )
    assert error.endswith("toll: RuntimeError: the rope is torn")
    assert attempts == 1


def test_a_handler_that_works_again_gets_the_fact_and_the_others_do_not_get_it_twice(
    database: OpenDatabase,
) -> None:
    breakable = Breakable()
    relay = Relay(
        database.real,
        [subscribe(BellRung, write_down, "write_down"), subscribe(BellRung, breakable.toll, "toll")],
    )
    ring(database, 1)
    for _ in range(3):
        deliver(database, relay)
        database.clock.move(HOUR)
    assert breakable.calls == 3
    breakable.broken = False
    deliver(database, relay)
    assert done(database) == ["bell 1", "toll 1"]
    assert waiting(database) == []


def test_a_failed_fact_is_left_alone_until_its_time_has_come(database: OpenDatabase) -> None:
    breakable = Breakable()
    relay = Relay(database.real, [subscribe(BellRung, breakable.toll, "toll")])
    ring(database, 1)
    for calls in (1, 2, 3):
        deliver(database, relay)
        deliver(database, relay)
        assert breakable.calls == calls
        database.clock.move(backoff(calls - 1) - 1)
        deliver(database, relay)
        assert breakable.calls == calls
        database.clock.move(1)


@given(attempts=st.integers(0, 10_000))
def test_waits_grow_to_a_limit_and_never_shrink(attempts: int) -> None:
    assert SECOND <= backoff(attempts) <= backoff(attempts + 1) <= MAX_WAIT == 5 * MINUTE


def test_without_one_of_the_modules_facts_wait_for_it_and_the_rest_have_theirs_once(
    database: OpenDatabase,
) -> None:
    ring(database, 1)
    crippled = Relay(database.real, [subscribe(BellRung, write_down, "write_down")], complete=False)
    for _ in range(3):
        deliver(database, crippled)
        database.clock.move(HOUR)
    assert done(database) == ["bell 1"]
    assert len(waiting(database)) == 1
    deliver(
        database,
        Relay(
            database.real, [subscribe(BellRung, write_down, "write_down"), subscribe(BellRung, sing, "sing")]
        ),
    )
    assert done(database) == ["bell 1", "song 1"]
    assert waiting(database) == []


def test_two_processes_deliver_each_fact_once_between_them(database: OpenDatabase) -> None:
    elsewhere = Database(database.url, clock=database.clock)
    subscriptions = [subscribe(BellRung, write_down, "write_down"), subscribe(BellRung, sing, "sing")]
    relays = [Relay(database.real, subscriptions), Relay(elsewhere, subscriptions)]

    async def deliver_both() -> None:
        await elsewhere.open()
        for _ in range(20):
            await asyncio.gather(*(relay.deliver_due() for relay in relays))
        await elsewhere.close()

    ring(database, *range(50))
    database.run(deliver_both())
    assert waiting(database) == []
    assert done(database) == sorted(f"{what} {tower}" for tower in range(50) for what in ("bell", "song"))


@pytest.fixture
def postgres_database(postgres_cluster: Cluster, migrated_postgres: str) -> Iterator[OpenDatabase]:
    """Where an operation runs on a thread, so that one process can stop in the middle of its operation."""
    name = postgres_cluster.create(migrated_postgres)
    with open_database(postgres_cluster.url(name)) as opened:
        opened.write(lambda connection: connection.run(_create))
        yield opened
    postgres_cluster.drop(name)


@pytest.mark.parametrize("fails", [True, False])
def test_what_another_process_has_in_hand_is_neither_done_nor_settled_here(
    postgres_database: OpenDatabase, fails: bool
) -> None:
    database = postgres_database
    reached, go_on = threading.Event(), threading.Event()

    def slowly(connection: Connection, fact: BellRung) -> None:
        if threading.current_thread() is slow_thread[0]:
            reached.set()
            assert go_on.wait(20)
            if fails:
                raise LookupError
        connection.run(_insert, what=f"slow {fact.tower}")

    slow_thread: list[threading.Thread] = []
    elsewhere = Database(database.url, clock=database.clock)
    subscriptions = [subscribe(BellRung, slowly, "slowly"), subscribe(BellRung, write_down, "write_down")]
    here, there = Relay(database.real, subscriptions), Relay(elsewhere, subscriptions)

    async def meet() -> None:
        await elsewhere.open()
        await elsewhere.write(lambda _connection: slow_thread.append(threading.current_thread()))
        slow = asyncio.create_task(there.deliver_due())
        assert await asyncio.to_thread(reached.wait, 20)
        await here.deliver_due()
        assert await database.real.read(outbox.count_waiting) == 1
        assert await database.real.read(lambda connection: connection.all(_all)) == []
        go_on.set()
        await slow
        await elsewhere.close()

    ring(database, 1)
    database.run(meet())
    database.clock.move(HOUR)
    deliver(database, here)
    assert done(database) == ["bell 1", "slow 1"]
    assert waiting(database) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failures=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6))
def test_whatever_fails_how_often_every_handler_takes_effect_once_for_every_fact(
    database: OpenDatabase, failures: list[tuple[int, int]]
) -> None:
    """Each pair has the numbers of failures of the first and the second handler for that fact."""
    before = Counter(done(database))
    left = {(tower, which): times[which] for tower, times in enumerate(failures) for which in (0, 1)}

    def handler(which: int) -> Callable[[Connection, BellRung], None]:
        def handle(connection: Connection, fact: BellRung) -> None:
            connection.run(_insert, what=f"{which} {fact.tower}")
            if left[fact.tower, which] > 0:
                left[fact.tower, which] -= 1
                raise LookupError

        return handle

    relay = Relay(database.real, [subscribe(BellRung, handler(which), f"handle_{which}") for which in (0, 1)])
    ring(database, *range(len(failures)))
    with capture_logs():
        for _ in range(5):
            deliver(database, relay)
            database.clock.move(MAX_WAIT)
    assert waiting(database) == []
    assert Counter(done(database)) - before == Counter(
        f"{which} {tower}" for tower in range(len(failures)) for which in (0, 1)
    )


def test_settled_facts_are_forgotten_after_a_week_and_waiting_ones_never(database: OpenDatabase) -> None:
    breakable = Breakable()
    relay = Relay(database.real, [subscribe(ClockStruck, lambda _connection, _fact: None, "listen")])
    database.write(outbox.record, ClockStruck(1))
    deliver(database, relay)
    stuck = Relay(
        database.real, [subscribe(BellRung, breakable.toll, "toll"), subscribe(BellRung, sing, "sing")]
    )
    ring(database, 1)
    deliver(database, stuck)
    database.clock.move(KEPT_FOR)
    assert database.write(outbox.forget_settled) == 0
    database.clock.move(DAY)
    assert database.write(outbox.forget_settled) == 1
    assert len(waiting(database)) == 1
    breakable.broken = False
    deliver(database, stuck)
    assert database.write(outbox.forget_settled) == 1
    assert database.read(lambda connection: connection.all(_facts)) == []
    assert database.read(lambda connection: connection.all(_deliveries)) == []

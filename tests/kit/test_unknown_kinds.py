"""Facts of an unknown kind wait for a program that has this kind; they are not lost and do not delay others."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from sqlalchemy import bindparam, select
from structlog.testing import capture_logs

from festgate.kit.clock import DAY, HOUR, NEVER, SECOND
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import AT_ONCE, Fact, Relay, Subscription, backoff
from festgate.kit.messaging.unknown_kinds import COUNT_PAUSE, UnknownKinds, check_kinds, count_unknown
from tests.rig.database import OpenDatabase


@dataclass(frozen=True)
class KettleBoiled(Fact):
    """A fact that only the newer program of these tests has."""

    KIND: ClassVar[str] = "kitchen.KettleBoiled"

    kettle: int


@dataclass(frozen=True)
class DoorOpened(Fact):
    """A fact that every program of these tests has."""

    KIND: ClassVar[str] = "kitchen.DoorOpened"

    door: int


_rows = Statement(
    select(outbox.facts.c.due_at, outbox.facts.c.attempts, outbox.facts.c.error).where(
        outbox.facts.c.kind == bindparam("of_kind")
    )
)
_deliver = inserting(outbox.deliveries)
_ids = Statement(select(outbox.facts.c.id))


class Kitchen:
    """Handlers that record facts, and the relays of two versions of a program."""

    def __init__(self, database: OpenDatabase) -> None:
        """Start with no recorded facts."""
        self.database = database
        self.teas: list[int] = []
        self.doors: list[int] = []
        doors = Subscription(DoorOpened, self.open_door, "kitchen.open_door", "outbox.kitchen")
        teas = Subscription(KettleBoiled, self.make_tea, "kitchen.make_tea", "outbox.kitchen")
        self.counted = CountedWrites(database.real)
        self.old = Relay(self.counted, [doors])
        self.new = Relay(database.real, [doors, teas])

    def open_door(self, _connection: Connection, fact: DoorOpened) -> None:
        self.doors.append(fact.door)

    def make_tea(self, _connection: Connection, fact: KettleBoiled) -> None:
        self.teas.append(fact.kettle)

    def record(self, *facts: Fact) -> None:
        def record_all(connection: Connection) -> None:
            for fact in facts:
                outbox.record(connection, fact)

        self.database.write(record_all)

    def deliver(self, relay: Relay) -> int:
        """Deliver facts until none is due; return the number of rounds."""
        rounds = 0
        while self.database.run(relay.deliver_due()):
            rounds += 1
        return rounds

    def rows(self, kind: type[Fact]) -> list[tuple[int, int, str | None]]:
        rows = self.database.read(lambda connection: connection.all(_rows, of_kind=kind.KIND))
        return [(due_at, attempts, error) for due_at, attempts, error in rows]


class CountedWrites(Database):
    """A database that counts writes."""

    def __init__(self, real: Database) -> None:
        """Share all parts of the open database, and start with a count of zero."""
        vars(self).update(vars(real))
        self.writes = 0

    async def write(self, operation: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  (any operation)
        self.writes += 1
        return await super().write(operation, *arguments, **named)


@pytest.fixture
def kitchen(database: OpenDatabase) -> Kitchen:
    return Kitchen(database)


def test_a_fact_of_an_unknown_kind_waits_for_a_program_that_has_this_kind(kitchen: Kitchen) -> None:
    kitchen.record(KettleBoiled(1))
    kitchen.deliver(kitchen.old)
    ((due_at, attempts, error),) = kitchen.rows(KettleBoiled)
    assert due_at == kitchen.database.clock() + SECOND
    assert attempts == 1
    assert error is not None
    assert "kitchen.KettleBoiled is unknown" in error
    kitchen.database.clock.move(SECOND)
    kitchen.deliver(kitchen.new)
    assert kitchen.teas == [1]
    assert [(due_at, error) for due_at, _, error in kitchen.rows(KettleBoiled)] == [(NEVER, None)]


def test_a_fact_of_an_unknown_kind_is_retried_with_growing_pauses(kitchen: Kitchen) -> None:
    kitchen.record(KettleBoiled(1))
    for attempts in range(1, 12):
        assert kitchen.deliver(kitchen.old) == 1
        assert kitchen.deliver(kitchen.old) == 0
        pause = backoff(attempts - 1)
        assert kitchen.rows(KettleBoiled)[0][:2] == (kitchen.database.clock() + pause, attempts)
        kitchen.database.clock.move(pause)


def test_a_fact_of_an_unknown_kind_waits_while_a_module_is_missing(kitchen: Kitchen) -> None:
    kitchen.record(KettleBoiled(1))
    kitchen.deliver(Relay(kitchen.database.real, [], complete=False))
    assert kitchen.rows(KettleBoiled)[0][0] < NEVER


def test_thousands_of_unknown_facts_do_not_delay_others_and_take_few_writes(kitchen: Kitchen) -> None:
    kitchen.record(*map(KettleBoiled, range(2_000)), DoorOpened(1))
    rounds = kitchen.deliver(kitchen.old)
    assert kitchen.doors == [1]
    assert rounds <= 3
    assert kitchen.counted.writes <= rounds + 1
    assert {attempts for _, attempts, _ in kitchen.rows(KettleBoiled)} == {1}
    kitchen.database.clock.move(HOUR)
    kitchen.deliver(kitchen.new)
    assert sorted(kitchen.teas) == list(range(2_000))


def test_two_processes_postpone_a_fact_of_an_unknown_kind_once(kitchen: Kitchen) -> None:
    other_database = Database(kitchen.database.url, clock=kitchen.database.clock)

    async def deliver_both() -> None:
        await other_database.open()
        await asyncio.gather(kitchen.old.deliver_due(), Relay(other_database, []).deliver_due())
        await other_database.close()

    kitchen.record(*map(KettleBoiled, range(AT_ONCE)))
    kitchen.database.run(deliver_both())
    assert {attempts for _, attempts, _ in kitchen.rows(KettleBoiled)} == {1}


def test_the_log_names_an_unknown_kind_once(kitchen: Kitchen) -> None:
    kitchen.record(KettleBoiled(1), KettleBoiled(2))
    with capture_logs() as logs:
        for _ in range(5):
            kitchen.deliver(kitchen.old)
            kitchen.database.clock.move(HOUR)
    assert [line["fact"] for line in logs] == ["kitchen.KettleBoiled"]


def test_the_check_reports_unknown_kinds_and_neither_known_nor_settled_ones(
    kitchen: Kitchen,
) -> None:
    def check_problems(known: Iterable[str]) -> list[tuple[str, str]]:
        return [(problem.where, problem.what) for problem in kitchen.database.report(check_kinds(set(known)))]

    kitchen.record(KettleBoiled(1), KettleBoiled(2), DoorOpened(1))
    assert kitchen.database.read(count_unknown, {DoorOpened.KIND}) == {"kitchen.KettleBoiled": 2}
    ((where, what),) = check_problems({DoorOpened.KIND})
    assert where == "facts of kind kitchen.KettleBoiled"
    assert what.startswith("2 waiting; ")
    assert check_problems({DoorOpened.KIND, KettleBoiled.KIND}) == []
    kitchen.deliver(kitchen.new)
    assert check_problems(()) == []


def test_the_count_of_unknown_facts_is_cached_for_some_seconds(kitchen: Kitchen) -> None:
    unknown = UnknownKinds(kitchen.database.real, {DoorOpened.KIND})
    kitchen.record(KettleBoiled(1))
    assert kitchen.database.run(unknown.counts()) == {"kitchen.KettleBoiled": 1}
    kitchen.record(KettleBoiled(2))
    kitchen.database.clock.move(COUNT_PAUSE - 1)
    assert kitchen.database.run(unknown.counts()) == {"kitchen.KettleBoiled": 1}
    kitchen.database.clock.move(1)
    assert kitchen.database.run(unknown.counts()) == {"kitchen.KettleBoiled": 2}
    kitchen.record(KettleBoiled(3))
    kitchen.database.clock.move(-DAY)
    assert kitchen.database.run(unknown.counts()) == {"kitchen.KettleBoiled": 3}


def test_a_delivery_to_a_removed_handler_changes_nothing(kitchen: Kitchen) -> None:
    kitchen.record(DoorOpened(1))

    def record_delivery(connection: Connection) -> None:
        connection.run(
            _deliver,
            fact_id=connection.value(_ids),
            handler="kitchen.polish_door",
            delivered_at=connection.now,
        )

    kitchen.database.write(record_delivery)
    kitchen.deliver(kitchen.new)
    kitchen.database.clock.move(HOUR)
    kitchen.deliver(kitchen.new)
    assert kitchen.doors == [1]
    assert [due_at for due_at, _, _ in kitchen.rows(DoorOpened)] == [NEVER]


def test_a_fact_class_without_its_own_kind_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="Nameless has no KIND"):

        class Nameless(Fact):
            """A fact without a `KIND`."""

    with pytest.raises(TypeError, match="Second has no KIND"):

        class Second(DoorOpened):
            """A fact that would inherit the `KIND` of another fact."""


def test_a_subscription_without_a_name_is_refused_when_it_is_created(kitchen: Kitchen) -> None:
    with pytest.raises(TypeError, match="name"):
        Subscription(DoorOpened, kitchen.open_door)  # type: ignore[call-arg]
    for name, point in (("", "outbox.kitchen"), ("kitchen.open_door", "")):
        with pytest.raises(ValueError, match=r"kitchen\.DoorOpened has no name or no point"):
            Subscription(DoorOpened, kitchen.open_door, name, point)


def test_two_handlers_of_one_fact_with_one_name_are_refused(kitchen: Kitchen) -> None:
    duplicates = [Subscription(DoorOpened, kitchen.open_door, "kitchen.open_door", "outbox.kitchen")] * 2
    with pytest.raises(ValueError, match="have the same name"):
        Relay(kitchen.database.real, duplicates)

"""Facts to tell others, kept in the same commit as what they tell (the transactional outbox).

An operation records a fact; after COMMIT the relay hands it to every handler of the modules above, at least once and
in any order. A handler is an operation too: its changes and the note that it ran are one commit, so it takes effect on
the database once. A handler that raises is tried again, later and later, and holds up no other.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import Field, asdict, dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    func,
    select,
    update,
)

from festgate.kit.clock import DAY, MINUTE, NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting, metadata
from festgate.kit.resilience import faults

log = structlog.get_logger()

facts = Table(
    "kit_facts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
)
Index(
    "ix_kit_facts_due",
    facts.c.due_at,
    sqlite_where=facts.c.due_at < NEVER,
    postgresql_where=facts.c.due_at < NEVER,
)

deliveries = Table(
    "kit_deliveries",
    metadata,
    Column("fact_id", ForeignKey("kit_facts.id", ondelete="CASCADE"), primary_key=True),
    Column("handler", Text, primary_key=True),
    Column("delivered_at", BigInteger, nullable=False),
)


class Fact:
    """The base of the frozen dataclasses of numbers and text that say what has happened."""

    KIND: ClassVar[str]
    """The fact's name in the data (`checkout.OrderPaid`): a constant, which no move or renaming of code changes."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        """Refuse a class without a KIND of its own: an inherited one would name two facts alike."""
        if not cls.__dict__.get("KIND"):
            msg = f'{cls.__name__} has no KIND. Write its name in the data: KIND: ClassVar[str] = "checkout.OrderPaid".'
            raise TypeError(msg)


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Subscription(Generic[F]):
    """A handler and the fact that it waits for."""

    fact: type[F]
    handler: Callable[[Connection, F], None]
    name: str
    """The handler's name in the data: a constant, so that no move or renaming of code delivers a fact a second time."""
    point: str
    """Where a drill makes it fail: `outbox.tickets`."""

    def __post_init__(self) -> None:
        """Refuse empty names."""
        if not self.name or not self.point:
            msg = f"The subscription to {self.fact.KIND} has no name or no point."
            raise ValueError(msg)


@dataclass(frozen=True)
class Due:
    """A fact whose handlers are to be called."""

    id: int
    kind: str
    payload: str
    attempts: int


AT_ONCE = 32
"""Facts that one round of the relay takes: enough to share a COMMIT, few enough that a visitor's operation behind them
waits some ten milliseconds at most."""
MAX_WAIT = 5 * MINUTE
KEPT_FOR = 7 * DAY
FORGOTTEN_AT_ONCE = 1000
MAX_POSTPONED = 1000
"""Facts of an unknown kind that one write postpones: some 5 ms of SQLite, during which no visitor's write runs."""
UNKNOWN = "{kind} is not known here: another version wrote it, or its module is not running"
NOT_RUNNING = "a module that is not running"
"""Stands for the handlers of a module that failed to start: nobody delivers to it, so its facts wait."""

_insert = inserting(facts)
_deliver = inserting(deliveries)
_due = Statement(
    select(facts.c.id, facts.c.kind, facts.c.payload, facts.c.attempts)
    .where(facts.c.due_at <= bindparam("now"), facts.c.due_at < NEVER)
    .order_by(facts.c.due_at)
    .limit(AT_ONCE)
)
# FOR UPDATE is left out by SQLite, whose one writer needs no row locks. Skipping what another process has in hand
# keeps two relays from waiting for each other, or for ever when each has what the other wants.
_lock = Statement(
    select(facts.c.due_at).where(facts.c.id == bindparam("fact")).with_for_update(skip_locked=True)
)
_delivered = Statement(select(deliveries.c.handler).where(deliveries.c.fact_id == bindparam("fact")))
_settle = Statement(update(facts).where(facts.c.id == bindparam("fact")).values(due_at=NEVER, error=None))
_postpone = Statement(
    update(facts)
    .where(facts.c.id == bindparam("fact"), facts.c.due_at < NEVER)
    .values(due_at=bindparam("later"), attempts=facts.c.attempts + 1, error=bindparam("reason"))
)
# Those that another process has in hand are skipped: it may be a newer one that knows the kind.
_of_kind = (
    select(facts.c.id)
    .where(facts.c.due_at <= bindparam("now"), facts.c.due_at < NEVER, facts.c.kind == bindparam("of_kind"))
    .order_by(facts.c.due_at)
    .limit(MAX_POSTPONED)
    .with_for_update(skip_locked=True)
)
_postpone_kind = Statement(
    update(facts)
    .where(facts.c.id.in_(_of_kind))
    .values(due_at=bindparam("later"), attempts=facts.c.attempts + 1, error=bindparam("reason"))
)
_oldest = select(facts.c.id).order_by(facts.c.id).limit(FORGOTTEN_AT_ONCE)
_forget = Statement(
    facts.delete().where(
        facts.c.id.in_(_oldest), facts.c.due_at == NEVER, facts.c.recorded_at < bindparam("before")
    )
)
_count_waiting = Statement(select(func.count()).where(facts.c.due_at < NEVER))
_waiting = Statement(select(facts.c.kind, facts.c.payload).where(facts.c.due_at < NEVER))


def record(connection: Connection, fact: Fact) -> None:
    """Keep `fact` in this transaction; its handlers are called once it is committed."""
    now = connection.now
    connection.run(
        _insert,
        kind=fact.KIND,
        payload=json.dumps(asdict(fact)),
        recorded_at=now,
        due_at=now,
        attempts=0,
        error=None,
    )
    connection.announce("outbox")


def find_due(connection: Connection) -> list[Due]:
    """The facts that wait for their handlers, longest due first."""
    return [Due(*row) for row in connection.all(_due, now=connection.now)]


def waiting(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """(kind, fields) of every fact that some handler has yet to take."""
    return [(kind, json.loads(payload)) for kind, payload in connection.all(_waiting)]


def count_waiting(connection: Connection) -> int:
    """How many facts wait for a handler."""
    count: int = connection.value(_count_waiting)
    return count


def forget_settled(connection: Connection) -> int:
    """Drop facts that all have heard and that are older than a week, of the thousand oldest; how many went."""
    return connection.run(_forget, before=connection.now - KEPT_FOR)


def backoff(attempts: int, longest: Milliseconds = MAX_WAIT) -> Milliseconds:
    """How long to wait after a failure that came after `attempts` others: 1 s, 2 s, 4 s, ... up to `longest`."""
    return min(longest, SECOND << min(attempts, 30))


class Writes(Protocol):
    """The part of `Database` that the relay uses."""

    clock: Callable[[], Milliseconds]

    async def read(self, query: Any, *arguments: Any) -> Any:  # noqa: ANN401
        """As Database.read."""

    async def write(self, operation: Any, *arguments: Any) -> Any:  # noqa: ANN401
        """As Database.write."""

    def on_commit(self, topic: str, listener: Callable[[], None]) -> None:
        """As Database.on_commit."""


class Relay:
    """Hands recorded facts to their handlers, as soon as they are committed."""

    def __init__(
        self,
        database: Writes,
        subscriptions: Iterable[Subscription[Any]],
        *,
        facts: Iterable[type[Fact]] = (),
        complete: bool = True,
    ) -> None:
        """Know the facts of the subscriptions, and `facts`, which are settled when nobody subscribes to them.

        With `complete` False some module is not there: facts then wait for its handlers instead of being settled.
        """
        self._database = database
        self._subscriptions: dict[str, list[Subscription[Any]]] = defaultdict(list)
        for subscription in subscriptions:
            others = self._subscriptions[subscription.fact.KIND]
            if any(subscription.name == other.name for other in others):
                msg = f"Two subscriptions to {subscription.fact.KIND} are named {subscription.name}, and one would run."
                raise ValueError(msg)
            others.append(subscription)
        self.known = frozenset(self._subscriptions) | {fact.KIND for fact in facts}
        """The kinds that are handed on; facts of others wait."""
        self._reported: set[str] = set()
        """Unknown kinds that the log has named already."""
        self._absent = frozenset[str]() if complete else frozenset((NOT_RUNNING,))
        self._wake = asyncio.Event()
        database.on_commit("outbox", self._wake.set)

    async def run(self) -> None:
        """Deliver until cancelled. A look every half second finds what other processes left, or what fell due."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=0.5)
            self._wake.clear()
            try:
                while await self.deliver_due() == AT_ONCE:
                    pass
            except Exception:
                log.exception("the outbox could not be read; trying again")
                await asyncio.sleep(1)

    async def deliver_due(self) -> int:
        """Hand every fact that is due to its handlers, side by side; how many facts that were."""
        due: list[Due] = await self._database.read(find_due)
        attempts: dict[str, int] = {}
        for each in due:
            if each.kind not in self.known:
                attempts[each.kind] = max(each.attempts, attempts.get(each.kind, 0))
        outcomes = await asyncio.gather(
            *(self._deliver(each) for each in due if each.kind in self.known),
            *(self._postpone_unknown(kind, most) for kind, most in attempts.items()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(due)

    async def _postpone_unknown(self, kind: str, attempts: int) -> None:
        """Let the facts of a kind wait for a program that knows it, all in one write so that others are not held up."""
        if kind not in self._reported:
            self._reported.add(kind)
            log.warning("facts of an unknown kind wait for a version or a module that knows it", fact=kind)
        later = self._database.clock() + backoff(attempts)
        await self._database.write(postpone_kind, kind, later, UNKNOWN.format(kind=kind))

    async def _deliver(self, due: Due) -> None:
        subscriptions = self._subscriptions.get(due.kind, [])
        names = self._absent.union(subscription.name for subscription in subscriptions)
        failures = list(self._absent)
        for subscription in subscriptions:
            try:
                await self._database.write(deliver, due, subscription, names)
            except Exception as error:
                failure = f"{subscription.name}: {type(error).__name__}: {error}"
                failures.append(failure)
                # The whole story once: what fails for an hour fails a dozen times for each fact.
                log.warning(
                    "a handler failed",
                    fact=due.kind,
                    failure=failure,
                    attempt=due.attempts + 1,
                    exc_info=due.attempts == 0,
                )
        if failures:
            later = self._database.clock() + backoff(due.attempts)
            await self._database.write(postpone, due.id, later, "; ".join(failures))
        elif not subscriptions:
            await self._database.write(settle, due.id)


def deliver(
    connection: Connection, due: Due, subscription: Subscription[Any], handlers: frozenset[str]
) -> None:
    """Call one handler, unless it has had this fact, and note that it has; all in one transaction.

    `handlers` are the names of all who wait for the fact: the last of them to have had it settles it.
    """
    due_at = connection.value(_lock, fact=due.id)
    if due_at is None or due_at > connection.now:
        return  # another process has it in hand, or has settled it or put it off since it was read
    had = {name for (name,) in connection.all(_delivered, fact=due.id)}
    if subscription.name not in had:
        if faults.armed:
            faults.inject(subscription.point)
        subscription.handler(connection, subscription.fact(**json.loads(due.payload)))
        if handlers - had == {subscription.name}:
            settle(connection, due.id)
        else:
            connection.run(_deliver, fact_id=due.id, handler=subscription.name, delivered_at=connection.now)
    elif handlers <= had:
        settle(connection, due.id)


def settle(connection: Connection, fact: int) -> None:
    """Everyone has heard it."""
    connection.run(_settle, fact=fact)


def postpone(connection: Connection, fact: int, later: Milliseconds, reason: str) -> None:
    """Try again at `later`."""
    connection.run(_postpone, fact=fact, later=later, reason=reason)


def postpone_kind(connection: Connection, kind: str, later: Milliseconds, reason: str) -> int:
    """Try the facts of that kind that are due again at `later`, at most MAX_POSTPONED; return how many."""
    return connection.run(_postpone_kind, of_kind=kind, now=connection.now, later=later, reason=reason)

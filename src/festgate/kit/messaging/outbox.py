"""The transactional outbox: facts are stored in the same commit as the changes that they describe.

An operation records a fact; after COMMIT the relay delivers it to every handler of the modules above, at least once and
in any order. A handler is an operation too: its changes and the note of its delivery are one commit, so it affects the
database once. A handler that raises is retried with growing pauses, and does not delay other handlers.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import Field, asdict, dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    bindparam,
    func,
    select,
    update,
)

from festgate.kit.clock import DAY, MINUTE, NEVER, SECOND, Milliseconds
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, inserting, metadata, partial_index
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
partial_index("ix_kit_facts_due", facts.c.due_at, where=facts.c.due_at < NEVER)

deliveries = Table(
    "kit_deliveries",
    metadata,
    Column("fact_id", ForeignKey("kit_facts.id", ondelete="CASCADE"), primary_key=True),
    Column("handler", Text, primary_key=True),
    Column("delivered_at", BigInteger, nullable=False),
)


class Fact:
    """The base class of facts: frozen dataclasses of numbers and text that describe what has happened."""

    KIND: ClassVar[str]
    """The fact's name in the data (`checkout.OrderPaid`), a constant that does not depend on names in the code."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        """Refuse a class without its own KIND: with an inherited one, two facts would have the same name."""
        if not cls.__dict__.get("KIND"):
            msg = f'{cls.__name__} has no KIND. Add its name in the data: KIND: ClassVar[str] = "checkout.OrderPaid".'
            raise TypeError(msg)


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Subscription(Generic[F]):
    """A handler and the fact that it handles."""

    fact: type[F]
    handler: Callable[[Connection, F], None]
    name: str
    """The handler's name in the data, a constant, so that renaming the code does not deliver a fact twice."""
    point: str
    """Where a drill injects a fault: `outbox.tickets`."""

    def __post_init__(self) -> None:
        """Refuse empty names."""
        if not self.name or not self.point:
            msg = f"The subscription to {self.fact.KIND} has no name or no point."
            raise ValueError(msg)


@dataclass(frozen=True)
class Due:
    """A fact that is due for delivery."""

    id: int
    kind: str
    payload: str
    attempts: int


AT_ONCE = 32
"""Facts in one round of the relay: enough to share a COMMIT, and few enough that a visitor's operation behind them
waits about ten milliseconds at most."""
MAX_WAIT = 5 * MINUTE
KEPT_FOR = 7 * DAY
FORGOTTEN_AT_ONCE = 1000
MAX_POSTPONED = 1000
"""Facts of an unknown kind that one write postpones; it blocks the writes of visitors for about 5 ms on SQLite."""
UNKNOWN = "{kind} is unknown: another version wrote it, or its module is not running"
NOT_RUNNING = "a module that is not running"
"""Stands for the handlers of modules that failed to start; nothing is delivered to it, so facts wait."""

_insert = inserting(facts)
_deliver = inserting(deliveries)
_due = Statement(
    select(facts.c.id, facts.c.kind, facts.c.payload, facts.c.attempts)
    .where(facts.c.due_at <= bindparam("now"), facts.c.due_at < NEVER)
    .order_by(facts.c.due_at)
    .limit(AT_ONCE)
)
# The statement for SQLite has no FOR UPDATE, because SQLite has a single writer and no row locks. Skipping rows that
# another process has locked keeps two relays from waiting for each other and from deadlocks.
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
# Rows that another process has locked are skipped: it may be a newer version that knows the kind.
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
_lock_waiting = Statement(
    select(facts.c.payload)
    .where(
        facts.c.due_at < NEVER,
        facts.c.kind == bindparam("of_kind"),
        facts.c.payload.like(bindparam("beginning")),
    )
    .order_by(facts.c.id)
    .with_for_update()
)


def record(connection: Connection, fact: Fact) -> None:
    """Store `fact` in this transaction; its handlers are called after COMMIT."""
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
    """Return facts that are due for delivery, the longest due first."""
    return [Due(*row) for row in connection.all(_due, now=connection.now)]


def waiting(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return (kind, fields) of every fact that waits for a handler."""
    return [(kind, json.loads(payload)) for kind, payload in connection.all(_waiting)]


def lock_waiting(connection: Connection, fact: type[Fact], first: int) -> list[dict[str, Any]]:
    """Return the fields of the waiting facts of that type whose first field has the value `first`, oldest first.

    They are delivered after this commit. A fact that another process is delivering is waited for, and is not returned
    if that settles it.
    """
    # The database finds most others by the text: an import may change, and so ask about, a thousand events.
    name = fields(fact)[0].name
    beginning = json.dumps({name: first}).removesuffix("}")
    rows = connection.all(_lock_waiting, of_kind=fact.KIND, beginning=f"{beginning}%")
    return [values for (payload,) in rows if (values := json.loads(payload))[name] == first]


def count_waiting(connection: Connection) -> int:
    """Return how many facts wait for a handler."""
    count: int = connection.value(_count_waiting)
    return count


def forget_settled(connection: Connection) -> int:
    """Delete those of the thousand oldest facts that are settled and older than a week; return how many."""
    return connection.run(_forget, before=connection.now - KEPT_FOR)


def backoff(attempts: int, max_wait: Milliseconds = MAX_WAIT) -> Milliseconds:
    """Return how long to wait after `attempts` earlier failures: 1 s, 2 s, 4 s, ... up to `max_wait`."""
    return min(max_wait, SECOND << min(attempts, 30))


class Relay:
    """Delivers recorded facts to their handlers after they are committed."""

    def __init__(
        self,
        database: Database,
        subscriptions: Iterable[Subscription[Any]],
        *,
        facts: Iterable[type[Fact]] = (),
        complete: bool = True,
    ) -> None:
        """Take the subscriptions, and `facts` without one, which are settled at once.

        If `complete` is False some module is unavailable, and all facts wait for its handlers instead of being settled.
        """
        self._database = database
        self._subscriptions: dict[str, list[Subscription[Any]]] = defaultdict(list)
        for subscription in subscriptions:
            others = self._subscriptions[subscription.fact.KIND]
            if any(subscription.name == other.name for other in others):
                msg = (
                    f"Two subscriptions to {subscription.fact.KIND} have the same name, {subscription.name}."
                )
                raise ValueError(msg)
            others.append(subscription)
        self.known = frozenset(self._subscriptions) | {fact.KIND for fact in facts}
        """Kinds that are delivered; facts of other kinds wait."""
        self._reported: set[str] = set()
        """Unknown kinds that were logged already."""
        self._absent = frozenset[str]() if complete else frozenset((NOT_RUNNING,))
        self._wake = asyncio.Event()
        database.on_commit("outbox", self._wake.set)

    async def run(self) -> None:
        """Deliver until cancelled. A query every half second finds facts of other processes, and retries."""
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
        """Deliver all due facts to their handlers concurrently; return how many facts."""
        due = await self._database.read(find_due)
        attempts: dict[str, int] = {}
        for fact in due:
            if fact.kind not in self.known:
                attempts[fact.kind] = max(fact.attempts, attempts.get(fact.kind, 0))
        outcomes = await asyncio.gather(
            *(self._deliver(fact) for fact in due if fact.kind in self.known),
            *(self._postpone_unknown(kind, count) for kind, count in attempts.items()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(due)

    async def _postpone_unknown(self, kind: str, attempts: int) -> None:
        """Postpone all due facts of an unknown kind in one write, so that other facts are not delayed."""
        if kind not in self._reported:
            self._reported.add(kind)
            log.warning("facts of an unknown kind wait for another version or a missing module", fact=kind)
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
                # The traceback only once: in an hour of failures there are a dozen attempts for each fact.
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
    """Call one handler, unless this fact was delivered to it before, and note the delivery in the same transaction.

    `handlers` are the names of all handlers of the fact; the delivery to the last of them settles the fact.
    """
    due_at = connection.value(_lock, fact=due.id)
    if due_at is None or due_at > connection.now:
        return  # another process has locked, settled or postponed it meanwhile
    delivered = {name for (name,) in connection.all(_delivered, fact=due.id)}
    if subscription.name not in delivered:
        if faults.armed:
            faults.inject(subscription.point)
        subscription.handler(connection, subscription.fact(**json.loads(due.payload)))
        if handlers - delivered == {subscription.name}:
            settle(connection, due.id)
        else:
            connection.run(_deliver, fact_id=due.id, handler=subscription.name, delivered_at=connection.now)
    elif handlers <= delivered:
        settle(connection, due.id)


def settle(connection: Connection, fact: int) -> None:
    """Mark the fact as delivered to all handlers."""
    connection.run(_settle, fact=fact)


def postpone(connection: Connection, fact: int, later: Milliseconds, reason: str) -> None:
    """Store the reason for a failure, and retry at `later`."""
    connection.run(_postpone, fact=fact, later=later, reason=reason)


def postpone_kind(connection: Connection, kind: str, later: Milliseconds, reason: str) -> int:
    """Postpone due facts of that kind until `later`, at most MAX_POSTPONED; return how many."""
    return connection.run(_postpone_kind, of_kind=kind, now=connection.now, later=later, reason=reason)

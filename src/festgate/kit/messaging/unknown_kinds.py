"""Counts of waiting facts whose kind this program does not know, for `/readyz` and `festgate check`."""

from collections.abc import Collection, Mapping

from sqlalchemy import func, select

from festgate.kit.checks import Check, Finding
from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging.outbox import facts

COUNT_PAUSE = 5 * SECOND
"""Time for which `/readyz` uses a count; with 20,000 waiting facts a count takes 10 ms on a thread."""

_waiting = Statement(
    select(facts.c.kind, func.count())
    .where(facts.c.due_at < NEVER)
    .group_by(facts.c.kind)
    .order_by(facts.c.kind)
)


def count_unknown(connection: Connection, known: Collection[str]) -> dict[str, int]:
    """Return how many facts wait of each kind that is not in `known`."""
    return {kind: count for kind, count in connection.all(_waiting) if kind not in known}


def check_kinds(known: Collection[str]) -> Check:
    """Return the check that every waiting fact is of a known kind."""

    def check(connection: Connection) -> list[Finding]:
        return [
            Finding(
                "every waiting fact is of a known kind",
                f"facts of kind {kind}",
                f"{count} waiting; they were written by another version of Festgate: run that version or a newer one",
            )
            for kind, count in count_unknown(connection, known).items()
        ]

    return check


class UnknownKinds:
    """A cached count for `/readyz`, which anyone may request at any rate."""

    def __init__(self, database: Database, known: Collection[str]) -> None:
        """Take the database and the known kinds; count nothing yet."""
        self._database = database
        self._known = known
        self._counts: Mapping[str, int] = {}
        self._counted_at: Milliseconds = -COUNT_PAUSE

    async def counts(self) -> Mapping[str, int]:
        """Return how many facts wait of each unknown kind, at most COUNT_PAUSE ago."""
        now = self._database.clock()
        if not self._counted_at <= now < self._counted_at + COUNT_PAUSE:  # also after the clock was set back
            self._counted_at = now
            self._counts = await self._database.report(count_unknown, self._known)
        return self._counts

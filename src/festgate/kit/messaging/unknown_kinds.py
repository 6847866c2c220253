"""Facts of a kind that this program does not know: how many wait, for `/readyz` and `festgate check`."""

from collections.abc import Collection, Mapping

from sqlalchemy import func, select

from festgate.kit.checks import Check, Finding
from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging.outbox import facts

LOOK = 5 * SECOND
"""Between two looks of `/readyz`: one takes 10 ms of a thread when 20,000 facts wait."""

_waiting = Statement(
    select(facts.c.kind, func.count())
    .where(facts.c.due_at < NEVER)
    .group_by(facts.c.kind)
    .order_by(facts.c.kind)
)


def count_unknown(connection: Connection, known: Collection[str]) -> dict[str, int]:
    """Return how many facts wait of each kind that is not among the `known` ones."""
    return {kind: count for kind, count in connection.all(_waiting) if kind not in known}


def check_kinds(known: Collection[str]) -> Check:
    """Return the check that every waiting fact is of a known kind."""

    def check(connection: Connection) -> list[Finding]:
        return [
            Finding(
                "every waiting fact is of a known kind",
                f"facts of kind {kind}",
                f"{count} waiting; another version of Festgate wrote them: run that version or a newer one",
            )
            for kind, count in count_unknown(connection, known).items()
        ]

    return check


class UnknownKinds:
    """The last count, for `/readyz`, which anyone may ask as often as they like."""

    def __init__(self, database: Database, known: Collection[str]) -> None:
        """Look at nothing yet."""
        self._database = database
        self._known = known
        self._counts: Mapping[str, int] = {}
        self._looked_at: Milliseconds = -LOOK

    async def counts(self) -> Mapping[str, int]:
        """Return how many facts wait of each unknown kind, as they were LOOK ago at the earliest."""
        now = self._database.clock()
        if not self._looked_at <= now < self._looked_at + LOOK:  # also where the clock has been put back
            self._looked_at = now
            self._counts = await self._database.report(count_unknown, self._known)
        return self._counts

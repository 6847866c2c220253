"""Facts of a kind that this program does not know: how many wait, for `/readyz` and `festgate check`."""

from collections.abc import Collection

from sqlalchemy import func, select

from festgate.kit.checks import Check, Finding
from festgate.kit.clock import NEVER
from festgate.kit.outbox import facts
from festgate.kit.statements import Connection, Statement

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

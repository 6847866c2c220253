"""Reads of the pause of holds."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from festgate.kit.clock import SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.registrations.tables import (
    OPEN,
    pauses,
)

MAX_LEASE: Milliseconds = 60 * SECOND
"""A longer pause was written before the clock was set back."""
_pause = select(pauses.c.id, pauses.c.began_at, pauses.c.ends_at).where(OPEN)
_open_pause = Statement(_pause)
_lock_pause = Statement(_pause.with_for_update())


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which no hold runs out: the clock of holds stands still at `began_at`."""

    id: int
    began_at: Milliseconds
    ends_at: Milliseconds

    def is_over(self, now: Milliseconds) -> bool:
        """Return whether the pause was not renewed in time, or was written before the clock was set back."""
        return not (self.began_at <= now < self.ends_at <= now + MAX_LEASE)


def find_pause(connection: Connection) -> Pause | None:
    """Return the pause that has not been applied yet, ended or not; None while holds run."""
    return _read_pause(connection.first(_open_pause))


def lock_pause(connection: Connection) -> Pause | None:
    """Return the pause as `find_pause` does, and lock it until this transaction ends."""
    return _read_pause(connection.first(_lock_pause))


def are_holds_paused(connection: Connection) -> bool:
    """Return whether the clock of holds stands still."""
    pause = find_pause(connection)
    return pause is not None and pause.began_at <= connection.now


def _read_pause(row: tuple[Any, ...] | None) -> Pause | None:
    return None if row is None else Pause(*row)

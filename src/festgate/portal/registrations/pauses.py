"""While nobody can pay, holds do not run out: their clock stands still.

A pause begins when somebody says `stop_holds`, and goes on for as long as it is said again in time: it is a lease, so a
process that dies while checkout rests stops no clock for ever. Until it is applied every read of a hold sees the moment
at which it began (`tables.HOLD_NOW`), so no seat is moved while it lasts, and it costs nothing however many there are.
`resume_holds` then gives each held seat the time that it stood still, in one statement, and nobody sees a jump.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import BigInteger, bindparam, case, select, update

from festgate.kit.clock import NEVER, SECOND, Milliseconds, minutes_left
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.messaging import outbox
from festgate.portal.registrations import queries
from festgate.portal.registrations.facts import HoldsResumed
from festgate.portal.registrations.tables import HELD, OPEN, pauses, seats

log = structlog.get_logger()

LEASE: Milliseconds = 3 * SECOND
"""How long a pause goes on after it was last said to."""
MAX_LEASE: Milliseconds = 60 * SECOND
"""A pause that is to last longer was said to by a clock that has been put back since."""
RENEWED_AT: Milliseconds = 2100
"""What is left of it when it is renewed: two looks more, should one be late."""
LOOK = 1.0
"""Seconds between two looks of the keeper."""

_pause = select(pauses.c.id, pauses.c.began_at, pauses.c.ends_at).where(OPEN)
_open = Statement(_pause)
_lock = Statement(_pause.with_for_update())
_insert = inserting(pauses)
_renew = Statement(
    update(pauses)
    .where(pauses.c.id == bindparam("pause"), OPEN)
    .values(began_at=bindparam("new_began"), ends_at=bindparam("new_end"))
)
_close = Statement(
    update(pauses)
    .where(pauses.c.id == bindparam("pause"), OPEN)
    .values(ends_at=bindparam("now"), applied_at=bindparam("now"))
)
_now = bindparam("now", type_=BigInteger)
_began = bindparam("began", type_=BigInteger)
# A seat that was taken in the pause has stood still since then only.
_stood = case(
    (seats.c.taken_at >= _now, 0), (seats.c.taken_at > _began, _now - seats.c.taken_at), else_=_now - _began
)
_move_along = Statement(
    update(seats)
    .where(HELD, seats.c.held_until > _began)
    .values(held_until=seats.c.held_until + _stood, hold_ends_at=seats.c.hold_ends_at + _stood)
)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the clock of holds stands still at `began_at`."""

    id: int
    began_at: Milliseconds
    ends_at: Milliseconds

    def is_over(self, now: Milliseconds) -> bool:
        """Whether nobody renews it, or it was written by a clock that has been put back since."""
        return not (self.began_at <= now < self.ends_at <= now + MAX_LEASE)


def stop_holds(connection: Connection, until: Milliseconds) -> None:
    """The clock of holds stands still from now, or from when it was stopped, until `until` at least."""
    now = connection.now
    pause = _found(connection.first(_lock))
    if pause is None:
        try:
            connection.run(_insert, began_at=now, ends_at=until, applied_at=NEVER)
        except UniqueViolation:
            # Another process has stopped it this instant.
            raise TryAgain from None
        return
    believed = pause.ends_at if pause.ends_at <= now + MAX_LEASE else until
    connection.run(_renew, pause=pause.id, new_began=min(pause.began_at, now), new_end=max(believed, until))


def resume_holds(connection: Connection) -> bool:
    """Let the clock run on if nobody says any more that it stands; True if it does from now on.

    Every hold has as much time left as it had when the clock was stopped, or when it was taken if that was later. That
    also holds when no process was there to do this for an hour: who could not pay in that hour has lost nothing.
    """
    pause = _found(connection.first(_lock))
    now = connection.now
    if pause is None or not pause.is_over(now):
        return False
    connection.run(_close, pause=pause.id, now=now)
    if pause.began_at < now and connection.run(_move_along, began=pause.began_at, now=now):
        outbox.record(connection, HoldsResumed(pause.began_at, now))
    return True


def find_pause(connection: Connection) -> Pause | None:
    """The pause that has not been applied yet, over or not; None while the clock of holds runs."""
    return _found(connection.first(_open))


def holds_stand(connection: Connection) -> bool:
    """Whether the clock of holds stands still."""
    pause = find_pause(connection)
    return pause is not None and pause.began_at <= connection.now


def kept_sentence(connection: Connection, person_id: int) -> str:
    """What to tell somebody who cannot pay now, of the seats that they hold; empty when they hold none."""
    held = [seat for seat in queries.seats_of(connection, person_id) if seat.state == "held"]
    if not held:
        return ""
    left = minutes_left(min(seat.held_until for seat in held) - connection.now)
    kept, clock = (
        ("Your seat is kept", "its") if len(held) == 1 else (f"Your {len(held)} seats are kept", "their")
    )
    if not holds_stand(connection):
        return f"{kept} for another {left}."
    return (
        f"{kept}: {clock} time is paused while checkout is unavailable. You will have {left} once it is back."
    )


def _found(row: tuple[Any, ...] | None) -> Pause | None:
    return None if row is None else Pause(*row)


class HoldKeeper:
    """Stops the clock of holds while nobody can pay, and lets it run on."""

    def __init__(self, database: Database, resting: Callable[[], bool]) -> None:
        """`resting` says whether checkout, which this module knows nothing of, cannot take money at the moment."""
        self._database = database
        self._resting = resting

    async def run(self) -> None:
        """Look each second until cancelled. While all is well that is one short read."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the clock of holds could not be looked after; trying again")
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Stop the clock for another moment, or let it run on where that is due."""
        database = self._database
        pause = await database.read(find_pause)
        now = database.clock()
        if self._resting():
            # Of several workers one renews it each second: each write has every page looked at again.
            if pause is None or pause.is_over(now) or pause.ends_at < now + RENEWED_AT:
                await database.write(stop_holds, now + LEASE)
                if pause is None:
                    log.warning("the clock of holds stands still")
        elif pause is not None and pause.is_over(now) and await database.write(resume_holds):
            log.info("the clock of holds runs on")

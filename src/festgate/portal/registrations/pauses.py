"""The pause of holds: while nobody can pay, holds do not run out, because their clock stands still.

`pause_holds` begins a pause and renews it. It is a lease, so the pause ends by itself if the process that renews it
dies. During a pause every read of a hold uses the time at which it began (`tables.HOLD_NOW`), so it changes no seat and
costs nothing, however many seats there are. `resume_holds` then extends each hold by the length of the pause, in one
statement and without a visible jump.
"""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import BigInteger, bindparam, case, update

from festgate.kit.clock import NEVER, SECOND, Milliseconds, minutes_left
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.messaging import outbox
from festgate.kit.translation import ngettext
from festgate.portal.registrations import queries
from festgate.portal.registrations.facts import HoldsResumed
from festgate.portal.registrations.pause_queries import MAX_LEASE, are_holds_paused, find_pause, lock_pause
from festgate.portal.registrations.tables import HELD, OPEN, pauses, seats

log = structlog.get_logger()

LEASE: Milliseconds = 3 * SECOND
"""How long a pause lasts after it was last renewed."""
RENEWED_AT: Milliseconds = 2100
"""The rest of the lease at which it is renewed: enough for two more checks if one is late."""
CHECK_EVERY = 1.0
"""Seconds between two checks of the keeper."""

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
# A seat that was taken during the pause has been paused only since then.
_stood = case(
    (seats.c.taken_at >= _now, 0), (seats.c.taken_at > _began, _now - seats.c.taken_at), else_=_now - _began
)
_extend = Statement(
    update(seats)
    .where(HELD, seats.c.held_until > _began)
    .values(held_until=seats.c.held_until + _stood, hold_ends_at=seats.c.hold_ends_at + _stood)
)


def pause_holds(connection: Connection, until: Milliseconds) -> None:
    """Pause holds until `until` at least, or renew the pause."""
    now = connection.now
    pause = lock_pause(connection)
    if pause is None:
        try:
            connection.run(_insert, began_at=now, ends_at=until, applied_at=NEVER)
        except UniqueViolation:
            # Another process has just begun a pause.
            raise TryAgain from None
        return
    end = pause.ends_at if pause.ends_at <= now + MAX_LEASE else until
    connection.run(_renew, pause=pause.id, new_began=min(pause.began_at, now), new_end=max(end, until))


def resume_holds(connection: Connection) -> bool:
    """Apply a pause that is over; return whether there was one.

    Every hold then has as much time left as when the pause began, or when the seat was taken if that was later. This is
    also true if no process could apply it for an hour: nobody loses the time in which they could not pay.
    """
    pause = lock_pause(connection)
    now = connection.now
    if pause is None or not pause.is_over(now):
        return False
    connection.run(_close, pause=pause.id, now=now)
    if pause.began_at < now and connection.run(_extend, began=pause.began_at, now=now):
        outbox.record(connection, HoldsResumed(pause.began_at, now))
    return True


def kept_sentence(connection: Connection, person_id: int) -> str:
    """Return a sentence about the held seats of a person who cannot pay now; empty without held seats."""
    held = [seat for seat in queries.seats_of(connection, person_id) if seat.state == "held"]
    if not held:
        return ""
    if are_holds_paused(connection):
        sentence = ngettext(
            "Your seat is kept: its time is paused while checkout is unavailable. "
            "You will have {time} once it is back.",
            "Your {count} seats are kept: their time is paused while checkout is unavailable. "
            "You will have {time} once it is back.",
            len(held),
        )
    else:
        sentence = ngettext(
            "Your seat is kept for another {time}.",
            "Your {count} seats are kept for another {time}.",
            len(held),
        )
    left = minutes_left(min(seat.held_until for seat in held) - connection.now)
    return sentence.format(count=len(held), time=left)


class HoldKeeper:
    """A background task that pauses holds while nobody can pay, and resumes them."""

    def __init__(self, database: Database, is_unavailable: Callable[[], bool]) -> None:
        """Take a function that returns whether checkout, a module above, is unavailable."""
        self._database = database
        self._is_unavailable = is_unavailable

    async def run(self) -> None:
        """Check each second until cancelled; usually that is one short read."""
        while True:
            try:
                await self.check()
            except Exception:
                log.exception("holds could not be paused or resumed; trying again")
            await asyncio.sleep(CHECK_EVERY)

    async def check(self) -> None:
        """Pause holds or renew the pause, or resume them once checkout is available."""
        database = self._database
        pause = await database.read(find_pause)
        now = database.clock()
        if self._is_unavailable():
            # Only one of several workers renews it in a second, because each write makes every page be read again.
            if pause is None or pause.is_over(now) or pause.ends_at < now + RENEWED_AT:
                await database.write(pause_holds, now + LEASE)
                if pause is None:
                    log.warning("holds are paused")
        elif pause is not None and pause.is_over(now) and await database.write(resume_holds):
            log.info("holds are resumed")

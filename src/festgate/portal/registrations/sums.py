"""Sums over the seats of all events, for the organisers' dashboard: a few statements, whatever their number."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.registrations.tables import HELD, HOLD_NOW, seats, waiting

QUARTER = 15 * MINUTE
"""The steps in which registrations are counted: every time zone's day begins at one."""


@dataclass(frozen=True, slots=True)
class SeatTotals:
    """The live seats of an event."""

    held: int = 0
    confirmed: int = 0


_live = (
    select(seats.c.event_id, seats.c.state, func.count())
    .where((seats.c.state == "confirmed") | (HELD & (seats.c.held_until > HOLD_NOW)))
    .group_by(seats.c.event_id, seats.c.state)
)
_all_live = Statement(_live)
_live_of_event = Statement(_live.where(seats.c.event_id == bindparam("event")))
_ever = Statement(select(seats.c.id).where(seats.c.event_id == bindparam("event")).limit(1))
_waited = Statement(select(waiting.c.id).where(waiting.c.event_id == bindparam("event")).limit(1))
_step = seats.c.taken_at // QUARTER
_TAKEN = (seats.c.state == "confirmed") & (seats.c.taken_at >= bindparam("since"))
_taken = Statement(select(_step, func.count()).where(_TAKEN).group_by(_step))
_taken_at = Statement(
    select(_step, func.count()).where(_TAKEN, seats.c.event_id == bindparam("event")).group_by(_step)
)


def count_all_seats(connection: Connection, event_id: int | None = None) -> Mapping[int, SeatTotals]:
    """Return the seats of each event that has any, or of one of them, by event id, without holds that have ended."""
    if event_id is None:
        rows = connection.all(_all_live, now=connection.now)
    else:
        rows = connection.all(_live_of_event, event=event_id, now=connection.now)
    counts: dict[int, dict[str, int]] = {}
    for number, state, count in rows:
        counts.setdefault(number, {})[state] = count
    return {
        number: SeatTotals(states.get("held", 0), states.get("confirmed", 0))
        for number, states in counts.items()
    }


def count_taken(
    connection: Connection, since: Milliseconds, event_id: int | None = None
) -> list[tuple[Milliseconds, int]]:
    """Return (beginning of a quarter of an hour, number) of the confirmed seats that were taken since.

    They are those of one event, or of all.
    """
    if event_id is None:
        rows = connection.all(_taken, since=since)
    else:
        rows = connection.all(_taken_at, event=event_id, since=since)
    return [(step * QUARTER, count) for step, count in rows]


def was_registered_for(connection: Connection, event_id: int) -> bool:
    """Return whether anybody ever took a seat at the event, or joined its waiting list."""
    return any(connection.first(statement, event=event_id) is not None for statement in (_ever, _waited))

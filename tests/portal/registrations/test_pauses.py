"""Holds are paused while nobody can pay, and resumed, on SQLite and on PostgreSQL."""

import asyncio
from functools import partial
from typing import cast

import pytest

from festgate.kit.clock import HOUR, MINUTE, NEVER, SECOND
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.claims import claim_seats, unclaim_seats
from festgate.portal.registrations.holds import hold_seat, refuse_early, sweep_all
from festgate.portal.registrations.pauses import (
    LEASE,
    HoldKeeper,
    kept_sentence,
    pause_holds,
    resume_holds,
)
from festgate.portal.registrations.queries import are_holds_paused, find_pause
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def hold(database: OpenDatabase, person: int, event: catalogue.Event) -> int:
    return database.write(hold_seat, person, event.slug, 15)


def stop(database: OpenDatabase) -> None:
    database.write(pause_holds, database.clock.now + LEASE)


def left(database: OpenDatabase, seat: int) -> int:
    """Return the milliseconds that the hold has left; 0 if it has ended."""
    found = database.read(queries.seat, seat)
    return found.held_until - database.clock.now if found.state == "held" else 0


def test_while_the_clock_stands_no_hold_runs_out_and_afterwards_each_has_the_time_it_had(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=1)
    person, rival = add_someone(database), add_someone(database)
    seat = hold(database, person, event)
    database.clock.move(10 * MINUTE)
    stop(database)
    database.clock.move(2 * HOUR)
    assert left(database, seat) == 5 * MINUTE
    for operation in (partial(hold_seat, hold_minutes=15), refuse_early):
        with pytest.raises(catalogue.SoldOut):
            database.write(operation, rival, event.slug)
    assert database.write(sweep_all) == 0
    lapses = database.read(queries.find_lapses)
    assert (dict(lapses.seats), lapses.next_at) == ({}, NEVER)
    assert database.write(resume_holds)
    assert left(database, seat) == 5 * MINUTE
    assert database.read(queries.find_lapses).next_at == database.clock.now + 5 * MINUTE
    database.clock.move(5 * MINUTE - 1)
    assert left(database, seat) == 1
    database.clock.move(1)
    assert left(database, seat) == 0
    hold(database, rival, event)
    assert database.report(check_counts) == []


def test_a_hold_that_had_ended_before_the_clock_was_stopped_is_over_all_the_same(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=1)
    seat = hold(database, add_someone(database), event)
    database.clock.move(15 * MINUTE)
    stop(database)
    database.clock.move(MINUTE)
    assert left(database, seat) == 0
    assert dict(database.read(queries.find_lapses).seats) == {event.id: 1}
    other = hold(database, add_someone(database), event)
    database.clock.move(HOUR)
    assert database.write(resume_holds)
    assert (left(database, seat), left(database, other)) == (0, 15 * MINUTE)


def test_a_seat_that_is_taken_while_the_clock_stands_has_all_its_time_afterwards(
    database: OpenDatabase,
) -> None:
    stop(database)
    database.clock.move(MINUTE)
    seat = hold(database, add_someone(database), add_event(database))
    database.clock.move(HOUR)
    assert left(database, seat) == 15 * MINUTE
    database.write(resume_holds)
    assert left(database, seat) == 15 * MINUTE


def test_an_order_that_is_placed_while_the_clock_stands_keeps_its_seats_for_all_its_time(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    short, long = hold(database, person, add_event(database)), hold(database, person, add_event(database))
    database.clock.move(10 * MINUTE)
    stop(database)
    database.clock.move(HOUR)
    seats = database.read(queries.payable_seats, person)
    assert [seat.id for seat in seats] == [short, long]
    database.write(claim_seats, seats, 7, database.clock.now + 35 * MINUTE)
    assert left(database, short) == 35 * MINUTE
    database.clock.move(HOUR)
    assert left(database, short) == 35 * MINUTE
    assert database.read(queries.kept_until, 7) == database.clock.now + 35 * MINUTE
    database.write(resume_holds)
    assert left(database, short) == left(database, long) == 35 * MINUTE
    database.write(unclaim_seats, 7)
    assert left(database, short) == 5 * MINUTE


def test_the_clock_stands_as_long_as_that_is_said_again_in_time(database: OpenDatabase) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    stop(database)
    for _ in range(20):
        database.clock.move(LEASE - 1)
        assert not database.write(resume_holds)
        stop(database)
    assert left(database, seat) == 15 * MINUTE
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    assert not database.write(resume_holds)
    assert left(database, seat) == 15 * MINUTE
    assert not database.read(are_holds_paused)


def test_a_process_that_dies_while_the_clock_stands_leaves_nobody_with_less_time(
    database: OpenDatabase,
) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    stop(database)
    # For a day no process was there to resume holds.
    database.clock.move(24 * HOUR)
    assert left(database, seat) == 15 * MINUTE
    database.run(HoldKeeper(database.real, lambda: False).check())
    assert database.read(find_pause) is None
    assert left(database, seat) == 15 * MINUTE


def test_what_stands_again_is_told_once_and_only_where_a_hold_was_moved(database: OpenDatabase) -> None:
    stop(database)
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    assert database.read(outbox.waiting) == []
    began = database.clock.now
    hold(database, add_someone(database), add_event(database))
    stop(database)
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    fact = ("registrations.HoldsResumed", {"began_at": began, "resumed_at": began + LEASE})
    assert database.read(outbox.waiting) == [fact]


def test_many_who_stop_it_at_once_stop_it_once(database: OpenDatabase) -> None:
    until = database.clock.now + LEASE
    answers = database.write_together(*[partial(pause_holds, until=until)] * 8)
    assert answers == [None] * 8
    pause = database.read(find_pause)
    assert pause is not None
    assert (pause.began_at, pause.ends_at) == (database.clock.now, until)


def test_a_clock_that_was_wrong_and_is_put_back_stops_no_hold_for_long(database: OpenDatabase) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    database.clock.move(HOUR)
    stop(database)
    database.clock.move(-HOUR)
    assert left(database, seat) == 15 * MINUTE
    database.clock.move(SECOND)
    assert left(database, seat) == 15 * MINUTE - SECOND, "holds are not paused"
    # Checkout is still unavailable: the pause begins anew, by the right clock.
    stop(database)
    database.clock.move(LEASE)
    assert left(database, seat) == 15 * MINUTE - SECOND
    assert database.write(resume_holds)
    assert left(database, seat) == 15 * MINUTE - SECOND


def test_the_keeper_stops_the_clock_while_checkout_rests_and_writes_nothing_while_it_is_well(
    database: OpenDatabase,
) -> None:
    rests = False
    keeper = HoldKeeper(database.real, lambda: rests)
    seat = hold(database, add_someone(database), add_event(database))

    def version() -> object:
        async def ask() -> object:
            await asyncio.sleep(0)
            # Only the number of writes is compared: on PostgreSQL the rest of the version follows the clock.
            turns, _ = cast("tuple[int, object]", database.real.version())
            return turns

        return database.run(ask())

    before = version()
    database.run(keeper.check())
    assert version() == before
    rests = True
    for _ in range(60):
        database.run(keeper.check())
        database.clock.move(SECOND)
        assert left(database, seat) == 15 * MINUTE
    rests = False
    for _ in range(4):
        database.run(keeper.check())
        database.clock.move(SECOND)
    assert not database.read(are_holds_paused)
    assert 14 * MINUTE < left(database, seat) < 15 * MINUTE


def test_who_cannot_pay_is_told_what_is_kept_and_for_how_long(database: OpenDatabase) -> None:
    person = add_someone(database)
    assert database.read(kept_sentence, person) == ""
    hold(database, person, add_event(database))
    database.clock.move(3 * MINUTE)
    hold(database, person, add_event(database))
    stop(database)
    database.clock.move(HOUR)
    assert database.read(kept_sentence, person) == (
        "Your 2 seats are kept: their time is paused while checkout is unavailable. "
        "You will have 12 minutes once it is back."
    )
    one = add_someone(database)
    hold(database, one, add_event(database))
    assert database.read(kept_sentence, one).startswith("Your seat is kept: its time is paused")

"""Holds are paused while checkout is unavailable, and resumed, on SQLite and on PostgreSQL."""

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
from festgate.portal.registrations.pause_queries import are_holds_paused, find_pause
from festgate.portal.registrations.pauses import (
    LEASE,
    HoldKeeper,
    kept_sentence,
    pause_holds,
    resume_holds,
)
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def hold(database: OpenDatabase, person: int, event: catalogue.Event) -> int:
    return database.write(hold_seat, person, event.slug, 15)


def pause(database: OpenDatabase) -> None:
    database.write(pause_holds, database.clock.now + LEASE)


def time_left(database: OpenDatabase, seat: int) -> int:
    """Return the milliseconds that the hold has left; 0 if it has ended."""
    current = database.read(queries.seat, seat)
    return current.held_until - database.clock.now if current.state == "held" else 0


def test_paused_holds_do_not_expire_and_keep_their_time(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=1)
    person, other_person = add_someone(database), add_someone(database)
    seat = hold(database, person, event)
    database.clock.move(10 * MINUTE)
    pause(database)
    database.clock.move(2 * HOUR)
    assert time_left(database, seat) == 5 * MINUTE
    for operation in (partial(hold_seat, hold_minutes=15), refuse_early):
        with pytest.raises(catalogue.SoldOut):
            database.write(operation, other_person, event.slug)
    assert database.write(sweep_all) == 0
    lapses = database.read(queries.find_lapses)
    assert (dict(lapses.seats), lapses.next_at) == ({}, NEVER)
    assert database.write(resume_holds)
    assert time_left(database, seat) == 5 * MINUTE
    assert database.read(queries.find_lapses).next_at == database.clock.now + 5 * MINUTE
    database.clock.move(5 * MINUTE - 1)
    assert time_left(database, seat) == 1
    database.clock.move(1)
    assert time_left(database, seat) == 0
    hold(database, other_person, event)
    assert database.report(check_counts) == []


def test_a_hold_that_expired_before_the_pause_stays_expired(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=1)
    seat = hold(database, add_someone(database), event)
    database.clock.move(15 * MINUTE)
    pause(database)
    database.clock.move(MINUTE)
    assert time_left(database, seat) == 0
    assert dict(database.read(queries.find_lapses).seats) == {event.id: 1}
    other_seat = hold(database, add_someone(database), event)
    database.clock.move(HOUR)
    assert database.write(resume_holds)
    assert (time_left(database, seat), time_left(database, other_seat)) == (0, 15 * MINUTE)


def test_a_seat_taken_during_a_pause_gets_its_full_time(
    database: OpenDatabase,
) -> None:
    pause(database)
    database.clock.move(MINUTE)
    seat = hold(database, add_someone(database), add_event(database))
    database.clock.move(HOUR)
    assert time_left(database, seat) == 15 * MINUTE
    database.write(resume_holds)
    assert time_left(database, seat) == 15 * MINUTE


def test_an_order_placed_during_a_pause_keeps_its_seats_for_its_full_time(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    first_seat, second_seat = (
        hold(database, person, add_event(database)),
        hold(database, person, add_event(database)),
    )
    database.clock.move(10 * MINUTE)
    pause(database)
    database.clock.move(HOUR)
    seats = database.read(queries.payable_seats, person)
    assert [seat.id for seat in seats] == [first_seat, second_seat]
    database.write(claim_seats, seats, 7, database.clock.now + 35 * MINUTE)
    assert time_left(database, first_seat) == 35 * MINUTE
    database.clock.move(HOUR)
    assert time_left(database, first_seat) == 35 * MINUTE
    assert database.read(queries.kept_until, 7) == database.clock.now + 35 * MINUTE
    database.write(resume_holds)
    assert time_left(database, first_seat) == time_left(database, second_seat) == 35 * MINUTE
    database.write(unclaim_seats, 7)
    assert time_left(database, first_seat) == 5 * MINUTE


def test_a_pause_lasts_as_long_as_its_lease_is_renewed(database: OpenDatabase) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    pause(database)
    for _ in range(20):
        database.clock.move(LEASE - 1)
        assert not database.write(resume_holds)
        pause(database)
    assert time_left(database, seat) == 15 * MINUTE
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    assert not database.write(resume_holds)
    assert time_left(database, seat) == 15 * MINUTE
    assert not database.read(are_holds_paused)


def test_a_process_killed_during_a_pause_shortens_no_hold(
    database: OpenDatabase,
) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    pause(database)
    # No process ran for a day, so nothing resumed holds.
    database.clock.move(24 * HOUR)
    assert time_left(database, seat) == 15 * MINUTE
    database.run(HoldKeeper(database.real, lambda: False).check())
    assert database.read(find_pause) is None
    assert time_left(database, seat) == 15 * MINUTE


def test_resumed_holds_are_recorded_as_one_fact_if_a_hold_was_moved(database: OpenDatabase) -> None:
    pause(database)
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    assert database.read(outbox.waiting) == []
    paused_at = database.clock.now
    hold(database, add_someone(database), add_event(database))
    pause(database)
    database.clock.move(LEASE)
    assert database.write(resume_holds)
    fact = ("registrations.HoldsResumed", {"began_at": paused_at, "resumed_at": paused_at + LEASE})
    assert database.read(outbox.waiting) == [fact]


def test_simultaneous_pauses_start_one_pause(database: OpenDatabase) -> None:
    until = database.clock.now + LEASE
    results = database.write_together(*[partial(pause_holds, until=until)] * 8)
    assert results == [None] * 8
    current_pause = database.read(find_pause)
    assert current_pause is not None
    assert (current_pause.began_at, current_pause.ends_at) == (database.clock.now, until)


def test_a_system_clock_set_back_does_not_pause_holds_for_long(database: OpenDatabase) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    database.clock.move(HOUR)
    pause(database)
    database.clock.move(-HOUR)
    assert time_left(database, seat) == 15 * MINUTE
    database.clock.move(SECOND)
    assert time_left(database, seat) == 15 * MINUTE - SECOND, "holds are not paused"
    # Checkout is still unavailable: a new pause starts by the correct clock.
    pause(database)
    database.clock.move(LEASE)
    assert time_left(database, seat) == 15 * MINUTE - SECOND
    assert database.write(resume_holds)
    assert time_left(database, seat) == 15 * MINUTE - SECOND


def test_the_keeper_pauses_holds_while_checkout_is_unavailable_and_writes_nothing_otherwise(
    database: OpenDatabase,
) -> None:
    is_unavailable = False
    keeper = HoldKeeper(database.real, lambda: is_unavailable)
    seat = hold(database, add_someone(database), add_event(database))

    def version() -> object:
        async def read_version() -> object:
            await asyncio.sleep(0)
            # Only the number of writes is compared: on PostgreSQL the rest of the version follows the clock.
            writes, _ = cast("tuple[int, object]", database.real.version())
            return writes

        return database.run(read_version())

    before = version()
    database.run(keeper.check())
    assert version() == before
    is_unavailable = True
    for _ in range(60):
        database.run(keeper.check())
        database.clock.move(SECOND)
        assert time_left(database, seat) == 15 * MINUTE
    is_unavailable = False
    for _ in range(4):
        database.run(keeper.check())
        database.clock.move(SECOND)
    assert not database.read(are_holds_paused)
    assert 14 * MINUTE < time_left(database, seat) < 15 * MINUTE


def test_the_message_during_a_pause_names_the_seats_and_the_time_left(database: OpenDatabase) -> None:
    person = add_someone(database)
    assert database.read(kept_sentence, person) == ""
    hold(database, person, add_event(database))
    database.clock.move(3 * MINUTE)
    hold(database, person, add_event(database))
    pause(database)
    database.clock.move(HOUR)
    assert database.read(kept_sentence, person) == (
        "Your 2 seats are kept: their time is paused while checkout is unavailable. "
        "You will have 12 minutes once it is back."
    )
    other_person = add_someone(database)
    hold(database, other_person, add_event(database))
    assert database.read(kept_sentence, other_person).startswith("Your seat is kept: its time is paused")

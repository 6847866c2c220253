"""Limits on taking seats: by person, by client address, and until an email address is confirmed."""

import asyncio
from functools import partial
from typing import Any

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.database import Database
from festgate.kit.errors import TooMany
from festgate.kit.visitors import Visitor
from festgate.portal.accounts.attempts import SEAT_STEP, SeatLimit, SeatLimits
from festgate.portal.accounts.confirmation import AddressNotConfirmed, confirm_address
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.errors import AlreadyRegistered
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.registrations.limits import (
    MAX_TAKINGS,
    MAX_UNCONFIRMED_SEATS,
    UNCONFIRMED_HOLD_MINUTES,
    Terms,
    terms_of,
)
from festgate.settings import Settings
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

SECRET = b"s" * 32
UNCONFIRMED = Terms(is_confirmed=False)
WITH_MAIL = Settings(smtp_host="mail.example")
WITHOUT_MAIL = Settings()


def hold(database: OpenDatabase, person: int, slug: str, terms: Terms = UNCONFIRMED) -> queries.Seat:
    return database.read(queries.seat, database.write(hold_seat, person, slug, 15, terms))


def from_address(limit: int, host: str = "192.0.2.7") -> Terms:
    return Terms(address=SeatLimits(SECRET, limit).of(host))


def test_an_unconfirmed_account_holds_a_seat_for_less_time_than_a_confirmed_one(
    database: OpenDatabase,
) -> None:
    person, now = add_someone(database), database.clock.now
    first = hold(database, person, add_event(database).slug)
    assert first.held_until == now + UNCONFIRMED_HOLD_MINUTES * MINUTE
    database.write(confirm_address, person)
    # The terms may be outdated; the database has the current state.
    second = hold(database, person, add_event(database).slug)
    assert second.held_until == now + 15 * MINUTE


def test_an_unconfirmed_hold_is_never_longer_than_a_confirmed_one(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database)
    seat = database.write(hold_seat, person, event.slug, 2, UNCONFIRMED)
    assert database.read(queries.seat, seat).held_until == database.clock.now + 2 * MINUTE


def test_an_unconfirmed_account_may_have_few_free_and_paid_seats(database: OpenDatabase) -> None:
    person = add_someone(database, "asha")
    events = [add_event(database, fee=fee) for fee in (0, 50_000, 0, 50_000)]
    for event in events[:MAX_UNCONFIRMED_SEATS]:
        hold(database, person, event.slug)
    with pytest.raises(AddressNotConfirmed, match=r"we sent a link to asha@example\.org"):
        hold(database, person, events[-1].slug)
    assert len(database.read(queries.seats_of, person)) == MAX_UNCONFIRMED_SEATS
    database.clock.move(UNCONFIRMED_HOLD_MINUTES * MINUTE)  # the hold of the paid event has expired
    hold(database, person, events[-1].slug)
    assert database.report(check_counts) == []


def write_concurrently(database: OpenDatabase, *operations: tuple[Database, Any]) -> list[Any]:
    """Run operations of two processes at once; return each result or exception."""

    async def gather_results() -> list[Any]:
        return await asyncio.gather(
            *(real.write(operation) for real, operation in operations), return_exceptions=True
        )

    return database.run(gather_results())


def test_the_seat_limit_of_an_unconfirmed_account_holds_over_two_processes(database: OpenDatabase) -> None:
    person = add_someone(database)
    slugs = [add_event(database).slug for _ in range(12)]
    other_database = Database(database.url, clock=database.clock)
    database.run(other_database.open())
    try:
        operations = [
            ((database.real, other_database)[number % 2], partial(_take_seat, person=person, slug=slug))
            for number, slug in enumerate(slugs)
        ]
        results = write_concurrently(database, *operations)
    finally:
        database.run(other_database.close())
    assert sum(isinstance(result, int) for result in results) == MAX_UNCONFIRMED_SEATS
    assert sum(isinstance(result, AddressNotConfirmed) for result in results) == 12 - MAX_UNCONFIRMED_SEATS


def _take_seat(connection: Any, person: int, slug: str) -> int:  # noqa: ANN401  (either kind of connection)
    return hold_seat(connection, person, slug, 15, UNCONFIRMED)


def test_eight_new_accounts_cannot_hold_the_last_eight_seats_for_two_days(database: OpenDatabase) -> None:
    event = add_event(database, capacity=8, days=3)
    people = [add_someone(database) for _ in range(8)]
    rounds_with_seats, end = 0, database.clock.now + 2 * DAY
    while database.clock.now < end:
        taken = []
        for person in people:
            try:
                taken.append(hold(database, person, event.slug))
            except TooMany:
                continue
        rounds_with_seats += bool(taken)
        database.clock.move(UNCONFIRMED_HOLD_MINUTES * MINUTE if taken else HOUR)
    # The holds are renewed up to the limit on both days: 25 minutes each, instead of 48 hours.
    assert rounds_with_seats == 2 * MAX_TAKINGS
    hold(database, add_someone(database), event.slug)


def test_a_person_can_take_a_seat_at_an_event_a_limited_number_of_times_a_day(
    database: OpenDatabase,
) -> None:
    person, event, other_event = (
        add_someone(database),
        add_event(database, fee=0, days=3),
        add_event(database),
    )
    for _ in range(MAX_TAKINGS):
        seat = hold(database, person, event.slug, Terms())
        database.write(cancel_seat, person, seat.id)
        database.clock.move(HOUR)
    with pytest.raises(TooMany, match=r"5 times in 24 hours\. Try again in 19 hours\.") as refusal:
        hold(database, person, event.slug, Terms())
    assert refusal.value.retry_after == 19 * 3600
    assert database.report(check_counts) == []
    hold(database, person, other_event.slug, Terms())
    hold(database, add_someone(database), event.slug, Terms())
    database.clock.move(19 * HOUR)
    hold(database, person, event.slug, Terms())


def test_a_person_with_a_seat_gets_the_same_error_at_every_attempt(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database)
    hold(database, person, event.slug, Terms())
    for _ in range(MAX_TAKINGS):
        with pytest.raises(AlreadyRegistered):
            hold(database, person, event.slug, Terms())


def test_seats_taken_from_one_address_are_limited_per_quarter_hour(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=50)
    for _ in range(3):
        hold(database, add_someone(database), event.slug, from_address(3))
    with pytest.raises(TooMany, match=r"taken from your network\. Try again in 15 minutes\."):
        hold(database, add_someone(database), event.slug, from_address(3))
    hold(database, add_someone(database), event.slug, from_address(3, host="192.0.2.8"))
    database.clock.move(15 * MINUTE)
    hold(database, add_someone(database), event.slug, from_address(3))
    assert database.report(check_counts) == []


def test_a_large_limit_counted_in_steps_is_enforced(database: OpenDatabase) -> None:
    event = add_event(database, capacity=1_000)
    limit = SeatLimit(key="the campus", max_seats=4 * SEAT_STEP, step=SEAT_STEP)
    people = [add_someone(database) for _ in range(6 * SEAT_STEP)]
    results = database.write_together(
        *(
            partial(hold_seat, person_id=person, slug=event.slug, hold_minutes=15, terms=Terms(address=limit))
            for person in people
        )
    )
    taken = sum(isinstance(result, int) for result in results)
    assert 4 * SEAT_STEP <= taken < 5 * SEAT_STEP
    assert all(isinstance(result, int | TooMany) for result in results)


def test_confirmation_is_required_with_a_mail_server_unless_it_is_configured() -> None:
    new = Visitor(1, "asha", "asha@example.org", "attendee")
    old = Visitor(2, "ravi", "ravi@example.org", "attendee", is_confirmed=True)
    off = Settings(smtp_host="mail.example", confirm_email="off")
    on = Settings(confirm_email="on")

    def counts_as_confirmed(visitor: Visitor, settings: Settings) -> bool:
        address = SeatLimits(SECRET, 9).of("192.0.2.7")
        return terms_of(visitor, address, settings, is_first=False).is_confirmed

    assert [counts_as_confirmed(new, settings) for settings in (WITH_MAIL, WITHOUT_MAIL, off, on)] == [
        False,
        True,
        True,
        False,
    ]
    assert all(counts_as_confirmed(old, settings) for settings in (WITH_MAIL, WITHOUT_MAIL, off, on))


def test_by_default_2000_people_at_one_address_can_take_three_seats_each() -> None:
    default = Settings()
    assert default.address_limit >= 2_000
    assert default.max_seats_of_address >= 3 * 2_000
    assert Settings(address_limit=7).max_seats_of_address == 35
    assert Settings(seat_address_limit=7).max_seats_of_address == 7

"""Limits on taking seats: by person, by client address, and until an email address is confirmed."""

import asyncio
from functools import partial
from typing import Any

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.database import Database
from festgate.kit.errors import TooMany
from festgate.kit.visitors import Visitor
from festgate.portal.accounts.confirmation import AddressNotConfirmed, confirm_address
from festgate.portal.accounts.seat_limit import STEP, SeatLimit, SeatLimits
from festgate.portal.registrations import queries
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.errors import AlreadyRegistered
from festgate.portal.registrations.holds import cancel_seat, hold_seat
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


def from_address(most: int, host: str = "192.0.2.7") -> Terms:
    return Terms(address=SeatLimits(SECRET, most).of(host))


def test_an_unconfirmed_account_holds_a_seat_for_minutes_and_a_confirmed_one_for_its_whole_time(
    database: OpenDatabase,
) -> None:
    person, now = add_someone(database), database.clock.now
    first = hold(database, person, add_event(database).slug)
    assert first.held_until == now + UNCONFIRMED_HOLD_MINUTES * MINUTE
    database.write(confirm_address, person)
    # The terms are as old as the page's session; the database has the present state.
    second = hold(database, person, add_event(database).slug)
    assert second.held_until == now + 15 * MINUTE


def test_an_unconfirmed_hold_is_never_longer_than_any_other(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database)
    seat = database.write(hold_seat, person, event.slug, 2, UNCONFIRMED)
    assert database.read(queries.seat, seat).held_until == database.clock.now + 2 * MINUTE


def test_an_unconfirmed_account_has_few_seats_at_a_time_whatever_they_cost(database: OpenDatabase) -> None:
    person = add_someone(database, "asha")
    events = [add_event(database, fee=fee) for fee in (0, 50_000, 0, 50_000)]
    for event in events[:MAX_UNCONFIRMED_SEATS]:
        hold(database, person, event.slug)
    with pytest.raises(AddressNotConfirmed, match=r"we sent a link to asha@example\.org"):
        hold(database, person, events[-1].slug)
    assert len(database.read(queries.seats_of, person)) == MAX_UNCONFIRMED_SEATS
    database.clock.move(UNCONFIRMED_HOLD_MINUTES * MINUTE)  # the one that costs something is free again
    hold(database, person, events[-1].slug)
    assert database.report(check_counts) == []


def together(database: OpenDatabase, *turns: tuple[Database, Any]) -> list[Any]:
    """Return what each operation returns or raises when two processes run theirs at once."""

    async def gather() -> list[Any]:
        return await asyncio.gather(*(real.write(turn) for real, turn in turns), return_exceptions=True)

    return database.run(gather())


def test_two_processes_together_give_an_unconfirmed_account_no_more_seats(database: OpenDatabase) -> None:
    person = add_someone(database)
    slugs = [add_event(database).slug for _ in range(12)]
    other = Database(database.url, clock=database.clock)
    database.run(other.open())
    try:
        turns = [
            ((database.real, other)[number % 2], partial(_take, person=person, slug=slug))
            for number, slug in enumerate(slugs)
        ]
        answers = together(database, *turns)
    finally:
        database.run(other.close())
    assert sum(isinstance(answer, int) for answer in answers) == MAX_UNCONFIRMED_SEATS
    assert sum(isinstance(answer, AddressNotConfirmed) for answer in answers) == 12 - MAX_UNCONFIRMED_SEATS


def _take(connection: Any, person: int, slug: str) -> int:  # noqa: ANN401  (either kind of connection)
    return hold_seat(connection, person, slug, 15, UNCONFIRMED)


def test_eight_new_accounts_cannot_keep_the_last_eight_seats_for_two_days(database: OpenDatabase) -> None:
    event = add_event(database, capacity=8, days=3)
    crowd = [add_someone(database) for _ in range(8)]
    kept, end = 0, database.clock.now + 2 * DAY
    while database.clock.now < end:
        took = []
        for person in crowd:
            try:
                took.append(hold(database, person, event.slug))
            except TooMany:
                continue
        kept += bool(took)
        database.clock.move(UNCONFIRMED_HOLD_MINUTES * MINUTE if took else HOUR)
    # The holds are renewed up to the limit on both days: 25 minutes each, instead of 48 hours.
    assert kept == 2 * MAX_TAKINGS
    hold(database, add_someone(database), event.slug)


def test_one_person_takes_a_seat_at_an_event_a_few_times_a_day_however_they_give_it_back(
    database: OpenDatabase,
) -> None:
    person, event, other = add_someone(database), add_event(database, fee=0, days=3), add_event(database)
    for _ in range(MAX_TAKINGS):
        seat = hold(database, person, event.slug, Terms())
        database.write(cancel_seat, person, seat.id)
        database.clock.move(HOUR)
    with pytest.raises(TooMany, match=r"5 times in 24 hours\. Try again in 19 hours\.") as refusal:
        hold(database, person, event.slug, Terms())
    assert refusal.value.retry_after == 19 * 3600
    assert database.report(check_counts) == []
    hold(database, person, other.slug, Terms())
    hold(database, add_someone(database), event.slug, Terms())
    database.clock.move(19 * HOUR)
    hold(database, person, event.slug, Terms())


def test_a_person_with_a_seat_is_told_so_however_often_they_ask(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database)
    hold(database, person, event.slug, Terms())
    for _ in range(MAX_TAKINGS):
        with pytest.raises(AlreadyRegistered):
            hold(database, person, event.slug, Terms())


def test_one_address_takes_no_more_seats_than_its_limit_in_a_quarter_of_an_hour(
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


def test_a_generous_limit_is_counted_in_steps_and_holds_all_the_same(database: OpenDatabase) -> None:
    event = add_event(database, capacity=1_000)
    limit = SeatLimit(key="the campus", max_seats=4 * STEP, step=STEP)
    people = [add_someone(database) for _ in range(6 * STEP)]
    answers = database.write_together(
        *(
            partial(hold_seat, person_id=each, slug=event.slug, hold_minutes=15, terms=Terms(address=limit))
            for each in people
        )
    )
    taken = sum(isinstance(answer, int) for answer in answers)
    assert 4 * STEP <= taken < 5 * STEP
    assert all(isinstance(answer, int | TooMany) for answer in answers)


def test_whether_an_address_has_to_be_confirmed_depends_on_the_mail_server_unless_it_is_set() -> None:
    new = Visitor(1, "asha", "asha@example.org", "attendee")
    old = Visitor(2, "ravi", "ravi@example.org", "attendee", is_confirmed=True)
    off = Settings(smtp_host="mail.example", confirm_email="off")
    on = Settings(confirm_email="on")

    def free(visitor: Visitor, settings: Settings) -> bool:
        address = SeatLimits(SECRET, 9).of("192.0.2.7")
        return terms_of(visitor, address, settings, is_first=False).is_confirmed

    assert [free(new, each) for each in (WITH_MAIL, WITHOUT_MAIL, off, on)] == [False, True, True, False]
    assert all(free(old, each) for each in (WITH_MAIL, WITHOUT_MAIL, off, on))


def test_the_default_limit_of_an_address_lets_a_campus_of_2000_take_three_seats_each() -> None:
    default = Settings()
    assert default.address_limit >= 2_000
    assert default.max_seats_of_address >= 3 * 2_000
    assert Settings(address_limit=7).max_seats_of_address == 35
    assert Settings(seat_address_limit=7).max_seats_of_address == 7

"""The seats of a person as their pages show them, on SQLite and on PostgreSQL."""

from collections.abc import Mapping

import pytest
from sqlalchemy import update

from festgate.kit.clock import DAY, MINUTE, SECOND
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventCancelled
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat, release_seat
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.endings import ORGANISER
from festgate.portal.registrations.handlers import release_all
from festgate.portal.registrations.holds import confirm_seat, hold_seat
from festgate.portal.registrations.my_events import MyEvents, my_events
from festgate.portal.registrations.pauses import pause_holds
from festgate.portal.registrations.tables import seats
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def no_references(_connection: Connection, _person: int) -> Mapping[int, str]:
    return {}


def read(database: OpenDatabase, person: int) -> MyEvents:
    return database.read(my_events, person, no_references, no_references, "")


def hold(database: OpenDatabase, person: int, event: catalogue.Event, minutes: int = 15) -> int:
    return database.write(hold_seat, person, event.slug, minutes)


def order(database: OpenDatabase, seat_id: int, order_id: int) -> None:
    seat = database.read(queries.seat, seat_id)
    database.write(claim_seats, [seat], order_id, seat.held_until)


def hold_again(connection: Connection, until: int) -> None:
    connection.run(Statement(update(seats).values(state="held", held_until=until)))


def can_register_again(database: OpenDatabase, person: int) -> list[bool]:
    return [entry.can_register_again for entry in read(database, person).over]


def test_own_seats_are_those_that_are_live_now_with_their_states(database: OpenDatabase) -> None:
    person = add_someone(database)
    events = [add_event(database, days=number) for number in range(1, 6)]
    held, ordered, paid, lapsed, cancelled = [
        hold(database, person, event, 1 if number == 3 else 15) for number, event in enumerate(events)
    ]
    order(database, ordered, 7)
    order(database, paid, 8)
    assert database.write(confirm_seats, 8)
    database.write(cancel_seat, person, cancelled)
    database.clock.move(MINUTE)
    own = database.read(queries.own_seats, person)
    assert [(seat.id, seat.state) for seat in own] == [
        (held, "held"),
        (ordered, "ordered"),
        (paid, "confirmed"),
    ]
    assert lapsed not in [seat.id for seat in own]
    assert not any(seat.is_paused for seat in own)
    assert database.read(queries.own_seats, add_someone(database)) == ()


def test_own_seats_are_paused_while_nobody_can_pay(database: OpenDatabase) -> None:
    person = add_someone(database)
    hold(database, person, add_event(database))
    database.write(pause_holds, database.clock.now + 20 * SECOND)
    assert [seat.is_paused for seat in database.read(queries.own_seats, person)] == [True]


def test_one_time_is_shown_for_all_holds_and_a_sentence_where_they_differ(database: OpenDatabase) -> None:
    person = add_someone(database)
    hold(database, person, add_event(database, title="Quiz"), 15)
    hold(database, person, add_event(database), 15)
    shown = read(database, person)
    assert shown.held_until == database.clock.now + 15 * MINUTE
    assert shown.held_hint == "They go back on sale when the time runs out."
    hold(database, person, add_event(database, title="Robo Race"), 5)
    shown = read(database, person)
    assert shown.held_until == database.clock.now + 5 * MINUTE
    assert shown.held_hint == "Then Robo Race goes back on sale; the others are held a little longer."


def test_held_and_confirmed_seats_at_overlapping_times_are_pointed_out(database: OpenDatabase) -> None:
    person = add_someone(database)
    hold(database, person, add_event(database, title="Quiz", fee=0))
    hold(database, person, add_event(database, title="Gala", days=2))
    assert read(database, person).overlaps == ()
    seat = hold(database, person, add_event(database, title="Robo Race"))
    (overlap,) = read(database, person).overlaps
    assert (overlap.first, overlap.second) == ("Quiz", "Robo Race")
    assert (overlap.starts_at, overlap.ends_at) == (
        database.clock.now + DAY,
        database.clock.now + DAY + 120 * MINUTE,
    )
    database.write(cancel_seat, person, seat)
    assert read(database, person).overlaps == ()


@pytest.mark.parametrize("fee", [0, 50_000])
def test_a_person_can_register_again_after_cancelling_while_the_event_is_on_sale(
    database: OpenDatabase, fee: int
) -> None:
    person, event = add_someone(database), add_event(database, fee=fee, capacity=1)
    for _ in range(2):
        database.write(cancel_seat, person, hold(database, person, event))
    (first, last) = read(database, person).over
    assert (first.can_register_again, last.can_register_again) == (False, True)
    assert (last.ending, last.was_taken_away, last.look) == ("You cancelled", False, "closed")
    other_person = add_someone(database)
    seat = hold(database, other_person, event)
    assert can_register_again(database, person) == [False, False]
    database.write(cancel_seat, other_person, seat)
    hold(database, person, event)
    assert can_register_again(database, person) == [False, False]


def test_a_person_can_register_again_after_a_hold_has_expired_until_sales_close(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    hold(database, person, add_event(database))
    database.clock.move(15 * MINUTE)
    assert can_register_again(database, person) == [True]
    assert read(database, person).until <= database.clock.now + DAY
    database.clock.move(DAY)
    assert can_register_again(database, person) == [False]


def test_a_cancelled_event_differs_from_a_registration_that_its_holder_cancelled(
    database: OpenDatabase,
) -> None:
    person, event = add_someone(database), add_event(database)
    hold(database, person, event)
    database.write(catalogue.cancel_event, event.slug)
    database.write(release_all, EventCancelled(event.id))
    (entry,) = read(database, person).over
    assert (entry.ending, entry.was_taken_away, entry.look, entry.can_register_again) == (
        "Event cancelled by the organisers",
        True,
        "cancelled",
        False,
    )


def test_a_registration_that_an_organiser_cancelled_is_not_offered_again(database: OpenDatabase) -> None:
    person = add_someone(database)
    seat = database.read(queries.seat, hold(database, person, add_event(database)))
    database.write(release_seat, seat, ORGANISER)
    (entry,) = read(database, person).over
    assert (entry.ending, entry.was_taken_away, entry.look, entry.can_register_again) == (
        "Cancelled by the organisers",
        True,
        "closed",
        False,
    )


def test_a_seat_held_without_a_fee_is_confirmed_by_its_holder_alone(database: OpenDatabase) -> None:
    person, other = add_someone(database), add_someone(database)
    event = add_event(database, fee=0)
    seat_id = hold(database, person, event)
    # As an offered seat is: held although it is free.
    database.write(hold_again, database.clock.now + MINUTE)
    shown = read(database, person)
    assert [entry.seat.id for entry in shown.unconfirmed_seats] == [seat_id]
    assert not shown.held
    assert not database.read(queries.payable_seats, person)
    assert [seat.state for seat in database.read(queries.own_seats, person)] == ["unconfirmed"]
    with pytest.raises(NotFound):
        database.write(confirm_seat, other, seat_id)
    database.write(confirm_seat, person, seat_id)
    database.write(confirm_seat, person, seat_id)
    assert [entry.seat.id for entry in read(database, person).confirmed] == [seat_id]

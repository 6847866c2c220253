"""Taking and cancelling seats, on SQLite and on PostgreSQL."""

from functools import partial

import pytest

from festgate.kit.clock import DAY, MINUTE, SECOND
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventCancelled
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_counts
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    SalesClosed,
    SalesNotOpen,
    SeatInOrder,
    SeatPaid,
)
from festgate.portal.registrations.handlers import release_all
from festgate.portal.registrations.holds import hold_seat, refuse_early, sweep_all
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def hold(database: OpenDatabase, person: int, event: catalogue.Event) -> int:
    return database.write(hold_seat, person, event.slug, 15)


def state_of(database: OpenDatabase, seat: int) -> str:
    return database.read(queries.seat, seat).state


def test_a_paid_seat_is_held_for_its_minutes_and_a_free_one_is_confirmed(database: OpenDatabase) -> None:
    person = add_someone(database)
    paid = database.read(queries.seat, hold(database, person, add_event(database)))
    free = database.read(queries.seat, hold(database, person, add_event(database, fee=0)))
    assert (paid.state, paid.held_until) == ("held", database.clock.now + 15 * MINUTE)
    assert free.state == "confirmed"
    assert database.read(outbox.waiting) == [("registrations.SeatConfirmed", {"seat_id": free.id})]


def test_the_last_seat_is_sold_once(database: OpenDatabase) -> None:
    event = add_event(database, capacity=1)
    hold(database, add_someone(database), event)
    for operation in (partial(hold_seat, hold_minutes=15), refuse_early):
        with pytest.raises(catalogue.SoldOut):
            database.write(operation, add_someone(database), event.slug)
    assert database.report(check_counts) == []


def test_a_second_seat_for_the_same_person_is_refused_even_if_the_event_is_full(
    database: OpenDatabase,
) -> None:
    person, event = add_someone(database), add_event(database, capacity=1)
    hold(database, person, event)
    with pytest.raises(AlreadyRegistered):
        hold(database, person, event)
    with pytest.raises(AlreadyRegistered):
        database.read(refuse_early, person, event.slug)


def test_simultaneous_registrations_never_exceed_the_capacity(database: OpenDatabase) -> None:
    event = add_event(database, capacity=7)
    people = [add_someone(database) for _ in range(40)]
    # Every visitor clicks twice.
    results = database.write_together(
        *(partial(hold_seat, person_id=person, slug=event.slug, hold_minutes=15) for person in people * 2)
    )
    seats = [result for result in results if isinstance(result, int)]
    assert len(seats) == 7
    errors = [result for result in results if not isinstance(result, int)]
    assert {type(result) for result in errors} == {catalogue.SoldOut, AlreadyRegistered}
    assert database.report(check_counts) == []


def test_a_seat_is_free_at_the_instant_its_hold_expires(database: OpenDatabase) -> None:
    event = add_event(database, capacity=1)
    first, second = add_someone(database), add_someone(database)
    seat = hold(database, first, event)
    database.clock.move(15 * MINUTE - 1)
    with pytest.raises(catalogue.SoldOut):
        hold(database, second, event)
    database.clock.move(1)
    assert state_of(database, seat) == "lapsed"
    lapses = database.read(queries.find_lapses)
    assert dict(lapses.seats) == {event.id: 1}
    assert state_of(database, hold(database, second, event)) == "held"
    assert database.report(check_counts) == []


def test_a_person_whose_hold_expired_may_take_a_new_one(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database, capacity=1)
    hold(database, person, event)
    database.clock.move(15 * MINUTE)
    assert state_of(database, hold(database, person, event)) == "held"


def test_cancelling_twice_frees_the_seat_once(database: OpenDatabase) -> None:
    person, event = add_someone(database), add_event(database, capacity=2)
    seat = hold(database, person, event)
    hold(database, add_someone(database), event)
    for _ in range(2):
        database.write(cancel_seat, person, seat)
    assert state_of(database, seat) == "cancelled"
    assert database.read(catalogue.event_by_id, event.id).taken == 1


def test_cancelling_a_free_seat_records_a_fact(database: OpenDatabase) -> None:
    person = add_someone(database)
    seat = hold(database, person, add_event(database, fee=0))
    database.write(cancel_seat, person, seat)
    assert ("registrations.SeatReleased", {"seat_id": seat}) in database.read(outbox.waiting)


def test_a_person_cannot_cancel_the_seat_of_another(database: OpenDatabase) -> None:
    seat = hold(database, add_someone(database), add_event(database))
    with pytest.raises(NotFound):
        database.write(cancel_seat, add_someone(database), seat)
    assert state_of(database, seat) == "held"


def test_a_seat_in_an_open_order_cannot_be_cancelled(database: OpenDatabase) -> None:
    person = add_someone(database)
    seat = hold(database, person, add_event(database))
    claim = partial(
        claim_seats, claimed=[database.read(queries.seat, seat)], order_id=1, until=database.clock.now + DAY
    )
    database.write(claim)
    with pytest.raises(SeatInOrder):
        database.write(cancel_seat, person, seat)


def test_sales_open_and_close_to_the_millisecond(database: OpenDatabase) -> None:
    event = add_event(database)
    database.clock.now = event.sales_open_at - 1
    with pytest.raises(SalesNotOpen):
        hold(database, add_someone(database), event)
    database.clock.move(1)
    hold(database, add_someone(database), event)
    database.clock.now = event.sales_close_at - 1
    hold(database, add_someone(database), event)
    database.clock.move(1)
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event)


def test_a_cancelled_event_releases_every_seat_and_accepts_no_new_one(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    seats = [hold(database, add_someone(database), event) for _ in range(3)]
    database.write(catalogue.cancel_event, event.slug)
    fact = EventCancelled(event.id)
    database.write(release_all, fact)
    database.write(release_all, fact)
    assert [state_of(database, seat) for seat in seats] == ["cancelled"] * 3
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event)
    assert database.report(check_counts) == []


def test_the_sweep_changes_no_visible_state(database: OpenDatabase) -> None:
    person = add_someone(database)
    seat = hold(database, person, add_event(database))
    database.clock.move(16 * MINUTE)
    before = database.read(queries.seats_of, person)
    assert database.write(sweep_all) == 1
    assert database.read(queries.seats_of, person) == before
    assert state_of(database, seat) == "lapsed"
    assert database.read(queries.find_lapses).seats == {}


def test_a_paid_seat_cannot_be_cancelled_by_its_holder(database: OpenDatabase) -> None:
    person = add_someone(database)
    seat = hold(database, person, add_event(database))

    def pay(connection: Connection) -> None:
        claim_seats(connection, [queries.seat(connection, seat)], 1, connection.now + 10 * SECOND)
        assert confirm_seats(connection, 1)

    database.write(pay)
    with pytest.raises(SeatPaid):
        database.write(cancel_seat, person, seat)

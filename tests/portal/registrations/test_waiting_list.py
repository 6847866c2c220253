"""Waiting lists: places in the line, offers, and what newcomers get, on SQLite and on PostgreSQL."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused, TooMany
from festgate.kit.messaging.outbox import Relay
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import SoldOut, WaitingSettings
from festgate.portal.registrations import line, queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ApprovalNeeded,
    ChooseTicket,
    ListClosed,
    NotEnoughSeats,
    SeatsAvailable,
)
from festgate.portal.registrations.handlers import SUBSCRIPTIONS
from festgate.portal.registrations.holds import confirm_seat, hold_seat, hold_seats, sweep_all
from festgate.portal.registrations.offers import MAX_AT_ONCE
from festgate.portal.registrations.personal_data import end_registrations, export_registrations
from festgate.portal.registrations.waiting_list import (
    MAX_JOINS,
    decline,
    join,
    leave,
    offer_by_hand,
    put_on_list,
    remove,
)
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

OPEN_LIST = WaitingSettings("open", 120, needs_approval=False)
APPROVAL = WaitingSettings("off", 120, needs_approval=True)


def sold_out(
    database: OpenDatabase, *, fee: int = 0, capacity: int = 1, days: int = 1
) -> tuple[catalogue.Event, list[tuple[int, int]]]:
    """Return an event with a list and without a free seat, and its (person, seat) pairs."""
    event = add_event(database, fee=fee, capacity=capacity, days=days)
    database.write(catalogue.set_waiting_list, event.slug, OPEN_LIST)
    taken = []
    for _ in range(capacity):
        person = add_someone(database)
        taken.append((person, database.write(hold_seat, person, event.slug, 15)))
    return event, taken


def wait(database: OpenDatabase, event: catalogue.Event, **options: Any) -> tuple[int, int]:  # noqa: ANN401  (of join)
    """Put a new person on the list; return their id and the entry's."""
    person = add_someone(database)
    return person, database.write(partial(join, person_id=person, slug=event.slug, **options))


def entry_of(database: OpenDatabase, entry_id: int) -> line.Entry:
    return database.read(line.entry_by_id, entry_id)


def offered_seats(database: OpenDatabase, person: int) -> list[queries.Seat]:
    return [seat for seat in database.read(queries.live_seats, person) if seat.state == "held"]


def check(database: OpenDatabase) -> None:
    assert database.violations(CHECKS) == []


def deliver(database: OpenDatabase) -> None:
    relay = Relay(database.real, SUBSCRIPTIONS)
    while database.run(relay.deliver_due()):
        pass


def test_a_cancelled_seat_is_held_for_the_next_in_line_and_no_newcomer_can_take_it(
    database: OpenDatabase,
) -> None:
    event, [(holder, seat)] = sold_out(database)
    first, entry = wait(database, event)
    second, later = wait(database, event)
    assert (entry_of(database, entry).place, entry_of(database, later).place) == (1, 2)
    database.write(cancel_seat, holder, seat)
    (offered,) = offered_seats(database, first)
    assert offered.held_until == database.clock.now + 2 * HOUR
    assert entry_of(database, entry).shown_state == "offered"
    assert entry_of(database, later).place == 1
    with pytest.raises(SoldOut):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    check(database)
    database.write(confirm_seat, first, offered.id)
    assert entry_of(database, entry).shown_state == "taken"
    assert not offered_seats(database, second)
    check(database)


@pytest.mark.parametrize("swept_by_newcomer", [False, True])
def test_an_offer_that_runs_out_goes_to_the_next(database: OpenDatabase, *, swept_by_newcomer: bool) -> None:
    event, [(holder, seat)] = sold_out(database)
    first, entry = wait(database, event)
    second, later = wait(database, event)
    database.write(cancel_seat, holder, seat)
    database.clock.move(2 * HOUR)
    assert entry_of(database, entry).shown_state == "expired"
    if swept_by_newcomer:
        # The refused registration undoes its own sweep, and the next sweep offers the seat.
        with pytest.raises(SoldOut):
            database.write(hold_seat, add_someone(database), event.slug, 15)
    database.write(sweep_all)
    assert not offered_seats(database, first)
    assert len(offered_seats(database, second)) == 1
    assert entry_of(database, later).shown_state == "offered"
    check(database)


def test_somebody_with_two_tickets_is_offered_them_one_by_one_and_keeps_the_place(
    database: OpenDatabase,
) -> None:
    event, taken = sold_out(database, capacity=2)
    database.write(catalogue.limit_per_person, event.slug, 2)
    pair, entry = wait(database, event, quantity=2)
    behind, _ = wait(database, event)
    database.write(cancel_seat, *taken[0])
    assert len(offered_seats(database, pair)) == 1
    assert (entry_of(database, entry).remaining, entry_of(database, entry).place) == (1, 1)
    database.write(cancel_seat, *taken[1])
    assert len(offered_seats(database, pair)) == 2
    assert not offered_seats(database, behind)
    check(database)


def test_a_raised_capacity_goes_to_the_line_before_newcomers(database: OpenDatabase) -> None:
    event, _ = sold_out(database)
    first, _ = wait(database, event)
    second, _ = wait(database, event)
    details = catalogue.details_of(database.read(catalogue.event_by_id, event.id))
    database.write(catalogue.edit_event, event.slug, replace(details, capacity=3))
    with pytest.raises(SoldOut):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    deliver(database)
    assert len(offered_seats(database, first)) == len(offered_seats(database, second)) == 1
    check(database)


def test_more_seats_than_one_step_offers_are_offered_in_the_next(database: OpenDatabase) -> None:
    event, _ = sold_out(database)
    database.write(catalogue.limit_per_person, event.slug, 20)
    people = [wait(database, event, quantity=20)[0] for _ in range(7)]
    assert MAX_AT_ONCE < 7 * 20 - 20
    details = catalogue.details_of(database.read(catalogue.event_by_id, event.id))
    database.write(catalogue.edit_event, event.slug, replace(details, capacity=1 + 7 * 20))
    deliver(database)
    assert [len(offered_seats(database, person)) for person in people] == [20] * 7
    check(database)


def test_a_message_is_in_the_download_and_goes_with_the_account_and_so_does_the_place(
    database: OpenDatabase,
) -> None:
    event, [(holder, seat)] = sold_out(database)
    first, entry = wait(database, event, message="I bring a robot.")
    second, _ = wait(database, event)
    exported = database.read(export_registrations, first)["waiting"]
    assert isinstance(exported, list)
    [place] = exported
    assert (place["event"], place["state"], place["message"]) == (event.slug, "waiting", "I bring a robot.")
    database.write(
        end_registrations, first, lambda _connection, _seat: False, lambda _connection, _seat: True
    )
    assert (entry_of(database, entry).state, entry_of(database, entry).message) == ("left", "")
    database.write(cancel_seat, holder, seat)
    assert len(offered_seats(database, second)) == 1
    check(database)


def test_a_person_that_leaves_too_often_cannot_join_again_for_a_day(database: OpenDatabase) -> None:
    event, _ = sold_out(database, days=5)
    person, entry = wait(database, event)
    for _ in range(MAX_JOINS - 1):
        database.write(leave, person, entry)
        entry = database.write(join, person, event.slug)
    database.write(leave, person, entry)
    with pytest.raises(TooMany):
        database.write(join, person, event.slug)
    database.clock.move(DAY)
    assert entry_of(database, database.write(join, person, event.slug)).place == 1


def first_type(database: OpenDatabase, event: catalogue.Event) -> catalogue.TicketType:
    return database.read(catalogue.types_of, event.id)[0]


def test_a_place_is_for_one_ticket_type_and_the_others_stay_on_sale(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    database.write(catalogue.set_waiting_list, event.slug, OPEN_LIST)
    standard = first_type(database, event)
    details = replace(standard.details, name="Standard")
    database.write(catalogue.edit_ticket_type, event.slug, standard.id, details, queries.count_of_type)
    student = database.write(
        catalogue.add_ticket_type, event.slug, replace(details, name="Student", own_quota=1)
    )
    holder, newcomer = add_someone(database), add_someone(database)
    (seat,) = database.write(hold_seats, holder, event.slug, 15, choice=Choice({student.id: 1}))
    with pytest.raises(ChooseTicket):
        wait(database, event)
    with pytest.raises(SeatsAvailable):
        wait(database, event, type_id=standard.id)
    person, entry = wait(database, event, type_id=student.id)
    assert entry_of(database, entry).label == f"{event.title}: Student"
    database.write(hold_seats, newcomer, event.slug, 15, choice=Choice({standard.id: 1}))
    check(database)
    database.write(cancel_seat, holder, seat)
    with pytest.raises(Refused):
        database.write(hold_seats, add_someone(database), event.slug, 15, choice=Choice({student.id: 1}))
    assert [seat.type_id for seat in offered_seats(database, person)] == [student.id]
    check(database)


@pytest.mark.parametrize("is_raised", [False, True])
def test_a_shared_quota_is_offered_to_the_list_of_another_event(
    database: OpenDatabase, *, is_raised: bool
) -> None:
    events = [add_event(database, fee=0), add_event(database, fee=0)]
    room = database.write(catalogue.create_quota, "Main hall", 1)
    for event in events:
        kind = first_type(database, event)
        database.write(
            catalogue.edit_ticket_type, event.slug, kind.id, kind.details, queries.count_of_type, {room.id}
        )
        database.write(catalogue.set_waiting_list, event.slug, OPEN_LIST)
    holder = add_someone(database)
    seat = database.write(hold_seat, holder, events[1].slug, 15)
    person, _ = wait(database, events[0])
    if is_raised:
        database.write(catalogue.resize_quota, room.id, "Main hall", 2)
        deliver(database)
    else:
        database.write(cancel_seat, holder, seat)
    assert [seat.event_id for seat in offered_seats(database, person)] == [events[0].id]
    with pytest.raises(Refused):
        database.write(hold_seat, add_someone(database), events[1].slug, 15)
    check(database)


def test_nobody_waits_for_free_seats_or_on_a_closed_list_or_twice(database: OpenDatabase) -> None:
    event = add_event(database, fee=0, capacity=1)
    with pytest.raises(ListClosed):
        wait(database, event)
    database.write(catalogue.set_waiting_list, event.slug, OPEN_LIST)
    with pytest.raises(SeatsAvailable):
        wait(database, event)
    holder = add_someone(database)
    database.write(hold_seat, holder, event.slug, 15)
    with pytest.raises(AlreadyRegistered):
        database.write(join, holder, event.slug)
    person, entry = wait(database, event)
    assert database.write(join, person, event.slug) == entry
    database.write(
        catalogue.set_waiting_list, event.slug, WaitingSettings("closed", 120, needs_approval=False)
    )
    with pytest.raises(ListClosed):
        wait(database, event)
    check(database)


def test_somebody_who_left_is_passed_over(database: OpenDatabase) -> None:
    event, [(holder, seat)] = sold_out(database)
    first, entry = wait(database, event)
    second, _ = wait(database, event)
    database.write(leave, first, entry)
    database.write(leave, first, entry)
    database.write(cancel_seat, holder, seat)
    assert not offered_seats(database, first)
    assert len(offered_seats(database, second)) == 1
    check(database)


def test_an_offer_shortly_before_sales_close_is_shorter_and_none_is_made_afterwards(
    database: OpenDatabase,
) -> None:
    event, [(holder, seat)] = sold_out(database)
    first, _ = wait(database, event)
    second, later = wait(database, event)
    database.clock.move(DAY - HOUR)
    database.write(cancel_seat, holder, seat)
    (offered,) = offered_seats(database, first)
    assert offered.held_until == database.clock.now + 30 * MINUTE
    database.clock.move(2 * HOUR)
    database.write(sweep_all)
    assert not offered_seats(database, second)
    assert entry_of(database, later).state == "waiting"
    check(database)


def test_an_organiser_offers_out_of_order_from_a_raised_capacity_and_removes(database: OpenDatabase) -> None:
    event, _ = sold_out(database)
    first, removed = wait(database, event)
    second, entry = wait(database, event)
    with pytest.raises(NotEnoughSeats):
        database.write(offer_by_hand, event.slug, [entry])
    database.write(partial(offer_by_hand, slug=event.slug, entry_ids=[entry], may_raise=True))
    assert database.read(catalogue.event_by_id, event.id).capacity == 2
    assert len(offered_seats(database, second)) == 1
    database.write(remove, event.slug, [removed])
    assert entry_of(database, removed).state == "removed"
    assert not offered_seats(database, first)
    check(database)


def test_a_cancelled_event_ends_its_line(database: OpenDatabase) -> None:
    event, _ = sold_out(database)
    person, entry = wait(database, event)
    database.write(catalogue.cancel_event, event.slug)
    deliver(database)
    assert entry_of(database, entry).state == "ended"
    assert not offered_seats(database, person)
    check(database)


def test_applications_are_accepted_declined_or_waitlisted_and_an_acceptance_can_be_renewed(
    database: OpenDatabase,
) -> None:
    event = add_event(database, fee=50_000, capacity=1)
    database.write(catalogue.set_waiting_list, event.slug, APPROVAL)
    with pytest.raises(ApprovalNeeded):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    people = [add_someone(database) for _ in range(3)]
    ids = [
        database.write(partial(join, person_id=person, slug=event.slug, message="I build robots."))
        for person in people
    ]
    assert [entry_of(database, entry).shown_state for entry in ids] == ["applied"] * 3
    assert not offered_seats(database, people[0])
    with pytest.raises(NotEnoughSeats):
        database.write(offer_by_hand, event.slug, ids[:2])
    assert not offered_seats(database, people[0])
    database.write(offer_by_hand, event.slug, ids[:1])
    database.write(decline, event.slug, ids[1:2], "Next year.")
    database.write(put_on_list, event.slug, ids[2:])
    assert entry_of(database, ids[1]).answer == "Next year."
    assert entry_of(database, ids[2]).place == 1
    check(database)
    database.clock.move(2 * HOUR)
    assert entry_of(database, ids[0]).shown_state == "expired"
    database.write(offer_by_hand, event.slug, ids[:1])
    assert entry_of(database, ids[0]).shown_state == "offered"
    assert len(offered_seats(database, people[0])) == 1
    check(database)


def test_simultaneous_cancellations_newcomers_and_joins_leave_no_seat_empty_and_sell_none_twice(
    database: OpenDatabase,
) -> None:
    event, taken = sold_out(database, capacity=5)
    waiters = [wait(database, event) for _ in range(3)]
    late = [add_someone(database) for _ in range(6)]
    newcomers = [add_someone(database) for _ in range(6)]

    def register(person: int, connection: Connection) -> int:
        return hold_seat(connection, person, event.slug, 15)

    def wait_too(person: int, connection: Connection) -> int:
        return join(connection, person, event.slug)

    def cancel(person: int, seat: int, connection: Connection) -> None:
        cancel_seat(connection, person, seat)

    steps: list[Any] = [
        step
        for number in range(6)
        for step in (
            *([partial(cancel, *taken[number])] if number < len(taken) else []),
            partial(register, newcomers[number]),
            partial(wait_too, late[number]),
        )
    ]
    results = database.write_together(*steps)
    assert not [result for result in results if isinstance(result, AssertionError)]
    check(database)
    assert all(offered_seats(database, person) for person, _ in waiters)
    assert database.read(catalogue.event_by_id, event.id).taken == 5


def test_offering_by_hand_after_more_seats_offers_the_rest_to_the_line(database: OpenDatabase) -> None:
    event, _ = sold_out(database)
    first, _ = wait(database, event)
    second, chosen = wait(database, event)
    event = database.read(catalogue.event_by_id, event.id)
    database.write(catalogue.edit_event, event.slug, replace(catalogue.details_of(event), capacity=3))
    database.write(offer_by_hand, event.slug, [chosen])
    check(database)
    assert [len(offered_seats(database, person)) for person in (first, second)] == [1, 1]

"""Seats of several ticket types: prices, windows, quotas and limits, on SQLite and on PostgreSQL."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.db.statements import Statement
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.events import cancel_event, set_currency
from festgate.portal.catalogue.facade import SoldOut, TicketType, TypeDetails
from festgate.portal.catalogue.tables import quotas
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_counts, check_quotas, check_types
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ChooseTicket,
    PriceTooLow,
    SalesClosed,
    SalesNotOpen,
    TooManyTickets,
)
from festgate.portal.registrations.holds import hold_seat, hold_seats, refuse_early, sweep_all
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

RUPEES_100 = Money(10_000, "INR")
STUDENT = TypeDetails("Student", RUPEES_100)


def first_type(database: OpenDatabase, event: catalogue.Event) -> TicketType:
    return database.read(catalogue.types_of, event.id)[0]


def edit(database: OpenDatabase, event: catalogue.Event, kind: TicketType, **changes: Any) -> TicketType:  # noqa: ANN401
    details = replace(kind.details, **changes)
    database.write(catalogue.edit_ticket_type, event.slug, kind.id, details, queries.count_of_type)
    return catalogue.type_of(database.read(catalogue.types_of, event.id), kind.id)


def two_types(
    database: OpenDatabase,
    event: catalogue.Event,
    **changes: Any,  # noqa: ANN401
) -> tuple[TicketType, TicketType]:
    """Name the first type `Standard` and add `Student`, with `changes`."""
    standard = edit(database, event, first_type(database, event), name="Standard")
    student = database.write(catalogue.add_ticket_type, event.slug, replace(STUDENT, **changes))
    return standard, student


def hold(database: OpenDatabase, person: int, event: catalogue.Event, **counts: Any) -> list[int]:  # noqa: ANN401
    """Hold seats. `choice`: a Choice, or None."""
    return database.write(hold_seats, person, event.slug, 15, choice=counts["choice"])


def check(database: OpenDatabase) -> None:
    for invariant in (check_counts, check_quotas, check_types):
        assert database.report(invariant) == []


def test_an_event_has_one_type_without_a_name_and_a_seat_of_it_shows_the_event_alone(
    database: OpenDatabase,
) -> None:
    event = add_event(database, fee=45_000)
    kind = first_type(database, event)
    assert (kind.name, kind.fee) == ("", Money(45_000, "INR"))
    seat = database.read(queries.seat, database.write(hold_seat, add_someone(database), event.slug, 15))
    assert (seat.type_id, seat.label, seat.fee) == (kind.id, event.title, kind.fee)
    check(database)


def test_a_seat_costs_the_price_of_its_type_which_has_to_be_chosen(database: OpenDatabase) -> None:
    event, person = add_event(database, fee=45_000), add_someone(database)
    _, student = two_types(database, event)
    with pytest.raises(ChooseTicket):
        hold(database, person, event, choice=None)
    (seat_id,) = hold(database, person, event, choice=Choice({student.id: 1}))
    seat = database.read(queries.seat, seat_id)
    assert (seat.fee, seat.label) == (RUPEES_100, f"{event.title}: Student")
    assert database.read(catalogue.event_by_id, event.id).fee == RUPEES_100, "lists show the lowest price"


def test_a_type_of_another_event_does_not_exist(database: OpenDatabase) -> None:
    event, other = add_event(database), add_event(database)
    with pytest.raises(NotFound):
        hold(database, add_someone(database), event, choice=Choice({first_type(database, other).id: 1}))


def test_a_quota_is_never_exceeded_by_simultaneous_registrations(database: OpenDatabase) -> None:
    event = add_event(database, capacity=50)
    standard, student = two_types(database, event, own_quota=5)
    people = [add_someone(database) for _ in range(30)]
    kinds = (standard, student, student)
    results = database.write_together(
        *(
            partial(
                hold_seats,
                person_id=person,
                slug=event.slug,
                hold_minutes=15,
                choice=Choice({kinds[number % 3].id: 1}),
            )
            for number, person in enumerate(people)
        )
    )
    assert [type(result) for result in results].count(SoldOut) == 15
    assert database.read(queries.count_of_type, event.id, student.id) == (5, 5)
    check(database)


def test_a_shared_quota_limits_types_of_two_events_together(database: OpenDatabase) -> None:
    first, second = add_event(database, capacity=50), add_event(database, capacity=50)
    room = database.write(catalogue.create_quota, "Main hall", 6)
    for event in (first, second):
        kind = first_type(database, event)
        database.write(
            catalogue.edit_ticket_type, event.slug, kind.id, kind.details, queries.count_of_type, {room.id}
        )
    results = database.write_together(
        *(
            partial(hold_seat, person_id=add_someone(database), slug=event.slug, hold_minutes=15)
            for event in (first, second) * 8
        )
    )
    assert [type(result) for result in results].count(SoldOut) == 10
    check(database)
    # The holds of both events end; a registration at one of them finds all places free again.
    database.clock.move(15 * MINUTE)
    for _ in range(6):
        database.write(hold_seat, add_someone(database), second.slug, 15)
    with pytest.raises(SoldOut):
        database.write(hold_seat, add_someone(database), first.slug, 15)
    check(database)


def test_a_cancelled_seat_and_an_ended_hold_give_back_to_the_quota(database: OpenDatabase) -> None:
    event, person = add_event(database, capacity=50), add_someone(database)
    _, student = two_types(database, event, own_quota=1)
    choice = Choice({student.id: 1})
    (seat,) = hold(database, person, event, choice=choice)
    database.write(cancel_seat, person, seat)
    hold(database, add_someone(database), event, choice=choice)
    database.clock.move(15 * MINUTE)
    assert database.write(sweep_all) == 1
    check(database)
    hold(database, add_someone(database), event, choice=choice)
    check(database)


def test_a_payment_after_the_hold_takes_the_seat_again_only_while_the_quota_has_one(
    database: OpenDatabase,
) -> None:
    event = add_event(database, capacity=50)
    _, student = two_types(database, event, own_quota=1)
    choice = Choice({student.id: 1})
    late, quick = add_someone(database), add_someone(database)
    hold(database, late, event, choice=choice)
    database.write(claim_seats, database.read(queries.payable_seats, late), 7, database.clock.now + MINUTE)
    database.clock.move(16 * MINUTE)
    (taken,) = hold(database, quick, event, choice=choice)
    assert not database.write(confirm_seats, 7)
    database.write(cancel_seat, quick, taken)
    assert database.write(confirm_seats, 7)
    check(database)


def test_an_early_bird_is_followed_when_its_time_is_over(database: OpenDatabase) -> None:
    event = add_event(database, capacity=50)
    early = edit(
        database,
        event,
        first_type(database, event),
        name="Early bird",
        sales_close_at=database.clock.now + HOUR,
    )
    late = database.write(catalogue.add_ticket_type, event.slug, replace(STUDENT, follows_id=early.id))
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event, choice=Choice({late.id: 1}))
    assert (
        database.read(queries.seat, database.write(hold_seat, add_someone(database), event.slug, 15)).type_id
        == early.id
    )
    database.clock.move(HOUR)
    assert (
        database.read(queries.seat, database.write(hold_seat, add_someone(database), event.slug, 15)).type_id
        == late.id
    )


def test_an_early_bird_is_followed_when_it_is_sold_out(database: OpenDatabase) -> None:
    event = add_event(database, capacity=50)
    early = edit(database, event, first_type(database, event), name="Early bird", own_quota=1)
    late = database.write(catalogue.add_ticket_type, event.slug, replace(STUDENT, follows_id=early.id))
    for expected in (early, late, late):
        seat = database.write(hold_seat, add_someone(database), event.slug, 15)
        assert database.read(queries.seat, seat).type_id == expected.id


def test_a_type_is_not_sold_before_its_sales_open(database: OpenDatabase) -> None:
    event = add_event(database)
    _, student = two_types(database, event, sales_open_at=database.clock.now + HOUR)
    with pytest.raises(SalesNotOpen):
        hold(database, add_someone(database), event, choice=Choice({student.id: 1}))
    with pytest.raises(SalesNotOpen):
        database.read(refuse_early, add_someone(database), event.slug, Choice({student.id: 1}))


def test_nobody_has_more_tickets_than_one_person_can_have(database: OpenDatabase) -> None:
    event, person = add_event(database, capacity=50), add_someone(database)
    kind = edit(database, event, first_type(database, event), max_per_order=4)
    database.write(catalogue.limit_per_person, event.slug, 5)
    assert len(hold(database, person, event, choice=Choice({kind.id: 3}))) == 3
    with pytest.raises(TooManyTickets):
        hold(database, person, event, choice=Choice({kind.id: 3}))
    results = database.write_together(
        *[
            partial(
                hold_seats, person_id=person, slug=event.slug, hold_minutes=15, choice=Choice({kind.id: 1})
            )
        ]
        * 6
    )
    assert [type(result) for result in results].count(TooManyTickets) == 4
    assert database.read(queries.count_seats_at, person, event.id) == (5, 5)
    check(database)


def test_one_order_has_between_the_minimum_and_the_maximum_of_a_type(database: OpenDatabase) -> None:
    event, person = add_event(database, capacity=50), add_someone(database)
    kind = edit(database, event, first_type(database, event), min_per_order=2, max_per_order=4)
    database.write(catalogue.limit_per_person, event.slug, 10)
    for count in (1, 5):
        with pytest.raises(ChooseTicket, match="2 to 4"):
            hold(database, person, event, choice=Choice({kind.id: count}))
    assert len(hold(database, person, event, choice=Choice({kind.id: 4}))) == 4


def test_a_second_seat_is_refused_as_before_where_one_person_has_one(database: OpenDatabase) -> None:
    event, person = add_event(database), add_someone(database)
    _, student = two_types(database, event)
    hold(database, person, event, choice=Choice({student.id: 1}))
    with pytest.raises(AlreadyRegistered):
        hold(database, person, event, choice=Choice({student.id: 1}))


def test_a_hidden_type_is_sold_only_with_its_key(database: OpenDatabase) -> None:
    event = add_event(database)
    _, guest = two_types(database, event, name="Guest", is_hidden=True, fee=Money(0, "INR"))
    assert guest.access_key
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event, choice=Choice({guest.id: 1}))
    assert hold(
        database, add_someone(database), event, choice=Choice({guest.id: 1}, access_key=guest.access_key)
    )
    # Without a choice, the only public type is meant; lists do not show the price of a hidden type.
    assert database.write(hold_seat, add_someone(database), event.slug, 15)
    assert database.read(catalogue.event_by_id, event.id).fee == event.fee


def test_the_buyer_chooses_a_price_of_at_least_the_minimum(database: OpenDatabase) -> None:
    event = add_event(database, fee=10_000)
    kind = edit(database, event, first_type(database, event), has_chosen_price=True)
    choice = Choice({kind.id: 1}, {kind.id: "250"})
    (seat,) = hold(database, add_someone(database), event, choice=choice)
    assert database.read(queries.seat, seat).fee == Money(25_000, "INR")
    for wrong in ("99.99", "", "much", "-100", "99999999999"):
        with pytest.raises(PriceTooLow):
            hold(database, add_someone(database), event, choice=Choice({kind.id: 1}, {kind.id: wrong}))


def test_a_chosen_price_is_ignored_where_the_price_is_fixed(database: OpenDatabase) -> None:
    event = add_event(database, fee=10_000)
    kind = first_type(database, event)
    (seat,) = hold(database, add_someone(database), event, choice=Choice({kind.id: 1}, {kind.id: "0.01"}))
    assert database.read(queries.seat, seat).fee == Money(10_000, "INR")


def test_a_type_with_seats_is_withdrawn_and_an_unused_one_is_removed(database: OpenDatabase) -> None:
    event = add_event(database)
    standard, student = two_types(database, event, own_quota=5)
    database.write(catalogue.remove_ticket_type, event.slug, student.id, queries.count_of_type)
    assert database.read(catalogue.types_of, event.id) == (standard,)
    student = database.write(catalogue.add_ticket_type, event.slug, STUDENT)
    hold(database, add_someone(database), event, choice=Choice({student.id: 1}))
    database.write(catalogue.remove_ticket_type, event.slug, student.id, queries.count_of_type)
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event, choice=Choice({student.id: 1}))
    database.write(catalogue.offer_ticket_type, event.slug, student.id)
    hold(database, add_someone(database), event, choice=Choice({student.id: 1}))
    check(database)


def test_the_last_type_of_an_event_stays(database: OpenDatabase) -> None:
    event = add_event(database)
    with pytest.raises(Invalid, match="at least one"):
        database.write(
            catalogue.remove_ticket_type, event.slug, first_type(database, event).id, queries.count_of_type
        )


def test_a_new_quota_counts_the_seats_that_are_taken_and_is_not_below_them(database: OpenDatabase) -> None:
    event = add_event(database, capacity=50)
    kind = first_type(database, event)
    for _ in range(3):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    with pytest.raises(Invalid, match="3 tickets are taken"):
        edit(database, event, kind, own_quota=2)
    kind = edit(database, event, kind, own_quota=3)
    with pytest.raises(SoldOut):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    room = database.write(catalogue.create_quota, "Hall", 2)
    with pytest.raises(Invalid, match="3 tickets are taken"):
        database.write(
            catalogue.edit_ticket_type, event.slug, kind.id, kind.details, queries.count_of_type, {room.id}
        )
    check(database)


def test_a_second_type_needs_names_and_no_type_follows_itself(database: OpenDatabase) -> None:
    event = add_event(database)
    with pytest.raises(Invalid, match="first ticket type a name"):
        database.write(catalogue.add_ticket_type, event.slug, STUDENT)
    standard, student = two_types(database, event)
    with pytest.raises(Invalid, match="has this name"):
        database.write(catalogue.add_ticket_type, event.slug, STUDENT)
    edit(database, event, student, follows_id=standard.id)
    with pytest.raises(Invalid, match="does not follow"):
        edit(database, event, standard, follows_id=student.id)


def test_the_fee_of_an_event_with_several_types_is_changed_in_the_types(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    two_types(database, event)
    details = catalogue.details_of(database.read(catalogue.event_by_id, event.id))
    with pytest.raises(Invalid, match="several ticket types"):
        database.write(catalogue.edit_event, event.slug, replace(details, fee=Money(1, "INR")))
    database.write(set_currency, "EUR", COMMAND)
    assert [kind.fee for kind in database.read(catalogue.types_of, event.id)] == [
        Money(45_000, "EUR"),
        Money(10_000, "EUR"),
    ]


def test_a_deleted_draft_takes_its_types_and_their_quotas_with_it(database: OpenDatabase) -> None:
    details = catalogue.details_of(add_event(database))
    event = database.write(catalogue.create_event, details)
    two_types(database, event, own_quota=4)
    database.write(cancel_event, event.slug)
    assert database.read(catalogue.types_of, event.id) == ()
    assert database.read(catalogue.all_quotas) == []


def test_the_check_finds_a_wrong_count_of_a_quota(database: OpenDatabase) -> None:
    event = add_event(database)
    edit(database, event, first_type(database, event), own_quota=5)
    database.write(lambda connection: connection.run(Statement(quotas.update().values(taken=2))))
    (finding,) = database.report(check_quotas)
    assert "0 seats, but 2 are counted as taken" in str(finding)

"""Passes: one ticket with a seat in several events, taken and ended together."""

from collections.abc import Callable

import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid
from festgate.kit.messaging.outbox import Relay
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue import passes as catalogue_passes
from festgate.portal.catalogue import seats
from festgate.portal.catalogue.facts import EventCancelled, SeatsFreed
from festgate.portal.registrations import handlers, passes, queries
from festgate.portal.registrations.cancellations import cancel_seat, release_seat, take_back_seat
from festgate.portal.registrations.claims import (
    claim_seats,
    confirm_seats,
    extend_seats,
    release_seats,
    unclaim_seats,
)
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    PassNotOnSale,
    PassPlace,
    PassSeatsTaken,
    PassSoldOut,
    SeatsGone,
)
from festgate.portal.registrations.holders import Holder, write_holder
from festgate.portal.registrations.holds import confirm_seat, hold_seat, sweep_all, sweep_event
from festgate.portal.registrations.my_events import my_events
from festgate.portal.registrations.seat_overlaps import seat_overlaps
from festgate.portal.registrations.waiting_list import join
from festgate.portal.tickets.facade import is_used
from tests.portal.registrations.pass_fest import HOLD_MINUTES, add_pass, check, single, take, taken
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def test_a_pass_takes_a_seat_in_each_of_its_events(database: OpenDatabase) -> None:
    party, talk, race = add_event(database), add_event(database), add_event(database)
    kind = add_pass(database, talk, [party, race], quota=5)
    seat_id = take(database, add_someone(database), kind)[0]
    assert taken(database, party, talk, race) == [1, 1, 1]
    places = database.read(queries.places_of_pass, seat_id)
    assert [(place.event_id, place.state, place.fee.minor) for place in places] == [
        (party.id, "confirmed", 0),
        (race.id, "confirmed", 0),
    ]
    own = next(kind for kind in database.read(catalogue.types_of, talk.id) if kind.is_pass)
    assert [quota.taken for quota in own.quotas] == [1]
    check(database)


def test_a_full_event_of_a_pass_leaves_nothing_half_taken(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, capacity=1, title="Robo Race")
    kind = add_pass(database, talk, [race], quota=5)
    database.write(hold_seat, add_someone(database), race.slug, HOLD_MINUTES)
    with pytest.raises(PassSoldOut, match="Robo Race"):
        take(database, add_someone(database), kind)
    assert taken(database, talk, race) == [0, 1]
    assert database.read(catalogue.types_of, talk.id)[1].left == 0
    check(database)


def test_a_person_with_a_seat_at_one_of_the_events_is_refused_the_pass(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, title="Robo Race")
    kind, person = add_pass(database, talk, [race]), add_someone(database)
    database.write(hold_seat, person, race.slug, HOLD_MINUTES)
    with pytest.raises(PassSeatsTaken, match="Robo Race"):
        take(database, person, kind)
    assert taken(database, talk, race) == [0, 1]
    holder = add_someone(database)
    take(database, holder, kind)
    with pytest.raises(AlreadyRegistered):
        database.write(hold_seat, holder, race.slug, HOLD_MINUTES)
    check(database)


def test_several_passes_need_as_many_seats_per_person(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    kind, person = add_pass(database, talk, [race], max_per_order=3), add_someone(database)
    database.write(catalogue.limit_per_person, talk.slug, 3)
    with pytest.raises(PassSeatsTaken):
        take(database, person, kind, 2)
    database.write(catalogue.limit_per_person, race.slug, 2)
    take(database, person, kind, 2)
    assert taken(database, talk, race) == [2, 2]
    check(database)


def test_cancelling_a_pass_frees_every_seat(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    kind, person = add_pass(database, talk, [race], quota=1), add_someone(database)
    seat_id = take(database, person, kind)[0]
    place = database.read(queries.places_of_pass, seat_id)[0]
    with pytest.raises(PassPlace):
        database.write(cancel_seat, person, place.id)
    with pytest.raises(PassPlace):
        database.write(take_back_seat, place.id, is_used)
    with pytest.raises(PassPlace):
        database.write(confirm_seat, person, place.id)
    database.write(cancel_seat, person, seat_id)
    assert taken(database, talk, race) == [0, 0]
    assert database.read(catalogue.types_of, talk.id)[1].quotas[0].taken == 0
    check(database)
    take(database, person, kind)
    check(database)


def test_an_unpaid_pass_ends_in_every_event(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, capacity=1)
    kind = add_pass(database, talk, [race], fee=900, quota=1)
    take(database, add_someone(database), kind)
    check(database)
    database.clock.move(HOLD_MINUTES * MINUTE)
    check(database)
    # Only the other event is swept: its seat is free for somebody else, whatever became of the pass.
    database.write(hold_seat, add_someone(database), race.slug, HOLD_MINUTES)
    check(database)
    database.write(sweep_all)
    assert taken(database, talk, race) == [0, 1]
    check(database)


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_paid_pass_is_confirmed_in_every_event(database: OpenDatabase, has_ended: bool) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, capacity=1)
    kind, person = add_pass(database, talk, [race], fee=900, quota=1), add_someone(database)
    seat_id = take(database, person, kind)[0]
    now = database.clock.now
    database.write(claim_seats, database.read(queries.payable_seats, person), 7, now + 30 * MINUTE)
    check(database)
    database.write(unclaim_seats, 7)
    check(database)
    database.write(claim_seats, database.read(queries.payable_seats, person), 7, now + 30 * MINUTE)
    database.write(extend_seats, 7, now + 40 * MINUTE)
    check(database)
    if has_ended:
        database.clock.move(41 * MINUTE)
        database.write(sweep_all)
        assert taken(database, talk, race) == [0, 0]
    assert database.write(confirm_seats, 7)
    assert [place.state for place in database.read(queries.places_of_pass, seat_id)] == ["confirmed"]
    assert taken(database, talk, race) == [1, 1]
    check(database)


@pytest.mark.parametrize("swept", ["home", "other"])
def test_a_pass_of_which_one_event_is_swept_is_consistent(database: OpenDatabase, swept: str) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    kind = add_pass(database, talk, [race], fee=900)
    take(database, add_someone(database), kind)
    database.clock.move(HOLD_MINUTES * MINUTE)
    database.write(sweep_event, talk.id if swept == "home" else race.id)
    check(database)
    database.clock.move(-MINUTE)
    check(database)


def test_a_pass_that_lost_a_place_to_a_clock_set_back_cannot_be_bought_without_it(
    database: OpenDatabase,
) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    kind, person = add_pass(database, talk, [race], fee=900), add_someone(database)
    take(database, person, kind)
    database.clock.move(HOLD_MINUTES * MINUTE)
    database.write(sweep_event, race.id)
    database.clock.move(-HOLD_MINUTES * MINUTE)
    with pytest.raises(SeatsGone):
        database.write(claim_seats, database.read(queries.payable_seats, person), 7, 0)
    check(database)


@pytest.mark.parametrize("swept", ["home", "other"])
def test_a_paid_pass_gets_back_the_seat_that_it_lost_to_a_clock_set_back(
    database: OpenDatabase, swept: str
) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    kind, person = add_pass(database, talk, [race], fee=900, quota=1), add_someone(database)
    seat_id = take(database, person, kind)[0]
    database.write(claim_seats, database.read(queries.payable_seats, person), 7, 0)
    database.clock.move(HOLD_MINUTES * MINUTE)
    database.write(sweep_event, talk.id if swept == "home" else race.id)
    database.clock.move(-HOLD_MINUTES * MINUTE)
    assert database.write(confirm_seats, 7)
    assert [place.state for place in database.read(queries.places_of_pass, seat_id)] == ["confirmed"]
    assert taken(database, talk, race) == [1, 1]
    check(database)


def test_a_late_payment_confirms_nothing_if_one_event_is_full(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, capacity=1)
    kind, person = add_pass(database, talk, [race], fee=900), add_someone(database)
    take(database, person, kind)
    database.write(claim_seats, database.read(queries.payable_seats, person), 7, 0)
    database.clock.move(HOLD_MINUTES * MINUTE)
    database.write(hold_seat, add_someone(database), race.slug, HOLD_MINUTES)
    assert not database.write(confirm_seats, 7)
    database.write(sweep_all)
    assert taken(database, talk, race) == [0, 1]
    check(database)


def test_a_cancelled_event_ends_only_its_place(database: OpenDatabase) -> None:
    talk, race, party = (add_event(database, fee=0) for _ in range(3))
    kind, person = add_pass(database, talk, [race, party]), add_someone(database)
    seat_id = take(database, person, kind)[0]
    database.write(catalogue.cancel_event, race.slug)
    check(database)
    database.write(handlers.release_all, EventCancelled(race.id))
    assert taken(database, talk, race, party) == [1, 0, 1]
    assert database.read(queries.seat, seat_id).state == "confirmed"
    check(database)
    take(database, add_someone(database), kind)
    assert taken(database, talk, race, party) == [2, 0, 2]
    check(database)
    database.write(catalogue.cancel_event, talk.slug)
    database.write(handlers.release_all, EventCancelled(talk.id))
    assert taken(database, talk, race, party) == [0, 0, 0]
    check(database)


def test_a_pass_is_not_sold_while_one_of_its_events_is_a_draft(database: OpenDatabase) -> None:
    talk, draft = add_event(database, fee=0), add_event(database, fee=0)
    kind = add_pass(database, talk, [draft])
    details = catalogue.details_of(draft)
    hidden = database.write(catalogue.create_event, details)
    other = add_pass(database, talk, [hidden], name="Other")
    with pytest.raises(PassNotOnSale):
        take(database, add_someone(database), other)
    database.write(catalogue.publish_event, hidden.slug)
    take(database, add_someone(database), other)
    assert taken(database, talk, draft, hidden) == [1, 0, 1]
    assert kind.is_pass
    check(database)


def test_what_a_pass_admits_to_is_fixed_once_it_is_sold(database: OpenDatabase) -> None:
    talk, race, party = (add_event(database, fee=0) for _ in range(3))
    kind = add_pass(database, talk, [race])

    def edit(*events: catalogue.Event) -> None:
        ids = [event.id for event in events]
        database.write(
            catalogue.edit_ticket_type, talk.slug, kind.id, kind.details, queries.count_of_type, (), ids
        )

    edit(party)
    edit(race, party)
    with pytest.raises(Invalid) as own:
        edit(talk)
    assert "admits_to" in own.value.fields
    take(database, add_someone(database), kind)
    for events in ((race,), ()):
        with pytest.raises(Invalid) as refusal:
            edit(*events)
        assert "have been taken" in refusal.value.fields["admits_to"]
    edit(race, party)
    check(database)


def test_the_holder_of_a_pass_is_known_in_every_event(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0)
    seat_id = take(database, person := add_someone(database), add_pass(database, talk, [race]))[0]
    database.write(write_holder, person, seat_id, Holder("Asha Rao", "asha@example.org"))
    place = database.read(queries.places_of_pass, seat_id)[0]
    assert (place.attendee_name, place.attendee_email) == ("Asha Rao", "asha@example.org")
    check(database)


def test_my_events_lists_a_pass_once(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0), add_event(database, fee=0, title="Robo Race")
    person = add_someone(database)
    take(database, person, add_pass(database, talk, [race]))

    def references(_connection: object, _person: int) -> dict[int, str]:
        return {}

    shown = database.read(my_events, person, references, references, "")
    assert [entry.seat.slug for entry in shown.confirmed] == [talk.slug]
    assert [place.title for place in shown.confirmed[0].places] == ["Robo Race"]
    assert shown.overlaps == ()
    assert [seat.slug for seat in database.read(queries.own_seats, person)] == [talk.slug, race.slug]


def test_a_seat_that_comes_free_is_offered_as_a_pass(database: OpenDatabase) -> None:
    race, talk = add_event(database, fee=0, capacity=1), add_event(database, fee=0, capacity=1)
    kind = add_pass(database, talk, [race])
    settings = catalogue.read_waiting_settings({"waiting_list": "open", "offer_hours": "1"})
    database.write(catalogue.set_waiting_list, talk.slug, settings)
    first, second = add_someone(database), add_someone(database)
    seat_id = take(database, first, kind)[0]
    entry = database.write(join, second, talk.slug, 1, kind.id)
    database.write(release_seat, database.read(queries.seat, seat_id), "holder")
    database.write(handlers.offer_freed, SeatsFreed(talk.id))
    held = [seat for seat in database.read(queries.seats_of, second) if seat.state == "held"]
    assert [seat.type_id for seat in held] == [kind.id]
    assert [place.state for place in database.read(queries.places_of_pass, held[0].id)] == ["held"]
    assert taken(database, race, talk) == [1, 1]
    assert entry
    check(database)
    database.write(confirm_seat, second, held[0].id)
    assert [place.state for place in database.read(queries.places_of_pass, held[0].id)] == ["confirmed"]
    check(database)


def test_a_pass_is_waited_for_while_only_one_of_its_events_is_full(database: OpenDatabase) -> None:
    race, talk, party = (add_event(database, fee=0, capacity=capacity) for capacity in (2, 5, 1))
    kind, back = add_pass(database, talk, [race, party]), add_pass(database, party, [talk, race], name="Back")
    settings = catalogue.read_waiting_settings({"waiting_list": "open", "offer_hours": "1"})
    for event in (talk, party):
        database.write(catalogue.set_waiting_list, event.slug, settings)
    holder, waiter, other, newcomer = (add_someone(database) for _ in range(4))
    [seat_id] = take(database, holder, single(database, party))
    database.write(join, waiter, talk.slug, 1, kind.id)
    database.write(join, other, party.slug, 1, back.id)
    deliver(database)
    assert taken(database, race, talk, party) == [0, 0, 1]

    # The line of the event itself comes first.
    database.write(cancel_seat, holder, seat_id)
    deliver(database)
    [offered] = database.read(queries.seats_of, other)
    assert (offered.state, taken(database, race, talk, party)) == ("held", [1, 1, 1])

    # A newcomer does not get past the waiting list.
    database.write(cancel_seat, other, offered.id)
    with pytest.raises(PassSoldOut):
        take(database, newcomer, kind)
    deliver(database)
    assert [seat.state for seat in database.read(queries.seats_of, waiter)] == ["held"]
    assert taken(database, race, talk, party) == [1, 1, 1]
    check(database)


def deliver(database: OpenDatabase) -> None:
    """Deliver facts to registrations until none is due, which has to be soon."""
    relay = Relay(database.real, handlers.SUBSCRIPTIONS)
    for _ in range(20):
        if not database.run(relay.deliver_due()):
            return
    pytest.fail("facts lead to facts without an end")


def test_only_other_tickets_overlap_with_a_pass(database: OpenDatabase) -> None:
    talk, race = add_event(database, fee=0, title="Talk"), add_event(database, fee=0, title="Robo Race")
    concert = add_event(database, fee=0, title="Concert")
    person = add_someone(database)
    take(database, person, add_pass(database, talk, [race]))
    live = database.read(queries.live_seats, person)
    assert seat_overlaps([seat for seat in live if seat.is_pass], live, database.clock.now) == ()
    database.write(hold_seat, person, concert.slug, HOLD_MINUTES)
    live = database.read(queries.live_seats, person)
    for chosen in (
        [seat for seat in live if seat.is_pass],
        [seat for seat in live if seat.slug == concert.slug],
    ):
        overlaps = seat_overlaps(chosen, live, database.clock.now)
        pairs = {frozenset((overlap.first, overlap.second)) for overlap in overlaps}
        assert pairs == {frozenset(("Concert", "Talk")), frozenset(("Concert", "Robo Race"))}


def test_an_event_without_passes_runs_no_statement_about_them(database: OpenDatabase) -> None:
    event, person = add_event(database, capacity=2), add_someone(database)
    run: list[Statement] = []

    def record(operation: Callable[[Connection], object]) -> Callable[[Connection], object]:
        def recorded(connection: Connection) -> object:
            connection.recorded = run
            try:
                return operation(connection)
            finally:
                connection.recorded = None

        return recorded

    database.write(record(lambda connection: hold_seat(connection, person, event.slug, HOLD_MINUTES)))
    [seat] = database.read(queries.payable_seats, person)
    database.write(record(lambda connection: claim_seats(connection, [seat], 7, seat.held_until)))
    database.write(record(lambda connection: confirm_seats(connection, 7)))
    database.write(record(lambda connection: release_seats(connection, 7)))
    database.clock.move(HOLD_MINUTES * MINUTE)
    about_passes = [
        statement
        for module in (passes, catalogue_passes)
        for statement in vars(module).values()
        if isinstance(statement, Statement)
    ]
    about_passes += [queries._places_of_pass, queries._places_of_person, seats._waiting_homes]  # noqa: SLF001
    assert run
    assert not [statement for statement in run if statement in about_passes]

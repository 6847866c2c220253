"""Teams: their seats, members and ticket codes, on SQLite and on PostgreSQL."""

from functools import partial
from pathlib import Path

import pytest

from festgate.kit.clock import DAY, MINUTE
from festgate.kit.errors import Invalid, NotFound, TooMany
from festgate.kit.messaging import mail
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import SoldOut
from festgate.portal.registrations import queries, team_queries
from festgate.portal.registrations.cancellations import cancel_seat, take_back_seat
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.errors import (
    AlreadyInTeam,
    CaptainStays,
    ChooseTicket,
    MemberIn,
    SeatPaid,
    TeamFixed,
    TeamFull,
    TeamNameTaken,
    TeamSeat,
)
from festgate.portal.registrations.holds import hold_seats, sweep_all
from festgate.portal.registrations.personal_data import export_registrations
from festgate.portal.registrations.teams import (
    cancel_team,
    invite_member,
    join_team,
    leave_all,
    leave_team,
    remove_member,
    rename_team,
    renew_link,
)
from festgate.portal.tickets.facade import admit_holder, codes_by_seat, is_used, replace_code, ticket_of_seat
from festgate.portal.tickets.issue import issue_ticket
from festgate.settings import Settings
from tests.portal.registrations.team_fest import HOLD_MINUTES, add_team_event, check, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_someone


def join(database: OpenDatabase, person: int, team_id: int) -> int:
    return database.write(join_team, person, team(database, team_id).token, replace_code)


def team(database: OpenDatabase, team_id: int) -> team_queries.Team:
    return database.read(team_queries.team_by_id, team_id)


def issue_all(database: OpenDatabase, team_id: int) -> None:
    for place in team(database, team_id).places:
        database.write(issue_ticket, database.read(queries.seat, place.seat_id))


def code_of(database: OpenDatabase, seat_id: int) -> str:
    ticket = database.read(ticket_of_seat, seat_id)
    assert ticket is not None
    return ticket.code


def pay(database: OpenDatabase, captain: int, order: int = 1) -> bool:
    seats = database.read(queries.payable_seats, captain)
    database.write(claim_seats, seats, order, database.clock.now + 30 * MINUTE)
    return database.write(confirm_seats, order)


@pytest.mark.parametrize(
    "price, size, fees",
    [(1_000, 3, [334, 333, 333]), (900, 3, [300] * 3), (1_001, 4, [251, 250, 250, 250])],
)
def test_the_price_of_a_team_is_split_over_its_seats_exactly(
    database: OpenDatabase, price: int, size: int, fees: list[int]
) -> None:
    _, kind = add_team_event(database, price=price)
    team_id = register_team(database, add_someone(database), kind, "Bolts", size)
    places = team(database, team_id).places
    assert [place.fee.minor for place in places] == fees
    assert team(database, team_id).fee == Money(price, "INR")
    check(database)


def test_the_price_of_a_member_is_that_of_each_seat(database: OpenDatabase) -> None:
    _, kind = add_team_event(database, price=1_000, team_price="member")
    team_id = register_team(database, add_someone(database), kind, "Bolts", 3)
    assert team(database, team_id).fee == Money(3_000, "INR")


def test_a_team_gets_all_its_seats_or_none(database: OpenDatabase) -> None:
    event, kind = add_team_event(database, capacity=5)
    register_team(database, add_someone(database), kind, "Bolts", 3)
    with pytest.raises(SoldOut):
        register_team(database, add_someone(database), kind, "Nuts", 3)
    assert database.read(catalogue.event_by_id, event.id).taken == 3
    register_team(database, add_someone(database), kind, "Nuts", 2)
    check(database)


@pytest.mark.parametrize("size", [1, 5])
def test_a_team_has_a_size_within_the_bounds_of_its_type(database: OpenDatabase, size: int) -> None:
    _, kind = add_team_event(database)
    with pytest.raises(ChooseTicket):
        register_team(database, add_someone(database), kind, "Bolts", size)


def test_a_type_for_teams_is_not_sold_to_a_single_person(database: OpenDatabase) -> None:
    event, kind = add_team_event(database)
    with pytest.raises(ChooseTicket):
        database.write(
            hold_seats, add_someone(database), event.slug, HOLD_MINUTES, choice=Choice({kind.id: 2})
        )


def test_two_live_teams_of_an_event_never_have_the_same_name(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Les Éclairs", 2)
    with pytest.raises(TeamNameTaken):
        register_team(database, add_someone(database), kind, "LES ECLAIRS!", 2)
    database.write(cancel_team, captain, team_id, is_used)
    register_team(database, add_someone(database), kind, "LES ECLAIRS!", 2)
    check(database)


def test_a_captain_has_one_team_at_an_event(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    captain = add_someone(database)
    register_team(database, captain, kind, "Bolts", 2)
    with pytest.raises(AlreadyInTeam):
        register_team(database, captain, kind, "Nuts", 2)


def test_members_join_by_the_link_until_the_team_is_full(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    team_id = register_team(database, add_someone(database), kind, "Bolts", 2)
    issue_all(database, team_id)
    first, second = add_someone(database), add_someone(database)
    assert join(database, first, team_id) == join(database, first, team_id) == team_id
    with pytest.raises(TeamFull):
        join(database, second, team_id)
    place = team(database, team_id).place_of(first)
    assert place is not None
    assert database.read(codes_by_seat, first) == {place.seat_id: code_of(database, place.seat_id)}
    assert [seat.id for seat in database.read(queries.seats_of_attendee, first)] == [place.seat_id]
    check(database)


def test_a_member_of_one_team_does_not_join_another_at_the_event(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    one = register_team(database, add_someone(database), kind, "Bolts", 2)
    other = register_team(database, add_someone(database), kind, "Nuts", 3)
    member = add_someone(database)
    join(database, member, one)
    with pytest.raises(AlreadyInTeam):
        join(database, member, other)


def test_ten_people_race_for_the_last_place_and_one_gets_it(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    team_id = register_team(database, add_someone(database), kind, "Bolts", 2)
    people = [add_someone(database) for _ in range(10)]
    token = team(database, team_id).token
    operations = [
        partial(join_team, person_id=person, token=token, replace_code=replace_code) for person in people
    ]
    results = database.write_together(*operations)
    assert results.count(team_id) == 1
    assert sum(isinstance(result, TeamFull) for result in results) == 9
    assert team(database, team_id).free == 0
    check(database)


def test_the_code_of_a_former_member_is_void_and_the_next_one_gets_another(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    captain, member = add_someone(database), add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 2)
    issue_all(database, team_id)
    seat_id = team(database, team_id).places[1].seat_id
    codes = [code_of(database, seat_id)]
    join(database, member, team_id)
    codes.append(code_of(database, seat_id))
    database.write(leave_team, member, team_id, replace_code)
    codes.append(code_of(database, seat_id))
    join(database, add_someone(database), team_id)
    codes.append(code_of(database, seat_id))
    database.write(remove_member, captain, team_id, seat_id, replace_code)
    codes.append(code_of(database, seat_id))
    assert len(set(codes)) == 5
    assert database.read(codes_by_seat, member) == {}
    check(database)


def test_a_member_that_was_checked_in_stays(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    captain, member = add_someone(database), add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    issue_all(database, team_id)
    join(database, member, team_id)
    place = team(database, team_id).place_of(member)
    assert place is not None
    ticket = database.read(ticket_of_seat, place.seat_id)
    assert ticket is not None
    assert database.write(admit_holder, ticket.id, ticket.code, captain)
    with pytest.raises(MemberIn):
        database.write(leave_team, member, team_id, replace_code)
    with pytest.raises(MemberIn):
        database.write(remove_member, captain, team_id, place.seat_id, replace_code)


def test_a_place_whose_ticket_was_used_at_the_door_is_not_given_to_a_member(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 2)
    issue_all(database, team_id)
    ticket = database.read(ticket_of_seat, team(database, team_id).places[1].seat_id)
    assert ticket is not None
    assert database.write(admit_holder, ticket.id, ticket.code, captain)
    with pytest.raises(TeamFull):
        join(database, add_someone(database), team_id)


def test_members_change_only_until_the_date_of_the_type(database: OpenDatabase) -> None:
    _, kind = add_team_event(database, team_changes_until=database.clock.now + DAY // 2)
    captain, member = add_someone(database), add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    join(database, member, team_id)
    database.clock.move(DAY // 2)
    for change in (
        partial(
            join_team,
            person_id=add_someone(database),
            token=team(database, team_id).token,
            replace_code=replace_code,
        ),
        partial(leave_team, person_id=member, team_id=team_id, replace_code=replace_code),
        partial(renew_link, captain_id=captain, team_id=team_id),
        partial(rename_team, person_id=captain, team_id=team_id, name="Nuts"),
    ):
        with pytest.raises(TeamFixed):
            database.write(change)
    assert team(database, team_id).place_of(member) is not None


def test_nobody_joins_a_team_that_is_not_paid_and_it_ends_with_its_hold(database: OpenDatabase) -> None:
    event, kind = add_team_event(database, price=1_000)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    with pytest.raises(TeamFixed):
        join(database, add_someone(database), team_id)
    database.clock.move(HOLD_MINUTES * MINUTE)
    assert team(database, team_id).places == ()
    database.write(sweep_all)
    assert database.read(catalogue.event_by_id, event.id).taken == 0
    check(database)
    register_team(database, captain, kind, "Bolts", 2)
    check(database)


def test_a_late_payment_brings_the_team_back_under_another_name_if_its_own_was_taken(
    database: OpenDatabase,
) -> None:
    _, kind = add_team_event(database, price=1_000)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    seats = database.read(queries.payable_seats, captain)
    database.write(claim_seats, seats, 1, database.clock.now)
    database.clock.move(HOLD_MINUTES * MINUTE)
    register_team(database, add_someone(database), kind, "Bolts", 2)
    assert database.write(confirm_seats, 1)
    assert team(database, team_id).name == "Bolts 2"
    check(database)


def test_a_late_payment_does_not_bring_a_team_back_while_its_captain_has_another(
    database: OpenDatabase,
) -> None:
    _, kind = add_team_event(database, price=1_000)
    captain = add_someone(database)
    register_team(database, captain, kind, "Bolts", 3)
    database.write(claim_seats, database.read(queries.payable_seats, captain), 1, database.clock.now)
    database.clock.move(HOLD_MINUTES * MINUTE)
    register_team(database, captain, kind, "Nuts", 2)
    assert not database.write(confirm_seats, 1)
    check(database)


def test_cancelling_a_team_ends_all_its_seats_and_a_single_one_cannot_be_cancelled(
    database: OpenDatabase,
) -> None:
    event, kind = add_team_event(database)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    seat_id = team(database, team_id).places[1].seat_id
    with pytest.raises(TeamSeat):
        database.write(cancel_seat, captain, seat_id)
    with pytest.raises(TeamSeat):
        database.write(take_back_seat, seat_id, is_used)
    with pytest.raises(NotFound):
        database.write(cancel_team, add_someone(database), team_id, is_used)
    database.write(cancel_team, captain, team_id, is_used)
    database.write(cancel_team, captain, team_id, is_used)
    assert database.read(catalogue.event_by_id, event.id).taken == 0
    check(database)


def test_a_paid_team_is_not_cancelled_by_its_captain(database: OpenDatabase) -> None:
    _, kind = add_team_event(database, price=1_000)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    assert pay(database, captain)
    with pytest.raises(SeatPaid):
        database.write(cancel_team, captain, team_id, is_used)
    with pytest.raises(CaptainStays):
        database.write(leave_team, captain, team_id, replace_code)
    check(database)


def test_an_old_link_stops_working_and_invitations_are_limited(
    database: OpenDatabase, tmp_path: Path
) -> None:
    _, kind = add_team_event(database)
    captain = add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 2)
    old = team(database, team_id).token
    database.write(renew_link, captain, team_id)
    with pytest.raises(NotFound):
        database.write(join_team, add_someone(database), old, replace_code)
    free = Settings(data_dir=tmp_path, confirm_email="off")
    for number in range(6):
        database.write(invite_member, captain, team_id, f"friend-{number}@example.org", free)
    with pytest.raises(TooMany):
        database.write(invite_member, captain, team_id, "friend@example.org", free)
    body = database.read(mail.find_due)[-1].body
    assert f"/teams/join/{team(database, team_id).token}" in body


def test_a_deleted_account_leaves_its_teams_and_its_name(database: OpenDatabase) -> None:
    _, kind = add_team_event(database)
    member = add_someone(database)
    team_id = register_team(database, add_someone(database), kind, "Bolts", 2)
    join(database, member, team_id)
    listed = database.read(export_registrations, member)["teams"]
    assert isinstance(listed, list)
    assert [entry["name"] for entry in listed] == ["Bolts"]
    database.write(leave_all, member, replace_code)
    assert team(database, team_id).free == 1
    seats = [database.read(queries.seat, place.seat_id) for place in team(database, team_id).places]
    assert all(not seat.attendee_name and not seat.attendee_email for seat in seats)
    check(database)


def test_a_price_that_cannot_be_split_is_refused(database: OpenDatabase) -> None:
    with pytest.raises(Invalid):
        add_team_event(database, price=3)

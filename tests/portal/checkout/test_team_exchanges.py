"""Exchanging the tickets of whole teams."""

from dataclasses import replace
from functools import partial

import pytest

from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.exchanges import Settlement, Wish, exchange_ticket, exchanges_of_order
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.teams import join_team
from festgate.portal.tickets.facade import replace_code
from festgate.portal.tickets.queries import ticket_of_seat
from tests.portal.checkout.test_exchanges import only_type, problems
from tests.portal.checkout.test_reduced_orders import always_used, current, never_used, refunds
from tests.portal.registrations.team_fest import add_team_event, register_team
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def paid_team(fest: Fest) -> tuple[Order, registrations.Team]:
    """Sell a team of which one member besides the captain has joined."""
    captain, team_id = _register(fest, 20_000)
    order = fest.pay(fest.order(captain))
    fest.deliver()
    return order, _joined(fest, team_id)


def free_team(fest: Fest) -> registrations.Team:
    _, team_id = _register(fest, 0)
    fest.deliver()
    return _joined(fest, team_id)


def _register(fest: Fest, price: int) -> tuple[Person, int]:
    _, kind = add_team_event(fest.database, price=price, team_price="member")
    captain = fest.person("asha")
    return captain, register_team(fest.database, captain.id, kind, "Bolts", 3)


def _joined(fest: Fest, team_id: int) -> registrations.Team:
    token = team_of(fest, team_id).token
    fest.database.write(join_team, fest.person("ravi").id, token, replace_code)
    fest.deliver()
    return team_of(fest, team_id)


def team_of(fest: Fest, team_id: int) -> registrations.Team:
    return fest.database.read(registrations.team_by_id, team_id)


def exchange(fest: Fest, team: registrations.Team, kind: catalogue.TicketType, settlement: Settlement) -> int:
    """Exchange the second place of the team, twice, and return its new seat."""
    slug = fest.database.read(catalogue.event_by_id, kind.event_id).slug
    wish, seat = Wish(slug, kind.id, settlement), team.places[1].seat_id
    new = fest.database.write(exchange_ticket, COMMAND, seat, wish, never_used)
    assert fest.database.write(exchange_ticket, COMMAND, seat, wish, never_used) == new
    return new


def check(fest: Fest) -> None:
    """Deliver all facts, before and after which all data agree."""
    for _ in range(2):
        assert problems(fest) == []
        assert [str(finding) for check in CHECKS for finding in fest.database.report(check)] == []
        fest.deliver()


def test_a_team_moves_to_a_cheaper_ticket_of_another_event_with_its_members_name_and_link(fest: Fest) -> None:
    order, before = paid_team(fest)
    event, cheaper = add_team_event(fest.database, price=50_000, team_price="team")
    codes = [fest.database.read(ticket_of_seat, place.seat_id) for place in before.places]
    new = exchange(fest, before, cheaper, "refunded")
    check(fest)
    fest.send_refunds()
    check(fest)
    after = team_of(fest, before.id)
    assert (after.slug, after.name, after.token, after.size) == (event.slug, "Bolts", before.token, 3)
    assert [place.member_id for place in after.places] == [place.member_id for place in before.places]
    assert after.places[1].seat_id == new
    assert refunds(fest, order) == [(10_000, "Your ticket was exchanged for a cheaper one.")]
    assert current(fest, order).total == Money(50_000, "INR")
    assert sorted(place.fee.minor for place in after.places) == [16_666, 16_667, 16_667]
    old = [fest.database.read(ticket_of_seat, place.seat_id) for place in before.places]
    fresh = [fest.database.read(ticket_of_seat, place.seat_id) for place in after.places]
    assert {ticket.state for ticket in old if ticket} == {"void"}
    assert {ticket.state for ticket in fresh if ticket} == {"valid"}
    assert not {ticket.code for ticket in codes if ticket} & {ticket.code for ticket in fresh if ticket}
    moved = [email for email in fest.emails() if "moved your team Bolts" in email[3]]
    assert {recipient for _, recipient, _, _ in moved} == {"asha@example.org", "ravi@example.org"}
    assert sum(before.token in body for _, _, _, body in moved) == 1  # the captain's
    assert [fest.database.read(catalogue.event_by_id, one).taken for one in (before.event_id, event.id)] == [
        0,
        3,
    ]


def test_the_difference_of_a_team_is_owed_once_and_follows_the_places_that_are_left(fest: Fest) -> None:
    order, team = paid_team(fest)
    _, dearer = add_team_event(fest.database, price=30_000, team_price="member")
    exchange(fest, team, dearer, "owed")
    rows = fest.database.read(exchanges_of_order, order.id)
    assert [(row.settlement, row.amount.minor) for row in rows] == [
        ("owed", 30_000),
        ("even", 0),
        ("even", 0),
    ]
    check(fest)
    cancel = partial(cancel_registrations, force=True)
    first = rows[0].seat_id
    fest.database.write(cancel, order.ref, first, None, never_used)
    check(fest)
    (owed,) = [row for row in fest.database.read(exchanges_of_order, order.id) if row.settlement == "owed"]
    assert owed.seat_id != first
    fest.database.write(cancel, order.ref, None, None, never_used)
    check(fest)
    states = {row.settlement for row in fest.database.read(exchanges_of_order, order.id)}
    assert states == {"waived", "even"}


def test_a_name_that_is_taken_at_the_new_event_gets_a_number(fest: Fest) -> None:
    _, team = paid_team(fest)
    _, kind = add_team_event(fest.database, price=60_000)
    register_team(fest.database, fest.person("nila").id, kind, "BOLTS", 2)
    exchange(fest, team, kind, "even")
    assert team_of(fest, team.id).name == "Bolts 2"
    check(fest)


def test_a_team_gets_another_ticket_of_the_same_event(fest: Fest) -> None:
    team = free_team(fest)
    event = fest.database.read(catalogue.event_by_id, team.event_id)
    first = only_type(fest, event)
    early = replace(first.details, name="Early")
    fest.database.write(
        catalogue.edit_ticket_type, event.slug, first.id, early, registrations.count_of_type, set()
    )
    details = catalogue.TypeDetails("Late", Money(0, "INR"), team_min=3, team_max=3, own_quota=3)
    late = fest.database.write(catalogue.add_ticket_type, event.slug, details, set())
    exchange(fest, team, late, "even")
    after = team_of(fest, team.id)
    assert (after.type_id, after.name, after.size) == (late.id, "Bolts", 3)
    assert fest.database.read(catalogue.event_by_id, event.id).taken == 3
    check(fest)


def test_a_team_stays_where_the_new_ticket_is_not_for_it(fest: Fest) -> None:
    _, team = paid_team(fest)
    database = fest.database
    single = fest.event("Single", 20_000)
    _, small = add_team_event(database, price=60_000, team_max=2)
    _, full = add_team_event(database, price=60_000, capacity=2)
    _, taken = add_team_event(database, price=60_000)
    member = team.places[1].member_id
    assert member is not None
    register_team(database, member, taken, "Nuts", 2)
    refusals = (
        (only_type(fest, single), registrations.NotExchangeable, "for teams only"),
        (small, registrations.NotExchangeable, "for teams of 2 to 2, and this one has 3 places"),
        (full, catalogue.SoldOut, "sold out|seats|taken"),
        (taken, registrations.AlreadyRegistered, "ravi is in another team"),
    )
    for kind, refusal, sentence in refusals:
        with pytest.raises(refusal, match=sentence):
            exchange(fest, team, kind, "even")
    other, own = add_team_event(database, price=60_000)
    wish = Wish(other.slug, own.id, "even")
    forced = partial(exchange_ticket, force=True)
    with pytest.raises(registrations.SeatUsed, match="member of the team was checked in"):
        database.write(forced, COMMAND, team.places[0].seat_id, wish, always_used)
    assert team_of(fest, team.id) == team
    seat = fest.hold(fest.person("usha"), fest.event("Free"))
    with pytest.raises(registrations.NotExchangeable, match="link of its captain"):
        database.write(exchange_ticket, COMMAND, seat, wish, never_used)
    check(fest)

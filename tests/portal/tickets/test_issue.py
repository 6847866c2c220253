"""A seat's ticket: there within one round of the relay, once, valid as long as the seat is confirmed."""

import asyncio
import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from festgate.kit.clock import HOUR, SECOND
from festgate.kit.db.statements import Statement
from festgate.kit.errors import Conflict
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import Relay
from festgate.kit.visitors import Visitor
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facts import OrderPaid
from festgate.portal.door.admissions import admit
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facts import SeatConfirmed, SeatReleased
from festgate.portal.registrations.holds import cancel_seat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.checks import check_door, check_tickets
from festgate.portal.tickets.handlers import TicketHandlers
from festgate.portal.tickets.issue import issue_ticket
from festgate.portal.tickets.queries import codes_by_seat
from tests.portal.tickets.fest import FEST, Fest, subscriptions
from tests.rig.database import OpenDatabase, copy_of, open_database


def test_a_free_seat_has_its_ticket_after_one_round(fest: Fest) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    seat = fest.hold(asha, talk)
    assert fest.database.read(tickets.ticket_of_seat, seat) is None
    fest.deliver()
    (ticket,) = fest.database.read(tickets.tickets_of, asha.id)
    assert (ticket.seat_id, ticket.event_id, ticket.person_id) == (seat, talk.id, asha.id)
    assert (ticket.state, ticket.order_id, ticket.issued_at) == ("valid", None, fest.database.clock())
    assert len(ticket.code) == 16
    assert fest.database.read(codes_by_seat, asha.id) == {seat: ticket.code}


def test_a_paid_order_has_a_ticket_for_each_seat_and_a_held_one_has_none(fest: Fest) -> None:
    asha = fest.person()
    events = [fest.event(title, 30_000) for title in ("Robo Race", "Hackathon", "Dance Battle")]
    order = fest.buy(asha, *events)
    fest.hold(asha, fest.event("Music Night", 25_000))
    fest.deliver()
    issued = fest.database.read(tickets.tickets_of, asha.id)
    assert {ticket.event_id for ticket in issued} == {event.id for event in events}
    assert {ticket.order_id for ticket in issued} == {order.id}
    assert len({ticket.code for ticket in issued}) == 3


def test_facts_that_come_twice_change_nothing(fest: Fest) -> None:
    asha, ben = fest.person(), fest.person("ben")
    seat = fest.hold(asha, fest.event("Open Talk"))
    order = fest.buy(ben, fest.event("Robo Race", 45_000))
    fest.deliver()
    before = fest.database.read(tickets.tickets_of, asha.id) + fest.database.read(tickets.tickets_of, ben.id)
    for fact in (SeatConfirmed(seat), OrderPaid(order.id), OrderPaid(order.id)):
        fest.database.write(outbox.record, fact)
    fest.deliver()
    after = fest.database.read(tickets.tickets_of, asha.id) + fest.database.read(tickets.tickets_of, ben.id)
    assert after == before
    assert len(fest.emails()) == 2


def test_a_seat_that_is_given_back_has_a_void_ticket_and_a_new_seat_a_new_one(fest: Fest) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    first = fest.hold(asha, talk)
    fest.deliver()
    fest.database.write(cancel_seat, asha.id, first)
    fest.deliver()
    second = fest.hold(asha, talk)
    fest.deliver()
    issued = {ticket.seat_id: ticket for ticket in fest.database.read(tickets.tickets_of, asha.id)}
    assert (issued[first].state, issued[second].state) == ("void", "valid")
    assert issued[first].code != issued[second].code
    assert fest.database.read(codes_by_seat, asha.id) == {second: issued[second].code}


@pytest.mark.parametrize("first", ["confirmed", "released"])
def test_a_seat_given_back_before_its_ticket_was_made_never_has_a_valid_one(fest: Fest, first: str) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    seat = fest.hold(asha, talk)
    fest.database.write(cancel_seat, asha.id, seat)
    handlers = TicketHandlers(FEST)
    if first == "released":
        fest.database.write(handlers.void_released, SeatReleased(seat))
    fest.database.write(handlers.issue_free, SeatConfirmed(seat))
    fest.deliver()
    assert fest.database.read(codes_by_seat, asha.id) == {}
    assert fest.subjects() == ["Your registration was cancelled: Open Talk"]


def test_whoever_read_the_seat_before_it_was_given_back_issues_nothing_after_it(fest: Fest) -> None:
    """Two processes on PostgreSQL: one is about to issue the ticket while the seat's end passes through the other."""
    asha, talk = fest.person(), fest.event("Open Talk")
    number = fest.hold(asha, talk)
    stale = fest.database.read(registrations.seat, number)
    fest.database.write(cancel_seat, asha.id, number)
    fest.database.write(TicketHandlers(FEST).void_released, SeatReleased(number))
    assert fest.database.write(issue_ticket, stale) is None
    assert fest.database.read(codes_by_seat, asha.id) == {}


def test_while_tickets_are_broken_the_payment_stands_and_the_ticket_comes_when_they_work_again(
    fest: Fest,
) -> None:
    asha, ben = fest.person(), fest.person("ben")
    race = fest.event("Robo Race", 45_000)
    fest.database.write(lambda connection: connection.run(_take_away))
    order = fest.buy(asha, race)
    fest.deliver()
    assert fest.database.read(checkout.order_by_id, order.id).state == "paid"
    assert fest.emails() == []
    fest.buy(ben, race)
    fest.deliver()
    fest.database.write(lambda connection: connection.run(_bring_back))
    assert fest.database.read(check_tickets) == [], "the facts are still there"
    fest.database.clock.move(HOUR)
    fest.deliver()
    for person in (asha, ben):
        assert len(fest.database.read(tickets.tickets_of, person.id)) == 1
    assert fest.subjects() == ["Your ticket: Robo Race"] * 2


_take_away = Statement(text("ALTER TABLE tickets_tickets RENAME TO tickets_elsewhere"))
_bring_back = Statement(text("ALTER TABLE tickets_elsewhere RENAME TO tickets_tickets"))


def test_two_processes_issue_one_ticket_a_seat_and_one_email_an_order(fest: Fest) -> None:
    people = [fest.person(f"person-{number}") for number in range(12)]
    talk, race, dance = fest.event("Open Talk"), fest.event("Robo Race", 45_000), fest.event("Dance", 30_000)
    elsewhere = fest.another_process()
    relays = [Relay(each, subscriptions()) for each in (fest.database.real, elsewhere)]
    placed = []
    for person in people:
        seat = fest.hold(person, talk)
        placed.append(fest.buy(person, race, dance))
        # Told again under another number: two processes then work on one seat at the same time.
        fest.database.write(outbox.record, SeatConfirmed(seat))
        fest.database.write(outbox.record, OrderPaid(placed[-1].id))

    async def deliver_both() -> None:
        await elsewhere.open()
        while await fest.database.real.read(outbox.count_waiting):
            await asyncio.gather(*(relay.deliver_due() for relay in relays))
            fest.database.clock.move(HOUR)
        await elsewhere.close()

    fest.database.run(deliver_both())
    for person in people:
        assert len(fest.database.read(tickets.tickets_of, person.id)) == 3
    assert len(fest.emails()) == 2 * len(people)
    assert fest.database.report(check_tickets) == []


def test_the_check_names_a_seat_without_ticket_and_a_ticket_without_seat(fest: Fest) -> None:
    asha, ben = fest.person(), fest.person("ben")
    talk = fest.event("Open Talk")
    fest.hold(asha, talk)
    kept = fest.hold(ben, talk)
    assert fest.database.report(check_tickets) == []
    fest.deliver()
    assert fest.database.report(check_tickets) == []
    ticket = fest.database.read(tickets.ticket_of_seat, kept)
    assert ticket is not None
    fest.database.write(lambda connection: connection.run(_lose))
    fest.database.write(lambda connection: connection.run(_unseat))
    wheres = {finding.where for finding in fest.database.report(check_tickets)}
    assert wheres == {f"seat {kept - 1}", f"ticket {ticket.code}"}


_lose = Statement(text("DELETE FROM tickets_tickets WHERE id = (SELECT min(id) FROM tickets_tickets)"))
_unseat = Statement(
    text(
        "UPDATE registrations_seats SET state = 'cancelled' WHERE id = (SELECT seat_id FROM tickets_tickets)"
    )
)


def deliver_in_disorder(database: OpenDatabase, chance: random.Random) -> None:
    """Every fact that waits, in any order, its handlers in any order, each of them once or twice; new ones too."""
    known = subscriptions()
    while due := database.read(outbox.find_due):
        chance.shuffle(due)
        for fact in due:
            handlers = [each for each in known if fact.kind == each.fact.KIND] * chance.randint(1, 2)
            chance.shuffle(handlers)
            for each in handlers:
                database.write(each.handler, each.fact(**json.loads(fact.payload)))
            database.write(outbox.settle, fact.id)


STEPS = ("hold a free one", "hold a paid one", "pay", "give back", "call off", "deliver", "refund", "come in")


@settings(max_examples=30)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 2)), max_size=25),
    seed=st.integers(0, 2**32),
)
def test_in_whatever_order_facts_come_a_ticket_is_valid_exactly_while_its_seat_is_confirmed(
    migrated_sqlite: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int]],
    seed: int,
) -> None:
    """On a file of its own each time, so that an example that fails can be played again."""
    chance = random.Random(seed)
    with open_database(copy_of(migrated_sqlite, tmp_path_factory.mktemp("fest"))) as database:
        fest = Fest(database)
        people = [fest.person(name) for name in ("asha", "ben", "chitra")]
        free = [fest.event(f"Talk {number}", capacity=2) for number in range(3)]
        paid = [fest.event(f"Race {number}", 10_000 + number, capacity=2) for number in range(3)]
        for step, who, which in steps:
            database.clock.move(SECOND)
            if step == "deliver":
                deliver_in_disorder(database, chance)
            else:
                take(fest, step, people[who], free[which], paid[which])
        for _ in range(3):  # a refund tells facts of its own
            deliver_in_disorder(database, chance)
            fest.send_refunds()

        assert database.read(outbox.count_waiting) == 0
        assert database.report(check_tickets) == database.report(check_door) == []
        for person in people:
            issued = database.read(tickets.tickets_of, person.id)
            valid = {ticket.seat_id for ticket in issued if ticket.state == "valid"}
            seats = database.read(registrations.seats_of, person.id)
            assert valid == {seat.id for seat in seats if seat.state == "confirmed"}
            assert len({ticket.seat_id for ticket in issued}) == len(issued)


def take(fest: Fest, step: str, person: Person, free: catalogue.Event, paid: catalogue.Event) -> None:
    """One step of a visitor or an organiser, as far as the portal lets them."""
    database = fest.database
    with suppress(Conflict):
        if step == "hold a free one":
            fest.hold(person, free)
        elif step == "hold a paid one":
            fest.hold(person, paid)
        elif step == "come in":
            for ticket in database.read(tickets.tickets_of, person.id):
                with suppress(Conflict):
                    database.write(admit, ticket.code, Visitor(person.id, "", "", "staff"))
        elif step == "pay":
            fest.pay(fest.order(person))
        elif step == "give back":
            for seat in database.read(registrations.seats_of, person.id):
                if seat.slug == free.slug:
                    database.write(cancel_seat, person.id, seat.id)
        elif step == "call off":
            database.write(catalogue.cancel_event, (free if person.username == "asha" else paid).slug)
        else:
            fest.send_refunds()

"""A seat gets one ticket within one round of the relay, which is valid as long as the seat is confirmed."""

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
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.facts import SeatConfirmed, SeatReleased
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.checks import check_door, check_tickets
from festgate.portal.tickets.handlers import TicketHandlers
from festgate.portal.tickets.issue import issue_ticket
from festgate.portal.tickets.queries import codes_by_seat
from tests.portal.tickets.fest import FEST, SECRET, Fest, subscriptions
from tests.rig.database import OpenDatabase, copy_of, open_database


def test_a_free_seat_gets_its_ticket_within_one_round(fest: Fest) -> None:
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


def test_facts_delivered_twice_change_nothing(fest: Fest) -> None:
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


def test_a_cancelled_seat_has_a_void_ticket_and_a_new_seat_gets_a_new_one(fest: Fest) -> None:
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
def test_a_seat_cancelled_before_its_ticket_was_issued_never_gets_a_valid_one(fest: Fest, first: str) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    seat = fest.hold(asha, talk)
    fest.database.write(cancel_seat, asha.id, seat)
    handlers = TicketHandlers(FEST, SECRET)
    if first == "released":
        fest.database.write(handlers.void_released, SeatReleased(seat))
    fest.database.write(handlers.issue_free, SeatConfirmed(seat))
    fest.deliver()
    assert fest.database.read(codes_by_seat, asha.id) == {}
    assert fest.subjects() == ["Your registration was cancelled: Open Talk"]


def test_a_stale_read_of_a_cancelled_seat_issues_no_ticket(fest: Fest) -> None:
    """One of two processes is about to issue the ticket while the other one handles the end of the seat."""
    asha, talk = fest.person(), fest.event("Open Talk")
    seat_id = fest.hold(asha, talk)
    stale = fest.database.read(registrations.seat, seat_id)
    fest.database.write(cancel_seat, asha.id, seat_id)
    fest.database.write(TicketHandlers(FEST, SECRET).void_released, SeatReleased(seat_id))
    assert fest.database.write(issue_ticket, stale) is None
    assert fest.database.read(codes_by_seat, asha.id) == {}


def test_a_payment_succeeds_while_tickets_fail_and_the_ticket_is_issued_afterwards(
    fest: Fest,
) -> None:
    asha, ben = fest.person(), fest.person("ben")
    race = fest.event("Robo Race", 45_000)
    fest.database.write(lambda connection: connection.run(_hide_tickets))
    order = fest.buy(asha, race)
    fest.deliver()
    assert fest.database.read(checkout.order_by_id, order.id).state == "paid"
    assert fest.emails() == []
    fest.buy(ben, race)
    fest.deliver()
    fest.database.write(lambda connection: connection.run(_restore_tickets))
    assert fest.database.read(check_tickets) == [], "the facts are still waiting"
    fest.database.clock.move(HOUR)
    fest.deliver()
    for person in (asha, ben):
        assert len(fest.database.read(tickets.tickets_of, person.id)) == 1
    assert fest.subjects() == ["Your ticket: Robo Race"] * 2


_hide_tickets = Statement(text("ALTER TABLE tickets_tickets RENAME TO tickets_elsewhere"))
_restore_tickets = Statement(text("ALTER TABLE tickets_elsewhere RENAME TO tickets_tickets"))


def test_two_processes_issue_one_ticket_per_seat_and_one_email_per_order(fest: Fest) -> None:
    people = [fest.person(f"person-{number}") for number in range(12)]
    talk, race, dance = fest.event("Open Talk"), fest.event("Robo Race", 45_000), fest.event("Dance", 30_000)
    other_database = fest.another_process()
    relays = [Relay(process, subscriptions()) for process in (fest.database.real, other_database)]
    orders = []
    for person in people:
        seat = fest.hold(person, talk)
        orders.append(fest.buy(person, race, dance))
        # Recorded again as other facts, so that two processes work on one seat at the same time.
        fest.database.write(outbox.record, SeatConfirmed(seat))
        fest.database.write(outbox.record, OrderPaid(orders[-1].id))

    async def deliver_both() -> None:
        await other_database.open()
        while await fest.database.real.read(outbox.count_waiting):
            await asyncio.gather(*(relay.deliver_due() for relay in relays))
            fest.database.clock.move(HOUR)
        await other_database.close()

    fest.database.run(deliver_both())
    for person in people:
        assert len(fest.database.read(tickets.tickets_of, person.id)) == 3
    assert len(fest.emails()) == 2 * len(people)
    assert fest.database.report(check_tickets) == []


def test_the_check_reports_seats_without_tickets_and_tickets_without_seats(fest: Fest) -> None:
    asha, ben = fest.person(), fest.person("ben")
    talk = fest.event("Open Talk")
    fest.hold(asha, talk)
    seat_with_ticket = fest.hold(ben, talk)
    assert fest.database.report(check_tickets) == []
    fest.deliver()
    assert fest.database.report(check_tickets) == []
    ticket = fest.database.read(tickets.ticket_of_seat, seat_with_ticket)
    assert ticket is not None
    fest.database.write(lambda connection: connection.run(_delete_first_ticket))
    fest.database.write(lambda connection: connection.run(_cancel_seat_of_ticket))
    places = {finding.where for finding in fest.database.report(check_tickets)}
    assert places == {f"seat {seat_with_ticket - 1}", f"ticket {ticket.code}"}


_delete_first_ticket = Statement(
    text("DELETE FROM tickets_tickets WHERE id = (SELECT min(id) FROM tickets_tickets)")
)
_cancel_seat_of_ticket = Statement(
    text(
        "UPDATE registrations_seats SET state = 'cancelled' WHERE id = (SELECT seat_id FROM tickets_tickets)"
    )
)


def deliver_in_random_order(database: OpenDatabase, rng: random.Random) -> None:
    """Deliver all waiting and new facts in random order, each handler in random order, once or twice."""
    all_subscriptions = subscriptions()
    while due := database.read(outbox.find_due):
        rng.shuffle(due)
        for fact in due:
            handlers = [
                subscription for subscription in all_subscriptions if fact.kind == subscription.fact.KIND
            ] * rng.randint(1, 2)
            rng.shuffle(handlers)
            for subscription in handlers:
                database.write(subscription.handler, subscription.fact(**json.loads(fact.payload)))
            database.write(outbox.settle, fact.id)


STEPS = (
    "hold a free seat",
    "hold a paid seat",
    "pay",
    "cancel registration",
    "cancel event",
    "deliver",
    "refund",
    "check in",
)


@settings(max_examples=30)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 2)), max_size=25),
    seed=st.integers(0, 2**32),
)
def test_a_ticket_is_valid_exactly_while_its_seat_is_confirmed_for_any_order_of_facts(
    migrated_sqlite: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int]],
    seed: int,
) -> None:
    """Each example has a new database file, so that a failed example can be repeated."""
    rng = random.Random(seed)
    with open_database(copy_of(migrated_sqlite, tmp_path_factory.mktemp("fest"))) as database:
        fest = Fest(database)
        people = [fest.person(name) for name in ("asha", "ben", "chitra")]
        free = [fest.event(f"Talk {seat_id}", capacity=2) for seat_id in range(3)]
        paid = [fest.event(f"Race {seat_id}", 10_000 + seat_id, capacity=2) for seat_id in range(3)]
        for step, person_index, event_index in steps:
            database.clock.move(SECOND)
            if step == "deliver":
                deliver_in_random_order(database, rng)
            else:
                run_step(fest, step, people[person_index], free[event_index], paid[event_index])
        for _ in range(3):  # a refund records new facts
            deliver_in_random_order(database, rng)
            fest.send_refunds()

        assert database.read(outbox.count_waiting) == 0
        assert database.report(check_tickets) == database.report(check_door) == []
        for person in people:
            issued = database.read(tickets.tickets_of, person.id)
            valid = {ticket.seat_id for ticket in issued if ticket.state == "valid"}
            seats = database.read(registrations.seats_of, person.id)
            assert valid == {seat.id for seat in seats if seat.state == "confirmed"}
            assert len({ticket.seat_id for ticket in issued}) == len(issued)


def run_step(fest: Fest, step: str, person: Person, free: catalogue.Event, paid: catalogue.Event) -> None:
    """Run one step of a visitor or an organiser; conflicts are ignored."""
    database = fest.database
    with suppress(Conflict):
        if step == "hold a free seat":
            fest.hold(person, free)
        elif step == "hold a paid seat":
            fest.hold(person, paid)
        elif step == "check in":
            for ticket in database.read(tickets.tickets_of, person.id):
                with suppress(Conflict):
                    database.write(admit, ticket.code, Visitor(person.id, "", "", "staff"))
        elif step == "pay":
            fest.pay(fest.order(person))
        elif step == "cancel registration":
            for seat in database.read(registrations.seats_of, person.id):
                if seat.slug == free.slug:
                    database.write(cancel_seat, person.id, seat.id)
        elif step == "cancel event":
            database.write(catalogue.cancel_event, (free if person.username == "asha" else paid).slug)
        else:
            fest.send_refunds()

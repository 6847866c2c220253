"""Exchanging passes for passes and single tickets, and the other way round."""

from dataclasses import dataclass
from functools import partial

import pytest

from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.exchanges import Settlement, Wish, exchange_ticket, plan_exchange
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.waiting_list import join
from festgate.portal.tickets.queries import ticket_of_seat
from tests.portal.checkout.test_exchanges import problems
from tests.portal.checkout.test_reduced_orders import always_used, current, never_used, refunds
from tests.portal.registrations.pass_fest import add_pass, single, take, taken
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@dataclass
class Passes:
    """Four events, of which the last has one seat; a dear pass for three of them, and a cheap one for two."""

    fest: Fest
    events: list[catalogue.Event]
    whole: catalogue.TicketType
    small: catalogue.TicketType

    def buy(self, kind: catalogue.TicketType, name: str = "asha") -> Order:
        """Sell a ticket and send it."""
        person = self.fest.person(name)
        take(self.fest.database, person.id, kind)
        order = self.fest.pay(self.fest.order(person))
        self.fest.deliver()
        return order

    def exchange(self, order: Order, kind: catalogue.TicketType, settlement: Settlement) -> int:
        """Exchange the only ticket of the order, twice, and return its new seat."""
        seat = order.kept_lines[-1].seat_id
        slug = self.fest.database.read(catalogue.event_by_id, kind.event_id).slug
        wish = Wish(slug, kind.id, settlement)
        new = self.fest.database.write(exchange_ticket, COMMAND, seat, wish, never_used)
        assert self.fest.database.write(exchange_ticket, COMMAND, seat, wish, never_used) == new
        return new

    def taken(self) -> list[int]:
        """Return the number of taken seats of each event."""
        return taken(self.fest.database, *self.events)

    def check(self) -> None:
        """Deliver all facts, before and after which all data agree."""
        for _ in range(2):
            assert problems(self.fest) == []
            assert [str(finding) for check in CHECKS for finding in self.fest.database.report(check)] == []
            self.fest.deliver()


@pytest.fixture
def passes(database: OpenDatabase) -> Passes:
    fest = Fest(database)
    events = [fest.event(title, 20_000) for title in ("Robo Race", "Gala", "Quiz")]
    events.append(fest.event("Small", 20_000, capacity=1))
    whole = add_pass(database, events[0], [events[1], events[3]], fee=60_000, name="Whole")
    small = add_pass(database, events[2], [events[1]], fee=30_000, name="Some")
    return Passes(fest, events, whole, small)


def test_a_pass_becomes_a_cheaper_pass_and_frees_only_what_that_does_not_admit_to(passes: Passes) -> None:
    fest, order = passes.fest, passes.buy(passes.whole)
    assert passes.taken() == [1, 1, 0, 1]
    old = order.lines[0].seat_id
    new = passes.exchange(order, passes.small, "refunded")
    assert passes.taken() == [0, 1, 1, 0]
    passes.check()
    fest.send_refunds()
    passes.check()
    assert [minor for minor, _ in refunds(fest, order)] == [30_000]
    assert current(fest, order).total == Money(30_000, "INR")
    for seat_id, state in ((old, "void"), (new, "valid")):
        parts = [seat_id, *(place.id for place in fest.database.read(registrations.places_of_pass, seat_id))]
        tickets = [fest.database.read(ticket_of_seat, part) for part in parts]
        assert [ticket and ticket.state for ticket in tickets] == [state] * len(parts)
    (body,) = [body for _, _, subject, body in fest.emails() if subject == "Your new ticket: Quiz"]
    assert "Also admits to: Gala" in body
    assert "If your calendar still shows Robo Race, Small, remove it there." in body


def test_a_pass_becomes_a_single_ticket_and_a_single_ticket_a_pass(passes: Passes) -> None:
    fest, order = passes.fest, passes.buy(passes.whole)
    only = single(fest.database, passes.events[1])
    passes.exchange(order, only, "kept")
    assert passes.taken() == [0, 1, 0, 0]
    passes.check()
    dearer = current(fest, order)
    plan = fest.database.read(
        plan_exchange, dearer.kept_lines[0].seat_id, passes.events[0].slug, passes.whole.id, never_used
    )
    assert plan.settlements == ("even",)  # the kept difference counts as paid
    passes.exchange(dearer, passes.whole, "even")
    assert passes.taken() == [1, 1, 0, 1]
    passes.check()
    assert "Your new ticket: Robo Race" in fest.subjects()


def test_a_pass_is_had_though_the_event_that_both_tickets_admit_to_is_full(passes: Passes) -> None:
    order = passes.buy(single(passes.fest.database, passes.events[3]))
    passes.exchange(order, passes.whole, "owed")
    assert passes.taken() == [1, 1, 0, 1]
    passes.check()


def test_nothing_changes_if_one_event_of_the_pass_is_full_or_not_published(passes: Passes) -> None:
    fest = passes.fest
    passes.buy(single(fest.database, passes.events[3]), "ravi")
    order = passes.buy(passes.small)
    before = passes.taken()
    with pytest.raises(registrations.PassSoldOut, match="Small"):
        passes.exchange(order, passes.whole, "owed")
    third = add_pass(fest.database, fest.event("Late", 20_000), [_draft(fest)], fee=30_000)
    with pytest.raises(registrations.PassNotOnSale):
        passes.exchange(order, third, "even")
    assert passes.taken() == before
    assert [line.seat_id for line in current(fest, order).kept_lines] == [order.lines[0].seat_id]
    passes.check()


def _draft(fest: Fest) -> catalogue.Event:
    slug = fest.event("Draft", 10_000).slug
    return fest.database.write(partial(catalogue.unpublish_event, was_registered_for=False), slug)


def test_a_second_seat_of_the_guest_at_an_event_of_the_pass_is_named(passes: Passes) -> None:
    fest, order = passes.fest, passes.buy(passes.small)
    (seat,) = take(fest.database, order.person_id, single(fest.database, passes.events[0]))
    sentence = "This guest has 1 of the 1 tickets that one person can have for Robo Race"
    with pytest.raises(registrations.AlreadyRegistered, match=sentence):
        passes.exchange(order, passes.whole, "owed")
    assert fest.database.read(registrations.seat, seat).state == "held"
    passes.check()


def test_a_used_pass_and_a_place_of_a_pass_are_not_exchanged(passes: Passes) -> None:
    fest, order = passes.fest, passes.buy(passes.whole)
    seat = order.lines[0].seat_id
    wish = Wish(passes.events[2].slug, passes.small.id, "refunded")
    with pytest.raises(registrations.SeatUsed, match="Undo the check-in"):
        fest.database.write(partial(exchange_ticket, force=True), COMMAND, seat, wish, always_used)
    place = fest.database.read(registrations.places_of_pass, seat)[0]
    with pytest.raises(registrations.NotExchangeable, match="Exchange the pass instead"):
        fest.database.write(exchange_ticket, COMMAND, place.id, wish, never_used)


def test_the_freed_seat_of_a_pass_goes_to_the_waiting_list_first(passes: Passes) -> None:
    fest, order = passes.fest, passes.buy(passes.whole)
    database, small = fest.database, passes.events[3]
    settings = catalogue.read_waiting_settings({"waiting_list": "open", "offer_hours": "1"})
    database.write(catalogue.set_waiting_list, small.slug, settings)
    waiting = fest.person("ravi")
    database.write(join, waiting.id, small.slug, 1, single(database, small).id)
    passes.exchange(order, passes.small, "kept")
    (offered,) = database.read(registrations.seats_of, waiting.id)
    assert (offered.slug, offered.state) == (small.slug, "held")
    passes.check()

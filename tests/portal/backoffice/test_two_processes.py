"""Actions of the office at the same moment in two processes: each is done once or refused, and the data agree."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeAlias

import pytest

from festgate.kit.errors import Refused
from festgate.kit.money import Money
from festgate.kit.visitors import Actor
from festgate.portal.backoffice.crew import set_role
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, shifts
from festgate.portal.checkout.exchanges import Wish, exchange_ticket
from festgate.portal.checkout.part_refunds import refund_part
from festgate.portal.inventory import checks
from festgate.portal.registrations.holds import hold_seat
from tests.portal.checkout.test_reduced_orders import never_used
from tests.portal.checkout.test_sales import SELLER, content, make, only_type
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase

ROUNDS = 6
ACTOR = Actor(SELLER, "session")


Action: TypeAlias = Callable[[Fest], object]


class Race:
    """A fest that two processes serve."""

    def __init__(self, one: OpenDatabase, other: OpenDatabase, threads: ThreadPoolExecutor) -> None:
        """Add the seller."""
        other.clock.now = one.clock.now
        self.fest, self.other = Fest(one), Fest(other)
        self._threads = threads
        assert self.fest.person("seller").id == SELLER
        one.write(set_role, "seller", "owner")

    def run(self, one: Action, other: Action) -> list[bool]:
        """Run one action in each process at once; return whether each was done, and not refused."""
        start = Barrier(2, timeout=30)

        def act(fest: Fest, action: Action) -> bool:
            start.wait()
            try:
                action(fest)
            except Refused:
                return False
            return True

        acts = [self._threads.submit(act, self.fest, one), self._threads.submit(act, self.other, other)]
        return [running.result(timeout=60) for running in acts]

    def check(self) -> None:
        """Check the invariants of the data."""
        self.fest.deliver()
        database = self.fest.database
        assert [finding for check in checks() for finding in database.report(check)] == []


@pytest.fixture
def race(two_databases: tuple[OpenDatabase, OpenDatabase]) -> Iterator[Race]:
    with ThreadPoolExecutor(2) as threads:
        yield Race(*two_databases, threads)


def writing(operation: Callable[..., object], *arguments: object) -> Action:
    """Return the action that writes with that operation."""
    return lambda fest: fest.database.write(operation, *arguments)


def selling(event: catalogue.Event, key: str) -> Action:
    """Return the action that sells a ticket at the box office."""
    return lambda fest: make(fest, content(fest, event), key)


CLOSING = writing(shifts.close_shift, ACTOR, SELLER, Money(45_000, "INR"), "", None)


def test_a_refund_during_an_exchange_returns_no_more_than_was_paid(race: Race) -> None:
    cheaper = race.fest.event("Workshop", 10_000)
    wish = Wish(cheaper.slug, only_type(race.fest, cheaper), "refunded")
    for number in range(ROUNDS):
        order = race.fest.buy(race.fest.person(f"guest-{number}"), race.fest.event(f"Race {number}", 45_000))
        refunds = writing(refund_part, ACTOR, order.ref, Money(45_000, "INR"), "all")
        exchanges = writing(exchange_ticket, ACTOR, order.lines[0].seat_id, wish, never_used)
        assert any(race.run(refunds, exchanges))
        parts = race.fest.database.read(queries.refunds_of, order.id)
        assert sum(part.amount.minor for part in parts) <= 45_000
    race.check()


def test_a_shift_is_closed_once_and_each_sale_is_in_one(race: Race) -> None:
    event = race.fest.event("Robo Race", 45_000, capacity=4 * ROUNDS)
    for number in range(ROUNDS):
        make(race.fest, content(race.fest, event), f"first {number}")
        assert race.run(selling(event, f"next {number}"), CLOSING) == [True, True]
        race.run(CLOSING, CLOSING)
        assert race.fest.database.read(shifts.open_shift, SELLER) is None
    race.check()


def test_the_last_seat_is_sold_once_at_the_box_office_or_online(race: Race) -> None:
    for number in range(ROUNDS):
        event = race.fest.event(f"Quiz {number}", 45_000, capacity=1)
        person = race.fest.person(f"visitor-{number}")
        done = race.run(selling(event, f"last {number}"), writing(hold_seat, person.id, event.slug, 15))
        assert sorted(done) == [False, True]
        assert race.fest.database.read(catalogue.any_event_by_slug, event.slug).taken == 1
    race.check()


def test_of_two_owners_that_lose_the_role_at_once_one_stays(race: Race) -> None:
    owners = ["seller"]
    for number in range(ROUNDS):
        owners.append(race.fest.person(f"owner-{number}").username)
        race.fest.database.write(set_role, owners[-1], "owner")
        done = race.run(*(writing(set_role, name, "organiser") for name in owners))
        assert sorted(done) == [False, True]
        del owners[done.index(True)]
    race.check()

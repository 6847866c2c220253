"""Limits on asking the provider about an order, which may take seconds."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.checkout import queries
from festgate.portal.checkout.orders import ASK_PAUSE, claim_question
from festgate.portal.checkout.payments import MAX_CALLS_OF_PERSON
from festgate.portal.checkout.stripe import MAX_OTHER_CALLS, MAX_STARTS
from tests.portal.checkout.stripe_fest import Fest, Person
from tests.rig.forms import check_out
from tests.rig.stripe_books import SESSIONS
from tests.rig.waiting import until

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def count_questions(fest: Fest) -> int:
    """Return how often Stripe was asked about a session."""
    return sum(call.method == "GET" and call.path.startswith(SESSIONS) for call in fest.stripe.calls)


def was_called(fest: Fest, times: int) -> bool:
    """Return whether Stripe was called that often."""
    return len(fest.stripe.calls) >= times


@ON_SQLITE
def test_reloading_an_order_asks_the_provider_once_and_again_after_a_pause(fest: Fest, asha: Person) -> None:
    asha.check_out()
    ref = fest.order(asha).ref
    for _ in range(40):
        assert asha.browser.get(f"/orders/{ref}?returned").status_code == 303
    assert (fest.order(asha).asked, count_questions(fest) > 0) == (1, True)
    fest.database.clock.move(ASK_PAUSE)
    asha.browser.get(f"/orders/{ref}?returned")
    assert fest.order(asha).asked == 2


@ON_BOTH_DATABASES
def test_only_one_of_several_processes_asks_the_provider(fest: Fest, asha: Person) -> None:
    asha.check_out()
    order = fest.order(asha)
    claims = [lambda connection: claim_question(connection, order.id)] * 5
    assert sorted(fest.database.write_together(*claims)) == [False] * 4 + [True]


@ON_SQLITE
def test_ninety_tabs_of_one_person_do_not_block_checkout_while_the_provider_hangs(fest: Fest) -> None:
    busy_person, other_person = fest.person("crowd"), fest.person("other")
    busy_person.take_seats(fest.event("Robo Race"))
    busy_person.check_out()
    other_person.take_seats(fest.event("Dance Battle"))
    ref = fest.order(busy_person).ref
    fest.stripe.hold(1)
    with ThreadPoolExecutor(90) as pool:
        tabs = [pool.submit(busy_person.browser.get, f"/orders/{ref}?returned") for _ in range(90)]
        until(
            lambda: sum(tab.done() for tab in tabs) >= 90 - MAX_CALLS_OF_PERSON, "all other tabs are answered"
        )
        assert other_person.check_out().headers["location"].startswith(fest.stripe.url)
        fest.stripe.release()
        assert {tab.result().status_code for tab in tabs} == {303}
    assert fest.order(busy_person).asked <= 1


@ON_SQLITE
def test_the_concurrent_payments_of_one_person_are_limited(fest: Fest, asha: Person) -> None:
    fest.stripe.hold(MAX_CALLS_OF_PERSON)
    slugs = [fest.event(f"Talk {number}") for number in range(MAX_CALLS_OF_PERSON)]
    with ThreadPoolExecutor(MAX_CALLS_OF_PERSON) as pool:
        checkouts = []
        for number, slug in enumerate(["", *slugs[1:]]):
            if slug:
                asha.take_seats(slug)
            checkouts.append(pool.submit(asha.check_out))
            until(partial(was_called, fest, number + 1), "the provider was asked for a page")
        asha.take_seats(slugs[0])
        refused = check_out(asha.browser, payment_method="stripe")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "5"
        fest.stripe.release()
        assert {checkout.result().status_code for checkout in checkouts} == {303}
    assert len(fest.database.read(queries.orders_of, asha.id)) == MAX_CALLS_OF_PERSON


@ON_SQLITE
def test_hanging_questions_do_not_block_new_payments(fest: Fest, asha: Person) -> None:
    for number in range(MAX_STARTS + 1):
        person = fest.person(f"person-{number}")
        person.take_seats(fest.event(f"Talk {number}"))
        person.check_out()
    fest.stripe.holds_queries = True
    fest.database.clock.move(MINUTE)  # the provider is now asked about all of them
    until(lambda: count_questions(fest) >= MAX_OTHER_CALLS, "questions are under way")
    assert asha.check_out().headers["location"].startswith(fest.stripe.url)

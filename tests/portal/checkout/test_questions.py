"""Looking at an order may ask its provider, which costs seconds: how often, and in whose place."""

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

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def questions(fest: Fest) -> int:
    """Return how often Stripe was asked about a session."""
    return sum(call.method == "GET" and call.path.startswith(SESSIONS) for call in fest.stripe.calls)


def was_called(fest: Fest, times: int) -> bool:
    """Return whether Stripe was called that often."""
    return len(fest.stripe.calls) >= times


@ONE
def test_coming_back_forty_times_asks_the_provider_once_and_again_after_some_seconds(
    fest: Fest, asha: Person
) -> None:
    asha.check_out()
    ref = fest.order(asha).ref
    for _ in range(40):
        assert asha.browser.get(f"/orders/{ref}?returned").status_code == 303
    assert (fest.order(asha).asked, questions(fest) > 0) == (1, True)
    fest.database.clock.move(ASK_PAUSE)
    asha.browser.get(f"/orders/{ref}?returned")
    assert fest.order(asha).asked == 2


@BOTH
def test_of_several_processes_one_asks(fest: Fest, asha: Person) -> None:
    asha.check_out()
    order = fest.order(asha)
    claims = [lambda connection: claim_question(connection, order.id)] * 5
    assert sorted(fest.database.write_together(*claims)) == [False] * 4 + [True]


@ONE
def test_ninety_tabs_of_one_person_leave_checkout_to_the_others_while_the_provider_hangs(fest: Fest) -> None:
    crowd, other = fest.person("crowd"), fest.person("other")
    crowd.take_seats(fest.event("Robo Race"))
    crowd.check_out()
    other.take_seats(fest.event("Dance Battle"))
    ref = fest.order(crowd).ref
    fest.stripe.hold(1)
    with ThreadPoolExecutor(90) as pool:
        tabs = [pool.submit(crowd.browser.get, f"/orders/{ref}?returned") for _ in range(90)]
        until(
            lambda: sum(tab.done() for tab in tabs) >= 90 - MAX_CALLS_OF_PERSON, "all other tabs are answered"
        )
        assert other.check_out().headers["location"].startswith(fest.stripe.url)
        fest.stripe.release()
        assert {tab.result().status_code for tab in tabs} == {303}
    assert fest.order(crowd).asked <= 1


@ONE
def test_one_person_who_starts_payments_side_by_side_is_told_to_wait(fest: Fest, asha: Person) -> None:
    fest.stripe.hold(MAX_CALLS_OF_PERSON)
    slugs = [fest.event(f"Talk {number}") for number in range(MAX_CALLS_OF_PERSON)]
    with ThreadPoolExecutor(MAX_CALLS_OF_PERSON) as pool:
        started = []
        for number, slug in enumerate(["", *slugs[1:]]):
            if slug:
                asha.take_seats(slug)
            started.append(pool.submit(asha.check_out))
            until(partial(was_called, fest, number + 1), "the provider was asked for a page")
        asha.take_seats(slugs[0])
        turned_away = check_out(asha.browser, payment_method="stripe")
        assert turned_away.status_code == 429
        assert turned_away.headers["retry-after"] == "5"
        fest.stripe.release()
        assert {answer.result().status_code for answer in started} == {303}
    assert len(fest.database.read(queries.orders_of, asha.id)) == MAX_CALLS_OF_PERSON


@ONE
def test_questions_that_hang_take_no_place_of_a_person_who_starts_a_payment(fest: Fest, asha: Person) -> None:
    for number in range(MAX_STARTS + 1):
        person = fest.person(f"person-{number}")
        person.take_seats(fest.event(f"Talk {number}"))
        person.check_out()
    fest.stripe.holds_questions = True
    fest.database.clock.move(MINUTE)  # all of them are asked about now
    until(lambda: questions(fest) >= MAX_OTHER_CALLS, "questions are under way")
    assert asha.check_out().headers["location"].startswith(fest.stripe.url)

"""Payment pages at Stripe whose order loses an event: the old page is closed, and a new one is for the rest."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from festgate.kit.clock import DAY, MINUTE
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import orders
from tests.portal.checkout.stripe_fest import Fest, Person, fest_with_stripe
from tests.rig.database import OpenDatabase
from tests.rig.stripe_server import StripeServer
from tests.rig.waiting import until

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Requests between the portal and Stripe do not depend on the database."""


def _cancel_event(fest: Fest, slug: str) -> None:
    fest.database.write(catalogue.cancel_event, slug)


@ON_SQLITE
def test_a_cancelled_event_replaces_the_payment_page_by_one_for_the_rest(fest: Fest) -> None:
    person = fest.person()
    cancelled_event = fest.event("Robo Race", 45000)
    person.take_seats(cancelled_event, fest.event("Music Night", 30000))
    old_page = person.check_out().headers["location"]
    _cancel_event(fest, cancelled_event)
    until(lambda: fest.order(person).pay_url not in (None, old_page), "another payment page")
    order = fest.order(person)
    assert (order.total.minor, order.revision, order.state) == (30000, 1, "pending")
    created = [call.idempotency_key for call in fest.stripe.made("POST", "/v1/checkout/sessions")]
    assert created == [f"order-{order.ref}", f"order-{order.ref}-1"]
    assert order.pay_url is not None
    person.pay(order.pay_url)
    assert fest.wait_for_state(person, "paid").paid == order.total
    assert fest.refunds(person) == []


@ON_SQLITE
def test_the_old_amount_paid_during_the_reduction_keeps_the_remaining_seat(fest: Fest) -> None:
    person = fest.person()
    cancelled_event = fest.event("Robo Race", 45000)
    person.take_seats(cancelled_event, fest.event("Music Night", 30000))
    person.check_out()
    session = fest.session(person)["id"]
    event = fest.stripe.books.pay(session)
    _cancel_event(fest, cancelled_event)
    fest.stripe.deliver(event)
    fest.wait_for_state(person, "paid")
    until(
        lambda: [refund.amount.minor for refund in fest.refunds(person)] == [45000],
        "the difference is refunded",
    )
    assert sorted(fest.seats(person)) == ["cancelled", "confirmed"]
    until(lambda: fest.refunds(person)[0].done_at, "it is sent to Stripe")
    assert [refund["amount"] for refund in fest.stripe.books.refunds.values()] == [45000]


@ON_SQLITE
def test_an_order_whose_only_event_is_cancelled_is_closed_at_stripe_too(fest: Fest) -> None:
    person = fest.person()
    cancelled_event = fest.event("Robo Race", 45000)
    person.take_seats(cancelled_event)
    person.check_out()
    _cancel_event(fest, cancelled_event)
    fest.wait_for_state(person, "cancelled")
    until(lambda: fest.session(person)["status"] == "expired", "the payment page is closed")
    assert (
        "Robo Race was cancelled. Nothing was charged."
        in person.browser.get(f"/orders/{fest.order(person).ref}").text
    )


def _reduce_order_while_stripe_is_down(fest: Fest, calls: int = 0) -> tuple[Person, str]:
    """Cancel one of an order's two events, with Stripe down after `calls` calls; return the person and the old page."""
    person = fest.person()
    cancelled_event = fest.event("Robo Race", 45000)
    person.take_seats(cancelled_event, fest.event("Music Night", 30000))
    old_page = person.check_out().headers["location"]
    before = fest.stripe.refused
    fest.stripe.go_down(after=calls)
    _cancel_event(fest, cancelled_event)
    until(lambda: fest.stripe.refused > before, "Stripe was asked after COMMIT, and did not answer")
    assert fest.order(person).revision == 1
    return person, old_page


@ON_SQLITE
@pytest.mark.parametrize(
    "calls", [0, 1, 2], ids=["before any call", "after the session was read", "after the page was closed"]
)
def test_a_portal_stopped_between_commit_and_the_new_page_opens_it_after_a_restart(
    calls: int, database: OpenDatabase, stripe: StripeServer, tmp_path: Path
) -> None:
    folder = tmp_path / "fest"
    with fest_with_stripe(database, stripe, folder) as fest:
        person, old_page = _reduce_order_while_stripe_is_down(fest, calls)
        port = urlsplit(fest.url).port
    assert port
    stripe.come_up()
    database.clock.move(MINUTE)
    with fest_with_stripe(database, stripe, folder, port) as fest:
        until(lambda: fest.order(person).pay_url not in (None, old_page), "another payment page")
        order = fest.order(person)
        pages = [(session["amount_total"], session["status"]) for session in stripe.books.sessions.values()]
        assert sorted(pages) == [(30000, "open"), (75000, "expired")]
        assert order.pay_url is not None
        person.pay(order.pay_url)
        assert fest.wait_for_state(person, "paid").paid == order.total


@ON_SQLITE
def test_an_order_gets_more_time_for_its_new_page_after_an_outage_of_ten_minutes(fest: Fest) -> None:
    person, old_page = _reduce_order_while_stripe_is_down(fest)
    fest.database.clock.move(10 * MINUTE)
    fest.stripe.come_up()
    until(lambda: fest.order(person).pay_url not in (None, old_page), "another payment page")
    order = fest.order(person)
    assert (order.state, order.total.minor) == ("pending", 30000)
    assert order.expires_at >= fest.database.clock() + 30 * MINUTE
    assert order.pay_url is not None
    person.pay(order.pay_url)
    assert fest.wait_for_state(person, "paid").paid == order.total
    assert sorted(fest.seats(person)) == ["cancelled", "confirmed"]


@ON_SQLITE
def test_an_order_older_than_a_day_gets_no_more_time_for_a_new_page(fest: Fest) -> None:
    person, _ = _reduce_order_while_stripe_is_down(fest)
    order = fest.order(person)
    fest.database.write(orders.renew_order, order.id, 1, "Try again.")
    assert fest.order(person).revision == 2
    fest.database.write(orders.renew_order, order.id, 1, "Try again.")
    assert fest.order(person).revision == 2
    fest.database.clock.move(DAY)
    fest.database.write(orders.renew_order, order.id, 2, "Try again.")
    assert fest.order(person).state in ("declined", "expired")

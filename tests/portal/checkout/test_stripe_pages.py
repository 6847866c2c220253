"""Payment pages at Stripe whose order loses an event: the old page is closed, another is for what is left."""

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

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is between the portal and Stripe is the same whatever keeps the data."""


def _cancel_event(fest: Fest, slug: str) -> None:
    fest.database.write(catalogue.cancel_event, slug)


@ONE
def test_a_cancelled_event_replaces_the_payment_page_by_one_for_what_is_left(fest: Fest) -> None:
    person = fest.person()
    gone = fest.event("Robo Race", 45000)
    person.take_seats(gone, fest.event("Music Night", 30000))
    old = person.check_out().headers["location"]
    _cancel_event(fest, gone)
    until(lambda: fest.order(person).pay_url not in (None, old), "another payment page")
    order = fest.order(person)
    assert (order.total.minor, order.revision, order.state) == (30000, 1, "pending")
    created = [call.idempotency_key for call in fest.stripe.made("POST", "/v1/checkout/sessions")]
    assert created == [f"order-{order.ref}", f"order-{order.ref}-1"]
    assert order.pay_url is not None
    person.pay(order.pay_url)
    assert fest.until_state(person, "paid").paid == order.total
    assert fest.refunds(person) == []


@ONE
def test_the_old_amount_paid_while_the_order_shrinks_keeps_the_seat_that_is_left(fest: Fest) -> None:
    person = fest.person()
    gone = fest.event("Robo Race", 45000)
    person.take_seats(gone, fest.event("Music Night", 30000))
    person.check_out()
    session = fest.session(person)["id"]
    event = fest.stripe.books.pay(session)
    _cancel_event(fest, gone)
    fest.stripe.deliver(event)
    fest.until_state(person, "paid")
    until(
        lambda: [refund.amount.minor for refund in fest.refunds(person)] == [45000],
        "the difference goes back",
    )
    assert sorted(fest.seats(person)) == ["cancelled", "confirmed"]
    until(lambda: fest.refunds(person)[0].done_at, "it is sent to Stripe")
    assert [each["amount"] for each in fest.stripe.books.refunds.values()] == [45000]


@ONE
def test_an_order_whose_only_event_is_cancelled_is_closed_at_stripe_too(fest: Fest) -> None:
    person = fest.person()
    gone = fest.event("Robo Race", 45000)
    person.take_seats(gone)
    person.check_out()
    _cancel_event(fest, gone)
    fest.until_state(person, "cancelled")
    until(lambda: fest.session(person)["status"] == "expired", "the payment page is closed")
    assert (
        "Robo Race was cancelled. Nothing was charged."
        in person.browser.get(f"/orders/{fest.order(person).ref}").text
    )


def _reduced_while_stripe_is_away(fest: Fest, calls: int = 0) -> tuple[Person, str]:
    """Someone whose order of two events lost one, and the address of its old page; Stripe does `calls` calls more."""
    person = fest.person()
    gone = fest.event("Robo Race", 45000)
    person.take_seats(gone, fest.event("Music Night", 30000))
    old = person.check_out().headers["location"]
    before = fest.stripe.refused
    fest.stripe.go_down(after=calls)
    _cancel_event(fest, gone)
    until(lambda: fest.stripe.refused > before, "Stripe was asked after COMMIT, and did not answer")
    assert fest.order(person).revision == 1
    return person, old


@ONE
@pytest.mark.parametrize(
    "calls", [0, 1, 2], ids=["before anything", "after it was asked", "after it closed the page"]
)
def test_a_portal_that_ends_between_commit_and_the_new_page_opens_it_after_its_next_start(
    calls: int, database: OpenDatabase, stripe: StripeServer, tmp_path: Path
) -> None:
    folder = tmp_path / "fest"
    with fest_with_stripe(database, stripe, folder) as fest:
        person, old = _reduced_while_stripe_is_away(fest, calls)
        port = urlsplit(fest.url).port
    assert port
    stripe.come_up()
    database.clock.move(MINUTE)
    with fest_with_stripe(database, stripe, folder, port) as fest:
        until(lambda: fest.order(person).pay_url not in (None, old), "another payment page")
        order = fest.order(person)
        pages = [(each["amount_total"], each["status"]) for each in stripe.books.sessions.values()]
        assert sorted(pages) == [(30000, "open"), (75000, "expired")]
        assert order.pay_url is not None
        person.pay(order.pay_url)
        assert fest.until_state(person, "paid").paid == order.total


@ONE
def test_an_order_gets_time_for_its_new_page_when_stripe_was_away_for_ten_minutes(fest: Fest) -> None:
    person, old = _reduced_while_stripe_is_away(fest)
    fest.database.clock.move(10 * MINUTE)
    fest.stripe.come_up()
    until(lambda: fest.order(person).pay_url not in (None, old), "another payment page")
    order = fest.order(person)
    assert (order.state, order.total.minor) == ("pending", 30000)
    assert order.expires_at >= fest.database.clock() + 30 * MINUTE
    assert order.pay_url is not None
    person.pay(order.pay_url)
    assert fest.until_state(person, "paid").paid == order.total
    assert sorted(fest.seats(person)) == ["cancelled", "confirmed"]


@ONE
def test_an_order_of_yesterday_gets_no_more_time_for_another_page(fest: Fest) -> None:
    person, _ = _reduced_while_stripe_is_away(fest)
    order = fest.order(person)
    fest.database.write(orders.renew_order, order.id, 1, "Try again.")
    assert fest.order(person).revision == 2
    fest.database.write(orders.renew_order, order.id, 1, "Try again.")
    assert fest.order(person).revision == 2
    fest.database.clock.move(DAY)
    fest.database.write(orders.renew_order, order.id, 2, "Try again.")
    assert fest.order(person).state in ("declined", "expired")

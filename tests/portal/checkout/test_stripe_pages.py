"""Payment pages at Stripe whose order loses an event: the old page is closed, another is for what is left."""

import pytest

from festgate.portal.catalogue import facade as catalogue
from tests.portal.checkout.stripe_fest import Fest
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

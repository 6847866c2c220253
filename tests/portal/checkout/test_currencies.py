"""Payments keep the currency in which they were charged, and are refunded in it."""

import json
import time
from dataclasses import replace

import pytest

from tests.portal.checkout.stripe_fest import Fest, Person
from tests.rig.stripe_server import WEBHOOK_SECRET, sign

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@ON_BOTH_DATABASES
@pytest.mark.parametrize(
    "units, currency", [(45000, "usd"), (1234567, "rsd"), (45000, "jpy"), (12340, "kwd"), (777, "lyd")]
)
def test_a_payment_in_another_currency_is_refunded_in_full_in_that_currency(
    fest: Fest, asha: Person, units: int, currency: str
) -> None:
    page = asha.check_out().headers["location"]
    fest.session(asha).update(amount_total=units, currency=currency)
    asha.pay(page)
    order = fest.wait_for_state(asha, "refunded")
    assert order.total.currency == "INR"
    (stripe_refund,) = fest.stripe.books.refunds.values()
    assert (stripe_refund["amount"], stripe_refund["currency"]) == (units, currency)
    (refund,) = fest.refunds(asha)
    assert (refund.amount.currency, refund.foreign) == (currency.upper(), True)
    assert fest.seats(asha) == ["cancelled"]


@ON_BOTH_DATABASES
def test_the_receipt_shows_the_refund_in_the_charged_currency(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.session(asha).update(amount_total=4500, currency="usd")
    asha.pay(page)
    ref = fest.wait_for_state(asha, "refunded").ref
    text = asha.browser.get(f"/orders/{ref}").text
    assert "US$45.00" in text or "$45.00" in text
    assert "₹45.00" not in text


@ON_SQLITE
@pytest.mark.parametrize("missing", ["amount_total", "currency", "payment_intent"])
def test_after_a_signed_webhook_without_payment_details_the_provider_is_asked(
    fest: Fest, asha: Person, missing: str
) -> None:
    asha.check_out()
    fest.stripe.sends_webhooks = False
    fest.stripe.pay(fest.session(asha)["id"])
    (event,) = fest.stripe.books.events
    assert fest.stripe.deliver(replace(event, session={**event.session, missing: None})).status_code == 200
    fest.wait_for_state(asha, "paid")


@ON_SQLITE
def test_a_signed_webhook_with_an_unreadable_session_is_accepted_and_ignored(
    fest: Fest, asha: Person
) -> None:
    asha.check_out()
    for session in (
        {},
        {"id": 5, "payment_status": []},
        {"id": "cs_1", "payment_status": "paid", "metadata": 7},
    ):
        body = json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}})
        signature = sign(body.encode(), WEBHOOK_SECRET, int(time.time()))
        assert fest.stripe.post(body.encode(), signature).status_code == 200
    assert fest.order(asha).state == "pending"

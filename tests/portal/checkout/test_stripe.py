"""Payments by Stripe: the payment page and the return from it, webhooks, and outages of the provider."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.checkout import stripe as method
from festgate.portal.checkout.methods import NOT_STARTED
from festgate.portal.checkout.orders import ASK_AFTER, MAX_ASK
from festgate.portal.checkout.stripe_values import NOT_IN_TIME
from festgate.portal.tickets import facade as tickets
from tests.portal.checkout.stripe_fest import Fest, Person
from tests.rig.forms import hidden_fields
from tests.rig.stripe_books import REFUNDS
from tests.rig.stripe_server import DECLINED_CARD, WEBHOOK_SECRET, sign
from tests.rig.waiting import until

ON_BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Requests between the portal and Stripe do not depend on the database."""
ATTEMPTS = method.RETRIES + 1
"""Calls after which the portal stops retrying for now."""


@ON_BOTH_DATABASES
def test_a_person_pays_on_the_page_of_stripe_and_returns_to_a_paid_order(fest: Fest) -> None:
    person = fest.person()
    person.take_seats(fest.event("Robo Race", 45000), fest.event("Music Night", 25000))
    page = person.check_out().headers["location"]
    order = fest.order(person)
    assert (order.state, order.pay_url) == ("pending", page)
    assert "70000 inr" in httpx.get(page, trust_env=False, verify=False).text
    return_response = person.pay(page)
    assert return_response.headers["location"] == f"{fest.url}/orders/{order.ref}?returned"
    # Stripe sends the webhook before it redirects the person.
    assert "Paid" in person.browser.get(return_response.headers["location"], follow_redirects=True).text
    order = fest.order(person)
    assert (order.state, order.pay_url) == ("paid", None)
    assert order.provider_ref in fest.stripe.books.intents
    assert fest.seats(person) == ["confirmed", "confirmed"]
    assert fest.refunds(person) == []


@ON_SQLITE
def test_stripe_receives_only_the_required_data(fest: Fest) -> None:
    person = fest.person()
    person.take_seats(fest.event("Robo Race", 45000), fest.event("Music Night", 25000))
    person.check_out()
    order = fest.order(person)
    (call,) = fest.stripe.calls
    titles = {call.fields[f"line_items[{place}][price_data][product_data][name]"] for place in (0, 1)}
    amounts = {call.fields[f"line_items[{place}][price_data][unit_amount]"] for place in (0, 1)}
    assert (titles, amounts) == ({"Robo Race", "Music Night"}, {"45000", "25000"})
    assert call.idempotency_key == f"order-{order.ref}"
    assert call.fields["client_reference_id"] == call.fields["metadata[order]"] == order.ref
    assert call.fields["success_url"] == f"{fest.url}/orders/{order.ref}?returned"
    assert call.fields["cancel_url"] == f"{fest.url}/orders/{order.ref}"
    # The page expires before the seats do, and Stripe accepts no less than half an hour.
    now = fest.database.clock()
    assert now + 30 * MINUTE <= int(call.fields["expires_at"]) * 1000 < order.expires_at
    assert call.fields["adaptive_pricing[enabled]"] == "false"
    request_text = json.dumps([dict(call.fields), dict(call.headers)])
    assert "asha" not in request_text
    assert "telemetry" not in request_text.lower()


@ON_SQLITE
def test_submitting_the_checkout_twice_makes_one_order_and_one_session(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    other_person = fest.person("bela")
    other_person.take_seats(fest.event("Dance Battle", 30000))
    key = hidden_fields(other_person.browser.get("/checkout").text, "/checkout") | {
        "payment_method": "stripe"
    }
    with ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda _: other_person.browser.post("/checkout", data=key), range(2)))
    assert {response.status_code for response in responses} == {303}
    assert (
        other_person.browser.post("/checkout", data=key).headers["location"]
        == fest.order(other_person).pay_url
    )
    assert len(fest.stripe.books.sessions) == 2
    assert asha.browser.get(f"/orders/{fest.order(asha).ref}").text.count(page) == 1


@ON_SQLITE
def test_another_card_can_be_used_after_a_decline_or_after_going_back(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    assert asha.pay(page, card=DECLINED_CARD).status_code == 402
    assert asha.pay(page, button="back").headers["location"].endswith(f"/orders/{fest.order(asha).ref}")
    assert fest.order(asha).pay_url == page
    asha.pay(page)
    assert fest.order(asha).state == "paid"


@ON_BOTH_DATABASES
def test_a_webhook_delivered_twice_has_no_second_effect(fest: Fest, asha: Person) -> None:
    asha.pay(asha.check_out().headers["location"])
    paid = fest.order(asha)
    assert paid.state == "paid"
    (event,) = fest.stripe.books.events
    fest.database.clock.move(MINUTE)
    assert [fest.stripe.deliver(event).status_code for _ in range(2)] == [200, 200]
    assert fest.order(asha) == paid
    assert fest.refunds(asha) == []
    until(lambda: fest.database.read(tickets.tickets_of, asha.id), "the ticket is there")
    assert len(fest.database.read(tickets.tickets_of, asha.id)) == 1


@ON_BOTH_DATABASES
def test_a_webhook_that_arrives_before_the_response_of_stripe_settles_the_order(
    fest: Fest, asha: Person
) -> None:
    fest.stripe.hold()
    with ThreadPoolExecutor(1) as pool:
        checkout = pool.submit(asha.check_out)
        until(lambda: fest.stripe.books.sessions, "Stripe has a session")
        assert asha.browser.get("/events").status_code == 200, "a slow provider does not delay other requests"
        (session_id,) = fest.stripe.books.sessions
        fest.stripe.pay(session_id)
        assert fest.order(asha).state == "paid"
        fest.stripe.release()
        response = checkout.result()
    order = fest.order(asha)
    assert response.headers["location"] == f"/orders/{order.ref}"
    assert (order.state, order.pay_url) == ("paid", None)
    assert order.provider_ref in fest.stripe.books.intents


@ON_BOTH_DATABASES
def test_a_payment_reported_after_the_seat_was_taken_is_refunded_exactly_once(fest: Fest) -> None:
    slug = fest.event(capacity=1)
    late_person, quick_person = fest.person("late"), fest.person("quick")
    late_person.take_seats(slug)
    page = late_person.check_out().headers["location"]
    fest.stripe.sends_webhooks = False
    late_person.pay(page)
    fest.stripe.go_down()
    fest.database.clock.move(method.Stripe.keeps + MAX_ASK)
    fest.wait_until_stuck(late_person)
    quick_person.take_seats(slug)
    fest.stripe.come_up()
    (event,) = fest.stripe.books.events
    assert [fest.stripe.deliver(event).status_code for _ in range(2)] == [200, 200]
    fest.wait_for_state(late_person, "refunded")
    assert fest.seats(quick_person) == ["held"]
    (refund,) = fest.stripe.books.refunds.values()
    assert (refund["amount"], refund["currency"]) == (45000, "inr")
    assert len(fest.stripe.made("POST", REFUNDS)) == 1
    assert "a seat was gone" in late_person.browser.get(f"/orders/{fest.order(late_person).ref}").text


@ON_SQLITE
def test_a_payment_without_a_webhook_is_found_by_asking_stripe(fest: Fest, asha: Person) -> None:
    fest.stripe.sends_webhooks = False
    asha.pay(asha.check_out().headers["location"])
    assert fest.order(asha).state == "pending"
    fest.database.clock.move(ASK_AFTER)
    assert fest.wait_for_state(asha, "paid").provider_ref in fest.stripe.books.intents
    assert fest.stripe.deliver(fest.stripe.books.events[0]).status_code == 200
    assert fest.refunds(asha) == []


@ON_SQLITE
def test_a_person_who_returns_before_the_webhook_sees_the_order_paid(fest: Fest, asha: Person) -> None:
    fest.stripe.sends_webhooks = False
    return_response = asha.pay(asha.check_out().headers["location"])
    assert fest.order(asha).state == "pending"
    assert "Paid" in asha.browser.get(return_response.headers["location"], follow_redirects=True).text
    assert fest.order(asha).state == "paid"


@ON_SQLITE
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_order_stays_pending_after_an_error_of_stripe_and_can_be_paid_later(
    fest: Fest, asha: Person, status: int
) -> None:
    fest.stripe.go_down(status)
    response = asha.check_out()
    order = fest.order(asha)
    assert response.headers["location"] == f"/orders/{order.ref}"
    assert (order.state, order.pay_url) == ("pending", None)
    assert "We keep checking" in asha.browser.get(f"/orders/{order.ref}").text
    fest.stripe.come_up()
    fest.database.clock.move(ASK_AFTER)
    page = fest.wait_until_payable(asha).pay_url
    assert page is not None
    asha.pay(page)
    assert fest.order(asha).state == "paid"


@ON_SQLITE
def test_a_request_whose_response_was_lost_is_retried_at_once(fest: Fest, asha: Person) -> None:
    fest.stripe.lose()
    assert asha.check_out().headers["location"] == fest.session(asha)["url"]


@ON_SQLITE
@pytest.mark.parametrize("failure, patience", [("lose", method.PATIENCE), ("hold", 0.2)])
def test_an_order_stays_pending_with_one_session_when_responses_are_lost(
    fest: Fest, asha: Person, failure: str
) -> None:
    getattr(fest.stripe, failure)(ATTEMPTS)
    asha.check_out()
    assert (fest.order(asha).state, fest.order(asha).pay_url) == ("pending", None)
    fest.stripe.release()
    fest.database.clock.move(ASK_AFTER)
    assert fest.wait_until_payable(asha).pay_url == fest.session(asha)["url"]


@ON_SQLITE
def test_a_payment_with_a_wrong_amount_is_refunded_and_confirms_no_seat(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.session(asha)["amount_total"] += 100
    asha.pay(page)
    order = fest.wait_for_state(asha, "refunded")
    assert order.reason == "The amount that was charged is not the order's."
    (refund,) = fest.stripe.books.refunds.values()
    assert refund["amount"] == order.total.minor + 100
    assert fest.seats(asha) == ["cancelled"]


@ON_SQLITE
def test_an_order_that_stripe_refuses_is_declined_and_its_seats_stay_held(fest: Fest) -> None:
    person = fest.person()
    person.take_seats(fest.event(fee=49))
    person.check_out()
    order = fest.order(person)
    assert (order.state, order.reason) == ("declined", NOT_STARTED)
    assert fest.seats(person) == ["held"]


@ON_BOTH_DATABASES
def test_a_session_that_expires_unpaid_declines_the_order(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.stripe.go_down()  # from now on only the webhook reports
    fest.database.clock.move(method.Stripe.keeps - method.SPARE)
    fest.stripe.end_sessions()
    order = fest.order(asha)
    assert (order.state, order.reason) == ("declined", NOT_IN_TIME)
    assert asha.pay(page).status_code == 400


@ON_SQLITE
def test_a_session_that_expired_unpaid_is_found_by_asking_stripe(fest: Fest, asha: Person) -> None:
    asha.check_out()
    fest.database.clock.move(method.Stripe.keeps - method.SPARE)
    assert fest.wait_for_state(asha, "declined").reason == NOT_IN_TIME


@ON_SQLITE
@pytest.mark.parametrize("paid", [True, False])
def test_a_delayed_bank_payment_is_decided_by_a_later_webhook(fest: Fest, asha: Person, paid: bool) -> None:
    asha.pay(asha.check_out().headers["location"], button="bank")
    order = fest.order(asha)
    assert (order.state, order.pay_url) == ("pending", None)
    fest.stripe.decide_as_bank(fest.session(asha)["id"], paid=paid)
    assert fest.order(asha).state == ("paid" if paid else "declined")
    # The two events may come in the other order.
    assert fest.stripe.deliver(fest.stripe.books.events[0]).status_code == 200
    assert fest.order(asha).state == ("paid" if paid else "declined")


@ON_SQLITE
@pytest.mark.parametrize("paid", [True, False])
def test_the_decision_of_a_bank_is_found_by_asking_stripe(fest: Fest, asha: Person, paid: bool) -> None:
    fest.stripe.sends_webhooks = False
    asha.pay(asha.check_out().headers["location"], button="bank")
    fest.stripe.decide_as_bank(fest.session(asha)["id"], paid=paid)
    fest.database.clock.move(ASK_AFTER)
    fest.wait_for_state(asha, "paid" if paid else "declined")


@ON_SQLITE
def test_a_cancelled_order_cannot_be_paid(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    asha.browser.post(f"/orders/{fest.order(asha).ref}/cancel")
    assert fest.order(asha).state == "cancelled"
    assert asha.pay(page).status_code == 400
    assert fest.stripe.books.intents == {}


@ON_BOTH_DATABASES
def test_a_payment_that_crosses_a_cancellation_is_refunded(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.stripe.sends_webhooks = False
    asha.pay(page)
    asha.browser.post(f"/orders/{fest.order(asha).ref}/cancel")
    assert fest.order(asha).state == "cancelled"
    fest.stripe.deliver(fest.stripe.books.events[0])
    fest.wait_for_state(asha, "refunded")
    assert [refund["amount"] for refund in fest.stripe.books.refunds.values()] == [45000]


@ON_SQLITE
def test_a_webhook_that_is_not_signed_by_stripe_is_refused(fest: Fest, asha: Person) -> None:
    asha.check_out()
    fest.stripe.sends_webhooks = False
    fest.stripe.pay(fest.session(asha)["id"])
    (event,) = fest.stripe.books.events
    signature = sign(event.body, WEBHOOK_SECRET, int(time.time()))
    refused = [
        fest.stripe.post(event.body, None),
        fest.stripe.post(event.body, ""),
        fest.stripe.post(event.body, "nonsense"),
        fest.stripe.post(event.body, signature.replace("v1=", "v0=")),
        fest.stripe.post(event.body + b" ", signature),
        fest.stripe.post(b"\xff", signature),
        fest.stripe.deliver(event, secret="whsec_of_another"),
        fest.stripe.deliver(event, age=method.OLDEST_SIGNATURE + 60),
    ]
    assert [response.status_code for response in refused] == [400] * len(refused)
    assert {response.headers["content-type"] for response in refused} == {"application/problem+json"}
    assert {response.json()["code"] for response in refused} == {"bad-signature"}
    assert fest.order(asha).state == "pending"
    assert fest.stripe.post(event.body, signature).status_code == 200
    assert fest.order(asha).state == "paid"


@ON_SQLITE
def test_a_signed_webhook_that_cannot_be_read_is_refused(fest: Fest) -> None:
    for body in (b"", b"not JSON", b"[]", b"{}", b'{"id": "evt_1", "type": "checkout.session.completed"}'):
        response = fest.stripe.post(body, sign(body, WEBHOOK_SECRET, int(time.time())))
        assert response.status_code == 400


@ON_SQLITE
def test_webhooks_about_other_orders_are_accepted_and_ignored(fest: Fest, asha: Person) -> None:
    asha.check_out()
    before = fest.order(asha)
    fest.stripe.sends_webhooks = False
    fest.stripe.pay(fest.session(asha)["id"])
    (event,) = fest.stripe.books.events
    ignored_events = [
        replace(event, kind="payment_intent.succeeded"),
        replace(event, kind="charge.refunded", session={"id": "ch_1", "object": "charge"}),
        # Another installation that has the same account.
        replace(event, session={**event.session, "client_reference_id": "X", "metadata": {"order": "X"}}),
        # A payment link of the same account, which takes any client_reference_id from the visitor.
        replace(event, session={**event.session, "metadata": {}, "amount_total": 50}),
        replace(event, session={**event.session, "client_reference_id": None}),
    ]
    assert [fest.stripe.deliver(ignored).status_code for ignored in ignored_events] == [200] * len(
        ignored_events
    )
    assert fest.order(asha) == before


@ON_BOTH_DATABASES
def test_a_webhook_that_cannot_be_stored_is_refused_so_that_stripe_sends_it_again(
    fest: Fest, asha: Person
) -> None:
    page = asha.check_out().headers["location"]
    with fest.without_orders():
        asha.pay(page)
        (event,) = fest.stripe.books.events
        assert fest.stripe.deliver(event).status_code >= 500
    assert fest.order(asha).state == "pending"
    assert fest.stripe.deliver(event).status_code == 200
    assert fest.order(asha).state == "paid"

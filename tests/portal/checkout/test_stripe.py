"""Paying by Stripe: the person's way there and back, webhooks, and what is left when the provider is not there."""

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
from festgate.portal.checkout.stripe_sessions import NOT_IN_TIME
from festgate.portal.tickets import facade as tickets
from tests.portal.checkout.stripe_fest import Fest, Person
from tests.rig.forms import hidden_fields
from tests.rig.stripe_books import REFUNDS
from tests.rig.stripe_server import DECLINED_CARD, WEBHOOK_SECRET, sign
from tests.rig.waiting import until

BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is between the portal and Stripe is the same whatever keeps the data."""
TRIES = method.RETRIES + 1
"""Calls after which the portal gives up for now."""


@BOTH
def test_a_person_pays_on_stripes_page_and_comes_back_to_a_paid_order(fest: Fest) -> None:
    person = fest.person()
    person.take_seats(fest.event("Robo Race", 45000), fest.event("Music Night", 25000))
    page = person.check_out().headers["location"]
    order = fest.order(person)
    assert (order.state, order.pay_url) == ("pending", page)
    assert "70000 inr" in httpx.get(page, trust_env=False, verify=False).text
    back = person.pay(page)
    assert back.headers["location"] == f"{fest.url}/orders/{order.ref}?returned"
    # Stripe tells of the payment before it sends the person back.
    assert "Paid" in person.browser.get(back.headers["location"], follow_redirects=True).text
    order = fest.order(person)
    assert (order.state, order.pay_url) == ("paid", None)
    assert order.provider_ref in fest.stripe.books.intents
    assert fest.seats(person) == ["confirmed", "confirmed"]
    assert fest.refunds(person) == []


@ONE
def test_stripe_is_told_what_it_needs_and_no_more(fest: Fest) -> None:
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
    # The page ends while the seats are still kept, and Stripe takes no shorter one than half an hour.
    now = fest.database.clock()
    assert now + 30 * MINUTE <= int(call.fields["expires_at"]) * 1000 < order.expires_at
    assert call.fields["adaptive_pricing[enabled]"] == "false"
    spoken = json.dumps([dict(call.fields), dict(call.headers)])
    assert "asha" not in spoken
    assert "telemetry" not in spoken.lower()


@ONE
def test_pressing_the_button_twice_is_one_order_one_session_and_one_page(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    other = fest.person("bela")
    other.take_seats(fest.event("Dance Battle", 30000))
    key = hidden_fields(other.browser.get("/checkout").text, "/checkout") | {"payment_method": "stripe"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: other.browser.post("/checkout", data=key), range(2)))
    assert {answer.status_code for answer in answers} == {303}
    assert other.browser.post("/checkout", data=key).headers["location"] == fest.order(other).pay_url
    assert len(fest.stripe.books.sessions) == 2
    assert asha.browser.get(f"/orders/{fest.order(asha).ref}").text.count(page) == 1


@ONE
def test_a_declined_card_can_be_followed_by_another_and_going_back_leaves_the_order_as_it_is(
    fest: Fest, asha: Person
) -> None:
    page = asha.check_out().headers["location"]
    assert asha.pay(page, card=DECLINED_CARD).status_code == 402
    assert asha.pay(page, button="back").headers["location"].endswith(f"/orders/{fest.order(asha).ref}")
    assert fest.order(asha).pay_url == page
    asha.pay(page)
    assert fest.order(asha).state == "paid"


@BOTH
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


@BOTH
def test_a_webhook_that_comes_before_stripes_answer_to_us_is_enough(fest: Fest, asha: Person) -> None:
    fest.stripe.hold()
    with ThreadPoolExecutor(1) as pool:
        checkout = pool.submit(asha.check_out)
        until(lambda: fest.stripe.books.sessions, "Stripe has a session")
        assert asha.browser.get("/events").status_code == 200, "a slow provider keeps nobody else waiting"
        (session_id,) = fest.stripe.books.sessions
        fest.stripe.pay(session_id)
        assert fest.order(asha).state == "paid"
        fest.stripe.release()
        answer = checkout.result()
    order = fest.order(asha)
    assert answer.headers["location"] == f"/orders/{order.ref}"
    assert (order.state, order.pay_url) == ("paid", None)
    assert order.provider_ref in fest.stripe.books.intents


@BOTH
def test_a_payment_told_after_the_seat_is_gone_goes_back_exactly_once(fest: Fest) -> None:
    slug = fest.event(capacity=1)
    late, quick = fest.person("late"), fest.person("quick")
    late.take_seats(slug)
    page = late.check_out().headers["location"]
    fest.stripe.tells_at_once = False
    late.pay(page)
    fest.stripe.go_down()
    fest.database.clock.move(method.Stripe.keeps + MAX_ASK)
    fest.until_unanswered(late)
    quick.take_seats(slug)
    fest.stripe.come_up()
    (event,) = fest.stripe.books.events
    assert [fest.stripe.deliver(event).status_code for _ in range(2)] == [200, 200]
    fest.until_state(late, "refunded")
    assert fest.seats(quick) == ["held"]
    (refund,) = fest.stripe.books.refunds.values()
    assert (refund["amount"], refund["currency"]) == (45000, "inr")
    assert len(fest.stripe.made("POST", REFUNDS)) == 1
    assert "a seat was gone" in late.browser.get(f"/orders/{fest.order(late).ref}").text


@ONE
def test_a_payment_is_found_out_by_asking_when_the_webhook_never_comes(fest: Fest, asha: Person) -> None:
    fest.stripe.tells_at_once = False
    asha.pay(asha.check_out().headers["location"])
    assert fest.order(asha).state == "pending"
    fest.database.clock.move(ASK_AFTER)
    assert fest.until_state(asha, "paid").provider_ref in fest.stripe.books.intents
    assert fest.stripe.deliver(fest.stripe.books.events[0]).status_code == 200
    assert fest.refunds(asha) == []


@ONE
def test_who_comes_back_before_the_webhook_sees_the_order_paid(fest: Fest, asha: Person) -> None:
    fest.stripe.tells_at_once = False
    back = asha.pay(asha.check_out().headers["location"])
    assert fest.order(asha).state == "pending"
    assert "Paid" in asha.browser.get(back.headers["location"], follow_redirects=True).text
    assert fest.order(asha).state == "paid"


@ONE
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_of_stripe_leaves_the_order_waiting_and_it_can_be_paid_later(
    fest: Fest, asha: Person, status: int
) -> None:
    fest.stripe.go_down(status)
    answer = asha.check_out()
    order = fest.order(asha)
    assert answer.headers["location"] == f"/orders/{order.ref}"
    assert (order.state, order.pay_url) == ("pending", None)
    assert "We keep checking" in asha.browser.get(f"/orders/{order.ref}").text
    fest.stripe.come_up()
    fest.database.clock.move(ASK_AFTER)
    page = fest.until_payable(asha).pay_url
    assert page is not None
    asha.pay(page)
    assert fest.order(asha).state == "paid"


@ONE
def test_an_answer_that_is_lost_once_is_asked_for_again_at_once(fest: Fest, asha: Person) -> None:
    fest.stripe.lose()
    assert asha.check_out().headers["location"] == fest.session(asha)["url"]


@ONE
@pytest.mark.parametrize("trouble, patience", [("lose", method.PATIENCE), ("hold", 0.2)])
def test_answers_that_never_come_leave_the_order_waiting_and_one_session(
    fest: Fest, asha: Person, trouble: str
) -> None:
    getattr(fest.stripe, trouble)(TRIES)
    asha.check_out()
    assert (fest.order(asha).state, fest.order(asha).pay_url) == ("pending", None)
    fest.stripe.release()
    fest.database.clock.move(ASK_AFTER)
    assert fest.until_payable(asha).pay_url == fest.session(asha)["url"]


@ONE
def test_an_amount_that_is_not_the_orders_goes_back_and_no_seat_is_confirmed(
    fest: Fest, asha: Person
) -> None:
    page = asha.check_out().headers["location"]
    fest.session(asha)["amount_total"] += 100
    asha.pay(page)
    order = fest.until_state(asha, "refunded")
    assert order.reason == "The amount that was charged is not the order's."
    (refund,) = fest.stripe.books.refunds.values()
    assert refund["amount"] == order.total.minor + 100
    assert fest.seats(asha) == ["cancelled"]


@ONE
def test_an_order_that_stripe_will_not_take_is_declined_and_its_seats_are_held_on(fest: Fest) -> None:
    person = fest.person()
    person.take_seats(fest.event(fee=49))
    person.check_out()
    order = fest.order(person)
    assert (order.state, order.reason) == ("declined", NOT_STARTED)
    assert fest.seats(person) == ["held"]


@BOTH
def test_a_session_that_ends_unpaid_declines_the_order(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.stripe.go_down()  # what follows is from the webhook alone
    fest.database.clock.move(method.Stripe.keeps - method.SPARE)
    fest.stripe.end_sessions()
    order = fest.order(asha)
    assert (order.state, order.reason) == ("declined", NOT_IN_TIME)
    assert asha.pay(page).status_code == 400


@ONE
def test_a_session_that_ended_unpaid_is_also_found_out_by_asking(fest: Fest, asha: Person) -> None:
    asha.check_out()
    fest.database.clock.move(method.Stripe.keeps - method.SPARE)
    assert fest.until_state(asha, "declined").reason == NOT_IN_TIME


@ONE
@pytest.mark.parametrize("paid", [True, False])
def test_a_bank_that_takes_its_time_decides_later(fest: Fest, asha: Person, paid: bool) -> None:
    asha.pay(asha.check_out().headers["location"], button="bank")
    order = fest.order(asha)
    assert (order.state, order.pay_url) == ("pending", None)
    fest.stripe.bank_answers(fest.session(asha)["id"], paid=paid)
    assert fest.order(asha).state == ("paid" if paid else "declined")
    # The two events may come in the other order.
    assert fest.stripe.deliver(fest.stripe.books.events[0]).status_code == 200
    assert fest.order(asha).state == ("paid" if paid else "declined")


@ONE
@pytest.mark.parametrize("paid", [True, False])
def test_what_a_bank_decided_is_also_found_out_by_asking(fest: Fest, asha: Person, paid: bool) -> None:
    fest.stripe.tells_at_once = False
    asha.pay(asha.check_out().headers["location"], button="bank")
    fest.stripe.bank_answers(fest.session(asha)["id"], paid=paid)
    fest.database.clock.move(ASK_AFTER)
    fest.until_state(asha, "paid" if paid else "declined")


@ONE
def test_a_cancelled_order_cannot_be_paid_any_more(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    asha.browser.post(f"/orders/{fest.order(asha).ref}/cancel")
    assert fest.order(asha).state == "cancelled"
    assert asha.pay(page).status_code == 400
    assert fest.stripe.books.intents == {}


@BOTH
def test_a_payment_that_a_cancellation_has_crossed_goes_back(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    fest.stripe.tells_at_once = False
    asha.pay(page)
    asha.browser.post(f"/orders/{fest.order(asha).ref}/cancel")
    assert fest.order(asha).state == "cancelled"
    fest.stripe.deliver(fest.stripe.books.events[0])
    fest.until_state(asha, "refunded")
    assert [refund["amount"] for refund in fest.stripe.books.refunds.values()] == [45000]


@ONE
def test_a_webhook_that_is_not_signed_by_stripe_is_refused(fest: Fest, asha: Person) -> None:
    asha.check_out()
    fest.stripe.tells_at_once = False
    fest.stripe.pay(fest.session(asha)["id"])
    (event,) = fest.stripe.books.events
    good = sign(event.body, WEBHOOK_SECRET, int(time.time()))
    refused = [
        fest.stripe.post(event.body, None),
        fest.stripe.post(event.body, ""),
        fest.stripe.post(event.body, "nonsense"),
        fest.stripe.post(event.body, good.replace("v1=", "v0=")),
        fest.stripe.post(event.body + b" ", good),
        fest.stripe.post(b"\xff", good),
        fest.stripe.deliver(event, secret="whsec_of_another"),
        fest.stripe.deliver(event, age=method.OLDEST_SIGNATURE + 60),
    ]
    assert [answer.status_code for answer in refused] == [400] * len(refused)
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert {answer.json()["code"] for answer in refused} == {"bad-signature"}
    assert fest.order(asha).state == "pending"
    assert fest.stripe.post(event.body, good).status_code == 200
    assert fest.order(asha).state == "paid"


@ONE
def test_a_signed_webhook_that_cannot_be_read_is_refused(fest: Fest) -> None:
    for body in (b"", b"not JSON", b"[]", b"{}", b'{"id": "evt_1", "type": "checkout.session.completed"}'):
        answer = fest.stripe.post(body, sign(body, WEBHOOK_SECRET, int(time.time())))
        assert answer.status_code == 400


@ONE
def test_events_that_are_not_about_an_order_here_are_taken_and_left_aside(fest: Fest, asha: Person) -> None:
    asha.check_out()
    before = fest.order(asha)
    fest.stripe.tells_at_once = False
    fest.stripe.pay(fest.session(asha)["id"])
    (event,) = fest.stripe.books.events
    aside = [
        replace(event, kind="payment_intent.succeeded"),
        replace(event, kind="charge.refunded", session={"id": "ch_1", "object": "charge"}),
        # Another installation that has the same account.
        replace(event, session={**event.session, "client_reference_id": "X", "metadata": {"order": "X"}}),
        # A payment link of the same account, which takes any client_reference_id from whoever opens it.
        replace(event, session={**event.session, "metadata": {}, "amount_total": 50}),
        replace(event, session={**event.session, "client_reference_id": None}),
    ]
    assert [fest.stripe.deliver(each).status_code for each in aside] == [200] * len(aside)
    assert fest.order(asha) == before


@BOTH
def test_a_webhook_that_we_fail_to_keep_is_not_taken_so_that_it_comes_again(fest: Fest, asha: Person) -> None:
    page = asha.check_out().headers["location"]
    with fest.without_orders():
        asha.pay(page)
        (event,) = fest.stripe.books.events
        assert fest.stripe.deliver(event).status_code >= 500
    assert fest.order(asha).state == "pending"
    assert fest.stripe.deliver(event).status_code == 200
    assert fest.order(asha).state == "paid"

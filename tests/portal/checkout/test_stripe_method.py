"""The payment method `stripe` alone: units of money, refunds, and required settings."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.kit.clock import DAY, MINUTE, system_clock
from festgate.kit.errors import StartupError
from festgate.kit.money import Money, digits_of, known_currencies
from festgate.portal.checkout.methods import NOT_STARTED, Declined, Paid, ProviderError, Waiting
from festgate.portal.checkout.records import Line, Order, Refund
from festgate.portal.checkout.stripe import RETRIES, Rejected, Stripe
from festgate.portal.checkout.stripe_values import (
    DECIMALS,
    STEP,
    UnchargeableAmount,
    can_take,
    own_amount,
    stripe_amount,
)
from tests.portal.checkout.stripe_fest import settings_of
from tests.rig.server import festgate
from tests.rig.stripe_books import REFUNDS, SESSIONS
from tests.rig.stripe_server import SECRET_KEY, StripeServer, stripe_server

ATTEMPTS = RETRIES + 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    # The library reads proxies from the environment; loopback must not go through one.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stripe_server() as server:
        yield server


@pytest.fixture
def stripe(server: StripeServer) -> Stripe:
    return Stripe(settings_of(server.url))


def order_of(*fees: Money, ref: str = "ABCDE12345", duration: int = Stripe.keeps) -> Order:
    """Return an order as it is just after it was placed."""
    now = system_clock()
    lines = tuple(
        Line(seat, seat, f"Event {seat}", f"event-{seat}", now + DAY, fee) for seat, fee in enumerate(fees)
    )
    due = Money(sum(fee.minor for fee in fees), fees[0].currency)
    return Order(1, ref, 1, "pending", "stripe", due, None, lines, now, now + duration)


def pay(server: StripeServer, stripe: Stripe, order: Order) -> str:
    """Pay an order; return the id of its payment intent."""
    outcome = asyncio.run(stripe.begin(order, {}))
    assert isinstance(outcome, Waiting)
    assert outcome.provider_ref is not None
    server.pay(outcome.provider_ref)
    return str(server.books.sessions[outcome.provider_ref]["payment_intent"])


def refund_of(
    charge: str, minor: int, *, number: int = 7, attempts: int = 0, currency: str = "INR"
) -> Refund:
    return Refund(number, 1, None, charge, Money(minor, currency), False, "Because.", attempts)


@pytest.mark.parametrize(
    "minor, currency, units",
    [
        (45000, "INR", 45000),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (1200, "RSD", 120000),
        (5120, "KWD", 5120),
        (0, "EUR", 0),
    ],
)
def test_amounts_are_converted_to_the_units_of_stripe_and_back(minor: int, currency: str, units: int) -> None:
    assert stripe_amount(Money(minor, currency)) == units
    assert own_amount(units, currency.lower()) == Money(minor, currency)


def test_amounts_of_every_accepted_currency_are_converted_without_loss() -> None:
    accepted = [currency for currency in known_currencies() if can_take(currency)]
    assert {"INR", "EUR", "USD", "JPY", "KWD", "ISK"} <= set(accepted)
    for currency in accepted:
        amount = Money(1230, currency)
        assert own_amount(stripe_amount(amount), currency.lower()) == amount
        assert stripe_amount(amount) % 10 ** (DECIMALS.get(currency, 2) - digits_of(currency)) == 0


def test_an_amount_that_stripe_cannot_charge_is_refused_and_not_rounded() -> None:
    with pytest.raises(UnchargeableAmount, match=r"5\.124"):
        stripe_amount(Money(5124, "KWD"))
    assert stripe_amount(Money(5124 // STEP * STEP, "KWD")) == 5120


@pytest.mark.parametrize(
    "currency, fee", [("JPY", 500), ("ISK", 900), ("KWD", 5120), ("RSD", 1200), ("EUR", 990)]
)
def test_a_payment_in_any_currency_has_the_total_of_the_order(
    server: StripeServer, stripe: Stripe, currency: str, fee: int
) -> None:
    order = order_of(Money(fee, currency), Money(fee, currency))
    charge = pay(server, stripe, order)
    assert asyncio.run(stripe.look_up(order)) == Paid(charge, Money(2 * fee, currency))
    asyncio.run(stripe.refund(refund_of(charge, fee, currency=currency)))
    (refund,) = server.books.refunds.values()
    assert refund["amount"] * 2 == server.books.intents[charge]["amount"]


def test_an_order_whose_fee_cannot_be_charged_is_declined(server: StripeServer, stripe: Stripe) -> None:
    assert asyncio.run(stripe.begin(order_of(Money(5124, "KWD")), {})) == Declined(NOT_STARTED)
    assert server.calls == []


@pytest.mark.parametrize("duration", [Stripe.keeps, 3 * 60 * MINUTE, DAY, 3 * DAY])
def test_the_payment_page_expires_before_the_seats_and_within_the_limits_of_stripe(
    server: StripeServer, stripe: Stripe, duration: int
) -> None:
    order = order_of(Money(45000, "INR"), duration=duration)
    assert isinstance(asyncio.run(stripe.begin(order, {})), Waiting)
    (session,) = server.books.sessions.values()
    assert session["expires_at"] * 1000 < order.expires_at


def test_a_wrong_key_declines_a_new_order_and_leaves_a_waiting_one_pending(server: StripeServer) -> None:
    order = order_of(Money(45000, "INR"))
    waiting = asyncio.run(Stripe(settings_of(server.url)).begin(order, {}))
    assert isinstance(waiting, Waiting)
    wrong_method = Stripe(settings_of(server.url, stripe_secret_key=f"{SECRET_KEY}_no_more"))
    other_order = order_of(Money(45000, "INR"), ref="ZZZZZ12345")
    assert asyncio.run(wrong_method.begin(other_order, {})) == Declined(NOT_STARTED)
    with pytest.raises(Rejected):
        asyncio.run(wrong_method.look_up(replace(order, provider_ref=waiting.provider_ref)))


def test_an_unknown_session_is_declined(stripe: Stripe) -> None:
    order = replace(order_of(Money(45000, "INR")), provider_ref="cs_test_of_another_account")
    assert asyncio.run(stripe.look_up(order)) == Declined(NOT_STARTED)


def test_an_unreachable_provider_is_an_error(server: StripeServer) -> None:
    stripe = Stripe(settings_of("http://127.0.0.1:9"))
    with pytest.raises(ProviderError, match="communicating"):
        asyncio.run(stripe.begin(order_of(Money(45000, "INR")), {}))


def test_a_partial_refund_is_made_once_for_repeated_requests(server: StripeServer, stripe: Stripe) -> None:
    charge = pay(server, stripe, order_of(Money(45000, "INR"), Money(25000, "INR")))
    for attempts in (0, 0, 1):
        asyncio.run(stripe.refund(refund_of(charge, 25000, attempts=attempts)))
    asyncio.run(stripe.refund(refund_of(charge, 45000, number=8)))
    assert sorted(refund["amount"] for refund in server.books.refunds.values()) == [25000, 45000]


def test_a_refund_with_a_lost_response_is_made_once_even_if_idempotency_keys_expired(
    server: StripeServer, stripe: Stripe
) -> None:
    charge = pay(server, stripe, order_of(Money(45000, "INR"), Money(25000, "INR")))
    server.lose(ATTEMPTS)
    with pytest.raises(ProviderError):
        asyncio.run(stripe.refund(refund_of(charge, 25000)))
    server.books.forget_keys()
    asyncio.run(stripe.refund(refund_of(charge, 25000, attempts=1)))
    assert [refund["amount"] for refund in server.books.refunds.values()] == [25000]


def test_a_refund_made_by_hand_at_stripe_is_not_made_again(server: StripeServer, stripe: Stripe) -> None:
    charge = pay(server, stripe, order_of(Money(45000, "INR")))
    server.books.call("POST", REFUNDS, {"payment_intent": charge}, None)
    asyncio.run(stripe.refund(refund_of(charge, 45000)))
    assert len(server.books.refunds) == 1


def test_a_refund_that_the_bank_rejected_stays_due_and_is_retried(
    server: StripeServer, stripe: Stripe
) -> None:
    charge = pay(server, stripe, order_of(Money(45000, "INR")))
    server.books.refund_status = "failed"
    for attempts in (0, 1):
        with pytest.raises(ProviderError, match="failed"):
            asyncio.run(stripe.refund(refund_of(charge, 45000, attempts=attempts)))
    server.books.refund_status = "succeeded"
    asyncio.run(stripe.refund(refund_of(charge, 45000, attempts=2)))
    assert [refund["status"] for refund in server.books.refunds.values()] == ["failed", "failed", "succeeded"]


@pytest.mark.parametrize("charge, minor", [("pi_unknown", 45000), ("", 45001)])
def test_a_refund_that_stripe_refuses_is_an_error(
    server: StripeServer, stripe: Stripe, charge: str, minor: int
) -> None:
    charge = charge or pay(server, stripe, order_of(Money(45000, "INR")))
    with pytest.raises(Rejected):
        asyncio.run(stripe.refund(refund_of(charge, minor)))
    assert server.books.refunds == {}


def test_an_open_payment_page_is_closed_once(server: StripeServer, stripe: Stripe) -> None:
    order = order_of(Money(45000, "INR"))
    asyncio.run(stripe.abandon(order))
    assert server.calls == []
    waiting = asyncio.run(stripe.begin(order, {}))
    assert isinstance(waiting, Waiting)
    order = replace(order, provider_ref=waiting.provider_ref)
    for _ in range(2):
        asyncio.run(stripe.abandon(order))
    assert len(server.made("POST", f"{SESSIONS}/{waiting.provider_ref}/expire")) == 1
    server.go_down()
    with pytest.raises(ProviderError):
        asyncio.run(stripe.abandon(order))


@pytest.mark.parametrize("setting", ["stripe_secret_key", "stripe_webhook_secret"])
def test_a_missing_key_is_a_startup_error_that_names_the_setting(setting: str) -> None:
    with pytest.raises(StartupError, match=setting):
        Stripe(settings_of("http://127.0.0.1:9", **{setting: ""}))


@pytest.mark.parametrize("currency", ["UGX", "CLF", "LYD"])
def test_a_currency_with_uncertain_units_is_a_startup_error(currency: str) -> None:
    with pytest.raises(StartupError, match=currency):
        Stripe(settings_of("http://127.0.0.1:9", currency=currency))


def test_a_missing_library_is_a_startup_error_that_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(StartupError, match=r"festgate\[stripe\]"):
        Stripe(settings_of("http://127.0.0.1:9"))


def test_starting_the_portal_without_the_key_prints_one_error_message(tmp_path: Path) -> None:
    process = festgate(
        "serve", "--port", "0", data=tmp_path / "fest", extra={"FESTGATE_PAYMENT_METHODS": "stripe"}
    )
    assert process.returncode == 2
    assert "stripe_secret_key is not set" in process.stderr
    assert "Traceback" not in process.stderr


def test_the_stripe_library_is_imported_only_if_the_method_is_enabled() -> None:
    modules = "festgate.portal.checkout.stripe, festgate.portal.checkout.webhooks"
    script = f"import sys, {modules}; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

"""Payments on Stripe's own page, through Stripe's official library.

An order becomes one Checkout Session. All calls are idempotent by the order's reference or the refund's id, so a call
without a response is simply repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from festgate.kit.clock import DAY, MINUTE, SECOND, Milliseconds
from festgate.kit.errors import StartupError
from festgate.kit.translation import N_, gettext
from festgate.portal.checkout.methods import (
    NOT_STARTED,
    PAY,
    Declined,
    Outcome,
    Paid,
    ProviderError,
    TooLittleTime,
    Waiting,
)
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.stripe_values import (
    TURNED_DOWN,
    Session,
    StripeEvent,
    UnchargeableAmount,
    can_take,
    outcome_of,
    read_session,
    stripe_amount,
)
from festgate.settings import Settings

if TYPE_CHECKING:
    from stripe import StripeClient
    from stripe.params import RefundCreateParams
    from stripe.params.checkout import SessionCreateParams

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE = 4.0
"""The seconds for one attempt of a call.

The first attempt and a repetition fit into Payments.MAX_BEGIN, the time that a visitor waits. A thread whose call was
given up is free again after three attempts.
"""
RETRIES = 2
MAX_STARTS = 16
"""The number of payments that are begun at once.

They have their own threads, so a provider that hangs delays nothing else, and look-ups of other payments do not delay a
visitor at checkout.
"""
MAX_OTHER_CALLS = 8
"""The number of look-ups, refunds and closed pages at once."""
OLDEST_SIGNATURE = 300
"""The age in seconds after which the signature of a webhook is refused as a replay."""
SPARE: Milliseconds = MINUTE
"""The time by which the payment page expires before the seats, so that a late payment can still be reported."""
MAX_SESSION: Milliseconds = DAY
"""Stripe's maximum; its minimum is 30 minutes."""


EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
"""The events that the webhook endpoint must receive."""
FAILED = frozenset({"failed", "canceled"})
"""The states of a refund that has failed."""


class Rejected(ProviderError):
    """Stripe has refused the call."""

    def __init__(self, message: str, status: int | None, param: str | None) -> None:
        """Take the HTTP status, and the name of the field that Stripe complains about, if there is one."""
        super().__init__(message)
        self.status = status
        self.param = param


class NotFromStripe(ValueError):
    """The signature of a webhook is missing, wrong or too old, or its content cannot be read."""


@dataclass(frozen=True)
class Notice:
    """The content of a webhook about an order."""

    kind: str
    ref: str
    outcome: Outcome | None
    """The outcome; None if the webhook does not have what is needed to settle the order, so that it is looked up."""
    revision: int = 0
    """The revision of the order when the payment page was opened: the end of an older page ends nothing else."""


class Stripe:
    """The payment method `stripe`."""

    name = "stripe"
    label = N_("Pay online")
    button = PAY
    hint = N_("You pay on the secure page of Stripe, and come back here.")
    keeps: Milliseconds = 35 * MINUTE
    asks = True

    def __init__(self, settings: Settings) -> None:
        """Connect the library. Raises StartupError if it, a key, or a unit for the fest's currency is missing."""
        _check(settings)
        try:
            # Imported only here, because it takes a third of a second and 30 MB.
            import stripe  # noqa: PLC0415
        except ImportError:
            msg = gettext(
                "The payment method `stripe` needs its library: install `festgate[stripe]`, or take `stripe` out of "
                "payment_methods."
            )
            raise StartupError(msg) from None
        # Otherwise it writes an identifier into the home folder and sends it, and the platform, with every call.
        stripe.enable_telemetry = False
        self._library = stripe
        self._refusals = (
            stripe.InvalidRequestError,
            stripe.IdempotencyError,
            stripe.AuthenticationError,
            stripe.PermissionError,
        )
        self._client: StripeClient = stripe.StripeClient(
            settings.stripe_secret_key,
            base_addresses={"api": settings.stripe_api_base.rstrip("/")}
            if settings.stripe_api_base
            else None,
            http_client=stripe.RequestsClient(timeout=PATIENCE),
            max_network_retries=RETRIES,
        )
        self._is_test_key = settings.stripe_secret_key.partition("_")[2].startswith("test")
        self._webhook_secret = settings.stripe_webhook_secret
        self._base_url = settings.base_url
        self._fest_name = settings.fest_name
        self._starts = ThreadPoolExecutor(MAX_STARTS, thread_name_prefix="stripe-start")
        self._others = ThreadPoolExecutor(MAX_OTHER_CALLS, thread_name_prefix="stripe-other")

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Open a payment page for the order. Return Waiting with its address, or Declined if Stripe refuses."""
        del details
        return await self._begin(order, self._starts)

    async def look_up(self, order: Order) -> Outcome:
        """Return the outcome of the order's payment page."""
        ref = order.provider_ref
        if ref is None and order.state != "pending":
            return Declined(NOT_STARTED)
        if ref is None:
            # The answer to `begin` was lost. Asked again, Stripe repeats it word for word, as old as it is; and where
            # it never got the first call, the person can pay now.
            outcome = await self._begin(order, self._others)
            if not isinstance(outcome, Waiting) or outcome.provider_ref is None:
                return outcome
            ref = outcome.provider_ref
        try:
            session = await self._call(
                lambda: self._client.v1.checkout.sessions.retrieve(
                    ref, params={"expand": ["payment_intent"]}
                ).to_dict()
            )
        except Rejected as rejected:
            if rejected.status == 404:  # noqa: PLR2004
                return Declined(NOT_STARTED)
            raise
        shown = read_session(session)
        outcome = outcome_of(shown)
        if order.state == "pending" and shown.revision < order.revision and not isinstance(outcome, Paid):
            return await self._replace(order, shown, outcome)
        return outcome

    async def _replace(self, order: Order, session: Session, outcome: Outcome) -> Outcome:
        """Close the page of an amount that is not the order's any more, and open one for what is left to pay."""
        if session.status == "complete" and isinstance(outcome, Waiting):
            # The page was used, and the bank has not decided yet: a second page could charge a second time.
            return Waiting(session.id)
        if session.status == "open":
            # If it was paid a moment ago, this raises, and the next question finds the payment.
            await self._call(lambda: self._client.v1.checkout.sessions.expire(session.id))
        return await self._begin(order, self._others)

    async def refund(self, refund: Refund) -> None:
        """Refund a part or the whole of a payment."""
        await self._call(lambda: self._refund(refund))

    async def test(self) -> str:
        """Ask for a session that does not exist: the right key gets a 404. Return a remark. Raises ProviderError."""
        try:
            await self._call(
                lambda: self._client.v1.checkout.sessions.retrieve("cs_test_of_settings").to_dict()
            )
        except Rejected as rejected:
            if rejected.status != 404:  # noqa: PLR2004
                raise
        if self._is_test_key:
            return gettext("Stripe accepts the key. It is a test key: no real money moves.")
        return gettext("Stripe accepts the key.")

    async def abandon(self, order: Order) -> None:
        """Close the payment page. Without a session nobody has its address."""
        ref = order.provider_ref
        if ref is None:
            return
        try:
            await self._call(lambda: self._client.v1.checkout.sessions.expire(ref))
        except Rejected as rejected:
            # The page has expired already. If it was paid, the webhook reports it, and the money is refunded.
            log.info("a payment page could not be closed", order=order.ref, reason=str(rejected))

    def read_event(self, body: bytes, signature: str) -> Notice | None:
        """Return the content of a webhook; None if it is not about an order of a fest. Raises NotFromStripe."""
        try:
            self._library.WebhookSignature.verify_header(
                body, signature, self._webhook_secret, OLDEST_SIGNATURE
            )
            event = StripeEvent.model_validate_json(body)
        except self._library.SignatureVerificationError as error:
            raise NotFromStripe(error.user_message) from None
        except ValueError as error:  # also text that is not UTF-8
            raise NotFromStripe(str(error)) from None
        if event.type not in EVENTS:
            return None
        try:
            session = read_session(event.data.object)
        except ProviderError as error:
            # Signed by Stripe, so to refuse it would only have it sent again, for days; the ask loop settles the order.
            log.warning("a webhook cannot be read", kind=event.type, reason=str(error))
            return None
        ref = session.client_reference_id
        # Anybody can open a payment link of the same account with any client_reference_id; only we can set metadata.
        if ref is None or (session.metadata or {}).get("order") != ref:
            return None
        if event.type == "checkout.session.async_payment_failed":
            return Notice(event.type, ref, Declined(TURNED_DOWN), session.revision)
        try:
            return Notice(event.type, ref, outcome_of(session), session.revision)
        except ProviderError as error:
            log.warning("a webhook lacks what it is about", order=ref, kind=event.type, reason=str(error))
            return Notice(event.type, ref, None, session.revision)

    async def _begin(self, order: Order, threads: ThreadPoolExecutor) -> Outcome:
        try:
            params = self._session_of(order)
            session = await self._call(
                lambda: self._client.v1.checkout.sessions.create(
                    params=params, options={"idempotency_key": _call_name(order)}
                ).to_dict(),
                threads,
            )
        except (Rejected, UnchargeableAmount) as error:
            if order.revision and isinstance(error, Rejected) and error.param == "expires_at":
                return TooLittleTime()
            # No address of a session was ever shown, so the order cannot have been paid.
            log.error("Stripe does not take an order", order=order.ref, reason=str(error))  # noqa: TRY400
            return Declined(NOT_STARTED)
        return outcome_of(read_session(session))

    def _session_of(self, order: Order) -> SessionCreateParams:
        """Return the same parameters for the same order at any time, as Stripe's idempotency keys require."""
        page = f"{self._base_url}/orders/{order.ref}"
        ends_at = min(order.expires_at, order.created_at + MAX_SESSION) - SPARE
        metadata = {"order": order.ref}
        if order.revision:
            metadata["revision"] = str(order.revision)
        return {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": line.fee.currency.lower(),
                        "unit_amount": stripe_amount(line.fee),
                        "product_data": {"name": line.title},
                    },
                }
                for line in order.kept_lines
            ],
            # A total in the visitor's own currency would look like a wrong amount.
            "adaptive_pricing": {"enabled": False},
            "client_reference_id": order.ref,
            "metadata": metadata,
            "payment_intent_data": {
                "description": f"{self._fest_name}: order {order.ref}",
                "metadata": metadata,
            },
            "success_url": f"{page}?returned",
            "cancel_url": page,
            "expires_at": ends_at // SECOND,
        }

    def _refund(self, refund: Refund) -> None:
        name = str(refund.id)
        failures = 0
        if refund.attempts > 0:
            # An earlier attempt may have succeeded without a response; Stripe keeps idempotency keys for a day only.
            known = self._client.v1.refunds.list(
                params={"payment_intent": refund.provider_ref, "limit": 100}
            ).data
            ours = [
                made
                for made in known
                if (made.metadata.to_dict() if made.metadata else {}).get("refund") == name
            ]
            if any(earlier.status not in FAILED for earlier in ours):
                return
            failures = len(ours)
        try:
            made = self._client.v1.refunds.create(
                params=_refund_params(refund),
                options={"idempotency_key": f"refund-{refund.id}-{refund.provider_ref}-{failures}"},
            )
        except self._library.InvalidRequestError as error:
            if error.code == "charge_already_refunded":
                return
            raise
        if made.status in FAILED:
            msg = f"Stripe's refund {made.id} has failed"
            raise ProviderError(msg)

    async def _call(self, call: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        """Run a blocking call of the library on a thread. Raises ProviderError or Rejected."""
        return await asyncio.get_running_loop().run_in_executor(threads or self._others, self._try, call)

    def _try(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._refusals as error:
            raise Rejected(_plain(error), error.http_status, getattr(error, "param", None)) from error
        except (self._library.StripeError, UnchargeableAmount) as error:
            raise ProviderError(_plain(error)) from error


def _refund_params(refund: Refund) -> RefundCreateParams:
    """Return the parameters of the refund. Without an amount Stripe refunds the rest of the payment."""
    params: RefundCreateParams = {
        "payment_intent": refund.provider_ref,
        "metadata": {"refund": str(refund.id)},
    }
    # A charge that should never have been made goes back whole. Its amount may not be a whole number of our units:
    # RSD 123.45 has decimals at Stripe, and none here.
    if not refund.foreign:
        params["amount"] = stripe_amount(refund.amount)
    return params


def _call_name(order: Order) -> str:
    """Return the idempotency key of the order's payment page. A changed amount gets a new page."""
    return f"order-{order.ref}-{order.revision}" if order.revision else f"order-{order.ref}"


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())


def _check(settings: Settings) -> None:
    for name in ("stripe_secret_key", "stripe_webhook_secret"):
        if not getattr(settings, name):
            msg = gettext("The payment method `stripe` is switched on, and {name} is not set.")
            raise StartupError(msg.format(name=name))
    if not can_take(settings.currency):
        msg = gettext(
            "The payment method `stripe` cannot take {currency}: choose another currency or method."
        )
        raise StartupError(msg.format(currency=settings.currency))

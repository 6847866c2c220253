"""The address to which Stripe sends its webhooks."""

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from festgate.kit.errors import Malformed, NotFound
from festgate.kit.translation import N_
from festgate.kit.web.parameters import read_header
from festgate.kit.web.portal import Portal
from festgate.portal.checkout import orders, queries
from festgate.portal.checkout.payments import Payments
from festgate.portal.checkout.sandbox import Sandbox
from festgate.portal.checkout.stripe import NotFromStripe, Stripe

log = structlog.get_logger()

MAX_SIGNATURE = 2000
"""Characters of the header that signs a call: a time and, while the secret is changed, a few signatures of 64."""


class BadSignature(Malformed):
    """The signature is not Stripe's, not for this fest, or too old."""

    code = "bad-signature"
    title = N_("The signature is not valid")
    message = N_("The signature is missing, wrong or too old.")


class StripeWebhook:
    """The route for Stripe's webhooks. Stripe repeats any call without status 200, for days."""

    def __init__(self, portal: Portal, payments: Payments, stripe: Stripe) -> None:
        """Take the payment method, which has the secret for signatures."""
        self._portal = portal
        self._payments = payments
        self._stripe = stripe

    def routes(self) -> list[Route]:
        """Return the routes for app.py."""
        return [Route("/webhooks/stripe", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Settle the order that the event is about. The same event a second time changes nothing."""
        body = await request.body()
        try:
            notice = self._stripe.read_event(body, read_header(request, "stripe-signature", MAX_SIGNATURE))
        except NotFromStripe as error:
            log.warning("a webhook was turned away", reason=str(error))
            raise BadSignature from None
        if notice is None:
            log.info("a webhook was left aside: it is not about an order")
            return _taken()
        try:
            order = await self._portal.database.read(queries.order_by_ref, notice.ref)
        except NotFound:
            log.warning("a webhook was left aside: no such order here", order=notice.ref, kind=notice.kind)
            return _taken()
        if order.method != self._stripe.name:
            log.warning(
                "a webhook was left aside: the order is paid otherwise", order=order.ref, kind=notice.kind
            )
            return _taken()
        if notice.outcome is None:
            await self._portal.database.write(orders.try_now, order.ref)
        else:
            await self._payments.settle(order.id, notice.outcome, notice.revision)
        log.info("a webhook was taken", order=order.ref, kind=notice.kind)
        return _taken()


def _taken() -> Response:
    return JSONResponse({"received": True})


def webhook_routes(portal: Portal, payments: Payments) -> list[Route]:
    """Return the routes for webhooks, and connect the sandbox, which calls back within the process."""
    routes: list[Route] = []
    for method in payments.methods.values():
        if isinstance(method, Sandbox):
            method.notify(payments.settle)
        elif isinstance(method, Stripe):
            routes += StripeWebhook(portal, payments, method).routes()
    return routes

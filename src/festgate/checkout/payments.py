"""The way of a payment: place the order, COMMIT, call the provider, COMMIT what it said; ask again where it did not."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from festgate.checkout import orders, queries, refunds
from festgate.checkout.errors import UnknownMethod
from festgate.checkout.methods import Declined, Outcome, Paid, PaymentMethod, ProviderError, Waiting
from festgate.checkout.queries import Order, Refund
from festgate.kit import faults
from festgate.kit.database import Database

log = structlog.get_logger()

LONGEST_BEGIN = 10.0
"""Seconds that the person waits for the provider; after that the order's page says that we are asking."""
LONGEST_CALL = 30.0
"""Seconds for a call that nobody waits for."""


class Payments:
    """The payment methods of this fest, and the work that goes on behind the pages."""

    def __init__(self, database: Database, methods: Sequence[PaymentMethod]) -> None:
        """`methods` in the order in which they are offered."""
        self._database = database
        self.methods: Mapping[str, PaymentMethod] = {method.name: method for method in methods}
        self._wake = asyncio.Event()
        database.on_commit("refunds", self._wake.set)

    def method(self, name: str) -> PaymentMethod:
        """The method of that name; UnknownMethod when this fest does not take it."""
        found = self.methods.get(name)
        if found is None:
            raise UnknownMethod(list(self.methods))
        return found

    async def check_out(
        self, person_id: int, method_name: str, idempotency_key: str, details: Mapping[str, str]
    ) -> Order:
        """One order for all held seats, and its payment begun. The same key gives the same order, charged once."""
        method = self.method(method_name)
        order, new = await self._database.write(
            orders.place_order, person_id, method.name, method.keeps, idempotency_key, asks=method.asks
        )
        if not new:
            return order
        try:
            async with asyncio.timeout(LONGEST_BEGIN):
                if faults.armed:
                    await faults.linger("payments.begin")
                outcome = await method.begin(order, details)
        except Exception as error:  # noqa: BLE001  (a bug is written out in the log)
            # Whatever went wrong, the provider may have the money: the order waits, and is asked about.
            _warn("a payment was not answered", error, order=order.ref, method=method.name)
            await self._database.write(
                orders.note_unanswered, order.id, _why(error, f"no answer within {LONGEST_BEGIN:g} seconds")
            )
            return order
        return await self.settle(order.id, outcome, order.revision)

    async def settle(self, order_id: int, outcome: Outcome, revision: int | None = None) -> Order:
        """Keep what the provider said. Every way it can say it (answer, webhook, look-up) comes through here.

        `revision` is the order's when it was asked: that its page of an earlier amount has ended means nothing.
        """
        if isinstance(outcome, Paid):
            return await self._database.write(orders.mark_paid, order_id, outcome.charge, outcome.amount)
        if isinstance(outcome, Declined):
            return await self._database.write(orders.mark_declined, order_id, outcome.reason, revision)
        return await self._database.write(
            orders.mark_waiting, order_id, outcome.provider_ref, outcome.pay_url, revision
        )

    async def cancel(self, person_id: int, ref: str) -> Order:
        """Give the order up; then tell the provider, so that it cannot be paid any more."""
        order = await self._database.write(orders.cancel_order, person_id, ref)
        method = self.methods.get(order.method)
        if method is not None:
            with suppress(
                ProviderError, TimeoutError, OSError
            ):  # a payment that comes all the same is refunded
                async with asyncio.timeout(LONGEST_BEGIN):
                    await method.abandon(order)
        return order

    async def run(self) -> None:
        """Ask, expire and refund until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=1)
            self._wake.clear()
            try:
                # Side by side: a provider that hangs holds up nobody else's money.
                await asyncio.gather(self.ask_again(), self.send_refunds(), self.expire())
            except Exception:
                log.exception("payments could not be looked after; trying again")
                await asyncio.sleep(1)

    async def ask_again(self) -> None:
        """Ask each provider what has become of the payments that it has not answered."""
        due = await self._database.read(queries.orders_to_ask)
        await asyncio.gather(*(self.ask(order) for order in due))

    async def expire(self) -> None:
        """Close the orders whose time is over."""
        for order in await self._database.read(queries.ended_orders):
            await self._database.write(orders.expire_order, order.id)

    async def send_refunds(self) -> None:
        """Give back what is due."""
        due = await self._database.read(queries.refunds_due)
        # Side by side, as asking is: fifty that each wait for a provider that hangs would take half an hour.
        await asyncio.gather(*(self._send(refund) for refund in due))

    async def ask(self, order: Order) -> None:
        """Ask the provider what has become of one payment, and keep what it says."""
        if order.state != "pending":
            await self._close(order)
            return
        method = self.methods.get(order.method)
        outcome: Outcome = Waiting(order.provider_ref, order.pay_url)
        problem = None if method else f"the payment method {order.method} is not switched on"
        if method is not None:
            try:
                async with asyncio.timeout(LONGEST_CALL):
                    if faults.armed:
                        await faults.linger("payments.look_up")
                    outcome = await method.look_up(order)
            except Exception as error:  # noqa: BLE001
                # Also a bug: it holds up this order only, which stands on the organisers' list with its reason.
                _warn("a provider could not be asked", error, order=order.ref, method=order.method)
                problem = _why(error, f"no answer within {LONGEST_CALL:g} seconds")
        if isinstance(outcome, Waiting):
            if (outcome.provider_ref, outcome.pay_url) != (order.provider_ref, order.pay_url):
                await self.settle(order.id, outcome, order.revision)
            await self._database.write(orders.ask_later, order.id, order.asked, problem)
        else:
            await self.settle(order.id, outcome, order.revision)

    async def _close(self, order: Order) -> None:
        """Have the provider close what a cancelled order left open; what was paid there all the same is settled."""
        method = self.methods.get(order.method)
        outcome: Outcome = Waiting(order.provider_ref)
        if method is not None:
            try:
                async with asyncio.timeout(LONGEST_CALL):
                    await method.abandon(order)
                    outcome = await method.look_up(order)
            except Exception as error:  # noqa: BLE001  (it holds up this order only)
                _warn("a payment page could not be closed", error, order=order.ref, method=order.method)
        if isinstance(outcome, Paid):
            await self.settle(order.id, outcome)
        elif isinstance(outcome, Declined):
            await self._database.write(orders.stop_asking, order.id)
        else:
            await self._database.write(orders.close_later, order.id, order.asked)

    async def _send(self, refund: Refund) -> None:
        if not await self._database.write(refunds.claim_refund, refund.id):
            return
        order = await self._database.read(queries.order_by_id, refund.order_id)
        method = self.methods.get(order.method)
        try:
            if method is None:
                msg = f"the payment method {order.method} is not switched on"
                raise ProviderError(msg)  # noqa: TRY301
            async with asyncio.timeout(LONGEST_CALL):
                await method.refund(refund)
        except Exception as error:  # noqa: BLE001
            _warn("a refund could not be sent", error, order=order.ref, refund=refund.id)
            why = _why(error, f"no answer within {LONGEST_CALL:g} seconds")
            await self._database.write(refunds.postpone_refund, refund.id, refund.attempts + 1, why)
        else:
            await self._database.write(refunds.note_refunded, refund.id, order.id, refund.seat_id)


def _warn(event: str, error: Exception, **about: object) -> None:
    """A line for what providers do; with its whole story for what they do not, which is a bug of ours."""
    log.warning(
        event,
        reason=repr(error),
        exc_info=not isinstance(error, ProviderError | TimeoutError | OSError),
        **about,
    )


def _why(error: Exception, silent: str) -> str:
    """For the organisers: what the provider said, or that it said nothing."""
    return silent if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"

"""Payments: place the order, COMMIT, call the provider, COMMIT the outcome; without a response, look it up later."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import MappingProxyType

import structlog

from festgate.kit.db.database import Database
from festgate.kit.errors import TooMany
from festgate.kit.resilience import faults
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.checkout import orders, placements, queries, refunds
from festgate.portal.checkout.carts import Cart
from festgate.portal.checkout.desk import Desk
from festgate.portal.checkout.errors import UnknownMethod
from festgate.portal.checkout.methods import (
    NOT_STARTED,
    TRANSFER,
    Declined,
    Outcome,
    Paid,
    PaymentMethod,
    ProviderError,
    TooLittleTime,
    Waiting,
)
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.sandbox import Sandbox
from festgate.portal.checkout.stripe import Stripe
from festgate.portal.checkout.transfer_account import transfer_account
from festgate.portal.checkout.transfers import Transfer
from festgate.portal.registrations import facade as registrations
from festgate.settings import Settings

log = structlog.get_logger()

MAX_BEGIN = 10.0
"""The seconds for which a visitor waits for the provider. After that the order's page shows the look-up."""
MAX_CALL = 30.0
"""The seconds for a call that no visitor waits for."""
MAX_CALLS_OF_PERSON = 2
"""The number of calls to providers for which one person waits at once, in one process: enough for a few tabs."""


class Payments:
    """The payment methods of a fest, and the periodic work on payments."""

    def __init__(
        self, database: Database, methods: Sequence[PaymentMethod], confirmed_only: Collection[str] = ()
    ) -> None:
        """`methods` are offered in their order; those in `confirmed_only` need a confirmed email address."""
        self._database = database
        self.confirmed_only = frozenset(confirmed_only)
        self.methods: Mapping[str, PaymentMethod] = {method.name: method for method in methods}
        self._wake = asyncio.Event()
        self._calls: Counter[int] = Counter()
        """The calls in progress for which a person waits, by person id."""
        database.on_commit("refunds", self._wake.set)

    def method(self, name: str) -> PaymentMethod:
        """Return the method of that name. Raises UnknownMethod."""
        method = self.methods.get(name)
        if method is None:
            raise UnknownMethod(list(self.methods))
        return method

    async def check_out(
        self,
        person_id: int,
        method_name: str,
        idempotency_key: str,
        details: Mapping[str, str],
        *,
        cart: Cart,
        request_hash: str | None = None,
        holders: Mapping[int, registrations.Holder] = MappingProxyType({}),
    ) -> Order:
        """Place one order for the seats of the cart, and begin its payment.

        The same key gives the same order, which is charged once; `request_hash` and `holders` are those of
        `place_order`. Raises TooMany if the person waits for MAX_CALLS_OF_PERSON other calls.
        """
        method = self.method(method_name)
        if method.asks:
            self._refuse_more_calls(person_id)
        if method.name in self.confirmed_only:
            await self._database.read(
                accounts.require_confirmed,
                person_id,
                gettext("Then come back, or choose another way to pay."),
            )
        order, new = await self._database.write(
            placements.place_order,
            person_id,
            method.name,
            method.keeps,
            idempotency_key,
            asks=method.asks,
            cart=cart,
            request_hash=request_hash,
            holders=holders,
        )
        if not new:
            return order
        try:
            # Counted again, since the person may have placed another order meanwhile. This one is looked up later.
            with self._call_of(person_id) if method.asks else nullcontext():
                async with asyncio.timeout(MAX_BEGIN):
                    if faults.armed:
                        await faults.inject_async("payments.begin")
                    outcome = await method.begin(order, details)
        except Exception as error:  # noqa: BLE001  (a bug is written out in the log)
            # The provider may have the money after any error, so the order stays pending, and its payment is looked up.
            _warn("a payment was not answered", error, order=order.ref, method=method.name)
            await self._database.write(
                orders.note_unanswered, order.id, _why(error, f"no answer within {MAX_BEGIN:g} seconds")
            )
            return order
        return await self.settle(order.id, outcome, order.revision)

    async def settle(self, order_id: int, outcome: Outcome, revision: int | None = None) -> Order:
        """Store an outcome from the provider: a response, a webhook or a look-up.

        `revision` is the order's revision at the time of the call: the end of an earlier amount's page changes nothing.
        """
        if isinstance(outcome, Paid):
            return await self._database.write(orders.mark_paid, order_id, outcome.charge, outcome.amount)
        if isinstance(outcome, Declined):
            return await self._database.write(orders.mark_declined, order_id, outcome.reason, revision)
        if isinstance(outcome, TooLittleTime):
            return await self._database.write(orders.renew_order, order_id, revision or 0, NOT_STARTED)
        return await self._database.write(
            orders.mark_waiting, order_id, outcome.provider_ref, outcome.pay_url, revision
        )

    async def cancel(self, person_id: int, ref: str) -> Order:
        """Cancel the order, then close its payment page at the provider. Raises TooMany as `check_out` does."""
        with self._call_of(person_id):
            order = await self._database.write(orders.cancel_order, person_id, ref)
            method = self.methods.get(order.method)
            if method is not None:
                with suppress(
                    ProviderError, TimeoutError, OSError
                ):  # a payment that arrives later is refunded
                    async with asyncio.timeout(MAX_BEGIN):
                        await method.abandon(order)
            return order

    async def ask_for(self, order: Order) -> None:
        """Look up the order's payment because its page was requested: at most once in ASK_PAUSE, over all visitors.

        Nothing happens if it was looked up a moment ago, or while the person waits for other calls: the periodic task
        looks it up as well.
        """
        method = self.methods.get(order.method)
        if method is None or not method.asks or self._calls[order.person_id] >= MAX_CALLS_OF_PERSON:
            return
        if self._database.clock() < order.asked_at + orders.ASK_PAUSE:
            return  # decided by a read, so that reloading the page costs no write
        with self._call_of(order.person_id):
            if await self._database.write(orders.claim_question, order.id):
                await self.ask(order, MAX_BEGIN)

    @contextmanager
    def _call_of(self, person_id: int) -> Iterator[None]:
        """Count a call for which this person waits. Raises TooMany if the person waits for too many already."""
        self._refuse_more_calls(person_id)
        self._calls[person_id] += 1
        try:
            yield
        finally:
            self._calls[person_id] -= 1
            if not self._calls[person_id]:
                del self._calls[person_id]

    def _refuse_more_calls(self, person_id: int) -> None:
        if self._calls[person_id] >= MAX_CALLS_OF_PERSON:
            sentence = gettext(
                "One of your payments is still in progress. Check My events in a moment, then try again."
            )
            raise TooMany(sentence, 5)

    async def run(self) -> None:
        """Look up payments, expire orders and send refunds until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=1)
            self._wake.clear()
            try:
                # Concurrently, so that a provider that hangs does not delay the payments of others.
                await asyncio.gather(self.ask_again(), self.send_refunds(), self.expire())
            except Exception:
                log.exception("payments could not be looked after; trying again")
                await asyncio.sleep(1)

    async def ask_again(self) -> None:
        """Look up the payments that have no outcome yet."""
        due = await self._database.read(queries.orders_to_ask)
        await asyncio.gather(*(self.ask(order) for order in due))

    async def expire(self) -> None:
        """Expire the orders whose time has ended."""
        for order in await self._database.read(queries.ended_orders):
            await self._database.write(orders.expire_order, order.id)

    async def send_refunds(self) -> None:
        """Send the refunds that are due."""
        due = await self._database.read(queries.refunds_due)
        # Concurrently, as look-ups are: fifty refunds, one after the other, at a provider that hangs take half an hour.
        await asyncio.gather(*(self._send(refund) for refund in due))

    async def ask(self, order: Order, seconds: float = MAX_CALL) -> None:
        """Look up one payment, for at most that many seconds, and store the outcome."""
        if order.state != "pending":
            await self._close(order)
            return
        method = self.methods.get(order.method)
        outcome: Outcome = Waiting(order.provider_ref, order.pay_url)
        problem = None if method else f"the payment method {order.method} is not switched on"
        if method is not None:
            try:
                async with asyncio.timeout(seconds):
                    if faults.armed:
                        await faults.inject_async("payments.look_up")
                    outcome = await method.look_up(order)
            except Exception as error:  # noqa: BLE001
                # Any exception: only this order is affected, and the organisers' list shows its reason.
                _warn("a provider could not be asked", error, order=order.ref, method=order.method)
                problem = _why(error, f"no answer within {seconds:g} seconds")
        if isinstance(outcome, Waiting):
            if (outcome.provider_ref, outcome.pay_url) != (order.provider_ref, order.pay_url):
                await self.settle(order.id, outcome, order.revision)
            await self._database.write(orders.ask_later, order.id, order.asked, problem)
        else:
            await self.settle(order.id, outcome, order.revision)

    async def _close(self, order: Order) -> None:
        """Close the payment page of a cancelled order at its provider. A payment that was made is settled."""
        method = self.methods.get(order.method)
        outcome: Outcome = Waiting(order.provider_ref)
        if method is not None:
            try:
                async with asyncio.timeout(MAX_CALL):
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
            async with asyncio.timeout(MAX_CALL):
                await method.refund(refund)
        except Exception as error:  # noqa: BLE001
            _warn("a refund could not be sent", error, order=order.ref, refund=refund.id)
            why = _why(error, f"no answer within {MAX_CALL:g} seconds")
            await self._database.write(refunds.postpone_refund, refund.id, refund.attempts + 1, why)
        else:
            await self._database.write(refunds.note_refunded, refund.id, order.id, refund.seat_id)


def _warn(event: str, error: Exception, **about: object) -> None:
    """Log a provider's error in one line, and any other exception with its traceback."""
    log.warning(
        event,
        reason=repr(error),
        exc_info=not isinstance(error, ProviderError | TimeoutError | OSError),
        **about,
    )


def _why(error: Exception, silent: str) -> str:
    """Return the reason for organisers: the provider's error, or that it did not respond."""
    return silent if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"


def payment_methods(settings: Settings, database: Database) -> list[PaymentMethod]:
    """Return the methods in the order of the setting. Raises StartupError if a method lacks a setting or a library."""
    return [_method(name, settings, database) for name in dict.fromkeys(settings.payment_methods)]


def _method(name: str, settings: Settings, database: Database) -> PaymentMethod:
    if name == "sandbox":
        return Sandbox(database)
    if name == "desk":
        return Desk(settings.desk_hours)
    if name == TRANSFER:
        return Transfer(transfer_account(settings), settings.transfer_hours, settings.currency)
    return Stripe(settings)

"""Play money: a payment provider for demos, rehearsals and tests, with its own books like a real one.

The card number decides the outcome, so that every outcome can be tried.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.ids import new_code
from festgate.kit.money import Money
from festgate.kit.resilience import faults
from festgate.kit.translation import N_
from festgate.portal.checkout.methods import PAY, Declined, Outcome, Paid, ProviderError
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.tables import sandbox_charges, sandbox_refunds

APPROVES = "4242424242424242"
DECLINES = "4000000000000002"
TIMES_OUT = "4000000000000119"
"""A card that is charged without a response: the order is settled by a later look-up."""
ANSWERS_TWICE = "4000000000000259"
LOSES = "4000000000000341"
"""A card that is neither charged nor gets a response."""

CARDS: Mapping[str, str] = {
    APPROVES: N_("approves"),
    DECLINES: N_("declines"),
    TIMES_OUT: N_("charges, but does not answer; the charge is found later"),
    LOSES: N_("does not answer, and does not charge"),
    ANSWERS_TWICE: N_("approves, and answers twice"),
}
SILENCE = 3600.0
"""The seconds for which a call hangs; every caller gives up long before."""

_insert = inserting(sandbox_charges)
_find = Statement(
    select(*sandbox_charges.c["charge", "approved", "amount_minor", "currency"]).where(
        sandbox_charges.c.order_ref == bindparam("ref")
    )
)
_insert_refund = inserting(sandbox_refunds)
_find_refund = Statement(
    select(sandbox_refunds.c.refund).where(sandbox_refunds.c.refund == bindparam("of_refund"))
)
_left = Statement(
    select(
        sandbox_charges.c.amount_minor
        - select(func.coalesce(func.sum(sandbox_refunds.c.amount_minor), 0))
        .where(sandbox_refunds.c.charge == sandbox_charges.c.charge)
        .correlate(sandbox_charges)
        .scalar_subquery()
    )
    .where(sandbox_charges.c.charge == bindparam("of_charge"))
    .with_for_update()
)


class Sandbox:
    """The payment method `sandbox`."""

    name = "sandbox"
    label = N_("Play money")
    button = PAY
    hint = N_("No real card is charged. The number you enter decides the outcome.")
    keeps: Milliseconds = 2 * MINUTE
    asks = True

    def __init__(self, database: Database) -> None:
        """Keep the books in the fest's database, so that they survive a crash as a real provider's do."""
        self._database = database
        self._notify: Callable[[int, Outcome], Awaitable[object]] | None = None
        self._echoes: set[asyncio.Task[object]] = set()

    def notify(self, settle: Callable[[int, Outcome], Awaitable[object]]) -> None:
        """Send later outcomes to that function, as a provider's webhook would."""
        self._notify = settle

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Charge, decline or hang, as the card number decides; approve without one."""
        card = "".join(sign for sign in details.get("card_number", "") if sign.isdigit()) or APPROVES
        if card not in CARDS:
            return Declined(N_("This is not a test card number. Use one of those listed."))
        # A drill can make all cards behave like one of the special numbers.
        fault = faults.due("payments.begin", "double", "lie", "lose") if faults.armed else None
        effect = None if fault is None else fault.effect
        if card == LOSES or effect == "lose":
            await asyncio.sleep(SILENCE)
        amount = Money(order.total.minor + 1, order.total.currency) if effect == "lie" else order.total
        outcome = await self._database.write(charge, order, amount, card != DECLINES)
        if card == TIMES_OUT:
            await asyncio.sleep(SILENCE)
        if (card == ANSWERS_TWICE or effect == "double") and self._notify is not None:
            echo = asyncio.ensure_future(self._notify(order.id, outcome))
            self._echoes.add(echo)
            echo.add_done_callback(self._echoes.discard)
        return outcome

    async def look_up(self, order: Order) -> Outcome:
        """Return the outcome in the books."""
        return await self._database.read(look_up, order.ref)

    async def refund(self, refund: Refund) -> None:
        """Record the refund in the books."""
        await self._database.write(give_back, refund)

    async def abandon(self, order: Order) -> None:
        """Do nothing: the sandbox has no payment pages."""


def charge(connection: Connection, order: Order, amount: Money, approved: bool) -> Outcome:  # noqa: FBT001
    """Charge the card once for the order, however many calls there are."""
    existing = connection.first(_find, ref=order.ref)
    if existing is None:
        try:
            connection.run(
                _insert,
                order_ref=order.ref,
                charge=f"play-{new_code(16)}",
                approved=int(approved),
                amount_minor=amount.minor,
                currency=amount.currency,
                made_at=connection.now,
            )
        except UniqueViolation:
            raise TryAgain from None
    return look_up(connection, order.ref)


def look_up(connection: Connection, ref: str) -> Outcome:
    """Return Paid or Declined. Without a charge it is Declined, because the caller does not wait for one any more."""
    row = connection.first(_find, ref=ref)
    if row is None:
        return Declined(N_("The payment did not go through. Nothing was charged."))
    name, approved, amount, currency = row
    return Paid(name, Money(amount, currency)) if approved else Declined(N_("The card was declined."))


def give_back(connection: Connection, refund: Refund) -> None:
    """Refund once, however many calls there are, and never more than was charged."""
    name = f"refund-{refund.id}"
    if connection.first(_find_refund, of_refund=name) is not None:
        return
    left = connection.value(_left, of_charge=refund.provider_ref)
    if left is None or left < refund.amount.minor:
        msg = f"no charge {refund.provider_ref} with {refund.amount.plain()} left to give back"
        raise ProviderError(msg)
    connection.run(_insert_refund, refund=name, charge=refund.provider_ref, amount_minor=refund.amount.minor)

"""The values of Stripe's API: amounts in its units, Checkout Sessions and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ValidationError

from festgate.kit.money import Money, digits_of
from festgate.kit.translation import N_
from festgate.portal.checkout.methods import Declined, Outcome, Paid, ProviderError, Waiting

NOT_IN_TIME = N_("You did not pay in time. Nothing was charged.")
TURNED_DOWN = N_("The payment was turned down by your bank or card. Nothing was charged.")

# The decimals of amounts in Stripe's API, as its page on currencies has them; any other currency has 2. They are not
# always those in which we count: an ISK or RSD has none here, and two there.
DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
UNCLEAR = frozenset({"UGX"})
"""Currencies that Stripe's page lists both without decimals and with two: a fee could be charged a hundredfold."""
STEP = 10
"""The smallest step of amounts in currencies with three decimals: Stripe requires a zero as the last digit."""


class UnchargeableAmount(ValueError):
    """Stripe's API cannot express this amount."""


def stripe_amount(amount: Money) -> int:
    """Return the amount in the minor units of Stripe's API. Raises UnchargeableAmount."""
    units = int(amount.minor * _stripe_units(amount.currency))
    if decimals(amount.currency) == 3 and units % STEP:  # noqa: PLR2004
        msg = f"Stripe takes {amount.currency} in steps of 0.010, and this is {amount.plain()}"
        raise UnchargeableAmount(msg)
    return units


def own_amount(units: int, currency: str) -> Money:
    """Return the Money of that many minor units of Stripe's API, rounded down. `currency` is in lower case."""
    code = currency.upper()
    return Money(int(units / _stripe_units(code)), code)


def decimals(currency: str) -> int:
    """Return the number of decimals that Stripe's amounts in a currency have."""
    return DECIMALS.get(currency, 2)


def can_take(currency: str) -> bool:
    """Return whether every amount of the currency can be expressed at Stripe."""
    return currency not in UNCLEAR and decimals(currency) >= digits_of(currency)


def _stripe_units(currency: str) -> Fraction:
    """Return the number of Stripe's minor units in one of ours; below 1 if Stripe has fewer decimals."""
    return Fraction(10) ** (decimals(currency) - digits_of(currency))


class Intent(BaseModel):
    """The used fields of a PaymentIntent."""

    id: str
    status: str


class Session(BaseModel):
    """The used fields of a Checkout Session."""

    id: str
    payment_status: str
    status: str | None = None
    url: str | None = None
    payment_intent: Intent | str | None = None
    amount_total: int | None = None
    currency: str | None = None
    client_reference_id: str | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def revision(self) -> int:
        """The order's revision when the page was opened."""
        given = (self.metadata or {}).get("revision", "0")
        return int(given) if given.isdecimal() else 0


class _Data(BaseModel):
    object: Mapping[str, Any]


class StripeEvent(BaseModel):
    """The event of a webhook."""

    id: str
    type: str
    data: _Data


def outcome_of(session: Session) -> Outcome:
    """Return the outcome of a session's payment."""
    if session.payment_status == "paid":
        intent = session.payment_intent
        if intent is None or session.amount_total is None or session.currency is None:
            msg = f"Stripe's session {session.id} is paid, and names no payment"
            raise ProviderError(msg)
        charge = intent if isinstance(intent, str) else intent.id
        return Paid(charge, own_amount(session.amount_total, session.currency))
    if session.status == "expired":
        return Declined(NOT_IN_TIME)
    if (
        session.status == "complete"
        and isinstance(session.payment_intent, Intent)
        and session.payment_intent.status in ("requires_payment_method", "canceled")
    ):
        return Declined(TURNED_DOWN)
    return Waiting(session.id, session.url)


def read_session(values: Mapping[str, Any]) -> Session:
    """Return the session. Raises ProviderError where it cannot be read."""
    try:
        return Session.model_validate(values)
    except ValidationError as error:
        msg = f"Stripe's session cannot be read: {error}"
        raise ProviderError(msg) from None

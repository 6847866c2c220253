"""Amounts in the units of Stripe's API."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from festgate.kit.money import Money, digits_of

# The decimals of amounts in Stripe's API, as its page on currencies has them; any other currency has 2. They are not
# always those in which we count: an ISK or RSD has none here, and two there.
DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}


UNCLEAR = frozenset({"UGX"})
"""On Stripe's page both without decimals and with two: a fee could be charged a hundredfold."""


STEP = 10
"""In a currency with three decimals Stripe takes only amounts whose last digit is zero."""


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
    """Return the Money of so many minor units of Stripe's API, rounded down; `currency` in its lower case."""
    code = currency.upper()
    return Money(int(units / _stripe_units(code)), code)


def decimals(currency: str) -> int:
    """Return how many decimals Stripe's amounts in a currency have."""
    return DECIMALS.get(currency, 2)


def can_take(currency: str) -> bool:
    """Return whether every amount of the currency has exactly one amount at Stripe."""
    return currency not in UNCLEAR and decimals(currency) >= digits_of(currency)


def _stripe_units(currency: str) -> Fraction:
    """Return how many minor units of Stripe's are one of ours; below 1 where Stripe has fewer decimals."""
    return Fraction(10) ** (decimals(currency) - digits_of(currency))

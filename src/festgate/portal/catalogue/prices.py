"""Prices: the tax within a price, the price with tax on top, and the price after a promo code.

A stored price is what the buyer pays, tax included, in whole minor units. Each share of a price is rounded for each
ticket, half up, so that the sum of an order is the sum of its tickets. Everything that shows or charges a price uses
these functions.
"""

from collections.abc import Iterable
from typing import Literal

from festgate.kit.money import Money

PERCENT = 100
"""A percent, in the unit of rates: hundredths of a percent."""
WHOLE = 100 * PERCENT
MAX_RATE = WHOLE
"""The highest tax rate: 100 %."""
CodeKind = Literal["percentage", "amount", "free", "unlock"]


def tax_within(price: Money, rate: int) -> Money:
    """Return the tax that a price contains."""
    return Money(_half_up(price.minor * rate, WHOLE + rate), price.currency)


def with_tax(net: Money, rate: int) -> Money:
    """Return the price of an amount to which the tax is added."""
    return Money(net.minor + _half_up(net.minor * rate, WHOLE), net.currency)


def without_tax(price: Money, rate: int) -> Money:
    """Return a price without its tax. It undoes `with_tax` exactly, for every amount and rate."""
    return Money(price.minor - tax_within(price, rate).minor, price.currency)


def discounted(price: Money, kind: CodeKind, value: int, currency: str) -> Money:
    """Return the price after a promo code: `value` in hundredths of a percent, or in minor units of `currency`."""
    if kind == "free":
        return Money(0, price.currency)
    if kind == "percentage":
        return Money(price.minor - _half_up(price.minor * min(value, WHOLE), WHOLE), price.currency)
    if kind == "amount" and currency == price.currency:
        return Money(max(0, price.minor - value), price.currency)
    return price


def taxes_by_rate(taxes: Iterable[tuple[int, Money]]) -> tuple[tuple[str, Money], ...]:
    """Return each rate as a percentage with the sum of its taxes, in ascending order; rates of 0 are left out."""
    sums: dict[int, Money] = {}
    for rate, tax in taxes:
        if rate:
            sums[rate] = sums.get(rate, Money(0, tax.currency)) + tax
    return tuple((written_rate(rate), sums[rate]) for rate in sorted(sums))


def written_rate(rate: int) -> str:
    """Return a rate as a percentage without needless decimals: `18`, `5.5`."""
    whole, hundredths = divmod(rate, PERCENT)
    return f"{whole}.{hundredths:02}".rstrip("0").rstrip(".")


def _half_up(numerator: int, denominator: int) -> int:
    """Return the quotient of two numbers that are not negative, rounded to the nearest whole number, half up."""
    return (2 * numerator + denominator) // (2 * denominator)

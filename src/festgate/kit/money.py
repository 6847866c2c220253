"""Money: whole minor units and an ISO 4217 code, shown as the reader's language writes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision, list_currencies

MAX_MINOR = 10**12
"""Minor units that one amount may hold: far above any fee, far below what a 64-bit sum could overflow."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (paise, cents; yen have none) of one currency."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """The sum; `ValueError` when the currencies differ."""
        if other.currency != self.currency:
            msg = f"cannot add {other.currency} to {self.currency}"
            raise ValueError(msg)
        return Money(self.minor + other.minor, self.currency)

    def shown(self, locale: str) -> str:
        """As `locale` writes it: `₹500.00`. Whole amounts keep their decimals, as on a receipt."""
        return _shown(self.minor, self.currency, locale)

    def plain(self) -> str:
        """Digits and a point in major units, for files and machines: `500.00`."""
        digits = digits_of(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"


def total(amounts: list[Money], currency: str) -> Money:
    """The sum of `amounts`, nothing of `currency` when there are none."""
    return sum(amounts, start=Money(0, currency))


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return the sum of each currency that there is among the amounts, by its code."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money(0, amount.currency)) + amount
    return tuple(sums[currency] for currency in sorted(sums))


def parse_amount(text: str, currency: str) -> Money:
    """`500`, `500.5` or `500.50` -> Money; `ValueError` says what is wrong with anything else."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        msg = f"{text!r} is not an amount; write it like 250 or 250.50"
        raise ValueError(msg) from None
    if not amount.is_finite() or amount < 0:
        msg = f"{text!r} is not an amount of zero or more"
        raise ValueError(msg)
    digits = digits_of(currency)
    if amount > MAX_MINOR:  # before the powers of ten of `1e999999` are worked out
        msg = f"{text!r} is more than a fee can be"
        raise ValueError(msg)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        msg = f"{text!r} has more decimals than {currency} ({digits})"
        raise ValueError(msg)
    if minor > MAX_MINOR:
        msg = f"{text!r} is more than a fee can be"
        raise ValueError(msg)
    return Money(int(minor), currency)


@lru_cache(maxsize=64)
def digits_of(currency: str) -> int:
    """How many decimals the currency's minor unit has (ISO 4217): 2 for INR, 0 for JPY."""
    return get_currency_precision(currency)


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """Every ISO 4217 code."""
    return frozenset(list_currencies())


@lru_cache(maxsize=4096)
def _shown(minor: int, currency: str, locale: str) -> str:
    # Babel takes about 60 us for this and a fest has a few dozen different amounts.
    amount = Decimal(minor).scaleb(-digits_of(currency))
    return format_currency(amount, currency, locale=locale)

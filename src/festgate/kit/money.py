"""Money: whole minor units and an ISO 4217 code, formatted by locale."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.numbers import format_currency, get_currency_precision, list_currencies

from festgate.kit.translation import gettext

MAX_MINOR = 10**12
"""Minor units of one amount: far above any fee, and so low that 64-bit sums cannot overflow."""
MAX_SHOWN = 100
"""Characters of a wrong amount that a message repeats."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (paise, cents; yen have none) of one currency."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Return the sum. Raise ValueError if the currencies differ."""
        if other.currency != self.currency:
            msg = f"cannot add {other.currency} to {self.currency}"
            raise ValueError(msg)
        return Money(self.minor + other.minor, self.currency)

    def shown(self, locale: str) -> str:
        """Return the amount in the form of the locale, such as `₹500.00`; whole amounts keep their decimals."""
        return _shown(self.minor, self.currency, locale)

    def short(self, locale: str) -> str:
        """Return the amount as `shown` does, but a whole amount without decimals: `₹500`."""
        return _shown(self.minor, self.currency, locale, is_short=True)

    def plain(self) -> str:
        """Return the amount in major units with a decimal point, for files and programs: `500.00`."""
        digits = digits_of(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def coded(self) -> str:
        """Return the amount as `plain` does, with the code of its currency: `500.00 INR`."""
        return f"{self.plain()} {self.currency}"


def total(amounts: list[Money], currency: str) -> Money:
    """Return the sum of the amounts; zero of `currency` if there are none."""
    return sum(amounts, start=Money(0, currency))


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return the sum for each currency of the amounts, in the order of the codes."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money(0, amount.currency)) + amount
    return tuple(sums[currency] for currency in sorted(sums))


def parse_amount(text: str, currency: str) -> Money:
    """Parse an amount such as `500`, `500.5` or `500.50`. Raise ValueError with a sentence for anything else."""
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        msg = gettext("{text!r} is not an amount; write it like 250 or 250.50").format(text=shown)
        raise ValueError(msg) from None
    if not amount.is_finite() or amount < 0:
        msg = gettext("{text!r} is not an amount of zero or more").format(text=shown)
        raise ValueError(msg)
    digits = digits_of(currency)
    if amount > MAX_MINOR:  # before `1e999999` is expanded
        msg = gettext("{text!r} is more than a fee can be").format(text=shown)
        raise ValueError(msg)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        msg = gettext("{text!r} has more decimals than {currency} ({digits})")
        msg = msg.format(text=shown, currency=currency, digits=digits)
        raise ValueError(msg)
    if minor > MAX_MINOR:
        msg = gettext("{text!r} is more than a fee can be").format(text=shown)
        raise ValueError(msg)
    return Money(int(minor), currency)


@lru_cache(maxsize=64)
def digits_of(currency: str) -> int:
    """Return the number of decimals of the currency (ISO 4217): 2 for INR, 0 for JPY."""
    return get_currency_precision(currency)


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """Return all ISO 4217 codes."""
    return frozenset(list_currencies())


@lru_cache(maxsize=4096)
def _shown(minor: int, currency: str, locale: str, *, is_short: bool = False) -> str:
    # Babel takes about 60 us for this and a fest has a few dozen different amounts.
    amount = Decimal(minor).scaleb(-digits_of(currency))
    if is_short and amount == amount.to_integral_value():
        pattern = Locale.parse(locale).currency_formats["standard"].pattern
        whole = re.sub(r"\.0+", "", pattern)
        return format_currency(amount, currency, whole, locale, currency_digits=False)
    return format_currency(amount, currency, locale=locale)

"""Amounts and numbers as people and spreadsheets write them: `₹450`, `450,50`, `1,500.00`, `1 500`."""

import re
from typing import Final

from babel.numbers import get_currency_symbol

from festgate.kit.money import Money, digits_of, parse_amount
from festgate.kit.translation import gettext

MAX_LENGTH: Final = 100
"""Characters of a text that can be an amount or a number."""
_SPACES: Final = re.compile("[\\s\u202f'\u2019]")
_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_GROUPS: Final = re.compile(r"[0-9]{1,3}(?:(?:,[0-9]{2,3})*,|(?:\.[0-9]{3})*\.)[0-9]{3}")
"""A number with thousands, or with the lakhs of India: 1,50,000."""
_DASH: Final = re.compile("[.,][-\u2013]$")
_THOUSAND: Final = 3
"""Digits after a separator of thousands."""


def read_amount(text: str, currency: str) -> Money:
    """Read an amount that somebody entered. Raises ValueError with a sentence, also if it can be two amounts."""
    return parse_amount(plain_amount(text, currency), currency)


def plain_amount(text: str, currency: str) -> str:
    """Return an amount with a decimal point and nothing else, or the text if it is none.

    Raises ValueError with a sentence if the text can be read as two amounts.
    """
    short = text.strip()
    if not short or len(short) > MAX_LENGTH:
        return text
    for sign in _signs(currency):
        if short.casefold().startswith(sign):
            short = short[len(sign) :]
            break
        if short.casefold().endswith(sign):
            short = short[: -len(sign)]
            break
    number = _DASH.sub("", _SPACES.sub("", short))  # 450,- as in Germany, 450.- as in Switzerland
    return _plain(text, number, digits_of(currency)) if _NUMBER.fullmatch(number) else text


def plain_number(text: str) -> str:
    """Return a whole number without separators, or the text if it is none. Raises ValueError like `plain_amount`."""
    number = _SPACES.sub("", text)
    if len(number) > MAX_LENGTH or not _NUMBER.fullmatch(number):
        return text
    whole, _, rest = _plain(text, number, 0).partition(".")
    return whole if not rest.strip("0") else text


def _signs(currency: str) -> list[str]:
    """Return the signs of a currency in small letters, longest first."""
    signs = {currency, get_currency_symbol(currency, "en")} | ({"Rs.", "Rs"} if currency == "INR" else set())
    return sorted((sign.casefold() for sign in signs), key=len, reverse=True)


def _plain(text: str, number: str, digits: int) -> str:
    """Return a number with a decimal point; `digits` is the number of decimals of its currency."""
    separators = [sign for sign in number if sign in ".,"]
    if not separators:
        return number
    last = separators[-1]
    whole, _, decimals = number.rpartition(last)
    if len(set(separators)) > 1:
        other = "." if last == "," else ","
        return f"{whole.replace(other, '')}.{decimals}" if _GROUPS.fullmatch(whole) else text
    if len(separators) > 1:
        return number.replace(last, "") if _GROUPS.fullmatch(number) else text
    if len(decimals) != _THOUSAND or len(whole) > _THOUSAND or whole.startswith("0"):
        return f"{whole}.{decimals}"
    if last == "." and digits == _THOUSAND:
        return number
    if digits == _THOUSAND or (last == "." and (digits or decimals == "000")):
        one = f"{whole}.{decimals}" if digits == _THOUSAND else f"{whole}.{decimals}".rstrip("0").rstrip(".")
        msg = gettext("{text!r} can be {thousands} or {one}; write one of these.")
        raise ValueError(msg.format(text=text.strip(), thousands=whole + decimals, one=one))
    return whole + decimals

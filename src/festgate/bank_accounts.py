"""Checks of the bank account in the settings: its number or IBAN, its IFSC, and its UPI id.

Each check returns the value as it is stored, or raises ValueError with a sentence about the problem. An empty value is
none.
"""

import re
from typing import Final

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_NUMBER: Final = re.compile(r"[A-Z0-9]{4,34}")
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_UPI_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,255}@[A-Za-z][A-Za-z0-9]{1,63}")
_IBAN_DIVISOR: Final = 97
_SEPARATORS: Final = re.compile(r"[\s-]")


def check_account(value: str) -> str:
    """Return the number of an account without spaces. The check digits of an IBAN must be right (ISO 13616)."""
    number = _SEPARATORS.sub("", value).upper()
    if not number:
        return ""
    if not _NUMBER.fullmatch(number):
        msg = f"must be the number of an account or an IBAN, unlike {value!r}"
        raise ValueError(msg)
    if number[:2].isalpha() and not _is_iban(number):
        msg = f"is not a valid IBAN: {value!r} has a wrong or missing character"
        raise ValueError(msg)
    return number


def check_ifsc(value: str) -> str:
    """Return an IFSC in capitals."""
    code = _SEPARATORS.sub("", value).upper()
    if code and not _IFSC.fullmatch(code):
        msg = f"must be an IFSC of 11 characters such as SBIN0001234, unlike {value!r}"
        raise ValueError(msg)
    return code


def check_upi_id(value: str) -> str:
    """Return a UPI id."""
    upi_id = value.strip()
    if upi_id and not _UPI_ID.fullmatch(upi_id):
        msg = f"must be a UPI id such as fest@examplebank, unlike {value!r}"
        raise ValueError(msg)
    return upi_id


def in_groups(number: str) -> str:
    """Return an IBAN in groups of four as banks print it, and any other number as it is."""
    if not _is_iban(number):
        return number
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _is_iban(number: str) -> bool:
    if not _IBAN.fullmatch(number):
        return False
    digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
    return int(digits) % _IBAN_DIVISOR == 1

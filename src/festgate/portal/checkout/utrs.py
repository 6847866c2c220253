"""The bank's number of a payment (UTR): UPI has 12 digits, NEFT 16 characters, RTGS 22; other banks differ."""

import re
from typing import Final

from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext

MAX_UTR: Final = 35
"""Characters, as in SEPA."""
MIN_UTR: Final = 8
MIN_DIGITS: Final = 6
_SEPARATORS: Final = re.compile(r"[\s./_-]")
_UTR: Final = re.compile(rf"[A-Z0-9]{{{MIN_UTR},{MAX_UTR}}}")
_INDIAN_LENGTHS: Final = frozenset({12, 16, 22})


def read_utr(text: str, currency: str) -> str:
    """Return the number in capitals without separators. Raises Invalid."""
    utr = plain_utr(text)
    is_valid = bool(_UTR.fullmatch(utr)) and sum(sign.isdigit() for sign in utr) >= MIN_DIGITS
    if currency == "INR":
        if not is_valid or len(utr) not in _INDIAN_LENGTHS:
            sentence = gettext(
                "Enter the 12 digits that your UPI app calls UTR or UPI reference, or the 16 or 22 characters of your "
                "bank. The app's own transaction id does not work."
            )
            raise Invalid({"utr": sentence})
    elif not is_valid:
        sentence = gettext("Enter the number that your bank gave the transfer: 8 to 35 letters and digits.")
        raise Invalid({"utr": sentence})
    return utr


def plain_utr(text: str) -> str:
    """Return the text in capitals without separators."""
    return _SEPARATORS.sub("", text).upper()

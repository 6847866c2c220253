"""The QR code of a ticket: its signed text, its picture, and reading one from a camera (scans.py reads typed text).

`FESTGATE1:CODE:SIGNATURE`: the version of the form, the ticket's code, and 64 bits (16 hexadecimal digits) of an HMAC
over it with the fest's secret. A door with the secret detects a forged code without a network. A guess at 64 bits is
right once in 18 million million million tries, and each try has to be held in front of a camera. Whether a genuine
ticket is still valid and unused is known only from the data.

All of it is in the alphabet that QR codes write in 5.5 bits a character (ISO/IEC 18004, 7.3.4), so 43 characters fit
in a small code of 29 by 29 squares at error correction M, which still reads with 15 % of it covered or creased.
"""

import hmac
import re
from functools import cache
from math import isqrt

import zxingcpp

from festgate.kit.errors import Malformed, Refused
from festgate.kit.ids import ALPHABET, keyed_hash
from festgate.kit.translation import N_
from festgate.portal.tickets.issue import CODE_LENGTH

SIGNATURE_LENGTH = 16
CODE = re.compile(rf"[{ALPHABET}]{{{CODE_LENGTH}}}")
SIGNED = re.compile(rf"FESTGATE1:({CODE.pattern}):([0-9A-F]{{{SIGNATURE_LENGTH}}})")
_MIN_SIDE = 29
"""Pixels along the edge of a picture: fewer have no room for a ticket's code."""


class ForgedCode(Refused):
    """A QR code that this fest has not made."""

    status = 422
    code = "forged-code"
    title = N_("Not a ticket of this fest")
    message = N_("This code was not issued by this fest.")


@cache
def _qr_format() -> zxingcpp.BarcodeFormats:
    """Return the only format that is read: made on first use, as zxing-cpp reports one that outlives the program."""
    return zxingcpp.barcode_formats_from_str("QRCode")


def sign(secret: bytes, code: str) -> str:
    """Return the signature of the code."""
    return keyed_hash(secret, "ticket", code)[:SIGNATURE_LENGTH].upper()


def qr_text(secret: bytes, code: str) -> str:
    """Return the text of the ticket's QR code."""
    return f"FESTGATE1:{code}:{sign(secret, code)}"


def read_qr(secret: bytes, text: str) -> str:
    """Return the ticket's code. Raises ForgedCode for any text that `qr_text` has not made."""
    code = find_code(secret, text)
    if code is None:
        raise ForgedCode
    return code


def find_code(secret: bytes, text: str) -> str | None:
    """Return the ticket's code; None for any text that `qr_text` has not made."""
    signed = SIGNED.fullmatch(text)
    if signed is None:
        return None
    code, signature = signed.groups()
    return code if hmac.compare_digest(signature, sign(secret, code)) else None


def read_picture(pixels: bytes) -> str | None:
    """Return the text of a QR code in a picture, preferring this portal's own; None where there is none.

    `pixels`: (side * side), one byte of light each, row after row. Reading takes 0.05 to 0.2 ms where the side is 240.
    Raises Malformed for a number of them that makes no square.
    """
    side = isqrt(len(pixels))
    if side * side != len(pixels) or side < _MIN_SIDE:
        msg = f"A picture is square, with one byte for each pixel and at least {_MIN_SIDE} along its edge."
        raise Malformed(msg)
    image = memoryview(pixels).cast("B", (side, side))
    texts = [found.text for found in zxingcpp.read_barcodes(image, formats=_qr_format())]
    return min(texts, key=lambda text: SIGNED.fullmatch(text) is None, default=None)


def in_fours(code: str) -> str:
    """Return `7GK2-M9QX-04ZT-8WAB` for `7GK2M9QX04ZT8WAB`, as it is read aloud and typed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))

"""Reading the text that a scanner, a camera or a person enters at the door.

A scanner may add characters around a code, and types it as a keyboard does, on a computer that may be set to another
layout. Such a text is undone where that gives a ticket: a signature proves it, and codes without one are looked up.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from festgate.kit.ids import read_code
from festgate.kit.text import is_unseen
from festgate.kit.translation import N_, gettext
from festgate.portal.tickets import keyboards
from festgate.portal.tickets.qr import CODE, SIGNED, ForgedCode, find_code

MAX_SCAN_LENGTH: Final = 300
"""Characters: several times a ticket's whole address."""
MAX_GUESSES: Final = 8
"""Guesses that are looked up for one scan: most layouts agree about a code, so there are one to three."""
_PREFIX: Final = re.compile(r"\][A-Za-z][0-9A-Za-z](?:\\[0-9]{6})?")
"""The kind of code that some scanners send first (AIM identifier, ISO/IEC 15424), and its encoding (AIM ECI)."""
_PREFIX_LENGTHS: Final = (0, 3)
_ADDRESS: Final = re.compile(r"https?://\S*/tickets/([^/?#\s]+?)(?:\.svg|\.ics)?(?:[?#]\S*)?", re.IGNORECASE)
_BEGINNINGS: Final = ("festgate", "https://", "http://")
"""The beginnings of a ticket's QR code and of an address, whose repeated letters show on any keyboard layout."""
_MIN_TYPED: Final = 30
"""Characters of a ticket's QR code or address at least, even if some are lost."""


class NotACode(ForgedCode):
    """A text that is neither a ticket's code nor its QR code nor its address."""

    message = N_("This is not a ticket code. A ticket code has 16 letters and digits.")


class OtherKeyboard(ForgedCode):
    """A text that a scanner typed on a keyboard layout that cannot be undone."""

    code = "other-keyboard"
    title = N_("The keyboard layouts differ")
    message = N_(
        "The scanner probably types for another keyboard than the computer's. "
        "Set the scanner's keyboard language to the computer's, or type the code below the QR code."
    )


@dataclass(frozen=True, slots=True)
class Scan:
    """The codes that a scan can mean."""

    code: str | None
    """The code as it was typed, or that a signature proves; None if the text must be from another keyboard."""
    guesses: tuple[str, ...] = ()
    """Codes without a signature, if the text was typed on another keyboard: at most MAX_GUESSES."""


def read_scan(secret: bytes, text: str) -> Scan:
    """Return the codes that a text can mean: that of a QR code, the address of a ticket's page, or a typed code.

    Raises NotACode, OtherKeyboard, or ForgedCode if this fest did not sign it.
    """
    scanned = _content(text)
    readings = list(dict.fromkeys(chain([scanned], map(_content, keyboards.undo(_visible(text))))))
    for reading in readings:
        code = find_code(secret, reading.upper())
        if code is not None:
            return Scan(code)
    if SIGNED.fullmatch(scanned.upper()):
        raise ForgedCode
    literal = _unsigned(scanned)
    guesses = dict.fromkeys(filter(None, map(_unsigned, readings[1:]))) if _may_be_typed(scanned) else {}
    others = tuple(code for code in guesses if code != literal)[:MAX_GUESSES]
    if literal or others:
        return Scan(literal, others)
    if _is_typed_elsewhere(scanned):
        raise OtherKeyboard
    if scanned.upper().startswith("FESTGATE"):
        raise NotACode(gettext("This is not a ticket code."))
    raise NotACode


def _content(text: str) -> str:
    """Return the text without the characters that scanners add around it."""
    visible = _visible(text)
    prefix = _PREFIX.match(visible)
    return visible[prefix.end() :].strip() if prefix else visible


def _visible(text: str) -> str:
    """Return the text without control characters such as STX and Enter, invisible ones, and spaces at its ends."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(filter(_is_visible, text)).strip()


@lru_cache(maxsize=1024)
def _is_visible(sign: str) -> bool:
    """Return whether the character is printed. A scan is read on up to 200 keyboards, so its characters return."""
    return unicodedata.category(sign) != "Cc" and not is_unseen(sign)


def _unsigned(reading: str) -> str | None:
    """Return the code that was typed, or that the address of a ticket's page has; None if there is none."""
    address = _ADDRESS.fullmatch(reading)
    code = read_code(address[1] if address else reading)
    return code if CODE.fullmatch(code) else None


def _may_be_typed(scanned: str) -> bool:
    """Return whether a scanner may have typed the text on another layout.

    A text of letters and digits that is no code was mistyped by a person instead.
    """
    plain = read_code(scanned)
    return not (plain.isascii() and plain.isalnum()) or CODE.fullmatch(plain) is not None


def _is_typed_elsewhere(scanned: str) -> bool:
    """Return whether letters are repeated as in a ticket's QR code or in an address, but are other ones."""
    text = scanned.casefold()
    if len(text) < _MIN_TYPED or " " in text or text.startswith(("festgate1:", "https://", "http://")):
        return False
    return any(
        _pattern(text[start : start + len(known)]) == _pattern(known)
        for known in _BEGINNINGS
        for start in _PREFIX_LENGTHS
    )


def _pattern(text: str) -> list[int]:
    """Return for each character the place where it first occurs."""
    return [text.index(sign) for sign in text]

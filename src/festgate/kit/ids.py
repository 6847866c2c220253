"""Codes that people read aloud, random tokens, keyed hashes and slugs."""

import hashlib
import hmac
import re
import secrets

from festgate.kit.text import MAX_LINE, normalized

# Crockford's base 32: no I, L, O or U, so a code can be read aloud in a noisy place.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")


def new_code(length: int) -> str:
    """Return a random code of `length` characters with 5 bits each."""
    return "".join([ALPHABET[byte % 32] for byte in secrets.token_bytes(length)])


def read_code(text: str) -> str:
    """Normalise a code that was typed: to upper case, without separators, and with I, L and O read as digits."""
    return text.upper().replace("-", "").replace(" ", "").translate(_MISREAD)


def new_token() -> str:
    """Return a random token of 256 bits that is safe in a URL and in a cookie."""
    return secrets.token_urlsafe(32)


def keyed_hash(secret: bytes, purpose: str, text: str) -> str:
    """Return the HMAC-SHA256 in hexadecimal. A hash for one `purpose` is not valid for another."""
    return hmac.new(secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def slug_of(text: str, max_length: int = 60, otherwise: str = "") -> str:
    """Return a slug for the text, never empty: `robo-race` for `Robo Race!`. Accents are removed.

    A text without Latin letters and digits gets the slug `otherwise`, or a random one.
    """
    plain = normalized("NFKD", text, MAX_LINE).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:max_length].strip("-")
    return slug or otherwise or f"event-{new_code(6).lower()}"

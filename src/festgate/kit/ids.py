"""Names for things that people read aloud, and tokens that nobody should guess."""

import hashlib
import hmac
import re
import secrets

from festgate.kit.text import MAX_LINE, normalized

# Crockford's base 32: no I, L, O or U, so a code can be read over a noisy desk.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")


def new_code(length: int) -> str:
    """A random code of `length` characters, 5 bits each."""
    return "".join([ALPHABET[byte % 32] for byte in secrets.token_bytes(length)])


def read_code(text: str) -> str:
    """The code that someone typed: upper case, separators dropped, look-alikes folded."""
    return text.upper().replace("-", "").replace(" ", "").translate(_MISREAD)


def new_token() -> str:
    """A random token of 256 bits, safe in a URL and in a cookie."""
    return secrets.token_urlsafe(32)


def keyed_hash(secret: bytes, purpose: str, text: str) -> str:
    """HMAC-SHA256 in hexadecimal. `purpose` keeps one use of the secret from standing in for another."""
    return hmac.new(secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def slug_of(text: str, longest: int = 60) -> str:
    """`Robo Race!` -> `robo-race`; letters that ASCII lacks lose their marks; never empty."""
    plain = normalized("NFKD", text, MAX_LINE).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:longest].strip("-")
    return slug or f"event-{new_code(6).lower()}"

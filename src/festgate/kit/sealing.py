"""Encryption of small stored texts with keys that are derived from the fest's secret, one for each purpose.

A copy of the database alone then reveals none of them; a copy of the data folder, which has the secret, does.
"""

import base64
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loaded on demand: it takes 2 MB, and many fests seal nothing
    from cryptography.fernet import Fernet

_KEY_LENGTH = 32
"""Bytes of a key of Fernet: half of them sign, half of them encrypt."""


_VERSION = b"\x80"
"""The first byte of a token of Fernet."""


class Unsealable(Exception):
    """A stored text was sealed with another secret or for another purpose, or is damaged."""

    def __init__(self) -> None:
        """Set the sentence for a log or a page of the office."""
        super().__init__(
            "A stored secret cannot be decrypted: the fest's file `secret` was replaced after it was stored."
            " Restore that file from a backup, or enter the stored secret again."
        )


def seal(secret: bytes, purpose: str, text: str) -> str:
    """Encrypt and sign a text with the key of that purpose; each call returns another result."""
    return _cipher(secret, purpose).encrypt(text.encode()).decode("ascii")


def unseal(secret: bytes, purpose: str, sealed: str) -> str:
    """Return the text that `seal` encrypted with the same secret and purpose. Raises Unsealable."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415

    try:
        return _cipher(secret, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable from None


@cache
def is_sealed(text: str) -> bool:
    """Return whether the text looks like a result of `seal`, which only the secret can prove."""
    try:
        return base64.urlsafe_b64decode(text).startswith(_VERSION)
    except ValueError:
        return False


def _cipher(secret: bytes, purpose: str) -> "Fernet":
    """Return the cipher of a purpose; HKDF gives each purpose a key that reveals nothing of the others."""
    from cryptography.fernet import Fernet  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    key = HKDF(SHA256(), _KEY_LENGTH, salt=None, info=f"festgate {purpose}".encode()).derive(secret)
    return Fernet(base64.urlsafe_b64encode(key))

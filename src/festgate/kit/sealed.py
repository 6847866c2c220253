"""Data that a page shows and its form sends back, compressed and signed: nothing is stored before it is confirmed.

A browser cannot change sealed data, and only data with a valid signature is decompressed.
"""

import base64
import hmac
import zlib
from typing import Final

from festgate.kit.errors import Malformed
from festgate.kit.ids import keyed_hash
from festgate.kit.translation import gettext

SIGNATURE_LENGTH: Final = 64


def seal(secret: bytes, purpose: str, data: bytes) -> str:
    """Return the data as text for a hidden field. Data sealed for one `purpose` is not valid for another."""
    text = base64.urlsafe_b64encode(zlib.compress(data)).decode()
    return keyed_hash(secret, f"sealed {purpose}", text) + text


def unseal(secret: bytes, purpose: str, sealed: str) -> bytes:
    """Return sealed data. Raises Malformed for anything that `seal` has not made."""
    signature, text = sealed[:SIGNATURE_LENGTH], sealed[SIGNATURE_LENGTH:]
    expected = keyed_hash(secret, f"sealed {purpose}", text)
    try:
        if hmac.compare_digest(signature.encode(), expected.encode()):
            return zlib.decompress(base64.urlsafe_b64decode(text))
    except (ValueError, zlib.error):
        pass
    raise Malformed(gettext("The form was incomplete. Please try again."))

"""Read the ticket code from a scan: the text of a QR code, the address of a ticket's page, or a typed code."""

import re

from festgate.kit.ids import read_code
from festgate.kit.translation import gettext
from festgate.portal.tickets import facade as tickets

MAX_SCAN_LENGTH = 300
"""Characters: several times a ticket's whole address."""
_ADDRESS = re.compile(r"https?://\S*/tickets/([^/?#\s]+?)(?:\.svg|\.ics)?(?:[?#]\S*)?", re.IGNORECASE)


def read_scan(secret: bytes, text: str) -> str:
    """Return the ticket's code. Raises ForgedCode where there is none, or where this fest did not sign it."""
    scanned = text.strip()
    if scanned.upper().startswith("FESTGATE"):
        return tickets.read_qr(secret, scanned.upper())
    address = _ADDRESS.fullmatch(scanned)
    code = read_code(address[1] if address else scanned)
    if tickets.CODE.fullmatch(code) is None:
        raise tickets.ForgedCode(
            gettext("This is not a ticket code. A ticket code has 16 letters and digits.")
        )
    return code

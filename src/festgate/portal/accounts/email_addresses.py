"""Email addresses as people paste them, and domains with letters beyond ASCII.

An address is stored and compared with its domain as mail servers write it: `asha@xn--bcher-kva.example` for
`asha@bücher.example`. So both are one account, and mail needs no more than ASCII.
"""

import re
from typing import Final
from urllib.parse import unquote

import idna

from festgate.kit.text import DECOMPOSED, is_unseen, normalized

MAX_EMAIL_LENGTH: Final = 254
"""The length that every mail server has to accept (RFC 5321, section 4.5.3.1.3, without the angle brackets)."""
_MAILTO: Final = re.compile(r"mailto:([^?]*)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_BRACKETED: Final = re.compile(r"[^<>@]*<([^<>]*)>", re.DOTALL)


def clean_address(text: str) -> str:
    """Return an email address without what is copied along with it, and with its domain in ASCII.

    That is: spaces, invisible characters, `mailto:`, a name with angle brackets, and a comma or full stop at the end.
    A text that is no address is returned in part, and is none either. Raises ValueError if it is too long.
    """
    plain = normalized("NFKC", text, DECOMPOSED * MAX_EMAIL_LENGTH)
    if not plain.isascii():
        plain = "".join(sign for sign in plain if not is_unseen(sign))
    before = None
    while plain != before:
        before = plain
        plain = plain.strip().rstrip(".,;")
        if inner := _BRACKETED.fullmatch(plain):
            plain = inner[1]
        if link := _MAILTO.fullmatch(plain):
            plain = unquote(link[1])
    local_part, at, domain = plain.rpartition("@")
    return f"{local_part}{at}{domain_in_ascii(domain)}"


def domain_in_ascii(domain: str) -> str:
    """Return the domain as DNS has it (IDNA 2008, UTS 46); unchanged if it is in ASCII, or cannot be a domain.

    Python's own codec follows the older IDNA 2003, for which `straße.example` is another domain.
    """
    if domain.isascii() or len(domain) > MAX_EMAIL_LENGTH:
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain

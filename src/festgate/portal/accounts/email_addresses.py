"""Email addresses as people paste them, and domains with letters beyond ASCII.

An address is stored and compared with its domain as mail servers write it: `asha@xn--bcher-kva.example` for
`asha@bücher.example`. So both are one account, and mail needs no more than ASCII.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from festgate.kit.text import DECOMPOSED, is_unseen, normalized

MAX_EMAIL_LENGTH: Final = 254
"""The length that every mail server has to accept (RFC 5321, section 4.5.3.1.3, without the angle brackets)."""
MAX_LABEL_LENGTH: Final = 63
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
    """Return the domain as DNS has it (IDNA 2008, RFC 5891); unchanged if it is in ASCII, or cannot be a domain.

    Python's own codec follows the older IDNA 2003, for which `straße.example` is another domain.
    """
    if domain.isascii() or len(domain) > MAX_EMAIL_LENGTH:
        return domain
    labels = normalized("NFKC", domain.lower(), DECOMPOSED * MAX_EMAIL_LENGTH).replace("。", ".").split(".")
    written = [_label_in_ascii(label) for label in labels]
    return ".".join(written) if all(written) else domain


def _label_in_ascii(label: str) -> str:
    """Return the part of a domain in ASCII; empty if it cannot be one."""
    if label.isascii():
        return label
    kinds = [unicodedata.category(sign) for sign in label]
    if kinds[0][0] == "M" or not all(
        sign == "-" or kind[0] in "LM" or kind == "Nd" for sign, kind in zip(label, kinds, strict=True)
    ):
        return ""
    written = f"xn--{label.encode('punycode').decode()}"
    return written if len(written) <= MAX_LABEL_LENGTH and not label.startswith("-") else ""

"""Sending of files that visitors uploaded: always saved, never shown or run as a page of the portal."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

UNTRUSTED: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "sandbox; default-src 'none'",
}
"""Headers of such a file, besides those of every response, such as nosniff. Both policies hold (CSP level 3)."""


def download(name: str, content_type: str, content: bytes) -> Response:
    """Return a response that a browser saves as a file with that name."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._- ") else "_" for sign in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, 200, {**UNTRUSTED, "content-disposition": disposition}, content_type)

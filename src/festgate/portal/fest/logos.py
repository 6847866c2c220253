"""The fest's logo: a picture, recognised by its content, which is part of every page."""

import hashlib
from typing import Final

from sqlalchemy import delete

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.portal.fest.stored import Logo
from festgate.portal.fest.tables import logos

MAX_LOGO: Final = 256 * 1024
"""Bytes: every worker keeps it in memory, and every new visitor loads it."""
_SIGNS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_WEBP: Final = (b"RIFF", b"WEBP")

_insert = inserting(logos)
_delete = Statement(delete(logos))


def read_logo(content: bytes, field: str = "logo") -> Logo:
    """Return the picture of an uploaded file, whatever its name is. Raise Invalid for the form's field."""
    if len(content) > MAX_LOGO:
        sentence = gettext("The picture has {size} KB; at most {limit} KB are possible.")
        raise Invalid({field: sentence.format(size=-(-len(content) // 1024), limit=MAX_LOGO // 1024)})
    kind = next((kind for sign, kind in _SIGNS if content.startswith(sign)), "")
    if content[:4] == _WEBP[0] and content[8:12] == _WEBP[1]:
        kind = "image/webp"
    if not kind:
        raise Invalid({field: gettext("Choose a picture in the format PNG, JPEG, WebP or GIF.")})
    return Logo(kind, digest_of(content), content)


def digest_of(content: bytes) -> str:
    """Return the hash of a picture that is part of its address."""
    return hashlib.sha256(content).hexdigest()[:16]


def replace_logo(connection: Connection, logo: Logo | None) -> None:
    """Store the logo in place of the earlier one; without one the fest has none."""
    connection.run(_delete)
    if logo is not None:
        connection.run(
            _insert, id=1, content_type=logo.content_type, digest=logo.digest, content=logo.content
        )

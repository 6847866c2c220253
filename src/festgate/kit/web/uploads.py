"""Reading of a form with one file (multipart/form-data, RFC 7578), within the limit on the request's body."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from festgate.kit.errors import Invalid, Malformed
from festgate.kit.translation import gettext
from festgate.kit.web.forms import MAX_FIELD, MAX_FIELD_NAME
from festgate.kit.web.parameters import MAX_NAME, read_header

MAX_PARTS: Final = 30
MAX_HEAD: Final = 2_000
"""Bytes of the header of a part."""
_BOUNDARY: Final = re.compile(
    r'multipart/form-data\s*;.*?\bboundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?\s*(?:;|$)'
)
_PARAMETER: Final = re.compile(r'\b(name|filename)="([^"]*)"')
# Browsers write these three signs of a file's name so (WHATWG HTML, "multipart/form-data encoding algorithm").
_ESCAPES: Final = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent: its name is that on the sender's device, and may be anything."""

    name: str
    content: bytes


async def read_upload(request: Request, field: str) -> Upload:
    """Return the file of a form's field; without content if none was chosen. Raises Malformed."""
    return (await _read(request, field))[1]


async def read_form(request: Request, field: str) -> tuple[dict[str, str], Upload]:
    """Return the text fields of a form, and the file of its field. Raises Malformed, or Invalid for a text too long."""
    texts, upload = await _read(request, field)
    fields: dict[str, str] = {}
    too_long: dict[str, str] = {}
    for name, content in texts:
        if len(name) > MAX_FIELD_NAME:
            raise Malformed(gettext("The form is incomplete."))
        try:
            fields[name] = content.decode()
        except UnicodeDecodeError:
            raise Malformed(gettext("The form is not valid UTF-8 text.")) from None
        if len(fields[name]) > MAX_FIELD:
            too_long[name] = gettext("At most {count} characters.").format(count=MAX_FIELD)
    if too_long:
        raise Invalid(too_long)
    return fields, upload


async def _read(request: Request, field: str) -> tuple[list[tuple[str, bytes]], Upload]:
    """Return the texts of a form by name, and the file of its field."""
    kind = _BOUNDARY.match(read_header(request, "content-type", MAX_NAME))
    if kind is None:
        raise Malformed(gettext("Send the form as multipart/form-data."))
    texts, upload = [], Upload("", b"")
    for head, content in _parts(await request.body(), kind[1].rstrip()):
        parameters = {name: _unescape(text) for name, text in _PARAMETER.findall(head)}
        if "filename" not in parameters:
            texts.append((parameters.get("name", ""), content))
        elif parameters.get("name") == field and not upload.content:
            upload = Upload(parameters["filename"], content)
    return texts, upload


async def read_upload_form(request: Request, field: str) -> tuple[Upload, dict[str, str]]:
    """Return the file of a form's field as `read_upload` does, and the other fields.

    Fields of more than MAX_NAME characters are left out. Raises Malformed.
    """
    upload = await read_upload(request, field)
    kind = _BOUNDARY.match(read_header(request, "content-type", MAX_NAME))
    fields: dict[str, str] = {}
    for head, content in _parts(await request.body(), kind[1].rstrip() if kind else ""):
        parameters = {name: _unescape(text) for name, text in _PARAMETER.findall(head)}
        name, text = parameters.get("name", ""), content.decode("utf-8", "replace")
        if name and "filename" not in parameters and len(text) <= MAX_NAME:
            fields[name] = text
    return upload, fields


def _parts(body: bytes, boundary: str) -> list[tuple[str, bytes]]:
    """Return the content disposition and the content of each part."""
    _, *pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), MAX_PARTS + 1)
    if not pieces or not pieces[-1].startswith(b"--"):
        raise Malformed(gettext("The form is incomplete."))
    parts = []
    for piece in pieces[:-1]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator or len(head) > MAX_HEAD:
            raise Malformed(gettext("The form is incomplete."))
        lines = head.decode("utf-8", "replace").split("\r\n")
        disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
        parts.append((disposition, content))
    return parts


def _unescape(text: str) -> str:
    for escape, sign in _ESCAPES:
        text = text.replace(escape, sign)
    return text

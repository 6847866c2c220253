"""Bounded values from a request's address, headers and cookies.

Cookies are read without `request.cookies`: up to Python 3.12.5 the standard library unquotes them in quadratic time.
"""

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from festgate.kit.errors import NotFound

MAX_NAME: Final = 200
"""Characters of a name in an address; a slug has at most 60, a reference fewer."""
MAX_ID_LENGTH: Final = 15
"""Digits of an id; every database can hold it."""
MAX_COOKIE: Final = 1_000
"""Characters of any of the portal's cookies."""
SESSION_COOKIE: Final = "festgate_session"
HOST_PREFIX: Final = "__Host-"
"""Prefix of cookie names over https; a browser accepts such a cookie from this host only."""
_SESSION: Final = SESSION_COOKIE.encode()
_HOST_SESSION: Final = f"{HOST_PREFIX}{SESSION_COOKIE}".encode()


def read_query(request: Request, name: str, max_length: int) -> str:
    """Return the parameter of the query string; empty if it is missing or too long."""
    text = request.query_params.get(name, "")
    return text if len(text) <= max_length else ""


def read_parameters(request: Request, max_length: int) -> dict[str, str]:
    """Return the parameters of the query string, the last one of each name, without those that are too long."""
    parameters = request.query_params.items()
    return {name: text for name, text in parameters if len(name) <= MAX_NAME and len(text) <= max_length}


def read_ids(request: Request, name: str, max_count: int) -> tuple[int, ...]:
    """Return the ids in the parameters of that name, at most `max_count`. Raise NotFound for anything else."""
    texts = request.query_params.getlist(name)
    if len(texts) > max_count or not all(is_id(text) for text in texts):
        raise NotFound
    return tuple(map(int, texts))


def is_id(text: str) -> bool:
    """Return whether the text is a number that a row can have as its id."""
    return len(text) <= MAX_ID_LENGTH and text.isascii() and text.isdecimal()


def read_path(request: Request, name: str) -> str:
    """Return the parameter of the path. Raise NotFound if it is too long to name anything, without looking it up."""
    text: str = request.path_params[name]
    if len(text) > MAX_NAME:
        raise NotFound
    return text


def has_parameter(request: Request, name: str) -> bool:
    """Return whether the route of the request has that parameter."""
    return name in request.path_params


def read_id(request: Request, name: str) -> int:
    """Return the id in the parameter of the path. Raise NotFound if no row can have it."""
    text = read_path(request, name)
    if not is_id(text):
        raise NotFound
    return int(text)


def read_header(request: Request, name: str, max_length: int) -> str:
    """Return the header's value; empty if it is missing or too long."""
    text = request.headers.get(name, "")
    return text if len(text) <= max_length else ""


def read_cookie(request: Request, name: str) -> str:
    """Return the cookie's value; empty if it is missing or too long."""
    wanted, cookie = name.encode(), b""
    for header, value in request.scope["headers"]:
        if header == b"cookie" and wanted in value:
            for pair in value.split(b";"):
                key, _, text = pair.partition(b"=")
                if key.strip() == wanted:
                    cookie = text.strip()
    return cookie.decode("latin-1") if len(cookie) <= MAX_COOKIE else ""


def session_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the value of the session cookie; empty if there is none.

    Over https its name has a prefix; an older cookie without the prefix counts if there is no other. Starlette decodes
    all headers and cookies first, which would take a tenth of a page's time.
    """
    plain = prefixed = b""
    for name, value in headers:
        if name == b"cookie" and _SESSION in value:
            for pair in value.split(b";"):
                key, _, text = pair.partition(b"=")
                key = key.strip()
                if key == _SESSION:
                    plain = text.strip()
                elif key == _HOST_SESSION:
                    prefixed = text.strip()
    return (prefixed or plain).decode("latin-1")

"""What a request carries beside its body, none of it longer than anything that means something here."""

from typing import Final

from starlette.requests import Request

from festgate.kit.errors import NotFound

MAX_NAME: Final = 200
"""Characters of what names one thing in an address: a slug has 60, a reference fewer."""


def read_query(request: Request, name: str, max_length: int) -> str:
    """Return the parameter of the address; empty where there is none, or one longer than any that means something."""
    text = request.query_params.get(name, "")
    return text if len(text) <= max_length else ""


def read_path(request: Request, name: str) -> str:
    """Return the part of the path. Raises NotFound where it is longer than any name of ours: nothing looks it up."""
    text: str = request.path_params[name]
    if len(text) > MAX_NAME:
        raise NotFound
    return text


def read_header(request: Request, name: str, max_length: int) -> str:
    """Return the header's value; empty where there is none, or one longer than any that means something."""
    text = request.headers.get(name, "")
    return text if len(text) <= max_length else ""

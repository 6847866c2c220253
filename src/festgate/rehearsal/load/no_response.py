"""The reason why a request got no response: its exception, or one that caused it, whatever the client of Locust."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from festgate.rehearsal.runs.recording import NoResponse

_REASONS: Final[tuple[tuple[NoResponse, tuple[type[BaseException], ...]], ...]] = (
    ("dns", (socket.gaierror,)),
    ("refused", (ConnectionRefusedError,)),
    ("timeout", (TimeoutError,)),
    ("tls", (ssl.SSLError, ssl.CertificateError)),
    ("reset", (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.HTTPException)),
)
_NAMES: Final[tuple[tuple[NoResponse, tuple[str, ...]], ...]] = (
    ("timeout", ("Timeout", "TimeoutError")),
    ("tls", ("SSLError",)),
    ("reset", ("HTTPConnectionClosed", "EmptyResponse", "ProtocolError", "RemoteProtocolError")),
)
"""The ends of the names of exceptions that clients define themselves."""
_CAUSES: Final = ("__cause__", "__context__", "reason", "original")
"""Attributes with another exception: `reason` of urllib3, `original` of geventhttpclient."""
_MAX_CAUSES: Final = 20


def reason_of(exception: object, response: object = None) -> NoResponse:
    """Return the reason; empty for another exception, such as an assertion about the content."""
    # A `catch_response` block replaces the exception by its own; the response keeps the first one.
    causes = list(_causes(exception, getattr(response, "error", None)))
    for reason, classes in _REASONS:
        if any(isinstance(cause, classes) for cause in causes):
            return reason
    for reason, endings in _NAMES:
        if any(type(cause).__name__.endswith(endings) for cause in causes):
            return reason
    return ""


def _causes(*exceptions: object) -> Iterator[BaseException]:
    """Yield the exceptions and their causes."""
    waiting = list(exceptions)
    known: set[int] = set()
    while waiting and len(known) < _MAX_CAUSES:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in known:
            continue
        known.add(id(cause))
        yield cause
        named = (getattr(cause, name, None) for name in _CAUSES)
        waiting += [*named, *cause.args]

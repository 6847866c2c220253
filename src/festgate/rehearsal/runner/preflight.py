"""The check before a run: whether the target answers, and at which of its addresses.

A name may have several addresses, and clients try them one after the other, anew for each connection. Where nothing
listens on the first (`localhost` is often ::1 first), each new connection may take a second or two before it comes to
the one that works; in a short run with few requests that alone makes the mean and the 95th percentile.
"""

import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from festgate.rehearsal import http_client

TIMEOUT = 5.0
"""Seconds for a connection, and for the first answer."""
VERSION_HEADERS = ("server", "x-powered-by", "x-version", "x-build", "via")
"""Headers in which a server names itself."""


class NotThere(Exception):
    """The target cannot be reached; the sentence gives the reason and what to do."""


@dataclass(frozen=True)
class Target:
    """The server under test."""

    url: str
    """With an address that answers."""
    notes: Sequence[str]
    """Remarks for the reader of the run."""
    server: dict[str, str]
    """The headers in which it named itself."""


@dataclass(frozen=True)
class _Attempt:
    address: str
    seconds: float
    error: OSError | None


def check_target(url: str) -> Target:
    """Try every address of the URL's host. Raises NotThere."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url} is not a web address: write it as http://HOST:PORT."
        raise NotThere(msg)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (ValueError, OSError) as error:
        msg = f"{parts.hostname} has no address: {error}."
        raise NotThere(msg) from None
    attempts = [_try(family, address) for family, _, _, _, address in addresses]
    working = next((attempt for attempt in attempts if attempt.error is None), None)
    if working is None:
        errors = "; ".join(f"{attempt.address}: {_reason(attempt.error)}" for attempt in attempts)
        msg = f"Nothing answers at {url} ({errors}). Start the server, or give its address with --host."
        raise NotThere(msg)
    notes = []
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    if attempts[0] is not working:
        first = attempts[0]
        notes.append(
            f"The first address of {parts.hostname} is {first.address}, where nothing answers (after "
            f"{first.seconds:.2f} s: {_reason(first.error)}); {working.address} does. Each new connection would lose "
            f"that time, so this run uses {working.address}. Give visitors that address, too."
        )
        if parts.scheme == "http":  # over TLS the certificate is issued for the name
            base = f"http://{_in_url(working.address)}:{port}{parts.path.rstrip('/')}"
    try:
        answer = http_client.get(base, timeout=TIMEOUT)
    except http_client.NoResponse as error:
        if error.certificate:
            # The locustfile decides whether its users verify certificates, as in Locust.
            notes.append(
                f"The certificate of {parts.hostname} is not valid here ({error}). Users whose client verifies it fail."
            )
            return Target(base, notes, {})
        msg = f"{base} accepts connections and does not answer as a web server: {error}."
        raise NotThere(msg) from None
    return Target(
        base, notes, {name: value for name in VERSION_HEADERS if (value := answer.headers.get(name))}
    )


def _try(family: int, address: Any) -> _Attempt:  # noqa: ANN401  (a different tuple for each family)
    began = time.monotonic()
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(TIMEOUT)
        try:
            probe.connect(address)
        except OSError as error:
            return _Attempt(str(address[0]), time.monotonic() - began, error)
    return _Attempt(str(address[0]), time.monotonic() - began, None)


def _in_url(address: str) -> str:
    return f"[{address}]" if ipaddress.ip_address(address.partition("%")[0]).version == 6 else address  # noqa: PLR2004


def _reason(error: OSError | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return (error.strerror or str(error)) if error is not None else ""

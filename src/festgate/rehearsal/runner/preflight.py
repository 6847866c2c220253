"""Before anything is sent: whether the target is there, and at which of its addresses.

A name may have several addresses, and clients try them one after the other, anew for each connection. Where nothing
listens on the first (`localhost` is often ::1 first), each new connection may lose a second or two before it comes to
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

PATIENCE = 5.0
"""Seconds for a connection, and for the first answer."""
TOLD = ("server", "x-powered-by", "x-version", "x-build", "via")
"""Headers in which a server says what it is."""


class NotThere(Exception):
    """The target cannot be played against; the sentence says why and what to do."""


@dataclass(frozen=True)
class Target:
    """Where to send."""

    url: str
    """With an address that answers."""
    notes: Sequence[str]
    """What the reader of the run should know."""
    server: dict[str, str]
    """What it said of itself."""


@dataclass(frozen=True)
class _Tried:
    address: str
    seconds: float
    error: OSError | None


def look(url: str) -> Target:
    """Try every address of the URL's host. Raises NotThere."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url} is no address to send to: write it as http://HOST:PORT."
        raise NotThere(msg)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (ValueError, OSError) as error:
        msg = f"{parts.hostname} has no address: {error}."
        raise NotThere(msg) from None
    tried = [_try(family, address) for family, _, _, _, address in found]
    working = next((each for each in tried if each.error is None), None)
    if working is None:
        told = "; ".join(f"{each.address}: {_sentence(each.error)}" for each in tried)
        msg = f"Nothing answers at {url} ({told}). Start the server, or say where it is with --host."
        raise NotThere(msg)
    notes = []
    base = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    if tried[0] is not working:
        first = tried[0]
        notes.append(
            f"{parts.hostname} is {first.address} first, where nothing answers (after {first.seconds:.2f} s: "
            f"{_sentence(first.error)}), and then {working.address}, which does. Each new connection would pay for "
            f"that: this run goes to {working.address}, and visitors should be given that address too."
        )
        if parts.scheme == "http":  # over TLS the name is what the certificate is for
            base = f"http://{_in_url(working.address)}:{port}"
    return Target(base, notes, _ask(base))


def _try(family: int, address: Any) -> _Tried:  # noqa: ANN401  (of each family another tuple)
    began = time.monotonic()
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(address)
        except OSError as error:
            return _Tried(str(address[0]), time.monotonic() - began, error)
    return _Tried(str(address[0]), time.monotonic() - began, None)


def _ask(base: str) -> dict[str, str]:
    try:
        answer = http_client.get(base, timeout=PATIENCE)
    except http_client.NoAnswer as error:
        msg = f"{base} accepts connections and does not answer as a web server: {error}."
        raise NotThere(msg) from None
    return {name: value for name in TOLD if (value := answer.headers.get(name))}


def _in_url(address: str) -> str:
    return f"[{address}]" if ipaddress.ip_address(address.partition("%")[0]).version == 6 else address  # noqa: PLR2004


def _sentence(error: OSError | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    return (error.strerror or str(error)) if error is not None else ""

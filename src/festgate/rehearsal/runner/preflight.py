"""The check before a run: whether the target answers, and at which of its addresses.

A name may have several addresses, and clients try them one after the other, anew for each connection. Where nothing
listens on the first (`localhost` is often ::1 first), each new connection may take a second or two before it comes to
the one that works; in a short run with few requests that alone makes the mean and the 95th percentile.

Certificates and proxies are the locustfile's to handle, as in Locust. They get a note, and do not prevent the run.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from festgate.rehearsal import http_client

TIMEOUT = 5.0
"""Seconds for a connection, and for the first answer."""
VERSION_HEADERS = ("server", "x-powered-by", "x-version", "x-build", "via")
"""Headers in which a server names itself."""


PROXY_FAILED = frozenset({502, 503, 504})
"""Statuses with which a proxy says that it does not reach the target."""


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
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    proxy = _proxy_for(parts)
    try:
        working, notes = _find_address(parts, url)
    except NotThere:
        if not proxy:
            raise
        return _ask_through(proxy, base, parts)
    if notes and parts.scheme == "http":  # over TLS the certificate is issued for the name
        user = parts.netloc.rpartition("@")[0]
        base = f"http://{user}{'@' if user else ''}{working}{parts.path.rstrip('/')}"
    try:
        server, remarks = _ask(base, parts.hostname)
    except http_client.NoResponse as error:
        msg = f"{base} accepts connections and does not answer as a web server: {error}."
        raise NotThere(msg) from None
    return Target(base, [*notes, *remarks], server)


def _find_address(parts: SplitResult, url: str) -> tuple[str, list[str]]:
    """Return the first address that accepts connections, with its port, and notes. Raises NotThere."""
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
    if attempts[0] is not working:
        first = attempts[0]
        notes.append(
            f"The first address of {parts.hostname} is {first.address}, where nothing answers (after "
            f"{first.seconds:.2f} s: {_reason(first.error)}); {working.address} does. Each new connection would lose "
            f"that time, so this run uses {working.address}. Give visitors that address, too."
        )
    return f"{_in_url(working.address)}:{port}", notes


def _ask(base: str, name: str | None, proxy: str = "") -> tuple[dict[str, str], list[str]]:
    """Request the target's first page; return the headers in which it names itself, and notes. Raises NoResponse."""
    notes: list[str] = []
    tls = ssl.create_default_context()
    while True:
        try:
            answer = http_client.get(base, timeout=TIMEOUT, tls=tls, proxy=proxy)
        except http_client.NoResponse as error:
            if error.certificate and not notes:
                notes.append(
                    f"The certificate of {name} is not trusted here ({error}). As in Locust, an HttpUser fails unless"
                    " its `client.verify` is False or the file of the authority, and a FastHttpUser fails only with"
                    " `insecure = False`."
                )
                tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
                continue
            if error.client_certificate:
                notes.append(
                    f"{name} refused a client without a certificate ({error}). Users whose client has none fail."
                )
                return {}, notes
            raise
        if proxy and answer.status in PROXY_FAILED:
            reason = f"HTTP {answer.status}"
            raise http_client.NoResponse(reason)
        return {header: value for header in VERSION_HEADERS if (value := answer.headers.get(header))}, notes


def _ask_through(proxy: str, base: str, parts: SplitResult) -> Target:
    """Check a target that only the environment's proxy reaches. Raises NotThere."""
    try:
        server, notes = _ask(base, parts.hostname, proxy)
    except http_client.NoResponse as error:
        msg = f"{base} is reached neither from here nor through the proxy {_shown(proxy)}: {error}."
        raise NotThere(msg) from None
    through = (
        f"Only the proxy {_shown(proxy)} of the environment reaches {parts.hostname}. As in Locust, users fail that do"
        " not name it: an HttpUser by `client.proxies` or `client.trust_env = True`, a FastHttpUser by `proxy_host`."
    )
    return Target(base, [through, *notes], server)


def _proxy_for(parts: SplitResult) -> str:
    """Return the proxy that the environment names for an address; empty for none."""
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _shown(proxy: str) -> str:
    """Return a proxy's address without its password."""
    parts = urlsplit(proxy)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


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

"""The check before a run: whether the target answers, and at which of its addresses.

A name may have several addresses, and clients try them one after the other, anew for each connection. If nothing
listens on the first (`localhost` is often ::1 first), each new connection may take a second or two before it comes to
the one that works; in a short run with few requests, this alone determines the mean and the 95th percentile.

Certificates and proxies are left to the locustfile, as in Locust: a problem with them is a note and does not prevent
the run. A target that cannot be reached from here is only a note, too, if the locustfile's code names a proxy: the
requests of the run show whether the proxy reaches it.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from festgate.rehearsal import http_client
from festgate.rehearsal.runner.proxies import proxy_in_code, proxy_of_environment
from festgate.rehearsal.runs.plan import Plan, is_built_in, journey_file

TIMEOUT = 5.0
"""Seconds for a connection, and for the first answer."""
VERSION_HEADERS = ("server", "x-powered-by", "x-version", "x-build", "via")
"""Headers in which a server names itself."""


PROXY_FAILED = frozenset({502, 503, 504})
"""The statuses of a proxy that cannot reach the target."""


class NotThere(Exception):
    """A target that cannot be reached. The message gives the reason and the remedy."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        """Join both into a message, and keep the `reason`."""
        super().__init__(f"{reason} {remedy}".rstrip())
        self.reason = reason


@dataclass(frozen=True)
class Target:
    """The server under test."""

    url: str
    """With an address that answers."""
    notes: Sequence[str]
    """Remarks for the reader of the run."""
    server: Mapping[str, str]
    """The headers in which it named itself."""
    answered: bool = True
    """Whether it answered; if not, the locustfile names a proxy that may reach it."""


@dataclass(frozen=True)
class _Attempt:
    address: str
    seconds: float
    error: OSError | None


@dataclass(frozen=True)
class CheckedPlan:
    """A plan whose targets were checked."""

    plan: Plan
    """With addresses that answer."""
    notes: Sequence[str]
    """Remarks for the reader of the run."""
    server: Mapping[str, str]
    """The headers in which the targets named themselves."""


def check_targets(plan: Plan, on_notice: Callable[[str], None]) -> CheckedPlan:
    """Check each host of a plan. Raises NotThere.

    `on_notice` is called with a sentence for each host that does not answer and that only a proxy may reach.
    """
    file = journey_file(plan.journey)
    if is_built_in(plan.journey):
        plan = replace(plan, host=plan.host.rstrip("/"))
    targets = {host: check_target(host, file) for host in plan.targets}
    checked = replace(
        plan,
        host=targets[plan.host].url if plan.host else "",
        hosts={name: targets[host].url for name, host in plan.hosts.items()},
    )
    notes = [_describe_hosts(checked.hosts)] if len(checked.targets) > 1 else []
    values: dict[str, list[str]] = {}
    for target in targets.values():
        notes += target.notes
        if target.url.endswith("/"):
            notes.append(
                f"As in Locust, the paths of requests are appended to {target.url} unchanged: /a becomes //a."
            )
        if not target.answered:
            on_notice(" ".join(target.notes))
        for header, value in target.server.items():
            values.setdefault(header, []).append(value)
    server = {header: ", ".join(dict.fromkeys(several)) for header, several in values.items()}
    return CheckedPlan(checked, notes, server)


def _describe_hosts(hosts: Mapping[str, str]) -> str:
    classes: dict[str, list[str]] = {}
    for name, host in hosts.items():
        classes.setdefault(host, []).append(name)
    listed = ", ".join(f"{host} ({', '.join(names)})" for host, names in classes.items())
    return f"The user classes have different hosts: {listed}. Steps of the same name count together."


def check_target(url: str, locustfile: Path | None = None) -> Target:
    """Try every address of the URL's host, then the proxy that the environment names. Raises NotThere.

    A target that does not answer is still returned if the code of `locustfile` names a proxy.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url} is not a web address: write it as http://HOST:PORT."
        raise NotThere(msg)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    try:
        working, notes = _find_address(parts, url)
    except NotThere as error:
        return _check_through_proxy(base, parts.hostname, error, locustfile)
    if notes and parts.scheme == "http":  # over TLS the certificate is issued for the name
        user = parts.netloc.rpartition("@")[0]
        base = f"http://{user}{'@' if user else ''}{working}{parts.path}"
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
    attempts = [_connect(family, address) for family, _, _, _, address in addresses]
    working = next((attempt for attempt in attempts if attempt.error is None), None)
    if working is None:
        errors = "; ".join(f"{attempt.address}: {_reason(attempt.error)}" for attempt in attempts)
        msg = f"Nothing answers at {url} ({errors})."
        raise NotThere(msg, "Start the server, or give its address with --host.")
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


def _check_through_proxy(base: str, name: str, error: NotThere, locustfile: Path | None) -> Target:
    """Check a target to which nothing from here connects, for the reason of `error`. Raises NotThere."""
    proxy = proxy_of_environment(base)
    if proxy:
        try:
            server, notes = _ask(base, name, proxy)
        except http_client.NoResponse as no_response:
            msg = f"{base} can be reached neither from here nor through the proxy {_shown(proxy)}: {no_response}."
            error = NotThere(msg)
        else:
            through = (
                f"Only the proxy {_shown(proxy)} of the environment reaches {name}. As in Locust, users must name it:"
                " an HttpUser by `client.proxies` or `client.trust_env = True`, a FastHttpUser by `proxy_host`. Other"
                " users fail."
            )
            return Target(base, [through, *notes], server)
    place = proxy_in_code(locustfile) if locustfile is not None else ""
    if not place:
        raise error
    unchecked = (
        f"{error.reason} The locustfile names a proxy ({place}), so the run goes ahead. Only its requests show"
        " whether that proxy reaches the target."
    )
    return Target(base, [unchecked], {}, answered=False)


def _shown(proxy: str) -> str:
    """Return a proxy's address without its password."""
    parts = urlsplit(proxy)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


def _connect(family: int, address: Any) -> _Attempt:  # noqa: ANN401  (a different tuple for each family)
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

"""A drill's access to the portal over HTTP: its armed faults, the health of its modules, and its pages."""

import ipaddress
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from festgate.drills.plan import Arm
from festgate.rehearsal import http_client
from festgate.rehearsal.http_client import HttpResponse

TIMEOUT: Final = 5.0
"""Seconds for a response, unless a caller asks for more or less."""
HEALTHY: Final = "well"
"""The value of /readyz for a module without a problem."""
_MAIL = re.compile(r'^festgate_state\{what="mail_waiting"\} (\d+)', re.MULTILINE)
NO_RESPONSE: Final = HttpResponse(0, {}, b"")


class DrillRefused(Exception):
    """A drill that is not possible on this portal or this machine. The message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The health of the portal, as /readyz reports it."""

    ready: bool
    modules: Mapping[str, str] = field(default_factory=dict)
    """The state of each module: `well`, `resting`, `absent`."""
    why: Mapping[str, str] = field(default_factory=dict)
    """The cause for each module that is not healthy."""

    def unhealthy(self) -> tuple[str, ...]:
        """Return the modules that are not healthy; `database` if it fails, `portal` if there is no response."""
        modules = tuple(name for name, state in self.modules.items() if state != HEALTHY)
        if modules or self.ready:
            return modules
        return ("database",) if self.modules else ("portal",)


class Portal:
    """A client of the portal at a loopback address."""

    def __init__(self, url: str, token: str) -> None:
        """Take the address and the drills token. Raise DrillRefused if the address is not on this machine."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname or not _is_loopback(parts.hostname):
            msg = (
                f"{url} is not a portal on this machine. Drills break things, so they only use the loopback interface:"
                " run them on the portal's machine, against http://127.0.0.1:PORT."
            )
            raise DrillRefused(msg)
        try:
            self.host, self.port = parts.hostname, parts.port or 80
        except ValueError:
            msg = f"The port in {url} is not a number from 0 to 65535."
            raise DrillRefused(msg) from None
        self.url = f"http://{parts.netloc}"
        self._token = token

    def arm(self, fault: Arm, lasts: float) -> None:
        """Arm a fault that ends by itself after `lasts` seconds. Raise DrillRefused."""
        fields = {name: value for name, value in asdict(fault).items() if name != "action"}
        response = self._faults("POST", {**fields, "lasts": lasts})
        if response.status != HTTPStatus.CREATED:
            msg = f"The portal did not arm {fault.effect} at {fault.point}: {_reason(response)}."
            raise DrillRefused(msg)

    def disarm(self) -> None:
        """Disarm every fault. Raise DrillRefused."""
        response = self._faults("DELETE")
        if response.status != HTTPStatus.NO_CONTENT:
            msg = f"The portal did not disarm its faults: {_reason(response)}."
            raise DrillRefused(msg)

    def armed(self) -> list[Mapping[str, Any]]:
        """Return the armed faults. Raise DrillRefused if the portal allows no drills or has another token."""
        response = self._faults("GET")
        if response.status == 0:
            msg = f"Nothing responds at {self.url}. Start the portal there first."
            raise DrillRefused(msg)
        if response.status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED):
            msg = (
                f"The portal at {self.url} does not allow drills with this token. Start it with FESTGATE_DRILLS_TOKEN"
                " set, and pass the same token with --token (or in FESTGATE_DRILLS_TOKEN)."
            )
            raise DrillRefused(msg)
        try:
            faults: list[Mapping[str, Any]] = json.loads(response.body)["faults"]
        except (ValueError, KeyError, TypeError):
            msg = f"The server at {self.url} is not a Festgate portal ({_reason(response)})."
            raise DrillRefused(msg) from None
        return faults

    def worker(self) -> int:
        """Return the process id of a worker that responds now; 0 if there is none."""
        try:
            return int(json.loads(self._faults("GET").body)["worker"])
        except (ValueError, KeyError, TypeError):
            return 0

    def readiness(self, seconds: float = TIMEOUT) -> Readiness:
        """Return the health of the portal now."""
        response = self.get("/readyz", seconds)
        try:
            fields = json.loads(response.body)
            modules = fields.get("modules", {})
            return Readiness(
                ready=bool(fields["ready"]),
                modules={name: str(module["state"]) for name, module in modules.items()},
                why={name: str(module.get("why") or "") for name, module in modules.items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return Readiness(ready=False)

    def emails_waiting(self) -> int | None:
        """Return how many emails have not been sent; None if the portal does not report it."""
        metric = _MAIL.search(self.get("/metrics").body.decode("utf-8", "replace"))
        return int(metric[1]) if metric else None

    def get(self, path: str, seconds: float = TIMEOUT) -> HttpResponse:
        """Request a page without an account, over a new connection. Return `NO_RESPONSE` if there is none."""
        return fetch("GET", f"{self.url}{path}", timeout=seconds)

    def _faults(self, method: str, fields: Mapping[str, Any] | None = None) -> HttpResponse:
        url = f"{self.url}/drills/faults"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = None if fields is None else json.dumps(fields).encode()
        response = fetch(method, url, headers=headers, content=body)
        # A worker that was just replaced, or whose loop is blocked, may have received the first request.
        return response if response.status else fetch(method, url, headers=headers, content=body)


def fetch(
    method: str,
    url: str,
    *,
    timeout: float = TIMEOUT,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> HttpResponse:
    """Return the response to a request over a new connection; `NO_RESPONSE` if there is none."""
    try:
        return http_client.request(method, url, timeout=timeout, headers=headers, content=content)
    except http_client.NoResponse:
        return NO_RESPONSE


def is_served(response: HttpResponse) -> bool:
    """Return whether a visitor can use the response; a refusal that gives its reason counts."""
    return 0 < response.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _reason(response: HttpResponse) -> str:
    try:
        detail = json.loads(response.body).get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    return detail.rstrip(".") or (f"HTTP {response.status}" if response.status else "it did not respond")


def _is_loopback(host: str) -> bool:
    """Return whether every address of that name belongs to the loopback interface."""
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        return bool(addresses) and all(
            ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses
        )
    except (OSError, ValueError):
        return False

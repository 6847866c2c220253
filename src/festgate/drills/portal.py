"""The portal as a drill reaches it over HTTP: its faults, how its modules are, a page of each."""

import http.client
import ipaddress
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from festgate.drills.plan import Arm

PATIENCE: Final = 5.0
"""Seconds for an answer about faults."""
WELL: Final = "well"
_MAIL = re.compile(r'^festgate_state\{what="mail_waiting"\} (\d+)', re.MULTILINE)
_CREATED, _NO_CONTENT, _OK, _NOT_FOUND, _UNAUTHORIZED, _ERROR = 201, 204, 200, 404, 401, 500


class Refuses(Exception):
    """The portal does not let itself be drilled; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    """0 where nothing did."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def served(self) -> bool:
        """Whether it is an answer that a visitor can use, a refusal with its reason among them."""
        return 0 < self.status < _ERROR


@dataclass(frozen=True, slots=True)
class Readiness:
    """What /readyz says."""

    ready: bool
    modules: Mapping[str, str] = field(default_factory=dict)
    """Each module's state: `well`, `resting`, `absent`."""
    why: Mapping[str, str] = field(default_factory=dict)
    """What a module that is not well says of itself."""

    def ill(self) -> tuple[str, ...]:
        """What is not well; `database` where nothing can be read or written, `portal` where nobody answers."""
        found = tuple(name for name, state in self.modules.items() if state != WELL)
        if found or self.ready:
            return found
        return ("database",) if self.modules else ("portal",)


class Portal:
    """The portal at `url` (loopback only)."""

    def __init__(self, url: str, token: str) -> None:
        """Asks nothing yet. Raises Refuses where it is not on this machine."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname or not _is_loopback(parts.hostname):
            msg = (
                f"{url} is not a portal on this machine. Drills break things, so they only go over loopback: run them "
                "where the portal runs, against http://127.0.0.1:PORT."
            )
            raise Refuses(msg)
        try:
            self.host, self.port = parts.hostname, parts.port or 80
        except ValueError:
            msg = f"{url} has no port that is a number."
            raise Refuses(msg) from None
        self.url = f"http://{parts.netloc}"
        self._token = token

    def arm(self, fault: Arm, lasts: float) -> None:
        """Arm a fault that ends by itself `lasts` seconds from now, whoever has died by then. Raises Refuses."""
        answer = self._faults("POST", {**asdict(fault), "lasts": lasts})
        if answer.status != _CREATED:
            msg = f"The portal did not arm {fault.effect} at {fault.point}: {_said(answer)}."
            raise Refuses(msg)

    def disarm(self) -> None:
        """Disarm every fault. Raises Refuses."""
        answer = self._faults("DELETE")
        if answer.status != _NO_CONTENT:
            msg = f"The portal did not disarm: {_said(answer)}."
            raise Refuses(msg)

    def armed(self) -> list[Mapping[str, Any]]:
        """The faults that are armed. Raises Refuses where drills are switched off there, or the token is another."""
        answer = self._faults("GET")
        if answer.status == 0:
            msg = f"Nothing answers at {self.url}. Start the portal there first."
            raise Refuses(msg)
        if answer.status in (_NOT_FOUND, _UNAUTHORIZED):
            msg = (
                f"The portal at {self.url} does not let itself be drilled. Start it with FESTGATE_DRILLS_TOKEN set, "
                "and give the same token with --token (or in FESTGATE_DRILLS_TOKEN)."
            )
            raise Refuses(msg)
        try:
            found: list[Mapping[str, Any]] = json.loads(answer.body)["faults"]
        except (ValueError, KeyError, TypeError):
            msg = f"What answers at {self.url} is no portal of Festgate ({_said(answer)})."
            raise Refuses(msg) from None
        return found

    def worker(self) -> int:
        """The process number of a worker that answers now; 0 where none says."""
        try:
            return int(json.loads(self._faults("GET").body)["worker"])
        except (ValueError, KeyError, TypeError):
            return 0

    def readiness(self, seconds: float = PATIENCE) -> Readiness:
        """How the modules are now."""
        answer = self.ask("/readyz", seconds)
        try:
            told = json.loads(answer.body)
            modules = told.get("modules", {})
            return Readiness(
                ready=bool(told["ready"]),
                modules={name: str(each["state"]) for name, each in modules.items()},
                why={name: str(each.get("why") or "") for name, each in modules.items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return Readiness(ready=False)

    def emails_waiting(self) -> int | None:
        """How many letters have not gone out; None where the portal does not say."""
        found = _MAIL.search(self.ask("/metrics").body.decode("utf-8", "replace"))
        return int(found[1]) if found else None

    def ask(self, path: str, seconds: float = PATIENCE) -> Answer:
        """GET, as a stranger over a new connection."""
        return self._send("GET", path, {}, None, seconds)

    def _faults(self, method: str, fields: Mapping[str, Any] | None = None) -> Answer:
        head = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        answer = self._send(method, "/drills/faults", head, fields, PATIENCE)
        # A worker that was just replaced or holds its loop may have taken the first one.
        return answer if answer.status else self._send(method, "/drills/faults", head, fields, PATIENCE)

    def _send(
        self,
        method: str,
        path: str,
        head: Mapping[str, str],
        fields: Mapping[str, Any] | None,
        seconds: float,
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            body = None if fields is None else json.dumps(fields).encode()
            connection.request(method, path, body, dict(head))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, {}, b"")
        finally:
            connection.close()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, content
        )


def _said(answer: Answer) -> str:
    try:
        detail = json.loads(answer.body).get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    return detail.rstrip(".") or (f"HTTP {answer.status}" if answer.status else "it did not answer")


def _is_loopback(host: str) -> bool:
    """Whether every address of that name is of this machine alone."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        return bool(found) and all(
            ipaddress.ip_address(str(each).partition("%")[0]).is_loopback for each in found
        )
    except (OSError, ValueError):
        return False

"""A real server with a small fest, and its visitors."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import httpx

from festgate.kit.db import schema
from festgate.settings import Settings
from tests.portal.tickets.fest import Fest
from tests.rig.database import open_database
from tests.rig.forms import check_out
from tests.rig.server import Server, festgate, serving
from tests.rig.waiting import until

PASSWORD = "correct horse"
ENVIRONMENT = {
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_FEST_NAME": "Spring Fest",
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
}
_TICKET = re.compile(r'href="/tickets/([0-9A-Z]+)"')
_CANCEL = re.compile(r'(?:href|action)="(/registrations/\d+/cancel)"')
_numbers = count(1)


@contextmanager
def serve_fest(data: Path, extra: Mapping[str, str] | None = None) -> Iterator["ServedFest"]:
    """Serve a fest with a free `open-talk` and a `robo-race` for 450 rupees until the end of the block."""
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(_create_events, Settings.model_validate({"data_dir": data})).result()
    with serving(data, extra=ENVIRONMENT | dict(extra or {})) as server, ExitStack() as exit_stack:
        yield ServedFest(server, exit_stack)


def _create_events(settings: Settings) -> None:
    schema.upgrade(settings)
    with open_database(settings.url) as database:
        fest = Fest(database)
        fest.event("Open Talk", place="Gallery 2")
        fest.event("Robo Race", 45_000)


class ServedFest:
    """A server with a fest, and the HTTP clients of its visitors."""

    def __init__(self, server: Server, exit_stack: ExitStack) -> None:
        """Start without visitors."""
        self.server = server
        self._exit_stack = exit_stack

    def client(self) -> httpx.Client:
        """Return an HTTP client that is not signed in."""
        return self._exit_stack.enter_context(
            httpx.Client(base_url=self.server.url, trust_env=False, verify=False, timeout=60)
        )

    def visitor(self) -> "Visitor":
        """Sign up a new visitor."""
        return Visitor(self.client())


class Visitor:
    """A visitor with an account, signed in."""

    def __init__(self, client: httpx.Client) -> None:
        """Sign up."""
        number = next(_numbers)
        self.name = f"visitor{number}"
        self.full_name = f"Ünal{number} García-Example"
        self.email = f"{self.name}@example.org"
        self.client = client
        form = {"name": self.full_name, "username": self.name, "email": self.email, "password": PASSWORD}
        assert self.client.post("/register", data=form).status_code == 303

    def become(self, role: str, data: Path) -> None:
        """Change the role and sign in again, since a new role ends all sessions."""
        assert festgate("user", "role", self.name, role, data=data).returncode == 0
        form = {"username": self.name, "password": PASSWORD}
        assert self.client.post("/login", data=form).status_code == 303

    def get_free_ticket(self) -> str:
        """Register for the talk; return the code of the ticket once it has been issued."""
        assert self.client.post("/events/open-talk/register").status_code == 303
        return self.wait_for_ticket()

    def buy_ticket(self) -> str:
        """Hold a seat at the race and pay by the sandbox; return the code of the ticket."""
        assert self.client.post("/events/robo-race/register").status_code == 303
        paid = check_out(self.client, payment_method="sandbox", card_number="4242424242424242")
        assert paid.status_code == 303
        return self.wait_for_ticket()

    def wait_for_ticket(self) -> str:
        """Wait for the first ticket on /my-events; return its code."""
        return until(self._ticket, "a ticket on /my-events")

    def cancel_registration(self) -> None:
        """Cancel the first registration on /my-events that can be cancelled, by the page that asks first."""
        question = _CANCEL.search(self.client.get("/my-events").text)
        assert question is not None
        match = _CANCEL.search(self.client.get(question[1]).text)
        assert match is not None
        assert self.client.post(match[1]).status_code == 303

    def _ticket(self) -> str | None:
        match = _TICKET.search(self.client.get("/my-events").text)
        return match[1] if match else None

"""A real server over a small fest, and its visitors, with a browser's habits or a program's."""

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
EXTRA = {
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_FEST_NAME": "Spring Fest",
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
}
_TICKET = re.compile(r'href="/tickets/([0-9A-Z]+)"')
_CANCEL = re.compile(r'action="(/registrations/\d+/cancel)"')
_numbers = count(1)


@contextmanager
def open_doors(data: Path, extra: Mapping[str, str] | None = None) -> Iterator["Doors"]:
    """A fest with a free `open-talk` and a `robo-race` for 450 rupees, served for the length of the block."""
    # On a thread, since a test with a browser has an event loop on its own already.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(_plant, Settings.model_validate({"data_dir": data})).result()
    with serving(data, extra=EXTRA | dict(extra or {})) as server, ExitStack() as leaving:
        yield Doors(server, leaving)


def _plant(settings: Settings) -> None:
    schema.upgrade(settings)
    with open_database(settings.url) as database:
        fest = Fest(database)
        fest.event("Open Talk", place="Gallery 2")
        fest.event("Robo Race", 45_000)


class Doors:
    """Where visitors come in; they leave when the doors close."""

    def __init__(self, server: Server, leaving: ExitStack) -> None:
        """Nobody has come yet."""
        self.server = server
        self._leaving = leaving

    def client(self) -> httpx.Client:
        """Someone who is not signed in."""
        return self._leaving.enter_context(
            httpx.Client(base_url=self.server.url, trust_env=False, verify=False, timeout=60)
        )

    def visitor(self) -> "Visitor":
        """Someone new, with an account, signed in."""
        return Visitor(self.client())


class Visitor:
    """Someone with an account, signed in."""

    def __init__(self, client: httpx.Client) -> None:
        """Registers."""
        self.name = f"visitor{next(_numbers)}"
        self.email = f"{self.name}@example.org"
        self.client = client
        form = {"username": self.name, "email": self.email, "password": PASSWORD}
        assert self.client.post("/register", data=form).status_code == 303

    def become(self, role: str, data: Path) -> None:
        """Get a role, and sign in again: a new role ends the sessions from before."""
        assert festgate("user", "role", self.name, role, data=data).returncode == 0
        form = {"username": self.name, "password": PASSWORD}
        assert self.client.post("/login", data=form).status_code == 303

    def get_free_ticket(self) -> str:
        """Registers for the talk; the code of the ticket, once it is there."""
        assert self.client.post("/events/open-talk/register").status_code == 303
        return self.wait_for_ticket()

    def buy_ticket(self) -> str:
        """Holds a seat at the race and pays with play money; the code of the ticket."""
        assert self.client.post("/events/robo-race/register").status_code == 303
        paid = check_out(self.client, payment_method="sandbox", card_number="4242424242424242")
        assert paid.status_code == 303
        return self.wait_for_ticket()

    def wait_for_ticket(self) -> str:
        """The code of the first ticket on /my-events."""
        return until(self._ticket, "a ticket on /my-events")

    def give_back(self) -> None:
        """The first seat that can be given back."""
        found = _CANCEL.search(self.client.get("/my-events").text)
        assert found is not None
        assert self.client.post(found[1]).status_code == 303

    def _ticket(self) -> str | None:
        found = _TICKET.search(self.client.get("/my-events").text)
        return found[1] if found else None

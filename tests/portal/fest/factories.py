"""A fest whose settings are in its data, served by this process, for tests on both kinds of database."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from festgate.kit.db.statements import Connection
from festgate.kit.roles import Role
from festgate.kit.secret import load_secret
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.app import create_app
from festgate.portal.fest import first_run
from festgate.portal.fest.stored import Effective, effective, read_stored
from festgate.settings import Given
from tests.journeys.stage import Guest
from tests.rig.database import OpenDatabase
from tests.rig.forms import hidden_fields
from tests.rig.served import served

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
OWNER = {
    "name": "Asha Rao",
    "username": "asha",
    "email": "asha@example.org",
    "password": "purple elephants dance",
}
FACTS = {
    "fest_name": "Monsoon Fest",
    "fest_starts": "2031-03-14",
    "fest_ends": "2031-03-16",
    "fest_place": "North Campus",
    "timezone": "Asia/Kolkata",
    "currency": "INR",
    "fest_contact": "help@example.org",
}


def given(folder: Path, database: OpenDatabase, **fixed: object) -> Given:
    """Return the values from outside: the data folder, the database, and `fixed` as if by the environment."""
    values: dict[str, object] = {"data_dir": folder, **fixed}
    if database.dialect != "sqlite":
        values["database_url"] = database.url
    return Given(values, dict.fromkeys(values, "environment"), {}, {"base_url": "http://127.0.0.1"})


def invite(connection: Connection, name: str, role: Role = "owner") -> Guest:
    """Add a person who is signed in."""
    person = add_person(connection, Newcomer(name, f"{name}@example.org", role), "no hash", confirmed=True)
    cookie = open_session(connection, person.id, "cookie")
    token = open_session(connection, person.id, "token")
    return Guest(person.id, name, cookie.token, token.token)


@dataclass
class Fest:
    """A fest with its database; `url` is the first host's address."""

    database: OpenDatabase
    folder: Path
    given: Given
    urls: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the first host."""
        return self.urls[0]

    @property
    def secret(self) -> bytes:
        """The fest's secret."""
        return load_secret(self.folder)

    def settings(self) -> Effective:
        """Return the settings in force, as a process that starts now reads them."""
        return effective(self.given, self.database.read(read_stored), self.secret)

    def link(self) -> str:
        """Return the path of a new link of the first run."""
        return f"{first_run.PATH}?token={self.database.write(first_run.begin_first_run, self.secret)}"

    @contextmanager
    def client(self, guest: Guest | None = None, host: int = 0) -> Iterator[httpx.Client]:
        """Open a browser without JavaScript at a host."""
        headers = guest.cookie if guest else {}
        with httpx.Client(
            base_url=self.urls[host], headers=headers, trust_env=False, verify=False, timeout=30
        ) as client:
            yield client


@contextmanager
def fest_of(
    database: OpenDatabase, folder: Path, *, hosts: int = 1, waits: bool = False, **fixed: object
) -> Iterator[Fest]:
    """Serve a fest from one or more hosts until the end of the block; its data folder is `fest` in `folder`."""
    data = folder / "fest"
    fest = Fest(database, data, given(data, database, **fixed))
    with ExitStack() as stack:
        for _ in range(hosts):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            fest.urls.append(f"http://127.0.0.1:{listener.getsockname()[1]}")
            state = fest.settings()
            app = create_app(
                state.settings, clock=database.clock, given=fest.given, stored=state.stored, waits=waits
            )
            stack.enter_context(served(app, listener))
        yield fest


def save(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Open a page of the settings and save its form with these fields."""
    shown = hidden_fields(client.get(path).text, path)
    return client.post(path, data=shown | fields)

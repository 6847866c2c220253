"""A fest with guests, served by this process, for tests of the office's API."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from sqlalchemy import select

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.roles import Role
from festgate.portal.app import create_app
from festgate.portal.audit.tables import entries
from festgate.settings import Settings
from tests.journeys.stage import Guest, before_opening, invite_one
from tests.portal.backoffice.guest_fest import GuestFest, fill_fest
from tests.rig.database import OpenDatabase
from tests.rig.served import served

_NUMBERS = count(1)
_newest = Statement(select(*entries.c["action", "subject", "origin"]).order_by(entries.c.id.desc()).limit(1))


@dataclass(frozen=True)
class Office:
    """The fest, its address, and its data."""

    url: str
    data: Path
    fest: GuestFest

    @property
    def database(self) -> OpenDatabase:
        """The data."""
        return self.fest.database

    def member(self, role: Role) -> Guest:
        """Return a new person with that role, who is signed in."""
        return self.database.write(invite_one, f"{role}-{next(_NUMBERS)}", role)

    def program(self, guest: Guest) -> httpx.Client:
        """Return the person's API client."""
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=guest.bearer, trust_env=False, timeout=30)

    def newest_entry(self) -> tuple[str, str, str]:
        """Return action, subject and origin of the newest entry of the audit log."""

        def read(connection: Connection) -> tuple[str, str, str]:
            action, subject, origin = connection.all(_newest)[0]
            return action, subject, origin

        return self.database.read(read)


@contextmanager
def open_office(data: Path) -> Iterator[Office]:
    """Serve the fest until the end of the block."""
    with before_opening(data) as database, socket.create_server(("127.0.0.1", 0)) as listener:
        fest = fill_fest(database)
        database.write(invite_one, "the-owner", "owner")
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(data_dir=data, payment_methods=("desk", "sandbox"), base_url=url)
        with served(create_app(settings, clock=database.clock), listener):
            yield Office(url, data, fest)

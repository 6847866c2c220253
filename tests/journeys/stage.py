"""A fest that is there before its gate opens: people who are signed in already, and events to go to."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.visitors import Role
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.catalogue import facade as catalogue
from tests.rig.database import OpenDatabase, migrated_file, open_database
from tests.rig.server import Server, festgate
from tests.rig.waiting import until

NO_PASSWORD = "no hash"
"""Of people who only ever come with a session that is open already."""


@dataclass(frozen=True)
class Guest:
    """Somebody who is signed in: in a browser by the cookie, at the API by the token."""

    id: int
    username: str
    session: str
    token: str

    @property
    def cookie(self) -> dict[str, str]:
        """The header that their browser sends."""
        return {"cookie": f"{SESSION_COOKIE}={self.session}"}

    @property
    def bearer(self) -> dict[str, str]:
        """The header that their program sends."""
        return {"authorization": f"Bearer {self.token}"}

    def browser(self, server: Server, **options: Any) -> httpx.Client:  # noqa: ANN401  (httpx's own options)
        """A browser of theirs without JavaScript; it does not follow redirects by itself."""
        return httpx.Client(
            base_url=server.url, headers=self.cookie, trust_env=False, verify=False, timeout=30, **options
        )

    def program(self, server: Server) -> httpx.Client:
        """A program of theirs that calls the API."""
        base = f"{server.url}/api/v1"
        return httpx.Client(base_url=base, headers=self.bearer, trust_env=False, verify=False, timeout=30)


@contextmanager
def before_opening(data: Path) -> Iterator[OpenDatabase]:
    """The data of a fest that no server has opened yet."""
    with open_database(f"sqlite:///{migrated_file(data)}") as database:
        yield database


def invite(connection: Connection, count: int, name: str = "guest", role: Role = "attendee") -> list[Guest]:
    """That many people, `guest-1` and so on, each signed in."""
    return [_guest(connection, f"{name}-{number}", role) for number in range(1, count + 1)]


def invite_one(connection: Connection, name: str, role: Role = "attendee") -> Guest:
    """One person of that name, signed in."""
    return _guest(connection, name, role)


def _guest(connection: Connection, name: str, role: Role) -> Guest:
    person = add_person(connection, Newcomer(name, f"{name}@example.org", role), NO_PASSWORD)
    sessions = [open_session(connection, person.id, kind).token for kind in ("cookie", "token")]
    return Guest(person.id, name, *sessions)


def announce(connection: Connection, /, title: str, **changes: Any) -> catalogue.Event:  # noqa: ANN401  (of Details)
    """A published event that sells since yesterday and is on tomorrow; `changes` as fields of Details, fee in paise."""
    now = connection.now
    starts_at = changes.get("starts_at", now + DAY)
    fields = {
        "title": title,
        "summary": f"{title}, in a sentence.",
        "description": f"All that is to be known of {title}.\n\n- one thing\n- another",
        "category": "Technology",
        "place": "Main Hall",
        "starts_at": starts_at,
        "ends_at": starts_at + 2 * HOUR,
        "sales_open_at": now - DAY,
        "sales_close_at": starts_at,
        "capacity": 100,
        **changes,
        "fee": Money(changes.get("fee", 45_000), "INR"),
    }
    slug = catalogue.create_event(connection, catalogue.Details(**fields)).slug
    return catalogue.publish_event(connection, slug)


def ask_file(data: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What the SQLite file says, read beside the server that serves from it."""
    with closing(sqlite3.connect(data / "festgate.sqlite3", timeout=20)) as connection:
        return connection.execute(sql, values).fetchall()


def ask_data(url: str, data: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what the data at `url` say, read beside the server; `data` is the folder of an SQLite file."""
    if url.startswith("sqlite"):
        return ask_file(data, sql)
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode()).fetchall()


def change_file(data: Path, *statements: str) -> None:
    """Change the SQLite file in one commit, beside the server that serves from it or while none does."""
    with closing(sqlite3.connect(data / "festgate.sqlite3", timeout=20)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def holds(data: Path, extra: dict[str, str] | None = None) -> None:
    """`festgate check` finds every invariant of the data to hold."""
    done = festgate("check", data=data, extra=extra)
    assert (done.returncode, done.stdout.strip()) == (0, "All invariants hold."), done.stdout + done.stderr


def quiet(server: Server) -> None:
    """Waits until every fact has been heard: tickets are issued, emails are written."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        until(
            lambda: re.search(
                r'^festgate_state\{what="facts_waiting"\} 0\.0$', client.get("/metrics").text, re.MULTILINE
            ),
            "no fact waits",
        )

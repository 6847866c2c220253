"""Data of a fest that exist before its server starts: events, and people who are signed in."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psycopg

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.roles import Role
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.accounts.facade import crew
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.catalogue import facade as catalogue
from tests.rig.database import OpenDatabase, migrated_file, open_database
from tests.rig.server import Server, festgate
from tests.rig.waiting import until

NO_PASSWORD = "no hash"
"""Stands in place of the password hash of people who only use an open session."""


@dataclass(frozen=True)
class Guest:
    """A person who is signed in: in a browser by the cookie, at the API by the token."""

    id: int
    username: str
    session: str
    token: str

    @property
    def cookie(self) -> dict[str, str]:
        """The header that the person's browser sends."""
        return {"cookie": f"{SESSION_COOKIE}={self.session}"}

    @property
    def bearer(self) -> dict[str, str]:
        """The header that the person's API client sends."""
        return {"authorization": f"Bearer {self.token}"}

    def browser(self, server: Server, **options: Any) -> httpx.Client:  # noqa: ANN401  (httpx's own options)
        """Return the person's browser, without JavaScript. It does not follow redirects."""
        return httpx.Client(
            base_url=server.url, headers=self.cookie, trust_env=False, verify=False, timeout=30, **options
        )

    def program(self, server: Server) -> httpx.Client:
        """Return the person's API client."""
        base = f"{server.url}/api/v1"
        return httpx.Client(base_url=base, headers=self.bearer, trust_env=False, verify=False, timeout=30)


@contextmanager
def before_opening(data: Path) -> Iterator[OpenDatabase]:
    """Open the data of a fest before its server starts."""
    with open_database(f"sqlite:///{migrated_file(data)}") as database:
        yield database


def invite(connection: Connection, count: int, name: str = "guest", role: Role = "attendee") -> list[Guest]:
    """Create `count` people, `guest-1` and so on, each signed in."""
    return [_guest(connection, f"{name}-{number}", role) for number in range(1, count + 1)]


def invite_one(connection: Connection, name: str, role: Role = "attendee") -> Guest:
    """Create one person with that name, signed in."""
    return _guest(connection, name, role)


def _guest(connection: Connection, name: str, role: Role) -> Guest:
    """Create a person; the first organiser is the owner, so that `festgate check` reports nothing."""
    if role == "organiser" and not any(member.person.role == "owner" for member in crew(connection)):
        role = "owner"
    person = add_person(connection, Newcomer(name, f"{name}@example.org", role), NO_PASSWORD)
    sessions = [open_session(connection, person.id, kind).token for kind in ("cookie", "token")]
    return Guest(person.id, name, *sessions)


def announce(connection: Connection, /, title: str, **changes: Any) -> catalogue.Event:  # noqa: ANN401  (of Details)
    """Publish an event that is on sale since yesterday and begins tomorrow.

    `changes` are fields of Details, with the fee in paise.
    """
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


def query_file(data: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Query the SQLite file; a server may be using it."""
    with closing(sqlite3.connect(data / "festgate.sqlite3", timeout=20)) as connection:
        return connection.execute(sql, values).fetchall()


def query_data(url: str, data: Path, sql: str) -> list[tuple[Any, ...]]:
    """Query the data at `url`; a server may be using them. `data` is the folder of an SQLite file."""
    with open_reader(url, data) as rows:
        return rows(sql)


Rows: TypeAlias = Callable[[str], list[tuple[Any, ...]]]


@contextmanager
def open_reader(url: str, data: Path) -> Iterator[Rows]:
    """Open the data at `url` for queries until the end of the block; a server may be using them."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(data / "festgate.sqlite3", timeout=20)) as file:
            yield lambda sql: file.execute(sql).fetchall()
        return
    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda sql: connection.execute(sql.encode()).fetchall()


def change_file(data: Path, *statements: str) -> None:
    """Change the SQLite file in one commit; a server may be using it."""
    with closing(sqlite3.connect(data / "festgate.sqlite3", timeout=20)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def check_data(data: Path, extra: dict[str, str] | None = None) -> None:
    """Run `festgate check`; assert that every invariant of the data holds."""
    done = festgate("check", data=data, extra=extra)
    assert (done.returncode, done.stdout.strip()) == (0, "All invariants hold."), done.stdout + done.stderr


def await_idle(server: Server) -> None:
    """Wait until every fact is handled: tickets are issued, emails are written."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        until(
            lambda: re.search(
                r'^festgate_state\{what="facts_waiting"\} 0\.0$', client.get("/metrics").text, re.MULTILINE
            ),
            "every fact is handled",
        )

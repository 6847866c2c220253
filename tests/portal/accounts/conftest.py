"""Fixtures for accounts, password hashing and a server."""

from collections.abc import Callable, Iterator
from typing import Protocol

import httpx
import pytest
from sqlalchemy import select

from festgate.kit.db.statements import Statement, metadata
from festgate.kit.roles import Role
from festgate.portal.accounts.passwords import Hasher
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import Person
from tests.portal.accounts.visiting import visitor
from tests.rig.database import OpenDatabase
from tests.rig.server import Server, serving


class Join(Protocol):
    """The fixture `join`."""

    def __call__(
        self, username: str = "Asha", password_hash: str = "none", role: Role = "attendee"
    ) -> Person:
        """Add a person whose email address is their name at example.org."""


@pytest.fixture
def join(database: OpenDatabase) -> Join:
    def join(username: str = "Asha", password_hash: str = "none", role: Role = "attendee") -> Person:
        newcomer = Newcomer(username, f"{username}@example.org", role)
        return database.write(add_person, newcomer, password_hash)

    return join


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    hasher = Hasher()
    yield hasher
    hasher.close()


@pytest.fixture
def rows(database: OpenDatabase) -> Callable[[str], list[str]]:
    """Return a function that lists every row of a table as text, as a thief of the database would see it."""

    def rows(table: str) -> list[str]:
        statement = Statement(select(metadata.tables[table]))
        return [repr(row) for row in database.read(lambda connection: connection.all(statement))]

    return rows


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("accounts") / "data") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with visitor(server) as new_client:
        yield new_client

"""Reads: who is asking, who is there."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, case, or_, select

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.visitors import Role, Visitor
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.tables import people, sessions

Kind = Literal["cookie", "token"]
"""A browser's session, or a token for the API; neither is taken for the other."""
IDLE = 7 * DAY
"""After the last use an attendee's session ends, and everybody's token. Not in less: a ticket is opened days later."""
OFFICE_IDLE = 12 * HOUR
"""The same for browsers of staff and organisers, who can do more and share computers: a day at the door, no night."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    id: int
    username: str
    email: str
    role: Role
    is_confirmed: bool = False
    """Whether the person has shown that email reaches them."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in the list of all."""

    person: Person
    created_at: Milliseconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person as whom somebody wants to sign in."""

    person: int
    password_hash: str


_person = (
    people.c.id,
    people.c.username,
    people.c.email,
    people.c.role,
    case((people.c.email_confirmed_at.is_(None), 0), else_=1),
)
# Runs on every request of everyone who is signed in: two lookups by key in one statement.
_visitor = Statement(
    select(*_person, sessions.c.seen_at)
    .join_from(sessions, people, people.c.id == sessions.c.person_id)
    .where(
        sessions.c.token_hash == bindparam("token_hash"),
        sessions.c.kind == bindparam("kind"),
        sessions.c.expires_at > bindparam("now"),
        sessions.c.seen_at > bindparam("idle_since"),
        or_(
            people.c.role == "attendee",
            sessions.c.kind == "token",
            sessions.c.seen_at > bindparam("office_idle_since"),
        ),
    )
)
_by_id = Statement(select(*_person).where(people.c.id == bindparam("person")))
_by_username = Statement(select(*_person).where(people.c.username_key == bindparam("key")))
_by_email = Statement(select(*_person).where(people.c.email_key == bindparam("key")))
_hash_by_id = Statement(select(people.c.password_hash).where(people.c.id == bindparam("person")))
# FOR SHARE (PostgreSQL): a change of the password waits for this transaction, or this one sees the change. Two sign-ins
# of one person do not wait for each other. On SQLite one transaction writes at a time.
_confirm_hash = Statement(
    select(people.c.id)
    .where(people.c.id == bindparam("person"), people.c.password_hash == bindparam("known_hash"))
    .with_for_update(read=True)
)
_candidate_by_username = Statement(
    select(people.c.id, people.c.password_hash).where(people.c.username_key == bindparam("key"))
)
_candidate_by_email = Statement(
    select(people.c.id, people.c.password_hash).where(people.c.email_key == bindparam("key"))
)
_all = Statement(select(*_person, people.c.created_at).order_by(people.c.username_key))


def hash_of(token: str) -> str:
    """What the table of sessions knows of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_visitor(connection: Connection, token: str) -> Visitor | None:
    """Who is signed in with this session cookie; None when it is none of ours, or has ended."""
    return _find(connection, token, "cookie")


def find_bearer(connection: Connection, token: str) -> Visitor | None:
    """Who calls the API with this token; None when it is none of ours, or has ended."""
    return _find(connection, token, "token")


def person_by_id(connection: Connection, person: int) -> Person:
    """The person with that number; NotFound when there is none."""
    row = connection.first(_by_id, person=person)
    if row is None:
        raise NotFound
    return _read(row)


def hash_by_id(connection: Connection, person: int) -> str:
    """What that person's password is checked against; NotFound when there is none of that number."""
    row = connection.first(_hash_by_id, person=person)
    if row is None:
        raise NotFound
    password_hash: str = row[0]
    return password_hash


def has_hash(connection: Connection, person: int, known_hash: str) -> bool:
    """Whether that still is the person's hash, and stays so until this transaction ends; for operations only."""
    return connection.first(_confirm_hash, person=person, known_hash=known_hash) is not None


def find_person(connection: Connection, name: str) -> Person | None:
    """The person of that username or email address."""
    row = connection.first(_by_email if "@" in name else _by_username, key=key_of(name))
    return None if row is None else _read(row)


def find_candidate(connection: Connection, name: str) -> Candidate | None:
    """The person of that username or email address, with what their password is checked against."""
    statement = _candidate_by_email if "@" in name else _candidate_by_username
    row = connection.first(statement, key=key_of(name))
    return None if row is None else Candidate(*row)


def all_people(connection: Connection) -> list[Member]:
    """Everybody, by username."""
    return [Member(_read(row[:-1]), row[-1]) for row in connection.all(_all)]


def _find(connection: Connection, token: str, kind: Kind) -> Visitor | None:
    now = connection.now
    row = connection.first(
        _visitor,
        token_hash=hash_of(token),
        kind=kind,
        now=now,
        idle_since=now - IDLE,
        office_idle_since=now - OFFICE_IDLE,
    )
    if row is None:
        return None
    number, username, email, role, is_confirmed, seen_at = row
    return Visitor(number, username, email, role, is_confirmed == 1, seen_at)


def _read(row: tuple[Any, ...]) -> Person:
    number, username, email, role, is_confirmed = row
    return Person(number, username, email, role, is_confirmed == 1)

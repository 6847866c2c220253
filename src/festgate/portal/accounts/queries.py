"""Reads of people and of the sessions that visitors use."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, bindparam, case, func, or_, select

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.db.search import has_words, word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.roles import ROLE_NAMES, Role
from festgate.kit.visitors import Visitor
from festgate.portal.accounts.names import key_of, plain_name
from festgate.portal.accounts.tables import IS_WALK_IN, people, sessions

Kind = Literal["cookie", "token"]
"""A browser's session or a token of the API; neither is accepted in place of the other."""
IDLE = 7 * DAY
"""Time without use after which an attendee's session and every token end: a ticket may be opened days later."""
OFFICE_IDLE = 12 * HOUR
"""The same for browsers of staff and organisers, who can do more and share computers: one day at the door."""

_WALK_IN = 2
"""What `_person` selects for a walk-in without an email address; 1 for other guests, 0 for accounts."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account, or a guest without one."""

    id: int
    username: str
    email: str
    role: Role
    is_confirmed: bool = False
    """Whether the email address is confirmed."""
    name: str = ""
    """The person's name; empty if they have not entered one."""
    is_guest: bool = False
    """Whether the person has bought without an account; their username is their name, which nobody signs in with."""
    is_walk_in: bool = False
    """Whether the person has bought at the box office without giving an email address."""

    @property
    def shown_name(self) -> str:
        """Return the person's name, or the username in its place."""
        return self.name or self.username

    @property
    def is_deleted(self) -> bool:
        """Return whether the account was deleted (deletion.py). It has no email address then."""
        return not self.email and not self.is_walk_in


@dataclass(frozen=True, slots=True)
class Member:
    """A person in the list of all accounts."""

    person: Person
    created_at: Milliseconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person whose password is to be checked or replaced, and its hash."""

    person: Person
    password_hash: str


_person = (
    *people.c["id", "username", "email", "role"],
    case((people.c.email_confirmed_at.is_(None), 0), else_=1),
    people.c.name,
    case((people.c.guest_key.is_(None), 0), (IS_WALK_IN, 2), else_=1),
)
IS_OPEN = and_(
    sessions.c.expires_at > bindparam("now"),
    sessions.c.seen_at > bindparam("idle_since"),
    or_(
        people.c.role == "attendee",
        sessions.c.kind == "token",
        sessions.c.seen_at > bindparam("office_idle_since"),
    ),
)
"""The condition of a session that has not ended, with the values of `open_times`."""
# Runs on every request of a signed-in visitor: two lookups by key in one statement.
_visitor = Statement(
    select(*_person, *sessions.c["seen_at", "proved_at"])
    .join_from(sessions, people)
    .where(sessions.c.token_hash == bindparam("token_hash"), sessions.c.kind == bindparam("kind"), IS_OPEN)
)
_by_id = Statement(select(*_person).where(people.c.id == bindparam("person")))
_by_username = Statement(select(*_person).where(people.c.username_key == bindparam("key")))
_by_email = Statement(select(*_person).where(people.c.email_key == bindparam("key")))
# FOR SHARE (PostgreSQL): a change of the password waits for this transaction, or this one reads the change. Two
# sign-ins of one person do not wait for each other. On SQLite one transaction writes at a time.
_confirm_hash = Statement(
    select(people.c.id)
    .where(people.c.id == bindparam("person"), people.c.password_hash == bindparam("known_hash"))
    .with_for_update(read=True)
)
_is_new = Statement(
    select(people.c.id).where(people.c.id == bindparam("person"), people.c.created_at > bindparam("since"))
)
_candidate = select(*_person, people.c.password_hash)
_candidate_by_id = Statement(_candidate.where(people.c.id == bindparam("person")))
_candidate_by_username = Statement(_candidate.where(people.c.username_key == bindparam("key")))
_candidate_by_email = Statement(_candidate.where(people.c.email_key == bindparam("key")))
_IS_NAMED = (has_words(people.c.search), (people.c.email != "") | IS_WALK_IN)
_named = Statement(
    select(*_person)
    .where(*_IS_NAMED)
    .order_by(people.c.search, people.c.id)
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)
_count_named = Statement(select(func.count()).select_from(people).where(*_IS_NAMED))
# A deleted account has no email address.
_all = Statement(
    select(*_person, people.c.created_at)
    .where(people.c.email != "", people.c.guest_key.is_(None))
    .order_by(people.c.username_key)
)
_crew = Statement(
    select(
        *_person,
        select(func.max(sessions.c.seen_at))
        .where(sessions.c.person_id == people.c.id, sessions.c.expires_at > bindparam("now"))
        .correlate(people)
        .scalar_subquery(),
    ).where(people.c.role != "attendee", people.c.email != "", people.c.guest_key.is_(None))
)
_any_person = Statement(select(people.c.id).limit(1))


def hash_of(token: str) -> str:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_times(now: Milliseconds) -> dict[str, Milliseconds]:
    """Return the values of IS_OPEN."""
    return {"now": now, "idle_since": now - IDLE, "office_idle_since": now - OFFICE_IDLE}


def find_visitor(connection: Connection, token: str) -> Visitor | None:
    """Return the visitor with this session cookie; None if it is unknown or its session has ended."""
    return _find(connection, token, "cookie")


def find_bearer(connection: Connection, token: str) -> Visitor | None:
    """Return the caller of the API with this token; None if it is unknown or has ended."""
    return _find(connection, token, "token")


def has_people(connection: Connection) -> bool:
    """Return whether there is any person, a guest included."""
    return connection.first(_any_person) is not None


def person_by_id(connection: Connection, person: int) -> Person:
    """Return the person with that id. Raises NotFound."""
    row = connection.first(_by_id, person=person)
    if row is None:
        raise NotFound
    return _read(row)


def candidate_by_id(connection: Connection, person: int) -> Candidate:
    """Return the person with that id, and the hash of their password. Raises NotFound."""
    row = connection.first(_candidate_by_id, person=person)
    if row is None:
        raise NotFound
    return _read_candidate(row)


def has_hash(connection: Connection, person: int, known_hash: str) -> bool:
    """Return whether that is the person's hash, and lock it until this transaction ends; for operations only."""
    return connection.first(_confirm_hash, person=person, known_hash=known_hash) is not None


def is_new(connection: Connection, person: int, age: Milliseconds) -> bool:
    """Return whether the account is younger than `age`."""
    return connection.first(_is_new, person=person, since=connection.now - age) is not None


def find_person(connection: Connection, name: str) -> Person | None:
    """Return the person with that username or email address."""
    plain = plain_name(name)
    row = connection.first(_by_email if "@" in plain else _by_username, key=key_of(plain))
    return None if row is None else _read(row)


def person_by_name(connection: Connection, name: str) -> Person:
    """Return the person with that username or email address. Raises NotFound with a sentence for the command line."""
    person = find_person(connection, name)
    if person is None:
        msg = f"There is no account named {name}."
        raise NotFound(msg)
    return person


def find_candidate(connection: Connection, name: str) -> Candidate | None:
    """Return the person with that username or email address, and the hash of their password."""
    plain = plain_name(name)
    statement = _candidate_by_email if "@" in plain else _candidate_by_username
    row = connection.first(statement, key=key_of(plain))
    return None if row is None else _read_candidate(row)


def find_people(connection: Connection, words: str, limit: int, skipped: int = 0) -> list[Person]:
    """Return at most `limit` people whose name, username and email address contain all `words`, by name.

    The first `skipped` are left out. It looks at every account, so it is for `Database.report`. Raises ValueError if
    the words cannot be searched for.
    """
    rows = connection.all(_named, limit=limit, skipped=skipped, **word_values(words_of(words)))
    return [_read(row) for row in rows]


def count_people(connection: Connection, words: str) -> int:
    """Return the number of people that `find_people` finds without a limit."""
    return int(connection.value(_count_named, **word_values(words_of(words))))


def all_people(connection: Connection) -> list[Member]:
    """Return every account, by username."""
    return [Member(_read(row[:-1]), row[-1]) for row in connection.all(_all)]


@dataclass(frozen=True, slots=True)
class CrewMember:
    """A person with a role in the team."""

    person: Person
    seen_at: Milliseconds | None
    """The last use of an open session or token; None without any."""


def crew(connection: Connection) -> list[CrewMember]:
    """Return everyone with a role, the most powerful roles first, then by name."""
    ranks = list(ROLE_NAMES)
    members = [CrewMember(_read(row[:-1]), row[-1]) for row in connection.all(_crew, now=connection.now)]
    return sorted(
        members, key=lambda member: (-ranks.index(member.person.role), key_of(member.person.shown_name))
    )


def _find(connection: Connection, token: str, kind: Kind) -> Visitor | None:
    row = connection.first(_visitor, token_hash=hash_of(token), kind=kind, **open_times(connection.now))
    if row is None:
        return None
    *_, seen_at, proved_at = row
    person = _read(row[:-2])
    return Visitor(
        person.id,
        person.username,
        person.email,
        person.role,
        person.is_confirmed,
        person.name,
        seen_at,
        person.is_guest,
        proved_at,
    )


def _read(row: tuple[Any, ...]) -> Person:
    number, username, email, role, is_confirmed, name, kind = row
    return Person(number, username, email, role, is_confirmed == 1, name, kind > 0, kind == _WALK_IN)


def _read_candidate(row: tuple[Any, ...]) -> Candidate:
    return Candidate(_read(row[:-1]), row[-1])

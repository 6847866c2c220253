"""The list of a person's own sessions and tokens, and the end of one of them.

A session is named by a keyed hash of its stored hash. A page or a program that shows the name reveals neither the token
nor anything by which the session is found in the database.
"""

import hmac
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.ids import keyed_hash
from festgate.portal.accounts.queries import IS_OPEN, Kind, hash_of, open_times
from festgate.portal.accounts.tables import people, sessions

NAME_LENGTH = 24
"""Hexadecimal digits, so that two sessions of one person never share a name."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A browser that is signed in, or a token of the API."""

    name: str
    kind: Kind
    created_at: Milliseconds
    seen_at: Milliseconds
    """Its last use, to within half an hour."""
    is_current: bool
    """Whether the list is shown to this session."""


_open = Statement(
    select(*sessions.c["token_hash", "kind", "created_at", "seen_at"])
    .join_from(sessions, people)
    .where(sessions.c.person_id == bindparam("person"), IS_OPEN)
    .order_by(sessions.c.seen_at.desc(), sessions.c.created_at.desc(), sessions.c.token_hash)
)
_end = Statement(
    delete(sessions).where(
        sessions.c.person_id == bindparam("person"), sessions.c.token_hash == bindparam("ended_hash")
    )
)


def list_sessions(connection: Connection, person: int, secret: bytes, token: str) -> list[OpenSession]:
    """Return the person's sessions and tokens: first the one with this token, then the last used."""
    current = hash_of(token)
    rows = connection.all(_open, person=person, **open_times(connection.now))
    listed = [
        OpenSession(_name_of(secret, stored_hash), kind, created_at, seen_at, stored_hash == current)
        for stored_hash, kind, created_at, seen_at in rows
    ]
    return sorted(listed, key=lambda session: not session.is_current)


def end_listed(connection: Connection, person: int, secret: bytes, name: str) -> Kind:
    """End the person's session of that name and return its kind. Raises NotFound if it has ended, or never was."""
    for stored_hash, kind, *_ in connection.all(_open, person=person, **open_times(connection.now)):
        if hmac.compare_digest(_name_of(secret, stored_hash).encode(), name.encode()):
            connection.run(_end, person=person, ended_hash=stored_hash)
            ended: Kind = kind
            return ended
    raise NotFound


def _name_of(secret: bytes, stored_hash: str) -> str:
    return keyed_hash(secret, "the name of a session in a list", stored_hash)[:NAME_LENGTH]

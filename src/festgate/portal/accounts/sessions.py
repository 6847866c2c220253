"""Sessions: opened at sign-in, ended at sign-out or by the clock."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.ids import new_token
from festgate.kit.visitors import SEEN_EVERY
from festgate.portal.accounts.attempts import forget_windows
from festgate.portal.accounts.queries import Kind, hash_of
from festgate.portal.accounts.tables import sessions

LIFE = 14 * DAY
"""Long enough for a fest and the week before it."""


@dataclass(frozen=True, slots=True)
class Session:
    """The token, which is told once and never again, and when it ends."""

    token: str
    expires_at: Milliseconds
    person: int
    device: str = ""
    """The cookie by which later sign-ins know this browser (devices.py); empty where there is no browser."""


_insert = inserting(sessions)
_delete = Statement(
    delete(sessions).where(
        sessions.c.token_hash == bindparam("token_hash"), sessions.c.kind == bindparam("kind")
    )
)
_delete_all = Statement(delete(sessions).where(sessions.c.person_id == bindparam("person")))
_forget = Statement(delete(sessions).where(sessions.c.expires_at <= bindparam("now")))
_see = Statement(
    update(sessions)
    .where(sessions.c.token_hash == bindparam("seen_hash"), sessions.c.seen_at <= bindparam("before"))
    .values(seen_at=bindparam("now"))
)


def open_session(connection: Connection, person: int, kind: Kind) -> Session:
    """A new session of that person. Its token is always ours: one that came with a request is never taken up."""
    session = Session(new_token(), connection.now + LIFE, person)
    connection.run(
        _insert,
        token_hash=hash_of(session.token),
        person_id=person,
        kind=kind,
        created_at=connection.now,
        expires_at=session.expires_at,
        seen_at=connection.now,
    )
    return session


def end_session(connection: Connection, token: str, kind: Kind) -> None:
    """From now on the token is nobody's; a token that already is changes nothing."""
    connection.run(_delete, token_hash=hash_of(token), kind=kind)


def end_sessions(connection: Connection, person: int) -> None:
    """The person is signed out in every browser, and all their tokens are over."""
    connection.run(_delete_all, person=person)


def note_seen(connection: Connection, token: str) -> None:
    """Store that the session is in use now, unless another process has just done so."""
    connection.run(_see, seen_hash=hash_of(token), before=connection.now - SEEN_EVERY, now=connection.now)


def forget_expired(connection: Connection) -> None:
    """Drop sessions and counts of attempts whose time is over. Nothing depends on it: both end by the clock."""
    connection.run(_forget, now=connection.now)
    forget_windows(connection)

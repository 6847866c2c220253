"""Sessions: opened at sign-in, ended at sign-out or when they expire."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.ids import new_token
from festgate.kit.visitors import SEEN_EVERY
from festgate.portal.accounts.attempts import forget_windows
from festgate.portal.accounts.queries import Kind, hash_of
from festgate.portal.accounts.tables import address_changes, sessions

LIFE = 14 * DAY
"""The life of a session: a fest and the week before it."""


@dataclass(frozen=True, slots=True)
class Session:
    """A new session with its token, which is not stored and so can only be sent once."""

    token: str
    expires_at: Milliseconds
    person: int
    device: str = ""
    """The device cookie for later sign-ins in this browser (devices.py); empty without a browser."""


_insert = inserting(sessions)
_delete = Statement(
    delete(sessions).where(
        sessions.c.token_hash == bindparam("token_hash"), sessions.c.kind == bindparam("kind")
    )
)
_delete_all = Statement(delete(sessions).where(sessions.c.person_id == bindparam("person")))
_delete_others = Statement(
    delete(sessions).where(
        sessions.c.person_id == bindparam("person"), sessions.c.token_hash != bindparam("kept")
    )
)
_withdraw = Statement(delete(address_changes).where(address_changes.c.person_id == bindparam("person")))
_forget = Statement(delete(sessions).where(sessions.c.expires_at <= bindparam("now")))
_forget_changes = Statement(delete(address_changes).where(address_changes.c.expires_at <= bindparam("now")))
_prove = Statement(
    update(sessions)
    .where(sessions.c.token_hash == bindparam("proved_hash"), sessions.c.person_id == bindparam("person"))
    .values(proved_at=bindparam("now"))
)
_see = Statement(
    update(sessions)
    .where(sessions.c.token_hash == bindparam("seen_hash"), sessions.c.seen_at <= bindparam("before"))
    .values(seen_at=bindparam("now"))
)


def open_session(connection: Connection, person: int, kind: Kind, *, proved: bool = True) -> Session:
    """Open a session for the person. Its token is always new: one that came with a request is never reused.

    `proved`: everything that signs the person in was entered just now.
    """
    session = Session(new_token(), connection.now + LIFE, person)
    connection.run(
        _insert,
        token_hash=hash_of(session.token),
        person_id=person,
        kind=kind,
        created_at=connection.now,
        expires_at=session.expires_at,
        seen_at=connection.now,
        proved_at=connection.now if proved else 0,
    )
    return session


def end_session(connection: Connection, token: str, kind: Kind) -> None:
    """End the session of the token. An unknown token changes nothing."""
    connection.run(_delete, token_hash=hash_of(token), kind=kind)


def end_sessions(connection: Connection, person: int) -> None:
    """Sign the person out in every browser, end all their tokens, and withdraw a change of address that waits.

    That is done when an account may have been in wrong hands, whose link must not work afterwards.
    """
    connection.run(_delete_all, person=person)
    connection.run(_withdraw, person=person)


def end_other_sessions(connection: Connection, person: int, token: str) -> int:
    """End the person's sessions and tokens, except the one with this token; return how many ended."""
    return connection.run(_delete_others, person=person, kept=hash_of(token))


def note_proof(connection: Connection, person: int, token: str) -> None:
    """Record that the person has just entered the password, and the code if there is one, in this session."""
    connection.run(_prove, person=person, proved_hash=hash_of(token), now=connection.now)


def note_seen(connection: Connection, token: str) -> None:
    """Record that the session is in use now, unless another process has just done so."""
    connection.run(_see, seen_hash=hash_of(token), before=connection.now - SEEN_EVERY, now=connection.now)


def forget_expired(connection: Connection) -> None:
    """Delete expired sessions, changes of address and counts of attempts. Only to save space: all end by the clock."""
    connection.run(_forget, now=connection.now)
    connection.run(_forget_changes, now=connection.now)
    forget_windows(connection)

"""Sessions on both databases: a token identifies its person until it expires."""

from collections.abc import Callable

import pytest

from festgate.kit.clock import DAY, SECOND
from festgate.kit.roles import Role
from festgate.kit.visitors import SEEN_EVERY, Visitor
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.facade import find_bearer, find_visitor, note_seen
from festgate.portal.accounts.queries import IDLE, OFFICE_IDLE, Kind
from festgate.portal.accounts.sessions import LIFE, end_session, forget_expired, open_session
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase

Rows = Callable[[str], list[str]]


def test_a_session_identifies_the_visitor(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha", role="staff")
    session = database.write(open_session, asha.id, "cookie")
    assert database.read(find_visitor, session.token) == Visitor(asha.id, "Asha", "Asha@example.org", "staff")
    assert session.expires_at == database.clock.now + 14 * DAY


def test_a_cookie_is_not_accepted_as_a_token_nor_a_token_as_a_cookie(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()
    cookie = database.write(open_session, asha.id, "cookie").token
    token = database.write(open_session, asha.id, "token").token
    assert database.read(find_bearer, cookie) is None
    assert database.read(find_visitor, token) is None
    bearer = database.read(find_bearer, token)
    assert bearer is not None
    assert bearer.person == asha.id


@pytest.mark.parametrize("token", ["", "guess", "\x00", "x" * 5000, "ü"])
def test_an_unknown_token_identifies_nobody(database: OpenDatabase, join: Join, token: str) -> None:
    database.write(open_session, join().id, "cookie")
    assert database.read(find_visitor, token) is None
    assert database.read(find_bearer, token) is None


def test_a_stored_session_cannot_be_used_as_a_token(database: OpenDatabase, join: Join, rows: Rows) -> None:
    token = database.write(open_session, join().id, "cookie").token
    (row,) = rows("accounts_sessions")
    assert token not in row
    (stored_token,) = [part.strip("'(") for part in row.split(",")][:1]
    assert database.read(find_visitor, stored_token) is None


def test_tokens_are_long_and_unique(database: OpenDatabase, join: Join) -> None:
    asha = join()
    tokens = {database.write(open_session, asha.id, "cookie").token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43


def test_a_session_expires_to_the_millisecond(database: OpenDatabase, join: Join) -> None:
    token = database.write(open_session, join().id, "cookie").token
    database.clock.move(LIFE - 1)
    database.write(note_seen, token)
    assert database.read(find_visitor, token) is not None
    database.clock.move(1)
    assert database.read(find_visitor, token) is None


@pytest.mark.parametrize("kind,find", [("cookie", find_visitor), ("token", find_bearer)])
def test_ending_a_session_leaves_other_sessions_valid(
    database: OpenDatabase, join: Join, kind: Kind, find: Callable[..., Visitor | None]
) -> None:
    asha = join()
    ended_token, other_token = (database.write(open_session, asha.id, kind).token for _ in range(2))
    database.write(end_session, ended_token, kind)
    database.write(end_session, ended_token, kind)
    assert database.read(find, ended_token) is None
    assert database.read(find, other_token) is not None


def test_the_periodic_task_deletes_only_expired_sessions_and_attempts(
    database: OpenDatabase, join: Join, rows: Rows
) -> None:
    asha = join()
    database.write(open_session, asha.id, "cookie")
    database.write(count_attempt, Limit("asha", 10, "Too many."))
    database.clock.move(LIFE - SECOND)
    other_token = database.write(open_session, asha.id, "cookie").token
    database.write(count_attempt, Limit("ravi", 10, "Too many."))
    database.clock.move(SECOND)
    database.write(forget_expired)
    assert len(rows("accounts_sessions")) == 1
    assert len(rows("accounts_attempts")) == 1
    assert database.read(find_visitor, other_token) is not None


@pytest.mark.parametrize(
    "role,kind,idle",
    [
        ("attendee", "cookie", IDLE),
        ("staff", "cookie", OFFICE_IDLE),
        ("organiser", "cookie", OFFICE_IDLE),
        ("organiser", "token", IDLE),
    ],
)
def test_an_idle_session_expires_and_one_in_use_continues(
    database: OpenDatabase, join: Join, role: Role, kind: Kind, idle: int
) -> None:
    find = find_bearer if kind == "token" else find_visitor
    token = database.write(open_session, join(role=role).id, kind).token
    database.clock.move(idle - 1)
    assert database.read(find, token) is not None
    database.write(note_seen, token)
    database.clock.move(idle - 1)
    assert database.read(find, token) is not None
    database.clock.move(1)
    assert database.read(find, token) is None


def test_the_last_use_of_a_session_is_stored_at_most_every_half_hour(
    database: OpenDatabase, join: Join, rows: Rows
) -> None:
    token = database.write(open_session, join().id, "cookie").token
    before = rows("accounts_sessions")
    database.clock.move(SEEN_EVERY - 1)
    database.write(note_seen, token)
    assert rows("accounts_sessions") == before
    database.clock.move(1)
    database.write(note_seen, token)
    visitor = database.read(find_visitor, token)
    assert visitor is not None
    assert visitor.seen_at == database.clock.now

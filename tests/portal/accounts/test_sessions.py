"""Sessions on both databases: a token stands for its person until it expires."""

from collections.abc import Callable

import pytest

from festgate.kit.clock import DAY, SECOND
from festgate.kit.visitors import SEEN_EVERY, Role, Visitor
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.facade import find_bearer, find_visitor, forget_expired, note_seen
from festgate.portal.accounts.queries import IDLE, OFFICE_IDLE, Kind
from festgate.portal.accounts.sessions import LIFE, end_session, open_session
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase

Rows = Callable[[str], list[str]]


def test_a_session_identifies_the_visitor(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha", role="staff")
    session = database.write(open_session, asha.id, "cookie")
    assert database.read(find_visitor, session.token) == Visitor(asha.id, "Asha", "Asha@example.org", "staff")
    assert session.expires_at == database.clock.now + 14 * DAY


def test_a_cookie_is_no_token_and_a_token_is_no_cookie(database: OpenDatabase, join: Join) -> None:
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


def test_what_is_stored_does_not_let_a_reader_of_the_data_in(
    database: OpenDatabase, join: Join, rows: Rows
) -> None:
    token = database.write(open_session, join().id, "cookie").token
    (row,) = rows("accounts_sessions")
    assert token not in row
    (stored,) = [part.strip("'(") for part in row.split(",")][:1]
    assert database.read(find_visitor, stored) is None


def test_tokens_are_long_and_never_the_same(database: OpenDatabase, join: Join) -> None:
    asha = join()
    tokens = {database.write(open_session, asha.id, "cookie").token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43


def test_a_session_ends_by_the_clock_to_the_millisecond(database: OpenDatabase, join: Join) -> None:
    token = database.write(open_session, join().id, "cookie").token
    database.clock.move(LIFE - 1)
    database.write(note_seen, token)
    assert database.read(find_visitor, token) is not None
    database.clock.move(1)
    assert database.read(find_visitor, token) is None


@pytest.mark.parametrize("kind,find", [("cookie", find_visitor), ("token", find_bearer)])
def test_a_session_that_was_ended_is_over_and_others_go_on(
    database: OpenDatabase, join: Join, kind: Kind, find: Callable[..., Visitor | None]
) -> None:
    asha = join()
    ended, going = (database.write(open_session, asha.id, kind).token for _ in range(2))
    database.write(end_session, ended, kind)
    database.write(end_session, ended, kind)
    assert database.read(find, ended) is None
    assert database.read(find, going) is not None


def test_the_periodic_task_deletes_only_what_has_expired(
    database: OpenDatabase, join: Join, rows: Rows
) -> None:
    asha = join()
    database.write(open_session, asha.id, "cookie")
    database.write(count_attempt, Limit("asha", 10, "Too many."))
    database.clock.move(LIFE - SECOND)
    going = database.write(open_session, asha.id, "cookie").token
    database.write(count_attempt, Limit("ravi", 10, "Too many."))
    database.clock.move(SECOND)
    database.write(forget_expired)
    assert len(rows("accounts_sessions")) == 1
    assert len(rows("accounts_attempts")) == 1
    assert database.read(find_visitor, going) is not None


@pytest.mark.parametrize(
    "role,kind,idle",
    [
        ("attendee", "cookie", IDLE),
        ("staff", "cookie", OFFICE_IDLE),
        ("organiser", "cookie", OFFICE_IDLE),
        ("organiser", "token", IDLE),
    ],
)
def test_a_session_that_nobody_uses_ends_and_one_in_use_goes_on(
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


def test_the_use_of_a_session_is_stored_once_in_half_an_hour(
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

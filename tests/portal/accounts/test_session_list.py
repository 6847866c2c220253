"""The list of one's own sessions and tokens, on both databases."""

from collections.abc import Callable

import pytest

from festgate.kit.clock import HOUR
from festgate.kit.errors import NotFound
from festgate.portal.accounts.queries import IDLE, find_bearer, find_visitor
from festgate.portal.accounts.session_list import end_listed, list_sessions
from festgate.portal.accounts.sessions import end_other_sessions, open_session
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase

SECRET = b"s" * 32


def test_the_list_has_every_open_session_and_this_one_first(database: OpenDatabase, join: Join) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    database.write(open_session, ravi.id, "cookie")
    database.write(open_session, asha.id, "cookie")
    database.clock.move(IDLE)  # ends that session
    here = database.write(open_session, asha.id, "cookie").token
    opened_at = database.clock.now
    database.clock.move(HOUR)
    database.write(open_session, asha.id, "token")
    listed = database.read(list_sessions, asha.id, SECRET, here)
    assert [(session.kind, session.is_current) for session in listed] == [("cookie", True), ("token", False)]
    assert [session.created_at for session in listed] == [opened_at, opened_at + HOUR]


def test_a_name_in_the_list_ends_only_a_session_of_the_same_person(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    here = database.write(open_session, asha.id, "cookie").token
    token = database.write(open_session, asha.id, "token").token
    name = database.read(list_sessions, asha.id, SECRET, here)[1].name
    for person, wrong in ((ravi.id, name), (asha.id, name[:-1]), (asha.id, ""), (asha.id, "ü")):
        with pytest.raises(NotFound):
            database.write(end_listed, person, SECRET, wrong)
    assert database.read(find_bearer, token) is not None
    assert database.write(end_listed, asha.id, SECRET, name) == "token"
    assert database.read(find_bearer, token) is None
    assert database.read(find_visitor, here) is not None


def test_the_names_reveal_nothing_by_which_a_session_is_stored(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    asha = join()
    token = database.write(open_session, asha.id, "cookie").token
    (session,) = database.read(list_sessions, asha.id, SECRET, token)
    (row,) = rows("accounts_sessions")
    assert session.name not in row
    assert session.name not in token
    assert database.read(find_visitor, session.name) is None


def test_signing_out_everywhere_else_keeps_this_session_and_other_people(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    here, elsewhere, other = (
        database.write(open_session, person, "cookie").token for person in (asha.id, asha.id, ravi.id)
    )
    assert database.write(end_other_sessions, asha.id, here) == 1
    assert database.read(find_visitor, here) is not None
    assert database.read(find_visitor, elsewhere) is None
    assert database.read(find_visitor, other) is not None

"""Signing in on both databases, as for pages and the API."""

import asyncio
from collections.abc import Callable

import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.db.database import Database
from festgate.kit.errors import Invalid, TooMany, Unavailable
from festgate.portal.accounts.attempts import Limit
from festgate.portal.accounts.facade import find_bearer, find_person, find_visitor
from festgate.portal.accounts.passwords import Hasher, hash_password, is_outdated
from festgate.portal.accounts.people import Newcomer, Taken, set_password
from festgate.portal.accounts.queries import Kind, Person, all_people, find_candidate
from festgate.portal.accounts.reception import (
    Opening,
    PasswordChanged,
    Reception,
    WrongPassword,
    finish_sign_in,
)
from festgate.portal.accounts.sessions import Session
from festgate.settings import Settings
from tests.portal.accounts.conftest import Join
from tests.portal.accounts.test_passwords import WEAKER
from tests.rig.database import OpenDatabase

PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)
COOKIE = Opening("cookie")
KINDS: tuple[Kind, ...] = ("cookie", "token")
LIMIT = Limit("a key", 3, "Too many.")
HERE, ELSEWHERE = "192.0.2.7", "192.0.2.8"
Make = Callable[..., Reception]


@pytest.fixture
def reception(database: OpenDatabase, hasher: Hasher) -> Make:
    def make(
        sign_in_limit: int = 3, address_limit: int = 1000, own_hasher: Hasher | None = None
    ) -> Reception:
        settings = Settings.model_validate({"sign_in_limit": sign_in_limit, "address_limit": address_limit})
        return Reception(database.real, own_hasher or hasher, settings, b"s" * 32)

    return make


@pytest.mark.parametrize("name", ["Asha", "asha", "ASHA@example.org"])
def test_name_or_address_and_password_open_a_session(
    database: OpenDatabase, join: Join, reception: Make, name: str
) -> None:
    asha = join("Asha", HASH)
    session = database.run(reception().sign_in(name, PASSWORD, HERE, COOKIE))
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert visitor.person == asha.id


def test_a_wrong_password_and_an_unknown_name_are_refused_in_the_same_words(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    with pytest.raises(WrongPassword) as wrong:
        database.run(reception().sign_in("Asha", "incorrect horse", HERE, COOKIE))
    with pytest.raises(WrongPassword) as unknown:
        database.run(reception().sign_in("Ravi", PASSWORD, HERE, COOKIE))
    assert (wrong.value.message, wrong.value.status) == (unknown.value.message, unknown.value.status)


def test_for_an_unknown_name_a_password_is_hashed_too(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    full = Hasher(most_waiting=0)
    try:
        for name in ("Asha", "Ravi"):
            with pytest.raises(Unavailable):
                database.run(reception(own_hasher=full).sign_in(name, PASSWORD, HERE, COOKIE))
    finally:
        full.close()


@pytest.mark.parametrize("name", ["Asha", "Ravi"])
def test_of_a_hundred_wrong_passwords_at_once_only_the_limit_is_looked_at(
    database: OpenDatabase, join: Join, reception: Make, name: str
) -> None:
    join("Asha", HASH)

    async def guess() -> list[Session | BaseException]:
        desk = reception(sign_in_limit=10)
        return await asyncio.gather(
            *(desk.sign_in(name, f"guess {number}", HERE, COOKIE) for number in range(100)),
            return_exceptions=True,
        )

    answers = database.run(guess())
    assert sum(isinstance(answer, WrongPassword) for answer in answers) == 10
    assert sum(isinstance(answer, TooMany) for answer in answers) == 90


def test_beyond_the_limit_even_the_right_password_waits_for_the_window_to_end(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in("asha", "wrong", HERE, COOKIE))
    with pytest.raises(TooMany):
        database.run(desk.sign_in("ASHA@example.org", PASSWORD, HERE, COOKIE))
    database.clock.move(15 * MINUTE)
    assert database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE)).token


def test_the_right_password_clears_the_accounts_count(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(WrongPassword):
                database.run(desk.sign_in("asha", "wrong", HERE, COOKIE))
        database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))


def test_an_account_that_is_locked_leaves_others_at_the_same_address_alone(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in("ravi", "wrong", HERE, COOKIE))
    assert database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE)).token


def test_an_address_is_limited_over_all_accounts_and_right_passwords_do_not_count(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception(address_limit=4)
    for _ in range(6):
        database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    for number in range(4):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in(f"person{number}", "wrong", HERE, COOKIE))
    with pytest.raises(TooMany):
        database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    assert database.run(desk.sign_in("asha", PASSWORD, ELSEWHERE, COOKIE)).token


def test_new_accounts_count_against_the_address_and_so_does_asking_which_names_are_taken(
    database: OpenDatabase, reception: Make
) -> None:
    desk = reception(address_limit=3)
    database.run(desk.register(Newcomer("Asha", "asha@example.org"), PASSWORD, HERE))
    for _ in range(2):
        with pytest.raises(Taken):
            database.run(desk.register(Newcomer("Asha", "asha@example.org"), PASSWORD, HERE))
    with pytest.raises(TooMany):
        database.run(desk.register(Newcomer("Ravi", "ravi@example.org"), PASSWORD, HERE))
    assert database.run(desk.register(Newcomer("Ravi", "ravi@example.org"), PASSWORD, ELSEWHERE)).id


def test_signing_in_again_ends_the_browsers_earlier_session(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    first = database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    elsewhere = database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    second = database.run(desk.sign_in("asha", PASSWORD, HERE, Opening("cookie", first.token)))
    assert second.token != first.token
    assert database.read(find_visitor, first.token) is None
    assert database.read(find_visitor, second.token) is not None
    assert database.read(find_visitor, elsewhere.token) is not None


def test_a_failed_sign_in_leaves_the_browsers_session_as_it_is(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    first = database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    with pytest.raises(WrongPassword):
        database.run(desk.sign_in("asha", "wrong", HERE, Opening("cookie", first.token)))
    assert database.read(find_visitor, first.token) is not None


def test_signing_in_brings_an_outdated_hash_up_to_date(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", WEAKER.hash(PASSWORD))
    for _ in range(2):
        assert database.run(reception().sign_in("asha", PASSWORD, HERE, COOKIE)).token
        candidate = database.read(find_candidate, "asha")
        assert candidate is not None
        assert not is_outdated(candidate.password_hash)


def test_signing_up_makes_an_attendee_who_is_signed_in(database: OpenDatabase, reception: Make) -> None:
    session = database.run(
        reception().register_and_sign_in(Newcomer("Asha", "asha@example.org"), PASSWORD, HERE, COOKIE)
    )
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert (visitor.username, visitor.role) == ("Asha", "attendee")
    assert database.run(reception().sign_in("asha", PASSWORD, HERE, Opening("token"))).token


def test_of_many_sign_ups_with_one_name_at_once_one_succeeds_and_nothing_of_the_others_is_stored(
    database: OpenDatabase, reception: Make, rows: Callable[[str], list[str]]
) -> None:
    desk = reception()

    async def register() -> list[Session | BaseException]:
        return await asyncio.gather(
            *(
                desk.register_and_sign_in(Newcomer("Asha", f"a{number}@example.org"), PASSWORD, HERE, COOKIE)
                for number in range(12)
            ),
            return_exceptions=True,
        )

    answers = database.run(register())
    assert sum(isinstance(answer, Session) for answer in answers) == 1
    assert sum(isinstance(answer, Taken) for answer in answers) == 11
    assert len(database.report(all_people)) == 1
    assert len(rows("accounts_sessions")) == 1


def test_signing_out_ends_the_session_of_that_kind_only(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    token = database.run(desk.sign_in("asha", PASSWORD, HERE, Opening("token"))).token
    database.run(desk.sign_out(token, "cookie"))
    assert database.read(find_bearer, token) is not None
    database.run(desk.sign_out(token, "token"))
    assert database.read(find_bearer, token) is None


def test_a_password_is_never_written_down(
    database: OpenDatabase, reception: Make, rows: Callable[[str], list[str]]
) -> None:
    database.run(reception().register(Newcomer("Asha", "asha@example.org"), PASSWORD, HERE))
    assert database.read(find_person, "asha") is not None
    for table in ("accounts_people", "accounts_sessions", "accounts_attempts"):
        assert PASSWORD not in " ".join(rows(table))


def test_a_password_that_changes_while_somebody_signs_in_lets_nobody_in(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    join("Asha", HASH)
    candidate = database.read(find_candidate, "asha")
    assert candidate is not None
    database.write(set_password, "asha", hash_password("another horse"))
    for kind in KINDS:
        with pytest.raises(PasswordChanged):
            database.write(finish_sign_in, candidate, None, [LIMIT], Opening(kind))
        with pytest.raises(PasswordChanged):
            database.write(finish_sign_in, candidate, HASH, [LIMIT], Opening(kind))
    assert rows("accounts_sessions") == []


def test_whichever_of_two_processes_is_first_no_session_outlives_its_password(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    join("Asha", HASH)
    candidate = database.read(find_candidate, "asha")
    assert candidate is not None

    async def race() -> list[object]:
        other = Database(database.url, clock=database.clock)
        await other.open()
        try:
            return await asyncio.gather(
                *(database.real.write(finish_sign_in, candidate, None, [LIMIT], COOKIE) for _ in range(20)),
                other.write(set_password, "asha", "another"),
                return_exceptions=True,
            )
        finally:
            await other.close()

    answers = database.run(race())
    assert all(isinstance(answer, Session | Person | PasswordChanged) for answer in answers)
    assert rows("accounts_sessions") == []


def test_guessers_keep_the_owner_out_neither_elsewhere_nor_in_a_known_browser(
    database: OpenDatabase, join: Join, reception: Make
) -> None:
    join("Asha", HASH)
    desk = reception()
    known = database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE)).device
    owner = Opening("cookie", device=known)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in("asha", "wrong", HERE, COOKIE))
    with pytest.raises(TooMany, match="link by email"):
        database.run(desk.sign_in("asha", PASSWORD, HERE, COOKIE))
    assert database.run(desk.sign_in("asha", PASSWORD, ELSEWHERE, COOKIE)).token
    assert database.run(desk.sign_in("asha", PASSWORD, HERE, owner)).token
    # Many networks together get at most ten times as many attempts.
    for number in range(27):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in("asha", "wrong", f"198.51.100.{number}", COOKIE))
    with pytest.raises(TooMany):
        database.run(desk.sign_in("asha", "wrong", "198.51.100.99", COOKIE))
    assert database.run(desk.sign_in("asha@example.org", PASSWORD, HERE, owner)).token
    # The known browser has a limit too, and is unknown after a new password.
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(desk.sign_in("asha", "wrong", HERE, owner))
    with pytest.raises(TooMany, match="in this browser"):
        database.run(desk.sign_in("asha", PASSWORD, HERE, owner))
    database.write(set_password, "asha", hash_password("another horse"))
    with pytest.raises(TooMany, match="from your network"):
        database.run(desk.sign_in("asha", "another horse", HERE, owner))


@pytest.mark.parametrize("password", ["Asha2026", "asha@example.org", "password1", "Festgate!"])
def test_the_names_that_a_guesser_knows_make_no_password(
    database: OpenDatabase, reception: Make, password: str
) -> None:
    with pytest.raises(Invalid, match="three or four words"):
        database.run(reception().register(Newcomer("Asha", "asha@example.org"), password, HERE))
    assert database.report(all_people) == []

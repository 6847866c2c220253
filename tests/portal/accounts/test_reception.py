"""Sign-in on both databases, for pages and the API."""

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
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.sessions import Session
from festgate.portal.accounts.sign_ins import HalfWay, Opening, PasswordChanged, finish_sign_in
from festgate.settings import Settings
from tests.portal.accounts.conftest import Join
from tests.portal.accounts.test_passwords import WEAK_HASHER
from tests.rig.database import OpenDatabase

PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)
COOKIE = Opening("cookie")
KINDS: tuple[Kind, ...] = ("cookie", "token")
LIMIT = Limit("a key", 3, "Too many.")
ADDRESS, OTHER_ADDRESS = "192.0.2.7", "192.0.2.8"
MakeReception = Callable[..., Reception]


@pytest.fixture
def reception(database: OpenDatabase, hasher: Hasher) -> MakeReception:
    def make(
        sign_in_limit: int = 3, address_limit: int = 1000, other_hasher: Hasher | None = None
    ) -> Reception:
        settings = Settings.model_validate(
            {"sign_in_limit": sign_in_limit, "address_limit": address_limit, "confirm_email": "on"}
        )
        return Reception(database.real, other_hasher or hasher, settings, b"s" * 32)

    return make


@pytest.mark.parametrize("name", ["Asha", "asha", "ASHA@example.org"])
def test_a_visitor_signs_in_with_a_username_or_email_address(
    database: OpenDatabase, join: Join, reception: MakeReception, name: str
) -> None:
    asha = join("Asha", HASH)
    session = database.run(reception().sign_in(name, PASSWORD, ADDRESS, COOKIE))
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert visitor.person == asha.id


def test_a_wrong_password_and_an_unknown_name_get_the_same_message(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    with pytest.raises(WrongPassword) as wrong:
        database.run(reception().sign_in("Asha", "incorrect horse", ADDRESS, COOKIE))
    with pytest.raises(WrongPassword) as unknown:
        database.run(reception().sign_in("Ravi", PASSWORD, ADDRESS, COOKIE))
    assert (wrong.value.message, wrong.value.status) == (unknown.value.message, unknown.value.status)


def test_a_password_is_hashed_even_if_the_name_is_unknown(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    full_hasher = Hasher(most_waiting=0)
    try:
        for name in ("Asha", "Ravi"):
            with pytest.raises(Unavailable):
                database.run(reception(other_hasher=full_hasher).sign_in(name, PASSWORD, ADDRESS, COOKIE))
    finally:
        full_hasher.close()


@pytest.mark.parametrize("name", ["Asha", "Ravi"])
def test_of_a_hundred_simultaneous_wrong_passwords_only_the_limit_is_checked(
    database: OpenDatabase, join: Join, reception: MakeReception, name: str
) -> None:
    join("Asha", HASH)

    async def guess() -> list[Session | HalfWay | BaseException]:
        reception_under_test = reception(sign_in_limit=10)
        return await asyncio.gather(
            *(
                reception_under_test.sign_in(name, f"guess {number}", ADDRESS, COOKIE)
                for number in range(100)
            ),
            return_exceptions=True,
        )

    results = database.run(guess())
    assert sum(isinstance(result, WrongPassword) for result in results) == 10
    assert sum(isinstance(result, TooMany) for result in results) == 90


def test_above_the_limit_even_the_right_password_is_refused_until_the_window_ends(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in("asha", "wrong", ADDRESS, COOKIE))
    with pytest.raises(TooMany):
        database.run(reception_under_test.sign_in("ASHA@example.org", PASSWORD, ADDRESS, COOKIE))
    database.clock.move(15 * MINUTE)
    assert database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE)).token


def test_the_right_password_clears_the_accounts_count(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(WrongPassword):
                database.run(reception_under_test.sign_in("asha", "wrong", ADDRESS, COOKIE))
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))


def test_a_locked_account_does_not_lock_others_at_the_same_address(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in("ravi", "wrong", ADDRESS, COOKIE))
    assert database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE)).token


def test_failed_sign_ins_of_all_accounts_count_against_the_address(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception(address_limit=4)
    for _ in range(6):
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    for number in range(4):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in(f"person{number}", "wrong", ADDRESS, COOKIE))
    with pytest.raises(TooMany):
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    assert database.run(reception_under_test.sign_in("asha", PASSWORD, OTHER_ADDRESS, COOKIE)).token


def test_sign_ups_and_taken_names_count_against_the_address(
    database: OpenDatabase, reception: MakeReception
) -> None:
    reception_under_test = reception(address_limit=3)
    database.run(reception_under_test.register(Newcomer("Asha", "asha@example.org"), PASSWORD, ADDRESS))
    for _ in range(2):
        with pytest.raises(Taken):
            database.run(
                reception_under_test.register(Newcomer("Asha", "asha@example.org"), PASSWORD, ADDRESS)
            )
    with pytest.raises(TooMany):
        database.run(reception_under_test.register(Newcomer("Ravi", "ravi@example.org"), PASSWORD, ADDRESS))
    assert database.run(
        reception_under_test.register(Newcomer("Ravi", "ravi@example.org"), PASSWORD, OTHER_ADDRESS)
    ).id


def test_signing_in_again_ends_the_browsers_earlier_session(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    first = database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    other_session = database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    second = database.run(
        reception_under_test.sign_in("asha", PASSWORD, ADDRESS, Opening("cookie", first.token))
    )
    assert second.token != first.token
    assert database.read(find_visitor, first.token) is None
    assert database.read(find_visitor, second.token) is not None
    assert database.read(find_visitor, other_session.token) is not None


def test_a_failed_sign_in_keeps_the_browsers_session(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    first = database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    with pytest.raises(WrongPassword):
        database.run(reception_under_test.sign_in("asha", "wrong", ADDRESS, Opening("cookie", first.token)))
    assert database.read(find_visitor, first.token) is not None


def test_signing_in_replaces_an_outdated_hash(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", WEAK_HASHER.hash(PASSWORD))
    for _ in range(2):
        assert database.run(reception().sign_in("asha", PASSWORD, ADDRESS, COOKIE)).token
        candidate = database.read(find_candidate, "asha")
        assert candidate is not None
        assert not is_outdated(candidate.password_hash)


def test_signing_up_creates_an_attendee_and_signs_in(
    database: OpenDatabase, reception: MakeReception
) -> None:
    session = database.run(
        reception().register_and_sign_in(Newcomer("Asha", "asha@example.org"), PASSWORD, ADDRESS, COOKIE)
    )
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert (visitor.username, visitor.role) == ("Asha", "attendee")
    assert database.run(reception().sign_in("asha", PASSWORD, ADDRESS, Opening("token"))).token


def test_a_second_click_on_sign_up_signs_in_to_the_account_of_the_first(
    database: OpenDatabase, reception: MakeReception, rows: Callable[[str], list[str]]
) -> None:
    asha = Newcomer("Asha", "asha@example.org")
    reception_under_test = reception()

    async def click(times: int) -> list[Session | BaseException]:
        clicks = (
            reception_under_test.register_and_sign_in(asha, PASSWORD, ADDRESS, COOKIE) for _ in range(times)
        )
        return await asyncio.gather(*clicks, return_exceptions=True)

    sessions = [*database.run(click(3)), *database.run(click(1))]
    visitors = {database.read(find_visitor, s.token) for s in sessions if isinstance(s, Session)}
    assert {visitor.username for visitor in visitors if visitor is not None} == {"Asha"}
    assert [type(session) for session in sessions] == [Session] * 4
    assert (len(database.report(all_people)), len(rows("kit_mail"))) == (1, 1)


def test_only_the_same_form_sent_again_at_once_signs_in(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    reception_under_test = reception(sign_in_limit=3)

    def sign_up(username: str, email: str, password: str = PASSWORD) -> Session:
        newcomer = Newcomer(username, email)
        return database.run(reception_under_test.register_and_sign_in(newcomer, password, ADDRESS, COOKIE))

    def refuse(username: str, email: str, password: str = PASSWORD) -> dict[str, str]:
        with pytest.raises(Taken) as refusal:
            sign_up(username, email, password)
        return refusal.value.fields

    sign_up("Asha", "asha@example.org")
    ravi = sign_up("Ravi", "ravi@example.org")
    both = refuse("Asha", "asha@example.org", "another horse")
    assert both.keys() == {"username", "email"}
    assert refuse("Asha", "ravi@example.org") == both
    assert refuse("Asha", "other@example.org").keys() == {"username"}
    assert refuse("Other", "asha@example.org").keys() == {"email"}
    # Guesses count as failed sign-ins, and the answer stays the same beyond the limit.
    for guess in ("third horse", "fourth horse", PASSWORD):
        assert refuse("Asha", "asha@example.org", guess) == both
    with pytest.raises(TooMany):
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    database.clock.move(5 * MINUTE)
    assert refuse("Ravi", "ravi@example.org") == both
    assert database.read(find_visitor, ravi.token) is not None


def test_only_one_of_many_simultaneous_sign_ups_with_one_name_is_stored(
    database: OpenDatabase, reception: MakeReception, rows: Callable[[str], list[str]]
) -> None:
    reception_under_test = reception()

    async def register() -> list[Session | BaseException]:
        return await asyncio.gather(
            *(
                reception_under_test.register_and_sign_in(
                    Newcomer("Asha", f"a{number}@example.org"), PASSWORD, ADDRESS, COOKIE
                )
                for number in range(12)
            ),
            return_exceptions=True,
        )

    results = database.run(register())
    assert sum(isinstance(result, Session) for result in results) == 1
    assert sum(isinstance(result, Taken) for result in results) == 11
    assert len(database.report(all_people)) == 1
    assert len(rows("accounts_sessions")) == 1


def test_signing_out_ends_the_session_of_that_kind_only(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    token = database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, Opening("token"))).token
    database.run(reception_under_test.sign_out(token, "cookie"))
    assert database.read(find_bearer, token) is not None
    database.run(reception_under_test.sign_out(token, "token"))
    assert database.read(find_bearer, token) is None


def test_a_password_is_never_stored(
    database: OpenDatabase, reception: MakeReception, rows: Callable[[str], list[str]]
) -> None:
    database.run(reception().register(Newcomer("Asha", "asha@example.org"), PASSWORD, ADDRESS))
    assert database.read(find_person, "asha") is not None
    for table in ("accounts_people", "accounts_sessions", "accounts_attempts"):
        assert PASSWORD not in " ".join(rows(table))


def test_a_password_change_during_a_sign_in_refuses_the_sign_in(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    join("Asha", HASH)
    candidate = database.read(find_candidate, "asha")
    assert candidate is not None
    database.write(set_password, "asha", hash_password("another horse"))
    for kind in KINDS:
        with pytest.raises(PasswordChanged):
            database.write(finish_sign_in, candidate, None, [LIMIT], Opening(kind), ADDRESS, b"s" * 32)
        with pytest.raises(PasswordChanged):
            database.write(finish_sign_in, candidate, HASH, [LIMIT], Opening(kind), ADDRESS, b"s" * 32)
    assert rows("accounts_sessions") == []


def test_no_session_outlives_its_password_when_two_processes_race(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    join("Asha", HASH)
    candidate = database.read(find_candidate, "asha")
    assert candidate is not None

    async def race() -> list[object]:
        other_database = Database(database.url, clock=database.clock)
        await other_database.open()
        try:
            return await asyncio.gather(
                *(
                    database.real.write(finish_sign_in, candidate, None, [LIMIT], COOKIE, ADDRESS, b"s" * 32)
                    for _ in range(20)
                ),
                other_database.write(set_password, "asha", "another"),
                return_exceptions=True,
            )
        finally:
            await other_database.close()

    results = database.run(race())
    assert all(isinstance(result, Session | Person | PasswordChanged) for result in results)
    assert rows("accounts_sessions") == []


def test_wrong_guesses_do_not_lock_out_other_networks_or_a_known_browser(
    database: OpenDatabase, join: Join, reception: MakeReception
) -> None:
    join("Asha", HASH)
    reception_under_test = reception()
    known = database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    assert isinstance(known, Session)
    owner = Opening("cookie", device=known.device)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in("asha", "wrong", ADDRESS, COOKIE))
    with pytest.raises(TooMany, match="link by email"):
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, COOKIE))
    assert database.run(reception_under_test.sign_in("asha", PASSWORD, OTHER_ADDRESS, COOKIE)).token
    assert database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, owner)).token
    # Many networks together get at most ten times as many attempts.
    for number in range(27):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in("asha", "wrong", f"198.51.100.{number}", COOKIE))
    with pytest.raises(TooMany):
        database.run(reception_under_test.sign_in("asha", "wrong", "198.51.100.99", COOKIE))
    assert database.run(reception_under_test.sign_in("asha@example.org", PASSWORD, ADDRESS, owner)).token
    # The known browser has a limit too, and is unknown after a new password.
    for _ in range(3):
        with pytest.raises(WrongPassword):
            database.run(reception_under_test.sign_in("asha", "wrong", ADDRESS, owner))
    with pytest.raises(TooMany, match="in this browser"):
        database.run(reception_under_test.sign_in("asha", PASSWORD, ADDRESS, owner))
    database.write(set_password, "asha", hash_password("another horse"))
    with pytest.raises(TooMany, match="from your network"):
        database.run(reception_under_test.sign_in("asha", "another horse", ADDRESS, owner))


@pytest.mark.parametrize("password", ["Asha2026", "asha@example.org", "password1", "Festgate!"])
def test_a_password_that_contains_a_name_or_a_common_word_is_refused(
    database: OpenDatabase, reception: MakeReception, password: str
) -> None:
    with pytest.raises(Invalid, match="three or four words"):
        database.run(reception().register(Newcomer("Asha", "asha@example.org"), password, ADDRESS))
    assert database.report(all_people) == []

"""Accounts on both databases: a name belongs to one person."""

import asyncio

import pytest

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.portal.accounts.confirmation import confirm_by_name
from festgate.portal.accounts.facade import Person, find_bearer, find_person, find_visitor, person_by_id
from festgate.portal.accounts.people import (
    Newcomer,
    Taken,
    add_person,
    replace_hash,
    set_email,
    set_password,
    set_role,
)
from festgate.portal.accounts.queries import all_people, find_candidate
from festgate.portal.accounts.sessions import open_session
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase


def test_a_person_is_found_by_id_name_and_email_address_in_any_case(
    database: OpenDatabase, join: Join
) -> None:
    asha = join("Asha")
    assert asha == Person(asha.id, "Asha", "Asha@example.org", "attendee")
    assert database.read(person_by_id, asha.id) == asha
    assert database.read(find_person, "ASHA") == asha
    assert database.read(find_person, "asha@EXAMPLE.org") == asha


def test_an_unknown_person_is_not_found(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha")
    assert database.read(find_person, "ravi") is None
    assert database.read(find_person, "ravi@example.org") is None
    with pytest.raises(NotFound):
        database.read(person_by_id, asha.id + 1)


@pytest.mark.parametrize(
    "username,email,fields",
    [
        ("ASHA", "other@example.org", {"username"}),
        ("ravi", "ASHA@example.ORG", {"email"}),
        ("asha", "asha@example.org", {"username", "email"}),
    ],
)
def test_a_taken_name_or_email_address_is_refused_with_its_field(
    database: OpenDatabase, join: Join, username: str, email: str, fields: set[str]
) -> None:
    join("Asha")
    with pytest.raises(Taken) as refusal:
        database.write(add_person, Newcomer(username, email), "none")
    assert set(refusal.value.fields) == fields
    assert refusal.value.status == 409
    assert len(database.report(all_people)) == 1


def test_only_one_of_many_simultaneous_accounts_with_one_name_is_added(
    database: OpenDatabase,
) -> None:
    async def race() -> list[Person | BaseException]:
        other_database = Database(database.url, clock=database.clock)
        await other_database.open()
        try:
            return await asyncio.gather(
                *(
                    (database.real, other_database)[number % 2].write(
                        add_person, Newcomer("Asha", f"a{number}@example.org"), "none"
                    )
                    for number in range(40)
                ),
                return_exceptions=True,
            )
        finally:
            await other_database.close()

    results = database.run(race())
    assert sum(isinstance(result, Person) for result in results) == 1
    assert all(set(result.fields) == {"username"} for result in results if isinstance(result, Taken))
    assert sum(isinstance(result, Taken) for result in results) == 39
    assert len(database.report(all_people)) == 1


def test_a_role_can_be_changed_by_username_or_email_address(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha")
    assert database.write(set_role, "asha", "staff").role == "staff"
    assert database.write(set_role, "asha@example.org", "organiser").role == "organiser"
    assert database.read(person_by_id, asha.id).role == "organiser"
    with pytest.raises(NotFound, match="There is no account named ravi"):
        database.write(set_role, "ravi", "staff")


def test_a_new_role_ends_all_sessions_and_tokens_of_only_that_person(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    cookie = database.write(open_session, asha.id, "cookie").token
    api_token = database.write(open_session, asha.id, "token").token
    other_token = database.write(open_session, ravi.id, "cookie").token
    database.write(set_role, "asha", "organiser")
    assert database.read(find_visitor, cookie) is None
    assert database.read(find_bearer, api_token) is None
    assert database.read(find_visitor, other_token) is not None


def test_a_new_password_ends_all_sessions_of_only_that_person(database: OpenDatabase, join: Join) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    cookie = database.write(open_session, asha.id, "cookie").token
    api_token = database.write(open_session, asha.id, "token").token
    other_token = database.write(open_session, ravi.id, "cookie").token
    database.write(set_password, "asha", "another")
    assert database.read(find_visitor, cookie) is None
    assert database.read(find_bearer, api_token) is None
    assert database.read(find_visitor, other_token) is not None
    candidate = database.read(find_candidate, "asha")
    assert candidate is not None
    assert candidate.password_hash == "another"


def test_a_new_hash_does_not_undo_a_changed_password(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha", "old")

    def read_hash(connection: Connection) -> str | None:
        candidate = find_candidate(connection, "asha")
        return candidate.password_hash if candidate else None

    assert database.write(replace_hash, asha.id, "old", "newer")
    assert database.read(read_hash) == "newer"
    assert not database.write(replace_hash, asha.id, "old", "wrong")
    assert database.read(read_hash) == "newer"


def test_people_are_listed_by_name(database: OpenDatabase, join: Join) -> None:
    for name in ("ravi", "Asha", "meena"):
        join(name)
    assert [member.person.username for member in database.report(all_people)] == ["Asha", "meena", "ravi"]


def test_a_new_email_address_is_unconfirmed_and_ends_all_sessions_of_that_person(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    cookie = database.write(open_session, asha.id, "cookie").token
    api_token = database.write(open_session, asha.id, "token").token
    other_token = database.write(open_session, ravi.id, "cookie").token
    with pytest.raises(Taken, match=r"Another account has the email address RAVI@example\.org"):
        database.write(set_email, "asha", "RAVI@example.org")
    assert database.read(find_visitor, cookie) is not None
    database.write(confirm_by_name, "asha")
    database.write(set_email, "asha", "asha.new@example.org")
    changed = database.read(person_by_id, asha.id)
    assert (changed.email, changed.is_confirmed) == ("asha.new@example.org", False)
    assert database.read(find_visitor, cookie) is None
    assert database.read(find_bearer, api_token) is None
    assert database.read(find_visitor, other_token) is not None

"""Accounts on both databases: a name belongs to one person."""

import asyncio

import pytest
from sqlalchemy import bindparam, select

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.portal.accounts.confirmation import confirm_by_name
from festgate.portal.accounts.facade import Person, find_bearer, find_person, find_visitor, person_by_id
from festgate.portal.accounts.people import (
    Newcomer,
    Taken,
    add_person,
    replace_hash,
    set_email,
    set_name,
    set_password,
)
from festgate.portal.accounts.queries import all_people, find_candidate
from festgate.portal.accounts.sessions import open_session
from festgate.portal.accounts.tables import people
from festgate.portal.backoffice.crew import set_role
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


def test_a_person_is_shown_by_name_and_without_one_by_username(database: OpenDatabase) -> None:
    named = database.write(add_person, Newcomer("asha", "a@example.org", name="Asha Example"), "none")
    nameless = database.write(add_person, Newcomer("ravi", "r@example.org"), "none")
    assert [database.read(person_by_id, person.id).shown_name for person in (named, nameless)] == [
        "Asha Example",
        "ravi",
    ]
    token = database.write(open_session, nameless.id, "cookie").token
    renamed = database.write(set_name, nameless.id, "Ravi Kumar")
    assert renamed == database.read(person_by_id, nameless.id)
    visitor = database.read(find_visitor, token)
    assert visitor is not None
    assert (visitor.name, visitor.shown_name) == ("Ravi Kumar", "Ravi Kumar")


def test_searches_find_people_by_their_present_name_and_address(database: OpenDatabase) -> None:
    asha = database.write(add_person, Newcomer("asha7", "a@example.org", name="Asha Ünal-García"), "none")
    assert database.read(search_of, asha.id) == "asha unal garcia asha7 a example org"
    database.write(set_name, asha.id, "Asha O\u2019Brien")
    database.write(set_email, "asha7", "b@example.org")
    assert database.read(search_of, asha.id) == "asha obrien asha7 b example org"
    database.write(set_name, asha.id, "")
    assert database.read(search_of, asha.id) == "asha7 b example org"


def search_of(connection: Connection, person: int) -> str:
    """Return the folded text in which searches find the person."""
    statement = Statement(select(people.c.search).where(people.c.id == bindparam("person")))
    return str(connection.value(statement, person=person))


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

"""Accounts: made once, under names that nobody else has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.translation import N_
from festgate.kit.visitors import Role
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.queries import Person, find_person
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.tables import people


class Taken(Conflict):
    """Somebody has that username or email address. `fields` maps each field's name to a sentence."""

    code = "taken"
    title = N_("Already taken")

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Each value says what to do."""
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What somebody gives to get an account; the names have passed through names.py."""

    username: str
    email: str
    role: Role = "attendee"


_insert = inserting(people, returning="id")
_set_role = Statement(
    update(people).where(people.c.id == bindparam("person")).values(role=bindparam("new_role"))
)
_set_hash = Statement(
    update(people).where(people.c.id == bindparam("person")).values(password_hash=bindparam("new_hash"))
)
_set_email = Statement(
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(email=bindparam("new_email"), email_key=bindparam("new_key"), email_confirmed_at=None)
)
_replace_hash = Statement(
    update(people)
    .where(people.c.id == bindparam("person"), people.c.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"))
)


def find_taken(connection: Connection, newcomer: Newcomer) -> dict[str, str]:
    """The fields (`username`, `email`) whose names somebody has, each with a sentence; empty when both are free."""
    taken: dict[str, str] = {}
    if find_person(connection, newcomer.username) is not None:
        taken["username"] = "This username is taken. Choose another."
    if find_person(connection, newcomer.email) is not None:
        taken["email"] = "An account with this email address already exists. Sign in instead."
    return taken


def add_person(
    connection: Connection, newcomer: Newcomer, password_hash: str, *, confirmed: bool = False
) -> Person:
    """Add a person and return them; Taken when a name is somebody else's.

    `confirmed` where an organiser or the program vouches for the email address.
    """
    taken = find_taken(connection, newcomer)
    if taken:
        raise Taken(taken)
    try:
        number = connection.value(
            _insert,
            username=newcomer.username,
            username_key=key_of(newcomer.username),
            email=newcomer.email,
            email_key=key_of(newcomer.email),
            password_hash=password_hash,
            role=newcomer.role,
            created_at=connection.now,
            email_confirmed_at=connection.now if confirmed else None,
        )
    except UniqueViolation as error:
        # Another process took a name since we looked; looking again says which.
        raise TryAgain from error
    return Person(number, newcomer.username, newcomer.email, newcomer.role, confirmed)


def set_role(connection: Connection, name: str, role: Role) -> Person:
    """Give the person of that username or email address a role and sign them out everywhere; NotFound if there is none.

    Whoever used a session or token of theirs does not get the new role with it.
    """
    person = _named(connection, name)
    connection.run(_set_role, person=person.id, new_role=role)
    end_sessions(connection, person.id)
    return replace(person, role=role)


def set_password(connection: Connection, name: str, password_hash: str) -> Person:
    """The person of that username or email address, signed out everywhere, with another password; else NotFound."""
    person = _named(connection, name)
    connection.run(_set_hash, person=person.id, new_hash=password_hash)
    end_sessions(connection, person.id)
    return person


def set_email(connection: Connection, name: str, email: str) -> Person:
    """Give the person of that username or email address another address, and sign them out everywhere.

    `email` has passed through names.py; it is unconfirmed, also where it is written in another way only. NotFound
    where there is no such person, Taken where somebody else has the address.
    """
    person = _named(connection, name)
    other = find_person(connection, email)
    if other is not None and other.id != person.id:
        raise Taken({"email": f"Another account has the email address {email}."})
    try:
        connection.run(_set_email, person=person.id, new_email=email, new_key=key_of(email))
    except UniqueViolation as error:
        raise TryAgain from error
    end_sessions(connection, person.id)
    return replace(person, email=email, is_confirmed=False)


def replace_hash(connection: Connection, person: int, old: str, new: str) -> bool:
    """Another hash in the place of `old`: whether it still was the person's, and so was replaced."""
    return connection.run(_replace_hash, person=person, old_hash=old, new_hash=new) == 1


def _named(connection: Connection, name: str) -> Person:
    person = find_person(connection, name)
    if person is None:
        msg = f"There is no account named {name}."
        raise NotFound(msg)
    return person

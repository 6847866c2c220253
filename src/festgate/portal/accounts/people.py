"""Accounts: made under a free username and email address, and changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Conflict
from festgate.kit.roles import Role
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts.names import key_of, search_text
from festgate.portal.accounts.queries import Person, find_person, person_by_id, person_by_name
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.tables import people
from festgate.portal.audit import facade as audit


class Taken(Conflict):
    """Another account has that username or email address. `fields` maps each field's name to a sentence."""

    code = "taken"
    title = N_("Already taken")

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Take a sentence for each field that is taken."""
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class LastOwner(Conflict):
    """The only owner cannot lose that role, because nobody could give it back."""

    code = "last-owner"
    title = N_("The last owner stays")
    message = N_("This is the only owner of the fest. Make somebody else an owner first.")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The data of a new account; names.py has checked the names."""

    username: str
    email: str
    role: Role = "attendee"
    name: str = ""
    """The person's name; empty if they have not entered one."""


_insert = inserting(people, returning="id")
_person = update(people).where(people.c.id == bindparam("person"))
_set_role = Statement(_person.values(role=bindparam("new_role")))
_owners = people.alias("owners")
_other_owners = select(_owners.c.id).where(_owners.c.role == "owner", _owners.c.email != "")
_other_owner = Statement(_other_owners.where(_owners.c.id != bindparam("person")))
# Changes nothing where it would leave the fest without an owner. Two owners that remove each other take turns, because
# both lock the rows of all owners first.
_lock_owners = Statement(_other_owners.order_by(_owners.c.id).with_for_update())
_take_ownership = Statement(
    _person.where(
        (people.c.role != "owner")
        | _other_owners.where(_owners.c.id != people.c.id).correlate(people).exists()
    ).values(role=bindparam("new_role"))
)
_set_hash = Statement(_person.values(password_hash=bindparam("new_hash")))
_set_email = Statement(
    _person.values(
        email=bindparam("new_email"),
        email_key=bindparam("new_key"),
        email_confirmed_at=None,
        search=bindparam("new_search"),
    )
)
_set_name = Statement(_person.values(name=bindparam("new_name"), search=bindparam("new_search")))
_replace_hash = Statement(
    _person.where(people.c.password_hash == bindparam("old_hash")).values(password_hash=bindparam("new_hash"))
)


def find_taken(connection: Connection, newcomer: Newcomer) -> dict[str, str]:
    """Return the fields (`username`, `email`) whose values are taken, each with a sentence; empty if both are free."""
    taken: dict[str, str] = {}
    if find_person(connection, newcomer.username) is not None:
        taken["username"] = gettext("This username is taken. Choose another.")
    if find_person(connection, newcomer.email) is not None:
        taken["email"] = gettext("An account with this email address already exists. Sign in instead.")
    return taken


def add_person(
    connection: Connection, newcomer: Newcomer, password_hash: str, *, confirmed: bool = False
) -> Person:
    """Add a person and return them. Raises Taken.

    `confirmed`: the email address counts as confirmed, because an organiser or the program has entered it.
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
            name=newcomer.name,
            search=search_text(newcomer.name, newcomer.username, newcomer.email),
            guest_key=None,
            claimed_by=None,
        )
    except UniqueViolation as error:
        # Another process has just taken one of the names; trying again finds out which.
        raise TryAgain from error
    return Person(number, newcomer.username, newcomer.email, newcomer.role, confirmed, newcomer.name)


def add_by_command(connection: Connection, newcomer: Newcomer, password_hash: str) -> Person:
    """Add a person with a confirmed address, and record it in the audit log; for the command line. Raises Taken."""
    person = add_person(connection, newcomer, password_hash, confirmed=True)
    audit.record(connection, COMMAND, "account.made", "", **{audit.PERSON: person.id})
    record_role(connection, COMMAND, person, "attendee")
    return person


def change_role(connection: Connection, person: Person, role: Role, actor: Actor) -> Person:
    """Give the person another role, and sign them out everywhere. Raises LastOwner.

    Signing out ends every session and token, so that nobody else who uses one gets the new role. `actor` is for the
    audit log.
    """
    if role == "owner":
        connection.run(_set_role, person=person.id, new_role=role)
    else:
        lock_owners(connection)
        if not connection.run(_take_ownership, person=person.id, new_role=role):
            raise LastOwner
    end_sessions(connection, person.id)
    changed = replace(person, role=role)
    record_role(connection, actor, changed, person.role)
    return changed


def record_role(connection: Connection, actor: Actor, person: Person, before: Role) -> None:
    """Record in the audit log that the person has another role than before."""
    if person.role != before:
        about: dict[str, str | int] = {audit.PERSON: person.id, "from": before, "to": person.role}
        audit.record(connection, actor, "role.changed", "", event_id=None, **about)


def lock_owners(connection: Connection) -> list[int]:
    """Return the ids of the owners, and let others that change or delete one wait, so that one owner stays."""
    return [person for (person,) in connection.all(_lock_owners)]


def has_other_owner(connection: Connection, person_id: int) -> bool:
    """Return whether somebody else is an owner."""
    return connection.first(_other_owner, person=person_id) is not None


def set_password(connection: Connection, name: str, password_hash: str) -> Person:
    """Give the account with that username or email address a password, and sign it out everywhere.

    It is for the command line, and records that in the audit log. Raises NotFound.
    """
    person = person_by_name(connection, name)
    connection.run(_set_hash, person=person.id, new_hash=password_hash)
    end_sessions(connection, person.id)
    audit.record(connection, COMMAND, "password.changed", "", **{audit.PERSON: person.id})
    return person


def set_email(connection: Connection, name: str, email: str) -> Person:
    """Give the account with that username or email address another address, and sign it out everywhere.

    names.py has checked `email`. It is unconfirmed, even if only its spelling differs. Raises NotFound or Taken.
    """
    person = person_by_name(connection, name)
    refuse_taken(connection, person, email)
    try:
        connection.run(
            _set_email,
            person=person.id,
            new_email=email,
            new_key=key_of(email),
            new_search=search_text(person.name, person.username, email),
        )
    except UniqueViolation as error:
        raise TryAgain from error
    end_sessions(connection, person.id)
    return replace(person, email=email, is_confirmed=False)


def refuse_taken(connection: Connection, person: Person, email: str) -> None:
    """Raise Taken if an account other than the person's has the email address."""
    other = find_person(connection, email)
    if other is not None and other.id != person.id:
        raise Taken({"email": gettext("Another account has the email address {email}.").format(email=email)})


def set_name(connection: Connection, person_id: int, name: str) -> Person:
    """Give the person a name, which names.py has checked; an empty one shows the username again. Raises NotFound."""
    person = person_by_id(connection, person_id)
    search = search_text(name, person.username, person.email)
    connection.run(_set_name, person=person.id, new_name=name, new_search=search)
    return replace(person, name=name)


def replace_hash(connection: Connection, person: int, old: str, new: str) -> bool:
    """Replace the person's hash if it still is `old`; return whether it was."""
    return connection.run(_replace_hash, person=person, old_hash=old, new_hash=new) == 1

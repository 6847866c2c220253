"""Guests: buyers without an account, with a name and an email address.

A guest is a row of people without a password, and with a `guest_key` in place of the key of the email address: so it
does not take the address from a later account, and nobody can sign in as a guest. Each browser that buys gets a row of
its own, and sees only what it has bought itself, because anyone can enter anybody's address. The limits on seats count
all rows of an address together. The opener of a link in an email has proved to own the mailbox, and gets the
orders of all rows of its address (guest_claims.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound, SignInNeeded
from festgate.kit.ids import keyed_hash, new_token
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts.attempts import Limit, count_attempt, network_of
from festgate.portal.accounts.confirmation import mailbox_of
from festgate.portal.accounts.guest_links import end_links
from festgate.portal.accounts.names import key_of, read_email, read_person_name, search_text
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.sessions import Session, end_sessions, open_session
from festgate.portal.accounts.tables import guest_forms, people
from festgate.portal.audit import facade as audit

SECOND_CLICK = 2 * MINUTE
"""Time in which the same form from the same browser is a second click: a page that loads slowly is sent again."""
MAX_CHECKOUTS = 20
"""Purchases with one email address in an hour, by all browsers together."""


@dataclass(frozen=True, slots=True)
class GuestEntry:
    """The name and the email address that a guest has entered."""

    name: str
    email: str


_insert = inserting(people, returning="id")
_insert_form = inserting(guest_forms)
_form = Statement(
    select(guest_forms.c.person_id).where(
        guest_forms.c.key == bindparam("key"), guest_forms.c.expires_at > bindparam("now")
    )
)
_forget_form = Statement(
    delete(guest_forms).where(
        guest_forms.c.key == bindparam("key"), guest_forms.c.expires_at <= bindparam("now")
    )
)
_forget_forms = Statement(delete(guest_forms).where(guest_forms.c.expires_at <= bindparam("now")))
_lock = Statement(
    select(*people.c["guest_key", "email"])
    .where(people.c.id == bindparam("person"), people.c.guest_key.is_not(None))
    .with_for_update(key_share=True)
)
_set_email = Statement(
    update(people)
    .where(people.c.id == bindparam("person"), people.c.guest_key.is_not(None))
    .values(
        email=bindparam("new_email"),
        guest_key=bindparam("new_key"),
        email_confirmed_at=None,
        search=bindparam("new_search"),
    )
)
_same_address = Statement(select(people.c.id).where(people.c.guest_key == bindparam("key")))


def has_guest(fields: Mapping[str, str]) -> bool:
    """Return whether the form is one of a guest."""
    return "name" in fields and "email" in fields


def read_guest(fields: Mapping[str, str]) -> GuestEntry:
    """Return the name and the email address of the form, cleaned. Raises Invalid."""
    errors: dict[str, str] = {}
    name = email = ""
    try:
        name = read_person_name(fields.get("name", ""))
    except ValueError as error:
        errors["name"] = str(error)
    try:
        email = read_email(fields.get("email", ""))
    except ValueError as error:
        errors["email"] = str(error)
    if errors:
        raise Invalid(errors)
    return GuestEntry(name, email)


def form_key(secret: bytes, host: str, browser: str, form: str) -> str:
    """Return the key of a form that a browser of that network has sent."""
    return keyed_hash(secret, "a form of a guest", f"{network_of(host)}\0{browser}\0{form}")


def admit_guest(
    connection: Connection, secret: bytes, entry: GuestEntry, key: str, *, known: int | None = None
) -> tuple[int, bool]:
    """Return the id of the guest's row, and whether the form with that key is a second click. Raises TooMany.

    `known` is the guest of this browser, if it has bought with the same address before.
    """
    # The row of this count is locked until the transaction ends: purchases with one address take turns.
    count_attempt(connection, _checkouts(secret, entry.email))
    connection.run(_forget_form, key=key, now=connection.now)
    again: int | None = connection.value(_form, key=key, now=connection.now)
    if again is not None:
        return again, True
    person_id = known or add_guest(connection, entry)
    try:
        connection.run(_insert_form, key=key, person_id=person_id, expires_at=connection.now + SECOND_CLICK)
    except UniqueViolation:
        raise TryAgain from None  # the first click has just been answered by another process
    return person_id, False


def open_guest_session(connection: Connection, person_id: int) -> Session:
    """Open a session in which the browser sees what it has bought."""
    return open_session(connection, person_id, "cookie", proved=False)


def lock_guest(connection: Connection, person_id: int) -> str:
    """Return the key of the guest's address, and lock the guest's row. SignInNeeded if an account has claimed it."""
    row = connection.first(_lock, person=person_id)
    if row is None or not row[1]:
        raise SignInNeeded
    key: str = row[0]
    return key


def is_same_guest(person_email: str, entry: GuestEntry) -> bool:
    """Return whether the entered address is that one."""
    return key_of(person_email) == key_of(entry.email)


def guest_ids(connection: Connection, email: str) -> list[int]:
    """Return the ids of the guests with that email address."""
    return [number for (number,) in connection.all(_same_address, key=key_of(email))]


def guest_by_id(connection: Connection, person_id: int) -> Person:
    """Return the guest. Raises SignInNeeded if it is none, or not any more."""
    person = person_by_id(connection, person_id)
    if not person.is_guest or person.is_deleted:
        raise SignInNeeded
    return person


def end_guest_access(connection: Connection, person_id: int, actor: Actor | None = None) -> None:
    """End every link to the guest's orders and every session, for an organiser. Raises NotFound for an account.

    `actor` is for the audit log.
    """
    guest_to_delete(connection, person_id)
    end_sessions(connection, person_id)
    end_links(connection, person_id)
    if actor is not None:
        audit.record(connection, actor, "guest-links.ended", "", **{audit.PERSON: person_id})


def guest_to_delete(connection: Connection, person_id: int) -> Person:
    """Return the guest whose data an organiser may delete. Raises NotFound for an account, or a deleted guest."""
    person = person_by_id(connection, person_id)
    if not person.is_guest or person.is_deleted:
        raise NotFound
    return person


def set_guest_email(connection: Connection, person: Person, email: str) -> None:
    """Give the guest another address, which names.py has checked; links to the former one and all sessions end."""
    connection.run(
        _set_email,
        person=person.id,
        new_email=email,
        new_key=key_of(email),
        new_search=search_text(person.name, "", email),
    )
    end_sessions(connection, person.id)
    end_links(connection, person.id)


def forget_forms(connection: Connection) -> None:
    """Delete the forms that are too old for a second click, only to save space."""
    connection.run(_forget_forms, now=connection.now)


def add_guest(connection: Connection, entry: GuestEntry) -> int:
    """Add a guest and return the id: no other purchase with the same address belongs to it."""
    # A space is in no username, and a key has no upper case: nobody can sign up, or be looked up, with it.
    unreachable = f"GUEST {new_token()}"
    person_id: int = connection.value(
        _insert,
        username=entry.name,
        username_key=unreachable,
        email=entry.email,
        email_key=unreachable,
        password_hash="",
        role="attendee",
        created_at=connection.now,
        email_confirmed_at=None,
        name=entry.name,
        search=search_text(entry.name, "", entry.email),
        guest_key=key_of(entry.email),
        claimed_by=None,
    )
    return person_id


def _checkouts(secret: bytes, email: str) -> Limit:
    sentence = gettext("There were many registrations with this email address.")
    return Limit(keyed_hash(secret, "checkouts of a guest", mailbox_of(email)), MAX_CHECKOUTS, sentence, HOUR)

"""Finding one's tickets again without an account: an email with a link, if there is anything to open."""

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail
from festgate.kit.translation import gettext
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.confirmation import mailbox_of
from festgate.portal.accounts.guest_links import add_link
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.tables import people
from festgate.settings import Settings

LIFE = 7 * DAY
MAX_EMAILS = 3
"""Emails to one mailbox in one window of attempts: after three more would only annoy its owner."""
MAX_EMAILS_A_DAY = 10

_latest = Statement(select(func.max(people.c.id)).where(people.c.guest_key == bindparam("key")))


def find_tickets(
    connection: Connection, email: str, address: Limit, secret: bytes, settings: Settings
) -> None:
    """Queue an email with a link to the tickets of the guest with that address; do nothing if there is none.

    TooMany if the limit of the client address is reached. The answer does not reveal whether an email was sent.
    """
    count_attempt(connection, address)
    guest: int | None = connection.value(_latest, key=key_of(email))
    if guest is not None:
        try:
            send_link(connection, person_by_id(connection, guest), secret, settings)
        except TooMany:
            return


def send_link_to_guest(connection: Connection, person_id: int, secret: bytes, settings: Settings) -> Person:
    """Queue an email with a link, which confirms the address, unless it is confirmed; return the guest. TooMany."""
    person = person_by_id(connection, person_id)
    if not person.is_confirmed:
        send_link(connection, person, secret, settings)
    return person


def send_link(
    connection: Connection, person: Person, secret: bytes, settings: Settings, path: str = ""
) -> None:
    """Queue an email with a link for the guest. TooMany if the mailbox got several already."""
    key = keyed_hash(secret, "links to the mailbox of a guest", mailbox_of(person.email))
    sentence = gettext("We have sent several links to {email}.").format(email=person.email)
    count_attempt(connection, Limit(key, MAX_EMAILS, sentence))
    count_attempt(connection, Limit(f"{key}:day", MAX_EMAILS_A_DAY, sentence, DAY))
    link = add_link(connection, secret, person.id, path, connection.now + LIFE)
    text = gettext(
        "Hello {name},\n\n"
        "this link opens your tickets and orders at {fest}:\n\n"
        "{link}\n\n"
        "It works for seven days, without a password. Keep it to yourself.\n\n"
        "If you did not ask for this, ignore this email.\n\n"
        "{fest}\n"
    ).format(name=person.shown_name, fest=settings.fest_name, link=link)
    mail.post(
        connection,
        f"guest-link:{person.id}:{link.arguments[0]}",
        person.email,
        gettext("Your tickets at {fest}").format(fest=settings.fest_name),
        text,
        priority="access",
        links=[link],
    )

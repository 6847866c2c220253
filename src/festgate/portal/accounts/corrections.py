"""Correcting a mistyped email address of somebody else's account: by organisers, and on the command line.

The owner of an address can get a link that sets a new password, so an organiser could take an account over by
correcting its address. Therefore the addresses of staff and organisers are corrected on the machine of the fest only,
and a confirmed address, which its owner has used before, gets an email about the change (decision 0039).
"""

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.messaging import mail, outbox
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts.confirmation import send_first_confirmation
from festgate.portal.accounts.facts import AddressCorrected
from festgate.portal.accounts.guests import set_guest_email
from festgate.portal.accounts.people import refuse_taken, set_email
from festgate.portal.accounts.queries import Person, person_by_id, person_by_name
from festgate.portal.audit import facade as audit
from festgate.settings import Settings


class CrewAddress(Conflict):
    """The address of a member of staff or an organiser, which other organisers cannot correct."""

    code = "crew-address"
    title = N_("This address cannot be corrected here")
    message = N_(
        "This account belongs to staff or an organiser. Only they can change its address, or “festgate user email” on "
        "the machine of the fest."
    )


def check_correction(connection: Connection, person_id: int, email: str) -> Person:
    """Return the person whose address organisers may replace by `email`. Raises NotFound, CrewAddress or Taken."""
    person = person_by_id(connection, person_id)
    if person.is_deleted:
        raise NotFound
    if person.role != "attendee":
        raise CrewAddress
    if not person.is_guest:  # a guest's address may be that of an account
        refuse_taken(connection, person, email)
    return person


def correct_shown_email(
    connection: Connection,
    person_id: int,
    email: str,
    shown: str,
    secret: bytes,
    settings: Settings,
    actor: Actor | None = None,
) -> Person:
    """Correct the address `shown` of a person for an organiser. A form that is sent twice changes it once.

    `actor` is for the audit log.
    Raises NotFound, CrewAddress, Taken, or Changed if the address is another one by now.
    """
    person = check_correction(connection, person_id, email)
    if person.email == email:
        return person
    if person.email != shown:
        raise Changed
    if person.is_guest:
        _record(connection, actor, person)
        set_guest_email(connection, person, email)
        outbox.record(connection, AddressCorrected(person.id))
        return person_by_id(connection, person.id)
    return correct_email(connection, person.username, email, secret, settings, actor)


def correct_email(
    connection: Connection,
    name: str,
    email: str,
    secret: bytes,
    settings: Settings,
    actor: Actor | None = None,
) -> Person:
    """Give the account with that username or email address another address, which names.py has checked.

    The person is signed out everywhere, the new address gets the link that confirms it, and the module of tickets sends
    their tickets there. A confirmed old address gets an email. `actor` is for the audit log. Raises NotFound or Taken.
    """
    before = person_by_name(connection, name)
    person = set_email(connection, name, email)
    _record(connection, actor, person)
    send_first_confirmation(connection, person, secret, settings)
    if before.is_confirmed and before.email != email:
        _inform_old_address(connection, before, settings)
    outbox.record(connection, AddressCorrected(person.id))
    return person


def _record(connection: Connection, actor: Actor | None, person: Person) -> None:
    """Record the correction without the addresses, which would stay after the account is deleted."""
    if actor is not None:
        audit.record(connection, actor, "email-address.corrected", "", **{audit.PERSON: person.id})


def _inform_old_address(connection: Connection, before: Person, settings: Settings) -> None:
    text = gettext(
        "Hello {name},\n\n"
        "the organisers of {fest} have changed the email address of your account {username}. Emails and tickets no "
        "longer come to {email}, and you have been signed out.\n\n"
        "If you did not ask for this, contact the organisers.\n\n"
        "{fest}\n"
    ).format(name=before.shown_name, username=before.username, email=before.email, fest=settings.fest_name)
    topic = f"address-corrected:{before.id}:{connection.now}"
    mail.post(connection, topic, before.email, gettext("Your email address was changed"), text)

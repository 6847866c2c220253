"""Downloading all data of an account, and deleting the account.

Deleting keeps the row, because the books keep its orders, and replaces everything in it that names the person: the
username by a placeholder that nobody can sign up or sign in with, the email address and the name by nothing. Username
and email address are free again. The other modules end their part in the same transaction (personal_data.py).
"""

import hashlib
import json
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, case, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Conflict
from festgate.kit.messaging import mail_erasure
from festgate.kit.messaging.mail_erasure import StoredEmails
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts.address_changes import find_change
from festgate.portal.accounts.guest_links import end_links
from festgate.portal.accounts.invitations import end_invitations, export_invitation
from festgate.portal.accounts.names import key_of, search_text
from festgate.portal.accounts.people import has_other_owner, lock_owners, record_role
from festgate.portal.accounts.personal_data import AllRecords, Forecast, Values, export_time
from festgate.portal.accounts.queries import IS_OPEN, Person, open_times, person_by_id
from festgate.portal.accounts.second_factors import find_second_factor
from festgate.portal.accounts.second_factors import forget as forget_second_factor
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.sign_ins import Checked, settle
from festgate.portal.accounts.tables import people, sessions
from festgate.portal.audit import facade as audit

DIGEST_LENGTH = 16


class AccountInUse(Conflict):
    """An account that cannot be deleted yet, with the reasons."""

    code = "account-in-use"
    title = N_("Your account cannot be deleted yet")


@dataclass(frozen=True, slots=True)
class Deletion:
    """The effects that deleting the account would have."""

    person: Person
    obstacles: tuple[str, ...]
    ended: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def shown(self) -> str:
        """A short text for the form that confirms the deletion: it changes when any effect changes.

        The sentences themselves would be longer than a field may be, for a person with many registrations.
        """
        sentences = json.dumps([self.obstacles, self.ended, self.kept])
        return hashlib.sha256(sentences.encode()).hexdigest()[:DIGEST_LENGTH]


_times = Statement(
    select(*people.c["created_at", "email_confirmed_at"]).where(people.c.id == bindparam("person"))
)
_sessions = Statement(
    select(*sessions.c["kind", "created_at", "seen_at", "expires_at"])
    .join_from(sessions, people)
    .where(sessions.c.person_id == bindparam("person"), IS_OPEN)
    .order_by(sessions.c.created_at)
)
_lock = Statement(select(people.c.id).where(people.c.id == bindparam("person")).with_for_update())
_anonymise = Statement(
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(
        username=bindparam("placeholder"),
        username_key=bindparam("unreachable_key"),
        name="",
        email="",
        email_key=bindparam("unreachable_key"),
        email_confirmed_at=None,
        password_hash="",
        role="attendee",
        search=bindparam("new_search"),
        # A guest stays one.
        guest_key=case((people.c.guest_key.is_(None), None), else_=""),
    )
)
_same_address = Statement(
    select(people.c.id).where(
        (people.c.email_key == bindparam("key")) | (people.c.guest_key == bindparam("key")),
        people.c.id != bindparam("person"),
    )
)


def export_account(connection: Connection, person_id: int, records: AllRecords) -> Values:
    """Return all data of the account, of every module. It reads all stored emails, so it is for `Database.report`."""
    person = person_by_id(connection, person_id)
    created_at, confirmed_at = connection.all(_times, person=person_id)[0]
    change = find_change(connection, person_id)
    exported: dict[str, object] = {
        "exported_at": export_time(connection.now),
        "account": {
            "id": person.id,
            "username": person.username,
            "name": person.name,
            "email": person.email,
            "email_confirmed_at": export_time(confirmed_at),
            "requested_email": None if change is None else change.email,
            "role": person.role,
            "created_at": export_time(created_at),
        },
        "invitation": export_invitation(connection, person),
        "sessions": [
            {
                "kind": "browser" if kind == "cookie" else "token",
                "created_at": export_time(opened_at),
                "last_used_at": export_time(seen_at),
                "expires_at": export_time(expires_at),
            }
            for kind, opened_at, seen_at, expires_at in connection.all(
                _sessions, person=person_id, **open_times(connection.now)
            )
        ],
    }
    factor = find_second_factor(connection, person_id)
    exported["second_factor_since"] = export_time(None if factor is None else factor.confirmed_at)
    exported["audit_log"] = [
        {
            "at": export_time(entry.at),
            "action": entry.action,
            "subject": entry.subject,
            "origin": entry.origin,
            "address": entry.address,
        }
        # What the person did for the fest is about others.
        for entry in audit.entries_of(connection, person_id)
        if entry.details.get(audit.PERSON) == person_id
    ]
    for part in records:
        exported |= part.export(connection, person_id)
    # Anybody can buy as a guest with somebody else's address, whose emails are not theirs until they open a link.
    has_mailbox = person.is_confirmed or not person.is_guest
    exported["emails"] = [
        {
            "subject": email.subject,
            "text": email.body,
            "queued_at": export_time(email.queued_at),
            "sent_at": export_time(email.sent_at),
        }
        for email in (mail_erasure.find_emails_to(connection, person.email).emails if has_mailbox else ())
    ]
    return exported


def export_text(connection: Connection, person_id: int, records: AllRecords) -> str:
    """Return the data as JSON text; writing it may take as long as reading it, so it is done on the same thread."""
    return json.dumps(export_account(connection, person_id, records), ensure_ascii=False, indent=2) + "\n"


def plan_deletion(connection: Connection, person_id: int, records: AllRecords) -> Deletion:
    """Return what deleting the account would do now. Raises NotFound."""
    person = person_by_id(connection, person_id)
    forecasts = [_foresee_account(connection, person)]
    forecasts += [part.foresee(connection, person_id) for part in records]
    return Deletion(
        person,
        tuple(sentence for forecast in forecasts for sentence in forecast.obstacles),
        tuple(sentence for forecast in forecasts for sentence in forecast.ended),
        tuple(sentence for forecast in forecasts for sentence in forecast.kept),
    )


def delete_account(
    connection: Connection,
    person_id: int,
    records: AllRecords,
    stored: StoredEmails,
    checked: Checked | None = None,
    shown: str | None = None,
    actor: Actor | None = None,
) -> tuple[int, ...]:
    """Delete the account and return the ids of its emails, whose files can be deleted too. Idempotent.

    `checked` is the password check, and `shown` what the person was shown; None on the command line. `actor` is for the
    audit log. Raises AccountInUse, PasswordChanged, NotFound, or Changed if something else would end or be kept than
    was shown.
    """
    if person_by_id(connection, person_id).role == "owner":
        lock_owners(connection)  # two owners take turns, so that one stays
    else:
        connection.first(_lock, person=person_id)
    if checked is not None:
        settle(connection, checked)
    plan = plan_deletion(connection, person_id, records)
    person = plan.person
    if person.is_deleted:
        return ()
    if plan.obstacles:
        raise AccountInUse(" ".join(plan.obstacles))
    if shown is not None and shown != plan.shown:
        raise Changed
    for part in reversed(records):
        part.end(connection, person_id)
    erased: tuple[int, ...] = ()
    if not _shares_address(connection, person):
        erased = mail_erasure.erase_emails_to(connection, person.email, stored)
    end_sessions(connection, person_id)
    end_links(connection, person_id)
    forget_second_factor(connection, person_id)
    by = actor or COMMAND
    end_invitations(connection, person, by)
    if person.role != "attendee":
        record_role(connection, by, replace(person, role="attendee"), person.role)
    if actor is not None:
        audit.record(connection, actor, "account.deleted", "", **{audit.PERSON: person_id})
    # A space is in no username, and a key has no upper case: nobody can sign up, or be looked up, with either.
    placeholder = f"{gettext('Deleted account')} {person_id}"
    connection.run(
        _anonymise,
        person=person_id,
        placeholder=placeholder,
        unreachable_key=f"DELETED {person_id}",
        new_search=search_text("", placeholder, ""),
    )
    return erased


def _shares_address(connection: Connection, person: Person) -> bool:
    """Return whether emails to the address may belong to somebody else: to an account, or to another guest."""
    return person.is_guest and bool(connection.all(_same_address, key=key_of(person.email), person=person.id))


def _foresee_account(connection: Connection, person: Person) -> Forecast:
    kept: tuple[str, ...] = ()
    if audit.has_entries_of(connection, person.id):
        kept = (gettext("What you did for the fest, in its audit log."),)
    if person.role != "owner" or has_other_owner(connection, person.id):
        return Forecast(kept=kept)
    sentence = gettext("It is the account of the only owner. Make somebody else an owner first, in the team.")
    return Forecast(obstacles=(sentence,), kept=kept)

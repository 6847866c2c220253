"""Invitations to the team: an email with a link that works once, for seven days, and for the invited address only.

As for the links of guests, the queue keeps a random number of each link, and the table the hash of its token; the token
follows from the number and the portal's secret when the email is sent. Only a button accepts, because mail scanners
open every link. The button proves that the mailbox is the visitor's, so it confirms the address too.
"""

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Conflict, Forbidden, NotFound, Refused
from festgate.kit.ids import keyed_hash
from festgate.kit.masking import masked_address
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail_links import Link
from festgate.kit.roles import ROLE_NAMES, Role, may_grant
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.confirmation import confirm_address, mailbox_of
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.people import Newcomer, add_person, change_role
from festgate.portal.accounts.personal_data import Values, export_time
from festgate.portal.accounts.queries import Person, find_person, hash_of, person_by_id
from festgate.portal.accounts.sessions import Session, open_session
from festgate.portal.accounts.tables import invitations
from festgate.portal.audit import facade as audit
from festgate.settings import Settings

LIFE = 7 * DAY
KEPT = 30 * DAY
"""Time after which an expired invitation is deleted with its address."""
MAX_EMAILS_TO_MAILBOX = 3
"""Invitations to one mailbox in a day, from everybody together."""
MAX_EMAILS_OF_PERSON = 100
"""Invitations that one person sends in a day: a whole committee and its helpers at the door."""
LINK_KIND = "accounts.invitation"
_PURPOSE = "an invitation to the team"
"""Part of every token: it must not change, or the links in sent emails stop working."""
_NONCE_BYTES = 16


class InvitationOver(Refused):
    """An invitation that was accepted, withdrawn or sent again, has expired or was never sent."""

    status = 410
    code = "invitation-over"
    title = N_("This invitation does not work any more")
    message = N_(
        "It was accepted already, withdrawn or replaced by a newer email, or it is older than seven days. Ask the "
        "organiser for a new one."
    )
    actions = ((N_("See the events"), "/events"), (N_("Sign in"), "/login"))


class InvitedOther(Refused):
    """An invitation to another address than that of the signed-in account."""

    status = 403
    code = "invited-other"
    title = N_("This invitation is for another address")
    message = N_("Sign out, and accept it with an account of the invited address.")


class RoleTooHigh(Forbidden):
    """A role that the person may not give or take, because it can do more than their own."""

    code = "role-too-high"
    title = N_("You cannot give or take this role")
    message = N_("Only somebody with that role, or an owner, can give it or take it away.")


class AlreadyInTeam(Conflict):
    """The account has a role already."""

    code = "already-in-team"
    title = N_("Already in the team")
    message = N_("This person is in the team already. Change their role there.")


class AlreadyInvited(Conflict):
    """Another invitation to the address, with another role or other events, is waiting."""

    code = "already-invited"
    title = N_("Already invited")
    message = N_("There is an invitation with another role to this address. Withdraw it first.")


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was not accepted yet."""

    id: int
    email: str
    role: Role
    event_ids: tuple[int, ...]
    """The events of a lead, or of a member of staff at the door."""
    invited_by: int | None
    created_at: Milliseconds
    expires_at: Milliseconds

    @property
    def role_title(self) -> str:
        """The name of the role."""
        return gettext(ROLE_NAMES[self.role].title)


_all = select(*invitations.c["id", "email", "role", "event_ids", "invited_by", "created_at", "expires_at"])
_list = Statement(_all.order_by(invitations.c.created_at.desc(), invitations.c.id.desc()))
_by_id = Statement(_all.where(invitations.c.id == bindparam("invitation")))
_by_email = Statement(_all.where(invitations.c.email_key == bindparam("key")))
_by_token = Statement(
    _all.where(invitations.c.token_hash == bindparam("hash"), invitations.c.expires_at > bindparam("now"))
)
_of_inviter = Statement(_all.where(invitations.c.invited_by == bindparam("person")))
_insert = inserting(invitations, returning="id")
_renew = Statement(
    update(invitations)
    .where(invitations.c.id == bindparam("invitation"))
    .values(token_hash=bindparam("new_hash"), expires_at=bindparam("until"))
)
_drop = Statement(delete(invitations).where(invitations.c.id == bindparam("invitation")))
_use = Statement(
    delete(invitations).where(
        invitations.c.token_hash == bindparam("hash"), invitations.c.expires_at > bindparam("now")
    )
)
_drop_of_address = Statement(delete(invitations).where(invitations.c.email_key == bindparam("key")))
_forget = Statement(delete(invitations).where(invitations.c.expires_at <= bindparam("before")))


AssignEvents: TypeAlias = Callable[[Connection, int, Collection[int]], None]
"""An operation of a module above: assign these events to a person."""


def require_grant(connection: Connection, actor: Actor, *roles: Role) -> None:
    """Raise RoleTooHigh unless the actor may give and take these roles now: their own role may just have changed."""
    own: Role = "attendee" if actor.person is None else person_by_id(connection, actor.person).role
    if not all(may_grant(own, role) for role in roles):
        raise RoleTooHigh


def invite(
    connection: Connection,
    actor: Actor,
    email: str,
    role: Role,
    events: Sequence[tuple[int, str]],
    secret: bytes,
    settings: Settings,
) -> Invitation:
    """Invite the owner of an address, which names.py has checked, with a role, for `events` as (id, title).

    The same invitation again changes nothing. Raises RoleTooHigh, AlreadyInTeam, AlreadyInvited or TooMany.
    """
    require_grant(connection, actor, role)
    account = find_person(connection, email)
    if account is not None and account.role != "attendee":
        raise AlreadyInTeam
    event_ids = tuple(sorted(number for number, _ in events))
    row = connection.first(_by_email, key=key_of(email))
    if row is not None:
        known = _read(row)
        if known.expires_at > connection.now:
            if (known.role, known.event_ids) == (role, event_ids):
                return known
            raise AlreadyInvited
        connection.run(_drop, invitation=known.id)
    nonce = secrets.token_hex(_NONCE_BYTES)
    try:
        number = connection.value(
            _insert,
            token_hash=hash_of(_token(secret, nonce)),
            email=email,
            email_key=key_of(email),
            role=role,
            event_ids=json.dumps(event_ids),
            invited_by=actor.person,
            created_at=connection.now,
            expires_at=connection.now + LIFE,
        )
    except UniqueViolation as error:
        raise TryAgain from error
    invitation = Invitation(
        number, email, role, event_ids, actor.person, connection.now, connection.now + LIFE
    )
    _send(connection, actor, invitation, [title for _, title in events], nonce, secret, settings)
    audit.record(connection, actor, "team.invited", masked_address(email), role=role, events=_written(events))
    return invitation


def send_again(
    connection: Connection,
    actor: Actor,
    invitation_id: int,
    titles: Sequence[str],
    secret: bytes,
    settings: Settings,
) -> Invitation:
    """Send the invitation again, with a new link for seven days; the old one ends.

    `titles` are those of its events. Raises NotFound, RoleTooHigh, AlreadyInTeam or TooMany.
    """
    invitation = invitation_by_id(connection, invitation_id)
    require_grant(connection, actor, invitation.role)
    account = find_person(connection, invitation.email)
    if account is not None and account.role != "attendee":
        raise AlreadyInTeam
    nonce = secrets.token_hex(_NONCE_BYTES)
    until = connection.now + LIFE
    connection.run(_renew, invitation=invitation.id, new_hash=hash_of(_token(secret, nonce)), until=until)
    _send(connection, actor, invitation, titles, nonce, secret, settings)
    audit.record(
        connection, actor, "invitation.sent-again", masked_address(invitation.email), role=invitation.role
    )
    return invitation_by_id(connection, invitation_id)


def withdraw(connection: Connection, actor: Actor, invitation_id: int) -> None:
    """End the invitation, so that its link does not work. Idempotent. Raises RoleTooHigh."""
    row = connection.first(_by_id, invitation=invitation_id)
    if row is None:
        return
    invitation = _read(row)
    require_grant(connection, actor, invitation.role)
    _drop_invitation(connection, actor, invitation)


def _drop_invitation(connection: Connection, actor: Actor, invitation: Invitation) -> None:
    connection.run(_drop, invitation=invitation.id)
    subject = masked_address(invitation.email)
    audit.record(connection, actor, "invitation.withdrawn", subject, role=invitation.role)


def list_invitations(connection: Connection) -> list[Invitation]:
    """Return the invitations that were not accepted yet, expired ones too, the newest first."""
    return [_read(row) for row in connection.all(_list)]


def invitation_by_id(connection: Connection, invitation_id: int) -> Invitation:
    """Return an invitation, expired or not. Raises NotFound."""
    row = connection.first(_by_id, invitation=invitation_id)
    if row is None:
        raise NotFound(gettext("There is no such invitation any more."))
    return _read(row)


def read_token(connection: Connection, token: str) -> Invitation:
    """Return the invitation of the link. Raises InvitationOver, also if the inviter may not give the role any more."""
    row = connection.first(_by_token, hash=hash_of(token), now=connection.now)
    if row is None:
        raise InvitationOver
    invitation = _read(row)
    inviter: Role = (
        "attendee" if invitation.invited_by is None else person_by_id(connection, invitation.invited_by).role
    )
    if not may_grant(inviter, invitation.role):
        raise InvitationOver
    return invitation


def join(
    connection: Connection, token: str, person_id: int, address: str, assign: AssignEvents
) -> Invitation:
    """Accept the invitation and assign its events. `address` is the client's. Raises what `accept` raises."""
    invitation = accept(connection, token, person_id, Actor(person_id, "session", address))
    assign(connection, person_id, invitation.event_ids)
    return invitation


def join_and_sign_in(
    connection: Connection,
    token: str,
    person_id: int,
    address: str,
    assign: AssignEvents,
    *,
    proved: bool = False,
) -> Session:
    """Join as `join` does, and open a session in place of those that the change of the role ends.

    `proved`: the password was entered just now, so that sensitive actions need not ask for it.
    """
    join(connection, token, person_id, address, assign)
    return open_session(connection, person_id, "cookie", proved=proved)


def join_as_newcomer(
    connection: Connection,
    newcomer: Newcomer,
    password_hash: str,
    token: str,
    address: str,
    assign: AssignEvents,
) -> Session:
    """Make an account with the invited address, join, and open its first session. Raises Taken and as `accept`."""
    invitation = read_token(connection, token)
    person = add_person(connection, replace(newcomer, email=invitation.email, role="attendee"), password_hash)
    return join_and_sign_in(connection, token, person.id, address, assign, proved=True)


def accept(connection: Connection, token: str, person_id: int, actor: Actor) -> Invitation:
    """Give the person the role of the invitation, and confirm their address; all their sessions end.

    The caller assigns the events. Raises InvitationOver, InvitedOther or AlreadyInTeam.
    """
    invitation = read_token(connection, token)
    person = person_by_id(connection, person_id)
    if person.is_guest or key_of(person.email) != key_of(invitation.email):
        raise InvitedOther
    if person.role != "attendee":
        raise AlreadyInTeam
    if not connection.run(_use, hash=hash_of(token), now=connection.now):
        raise InvitationOver  # a second click was first
    confirm_address(connection, person.id)
    change_role(connection, person, invitation.role, actor)
    about = {audit.PERSON: person.id}
    audit.record(connection, actor, "team.joined", "", event_id=None, role=invitation.role, **about)
    return invitation


def withdraw_ungranted(connection: Connection, actor: Actor, person_id: int, role: Role) -> None:
    """Withdraw the invitations of a person that they could not send with their new role."""
    for row in connection.all(_of_inviter, person=person_id):
        invitation = _read(row)
        if not may_grant(role, invitation.role):
            _drop_invitation(connection, actor, invitation)


def end_invitations(connection: Connection, person: Person, actor: Actor) -> None:
    """End the invitations to and by a person whose account is deleted."""
    connection.run(_drop_of_address, key=key_of(person.email))
    withdraw_ungranted(connection, actor, person.id, "attendee")


def export_invitation(connection: Connection, person: Person) -> Values | None:
    """Return the invitation to the person's address for the download of their data."""
    row = connection.first(_by_email, key=key_of(person.email))
    if row is None or not person.is_confirmed:
        return None
    invitation = _read(row)
    return {
        "role": invitation.role,
        "sent_at": export_time(invitation.created_at),
        "expires_at": export_time(invitation.expires_at),
    }


def forget_invitations(connection: Connection) -> None:
    """Delete invitations that expired long ago, with their addresses."""
    connection.run(_forget, before=connection.now - KEPT)


def make_link(connection: Connection, nonce: str, *, secret: bytes, base_url: str) -> str | None:
    """Return the address of a queued email's link; None if the invitation is over."""
    token = _token(secret, nonce)
    if connection.first(_by_token, hash=hash_of(token), now=connection.now) is None:
        return None
    return f"{base_url}/invitation?token={token}"


def _send(
    connection: Connection,
    actor: Actor,
    invitation: Invitation,
    titles: Sequence[str],
    nonce: str,
    secret: bytes,
    settings: Settings,
) -> None:
    sentence = gettext("Several invitations were sent to {email} already.").format(email=invitation.email)
    key = keyed_hash(secret, "invitations to a mailbox", mailbox_of(invitation.email))
    count_attempt(connection, Limit(key, MAX_EMAILS_TO_MAILBOX, sentence, DAY))
    sentence = gettext("You have sent all invitations of this day.")
    key = keyed_hash(secret, "invitations of a person", str(actor.person))
    count_attempt(connection, Limit(key, MAX_EMAILS_OF_PERSON, sentence, DAY))
    inviter = gettext("The organisers")
    if actor.person is not None:
        inviter = person_by_id(connection, actor.person).shown_name
    link = Link(LINK_KIND, (nonce,))
    name = ROLE_NAMES[invitation.role]
    text = gettext(
        "Hello,\n\n"
        "{inviter} invites you to the team of {fest}.\n\n"
        "Role: {role}. {purpose}\n"
        "{events}\n"
        "Accept the invitation here within seven days:\n\n"
        "{link}\n\n"
        "The link works once, for {email} only. If you do not know {inviter}, ignore this email.\n\n"
        "{fest}\n"
    ).format(
        inviter=inviter,
        fest=settings.fest_name,
        role=gettext(name.title),
        purpose=gettext(name.purpose),
        events=gettext("Events: {events}").format(events=", ".join(titles)) + "\n" if titles else "",
        email=invitation.email,
        link=link,
    )
    mail.post(
        connection,
        f"invitation:{invitation.id}:{nonce}",
        invitation.email,
        gettext("Join the team of {fest}").format(fest=settings.fest_name),
        text,
        priority="access",
        links=[link],
    )


def _token(secret: bytes, nonce: str) -> str:
    return keyed_hash(secret, _PURPOSE, nonce)


def _written(events: Collection[tuple[int, str]]) -> str:
    return ", ".join(title for _, title in events)


def _read(row: tuple[int, str, Role, str, int | None, int, int]) -> Invitation:
    number, email, role, event_ids, invited_by, created_at, expires_at = row
    return Invitation(number, email, role, tuple(json.loads(event_ids)), invited_by, created_at, expires_at)

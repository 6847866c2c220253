"""The operations of signing in and signing up, which follow the check of a password: each is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, SignInNeeded
from festgate.kit.translation import N_
from festgate.kit.visitors import Actor
from festgate.portal.accounts import confirmation
from festgate.portal.accounts.attempts import Limit, clear, count_attempt, uncount_attempt
from festgate.portal.accounts.confirmation import send_first_confirmation
from festgate.portal.accounts.guest_finding import send_link_to_guest
from festgate.portal.accounts.people import Newcomer, add_person, find_taken, replace_hash
from festgate.portal.accounts.queries import (
    Candidate,
    Kind,
    Person,
    candidate_by_id,
    find_candidate,
    find_person,
    has_hash,
    is_new,
    person_by_id,
)
from festgate.portal.accounts.recovery import use_token
from festgate.portal.accounts.second_factors import CodeNeeded, WrongCode, check_code, has_second_factor
from festgate.portal.accounts.sessions import Session, end_session, end_sessions, note_proof, open_session
from festgate.portal.accounts.signed_links import make_token, parse_token
from festgate.portal.audit import facade as audit
from festgate.settings import Settings

_ORIGINS: Mapping[Kind, Literal["session", "token"]] = {"cookie": "session", "token": "token"}
"""Origins of the audit log, by the kind of session."""
SECOND_CLICK = 5 * MINUTE
"""Time after signing up in which the same form signs in: a page that loads slowly is sent again, or reloaded."""
HALF_LIFE = 10 * MINUTE
"""Time after the password in which a browser may send the code."""
_HALF_WAY = "a sign-in that waits for its code"


@dataclass(frozen=True, slots=True)
class Opening:
    """The kind of session to open, and the token of the browser's earlier session, which ends."""

    kind: Kind
    replaces: str | None = None
    device: str = ""
    """The device cookie from earlier sign-ins in this browser (devices.py)."""
    code: str = ""
    """The code of the second factor, if it was sent with the password."""


@dataclass(frozen=True, slots=True)
class HalfWay:
    """A sign-in whose password was right, and whose code is still to be entered."""

    token: str
    """Signed: proves for some minutes that the password was right."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A person whose password was right, and the limits under which the attempt is still counted."""

    candidate: Candidate
    limits: Sequence[Limit]


class PasswordChanged(Conflict):
    """The password or its hash was replaced while it was being checked."""

    code = "password-changed"
    title = N_("Your password has just changed")
    message = N_("The password of this account has just been changed. Sign in with the new one.")


def find_newcomer(newcomer: Newcomer, connection: Connection, name: str) -> Candidate | None:
    """Return the account of that username if a moment ago somebody signed up with this username and email address."""
    candidate = find_candidate(connection, name)
    if candidate is None or find_person(connection, newcomer.email) != candidate.person:
        return None
    return candidate if is_new(connection, candidate.person.id, SECOND_CLICK) else None


def finish_sign_in(
    connection: Connection,
    candidate: Candidate,
    newer_hash: str | None,
    limits: Sequence[Limit],
    opening: Opening,
    host: str,
    secret: bytes,
) -> Session | HalfWay | WrongCode:
    """Open a session in place of the browser's earlier one, and uncount the attempt: the password was right.

    An account with a second factor needs the code too. A wrong one is returned and not raised, so that it is counted.
    PasswordChanged if the hash that was checked has been replaced since, because that ended all sessions.
    """
    if newer_hash is None:
        is_current = has_hash(connection, candidate.person.id, candidate.password_hash)
    else:  # the same password under newer parameters
        is_current = replace_hash(connection, candidate.person.id, candidate.password_hash, newer_hash)
    if not is_current:
        raise PasswordChanged
    _uncount(connection, limits)
    return _open_or_wait(
        connection, candidate.person, newer_hash or candidate.password_hash, opening, host, secret
    )


def finish_half_way(
    connection: Connection, token: str, code: str, host: str, opening: Opening, secret: bytes
) -> tuple[Session, str] | WrongCode:
    """Open the session of a half-way sign-in, and return it with the password's hash; or a wrong code, counted.

    SignInNeeded if the sign-in began too long ago, or the password has changed since. Raises TooMany.
    """
    parts = parse_token(token)
    if parts is None:
        raise SignInNeeded
    candidate = candidate_by_id(connection, parts.person_id)
    if not parts.is_valid(secret, _HALF_WAY, candidate.password_hash, connection.now) or not has_hash(
        connection, candidate.person.id, candidate.password_hash
    ):
        raise SignInNeeded
    wrong = _check_code(connection, candidate.person, code, opening.kind, host, secret)
    return wrong or (_open(connection, candidate.person, opening, host), candidate.password_hash)


def finish_proof(
    connection: Connection, checked: Checked, code: str, host: str, token: str, secret: bytes
) -> CodeNeeded | WrongCode | None:
    """Record that password and code were entered; or return the refusal, with a wrong code counted.

    Raises PasswordChanged or TooMany.
    """
    person = settle(connection, checked)
    if has_second_factor(connection, person.id):
        if not code:
            return CodeNeeded()
        wrong = _check_code(connection, person, code, "cookie", host, secret)
        if wrong is not None:
            return wrong
    note_proof(connection, person.id, token)
    return None


def note_refusal(connection: Connection, candidate: Candidate | None, kind: Kind, host: str) -> None:
    """Record a refused sign-in to an account of the team in the audit log."""
    if candidate is not None:
        _record(connection, Actor(None, _ORIGINS[kind], host), "sign-in.refused", candidate.person)


def finish_change(
    connection: Connection,
    candidate: Candidate,
    password_hash: str,
    limits: Sequence[Limit],
    opening: Opening,
) -> Session:
    """Set the new password, end the person's sessions and tokens, and open a session. Raises PasswordChanged."""
    if not replace_hash(connection, candidate.person.id, candidate.password_hash, password_hash):
        raise PasswordChanged
    _uncount(connection, limits)
    end_sessions(connection, candidate.person.id)
    # Only the password was entered, which is not all if there is a second factor.
    proved = not has_second_factor(connection, candidate.person.id)
    return open_session(connection, candidate.person.id, opening.kind, proved=proved)


def settle(connection: Connection, checked: Checked) -> Person:
    """Uncount the attempt, since the password was right, and return the person.

    PasswordChanged if the password was replaced after it was checked.
    """
    person = checked.candidate.person
    if not has_hash(connection, person.id, checked.candidate.password_hash):
        raise PasswordChanged
    _uncount(connection, checked.limits)
    return person


def _uncount(connection: Connection, limits: Sequence[Limit]) -> None:
    """Clear the limit that counts only this person here; take one attempt off those that count others too."""
    own, *shared = limits
    clear(connection, own)
    for limit in shared:
        uncount_attempt(connection, limit)


def finish_recovery(
    connection: Connection,
    candidate: Candidate,
    password_hash: str,
    here: Limit,
    opening: Opening,
    host: str,
    secret: bytes,
) -> Session | HalfWay | WrongCode:
    """Set the new password and open a session, or wait for the code.

    ResetLinkExpired if the link was used while the password was hashed.
    Failed sign-ins from this network are cleared; those from other networks may be a guesser's and stay counted.
    """
    use_token(connection, candidate, password_hash)
    clear(connection, here)
    return _open_or_wait(connection, candidate.person, password_hash, opening, host, secret)


def begin_registration(connection: Connection, newcomer: Newcomer, address: Limit) -> dict[str, str]:
    """Count the attempt and return the fields whose names are taken, each with a sentence.

    They are returned, not raised, so that the attempt stays counted: guessing which names are taken is limited too.
    """
    count_attempt(connection, address)
    return find_taken(connection, newcomer)


def add_newcomer(
    connection: Connection, newcomer: Newcomer, password_hash: str, secret: bytes, settings: Settings
) -> Person:
    """Add a person, and send the link that confirms their address.

    Taken if another account got one of the names while the password was hashed.
    """
    person = add_person(connection, newcomer, password_hash)
    send_first_confirmation(connection, person, secret, settings)
    return person


def add_person_and_sign_in(
    connection: Connection,
    newcomer: Newcomer,
    password_hash: str,
    opening: Opening,
    secret: bytes,
    settings: Settings,
) -> Session:
    """Add a person as `add_newcomer` does, and open their first session."""
    return _open(connection, add_newcomer(connection, newcomer, password_hash, secret, settings), opening, "")


def _open_or_wait(
    connection: Connection, person: Person, password_hash: str, opening: Opening, host: str, secret: bytes
) -> Session | HalfWay | WrongCode:
    """Open a session; with a second factor only if the code is right, and without a code wait for it."""
    if has_second_factor(connection, person.id):
        if not opening.code:
            until = connection.now + HALF_LIFE
            return HalfWay(make_token(secret, _HALF_WAY, person.id, until, password_hash))
        wrong = _check_code(connection, person, opening.code, opening.kind, host, secret)
        if wrong is not None:
            return wrong
    return _open(connection, person, opening, host)


def _check_code(
    connection: Connection, person: Person, code: str, kind: Kind, host: str, secret: bytes
) -> WrongCode | None:
    wrong = check_code(connection, person.id, code, secret, host)
    if wrong is not None:
        _record(connection, Actor(None, _ORIGINS[kind], host), "sign-in.refused", person)
    return wrong


def _open(connection: Connection, person: Person, opening: Opening, host: str) -> Session:
    if opening.replaces is not None:
        end_session(connection, opening.replaces, opening.kind)
    _record(connection, Actor(person.id, _ORIGINS[opening.kind], host), "sign-in.done", person)
    return open_session(connection, person.id, opening.kind)


def _record(connection: Connection, actor: Actor, action: audit.Action, person: Person) -> None:
    """Record the sign-in of a person of the team; those of attendees are nobody's business."""
    if person.role != "attendee":
        audit.record(connection, actor, action, "", **{audit.PERSON: person.id})


def send_confirmation(connection: Connection, person_id: int, secret: bytes, settings: Settings) -> Person:
    """Send the link that confirms the person's address, and return the person; a guest gets the link to the tickets.

    Raises TooMany.
    """
    if person_by_id(connection, person_id).is_guest:
        return send_link_to_guest(connection, person_id, secret, settings)
    return confirmation.send_again(connection, person_id, secret, settings)

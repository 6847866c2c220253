"""Signing in and signing up, for the pages and the API: count the attempt, hash the password, then write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

from festgate.kit import security_log
from festgate.kit.clock import MINUTE
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, Invalid, Refused, SignInNeeded, TooMany
from festgate.kit.translation import N_
from festgate.kit.visitors import Actor, Visitor
from festgate.portal.accounts import confirmation
from festgate.portal.accounts.attempts import (
    Limit,
    address_limit,
    clear,
    count_attempt,
    sign_in_limits,
    uncount_attempt,
)
from festgate.portal.accounts.confirmation import send_first_confirmation
from festgate.portal.accounts.devices import find_device, remember
from festgate.portal.accounts.guest_finding import send_link_to_guest
from festgate.portal.accounts.invitations import AssignEvents, join_as_newcomer
from festgate.portal.accounts.passwords import Hasher, is_outdated
from festgate.portal.accounts.people import Newcomer, Taken, add_person, find_taken, replace_hash
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
from festgate.portal.accounts.recovery import read_token, send_link, use_token
from festgate.portal.accounts.second_factors import CodeNeeded, WrongCode, check_code, has_second_factor
from festgate.portal.accounts.sessions import Session, end_session, end_sessions, note_proof, open_session
from festgate.portal.accounts.signed_links import make_token, parse_token
from festgate.portal.audit import facade as audit
from festgate.settings import Settings

Find: TypeAlias = Callable[[Connection, str], Candidate | None]
"""A lookup of the account that a name belongs to."""
_ORIGINS: Mapping[Kind, Literal["session", "token"]] = {"cookie": "session", "token": "token"}
"""Origins of the audit log, by the kind of session."""
SECOND_CLICK = 5 * MINUTE
"""Time after signing up in which the same form signs in: a page that loads slowly is sent again, or reloaded."""
HALF_LIFE = 10 * MINUTE
"""Time after the password in which a browser may send the code."""
_HALF_WAY = "a sign-in that waits for its code"
MAX_CHECKS = 3
"""Password checks of one sign-in while the person's hash keeps changing."""


class WrongPassword(Refused):
    """A wrong name or a wrong password; the answer does not reveal which."""

    status = 401
    code = "wrong-password"
    title = N_("Wrong username or password")
    message = N_("The username or password is wrong.")

    def headers(self) -> dict[str, str]:
        """Return the scheme of the API: a 401 has to name one (RFC 9110, section 15.5.2)."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


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


class Reception:
    """Signs people in and up. Passwords are checked between two transactions, never within one."""

    def __init__(self, database: Database, hasher: Hasher, settings: Settings, secret: bytes) -> None:
        """Take the `secret` that keys the hashes under which attempts are counted."""
        self._database = database
        self._hasher = hasher
        self._settings = settings
        self._secret = secret

    async def sign_in(self, name: str, password: str, host: str, opening: Opening) -> Session | HalfWay:
        """Open a session for the account with that username or email address and password.

        `host` is the client address. The sign-in is half-way if the account has a second factor and no code was sent.
        Raises WrongPassword, WrongCode, TooMany beyond a limit, or Crowded when too many people sign in at once.
        """
        return await self._sign_in(find_candidate, name, password, host, opening)

    async def make_token(self, name: str, password: str, code: str, host: str) -> Session:
        """Open a session of the API. Raises CodeNeeded, and what `sign_in` does."""
        session = await self.sign_in(name, password, host, Opening("token", code=code))
        if isinstance(session, HalfWay):
            raise CodeNeeded
        return session

    async def finish_sign_in(self, token: str, code: str, host: str, opening: Opening) -> Session:
        """Open the session of a half-way sign-in with its code. Raises WrongCode, TooMany or SignInNeeded."""
        result = await self._database.write(finish_half_way, token, code, host, opening, self._secret)
        if isinstance(result, WrongCode):
            raise result
        session, password_hash = result
        security_log.about(session.person)
        return self._remembered(session, opening, password_hash)

    async def prove(
        self, visitor: Visitor, password: str, code: str, host: str, device: str, token: str
    ) -> None:
        """Record in the session that the person has just entered the password, and the code if there is one.

        Raises WrongPassword, CodeNeeded, WrongCode, TooMany or Crowded.
        """
        checked = await self.check_password(visitor.person, password, host, device)
        wrong = await self._database.write(finish_proof, checked, code, host, token, self._secret)
        if wrong is not None:
            raise wrong

    async def _sign_in(
        self, find: Find, name: str, password: str, host: str, opening: Opening
    ) -> Session | HalfWay:
        for _ in range(MAX_CHECKS):
            candidate, limits = await self._database.write(self._begin, find, name, host, opening.device)
            if candidate is not None:
                security_log.about(candidate.person.id)
            known_hash = candidate.password_hash if candidate else None
            is_right = await self._hasher.verify(known_hash, password)
            if candidate is None or not is_right:
                # Also for names without an account, so that the time does not reveal which accounts are the team's.
                await self._database.write(note_refusal, candidate, opening.kind, host)
                raise WrongPassword
            newer = await self._hasher.hash(password) if is_outdated(candidate.password_hash) else None
            try:
                result = await self._database.write(
                    finish_sign_in, candidate, newer, limits, opening, host, self._secret
                )
            except PasswordChanged:
                # A sign-in at the same time may only have hashed the same password anew: check again.
                continue
            return self._accepted(result, opening, newer or candidate.password_hash)
        raise PasswordChanged

    async def register(self, newcomer: Newcomer, password: str, host: str) -> Person:
        """Make an account and return its person. Raises Taken, TooMany, Invalid or Crowded."""
        password_hash = await self._admit(newcomer, password, host)
        person = await self._database.write(
            add_newcomer, newcomer, password_hash, self._secret, self._settings
        )
        security_log.about(person.id)
        return person

    async def register_and_sign_in(
        self, newcomer: Newcomer, password: str, host: str, opening: Opening
    ) -> Session:
        """Make an account and open its first session in the same commit. Raises Taken, TooMany, Invalid or Crowded.

        A second click on the button signs in to the account that the first one made.
        """
        try:
            password_hash = await self._admit(newcomer, password, host)
            session = await self._database.write(
                add_person_and_sign_in, newcomer, password_hash, opening, self._secret, self._settings
            )
        except Taken as taken:
            if taken.fields.keys() != {"username", "email"}:
                raise
            try:
                again = await self._sign_in(
                    partial(find_newcomer, newcomer), newcomer.username, password, host, opening
                )
            except (WrongPassword, PasswordChanged, TooMany):
                # The answer and its time are the same whether the password is wrong or the account another one.
                raise taken from None
            if isinstance(again, HalfWay):  # nobody sets up a second factor that soon
                raise
            return again
        return self._remembered(session, opening, password_hash)

    async def send_link(self, name: str, host: str, onward: str = "") -> None:
        """Email a link that sets a new password, if there is such an account; the caller cannot tell. TooMany.

        The link leads back to the path `onward` of this site.
        """
        await self._database.write(send_link, name, self._address(host), self._secret, self._settings, onward)

    async def read_link(self, token: str) -> Candidate:
        """Return whose password the link replaces. Raises ResetLinkExpired."""
        return await self._database.read(read_token, self._secret, token)

    async def send_confirmation(self, person_id: int) -> Person:
        """Send the link that confirms the person's address again, and return the person. Raises TooMany."""
        return await self._database.write(send_confirmation, person_id, self._secret, self._settings)

    async def read_confirmation(self, token: str) -> Person:
        """Return the person whose address the link confirms. Raises ConfirmationLinkExpired."""
        return await self._database.read(confirmation.read_token, self._secret, token)

    async def confirm(self, token: str) -> Person:
        """Confirm the address that the link was sent to, and return its person. Raises ConfirmationLinkExpired."""
        return await self._database.write(confirmation.use_token, self._secret, token)

    async def use_link(
        self, candidate: Candidate, password: str, host: str, opening: Opening
    ) -> Session | HalfWay:
        """Set the new password, end all sessions of the person and open one; with a second factor, get half-way there.

        Raises ResetLinkExpired, Invalid or Crowded.
        """
        person = candidate.person
        security_log.about(person.id)
        await self._refuse_weak(password, person.username, person.email)
        password_hash = await self._hasher.hash(password)
        # The person may have reached this limit before asking for the link.
        here = sign_in_limits(self._secret, "", person.id, host, self._settings.sign_in_limit)[0]
        result = await self._database.write(
            finish_recovery, candidate, password_hash, here, opening, host, self._secret
        )
        return self._accepted(result, opening, password_hash)

    async def join(
        self, newcomer: Newcomer, password: str, token: str, host: str, opening: Opening, assign: AssignEvents
    ) -> Session:
        """Make an account with the address of an invitation, join the team, and open the first session.

        Raises Taken, TooMany, Invalid, Crowded or InvitationOver.
        """
        password_hash = await self._admit(newcomer, password, host)
        session = await self._database.write(join_as_newcomer, newcomer, password_hash, token, host, assign)
        security_log.about(session.person)
        return self._remembered(session, opening, password_hash)

    async def change_password(
        self, visitor: Visitor, current: str, password: str, host: str, opening: Opening
    ) -> Session:
        """Set the new password, end all sessions of the person and open one.

        The current password is checked under the limits of signing in. Raises WrongPassword, TooMany, Crowded, or
        Invalid if the new password is one that guessers try first.
        """
        await self._refuse_weak(password, visitor.username, visitor.email)
        checked = await self.check_password(visitor.person, current, host, opening.device)
        password_hash = await self._hasher.hash(password)
        session = await self._database.write(
            finish_change, checked.candidate, password_hash, checked.limits, opening
        )
        return self._remembered(session, opening, password_hash)

    async def check_password(self, person: int, password: str, host: str, device: str) -> Checked:
        """Check a signed-in person's password, under the limits of signing in.

        The operation that follows calls `settle`. Raises WrongPassword, TooMany or Crowded.
        """
        candidate, limits = await self._database.write(self._begin_change, person, host, device)
        if not await self._hasher.verify(candidate.password_hash, password):
            raise WrongPassword
        return Checked(candidate, limits)

    async def sign_out(self, token: str, kind: Kind) -> None:
        """End the session of that token."""
        await self._database.write(end_session, token, kind)

    async def _admit(self, newcomer: Newcomer, password: str, host: str) -> str:
        taken = await self._database.write(begin_registration, newcomer, self._address(host))
        if taken:
            raise Taken(taken)
        await self._refuse_weak(password, newcomer.username, newcomer.email)
        return await self._hasher.hash(password)

    async def _refuse_weak(self, password: str, username: str, email: str) -> None:
        weakness = await self._hasher.judge(password, (username, email, self._settings.fest_name))
        if weakness:
            raise Invalid({"password": weakness})

    def _begin(
        self, connection: Connection, find: Find, name: str, host: str, cookie: str
    ) -> tuple[Candidate | None, list[Limit]]:
        candidate = find(connection, name)
        return candidate, self._count(connection, name, candidate, host, cookie)

    def _begin_change(
        self, connection: Connection, person: int, host: str, cookie: str
    ) -> tuple[Candidate, list[Limit]]:
        candidate = candidate_by_id(connection, person)
        return candidate, self._count(connection, "", candidate, host, cookie)

    def _count(
        self, connection: Connection, name: str, candidate: Candidate | None, host: str, cookie: str
    ) -> list[Limit]:
        """Count the attempt under every limit that applies, and return them.

        If one is reached, TooMany is raised and nothing is counted. A known browser is counted by itself, so that
        guessers elsewhere or in its own network do not lock it out.
        """
        person = device = None
        if candidate is not None:
            person = candidate.person.id
            device = find_device(cookie, self._secret, person, candidate.password_hash, connection.now)
        limits = sign_in_limits(self._secret, name, person, host, self._settings.sign_in_limit, device)
        if device is None:
            limits.append(self._address(host))
        for limit in limits:
            count_attempt(connection, limit)
        return limits

    def _accepted(
        self, result: Session | HalfWay | WrongCode, opening: Opening, password_hash: str
    ) -> Session | HalfWay:
        if isinstance(result, WrongCode):
            raise result
        return result if isinstance(result, HalfWay) else self._remembered(result, opening, password_hash)

    def _remembered(self, session: Session, opening: Opening, password_hash: str) -> Session:
        """Return the session with the device cookie by which this browser is known from now on."""
        if opening.kind == "token":
            return session
        now = self._database.clock()
        cookie = remember(opening.device, self._secret, session.person, password_hash, now)
        return replace(session, device=cookie)

    def _address(self, host: str) -> Limit:
        return address_limit(self._secret, host, self._settings.address_limit)


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

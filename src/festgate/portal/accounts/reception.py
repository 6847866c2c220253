"""Signing in and getting an account, in order: count the attempt, hash, then write. Pages and API share it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from festgate.kit import security_log
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, Invalid, Refused
from festgate.kit.translation import N_
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import confirmation
from festgate.portal.accounts.attempts import (
    Limit,
    address_limit,
    clear,
    count_attempt,
    give_back,
    sign_in_limits,
)
from festgate.portal.accounts.confirmation import send_first_confirmation
from festgate.portal.accounts.devices import find_device, remember
from festgate.portal.accounts.passwords import Hasher, is_outdated
from festgate.portal.accounts.people import Newcomer, Taken, add_person, find_taken, replace_hash
from festgate.portal.accounts.queries import Candidate, Kind, Person, find_candidate, has_hash, hash_by_id
from festgate.portal.accounts.recovery import Claim, read_token, send_link, use_token
from festgate.portal.accounts.sessions import Session, end_session, end_sessions, open_session
from festgate.settings import Settings

MAX_CHECKS = 3
"""Of one sign-in, while the person's hash keeps changing."""


class WrongPassword(Refused):
    """The name and the password do not go together; which of the two is wrong is not told."""

    status = 401
    code = "wrong-password"
    title = N_("Wrong username or password")
    message = N_("The username or password is wrong.")

    def headers(self) -> dict[str, str]:
        """A 401 names a scheme (RFC 9110, section 15.5.2): the one that the API takes once there is a token."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


@dataclass(frozen=True, slots=True)
class Opening:
    """The session that is to be opened, and the browser's earlier one (a token), which ends."""

    kind: Kind
    replaces: str | None = None
    device: str = ""
    """The browser's cookie from earlier sign-ins (devices.py)."""


class PasswordChanged(Conflict):
    """The password, or its hash, became another one while this one was checked."""

    code = "password-changed"
    title = N_("Your password has just changed")
    message = N_("The password of this account has just been changed. Sign in with the new one.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that was counted: whose password is to be checked, and under which limits it counts."""

    candidate: Candidate | None
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """What limits sign-ins: the key of the hashes under which they are counted, and how many may fail."""

    secret: bytes
    sign_in_limit: int
    address_limit: int


class Reception:
    """Where people sign in. Passwords are checked between two transactions, never within one."""

    def __init__(self, database: Database, hasher: Hasher, settings: Settings, secret: bytes) -> None:
        """`secret` keys the hashes under which attempts are counted."""
        self._database = database
        self._hasher = hasher
        self._settings = settings
        self._secret = secret
        self._guard = Guard(secret, settings.sign_in_limit, settings.address_limit)

    async def sign_in(self, name: str, password: str, host: str, opening: Opening) -> Session:
        """A session of the person with that username or email address and that password.

        `host` is the address that asks. WrongPassword; TooMany beyond a limit; Crowded when too many sign in at once.
        """
        for _ in range(MAX_CHECKS):
            attempt = await self._database.write(self._begin, name, host, opening.device)
            candidate = attempt.candidate
            if candidate is not None:
                security_log.about(candidate.person)
            known_hash = candidate.password_hash if candidate else None
            fits = await self._hasher.verify(known_hash, password)
            if candidate is None or not fits:
                raise WrongPassword
            newer = await self._hasher.hash(password) if is_outdated(candidate.password_hash) else None
            try:
                session = await self._database.write(
                    finish_sign_in, candidate, newer, attempt.limits, opening
                )
            except PasswordChanged:
                # Perhaps to the same one with newer parameters, by a sign-in at the same time: look again.
                continue
            return self._remembered(session, opening, newer or candidate.password_hash)
        raise PasswordChanged

    async def register(self, newcomer: Newcomer, password: str, host: str) -> Person:
        """The new person; Taken, TooMany or Crowded."""
        password_hash = await self._admit(newcomer, password, host)
        person = await self._database.write(
            add_newcomer, newcomer, password_hash, self._secret, self._settings
        )
        security_log.about(person.id)
        return person

    async def register_and_sign_in(
        self, newcomer: Newcomer, password: str, host: str, opening: Opening
    ) -> Session:
        """A session of the new person, in one commit with their account; Taken, TooMany or Crowded."""
        password_hash = await self._admit(newcomer, password, host)
        session = await self._database.write(
            add_person_and_sign_in, newcomer, password_hash, opening, self._secret, self._settings
        )
        return self._remembered(session, opening, password_hash)

    async def send_link(self, name: str, host: str) -> None:
        """An email with a link to a new password, where there is such a person, which is not told; or TooMany."""
        await self._database.write(send_link, name, self._address(host), self._secret, self._settings)

    async def read_link(self, token: str) -> Claim:
        """Whose password the link replaces; LinkOver."""
        return await self._database.read(read_token, self._secret, token)

    async def send_confirmation(self, person_id: int) -> Person:
        """Send the link that confirms the person's address once more; return whose it is. TooMany."""
        return await self._database.write(confirmation.send_again, person_id, self._secret, self._settings)

    async def read_confirmation(self, token: str) -> Person:
        """Return the person whose address the link confirms; ConfirmationOver."""
        return await self._database.read(confirmation.read_token, self._secret, token)

    async def confirm(self, token: str) -> Person:
        """Confirm the address that the link was sent to, and return whose it is; ConfirmationOver."""
        return await self._database.write(confirmation.use_token, self._secret, token)

    async def use_link(self, claim: Claim, password: str, host: str, opening: Opening) -> Session:
        """A session of the person, whose only one it is, with their new password; LinkOver, Invalid or Crowded."""
        person = claim.person
        security_log.about(person.id)
        await self._refuse_weak(password, person.username, person.email)
        password_hash = await self._hasher.hash(password)
        # They may have locked themselves out before they remembered that they do not remember.
        here = sign_in_limits(self._secret, "", person.id, host, self._settings.sign_in_limit)[0]
        session = await self._database.write(finish_recovery, claim, password_hash, here, opening)
        return self._remembered(session, opening, password_hash)

    async def change_password(
        self, visitor: Visitor, current: str, password: str, host: str, opening: Opening
    ) -> Session:
        """Return a session of the person, whose only one it is, with their new password.

        The current password is checked under the limits of signing in: WrongPassword, TooMany, Crowded; Invalid where
        guessers try the new one first.
        """
        await self._refuse_weak(password, visitor.username, visitor.email)
        attempt = await self._database.write(self._begin_change, visitor.person, host, opening.device)
        candidate = attempt.candidate
        if candidate is None or not await self._hasher.verify(candidate.password_hash, current):
            raise WrongPassword
        password_hash = await self._hasher.hash(password)
        session = await self._database.write(finish_change, candidate, password_hash, attempt.limits, opening)
        return self._remembered(session, opening, password_hash)

    async def sign_out(self, token: str, kind: Kind) -> None:
        """The session of that token is over."""
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

    def _begin(self, connection: Connection, name: str, host: str, cookie: str) -> Attempt:
        return begin_sign_in(connection, name, find_candidate(connection, name), host, cookie, self._guard)

    def _begin_change(self, connection: Connection, person: int, host: str, cookie: str) -> Attempt:
        candidate = Candidate(person, hash_by_id(connection, person))
        return begin_sign_in(connection, "", candidate, host, cookie, self._guard)

    def _remembered(self, session: Session, opening: Opening, password_hash: str) -> Session:
        """The session, with the cookie by which this browser is known from now on."""
        if opening.kind == "token":
            return session
        now = self._database.clock()
        cookie = remember(opening.device, self._secret, session.person, password_hash, now)
        return replace(session, device=cookie)

    def _address(self, host: str) -> Limit:
        return address_limit(self._secret, host, self._settings.address_limit)


def begin_sign_in(
    connection: Connection, name: str, candidate: Candidate | None, host: str, cookie: str, guard: Guard
) -> Attempt:
    """Count the attempt under every limit that it falls under; TooMany counts under none.

    A known browser is counted by itself: neither guessers elsewhere nor those of its own network keep it out.
    """
    person = device = None
    if candidate is not None:
        person = candidate.person
        device = find_device(cookie, guard.secret, person, candidate.password_hash, connection.now)
    limits = sign_in_limits(guard.secret, name, person, host, guard.sign_in_limit, device)
    if device is None:
        limits.append(address_limit(guard.secret, host, guard.address_limit))
    for limit in limits:
        count_attempt(connection, limit)
    return Attempt(candidate, tuple(limits))


def finish_sign_in(
    connection: Connection,
    candidate: Candidate,
    newer_hash: str | None,
    limits: Sequence[Limit],
    opening: Opening,
) -> Session:
    """Open a session in the place of the browser's earlier one, and count nothing: the password was right.

    PasswordChanged where the hash that was checked is the person's no more: whoever changed it ended all sessions.
    """
    if newer_hash is None:
        still = has_hash(connection, candidate.person, candidate.password_hash)
    else:  # the same password under newer parameters
        still = replace_hash(connection, candidate.person, candidate.password_hash, newer_hash)
    if not still:
        raise PasswordChanged
    _uncount(connection, limits)
    return _open(connection, candidate.person, opening)


def finish_change(
    connection: Connection,
    candidate: Candidate,
    password_hash: str,
    limits: Sequence[Limit],
    opening: Opening,
) -> Session:
    """Set the new password, end the person's sessions and tokens, and open one; PasswordChanged as in sign-in."""
    if not replace_hash(connection, candidate.person, candidate.password_hash, password_hash):
        raise PasswordChanged
    _uncount(connection, limits)
    end_sessions(connection, candidate.person)
    return _open(connection, candidate.person, opening)


def _uncount(connection: Connection, limits: Sequence[Limit]) -> None:
    """Begin anew with what counts this person here; of what counts others too, give this one attempt back."""
    own, *shared = limits
    clear(connection, own)
    for limit in shared:
        give_back(connection, limit)


def finish_recovery(
    connection: Connection, claim: Claim, password_hash: str, here: Limit, opening: Opening
) -> Session:
    """The new password, and a session; LinkOver when the link was used while the password was hashed.

    Failed sign-ins from this network are forgotten; those from elsewhere are a guesser's, and stay.
    """
    use_token(connection, claim, password_hash)
    clear(connection, here)
    return _open(connection, claim.person.id, opening)


def begin_registration(connection: Connection, newcomer: Newcomer, address: Limit) -> dict[str, str]:
    """Count the attempt; the fields whose names are taken.

    Returned and not raised, so that it stays counted: asking which names are taken is limited too.
    """
    count_attempt(connection, address)
    return find_taken(connection, newcomer)


def add_newcomer(
    connection: Connection, newcomer: Newcomer, password_hash: str, secret: bytes, settings: Settings
) -> Person:
    """Add a person who has signed up, and send the link that confirms their address.

    Taken when a name went to somebody else while the password was hashed.
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
    """Do as `add_newcomer` does, and open the new person's first session."""
    return _open(connection, add_newcomer(connection, newcomer, password_hash, secret, settings).id, opening)


def _open(connection: Connection, person: int, opening: Opening) -> Session:
    if opening.replaces is not None:
        end_session(connection, opening.replaces, opening.kind)
    return open_session(connection, person, opening.kind)

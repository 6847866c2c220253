"""Signing in and signing up, for the pages and the API: count the attempt, hash the password, then write."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from festgate.kit import security_log
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused, TooMany
from festgate.kit.translation import N_
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import confirmation, sign_ins
from festgate.portal.accounts.attempts import Limit, address_limit, count_attempt, sign_in_limits
from festgate.portal.accounts.devices import find_device, remember
from festgate.portal.accounts.invitations import AssignEvents, join_as_newcomer
from festgate.portal.accounts.passwords import Hasher, is_outdated
from festgate.portal.accounts.people import Newcomer, Taken
from festgate.portal.accounts.queries import Candidate, Kind, Person, candidate_by_id, find_candidate
from festgate.portal.accounts.recovery import read_token, send_link
from festgate.portal.accounts.second_factors import CodeNeeded, WrongCode
from festgate.portal.accounts.sessions import Session, end_session
from festgate.portal.accounts.sign_ins import Checked, HalfWay, Opening, PasswordChanged
from festgate.settings import Settings

Find: TypeAlias = Callable[[Connection, str], Candidate | None]
"""A lookup of the account that a name belongs to."""
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
        result = await self._database.write(
            sign_ins.finish_half_way, token, code, host, opening, self._secret
        )
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
        wrong = await self._database.write(sign_ins.finish_proof, checked, code, host, token, self._secret)
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
                await self._database.write(sign_ins.note_refusal, candidate, opening.kind, host)
                raise WrongPassword
            newer = await self._hasher.hash(password) if is_outdated(candidate.password_hash) else None
            try:
                result = await self._database.write(
                    sign_ins.finish_sign_in, candidate, newer, limits, opening, host, self._secret
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
            sign_ins.add_newcomer, newcomer, password_hash, self._secret, self._settings
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
                sign_ins.add_person_and_sign_in,
                newcomer,
                password_hash,
                opening,
                self._secret,
                self._settings,
            )
        except Taken as taken:
            if taken.fields.keys() != {"username", "email"}:
                raise
            try:
                again = await self._sign_in(
                    partial(sign_ins.find_newcomer, newcomer), newcomer.username, password, host, opening
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
        return await self._database.write(sign_ins.send_confirmation, person_id, self._secret, self._settings)

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
            sign_ins.finish_recovery, candidate, password_hash, here, opening, host, self._secret
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
            sign_ins.finish_change, checked.candidate, password_hash, checked.limits, opening
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
        taken = await self._database.write(sign_ins.begin_registration, newcomer, self._address(host))
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

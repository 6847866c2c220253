"""Signing in and getting an account, in order: count the attempt, hash, then write. Pages and API share it."""

from collections.abc import Sequence
from dataclasses import dataclass

from festgate.accounts.attempts import Limit, account_limit, address_limit, clear, count_attempt, give_back
from festgate.accounts.passwords import Hasher, is_outdated
from festgate.accounts.people import Newcomer, Taken, add_person, find_taken, replace_hash
from festgate.accounts.queries import Candidate, Kind, Person, find_candidate
from festgate.accounts.recovery import Claim, read_token, send_link, use_token
from festgate.accounts.sessions import Session, end_session, open_session
from festgate.kit import security_log
from festgate.kit.database import Database
from festgate.kit.errors import Refused
from festgate.kit.statements import Connection
from festgate.settings import Settings


class WrongPassword(Refused):
    """The name and the password do not go together; which of the two is wrong is not told."""

    status = 401
    code = "wrong-password"
    title = "That did not fit"
    message = "That username and password do not go together."

    def headers(self) -> dict[str, str]:
        """A 401 names a scheme (RFC 9110, section 15.5.2): the one that the API takes once there is a token."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


@dataclass(frozen=True, slots=True)
class Opening:
    """The session that is to be opened, and the browser's earlier one (a token), which ends."""

    kind: Kind
    replaces: str | None = None


class Reception:
    """Where people sign in. Passwords are checked between two transactions, never within one."""

    def __init__(self, database: Database, hasher: Hasher, settings: Settings, secret: bytes) -> None:
        """`secret` keys the hashes under which attempts are counted."""
        self._database = database
        self._hasher = hasher
        self._settings = settings
        self._secret = secret

    async def sign_in(self, name: str, password: str, host: str, opening: Opening) -> Session:
        """A session of the person with that username or e-mail address and that password.

        `host` is the address that asks. WrongPassword; TooMany beyond a limit; Crowded when too many sign in at once.
        """
        account = account_limit(self._secret, name, self._settings.sign_in_limit)
        address = self._address(host)
        candidate = await self._database.write(begin_sign_in, name, account, address)
        if candidate is not None:
            security_log.about(candidate.person)
        known_hash = candidate.password_hash if candidate else None
        fits = await self._hasher.verify(known_hash, password)
        if candidate is None or not fits:
            raise WrongPassword
        newer = await self._hasher.hash(password) if is_outdated(candidate.password_hash) else None
        return await self._database.write(finish_sign_in, candidate, newer, account, address, opening)

    async def register(self, newcomer: Newcomer, password: str, host: str) -> Person:
        """The new person; Taken, TooMany or Crowded."""
        password_hash = await self._admit(newcomer, password, host)
        person = await self._database.write(add_person, newcomer, password_hash)
        security_log.about(person.id)
        return person

    async def register_and_sign_in(
        self, newcomer: Newcomer, password: str, host: str, opening: Opening
    ) -> Session:
        """A session of the new person, in one commit with their account; Taken, TooMany or Crowded."""
        password_hash = await self._admit(newcomer, password, host)
        return await self._database.write(add_person_and_sign_in, newcomer, password_hash, opening)

    async def send_link(self, name: str, host: str) -> None:
        """A letter with a link to a new password, where there is such a person, which is not told; or TooMany."""
        await self._database.write(send_link, name, self._address(host), self._secret, self._settings)

    async def read_link(self, token: str) -> Claim:
        """Whose password the link replaces; LinkOver."""
        return await self._database.read(read_token, self._secret, token)

    async def use_link(self, claim: Claim, password: str, opening: Opening) -> Session:
        """A session of the person, whose only one it is, with their new password; LinkOver or Crowded."""
        security_log.about(claim.person.id)
        password_hash = await self._hasher.hash(password)
        # They may have locked themselves out before they remembered that they do not remember.
        names = (claim.person.username, claim.person.email)
        limits = [account_limit(self._secret, name, self._settings.sign_in_limit) for name in names]
        return await self._database.write(finish_recovery, claim, password_hash, limits, opening)

    async def sign_out(self, token: str, kind: Kind) -> None:
        """The session of that token is over."""
        await self._database.write(end_session, token, kind)

    async def _admit(self, newcomer: Newcomer, password: str, host: str) -> str:
        taken = await self._database.write(begin_registration, newcomer, self._address(host))
        if taken:
            raise Taken(taken)
        return await self._hasher.hash(password)

    def _address(self, host: str) -> Limit:
        return address_limit(self._secret, host, self._settings.address_limit)


def begin_sign_in(connection: Connection, name: str, account: Limit, address: Limit) -> Candidate | None:
    """Count the attempt under both limits; whose password is to be checked. TooMany counts under neither."""
    count_attempt(connection, account)
    count_attempt(connection, address)
    return find_candidate(connection, name)


def finish_sign_in(
    connection: Connection,
    candidate: Candidate,
    newer_hash: str | None,
    account: Limit,
    address: Limit,
    opening: Opening,
) -> Session:
    """The password was right: nothing is counted, and a new session takes the place of the browser's earlier one."""
    clear(connection, account)
    give_back(connection, address)
    if newer_hash is not None:
        # The same password under newer parameters, unless it was changed meanwhile.
        replace_hash(connection, candidate.person, candidate.password_hash, newer_hash)
    return _open(connection, candidate.person, opening)


def finish_recovery(
    connection: Connection, claim: Claim, password_hash: str, limits: Sequence[Limit], opening: Opening
) -> Session:
    """The new password, and a session; LinkOver when the link was used while the password was hashed."""
    use_token(connection, claim, password_hash)
    for limit in limits:
        clear(connection, limit)
    return _open(connection, claim.person.id, opening)


def begin_registration(connection: Connection, newcomer: Newcomer, address: Limit) -> dict[str, str]:
    """Count the attempt; the fields whose names are taken.

    Returned and not raised, so that it stays counted: asking which names are taken is limited too.
    """
    count_attempt(connection, address)
    return find_taken(connection, newcomer)


def add_person_and_sign_in(
    connection: Connection, newcomer: Newcomer, password_hash: str, opening: Opening
) -> Session:
    """The new person's first session; Taken when a name went to somebody else while the password was hashed."""
    return _open(connection, add_person(connection, newcomer, password_hash).id, opening)


def _open(connection: Connection, person: int, opening: Opening) -> Session:
    if opening.replaces is not None:
        end_session(connection, opening.replaces, opening.kind)
    return open_session(connection, person, opening.kind)

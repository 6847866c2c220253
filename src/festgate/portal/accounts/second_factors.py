"""The second factor of an account: one-time codes of an app (TOTP, RFC 6238), and recovery codes for a lost phone.

A key is made when somebody begins to set it up, and nothing asks for codes before the first one was entered. A code is
accepted once, half a minute early or late. Recovery codes have 80 random bits, so a plain hash keeps them secret.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, select, update

from festgate.kit.clock import HOUR, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Conflict, Forbidden, Refused
from festgate.kit.ids import keyed_hash, new_code, read_code
from festgate.kit.sealing import Unsealable, seal, unseal
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts.attempts import Limit, clear, count_attempt, network_of
from festgate.portal.accounts.queries import Person, hash_of, person_by_id
from festgate.portal.accounts.second_factor_notices import Step, inform_of
from festgate.portal.accounts.tables import people, recovery_codes, requirements, second_factors
from festgate.portal.audit import facade as audit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS = 6
STEP = 30
"""Seconds in which a code is valid, as every app assumes."""
DRIFT = 1
"""Steps by which the clock of a phone may be wrong."""
KEY_LENGTH = 20
"""Bytes of a key, as RFC 4226 recommends for SHA-1."""
RECOVERY_CODES = 10
RECOVERY_LENGTH = 16
MAX_CODE_LENGTH = 40
"""Characters of a code as it is typed, with spaces and dashes."""
CODES_HERE = 10
"""Wrong codes for one account from one network in a quarter of an hour."""
CODES_EVERYWHERE = 30
"""Wrong codes for one account in an hour. Somebody with the password then has a chance of one in 460 a day."""
SECOND_FACTOR = "second-factor"
"""The name of the requirement in the data."""
_PURPOSE = "second factor"
_ACTIONS: Final[Mapping[Step, audit.Action]] = {
    "on": "second-factor.on",
    "off": "second-factor.off",
    "codes-renewed": "second-factor.codes-renewed",
}


class CodeNeeded(Refused):
    """A right password of an account with a second factor, without a code."""

    status = 401
    code = "code-needed"
    title = N_("Enter your code")
    message = N_("This account has a second factor. Send the present code of its app, or a recovery code.")

    def headers(self) -> dict[str, str]:
        """Return the scheme of the API: a 401 has to name one (RFC 9110, section 15.5.2)."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


class WrongCode(Refused):
    """A code that is wrong, was used before, or is of another time."""

    status = 401
    code = "wrong-code"
    title = N_("Wrong code")
    message = N_(
        "This code is wrong or was used already. Wait for the next one, and check the time of your phone."
    )

    def headers(self) -> dict[str, str]:
        """Return the scheme of the API: a 401 has to name one (RFC 9110, section 15.5.2)."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


class NotBegun(Conflict):
    """A step of setting up a second factor that another browser has finished, or nobody has begun."""

    code = "second-factor-changed"
    message = N_("The second factor was set up or switched off meanwhile. Load the page again.")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The second factor of a person as their page shows it."""

    begun_at: Milliseconds
    confirmed_at: Milliseconds | None
    codes_left: int
    """Recovery codes that were not used."""

    @property
    def is_on(self) -> bool:
        """Return whether signing in asks for a code."""
        return self.confirmed_at is not None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The key of a second factor that is being set up."""

    key: str
    """In base 32, as apps take it."""
    address: str
    """The `otpauth://` address in the QR code."""

    @property
    def in_fours(self) -> str:
        """The key in groups of four, for typing."""
        return " ".join(self.key[start : start + 4] for start in range(0, len(self.key), 4))


_find = Statement(
    select(*second_factors.c["begun_at", "confirmed_at"]).where(
        second_factors.c.person_id == bindparam("person")
    )
)
_is_on = Statement(
    select(second_factors.c.person_id).where(
        second_factors.c.person_id == bindparam("person"), second_factors.c.confirmed_at.is_not(None)
    )
)
# FOR UPDATE: two requests with the same code take turns, and the second one finds it used.
_key = Statement(
    select(*second_factors.c["sealed_key", "confirmed_at", "last_step"])
    .where(second_factors.c.person_id == bindparam("person"))
    .with_for_update()
)
_read_key = Statement(
    select(*second_factors.c["sealed_key", "confirmed_at"]).where(
        second_factors.c.person_id == bindparam("person")
    )
)
_insert = inserting(second_factors)
_of_person = update(second_factors).where(second_factors.c.person_id == bindparam("person"))
_use = Statement(_of_person.values(last_step=bindparam("step")))
_confirm = Statement(_of_person.values(confirmed_at=bindparam("now")))
_delete = Statement(delete(second_factors).where(second_factors.c.person_id == bindparam("person")))
_insert_code = inserting(recovery_codes)
_delete_codes = Statement(delete(recovery_codes).where(recovery_codes.c.person_id == bindparam("person")))
_use_code = Statement(
    delete(recovery_codes).where(
        recovery_codes.c.person_id == bindparam("person"),
        recovery_codes.c.code_hash == bindparam("used_hash"),
    )
)
_count_codes = Statement(
    select(func.count()).select_from(recovery_codes).where(recovery_codes.c.person_id == bindparam("person"))
)
_requirement = Statement(select(requirements.c.required_at).where(requirements.c.name == SECOND_FACTOR))
_require = inserting(requirements)
_release = Statement(delete(requirements).where(requirements.c.name == SECOND_FACTOR))
_team = Statement(
    select(people.c.id, second_factors.c.confirmed_at)
    .join_from(people, second_factors, isouter=True)
    .where(people.c.role != "attendee", people.c.email != "")
    .order_by(people.c.username_key)
)


def find_second_factor(connection: Connection, person_id: int) -> SecondFactor | None:
    """Return the person's second factor, set up or being set up; None without one."""
    row = connection.first(_find, person=person_id)
    if row is None:
        return None
    begun_at, confirmed_at = row
    return SecondFactor(begun_at, confirmed_at, connection.value(_count_codes, person=person_id))


def has_second_factor(connection: Connection, person_id: int) -> bool:
    """Return whether signing in asks the person for a code."""
    return connection.first(_is_on, person=person_id) is not None


def begin(connection: Connection, person_id: int, secret: bytes) -> None:
    """Make a new key for a person of the team, in place of one that was not confirmed. Raises Forbidden or NotBegun."""
    if person_by_id(connection, person_id).role == "attendee":
        raise Forbidden
    if has_second_factor(connection, person_id):
        raise NotBegun
    connection.run(_delete, person=person_id)
    key = base64.b32encode(secrets.token_bytes(KEY_LENGTH)).decode()
    connection.run(
        _insert,
        person_id=person_id,
        sealed_key=seal(secret, _PURPOSE, key),
        begun_at=connection.now,
        confirmed_at=None,
        last_step=0,
    )


def read_enrolment(connection: Connection, person: Person, secret: bytes, fest: str) -> Enrolment | None:
    """Return the key that the person is to enter in an app; None unless it is being set up.

    A key that cannot be decrypted any more is as good as none.
    """
    row = connection.first(_read_key, person=person.id)
    if row is None or row[1] is not None:
        return None
    try:
        key = unseal(secret, _PURPOSE, row[0])
    except Unsealable:
        return None
    return Enrolment(key, _totp(key).get_provisioning_uri(person.username, fest))


def confirm(
    connection: Connection, person_id: int, code: str, secret: bytes, host: str, actor: Actor, fest: str
) -> Sequence[str] | WrongCode:
    """Switch the second factor on if the code is right, and return the recovery codes, which are shown only now.

    The person gets an email that names the `fest`. A wrong code is returned and not raised, so that it stays counted.
    Raises NotBegun or TooMany.
    """
    if has_second_factor(connection, person_id) or connection.first(_find, person=person_id) is None:
        raise NotBegun
    wrong = check_code(connection, person_id, code, secret, host)
    if wrong is not None:
        return wrong
    connection.run(_confirm, person=person_id, now=connection.now)
    _record(connection, actor, "on", person_id, fest)
    return _new_codes(connection, person_id)


def renew_codes(
    connection: Connection, person_id: int, code: str, secret: bytes, host: str, actor: Actor, fest: str
) -> Sequence[str] | WrongCode:
    """Replace the recovery codes if the code is right, and return the new ones. Raises NotBegun or TooMany.

    The person gets an email that names the `fest`.
    """
    if not has_second_factor(connection, person_id):
        raise NotBegun
    wrong = check_code(connection, person_id, code, secret, host)
    if wrong is not None:
        return wrong
    _record(connection, actor, "codes-renewed", person_id, fest)
    return _new_codes(connection, person_id)


def remove(connection: Connection, person_id: int, actor: Actor, fest: str) -> bool:
    """Switch the person's second factor off; return whether it was on. The caller has checked password and code.

    The person gets an email that names the `fest`.
    """
    was_on = has_second_factor(connection, person_id)
    forget(connection, person_id)
    if was_on:
        _record(connection, actor, "off", person_id, fest)
    return was_on


def forget(connection: Connection, person_id: int) -> None:
    """Delete the second factor and its recovery codes, without a trace."""
    connection.run(_delete, person=person_id)
    connection.run(_delete_codes, person=person_id)


def check_code(
    connection: Connection, person_id: int, code: str, secret: bytes, host: str
) -> WrongCode | None:
    """Return None if the code is right, and use it up. Else return the refusal, so that the attempt stays counted.

    Raises TooMany. Right codes clear the counts.
    """
    limits = _limits(secret, person_id, host)
    for limit in limits:
        count_attempt(connection, limit)
    plain = read_code(code)
    if len(plain) == DIGITS and plain.isascii() and plain.isdecimal():
        is_right = _use_app_code(connection, person_id, plain, secret)
    else:
        is_right = bool(connection.run(_use_code, person=person_id, used_hash=_hash_of(plain)))
    if not is_right:
        return WrongCode()
    for limit in limits:
        clear(connection, limit)
    return None


def is_required(connection: Connection) -> bool:
    """Return whether every account of the team needs a second factor."""
    return connection.first(_requirement) is not None


def lacks_second_factor(connection: Connection, person_id: int) -> bool:
    """Return whether this person of the team has to set up a second factor first."""
    return is_required(connection) and not has_second_factor(connection, person_id)


def set_requirement(connection: Connection, actor: Actor, *, required: bool) -> None:
    """Require a second factor of every account of the team, or no longer. A second time does nothing."""
    if required == is_required(connection):
        return
    if required:
        connection.run(_require, name=SECOND_FACTOR, required_at=connection.now)
    else:
        connection.run(_release)
    action: audit.Action = "second-factor.required" if required else "second-factor.optional"
    audit.record(connection, actor, action, "")


def team_factors(connection: Connection) -> list[tuple[Person, Milliseconds | None]]:
    """Return the people of the team, by username, and since when each has a second factor."""
    return [(person_by_id(connection, number), since) for number, since in connection.all(_team)]


def _limits(secret: bytes, person_id: int, host: str) -> tuple[Limit, Limit]:
    here = keyed_hash(secret, "codes of an account from a network", f"{person_id}\0{network_of(host)}")
    everywhere = keyed_hash(secret, "codes of an account", str(person_id))
    sentence = gettext("Too many wrong codes for this account.")
    return Limit(here, CODES_HERE, sentence), Limit(everywhere, CODES_EVERYWHERE, sentence, HOUR)


def _use_app_code(connection: Connection, person_id: int, code: str, secret: bytes) -> bool:
    row = connection.first(_key, person=person_id)
    if row is None:
        return False
    sealed, _, last_step = row
    try:
        totp = _totp(unseal(secret, _PURPOSE, sealed))
    except Unsealable:  # only a recovery code, or the command line, helps
        return False
    present = connection.now // SECOND // STEP
    for step in range(present - DRIFT, present + DRIFT + 1):
        # Digits of a moment are no lasting secret, and their comparison takes a microsecond of a request's time.
        if step > last_step and secrets.compare_digest(totp.generate(step * STEP), code.encode()):
            connection.run(_use, person=person_id, step=step)
            return True
    return False


def _totp(key: str) -> "TOTP":
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415  (as in kit/sealing.py)
    from cryptography.hazmat.primitives.twofactor.totp import TOTP  # noqa: PLC0415

    # Most apps know only SHA-1, in which this use (HMAC) has no known weakness.
    return TOTP(base64.b32decode(key), DIGITS, SHA1(), STEP)  # noqa: S303  (see above)


def _new_codes(connection: Connection, person_id: int) -> list[str]:
    connection.run(_delete_codes, person=person_id)
    codes = [new_code(RECOVERY_LENGTH) for _ in range(RECOVERY_CODES)]
    for code in codes:
        connection.run(_insert_code, code_hash=_hash_of(code), person_id=person_id)
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes]


def _hash_of(code: str) -> str:
    return hash_of(f"recovery code {code}")


def _record(connection: Connection, actor: Actor, step: Step, person_id: int, fest: str) -> None:
    person = person_by_id(connection, person_id)
    audit.record(connection, actor, _ACTIONS[step], "", **{audit.PERSON: person_id})
    inform_of(connection, person, step, actor, fest)

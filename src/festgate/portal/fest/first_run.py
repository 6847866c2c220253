"""The first run: an empty fest waits until its owner opens the link that `festgate serve` has printed."""

from typing import Final

from sqlalchemy import bindparam, select, update

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.ids import keyed_hash, new_token
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.fest.changes import Plan, save
from festgate.portal.fest.errors import SetUpLinkExpired
from festgate.portal.fest.stored import Logo
from festgate.portal.fest.tables import states

LIFE: Final = HOUR
PATH: Final = "/setup"
_PURPOSE: Final = "the link that sets a fest up"

_state = Statement(select(states.c.set_up_at))
_link = Statement(select(states.c.set_up_at, states.c.link_hash, states.c.link_ends_at))
_is_unset = states.c.set_up_at.is_(None)
_end = Statement(
    update(states).where(_is_unset).values(set_up_at=bindparam("now"), link_hash=None, link_ends_at=None)
)
_set_link = Statement(
    update(states).where(_is_unset).values(link_hash=bindparam("new_hash"), link_ends_at=bindparam("end"))
)
_use_link = Statement(
    update(states)
    .where(_is_unset, states.c.link_hash == bindparam("used_hash"), states.c.link_ends_at > bindparam("now"))
    .values(set_up_at=bindparam("now"), link_hash=None, link_ends_at=None)
)


def is_waiting(connection: Connection) -> bool:
    """Return whether the fest has no people yet. Any account ends the waiting, also one made by a command."""
    return connection.value(_state) is None and not accounts.has_people(connection)


def has_first_run(connection: Connection) -> bool:
    """Return whether the fest was never noted as set up."""
    return connection.value(_state) is None


def end_first_run(connection: Connection) -> None:
    """Note that the fest has been set up, so that it never waits again, even without people."""
    connection.run(_end, now=connection.now)


def begin_first_run(connection: Connection, secret: bytes) -> str:
    """Return the token of a new link, which replaces an earlier one; empty if the fest has been set up."""
    if connection.value(_state) is not None:
        return ""
    if accounts.has_people(connection):
        end_first_run(connection)
        return ""
    token = new_token()
    connection.run(_set_link, new_hash=_hash(secret, token), end=connection.now + LIFE)
    return token


def check_link(connection: Connection, secret: bytes, token: str) -> None:
    """Raise SetUpLinkExpired unless the token's link can be used now."""
    row = connection.first(_link)
    set_up_at, link_hash, ends_at = row or (None, None, None)
    is_valid = link_hash is not None and link_hash == _hash(secret, token)
    if set_up_at is not None or not is_valid or connection.now >= ends_at or accounts.has_people(connection):
        raise SetUpLinkExpired


def set_up(
    connection: Connection,
    secret: bytes,
    token: str,
    owner: accounts.Newcomer,
    password_hash: str,
    made: Plan,
    logo: Logo | None,
    address: str,
) -> accounts.Session:
    """Make the first owner, save the settings, and return the owner's session. Of two people with the link, one does.

    Raise SetUpLinkExpired.
    """
    if not connection.run(_use_link, used_hash=_hash(secret, token), now=connection.now):
        raise SetUpLinkExpired
    if accounts.has_people(connection):
        raise SetUpLinkExpired
    person = accounts.add_person(connection, owner, password_hash, confirmed=True)
    actor = Actor(person.id, "session", address)
    audit.record(connection, actor, "fest.set-up", "", **{audit.PERSON: person.id})
    save(connection, actor, made, logo, with_logo=logo is not None)
    return accounts.open_session(connection, person.id, "cookie")


def _hash(secret: bytes, token: str) -> str:
    return keyed_hash(secret, _PURPOSE, token)

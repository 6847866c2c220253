"""Changes of the settings in the data: checked as a whole, then saved as a whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, update

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Invalid
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.fields import ALL, BOUND
from festgate.portal.fest.logos import replace_logo
from festgate.portal.fest.problems import sentence_of
from festgate.portal.fest.stored import Effective, Logo, seal_setting
from festgate.portal.fest.tables import states, stored_settings
from festgate.settings import Settings, SettingsError

TOPIC: Final = "fest"
"""Announced with each change, so that the process that made it need not wait for its next look."""
_FIXED: Final = {
    "environment": N_("This is set in the environment, and cannot be changed here."),
    "file": N_("This is set in the settings file, and cannot be changed here."),
    "option": N_("This is set on the command line, and cannot be changed here."),
}
_ENTER_AGAIN: Final = N_(
    "Enter it again: it would go to another server, or in another way, than the one it was stored for."
)

_raise_version = Statement(
    update(states).where(states.c.version == bindparam("seen")).values(version=states.c.version + 1)
)
_delete = Statement(delete(stored_settings).where(stored_settings.c.name == bindparam("of_name")))
_insert = inserting(stored_settings)


@dataclass(frozen=True, slots=True)
class Change:
    """New values by the setting's name, and settings that go back to their default. A secret is removed that way."""

    values: Mapping[str, object] = field(default_factory=dict)
    resets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked change: the settings that result, and the rows to write, or to delete where the text is None."""

    settings: Settings
    texts: Mapping[str, str | None]
    seen: int
    """The version of the settings that it was made from."""

    def changes(self, name: str) -> bool:
        """Return whether the setting gets another value."""
        return name in self.texts


def is_fixed(current: Effective, name: str) -> bool:
    """Return whether a value from outside the data has precedence, or a secret from there would go to this server."""
    if name in current.given.fixed:
        return True
    return any(
        name in bound and secret in current.given.fixed and getattr(current.settings, secret)
        for secret, bound in BOUND.items()
    )


def plan(current: Effective, change: Change, secret: bytes) -> Plan:
    """Check a change and return what it does. Raise Invalid with a sentence for each wrong setting."""
    problems = {name: sentence for name in _names(change) if (sentence := _refusal(current, name))}
    if problems:
        raise Invalid(problems)
    values = {name: value for name, value in current.values.items() if name not in change.resets}
    values |= change.values
    try:
        settings = current.given.settings(values)
    except SettingsError as error:
        raise Invalid(
            {name: sentence_of(name, problem) for name, problem in error.problems.items()}
        ) from None
    texts = _texts(current, change, settings, secret)
    texts |= _forgotten_secrets(current, change, settings, texts)
    return Plan(settings, texts, current.stored.version)


def _names(change: Change) -> list[str]:
    return sorted({*change.values, *change.resets})


def _refusal(current: Effective, name: str) -> str:
    """Return why the setting cannot be changed; empty if it can."""
    if name not in ALL:
        return gettext("This setting is unknown, or is never set in the browser.")
    if is_fixed(current, name):
        return gettext(_FIXED.get(current.given.source(name), _FIXED["environment"]))
    return ""


def _texts(current: Effective, change: Change, settings: Settings, secret: bytes) -> dict[str, str | None]:
    """Return the rows to write, or to delete where the text is None. A default is not stored."""
    defaults, written = current.given.settings(), settings.model_dump(mode="json")
    texts: dict[str, str | None] = {}
    for name in _names(change):
        value, is_stored = getattr(settings, name), name in current.stored.texts
        if ALL[name].is_secret:
            if value:
                texts[name] = seal_setting(secret, settings, name, value)
            elif is_stored:
                texts[name] = None
        elif value != getattr(current.settings, name) or (name in change.resets and is_stored):
            texts[name] = None if value == getattr(defaults, name) else json.dumps(written[name])
    return texts


def _forgotten_secrets(
    current: Effective, change: Change, settings: Settings, texts: Mapping[str, str | None]
) -> dict[str, None]:
    """Return the secrets to delete because their server is gone. Raise Invalid where a secret must be entered again."""
    forgotten: dict[str, None] = {}
    for name, bound in BOUND.items():
        is_entered = name in change.values or name in change.resets or name in current.given.fixed
        if is_entered or name not in current.stored.texts or not any(other in texts for other in bound):
            continue
        if getattr(settings, bound[0]):
            raise Invalid({name: gettext(_ENTER_AGAIN)})
        forgotten[name] = None
    return forgotten


def save(
    connection: Connection, actor: Actor, made: Plan, logo: Logo | None = None, *, with_logo: bool = False
) -> None:
    """Write the plan, and the logo if `with_logo`. Raise SettingsChanged if it was made from an older version."""
    if not made.texts and not with_logo:
        return
    if not connection.run(_raise_version, seen=made.seen):
        raise SettingsChanged
    for name, text in made.texts.items():
        connection.run(_delete, of_name=name)
        if text is not None:
            connection.run(_insert, name=name, value=text)
    names = [*made.texts]
    if with_logo:
        replace_logo(connection, logo)
        names.append("logo")
    audit.record(connection, actor, "settings.changed", "settings", names=", ".join(names))
    connection.announce(TOPIC)

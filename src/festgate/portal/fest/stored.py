"""The settings in the data: reading them, and the settings that result with those from outside the data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import select

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.sealing import Unsealable, seal, unseal
from festgate.portal.fest.fields import ALL, HOSTS
from festgate.portal.fest.tables import logos, states, stored_settings
from festgate.settings import Given, Settings, SettingsError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Logo:
    """The fest's logo."""

    content_type: str
    digest: str
    content: bytes

    @property
    def path(self) -> str:
        """Return its address, which changes with the content."""
        return f"/fest/logo?v={self.digest}"


@dataclass(frozen=True, slots=True)
class Stored:
    """The settings in the data, as they are stored: JSON by name."""

    version: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    logo: Logo | None = None


NOTHING_STORED = Stored()


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings in force, and what became of those in the data."""

    settings: Settings
    given: Given
    stored: Stored
    values: Mapping[str, object]
    """The values of the data that are valid, also where a value from outside has precedence."""
    unreadable: frozenset[str]
    """Stored secrets that this fest's secret does not open."""

    def source(self, name: str) -> str:
        """Return the place that the value of a setting comes from."""
        return self.given.source(name, self.values)


_version = Statement(select(states.c.version))
_all = Statement(select(stored_settings.c.name, stored_settings.c.value))
_logo = Statement(select(logos.c.content_type, logos.c.digest, logos.c.content))


def read_version(connection: Connection) -> int:
    """Return the version of the settings in the data, which rises with each change."""
    version: int = connection.value(_version)
    return version


def read_stored(connection: Connection) -> Stored:
    """Return the settings in the data."""
    version = read_version(connection)
    rows = {name: text for name, text in connection.all(_all) if name in ALL}
    logo = connection.first(_logo)
    return Stored(version, rows, None if logo is None else Logo(logo[0], logo[1], bytes(logo[2])))


def effective(given: Given, stored: Stored, secret: bytes) -> Effective:
    """Return the settings in force. Values of the data that do not fit are left out, with a line in the log.

    Raise SettingsError only for values from outside the data.
    """
    values: dict[str, object] = {}
    unreadable: set[str] = set()
    for name, text in stored.texts.items():
        if ALL[name].is_secret:
            continue
        try:
            values[name] = json.loads(text)
        except ValueError:
            log.warning("a stored setting cannot be read", setting=name)
    settings, values = _valid(given, values)
    secrets: dict[str, object] = {}
    for name, text in stored.texts.items():
        if not ALL[name].is_secret:
            continue
        try:
            secrets[name] = unseal(secret, _purpose(name, settings), text)
        except Unsealable:
            unreadable.add(name)
            log.warning("a stored secret does not open: enter it again in the settings", setting=name)
    if "stripe_secret_key" in unreadable or "stripe_webhook_secret" in unreadable:
        values = _without_stripe(given, values)
    settings, values = _valid(given, values | secrets)
    return Effective(settings, given, stored, values, frozenset(unreadable))


def seal_setting(secret: bytes, settings: Settings, name: str, value: str) -> str:
    """Return a secret as it is stored: only this fest opens it, and only for the same host."""
    return seal(secret, _purpose(name, settings), value)


def _purpose(name: str, settings: Settings) -> str:
    host = getattr(settings, HOSTS[name]) if name in HOSTS else ""
    return f"setting {name} {host}"


def _valid(given: Given, values: Mapping[str, object]) -> tuple[Settings, dict[str, object]]:
    """Return the settings with the values that are valid, and these values."""
    rest: dict[str, Any] = dict(values)
    while True:
        try:
            return given.settings(rest), rest
        except SettingsError as error:
            wrong = [name for name in error.problems if name in rest and name not in given.fixed]
            if not wrong:
                raise
            for name in wrong:
                log.warning("a stored setting is not valid", setting=name, problem=error.problems[name].text)
                del rest[name]


def _without_stripe(given: Given, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values without the method `stripe`, which could not start without its keys."""
    methods = values.get("payment_methods")
    if "payment_methods" in given.fixed or not isinstance(methods, list) or "stripe" not in methods:
        return dict(values)
    log.warning("the payment method stripe is off, because its stored keys do not open")
    left = [method for method in methods if method != "stripe"]
    return {**values, "payment_methods": left or ["desk"]}

"""Invariants of the settings in the data, and of the fest's logo."""

import json

from sqlalchemy import func, select

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.sealing import is_sealed
from festgate.portal.fest.fields import ALL
from festgate.portal.fest.logos import digest_of
from festgate.portal.fest.tables import logos, states, stored_settings

_settings = Statement(
    select(stored_settings.c.name, stored_settings.c.value).order_by(stored_settings.c.name)
)
_count = Statement(select(func.count()).select_from(states))
_logos = Statement(select(logos.c.digest, logos.c.content))


def check_settings(connection: Connection) -> list[Finding]:
    """Check that each stored setting is known and can be read, and that stored secrets are encrypted."""
    findings = []
    for name, text in connection.all(_settings):
        where = f"setting {name}"
        if name not in ALL:
            findings.append(Finding("a stored setting is known", where, "there is no such setting"))
        elif ALL[name].is_secret:
            if not is_sealed(text):
                findings.append(Finding("a stored secret is encrypted", where, "it is not: enter it again"))
        elif not _is_json(text):
            findings.append(Finding("a stored setting is JSON", where, "it cannot be read: save it again"))
    return findings


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def check_state(connection: Connection) -> list[Finding]:
    """Check that the fest has one state, and that the address of its logo is that of its content."""
    findings = []
    count = connection.value(_count)
    if count != 1:
        findings.append(Finding("a fest has one state", "the fest", f"it has {count}"))
    findings += [
        Finding("a logo's address is a hash of its content", "the logo", "the content is another")
        for digest, content in connection.all(_logos)
        if digest != digest_of(bytes(content))
    ]
    return findings


CHECKS: tuple[Check, ...] = (check_settings, check_state)

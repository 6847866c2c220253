"""Reads of the audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.audit.tables import entries

MAX_ABOUT = 500
"""The latest entries about one subject that are read."""
_about = Statement(
    select(*entries.c["at", "person_id", "origin", "action", "subject", "event_id", "details"])
    .where(entries.c.subject == bindparam("subject"))
    .order_by(entries.c.id.desc())
    .limit(MAX_ABOUT)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the audit log."""

    at: Milliseconds
    person_id: int | None
    origin: str
    action: str
    """A key of `TITLES`, or the name of an action of a later version."""
    subject: str
    event_id: int | None
    details: Mapping[str, Any]


def entries_about(connection: Connection, subject: str) -> list[Entry]:
    """Return the latest entries with exactly that subject, oldest first."""
    rows = connection.all(_about, subject=subject)
    return [
        Entry(at, person, origin, action, about, event, json.loads(details))
        for at, person, origin, action, about, event, details in reversed(rows)
    ]

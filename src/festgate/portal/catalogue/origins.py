"""Identities of events that were imported from a calendar: stored, found again, and compared with the next version.

A version is newer if its SEQUENCE is higher, or if that is the same and its last change is later: many programs never
raise SEQUENCE. If neither differs, nothing shows which is newer. The digests show which fields the calendar has
changed since, so that a new version changes only those: organisers' own edits of the other fields stay.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.portal.catalogue.details import TIMES
from festgate.portal.catalogue.files.rows import Origin
from festgate.portal.catalogue.tables import origins

_VERSION = ("uid", "recurrence", "sequence", "modified_at", "digests")
_columns = origins.c[("event_id", *_VERSION)]
_with_uid = Statement(select(*_columns).where(origins.c.uid == bindparam("uid")).order_by("recurrence"))
_of_event = Statement(select(*_columns).where(origins.c.event_id == bindparam("event")))
_insert = inserting(origins)
_change = Statement(
    update(origins)
    .where(origins.c.event_id == bindparam("event"))
    .values({name: bindparam(f"new_{name}") for name in _VERSION})
)


@dataclass(frozen=True, slots=True)
class Known:
    """The version of an event that was imported from a calendar last."""

    event_id: int
    uid: str
    recurrence: str
    sequence: int
    modified_at: Milliseconds
    digests: Mapping[str, str]

    def changed_fields(self, fields: Mapping[str, str]) -> set[str]:
        """Return the fields that differ from those of the known version."""
        return {name for name, digest in digests_of(fields).items() if self.digests.get(name) != digest}

    @property
    def dates(self) -> set[str]:
        """The date that the event is, as `dates_of` returns it for the event in a file."""
        return {self.digests.get("starts_at", ""), _digest("starts_at", self.recurrence)}

    def is_older_than(self, origin: Origin) -> bool | None:
        """Return whether the other version is newer; None if the calendar does not show which of them is."""
        if self.sequence != origin.sequence:
            return self.sequence < origin.sequence
        if self.modified_at and origin.modified_at and self.modified_at != origin.modified_at:
            return self.modified_at < origin.modified_at
        return None


def dates_of(origin: Origin, starts_at: str = "") -> set[str]:
    """Return digests that name a date: its start in the file, and its original start before any change.

    By these an event stays the same when the calendar begins to name it as a date of a series, or no longer does.
    """
    return {_digest("starts_at", text) for text in (starts_at, origin.recurrence) if text}


def known_with_uid(connection: Connection, uid: str) -> list[Known]:
    """Return the imported events with that UID: the dates of one repeating event, or a single event."""
    return [_read(row) for row in connection.all(_with_uid, uid=uid)]


def known_of_event(connection: Connection, event_id: int) -> Known | None:
    """Return the identity of an event; None if it was not imported from a calendar."""
    row = connection.first(_of_event, event=event_id)
    return None if row is None else _read(row)


def remember(connection: Connection, event_id: int, origin: Origin, digests: Mapping[str, str]) -> None:
    """Store the version of an event that was imported, in place of an earlier one.

    Raises TryAgain if another process has just imported the same event.
    """
    values = {
        "uid": origin.uid,
        "recurrence": origin.recurrence,
        "sequence": origin.sequence,
        "modified_at": origin.modified_at,
        "digests": json.dumps(digests, sort_keys=True),
    }
    try:
        if not connection.run(
            _change, event=event_id, **{f"new_{name}": value for name, value in values.items()}
        ):
            connection.run(_insert, event_id=event_id, **values)
    except UniqueViolation:
        raise TryAgain from None


def digests_of(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a short digest of each field, which is the same for another spelling of the same value."""
    return {name: _digest(name, text) for name, text in fields.items() if name != "slug"}


def _digest(name: str, text: str) -> str:
    plain = " ".join(text.split())
    if name in TIMES:
        try:
            at = datetime.fromisoformat(plain)
        except ValueError:
            pass
        else:
            plain = at.astimezone(UTC).isoformat() if at.tzinfo else plain
    return blake2b(plain.encode(), digest_size=8).hexdigest()


def _read(row: tuple[Any, ...]) -> Known:
    values: list[Any] = list(row)
    values[-1] = json.loads(values[-1])
    return Known(*values)

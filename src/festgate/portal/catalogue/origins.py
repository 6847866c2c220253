"""Identities of events that were imported from a calendar: stored, found again, and compared with the next version.

A version is newer if its SEQUENCE is higher, or if that is the same and its last change is later: many programs never
raise SEQUENCE. If neither differs, nobody can tell which is newer. The digests show which fields the calendar has
changed since, so that a new version changes only those: organisers' own edits of the other fields stay.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

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

    def is_date_of(self, origin: Origin, starts_at: str) -> bool:
        """Return whether this is the same date, though the calendar now names it as part of a series, or no longer.

        `starts_at` is the start in the file. It names the date as well as RECURRENCE-ID, the start before any change.
        """
        starts = _digest("starts_at", starts_at)
        names = {starts, _digest("starts_at", origin.recurrence or starts_at)}
        return origin.uid == self.uid and (
            self.digests.get("starts_at") in names or _digest("starts_at", self.recurrence) == starts
        )

    def is_older_than(self, origin: Origin) -> bool | None:
        """Return whether the other version is newer; None if the calendar does not show which of them is."""
        if self.sequence != origin.sequence:
            return self.sequence < origin.sequence
        if self.modified_at and origin.modified_at and self.modified_at != origin.modified_at:
            return self.modified_at < origin.modified_at
        return None


def known_with_uid(connection: Connection, uid: str) -> list[Known]:
    """Return the imported events with that UID: the dates of one repeating event, or a single event."""
    return [_read(row) for row in connection.all(_with_uid, uid=uid)]


def known_of_event(connection: Connection, event_id: int) -> Known | None:
    """Return the identity of an event; None if it was not imported from a calendar."""
    row = connection.first(_of_event, event=event_id)
    return None if row is None else _read(row)


def remember(connection: Connection, event_id: int, origin: Origin, fields: Mapping[str, str]) -> None:
    """Store the version of an event that was imported, in place of an earlier one."""
    values = {
        "uid": origin.uid,
        "recurrence": origin.recurrence,
        "sequence": origin.sequence,
        "modified_at": origin.modified_at,
        "digests": json.dumps(digests_of(fields), sort_keys=True),
    }
    try:
        if not connection.run(
            _change, event=event_id, **{f"new_{name}": value for name, value in values.items()}
        ):
            connection.run(_insert, event_id=event_id, **values)
    except UniqueViolation:
        # Another process has just imported the same event: the next attempt sees it.
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


def _read(row: tuple[object, ...]) -> Known:
    *values, digests = row
    return Known(*values, json.loads(str(digests)))  # type: ignore[arg-type]

"""The rows of a calendar file, matched with the events that were imported from that calendar before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.files.rows import Row
from festgate.portal.catalogue.origins import Known, dates_of, known_with_uid


@dataclass(frozen=True, slots=True)
class Match:
    """A row's event of the fest."""

    known: Known
    is_sure: bool = True
    """False if only the order of the dates shows which is which, because all dates of the series have changed."""


@dataclass(slots=True)
class Matches:
    """The matches of a file's rows by their indexes."""

    events: dict[int, Match] = field(default_factory=dict)
    gone: dict[int, list[Known]] = field(default_factory=dict)
    """The dates that are no longer in the file, by the index of the first new date of their series."""


def match_rows(connection: Connection, rows: Sequence[Row]) -> Matches:
    """Return the event of each row that was imported before. Rows with a slug name their events themselves."""
    by_uid: defaultdict[str, dict[int, Row]] = defaultdict(dict)
    for index, row in enumerate(rows):
        if row.origin.uid and not row.fields.get("slug", "").strip():
            by_uid[row.origin.uid][index] = row
    matches = Matches()
    for uid, own in by_uid.items():
        left = {known.recurrence: known for known in known_with_uid(connection, uid)}
        if not left:
            continue
        events = _match_dates(own, left)
        new = [index for index in own if index not in events]
        if new and left:
            matches.gone[new[0]] = list(left.values())
        matches.events |= events
    return matches


def _match_dates(rows: Mapping[int, Row], left: dict[str, Known]) -> dict[int, Match]:
    """Match rows of one UID, and remove their events from `left`."""
    events: dict[int, Match] = {}
    for index, row in rows.items():
        if row.origin.recurrence in left:
            events[index] = Match(left.pop(row.origin.recurrence))
    by_date = {date: known for known in left.values() for date in known.dates}
    for index, row in rows.items():
        if index not in events:
            dates = dates_of(row.origin, row.fields.get("starts_at", "")) & by_date.keys()
            known = by_date[dates.pop()] if dates else None
            if known is not None and left.get(known.recurrence) is known:
                del left[known.recurrence]
                events[index] = Match(known)
    if not events and len(rows) == len(left) > 1:
        new = sorted(rows, key=lambda index: rows[index].origin.recurrence)
        for index, recurrence in zip(new, sorted(left), strict=True):
            events[index] = Match(left.pop(recurrence), is_sure=False)
    return events

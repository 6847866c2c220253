"""Reads of the audit log, newest entries first. They look at many rows, so they are for `Database.report`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, func, or_, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.search import has_words, word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.audit.actions import PERSON
from festgate.portal.audit.tables import entries

ALL = -1
"""Number of no person and no event."""
MAX_NAMED = 300
"""People and events that the filters offer."""
MAX_ABOUT = 500
"""The latest entries about one subject that are read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the audit log."""

    id: int
    at: Milliseconds
    person: int | None
    origin: Literal["session", "token", "command", "portal"]
    address: str
    action: str
    """A key of actions.py, or one of a later release."""
    subject: str
    event_id: int | None
    details: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Filters:
    """The entries to list: those that fit all filters."""

    words: str = ""
    action: str = ""
    person: int = ALL
    """The person that acted, or that an action concerns."""
    event_id: int = ALL
    since: Milliseconds = 0
    until: Milliseconds | None = None
    """The time before which the entries were made."""


_FOREVER = 2**62


def _is_any(
    column: ColumnElement[Any], name: str, kind: type[BigInteger | Text], every: object
) -> ColumnElement[bool]:
    """Return the condition that the column has the value of the parameter, which is `every` if all values fit."""
    return or_(bindparam(name, type_=kind) == every, column == bindparam(name, type_=kind))


_FITS = and_(
    has_words(entries.c.search),
    _is_any(entries.c.action, "asked_action", Text, ""),
    or_(
        _is_any(entries.c.person_id, "asked_person", BigInteger, ALL),
        entries.c.details.like(bindparam("about_more")),
        entries.c.details.like(bindparam("about_last")),
    ),
    _is_any(entries.c.event_id, "asked_event", BigInteger, ALL),
    entries.c.at >= bindparam("since"),
    entries.c.at < bindparam("until"),
)
_columns = entries.c["id", "at", "person_id", "origin", "address", "action", "subject", "event_id", "details"]
_list = Statement(
    select(*_columns)
    .where(_FITS)
    .order_by(entries.c.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_count = Statement(select(func.count()).select_from(entries).where(_FITS))
_people = Statement(
    select(entries.c.person_id).where(entries.c.person_id.is_not(None)).distinct().limit(MAX_NAMED)
)
_events = Statement(
    select(entries.c.event_id).where(entries.c.event_id.is_not(None)).distinct().limit(MAX_NAMED)
)
_of_person = Statement(
    select(*_columns).where(entries.c.person_id == bindparam("person")).order_by(entries.c.id)
)
_about = Statement(
    select(*_columns)
    .where(entries.c.subject == bindparam("subject"))
    .order_by(entries.c.id.desc())
    .limit(MAX_ABOUT)
)
_has = Statement(select(entries.c.id).where(entries.c.person_id == bindparam("person")).limit(1))


def find_entries(
    connection: Connection, filters: Filters, limit: int, offset: int = 0
) -> tuple[list[Entry], int]:
    """Return a page of the entries that fit, newest first, and the number of all that fit.

    Raises ValueError if the words cannot be searched for.
    """
    values = {
        "asked_action": filters.action,
        "asked_person": filters.person,
        # The number in the JSON of the details, which other members or the end follow.
        "about_more": f'%"{PERSON}": {filters.person},%',
        "about_last": f'%"{PERSON}": {filters.person}}}%',
        "asked_event": filters.event_id,
        "since": filters.since,
        "until": _FOREVER if filters.until is None else filters.until,
        **word_values(words_of(filters.words)),
    }
    rows = connection.all(_list, limit=limit, offset=offset, **values)
    return [_read(row) for row in rows], connection.value(_count, **values)


def named_people(connection: Connection) -> list[int]:
    """Return the numbers of the people that have entries."""
    return [number for (number,) in connection.all(_people)]


def named_events(connection: Connection) -> list[int]:
    """Return the ids of the events that entries concern."""
    return [number for (number,) in connection.all(_events)]


def entries_of(connection: Connection, person_id: int) -> list[Entry]:
    """Return all entries about what a person did, oldest first."""
    return [_read(row) for row in connection.all(_of_person, person=person_id)]


def has_entries_of(connection: Connection, person_id: int) -> bool:
    """Return whether there is an entry about something that the person did."""
    return connection.first(_has, person=person_id) is not None


def entries_about(connection: Connection, subject: str) -> list[Entry]:
    """Return the latest entries with exactly that subject, oldest first."""
    return [_read(row) for row in reversed(connection.all(_about, subject=subject))]


def _read(row: tuple[Any, ...]) -> Entry:
    number, at, person, origin, address, action, subject, event_id, details = row
    return Entry(number, at, person, origin, address, action, subject, event_id, json.loads(details))

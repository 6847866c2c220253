"""The functions and names of the audit log that other modules may use."""

from festgate.portal.audit.actions import DECIDED_BY, DETAILS, PERSON, TITLES, Action
from festgate.portal.audit.differences import Record, differences
from festgate.portal.audit.entries import record
from festgate.portal.audit.queries import (
    Entry,
    Filters,
    entries_about,
    entries_of,
    find_entries,
    has_entries_of,
    named_events,
    named_people,
)

__all__ = [
    "DECIDED_BY",
    "DETAILS",
    "PERSON",
    "TITLES",
    "Action",
    "Entry",
    "Filters",
    "Record",
    "differences",
    "entries_about",
    "entries_of",
    "find_entries",
    "has_entries_of",
    "named_events",
    "named_people",
    "record",
]

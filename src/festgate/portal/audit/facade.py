"""The functions and names of the audit log that other modules may use."""

from festgate.portal.audit.actions import TITLES, Action
from festgate.portal.audit.entries import record
from festgate.portal.audit.queries import Entry, entries_about

__all__ = ["TITLES", "Action", "Entry", "entries_about", "record"]

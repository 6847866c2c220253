"""A person's assigned events: for the download, and when the account is deleted."""

from festgate.kit.db.statements import Connection
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue.assignments import assign_events, assigned_events
from festgate.portal.catalogue.queries import event_by_id


def _export(connection: Connection, person_id: int) -> accounts.Values:
    """Return the slugs of the events that are assigned to the person."""
    ids = sorted(assigned_events(connection, person_id))
    return {"assigned_events": [event_by_id(connection, event_id).slug for event_id in ids]}


def _foresee(_connection: Connection, _person_id: int) -> accounts.Forecast:
    """Return nothing to ask about: the role goes with the account."""
    return accounts.Forecast()


def _end(connection: Connection, person_id: int) -> None:
    """End the assignments of the person."""
    assign_events(connection, person_id, ())


def _move(_connection: Connection, _guest_id: int, _person_id: int) -> None:
    """Move nothing: a guest has no role."""


PERSONAL_RECORDS = accounts.PersonalRecords(_export, _foresee, _end, _move)

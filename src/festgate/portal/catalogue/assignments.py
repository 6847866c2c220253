"""The events that are assigned to a lead, or to a member of staff at the door."""

from collections.abc import Collection

from sqlalchemy import bindparam, delete, select

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.portal.catalogue.tables import assignments, events

_is_assigned = Statement(
    select(assignments.c.event_id)
    .join_from(assignments, events, events.c.id == assignments.c.event_id)
    .where(assignments.c.person_id == bindparam("person"), events.c.slug == bindparam("slug"))
)
_assigned = Statement(
    select(assignments.c.event_id)
    .where(assignments.c.person_id == bindparam("person"))
    .order_by(assignments.c.event_id)
)
_clear = Statement(delete(assignments).where(assignments.c.person_id == bindparam("person")))
_insert = inserting(assignments)


def is_assigned(connection: Connection, person_id: int, slug: str) -> bool:
    """Return whether the event with that slug is assigned to the person."""
    return connection.first(_is_assigned, person=person_id, slug=slug) is not None


def assigned_events(connection: Connection, person_id: int) -> frozenset[int]:
    """Return the ids of the events that are assigned to the person."""
    return frozenset(event_id for (event_id,) in connection.all(_assigned, person=person_id))


def assign_events(connection: Connection, person_id: int, event_ids: Collection[int]) -> None:
    """Assign these events to the person, and no others."""
    connection.run(_clear, person=person_id)
    for event_id in sorted(event_ids):
        connection.run(_insert, person_id=person_id, event_id=event_id)

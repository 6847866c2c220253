"""The events that are assigned to a lead, or to a member of staff at the door."""

from collections.abc import Collection

from sqlalchemy import bindparam, delete, select

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.roles import ASSIGNABLE, Role
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue.errors import EventAssigned
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
_all = Statement(select(assignments.c.person_id, assignments.c.event_id))
_exists = Statement(select(events.c.id).where(events.c.id == bindparam("event")))
_people_of = Statement(
    select(assignments.c.person_id)
    .where(assignments.c.event_id == bindparam("event"))
    .order_by(assignments.c.person_id)
)
_unassign = Statement(delete(assignments).where(assignments.c.event_id == bindparam("event")))


def is_assigned(connection: Connection, person_id: int, slug: str) -> bool:
    """Return whether the event with that slug is assigned to the person."""
    return connection.first(_is_assigned, person=person_id, slug=slug) is not None


def assigned_events(connection: Connection, person_id: int) -> frozenset[int]:
    """Return the ids of the events that are assigned to the person."""
    return frozenset(event_id for (event_id,) in connection.all(_assigned, person=person_id))


def reachable_events(connection: Connection, person_id: int, role: Role) -> frozenset[int] | None:
    """Return the ids of the only events at which the person acts; None if they act at every event."""
    if role not in ASSIGNABLE:
        return None
    assigned = assigned_events(connection, person_id)
    return None if role == "staff" and not assigned else assigned


def reaches(connection: Connection, visitor: Visitor, slug: str) -> bool:
    """Return whether the visitor acts at the event with that slug, as far as assigned events decide that."""
    if reachable_events(connection, visitor.person, visitor.role) is None:
        return True
    return is_assigned(connection, visitor.person, slug)


def unassign_event(connection: Connection, event_id: int) -> None:
    """End that the event, which is deleted, is assigned to anybody. Raises EventAssigned."""
    people = [person for (person,) in connection.all(_people_of, event=event_id)]
    for person in people:
        if accounts.person_by_id(connection, person).role == "staff" and assigned_events(
            connection, person
        ) == {event_id}:
            raise EventAssigned
    connection.run(_unassign, event=event_id)


def assignments_by_person(connection: Connection) -> dict[int, frozenset[int]]:
    """Return the ids of the assigned events by person id, for people with any."""
    by_person: dict[int, set[int]] = {}
    for person_id, event_id in connection.all(_all):
        by_person.setdefault(person_id, set()).add(event_id)
    return {person_id: frozenset(event_ids) for person_id, event_ids in by_person.items()}


def assign_invited(connection: Connection, person_id: int, event_ids: Collection[int]) -> None:
    """Assign the events of an invitation that still exist. Raises InvitationOver if there is none of them left."""
    known = {number for number in event_ids if connection.first(_exists, event=number) is not None}
    if event_ids and not known:
        raise accounts.InvitationOver
    assign_events(connection, person_id, known)


def assign_events(connection: Connection, person_id: int, event_ids: Collection[int]) -> None:
    """Assign these events to the person, and no others."""
    connection.run(_clear, person=person_id)
    for event_id in sorted(event_ids):
        connection.run(_insert, person_id=person_id, event_id=event_id)

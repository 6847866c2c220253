"""Invariants of events."""

from sqlalchemy import column, select, table

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.catalogue.queries import all_events, events_without_room
from festgate.portal.catalogue.questions import miscounted_events
from festgate.portal.catalogue.tables import assignments

_people = table("accounts_people", column("id"), column("email"), column("guest_key"))
_of_nobody = Statement(
    select(assignments.c.event_id, assignments.c.person_id)
    .join_from(assignments, _people, _people.c.id == assignments.c.person_id)
    .where(_people.c.guest_key.is_not(None) | (_people.c.email == ""))
    .order_by(assignments.c.event_id)
)


def check_rooms(connection: Connection) -> list[Finding]:
    """Check that the room of each event exists, and that the event's place is the room's name."""
    missing = [
        Finding("an event's room exists", f"event {slug}", f"there is no room {room_id}")
        for slug, room_id in events_without_room(connection)
    ]
    wrong = [
        Finding(
            "an event's place is the name of its room",
            f"event {event.slug}",
            f"its place is {event.place!r}, and its room is {event.room.name!r}",
        )
        for event in all_events(connection)
        if event.room is not None and event.place != event.room.name
    ]
    return missing + wrong


def check_questions(connection: Connection) -> list[Finding]:
    """Check that each event has counted its questions."""
    return [
        Finding(
            "asks = questions of the event and of the fest",
            f"event {slug}",
            f"{real} questions, but {stored} are counted",
        )
        for slug, stored, real in miscounted_events(connection)
    ]


def check_assignments(connection: Connection) -> list[Finding]:
    """Check that events are assigned to accounts only."""
    return [
        Finding(
            "an event is assigned to an account", f"event {event}", f"person {person} is a guest or deleted"
        )
        for event, person in connection.all(_of_nobody)
    ]


CHECKS: tuple[Check, ...] = (check_rooms, check_questions, check_assignments)

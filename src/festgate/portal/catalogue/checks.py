"""Invariants of events."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.queries import all_events, events_without_room
from festgate.portal.catalogue.questions import miscounted_events


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


CHECKS: tuple[Check, ...] = (check_rooms, check_questions)

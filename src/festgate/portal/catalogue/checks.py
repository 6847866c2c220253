"""Invariants of events."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.queries import all_events, events_without_room


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


CHECKS: tuple[Check, ...] = (check_rooms,)

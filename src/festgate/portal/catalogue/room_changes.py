"""Operations of organisers on rooms: add, edit, delete.

An event in a room has the room's name as its place, so that a new name edits the events of the room. The counts of
their seats are locked before the row of the room, in ascending order of event id, as every edit of an event does.
"""

from sqlalchemy import bindparam, delete, func, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.events import link_room, rename_place
from festgate.portal.catalogue.rooms import (
    MAX_ROOMS,
    SAME_NAME,
    Room,
    RoomDetails,
    all_rooms,
    key_of,
    room_by_id,
)
from festgate.portal.catalogue.seats import lock_seats
from festgate.portal.catalogue.tables import events, rooms

_insert = inserting(rooms, returning="id")
_edit = Statement(
    update(rooms)
    .where(rooms.c.id == bindparam("room"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("name", "name_key", "capacity", "address", "map_url")}
    )
)
_drop = Statement(delete(rooms).where(rooms.c.id == bindparam("room")))
_lock = Statement(select(rooms.c.id).where(rooms.c.id == bindparam("room")).with_for_update())
_here = events.c.room_id == bindparam("room")
_events_in = Statement(select(events.c.id).where(_here, events.c.state != "cancelled").order_by(events.c.id))
_events_at = Statement(
    select(events.c.id)
    .where(events.c.place == bindparam("name"), events.c.state != "cancelled")
    .order_by(events.c.id)
)
_forget_cancelled = Statement(update(events).where(_here, events.c.state == "cancelled").values(room_id=None))
_counts = Statement(
    select(events.c.room_id, func.count())
    .where(events.c.room_id.is_not(None), events.c.state != "cancelled")
    .group_by(events.c.room_id)
)


def count_in_rooms(connection: Connection) -> dict[int, int]:
    """Return the numbers of events that are not cancelled by room id; rooms without one are missing."""
    return {room_id: count for room_id, count in connection.all(_counts)}  # noqa: C416  (typed)


def add_room(connection: Connection, details: RoomDetails, *, actor: Actor | None = None) -> Room:
    """Add a room, and link the events whose place is its name; `actor` is for the audit log. Raises Invalid."""
    if len(all_rooms(connection)) >= MAX_ROOMS:
        raise Invalid({"name": gettext("A fest can have at most {max} rooms.").format(max=MAX_ROOMS)})
    ids = _lock_events(connection, _events_at, name=details.name)
    try:
        room_id: int = connection.value(_insert, **_columns(details))
    except UniqueViolation:
        raise Invalid({"name": gettext(SAME_NAME)}) from None
    for event_id in ids:
        link_room(connection, queries.event_by_id(connection, event_id), room_id)
    if actor is not None:
        audit.record(connection, actor, "room.added", details.name, events=len(ids))
    return room_by_id(connection, room_id)


def edit_room(
    connection: Connection, room_id: int, details: RoomDetails, *, actor: Actor | None = None
) -> Room:
    """Give a room other details, and its events the new name as their place. Raises NotFound or Invalid.

    A new address or map changes what calendars show of the events, so it gives them a new version too. `actor` is for
    the audit log.
    """
    ids = _lock_events(connection, _events_in, room=room_id)
    connection.first(_lock, room=room_id)
    room = room_by_id(connection, room_id)
    before = RoomDetails(room.name, room.capacity, room.address, room.map_url)
    if details == before:
        return room
    _refuse_new_events(connection, room_id, ids)
    try:
        connection.run(_edit, room=room_id, **{f"new_{name}": new for name, new in _columns(details).items()})
    except UniqueViolation:
        raise Invalid({"name": gettext(SAME_NAME)}) from None
    if details.name != room.name:
        connection.run(_forget_cancelled, room=room_id)
    is_seen = (details.address, details.map_url) != (room.address, room.map_url)
    for event_id in ids:
        event = queries.event_by_id(connection, event_id)
        if details.name != room.name:
            rename_place(connection, event, details.name)
        elif is_seen:
            link_room(connection, event, room_id)
    if actor is not None:
        changed = audit.differences(before, details)
        audit.record(connection, actor, "room.edited", room.name, event_id=None, events=len(ids), **changed)
    return room_by_id(connection, room_id)


def drop_room(connection: Connection, room_id: int, *, actor: Actor | None = None) -> None:
    """Delete a room that no event uses; cancelled events keep its name as their place.

    `actor` is for the audit log. Raises NotFound or Invalid.
    """
    connection.first(_lock, room=room_id)
    room = room_by_id(connection, room_id)
    if connection.all(_events_in, room=room_id):
        sentence = gettext("Events take place in {room}. Give them another place before you delete it.")
        raise Invalid({"name": sentence.format(room=room.name)})
    connection.run(_forget_cancelled, room=room_id)
    connection.run(_drop, room=room_id)
    if actor is not None:
        audit.record(connection, actor, "room.deleted", room.name)


def _lock_events(connection: Connection, statement: Statement, **values: object) -> list[int]:
    """Lock the counts of the seats of the selected events, and return the ids of these events."""
    ids = [event_id for (event_id,) in connection.all(statement, **values)]
    for event_id in ids:
        lock_seats(connection, event_id)
    return ids


def _refuse_new_events(connection: Connection, room_id: int, locked: list[int]) -> None:
    """Raise TryAgain if an event has been moved into the room or out of it since its events were locked."""
    if [event_id for (event_id,) in connection.all(_events_in, room=room_id)] != locked:
        raise TryAgain


def _columns(details: RoomDetails) -> dict[str, object]:
    return {
        "name": details.name,
        "name_key": key_of(details.name),
        "capacity": details.capacity,
        "address": details.address,
        "map_url": details.map_url,
    }

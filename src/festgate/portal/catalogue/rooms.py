"""Rooms of the fest: their names, addresses and numbers of seats.

The place of an event names its room: an event whose place is the name of a room takes place in that room. So forms,
files and programs enter a room in the same way, and pages, tickets and calendars show the place as they always did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import bindparam, select

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.text import DECOMPOSED, caseless, tidy
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.details import MAX_LENGTHS, Details, read_capacity
from festgate.portal.catalogue.tables import rooms

MAX_ROOMS = 200
"""Rooms of a fest."""
ROOM_LENGTHS: Mapping[str, int] = {"name": MAX_LENGTHS["place"], "address": 200, "map_url": 500}
"""Characters of each text."""
ROOM_FIELDS = ("name", "capacity", "address", "map_url")
NO_ROOM = N_("There is no such room.")
SAME_NAME = N_("Another room has this name.")


@dataclass(frozen=True, slots=True)
class RoomDetails:
    """A room as its organiser enters it."""

    name: str
    capacity: int | None = None
    """The number of people that it holds; None if that is not known."""
    address: str = ""
    map_url: str = ""
    """The address of a page with a map; it begins with `https://`."""


@dataclass(frozen=True, slots=True)
class Room(RoomDetails):
    """A room of the fest."""

    id: int = 0

    @property
    def where(self) -> str:
        """The name and the address in one line."""
        return f"{self.name}, {self.address}" if self.address else self.name


class InRoom(Protocol):
    """An event, as far as its room is concerned."""

    @property
    def place(self) -> str:
        """The place of the event."""

    @property
    def room(self) -> Room | None:
        """The room of the event."""


ROOM_COLUMNS = rooms.c["name", "capacity", "address", "map_url", "id"]
"""The columns from which `Room` is made, in the order of its fields."""
_room = select(*ROOM_COLUMNS)
_all = Statement(_room.order_by(rooms.c.name_key))
_by_id = Statement(_room.where(rooms.c.id == bindparam("room")))
# The lock keeps the room from being renamed or deleted before the event that names it is stored.
_by_key = Statement(_room.where(rooms.c.name_key == bindparam("key")).with_for_update(read=True))


def all_rooms(connection: Connection) -> list[Room]:
    """Return the rooms of the fest by name."""
    return [Room(*row) for row in connection.all(_all)]


def room_by_id(connection: Connection, room_id: int) -> Room:
    """Return the room of that id. Raises NotFound."""
    row = connection.first(_by_id, room=room_id)
    if row is None:
        raise NotFound(gettext(NO_ROOM))
    return Room(*row)


def room_named(connection: Connection, name: str) -> Room | None:
    """Return the room of that name, in any case of its letters; None if no room has it."""
    try:
        key = key_of(tidy(name, max_length=ROOM_LENGTHS["name"]))
    except ValueError:  # too long, or with signs that no room's name has
        return None
    row = connection.first(_by_key, key=key) if key else None
    return None if row is None else Room(*row)


def place_in_room(connection: Connection, details: Details) -> tuple[Details, Room | None]:
    """Return the details with the name of the room that their place names, and that room."""
    room = room_named(connection, details.place)
    return (details, None) if room is None else (replace(details, place=room.name), room)


def with_room(
    connection: Connection, fields: Mapping[str, str], event: InRoom | None = None
) -> Mapping[str, str]:
    """Return the entered fields of an event with the name of the room that is entered in `room` as their place.

    A place that was changed while the room stayed the same moves `event` out of it. Raises Invalid for an unknown room.
    """
    name = fields.get("room", "").strip()
    if not name:
        return fields
    room = room_named(connection, name)
    if room is None:
        sentence = gettext("There is no room {name}. Add it under Organise, Rooms, or leave the room empty.")
        raise Invalid({"room": sentence.format(name=repr(name[: ROOM_LENGTHS["name"]]))})
    if event is not None and event.room is not None and event.room.id == room.id:
        place = fields.get("place", "").strip()
        if place not in ("", event.place):
            return fields
    return {**fields, "place": room.name}


def key_of(name: str) -> str:
    """Return the text by which names of rooms are compared. Raises ValueError if it cannot be a name."""
    return caseless(" ".join(name.split()), DECOMPOSED * ROOM_LENGTHS["name"])


def read_room(fields: Mapping[str, str]) -> RoomDetails:
    """Read a room that was entered as text. Raises Invalid with a sentence for every wrong field."""
    errors: dict[str, str] = {}
    texts = dict.fromkeys(ROOM_LENGTHS, "")
    for name, length in ROOM_LENGTHS.items():
        try:
            texts[name] = tidy(fields.get(name, ""), max_length=length)
        except ValueError as error:
            errors[name] = str(error)
    if not texts["name"]:
        errors.setdefault("name", gettext("This field is required."))
    if texts["map_url"] and not _is_web_address(texts["map_url"]):
        errors["map_url"] = gettext("Enter the address of a page that begins with https://.")
    capacity = 0
    try:
        capacity = read_capacity(fields.get("capacity", ""))
    except ValueError as error:
        errors["capacity"] = str(error)
    if errors:
        raise Invalid(errors)
    return RoomDetails(texts["name"], capacity or None, texts["address"], texts["map_url"])


def written_room(room: RoomDetails) -> dict[str, str]:
    """Return the room as text, from which `read_room` reads the same room."""
    return {
        "name": room.name,
        "capacity": str(room.capacity or ""),
        "address": room.address,
        "map_url": room.map_url,
    }


def room_of_row(values: tuple[Any, ...]) -> Room | None:
    """Return the room of the joined ROOM_COLUMNS; None for an event without a room."""
    return None if values[-1] is None else Room(*values)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and parts.username is None
        and not set(text) & set(' "<>\\')
    )

"""The organisers' pages of rooms."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue

NEW_ROOM: Mapping[str, str] = dict.fromkeys(catalogue.ROOM_FIELDS, "")
"""The form of a new room."""
_MAX_UNITS = {name: 2 * length for name, length in catalogue.ROOM_LENGTHS.items()}
"""Limits on the texts in a browser, which counts characters beyond U+FFFF, such as emoji, as two."""


class RoomPages:
    """Pages for organisers about the rooms of the fest."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes; `new` stands before the ids."""
        guard = self._portal.guard
        one = "/organise/rooms/{room_id}"
        return [
            guard("events.manage", "/organise/rooms", self.show_rooms),
            guard("events.manage", "/organise/rooms/new", self.show_new),
            guard("events.manage", "/organise/rooms/new", self.add, methods=["POST"]),
            guard("events.manage", one, self.show_room),
            guard("events.manage", one, self.edit, methods=["POST"]),
            guard("events.manage", f"{one}/delete", self.delete, methods=["POST"]),
        ]

    async def show_rooms(self, request: Request) -> Response:
        """Show the rooms with their events."""

        def read(connection: Connection) -> list[tuple[catalogue.Room, int]]:
            counts = catalogue.count_in_rooms(connection)
            return [(room, counts.get(room.id, 0)) for room in catalogue.all_rooms(connection)]

        listed = await self._portal.database.read(read)
        return await self._portal.page(request, "backoffice/rooms.html", section="organise", rooms=listed)

    async def show_new(self, request: Request) -> Response:
        """Show an empty form."""
        return await self._form(request, None)

    async def add(self, request: Request) -> Response:
        """Add a room."""
        fields = await read_fields(request)
        try:
            details = catalogue.read_room(fields)
            await self._portal.database.write(catalogue.add_room, details, actor=self._portal.actor(request))
        except Invalid as refusal:
            return await self._form(request, None, fields, refusal)
        return see_other("/organise/rooms")

    async def show_room(self, request: Request) -> Response:
        """Show the form of one room."""
        return await self._form(request, read_id(request, "room_id"))

    async def edit(self, request: Request) -> Response:
        """Save the form of one room."""
        room_id = read_id(request, "room_id")
        fields = await read_fields(request)
        try:
            details = catalogue.read_room(fields)
            await self._portal.database.write(
                catalogue.edit_room, room_id, details, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._form(request, room_id, fields, refusal)
        return see_other("/organise/rooms")

    async def delete(self, request: Request) -> Response:
        """Delete a room that no event uses."""
        room_id = read_id(request, "room_id")
        try:
            await self._portal.database.write(catalogue.drop_room, room_id, actor=self._portal.actor(request))
        except Invalid as refusal:
            return await self._form(request, room_id, None, refusal)
        return see_other("/organise/rooms")

    async def _form(
        self,
        request: Request,
        room_id: int | None,
        entered: Mapping[str, str] | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        def read(connection: Connection) -> tuple[catalogue.Room | None, int]:
            if room_id is None:
                return None, 0
            room = catalogue.room_by_id(connection, room_id)
            return room, catalogue.count_in_rooms(connection).get(room_id, 0)

        room, count = await self._portal.database.read(read)
        values = NEW_ROOM if room is None else catalogue.written_room(room)
        return await self._portal.page(
            request,
            "backoffice/room.html",
            status=refusal.status if refusal else 200,
            section="organise",
            room=room,
            count=count,
            values=values if entered is None else {**NEW_ROOM, **entered},
            errors=refusal.fields if refusal else {},
            max_lengths=_MAX_UNITS,
        )

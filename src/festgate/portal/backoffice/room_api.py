"""The rooms of the fest as JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.text import DECOMPOSED
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.programme_api import RoomWarning
from festgate.portal.backoffice.request_keys import Id, Whole, content_of, create_once, entered_fields
from festgate.portal.backoffice.room_warnings import RoomWarnings, room_warnings
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused

PAGE_SIZE = 50
MAX_PAGE = 1000
PATH = "/programme/rooms"
RoomName = Annotated[str, Field(max_length=DECOMPOSED * catalogue.ROOM_LENGTHS["name"])]
Address = Annotated[str, Field(max_length=DECOMPOSED * catalogue.ROOM_LENGTHS["address"])]
MapUrl = Annotated[str, Field(max_length=DECOMPOSED * catalogue.ROOM_LENGTHS["map_url"])]


class FestRoom(BaseModel):
    """A room of the fest."""

    id: int
    name: str = Field(description="The place of its events.")
    capacity: int | None = Field(description="The number of people that it holds; null if that is not known.")
    address: str
    map_url: str
    events: int = Field(description="The number of events in it that are not cancelled.")
    warnings: list[RoomWarning] = Field(
        description="Events at the same time in it, and events with more seats than it has places."
    )


class RoomPage(BaseModel):
    """A page of the rooms."""

    rooms: list[FestRoom] = Field(description="Up to 50 rooms, by name.")
    total: int = Field(description="Number of rooms on all pages.")
    page: int
    pages: int


class RoomFields(BaseModel, extra="forbid", strict=True):
    """The values of a room's form; of a change, those that are left out stay as they are."""

    name: RoomName = Field(default="", description="Unique, in any case of its letters.")
    capacity: Whole | None = Field(default=None, description="At most 1,000,000; null if that is not known.")
    address: Address | None = None
    map_url: MapUrl | None = Field(
        default=None, description="The address of a page; it begins with `https://`."
    )


class RoomApi:
    """JSON routes of rooms."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes."""
        portal, database = self._portal, self._portal.database
        router = module_router(portal, "backoffice", "programme")
        Caller = Annotated[Visitor, Depends(Bearer(portal, "events.manage"))]  # noqa: N806  (a type)
        one = f"{PATH}/{{room_id}}"

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_rooms(_caller: Caller, page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1) -> RoomPage:
            """List the rooms of the fest, 50 a page."""
            rooms = await database.report(_read_rooms)
            pages = max(1, -(-len(rooms) // PAGE_SIZE))
            if page > pages:
                raise NotFound
            shown = rooms[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
            return RoomPage(rooms=shown, total=len(rooms), page=page, pages=pages)

        @router.post(PATH, status_code=201, responses=problems(SignInNeeded, Forbidden, NotFound, KeyReused))
        async def add(
            body: RoomFields,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> FestRoom:
            """Add a room. Events whose place is its name take place in it from now on."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> int:
                def make() -> list[int]:
                    details = catalogue.read_room(entered_fields(body))
                    return [catalogue.add_room(connection, details, actor=actor).id]

                content = content_of(PATH, body)
                return create_once(connection, caller.person, idempotency_key, content, make)[0]

            room_id = await database.write(operation)
            response.headers["location"] = f"/api/v1{PATH}/{room_id}"
            return await database.report(_read_room, room_id)

        @router.get(one, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_room(room_id: Id, _caller: Caller) -> FestRoom:
            """Read a room."""
            return await database.report(_read_room, room_id)

        @router.patch(one, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def edit(room_id: Id, body: RoomFields, caller: Caller, request: Request) -> FestRoom:
            """Change a room. A new name becomes the place of its events, and attendees get an email. Idempotent."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> None:
                room = catalogue.room_by_id(connection, room_id)
                details = catalogue.read_room({**catalogue.written_room(room), **entered_fields(body)})
                catalogue.edit_room(connection, room_id, details, actor=actor)

            await database.write(operation)
            return await database.report(_read_room, room_id)

        @router.delete(one, status_code=204, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def delete(room_id: Id, caller: Caller, request: Request) -> None:
            """Delete a room that no event uses."""
            await database.write(catalogue.drop_room, room_id, actor=actor_of(caller, request))

        return router


def _read_rooms(connection: Connection) -> list[FestRoom]:
    counts = catalogue.count_in_rooms(connection)
    warnings = room_warnings(catalogue.all_events(connection), connection.now)
    return [
        FestRoom(
            id=room.id,
            name=room.name,
            capacity=room.capacity,
            address=room.address,
            map_url=room.map_url,
            events=counts.get(room.id, 0),
            warnings=RoomWarning.listed(_of_room(warnings, room.id)),
        )
        for room in catalogue.all_rooms(connection)
    ]


def _read_room(connection: Connection, room_id: int) -> FestRoom:
    for room in _read_rooms(connection):
        if room.id == room_id:
            return room
    raise NotFound


def _of_room(warnings: RoomWarnings, room_id: int) -> RoomWarnings:
    return RoomWarnings(
        tuple(overlap for overlap in warnings.overlaps if overlap.room.id == room_id),
        tuple(small for small in warnings.small if small.room.id == room_id),
    )

"""Check-in as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.ids import read_code
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, module_router, problems
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit, undo_admission
from festgate.portal.door.errors import AlreadyIn, NotIn, OtherEvent, TicketVoid, TooLateToUndo, UnknownTicket

Code = Annotated[
    str, Path(description="The ticket's code; dashes and lower case are put right.", max_length=40)
]
AtDoor = Annotated[
    str | None,
    Query(
        max_length=MAX_NAME,
        description="The slug of the event at whose door it is; a ticket for another is refused.",
    ),
]


class AdmissionOutput(BaseModel):
    """A check-in."""

    code: str = Field(description="The ticket's code.")
    event: str = Field(description="The event's slug.")
    holder: str = Field(description="The username of whose ticket it is.")
    holder_name: str = Field(description="Their name, or the username if they have entered none.")
    admitted_at: datetime
    admitted_by: str = Field(description="The username of the member of staff who checked them in.")


class DoorApi:
    """Routes of the door under /api/v1."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes for app.py."""
        portal = self._portal
        router = module_router(portal, "door", "tickets")
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

        @router.post(
            "/tickets/{code}/admission",
            status_code=201,
            responses=problems(
                SignInNeeded, Forbidden, NotFound, UnknownTicket, TicketVoid, OtherEvent, AlreadyIn
            ),
        )
        async def check_in(caller: Caller, code: Code, event: AtDoor = None) -> AdmissionOutput:
            """Check the ticket's holder in, once: for staff and organisers."""
            return await portal.database.write(_check_in, read_code(code), caller, event)

        @router.delete(
            "/tickets/{code}/admission",
            status_code=204,
            responses=problems(SignInNeeded, Forbidden, UnknownTicket, NotIn, TooLateToUndo),
        )
        async def undo_check_in(caller: Caller, code: Code) -> None:
            """Undo a check-in: staff within half an hour, organisers at any time. It stays recorded."""
            await portal.database.write(undo_admission, read_code(code), caller)

        return router


def _check_in(connection: Connection, code: str, caller: Visitor, slug: str | None) -> AdmissionOutput:
    arrival = admit(connection, code, caller, slug)
    return AdmissionOutput(
        code=arrival.code,
        event=catalogue.event_by_id(connection, arrival.event_id).slug,
        holder=arrival.holder,
        holder_name=arrival.holder_name,
        admitted_at=moment(arrival.admitted_at or connection.now, UTC),
        admitted_by=arrival.admitted_by or caller.username,
    )

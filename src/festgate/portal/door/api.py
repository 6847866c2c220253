"""Check-in as JSON."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.convertors import Convertor, register_url_convertor

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit_scanned, undo_scanned
from festgate.portal.door.errors import (
    AlreadyIn,
    NotIn,
    OtherEvent,
    TicketTransferred,
    TicketVoid,
    TooLateToUndo,
    UnknownTicket,
)
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.facade import (
    MAX_SCAN_LENGTH,
    ForgedCode,
    NotACode,
    OtherKeyboard,
    Scan,
    read_scan,
)

Code = Annotated[
    str,
    Path(
        max_length=MAX_SCAN_LENGTH,
        description="The text that was scanned, percent-encoded: the text of the QR code, the ticket's code, or the "
        "address of its page. Dashes, lower case, and the characters that scanners add are put right.",
    ),
]
AtDoor = Annotated[
    str | None,
    Query(
        max_length=MAX_NAME,
        description="The slug of the event at whose door it is; a ticket for another is refused.",
    ),
]


class ScanConvertor(Convertor[str]):
    """A part of a path that may contain all that scanners send, slashes and line breaks among them."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """Return the text."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text for an address."""
        return quote(value, safe="")


class DoorAnswer(BaseModel):
    """An answer that the organisers show at the door."""

    question: str
    answer: str = Field(description="Empty without an answer.")


class AdmissionOutput(BaseModel):
    """A check-in."""

    code: str = Field(description="The ticket's code.")
    event: str = Field(description="The event's slug.")
    holder: str = Field(description="The username of whose ticket it is.")
    holder_name: str = Field(description="The name on the ticket, or of that account, or the username.")
    team: str | None = Field(description="The name of the holder's team; null without one.")
    answers: list[DoorAnswer] = Field(description="The answers that the organisers show at the door.")
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
        register_url_convertor("scan", ScanConvertor())
        router = module_router(portal, "door", "tickets")
        Caller = Annotated[Visitor, Depends(Bearer(portal, "door"))]  # noqa: N806  (a type)

        @router.post(
            "/tickets/{code:scan}/admission",
            status_code=201,
            responses=problems(
                SignInNeeded,
                Forbidden,
                NotFound,
                UnknownTicket,
                TicketTransferred,
                TicketVoid,
                OtherEvent,
                AlreadyIn,
                ForgedCode,
                OtherKeyboard,
            ),
        )
        async def check_in(caller: Caller, code: Code, event: AtDoor = None) -> AdmissionOutput:
            """Check the ticket's holder in, once: for staff and organisers."""
            return await portal.database.write(_check_in, self._read(code), caller, event)

        @router.delete(
            "/tickets/{code:scan}/admission",
            status_code=204,
            responses=problems(
                SignInNeeded,
                Forbidden,
                NotFound,
                UnknownTicket,
                TicketTransferred,
                OtherEvent,
                NotIn,
                TooLateToUndo,
                ForgedCode,
                OtherKeyboard,
            ),
        )
        async def undo_check_in(caller: Caller, code: Code, request: Request, event: AtDoor = None) -> None:
            """Undo a check-in: staff within half an hour, organisers at any time. It stays recorded."""
            actor = actor_of(caller, request)
            await portal.database.write(undo_scanned, self._read(code), caller, event, actor)

        return router

    def _read(self, scanned: str) -> Scan:
        """Return the codes that the text can mean. Raises UnknownTicket, ForgedCode or OtherKeyboard."""
        try:
            return read_scan(self._portal.secret, scanned)
        except NotACode:
            raise UnknownTicket from None


def _check_in(connection: Connection, scan: Scan, caller: Visitor, slug: str | None) -> AdmissionOutput:
    arrival = admit_scanned(connection, scan, caller, slug)
    event = catalogue.event_by_id(connection, arrival.event_id)
    given = registrations.door_answers(connection, event, arrival.seat_id)
    return AdmissionOutput(
        code=arrival.code,
        event=event.slug,
        holder=arrival.holder,
        holder_name=arrival.holder_name,
        team=arrival.team_name,
        answers=[DoorAnswer(question=question, answer=answer) for question, answer in given],
        admitted_at=moment(arrival.admitted_at or connection.now, UTC),
        admitted_by=arrival.admitted_by or caller.username,
    )

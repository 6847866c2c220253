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
from festgate.kit.web.api import Bearer, Name, actor_of, module_router, problems
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
from festgate.portal.door.pages import (
    LATEST,
    MAX_WORDS_LENGTH,
    Guest,
    find_at_door,
    list_doors,
    look_at_door,
    read_words,
)
from festgate.portal.door.queries import Attendance
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


class AttendanceOutput(BaseModel):
    """An event with the number of its guests that are in."""

    event: str = Field(description="The event's slug.")
    title: str
    starts_at: datetime
    ends_at: datetime
    inside: int = Field(description="Number of guests that are in.")
    expected: int = Field(description="Number of valid tickets.")

    @classmethod
    def of(cls, event: catalogue.Event, attendance: Attendance) -> "AttendanceOutput":
        """Return the event for JSON."""
        return cls(
            event=event.slug,
            title=event.title,
            starts_at=moment(event.starts_at, UTC),
            ends_at=moment(event.ends_at, UTC),
            inside=attendance.inside,
            expected=attendance.expected,
        )


class DoorGuest(BaseModel):
    """A guest with a valid ticket for the event."""

    code: str = Field(description="The ticket's code, with which the guest is checked in.")
    name: str = Field(description="The name on the ticket, or of the account, or the username.")
    email: str | None = Field(description="Null for staff that may not see email addresses.")
    ticket: str = Field(description="The ticket type; empty for the only one of an event.")
    team: str | None = Field(description="The name of the guest's team; null without one.")
    admitted_at: datetime | None = Field(description="Null while the guest is not in.")
    admitted_by: str | None = Field(description="The username of the member of staff; null while not in.")
    can_undo: bool = Field(description="Whether you can undo the check-in now.")


class DoorOutput(BaseModel):
    """The door of one event."""

    attendance: AttendanceOutput
    warning: str = Field(description="A sentence if the event is not today; else empty.")
    latest: list[DoorGuest] = Field(description=f"The latest {LATEST} check-ins.")


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
        self._add_lists(router)
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

    def _add_lists(self, router: APIRouter) -> None:
        portal = self._portal
        writing, zone = portal.pages.writing, portal.settings.zone
        Caller = Annotated[Visitor, Depends(Bearer(portal, "door"))]  # noqa: N806  (a type)

        @router.get("/door", responses=problems(SignInNeeded, Forbidden))
        async def list_events(caller: Caller) -> list[AttendanceOutput]:
            """List the events at whose doors you may check people in, those of today first."""
            doors = await portal.database.report(list_doors, zone, caller)
            return [AttendanceOutput.of(event, attendance) for event, attendance in doors]

        @router.get("/door/{slug}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_door(slug: Name, caller: Caller) -> DoorOutput:
            """Show how many guests of an event are in, and the latest check-ins."""
            door = await portal.database.report(look_at_door, slug, caller, {}, writing, zone)
            return DoorOutput(
                attendance=AttendanceOutput.of(door.event, door.attendance),
                warning=door.warning,
                latest=[_guest(guest, caller) for guest in door.latest],
            )

        @router.get("/door/{slug}/guests", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def find_guests(
            slug: Name,
            caller: Caller,
            q: Annotated[
                str,
                Query(
                    max_length=MAX_WORDS_LENGTH,
                    description="Words, each of which must be in a name; in an email address, too, for those that "
                    "may see it. Without any, nobody is found.",
                ),
            ] = "",
        ) -> list[DoorGuest]:
            """Find guests of an event by name: at most 20, so that one more letter narrows them down."""
            words = read_words(q)

            def read(connection: Connection) -> list[Guest]:
                event = catalogue.event_by_slug(connection, slug)
                return find_at_door(connection, event.id, words, caller) if words else []

            return [_guest(guest, caller) for guest in await portal.database.report(read)]

    def _read(self, scanned: str) -> Scan:
        """Return the codes that the text can mean. Raises UnknownTicket, ForgedCode or OtherKeyboard."""
        try:
            return read_scan(self._portal.secret, scanned)
        except NotACode:
            raise UnknownTicket from None


def _guest(guest: Guest, caller: Visitor) -> DoorGuest:
    arrival = guest.arrival
    return DoorGuest(
        code=arrival.code,
        name=arrival.holder_name,
        email=arrival.holder_email if caller.may("guests.view") else None,
        ticket=arrival.type_name,
        team=arrival.team_name,
        admitted_at=None if arrival.admitted_at is None else moment(arrival.admitted_at, UTC),
        admitted_by=arrival.admitted_by,
        can_undo=guest.undoable,
    )


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

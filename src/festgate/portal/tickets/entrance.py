"""The pages of the door: staff choose an event, and scan or type one code after the other.

A code that is good leads on with a redirect, so a page that is loaded again admits nobody. One that is refused is
answered at once, on the same page and with the refusal's status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.ids import read_code
from festgate.kit.shown import FIELD
from festgate.kit.text import tidy
from festgate.kit.translation import N_
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.tickets.admissions import (
    MAX_FOUND,
    Arrival,
    Attendance,
    all_attendances,
    attendance_of,
    find_arrival,
    find_by_name,
    latest_arrivals,
)
from festgate.portal.tickets.door import (
    MAX_SCAN_LENGTH,
    AlreadyIn,
    OtherEvent,
    admit,
    may_undo,
    read_scan,
    undo_admission,
)
from festgate.portal.tickets.qr import in_fours, read_picture

LATEST = 8
"""Check-ins that the page lists."""
STILL_LISTED = 12 * HOUR
"""An event stands in the list of doors for that long after its end."""
MAX_WORDS_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a scan, as the page says it in large letters."""

    tone: Literal["good", "warn", "bad"]
    title: str
    who: str = ""
    message: str = N_("")
    since: Milliseconds | None = None
    by: str = ""
    code: str = ""
    elsewhere: catalogue.Event | None = None
    """The event whose door it is, where this is the wrong one."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody in a list of the door, and whether who looks may take their check-in back."""

    arrival: Arrival
    undoable: bool


@dataclass(frozen=True, slots=True)
class Doorway:
    """What /door/{slug} shows, but for the answer to a scan that was refused."""

    event: catalogue.Event
    attendance: Attendance
    latest: Sequence[Guest]
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An event in the list of doors."""

    event: catalogue.Event
    attendance: Attendance


class EntrancePages:
    """Each page is for staff and organisers; others are sent to sign in, or told that they may not."""

    def __init__(self, portal: Portal) -> None:
        """Nothing is read before a request."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """For app.py."""
        return [
            Route("/door", self.show_events, methods=["GET"]),
            Route("/door/{slug}", self.show_door, methods=["GET"]),
            Route("/door/{slug}", self.check_in, methods=["POST"]),
            Route("/door/{slug}/picture", self.read_picture, methods=["POST"]),
            Route("/door/{slug}/undo", self.undo, methods=["POST"]),
        ]

    async def show_events(self, request: Request) -> Response:
        """The events that have a door, with how many are in and how many are expected."""
        await self._portal.staff(request)
        listed = await self._portal.database.read(list_doors)
        return await self._portal.page(request, "tickets/doors.html", section="door", listed=listed)

    async def show_door(self, request: Request) -> Response:
        """The field for a code, who came last, and the search by name."""
        staff = await self._portal.staff(request)
        return await self._show(request, staff)

    async def check_in(self, request: Request) -> Response:
        """Let the holder of the scanned ticket in, once; or say why not."""
        staff = await self._portal.staff(request)
        slug = _slug(request)
        scanned = (await read_fields(request)).get("code", "")[:MAX_SCAN_LENGTH]

        def operation(connection: Connection, code: str) -> Arrival:
            return admit(connection, code, staff, catalogue.event_by_slug(connection, slug).id)

        try:
            code = read_scan(self._portal.secret, scanned)
            await self._portal.database.write(operation, code)
        except Refused as refusal:
            return await self._show(request, staff, refusal)
        return see_other(f"/door/{slug}?in={code}")

    async def read_picture(self, request: Request) -> Response:
        """What the QR code says that a phone's camera sees, as JSON (`scanned`); 204 where it sees none."""
        await self._portal.staff(request)
        text = read_picture(await request.body())
        return Response(status_code=204) if text is None else JSONResponse({"scanned": text})

    async def undo(self, request: Request) -> Response:
        """Take a check-in back, where it was a mistake."""
        staff = await self._portal.staff(request)
        slug = _slug(request)
        fields = await read_fields(request)
        code = read_code(fields.get("code", "")[:MAX_SCAN_LENGTH])
        shown = fields.get(FIELD, "")

        def operation(connection: Connection) -> Arrival:
            event = catalogue.event_by_slug(connection, slug)
            return undo_admission(connection, code, staff, event.id, shown)

        try:
            await self._portal.database.write(operation)
        except Refused as refusal:
            return await self._show(request, staff, refusal)
        return see_other(f"/door/{slug}?out={code}")

    async def _show(self, request: Request, staff: Visitor, refusal: Refused | None = None) -> Response:
        database = self._portal.database
        asked = {name: read_query(request, name, MAX_SCAN_LENGTH) for name in ("q", "in", "out")}
        # Where the address has no event, that is the answer, whatever was scanned.
        doorway = await database.read(look_at_door, _slug(request), staff, asked)
        words = _words(asked["q"])
        found: Sequence[Guest] = ()
        if words:
            found = await database.report(_find_guests, doorway.event.id, words, staff)
        answer = doorway.answer if refusal is None else _answer_to(refusal)
        return await self._portal.page(
            request,
            "tickets/door.html",
            section="door",
            status=200 if refusal is None else refusal.status,
            headers=None if refusal is None else refusal.headers(),
            door=doorway,
            event=doorway.event,
            answer=answer,
            words=words,
            found=found,
            more=len(found) == MAX_FOUND,
            fours=in_fours,
            longest=MAX_SCAN_LENGTH,
        )


def list_doors(connection: Connection) -> list[Listed]:
    """Every published event that is not long over, by its start."""
    attendances = all_attendances(connection)
    return [
        Listed(event, attendances.get(event.id, Attendance(0, 0)))
        for event in catalogue.all_events(connection)
        if event.state == "published" and event.ends_at > connection.now - STILL_LISTED
    ]


def look_at_door(connection: Connection, slug: str, staff: Visitor, asked: Mapping[str, str]) -> Doorway:
    """One event's door. Raises NotFound.

    `asked` may say whose code has just been checked in (`in`) or taken back (`out`); it is believed only as far as the
    ticket bears it out.
    """
    event = catalogue.event_by_slug(connection, slug)
    return Doorway(
        event,
        attendance_of(connection, event.id),
        _guests(latest_arrivals(connection, event.id, LATEST), staff, connection.now),
        _answer_of(connection, event, asked),
    )


def _answer_of(connection: Connection, event: catalogue.Event, asked: Mapping[str, str]) -> Answer | None:
    code = asked.get("in") or asked.get("out") or ""
    arrival = find_arrival(connection, code) if code else None
    if arrival is None or arrival.event_id != event.id or arrival.state == "void":
        return None
    if asked.get("in") and arrival.admitted_at is not None:
        return _told("good", "In", arrival)
    if not asked.get("in") and arrival.admitted_at is None:
        return Answer(
            "warn", "Check-in undone", arrival.holder, "The ticket can be used again.", code=arrival.code
        )
    return None


def _answer_to(refusal: Refused) -> Answer:
    if isinstance(refusal, AlreadyIn):
        return _told("bad", refusal.title, refusal.arrival)
    if isinstance(refusal, OtherEvent):
        return Answer("bad", refusal.title, message=refusal.message, elsewhere=refusal.event)
    return Answer("bad", refusal.title, message=refusal.message)


def _told(tone: Literal["good", "bad"], title: str, arrival: Arrival) -> Answer:
    return Answer(
        tone,
        title,
        arrival.holder,
        since=arrival.admitted_at,
        by=arrival.admitted_by or "",
        code=arrival.code,
    )


def _find_guests(connection: Connection, event_id: int, words: str, staff: Visitor) -> list[Guest]:
    return _guests(find_by_name(connection, event_id, words), staff, connection.now)


def _guests(arrivals: Sequence[Arrival], staff: Visitor, now: Milliseconds) -> list[Guest]:
    return [Guest(arrival, may_undo(arrival, staff, now)) for arrival in arrivals]


def _words(text: str) -> str:
    """What is looked for; nothing where no name could hold it."""
    try:
        return tidy(text[:MAX_WORDS_LENGTH])
    except ValueError:
        return ""


def _slug(request: Request) -> str:
    return read_path(request, "slug")

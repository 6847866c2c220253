"""The pages of the door: staff choose an event, and scan or type one code after the other.

A valid code is answered with a redirect, so loading the page again checks nobody in. A refused one is answered on the
same page, with the refusal's status.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.ids import read_code
from festgate.kit.shown import FIELD
from festgate.kit.text import tidy
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.kit.writing import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit_scanned, may_undo, undo_admission
from festgate.portal.door.days import is_today, warning_of
from festgate.portal.door.errors import AlreadyIn, OtherEvent
from festgate.portal.door.queries import (
    MAX_FOUND,
    Arrival,
    Attendance,
    all_attendances,
    attendance_of,
    find_arrival,
    find_by_name,
    find_place,
    latest_arrivals,
)
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.facade import MAX_SCAN_LENGTH, in_fours, read_picture, read_scan

Tone = Literal["good", "warn", "bad"]
LATEST = 8
"""Check-ins that the page lists."""
STILL_LISTED = 12 * HOUR
"""For so long after its end an event stays in the list of doors."""
MAX_WORDS_LENGTH = 100
_CAMERA_TEXTS = {
    "start": N_("Scan with the camera"),
    "stop": N_("Stop the camera"),
    "ready": N_("Hold a ticket's QR code in front of the camera."),
    "offline": N_("No connection to the fest. Still trying."),
    "failed": N_("The fest answers with an error (STATUS). Still trying."),
    "insecure": N_("To scan with the camera, open this page over https."),
    "unusable": N_("The camera cannot be used:"),
    "NotAllowedError": N_(
        "The camera is not allowed here. Allow it for this site in the browser's settings, then try again."
    ),
    "NotFoundError": N_("This device has no camera that the browser can use."),
    "NotReadableError": N_("The camera is in use by another program. Close that one, then try again."),
}
"""The sentences of door.js, by name."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a scan, which the page shows in large letters."""

    tone: Tone
    title: str
    holder: str = ""
    """The holder's name, or the username in its place."""
    message: str = ""
    code: str = ""
    username: str = ""
    """The holder's username, or the account that the ticket is from; empty where it is shown as the name."""
    type_name: str = ""
    """The ticket type; empty for the only type of an event."""
    team_name: str = ""
    answers: Sequence[tuple[str, str]] = ()
    """The (question, answer) that the organisers show at the door."""
    elsewhere: catalogue.Event | None = None
    """The event that the ticket is for, where it is another one."""

    @property
    def headline(self) -> str:
        """The result in a few words, for the title of the page."""
        return f"{self.title}: {self.holder}" if self.holder else self.title


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest in a list of the door, and whether the member of staff may undo their check-in."""

    arrival: Arrival
    undoable: bool


@dataclass(frozen=True, slots=True)
class Door:
    """The view model of /door/{slug}, without the result of a refused scan."""

    event: catalogue.Event
    attendance: Attendance
    latest: Sequence[Guest]
    result: ScanResult | None
    warning: str
    """The sentence about an event of another day; empty for one of today."""


class DoorPages:
    """Pages for staff and organisers; other visitors are sent to sign in, or refused."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing
        self._zone = portal.settings.zone

    def routes(self) -> list[Route]:
        """Return the routes for app.py."""
        guard = self._portal.guard
        return [
            guard("door", "/door", self.show_events),
            guard("door", "/door/{slug}", self.show_door),
            guard("door", "/door/{slug}", self.check_in, methods=["POST"]),
            guard("door", "/door/{slug}/picture", self.read_picture, methods=["POST"]),
            guard("door", "/door/{slug}/undo", self.undo, methods=["POST"]),
        ]

    async def show_events(self, request: Request) -> Response:
        """Answer with the events that have a door, and how many guests are in and expected."""
        doors = await self._portal.database.read(list_doors, self._zone, self._portal.known(request))
        return await self._portal.page(request, "door/doors.html", section="door", doors=doors)

    async def show_door(self, request: Request) -> Response:
        """Answer with the field for a code, the latest check-ins, and the search by name."""
        staff = self._portal.known(request)
        return await self._show(request, staff)

    async def check_in(self, request: Request) -> Response:
        """Check in the holder of the scanned ticket, once."""
        staff = self._portal.known(request)
        slug = _slug(request)
        scanned = (await read_fields(request)).get("code", "")[:MAX_SCAN_LENGTH]

        try:
            scan = read_scan(self._portal.secret, scanned)
            arrival = await self._portal.database.write(admit_scanned, scan, staff, slug)
        except Refused as refusal:
            return await self._show(request, staff, refusal)
        return see_other(f"/door/{slug}?in={arrival.code}")

    async def read_picture(self, request: Request) -> Response:
        """Read the QR code in a picture of a phone's camera: JSON (`scanned`), or 204 where there is none."""
        text = read_picture(await request.body())
        return Response(status_code=204) if text is None else JSONResponse({"scanned": text})

    async def undo(self, request: Request) -> Response:
        """Undo a check-in that was a mistake."""
        staff = self._portal.known(request)
        slug = _slug(request)
        fields = await read_fields(request)
        code = read_code(fields.get("code", "")[:MAX_SCAN_LENGTH])
        shown = fields.get(FIELD, "")

        try:
            await self._portal.database.write(
                undo_admission, code, staff, slug, shown, self._portal.actor(request)
            )
        except Refused as refusal:
            return await self._show(request, staff, refusal)
        return see_other(f"/door/{slug}?out={code}")

    async def _show(self, request: Request, staff: Visitor, refusal: Refused | None = None) -> Response:
        database = self._portal.database
        asked = {name: read_query(request, name, MAX_SCAN_LENGTH) for name in ("q", "in", "out")}
        # An address without an event is answered as such, whatever was scanned.
        door = await database.read(look_at_door, _slug(request), staff, asked, self._writing, self._zone)
        words = read_words(asked["q"])
        guests: Sequence[Guest] = ()
        if words:
            guests = await database.report(find_at_door, door.event.id, words, staff)
        result = door.result if refusal is None else self._result_of(refusal)
        return await self._portal.page(
            request,
            "door/door.html",
            section="door",
            status=200 if refusal is None else refusal.status,
            headers=None if refusal is None else refusal.headers(),
            door=door,
            event=door.event,
            result=result,
            words=words,
            guests=guests,
            more=len(guests) == MAX_FOUND,
            sees_email=staff.may("guests.view"),
            fours=in_fours,
            max_length=MAX_SCAN_LENGTH,
            camera_texts=json.dumps({name: gettext(text) for name, text in _CAMERA_TEXTS.items()}),
        )

    def _result_of(self, refusal: Refused) -> ScanResult:
        title = gettext(refusal.title)
        if isinstance(refusal, AlreadyIn):
            arrival = refusal.arrival
            message = gettext("since {time} ({day}), checked in by {staff}")
            return _result_about("bad", title, arrival, _about_check_in(message, arrival, self._writing))
        if isinstance(refusal, OtherEvent):
            return ScanResult("bad", title, message=refusal.message, elsewhere=refusal.event)
        return ScanResult("bad", title, message=refusal.message)


def list_doors(
    connection: Connection, zone: ZoneInfo, staff: Visitor | None = None
) -> list[tuple[catalogue.Event, Attendance]]:
    """Return the published events that are not long over with their attendance: those of today first, then by start.

    Only those at which the member of staff acts; all without one.
    """
    reachable = catalogue.reachable_events(connection, staff.person, staff.role) if staff else None
    attendances = all_attendances(connection)
    events = [
        event
        for event in catalogue.all_events(connection)
        if event.state == "published"
        and event.ends_at > connection.now - STILL_LISTED
        and (reachable is None or event.id in reachable)
    ]
    events.sort(key=lambda event: (not is_today(event, connection.now, zone), event.starts_at))
    return [(event, attendances.get(event.id, Attendance(0, 0))) for event in events]


def look_at_door(
    connection: Connection,
    slug: str,
    staff: Visitor,
    asked: Mapping[str, str],
    writing: Writing,
    zone: ZoneInfo,
) -> Door:
    """Return the door of one event. Raises NotFound.

    `asked` may have the code that was just checked in (`in`) or undone (`out`); the result shows it only where the
    ticket agrees.
    """
    event = catalogue.event_by_slug(connection, slug)
    return Door(
        event,
        attendance_of(connection, event.id),
        _guests(latest_arrivals(connection, event.id, LATEST), staff, connection.now),
        _last_result(connection, event, asked, writing),
        warning_of(event, connection.now, zone, writing),
    )


def _last_result(
    connection: Connection, event: catalogue.Event, asked: Mapping[str, str], writing: Writing
) -> ScanResult | None:
    code = asked.get("in") or asked.get("out") or ""
    arrival = find_arrival(connection, code) if code else None
    if arrival is not None and arrival.event_id != event.id:
        arrival = find_place(connection, code, event.id)
    if arrival is None or arrival.event_id != event.id or arrival.state == "void":
        return None
    if asked.get("in") and arrival.admitted_at is not None:
        message = _about_check_in(gettext("at {time}, checked in by {staff}"), arrival, writing)
        result = _result_about("good", gettext("In"), arrival, message)
        return replace(result, answers=registrations.door_answers(connection, event, arrival.seat_id))
    if not asked.get("in") and arrival.admitted_at is None:
        message = gettext("The ticket can be used again.")
        return _result_about("warn", gettext("Check-in undone"), arrival, message)
    return None


def _result_about(tone: Tone, title: str, arrival: Arrival, message: str) -> ScanResult:
    """Return a result that shows the ticket's holder."""
    # The username of somebody without an account is their name.
    username = arrival.holder if arrival.name and arrival.holder != arrival.name else ""
    if arrival.team_name:  # the account is that of the team's captain
        username = ""
    elif arrival.is_for_other:
        username = gettext("From {name}").format(name=arrival.name or arrival.holder)
    return ScanResult(
        tone,
        title,
        arrival.holder_name,
        message,
        arrival.code,
        username,
        arrival.type_name,
        arrival.team_name or "",
    )


def _about_check_in(message: str, arrival: Arrival, writing: Writing) -> str:
    at = arrival.admitted_at or 0
    return message.format(time=writing.time(at), day=writing.day(at), staff=arrival.admitted_by or "")


def find_at_door(connection: Connection, event_id: int, words: str, staff: Visitor) -> list[Guest]:
    """Return the guests of the event that the member of staff finds by these words."""
    listed = find_by_name(connection, event_id, words, by_email=staff.may("guests.view"))
    return _guests(listed, staff, connection.now)


def _guests(arrivals: Sequence[Arrival], staff: Visitor, now: Milliseconds) -> list[Guest]:
    return [Guest(arrival, may_undo(arrival, staff, now)) for arrival in arrivals]


def read_words(text: str) -> str:
    """Return the words to search for; none where no name can contain them."""
    try:
        return tidy(text[:MAX_WORDS_LENGTH])
    except ValueError:
        return ""


def _slug(request: Request) -> str:
    return read_path(request, "slug")

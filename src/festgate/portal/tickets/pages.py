"""The ticket: its page, its QR code, its calendar file. Only its buyer sees them, and its holder by a link."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.ids import read_code
from festgate.kit.messaging.mail import MailState
from festgate.kit.qr import draw
from festgate.kit.translation import gettext
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.kit.writing import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import queries
from festgate.portal.tickets.holder_emails import count_sent, last_sent
from festgate.portal.tickets.qr import CODE, in_fours, qr_text
from festgate.portal.tickets.queries import Ticket
from festgate.portal.tickets.transfers import can_transfer as can_transfer_ticket

Part = Literal["", ".svg", ".ics"]


@dataclass(frozen=True)
class Sheet:
    """The view model of /tickets/{code}."""

    ticket: Ticket
    event: catalogue.Event
    receipt: str | None
    """The reference of the order that paid for it."""
    mail: MailState | None
    ended: str = ""
    """Why the ticket is not valid; empty while it is."""
    type_name: str = ""
    """The ticket type; empty for the only type of an event."""
    holder: registrations.Holder = registrations.NOBODY
    """The attendee; an empty name for the buyer's own ticket."""
    can_name: bool = False
    """Whether the buyer may change the attendee's name now."""
    can_transfer: bool = False
    """Whether the buyer may transfer the ticket now."""
    sent: int = 0
    """How often the ticket was sent to its holders."""
    holder_mail: MailState | None = None
    """The state of the last email with the ticket to its holder."""
    team_name: str = ""
    """The team; empty without one."""
    admits_to: str = ""
    """The titles of the other events that a pass admits to; empty for other tickets."""


class TicketPages:
    """Routes of tickets."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes; a name that ends in `.svg` or `.ics` must not be read as a code."""
        return [
            Route("/tickets/{code}.svg", self.show_code, methods=["GET"]),
            Route("/tickets/{code}.ics", self.show_calendar, methods=["GET"]),
            Route("/tickets/{code}", self.show_ticket, methods=["GET"]),
        ]

    async def show_ticket(self, request: Request) -> Response:
        """Answer with the ticket, for the phone or for printing."""
        visitor = await self._portal.attendee(request)
        if (typed := _typed(request, "")) is not None:
            return typed
        code = read_path(request, "code")
        try:
            sheet = await self._portal.database.read(look_at_ticket, visitor.person, code)
        except NotFound:
            # The address in an email from before a transfer.
            moved = await self._portal.database.read(queries.transferred_ticket, visitor.person, code)
            if moved is None:
                raise
            return see_other(f"/tickets/{moved.code}")
        return await self.show_sheet(request, sheet, sheet.holder.name or visitor.shown_name)

    async def show_sheet(
        self,
        request: Request,
        sheet: Sheet,
        holder: str,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer with the ticket of that holder; `token` is that of the link with which the holder has opened it."""
        leaves = bool(self._portal.settings.smtp_host)
        return await self._portal.page(
            request,
            "tickets/ticket.html",
            headers=headers,
            token=token,
            sheet=sheet,
            ticket=sheet.ticket,
            event=sheet.event,
            code=in_fours(sheet.ticket.code),
            picture=self._picture,
            holder=holder,
            mail_sentence=describe_mail(sheet.mail, self._writing, leaves=leaves),
            holder_sentence=describe_holder_mail(sheet.holder_mail, self._writing),
        )

    async def show_code(self, request: Request) -> Response:
        """Answer with the QR code as a file. A void ticket has none, so that it cannot be mistaken for a valid one."""
        visitor = await self._portal.attendee(request)
        if (typed := _typed(request, ".svg")) is not None:
            return typed
        ticket = await self._find(visitor.person, request)
        if ticket.state == "void":
            raise NotFound
        return Response(self._picture(ticket), 200, NO_STORE, "image/svg+xml")

    async def show_calendar(self, request: Request) -> Response:
        """Answer with the event as a file for calendars."""
        visitor = await self._portal.attendee(request)
        if (typed := _typed(request, ".ics")) is not None:
            return typed
        ticket = await self._find(visitor.person, request)
        event = await self._portal.database.read(catalogue.event_by_id, ticket.event_id)
        text = catalogue.calendar(replace(event, taken=0), self._portal.settings.base_url)
        named = {"content-disposition": f'attachment; filename="{event.slug}.ics"'}
        return Response(text, 200, {**NO_STORE, **named}, "text/calendar; charset=utf-8")

    def _picture(self, ticket: Ticket) -> Markup:
        """Return the QR code as SVG, for a page or a file."""
        return Markup(draw(qr_text(self._portal.secret, ticket.code)))  # noqa: S704  (nothing of it is anyone's text)

    async def _find(self, person_id: int, request: Request) -> Ticket:
        code = read_path(request, "code")
        return await self._portal.database.read(queries.ticket_of_person, person_id, code)


def look_at_ticket(connection: Connection, person_id: int, code: str) -> Sheet:
    """Return the ticket's view model. Raises NotFound for everyone but its holder."""
    ticket = queries.ticket_of_person(connection, person_id, code)
    event = catalogue.event_by_id(connection, ticket.event_id)
    # The order and its email are the buyer's alone, not those of the members of a team.
    is_own = ticket.person_id == person_id
    receipt = checkout.ref_of(connection, ticket.order_id) if is_own and ticket.order_id is not None else None
    seat = registrations.seat(connection, ticket.seat_id)
    ended = _why_void(connection, ticket, event, seat)
    mail = queries.mail_of(connection, ticket, receipt) if is_own else None
    holder = registrations.Holder(seat.attendee_name, seat.attendee_email)
    can_transfer = seat.team_id is None and can_transfer_ticket(ticket, event, connection.now)
    is_open = not ended and ticket.admitted_at is None
    can_name = (
        is_open and seat.team_id is None and seat.ticket_names != "off" and connection.now < seat.names_end
    )
    sheet = Sheet(
        ticket,
        event,
        receipt,
        mail,
        ended,
        seat.type_name,
        holder,
        can_name,
        can_transfer,
        team_name=seat.team_name or "",
        admits_to=registrations.titles_of_places(connection, seat),
    )
    if not holder.email:
        return sheet
    sent, last = count_sent(connection, ticket.id), last_sent(connection, ticket.id)
    return replace(sheet, sent=sent, holder_mail=last)


def _why_void(
    connection: Connection, ticket: Ticket, event: catalogue.Event, seat: registrations.Seat
) -> str:
    if ticket.state == "valid":
        return gettext("Event cancelled.") if event.state == "cancelled" else ""
    return f"{registrations.ending_words(checkout.ended_by_of(connection, seat))}."


def describe_mail(state: MailState | None, writing: Writing, *, leaves: bool) -> str:
    """Describe the state of the ticket's email; empty while emails only go to a folder (`leaves` is False)."""
    if state is None or not leaves:
        return ""
    if state.state == "sent":
        sentence = (
            gettext("Sent to {recipient} on {time}.") if state.recipient else gettext("Sent on {time}.")
        )
        return sentence.format(recipient=state.recipient, time=writing.when(state.at))
    if state.state == "queued" and state.recipient:
        if state.error:
            sentence = gettext("Waiting to be sent to {recipient}; trying again at {time}.")
        else:
            sentence = gettext("On its way to {recipient}.")
        return sentence.format(recipient=state.recipient, time=writing.time(state.at))
    if state.recipient:
        sentence = gettext("It could not be sent to {recipient}. Keep this page, or print it.")
        return sentence.format(recipient=state.recipient)
    return gettext("It could not be sent. Keep this page, or print it.")


def describe_holder_mail(state: MailState | None, writing: Writing) -> str:
    """Describe the state of the email with the ticket to its holder; empty if there is none."""
    if state is None:
        return ""
    if state.state == "sent":
        return gettext("The ticket was sent to the holder on {time}.").format(time=writing.when(state.at))
    if state.state == "queued":
        return gettext("The ticket is on its way to the holder.")
    return gettext("The ticket could not be sent to the holder. Check the email address.")


def _typed(request: Request, part: Part) -> Response | None:
    """Redirect a code that was typed as it is read (`7gk2-9mqx-...`) to the ticket's own address."""
    given = read_path(request, "code")
    code = read_code(given)
    if code != given and CODE.fullmatch(code):
        return see_other(f"/tickets/{code}{part}")
    return None

"""The pages of a ticket's holder: sending and transferring a ticket, and opening one by the link in an email."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.shown import FIELD
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.holder_emails import HolderEmails
from festgate.portal.tickets.holder_links import read_token
from festgate.portal.tickets.pages import Sheet, TicketPages, look_at_ticket
from festgate.portal.tickets.transfers import HolderIn, NotTransferable, send_to_holder, transfer_ticket

PRIVATE = {**NO_STORE, "referrer-policy": "no-referrer"}
"""Headers of a page whose address opens a ticket: no other site is sent that address."""
MAX_DIGITS = 6
"""Digits of the number of emails."""


class HolderPages:
    """Routes of a ticket's holder."""

    def __init__(self, portal: Portal, tickets: TicketPages, emails: HolderEmails) -> None:
        """Take the pages of tickets, which draw the ticket, and the emails to holders, besides the portal."""
        self._portal = portal
        self._tickets = tickets
        self._emails = emails

    def routes(self) -> list[Route]:
        """Return the routes; they stand before those of the tickets' own addresses."""
        return [
            Route("/tickets/open/{token}.ics", self.open_calendar, methods=["GET"]),
            Route("/tickets/open/{token}", self.open, methods=["GET"]),
            Route("/tickets/{code}/send", self.send, methods=["POST"]),
            Route("/tickets/{code}/transfer", self.show_transfer, methods=["GET"]),
            Route("/tickets/{code}/transfer", self.transfer, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        """Answer with the ticket of the link, without an account and for reading only."""
        token = read_path(request, "token")

        def read(connection: Connection) -> Sheet:
            ticket = read_token(connection, self._portal.secret, token)
            return look_at_ticket(connection, ticket.person_id, ticket.code)

        sheet = await self._portal.database.read(read)
        return await self._tickets.show_sheet(
            request, sheet, sheet.holder.name, token=token, headers={"referrer-policy": "no-referrer"}
        )

    async def open_calendar(self, request: Request) -> Response:
        """Answer with the event of the link's ticket as a file for calendars."""
        token = read_path(request, "token")

        def read(connection: Connection) -> catalogue.Event:
            ticket = read_token(connection, self._portal.secret, token)
            return catalogue.event_by_id(connection, ticket.event_id)

        event = await self._portal.database.read(read)
        text = catalogue.calendar(replace(event, taken=0), self._portal.settings.base_url)
        named = {"content-disposition": f'attachment; filename="{event.slug}.ics"'}
        return Response(text, 200, {**PRIVATE, **named}, "text/calendar; charset=utf-8")

    async def send(self, request: Request) -> Response:
        """Send the ticket to its holder; once where the form is sent twice."""
        visitor = await self._portal.attendee(request)
        code = read_path(request, "code")
        shown = (await read_fields(request)).get(FIELD, "")
        count = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) <= MAX_DIGITS else -1
        await self._portal.database.write(send_to_holder, visitor.person, code, count, self._emails)
        return see_other(f"/tickets/{code}#holder")

    async def show_transfer(self, request: Request) -> Response:
        """Show the consequences of a transfer, and the form for the new holder."""
        visitor = await self._portal.attendee(request)
        sheet = await self._portal.database.read(look_at_ticket, visitor.person, read_path(request, "code"))
        if sheet.ticket.admitted_at is not None:
            raise HolderIn
        if not sheet.can_transfer:
            raise NotTransferable
        return await self._form(request, sheet)

    async def transfer(self, request: Request) -> Response:
        """Transfer the ticket to the entered holder."""
        visitor = await self._portal.attendee(request)
        code = read_path(request, "code")
        fields = await read_fields(request)
        values = {name: fields.get(name, "") for name in ("name", "email")}
        try:
            holder = registrations.read_holder(values["name"], values["email"], is_required=True)
            ticket = await self._portal.database.write(
                transfer_ticket, visitor.person, code, holder, self._emails
            )
        except Invalid as refusal:
            sheet = await self._portal.database.read(look_at_ticket, visitor.person, code)
            return await self._form(request, sheet, values, refusal)
        return see_other(f"/tickets/{ticket.code}#holder")

    async def _form(
        self,
        request: Request,
        sheet: Sheet,
        values: dict[str, str] | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        return await self._portal.page(
            request,
            "tickets/transfer.html",
            status=refusal.status if refusal else 200,
            section="my-events",
            sheet=sheet,
            values=values or {"name": "", "email": ""},
            errors=refusal.fields if refusal else {},
            max_name=accounts.MAX_PERSON_NAME_LENGTH,
            max_email=accounts.MAX_EMAIL_LENGTH,
        )

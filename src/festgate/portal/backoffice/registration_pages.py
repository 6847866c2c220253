"""The organisers' pages about one ticket: exchange it, correct or change its holder; and complimentary tickets."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.errors import Conflict, Invalid, Refused
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, MAX_NAME, read_id, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.free_cancellations import cancel_free, plan_free_cancellation
from festgate.portal.backoffice.registrations import (
    page_of_seat,
    read_wish,
    view_exchange,
    view_gift,
    view_holder,
)
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.facade import HolderEmails


class RegistrationPages:
    """Pages about single tickets, each behind the permission of what it does."""

    def __init__(self, portal: Portal, emails: HolderEmails) -> None:
        """Take, besides the portal, the emails to holders."""
        self._portal = portal
        self._emails = emails
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        seat = "/organise/registrations/{id}"
        gift = "/organise/events/{slug}/complimentary"
        return [
            # The difference may be refunded.
            guard("orders.edit", f"{seat}/exchange", self.show_exchange, sensitive=True),
            guard("orders.edit", f"{seat}/exchange", self.exchange, methods=["POST"], sensitive=True),
            guard("guests.edit", f"{seat}/cancel", self.show_cancel),
            guard("guests.edit", f"{seat}/cancel", self.cancel, methods=["POST"]),
            guard("guests.edit", f"{seat}/holder", self.show_holder),
            guard("guests.edit", f"{seat}/holder", self.correct, methods=["POST"]),
            guard("guests.edit", f"{seat}/transfer", self.show_transfer),
            guard("guests.edit", f"{seat}/transfer", self.transfer, methods=["POST"]),
            guard("orders.edit", gift, self.show_gift),
            guard("orders.edit", gift, self.give, methods=["POST"]),
        ]

    async def show_exchange(self, request: Request) -> Response:
        """Answer with the tickets that it can be exchanged for; with a chosen one, with what that would do."""
        return await self._exchange(request)

    async def exchange(self, request: Request) -> Response:
        """Exchange the ticket as the confirmation showed it; where that has changed, show it again."""
        seat_id = read_id(request, "id")
        fields = await read_fields(request)
        slug, type_id = fields.get("event", ""), _number(fields.get("type", ""))
        wish = read_wish(slug, type_id, fields.get("settlement", ""))
        # The confirmation has warned of a check-in, and the check-in is part of what was shown.
        exchange = partial(checkout.exchange_ticket, seen=fields.get(FIELD, ""), force=True)
        try:
            new_id = await self._portal.database.write(
                exchange, self._portal.actor(request), seat_id, wish, tickets.is_used
            )
        except Conflict as refusal:
            return await self._exchange(request, (slug, type_id), refusal)
        return see_other(f"{await self._portal.database.read(page_of_seat, new_id)}?done=exchanged")

    async def _exchange(
        self, request: Request, chosen: tuple[str, int] | None = None, refusal: Refused | None = None
    ) -> Response:
        slug, type_id = chosen or (
            read_query(request, "event", MAX_NAME),
            _number(read_query(request, "type", MAX_ID_LENGTH)),
        )
        view = await self._portal.database.report(
            view_exchange, read_id(request, "id"), slug, type_id, self._writing
        )
        return await self._portal.page(
            request,
            "backoffice/exchange.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            view=view,
            refused="" if refusal is None else refusal.message,
        )

    async def show_cancel(self, request: Request) -> Response:
        """Answer with what cancelling a registration that is in no order would do."""
        return await self._cancellation(request)

    async def cancel(self, request: Request) -> Response:
        """Cancel the registration as the confirmation showed it; where that has changed, show it again."""
        seat_id = read_id(request, "id")
        seen = (await read_fields(request)).get(FIELD, "")
        try:
            await self._portal.database.write(cancel_free, self._portal.actor(request), seat_id, seen)
        except Conflict as refusal:
            return await self._cancellation(request, refusal)
        return see_other(f"{await self._portal.database.read(page_of_seat, seat_id)}?done=cancelled")

    async def _cancellation(self, request: Request, refusal: Refused | None = None) -> Response:
        return await self._portal.page(
            request,
            "backoffice/cancel_registration.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            plan=await self._portal.database.read(plan_free_cancellation, read_id(request, "id")),
            refused="" if refusal is None else refusal.message,
        )

    async def show_holder(self, request: Request) -> Response:
        """Answer with the form for the right name and address on a ticket."""
        return await self._holder(request, transfers=False)

    async def show_transfer(self, request: Request) -> Response:
        """Answer with the form for the new holder of a ticket."""
        return await self._holder(request, transfers=True)

    async def correct(self, request: Request) -> Response:
        """Show what correcting would do; with the button that confirms it, do it."""
        return await self._change_holder(request, transfers=False)

    async def transfer(self, request: Request) -> Response:
        """Show what the transfer would do; with the button that confirms it, do it."""
        return await self._change_holder(request, transfers=True)

    async def _change_holder(self, request: Request, *, transfers: bool) -> Response:
        seat_id = read_id(request, "id")
        fields = await read_fields(request)
        operation = tickets.transfer_for_holder if transfers else tickets.correct_holder
        try:
            holder = _read_holder(fields, needs_email=transfers)
            if fields.get("step") != "confirm":
                security_log.note_question()
                return await self._holder(request, fields, transfers=transfers, asks=True)
            await self._portal.database.write(
                operation, self._portal.actor(request), seat_id, holder, self._emails, fields.get(FIELD, "")
            )
        except (Invalid, Conflict) as refusal:
            return await self._holder(request, fields, refusal, transfers=transfers)
        page = await self._portal.database.read(page_of_seat, seat_id)
        return see_other(f"{page}?done={'transferred' if transfers else 'corrected'}")

    async def _holder(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
        *,
        transfers: bool,
        asks: bool = False,
    ) -> Response:
        view = await self._portal.database.read(view_holder, read_id(request, "id"))
        before = {"name": "", "email": ""} if transfers else {"name": view.now.name, "email": view.now.email}
        return await self._portal.page(
            request,
            "backoffice/holder.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            view=view,
            transfers=transfers,
            asks=asks,
            values={**before, **(entered or {})},
            refused="" if refusal is None or isinstance(refusal, Invalid) else refusal.message,
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            max_name=accounts.MAX_PERSON_NAME_LENGTH,
            max_email=accounts.MAX_EMAIL_LENGTH,
        )

    async def show_gift(self, request: Request) -> Response:
        """Answer with the form for a complimentary ticket."""
        return await self._gift(request)

    async def give(self, request: Request) -> Response:
        """Show what giving the ticket would do; with the button that confirms it, give it."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            entry = accounts.read_guest(fields)
            if fields.get("step") != "confirm":
                security_log.note_question()
                return await self._gift(request, fields, asks=True)
            seat = await self._portal.database.write(
                checkout.give_ticket,
                self._portal.actor(request),
                slug,
                _number(fields.get("type", "")),
                entry,
                fields.get("key", "")[:MAX_NAME],
            )
        except (Invalid, Conflict) as refusal:
            return await self._gift(request, fields, refusal)
        return see_other(f"/organise/people/{seat.person_id}?done=given")

    async def _gift(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
        *,
        asks: bool = False,
    ) -> Response:
        values = {"name": "", "email": "", "type": "", **(entered or {})}
        view = await self._portal.database.report(
            view_gift, read_path(request, "slug"), _number(values["type"]), self._writing
        )
        return await self._portal.page(
            request,
            "backoffice/complimentary.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            view=view,
            asks=asks and view.chosen is not None,
            values=values,
            key=f"page:{view.event.id}:{self._portal.database.clock()}",
            refused="" if refusal is None or isinstance(refusal, Invalid) else refusal.message,
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            max_name=accounts.MAX_PERSON_NAME_LENGTH,
            max_email=accounts.MAX_EMAIL_LENGTH,
        )


def _read_holder(fields: Mapping[str, str], *, needs_email: bool) -> registrations.Holder:
    """Return the entered holder. Raises Invalid."""
    holder = registrations.read_holder(fields.get("name", ""), fields.get("email", ""), is_required=True)
    if needs_email and not holder.email:
        raise Invalid({"email": gettext("Enter the email address of the new holder.")})
    return holder


def _number(text: str) -> int:
    """Return the id in a field; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_ID_LENGTH else 0

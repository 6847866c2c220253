"""The pages of the box office: choose an event, sell, print or check in, and take a sale back."""

from collections.abc import Mapping
from http import HTTPStatus

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused
from festgate.kit.ids import new_token
from festgate.kit.qr import draw
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.backoffice.box_office import (
    MAX_FORM_KEY,
    MAX_NAMES,
    MAX_WORDS,
    SoldEvent,
    admit_sold,
    find_sale,
    read_box_office,
    read_sale,
    read_sold_event,
    sell_tickets,
    sheet_of_sale,
    undo,
    view_sale,
)
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

PATH = "/organise/box-office"
FORM = "form"
"""The hidden field with the key of a form, by which a second click is recognised."""
MAX_FIELD = 10_000
"""Characters of the field with the names of attendees."""
MAX_FIELDS = 400


class BoxOfficePages:
    """HTML routes of the box office."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing
        self._zone = portal.settings.zone

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        guard = self._portal.guard
        event, sale = f"{PATH}/events/{{slug}}", f"{PATH}/sales/{{ref}}"
        return [
            guard("box-office", PATH, self.show),
            guard("box-office", event, self.show_event),
            guard("box-office", event, self.sell, methods=["POST"]),
            guard("box-office", sale, self.show_sale),
            guard("box-office", f"{sale}/undo", self.undo, methods=["POST"]),
            guard("box-office", f"{sale}/answers", self.show_answers),
            guard("box-office", f"{sale}/answers", self.save_answers, methods=["POST"]),
            guard("box-office", f"{sale}/check-in", self.admit, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the events on sale, today's first, with a button for each ticket type."""
        seller = await self._portal.allow(request, "box-office")
        words = read_query(request, "q", MAX_WORDS).strip()
        shown = await self._portal.database.report(read_box_office, seller, words, self._zone)
        return await self._portal.page(
            request,
            "backoffice/box_office.html",
            section="organise",
            shown=shown,
            words=words,
            max_length=MAX_WORDS,
            sees_shifts=seller.may("money.view"),
        )

    async def show_event(self, request: Request) -> Response:
        """Show the form of a sale."""
        return await self._form(request, await self._sold_event(request))

    async def sell(self, request: Request) -> Response:
        """Sell, and lead to the tickets; the same form sent twice makes one sale."""
        seller = await self._portal.allow(request, "box-office")
        fields = await read_fields(request, MAX_FIELD, max_fields=MAX_FIELDS)
        entry = await self._sold_event(request)
        key = fields.get(FORM, "")
        try:
            if not 0 < len(key) <= MAX_FORM_KEY:
                return await self._form(request, entry, fields)
            content = read_sale(
                fields, entry.event.slug, entry.event.fee.currency, wants_names=entry.wants_names
            )
            sale = await self._portal.database.write(
                sell_tickets, self._portal.actor(request), seller, content, key, self._portal.secret
            )
        except NotFound:
            raise
        except Refused as refusal:
            return await self._form(request, await self._sold_event(request), fields, refusal)
        return see_other(f"{PATH}/sales/{sale.order.ref}")

    async def _sold_event(self, request: Request) -> SoldEvent:
        seller = await self._portal.allow(request, "box-office")
        return await self._portal.database.read(
            read_sold_event, seller, read_path(request, "slug"), self._zone
        )

    async def _form(
        self,
        request: Request,
        entry: SoldEvent,
        fields: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
    ) -> Response:
        values = dict(fields or {})
        if fields is None:
            first = next((kind for kind in entry.types if kind.can_sell), None)
            chosen = read_query(request, "type", MAX_ID_LENGTH)
            for kind in entry.types:
                is_chosen = str(kind.type.id) == chosen if chosen else kind is first
                if is_chosen and kind.can_sell:
                    values[f"count-{kind.type.id}"] = str(kind.type.details.min_per_order)
        # A key that was used for another sale is not used again.
        is_spent = not 0 < len(values.get(FORM, "")) <= MAX_FORM_KEY or isinstance(
            refusal, checkout.KeyReused
        )
        prices = ";".join(f"{kind.type.id}={kind.type.fee.minor}" for kind in entry.types)
        return await self._portal.page(
            request,
            "backoffice/sell.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            entry=entry,
            event=entry.event,
            values=values,
            key=new_token() if is_spent else values[FORM],
            prices=prices,
            prices_field=FIELD,
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            refused=_sentence(refusal),
            methods=[(name, gettext(label)) for name, label in checkout.AT_BOX_OFFICE.items()],
            max_code=catalogue.MAX_CODE,
            max_names=MAX_NAMES,
        )

    async def show_sale(self, request: Request) -> Response:
        """Show the tickets of a sale, for printing, with the change and the next steps."""
        return await self._sale(request)

    async def _sale(self, request: Request, refusal: Refused | None = None) -> Response:
        visitor = await self._portal.allow(request, "box-office")
        view = await self._portal.database.read(view_sale, visitor, read_path(request, "ref"))
        amount = self._writing.money(view.sale.amount)
        return await self._portal.page(
            request,
            "backoffice/sale.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            view=view,
            sale=view.sale,
            event=view.event,
            refused=refusal.message if refusal else "",
            undo_sentence=view.undo_sentence(amount),
            picture=self._picture,
            in_fours=tickets.in_fours,
            sends_mail=bool(self._portal.settings.smtp_host),
        )

    def _picture(self, code: str) -> Markup:
        """Return the QR code as SVG."""
        return Markup(draw(tickets.qr_text(self._portal.secret, code)))  # noqa: S704  (nothing of it is anyone's text)

    async def undo(self, request: Request) -> Response:
        """Take the sale back, and show what has become of it."""
        visitor = await self._portal.allow(request, "box-office")
        ref = read_path(request, "ref")
        try:
            await self._portal.database.write(undo, self._portal.actor(request), visitor, ref)
        except checkout.SaleFinal as refusal:
            return await self._sale(request, refusal)
        return see_other(f"{PATH}/sales/{ref}")

    async def admit(self, request: Request) -> Response:
        """Check in everybody of the sale."""
        visitor = await self._portal.allow(request, "door")
        ref = read_path(request, "ref")
        try:
            await self._portal.database.write(admit_sold, visitor, ref)
        except NotFound:
            raise
        except Refused as refusal:
            return await self._sale(request, refusal)
        return see_other(f"{PATH}/sales/{ref}")

    async def show_answers(self, request: Request) -> Response:
        """Show the organisers' questions about the sold tickets, all of which may be skipped."""
        return await self._answers(request)

    async def save_answers(self, request: Request) -> Response:
        """Store the answers that were entered; empty ones are skipped."""
        visitor = await self._portal.allow(request, "box-office")
        ref = read_path(request, "ref")
        fields = await read_fields(request, MAX_FIELD, max_fields=10 * MAX_FIELDS)

        def save(connection: Connection) -> None:
            sheet = sheet_of_sale(connection, visitor_sale)
            entered = registrations.entered_answers(sheet, fields)
            given = {key: value for key, value in entered.items() if value}
            registrations.save_answers(
                connection, sheet.person_id, sheet.event.slug, given, tickets.is_used, is_complete=False
            )

        visitor_sale = await self._portal.database.read(find_sale, visitor, ref)
        try:
            await self._portal.database.write(save)
        except Invalid as refusal:
            return await self._answers(request, fields, refusal)
        return see_other(f"{PATH}/sales/{ref}")

    async def _answers(
        self, request: Request, fields: Mapping[str, str] | None = None, refusal: Invalid | None = None
    ) -> Response:
        visitor = await self._portal.allow(request, "box-office")
        ref = read_path(request, "ref")
        sheet = await self._portal.database.read(
            lambda connection: sheet_of_sale(connection, find_sale(connection, visitor, ref))
        )
        return await self._portal.page(
            request,
            "backoffice/sale_answers.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            ref=ref,
            event=sheet.event,
            groups=registrations.form_groups(sheet, fields, refusal.fields if refusal else {}),
            can_save=bool(sheet.open_fields),
            max_answer=registrations.MAX_ANSWER,
            yes=registrations.YES,
        )


def _sentence(refusal: Refused | None) -> str:
    """Return the sentence above the form; empty where fields have their own."""
    if isinstance(refusal, checkout.KeyReused):
        return gettext(
            "This form was used for another sale, so nothing was sold. Check it, and press Sell again."
        )
    return "" if refusal is None or isinstance(refusal, Invalid) else refusal.message

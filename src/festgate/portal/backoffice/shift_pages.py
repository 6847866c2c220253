"""The pages of the cash count: the seller's own shift, and for the treasurer all of them."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.amounts import read_amount
from festgate.kit.cells import guard
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.money import Money
from festgate.kit.shown import FIELD
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_query
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.portal.backoffice.box_office_pages import PATH
from festgate.portal.backoffice.list_exports import note_download
from festgate.portal.checkout import facade as checkout

PAGE = 50
"""Shifts on one page."""
MAX_IN_FILE = 100_000
"""Shifts in the file."""
MAX_LISTED = 500
"""Sales on the page of a shift; the sums count all of them."""
MAX_PAGE_LENGTH = 6
HEADER = (
    "shift",
    "seller",
    "opened",
    "closed",
    "currency",
    "float",
    "sales",
    "cash_sales",
    "cash_refunds",
    "cash_differences",
    "cash_differences_returned",
    "expected_cash",
    "counted_cash",
    "difference",
    "card_sales",
    "card_refunds",
    "upi_sales",
    "upi_refunds",
    "note",
)


class ShiftPages:
    """HTML routes of shifts."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._currency = portal.settings.currency

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        guard_route = self._portal.guard
        return [
            guard_route("box-office", f"{PATH}/shift", self.show_own),
            guard_route("box-office", f"{PATH}/shift", self.set_float, methods=["POST"]),
            guard_route("box-office", f"{PATH}/shift/close", self.close, methods=["POST"]),
            guard_route("money.view", f"{PATH}/shifts", self.show_all),
            guard_route("money.view", f"{PATH}/shifts.csv", self.download, sensitive=True),
            guard_route("office", f"{PATH}/shifts/{{shift_id}}", self.show_one),
        ]

    async def show_own(self, request: Request) -> Response:
        """Show the seller's open shift, with its sums, its sales and the form that closes it."""
        return await self._own(request)

    async def _own(
        self,
        request: Request,
        fields: Mapping[str, str] | None = None,
        refusal: Invalid | checkout.ShiftChanged | None = None,
    ) -> Response:
        seller = await self._portal.allow(request, "box-office")

        def read(
            connection: Connection,
        ) -> tuple[checkout.Shift | None, list[checkout.Sale], list[checkout.Shift]]:
            shift = checkout.open_shift(connection, seller.person)
            sales = checkout.sales_of_shift(connection, shift.id, MAX_LISTED) if shift else []
            return shift, sales, checkout.list_shifts(connection, seller.person, PAGE)[0]

        shift, sales, earlier = await self._portal.database.report(read)
        return await self._portal.page(
            request,
            "backoffice/shift.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            shift=shift,
            sales=sales,
            earlier=[known for known in earlier if known.closed_at is not None],
            values=fields or {},
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            refused=refusal.message if isinstance(refusal, checkout.ShiftChanged) else "",
            currency=shift.opening.currency if shift else self._currency,
            names=checkout.AT_BOX_OFFICE,
            max_note=checkout.MAX_SHIFT_NOTE,
            sees_shifts=seller.may("money.view"),
        )

    async def set_float(self, request: Request) -> Response:
        """Set the opening float, and open a shift if there is none."""
        seller = await self._portal.allow(request, "box-office")
        fields = await read_fields(request)
        shift = await self._portal.database.read(checkout.open_shift, seller.person)
        currency = shift.opening.currency if shift else self._currency
        try:
            opening = _read_amount(fields, "float", currency)
        except Invalid as refusal:
            return await self._own(request, fields, refusal)
        await self._portal.database.write(checkout.set_float, seller.person, opening)
        return see_other(f"{PATH}/shift")

    async def close(self, request: Request) -> Response:
        """Close the shift with the counted cash; or show it again if there was a sale meanwhile."""
        seller = await self._portal.allow(request, "box-office")
        fields = await read_fields(request)
        shift = await self._portal.database.read(checkout.open_shift, seller.person)
        if shift is None:
            raise checkout.ShiftNotOpen
        try:
            counted = _read_amount(fields, "counted", shift.opening.currency)
            closed = await self._portal.database.write(
                checkout.close_shift,
                self._portal.actor(request),
                seller.person,
                counted,
                _read_note(fields),
                fields.get(FIELD, ""),
            )
        except (Invalid, checkout.ShiftChanged) as refusal:
            return await self._own(request, fields, refusal)
        return see_other(f"{PATH}/shifts/{closed.id}")

    async def show_one(self, request: Request) -> Response:
        """Show one shift for printing: the visitor's own, or any for a treasurer."""
        visitor = await self._portal.signed_in(request)
        number = read_id(request, "shift_id")

        def read(connection: Connection) -> tuple[checkout.Shift, list[checkout.Sale]]:
            shift = checkout.shift_by_id(connection, number)
            if shift.person_id != visitor.person and not visitor.may("money.view"):
                raise NotFound
            return shift, checkout.sales_of_shift(connection, shift.id, MAX_LISTED)

        shift, sales = await self._portal.database.report(read)
        return await self._portal.page(
            request,
            "backoffice/closed_shift.html",
            section="organise",
            shift=shift,
            sales=sales,
            names=checkout.AT_BOX_OFFICE,
            sells=visitor.may("box-office"),
            sees_shifts=visitor.may("money.view"),
        )

    async def show_all(self, request: Request) -> Response:
        """Show the shifts of every seller with their differences, open ones first."""
        text = read_query(request, "page", MAX_PAGE_LENGTH) or "1"
        if not (text.isascii() and text.isdecimal() and int(text)):
            raise NotFound
        page = int(text)

        def read(connection: Connection) -> tuple[list[checkout.Shift], int, tuple[Money, ...]]:
            listed, count = checkout.list_shifts(connection, None, PAGE, (page - 1) * PAGE)
            return listed, count, checkout.paid_outside_shifts(connection)

        shifts, count, outside = await self._portal.database.report(read)
        return await self._portal.page(
            request,
            "backoffice/shifts.html",
            section="organise",
            shifts=shifts,
            outside=outside,
            page=page,
            pages=-(-count // PAGE),
            href=f"{PATH}/shifts?page={{}}".format,
        )

    async def download(self, request: Request) -> Response:
        """Return all shifts as a CSV file."""
        listed, _ = await self._portal.database.report(checkout.list_shifts, None, MAX_IN_FILE)
        actor = self._portal.actor(request)
        await self._portal.database.write(note_download, actor, "shifts.exported", len(listed))
        return file_of_shifts(listed)


def file_of_shifts(shifts: list[checkout.Shift]) -> Response:
    """Return the response with the shifts as a CSV file."""
    named = {"content-disposition": 'attachment; filename="box-office-shifts.csv"'}
    return Response(written(shifts).encode(), 200, {**NO_STORE, **named}, "text/csv; charset=utf-8")


def written(shifts: list[checkout.Shift]) -> str:
    """Return the shifts as CSV; amounts have a decimal point, and times are in UTC."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(HEADER)
    for shift in shifts:
        sums = [
            amounts[method].plain()
            for method in ("card-machine", "upi")
            for amounts in (shift.sold, shift.refunded)
        ]
        lines.writerow(
            [
                shift.id,
                guard(shift.seller),
                moment(shift.opened_at, UTC).isoformat(timespec="seconds"),
                "" if shift.closed_at is None else moment(shift.closed_at, UTC).isoformat(timespec="seconds"),
                shift.opening.currency,
                shift.opening.plain(),
                shift.sales,
                shift.sold["cash"].plain(),
                shift.refunded["cash"].plain(),
                shift.gained.plain(),
                shift.returned.plain(),
                shift.expected.plain(),
                "" if shift.counted is None else shift.counted.plain(),
                "" if shift.difference is None else shift.difference.plain(),
                *sums,
                guard(shift.note),
            ]
        )
    return text.getvalue()


def _read_amount(fields: Mapping[str, str], name: str, currency: str) -> Money:
    text = fields.get(name, "")
    if not text.strip():
        raise Invalid({name: gettext("Enter an amount; 0 for none.")})
    try:
        return read_amount(text, currency)
    except ValueError as error:
        raise Invalid({name: str(error)}) from None


def _read_note(fields: Mapping[str, str]) -> str:
    try:
        return tidy(fields.get("note", ""), max_length=checkout.MAX_SHIFT_NOTE)
    except ValueError as error:
        raise Invalid({"note": str(error)}) from None

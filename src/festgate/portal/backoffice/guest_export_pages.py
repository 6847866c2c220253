"""The organisers' pages that export guests: columns and format are chosen, then the file or the printed list."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_ids, read_parameters, read_query
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.backoffice.bulk_actions import MAX_SELECTED
from festgate.portal.backoffice.guest_columns import Column, cell_text, chosen_columns, export_columns
from festgate.portal.backoffice.guest_exports import (
    FORMATS,
    MAX_PRINTED,
    MAX_ROWS,
    Export,
    Format,
    csv_end,
    csv_heading,
    csv_portion,
    export_rows,
    record_export,
    sheet_heading,
    sheet_portion,
)
from festgate.portal.backoffice.guest_filters import MAX_VALUE, GuestFilters
from festgate.portal.backoffice.guest_list import GuestList, open_list
from festgate.portal.backoffice.guest_pages import (
    MAX_WHICH,
    PLACES,
    hidden,
    list_of,
    none_selected,
    read_selected,
    written_selected,
)
from festgate.portal.backoffice.guest_queries import count_guests, guest_ids
from festgate.portal.backoffice.workbooks import built_workbook, pieces_of, turn_of

COLUMN: Final = "column_"
"""The beginning of a tick box's name, followed by that of the column."""
MAX_FIELDS: Final = 120
MAX_FIELD: Final = 2_000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Check: TypeAlias = Callable[[], Awaitable[None]]
"""A function that raises Refused if the export has to end."""


class GuestExportPages:
    """Exports of guests as CSV, as an Excel workbook, and as a page for paper."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            route
            for place in PLACES
            for route in (
                guard("guests.export", f"{place}/export", self.ask, lists_assigned=True, sensitive=True),
                guard(
                    "guests.export",
                    f"{place}/export",
                    self.export,
                    methods=["POST"],
                    lists_assigned=True,
                    sensitive=True,
                ),
            )
        ]

    async def ask(self, request: Request) -> Response:
        """Show how many guests the export has, and let its columns and format be chosen."""
        selected = read_ids(request, "guest", MAX_SELECTED)
        which = read_query(request, "which", MAX_WHICH)
        if which == "all":
            selected = ()
        elif which and not selected:
            return await none_selected(self._portal, request)
        return await self._form(request, read_parameters(request, MAX_VALUE), selected)

    async def _form(
        self,
        request: Request,
        parameters: Mapping[str, str],
        selected: tuple[int, ...],
        refusal: Refused | None = None,
        chosen: frozenset[str] | None = None,
    ) -> Response:
        slug, lead = await list_of(self._portal, request)

        def read(connection: Connection) -> tuple[GuestList, int]:
            listed = open_list(connection, slug, lead, parameters)
            return listed, len(selected) or count_guests(connection, listed.scope, listed.filters)

        listed, count = await self._portal.database.report(read)
        columns = export_columns(listed.questions, of_fest=listed.event is None)
        form = parameters.get("format", "csv")
        names = first_chosen(columns, for_paper=form == "print") if chosen is None else chosen
        return await self._portal.page(
            request,
            "backoffice/guest_export.html",
            status=refusal.status if refusal else 200,
            headers=refusal.headers() if refusal else None,
            section="organise",
            listed=listed,
            count=count,
            selected=written_selected(selected),
            fields=hidden(listed.filters.parameters()),
            columns=[(one, one.name in names) for one in columns],
            form=form,
            refused=_sentence(refusal),
            max_printed=MAX_PRINTED,
        )

    async def export(self, request: Request) -> Response:
        """Send the file, or show the list for paper; or show the form again, with the reason."""
        slug, lead = await list_of(self._portal, request)
        fields = await read_fields(request, MAX_FIELD, max_fields=MAX_FIELDS)
        selected = read_selected(fields.get("guests", ""), MAX_SELECTED)
        names = frozenset(name.removeprefix(COLUMN) for name in fields if name.startswith(COLUMN))
        form = _format(fields.get("format", ""))

        def read(connection: Connection) -> tuple[GuestList, Export]:
            listed = open_list(connection, slug, lead, fields)
            columns = chosen_columns(export_columns(listed.questions, of_fest=listed.event is None), names)
            ids = _ids(connection, listed, frozenset(selected), form)
            return listed, Export(listed.scope, ids, columns, self._portal.settings.zone, connection.now)

        listed, export = await self._portal.database.report(read)
        try:
            _check(export, form)
            await self._portal.database.write(
                record_export, self._portal.actor(request), export, form, listed.name
            )
        except Refused as refusal:
            return await self._form(request, fields, selected, refusal, names)
        if form == "print":
            return await self._print(request, listed, export)
        name = f"{listed.name}-guests.{form}"
        if form == "csv":
            return StreamingResponse(
                csv_pieces(self._portal.database, export, partial(check_reader, self._portal, request)),
                200,
                _headers(name),
                "text/csv; charset=utf-8",
            )
        return WorkbookResponse(self._portal, request, export, listed.title, name)

    async def _print(self, request: Request, listed: GuestList, export: Export) -> Response:
        rows = await self._portal.database.report(_printed_rows, export)
        return await self._portal.page(
            request,
            "backoffice/guest_print.html",
            section="organise",
            listed=listed,
            columns=export.columns,
            rows=rows,
            count=len(export.ids),
        )


class WorkbookResponse(Response):
    """A workbook that a child process builds before it is sent.

    The build is part of sending the response: the time limit of a page, and the place in the office's budget, end
    before it.
    """

    def __init__(self, portal: Portal, request: Request, export: Export, title: str, name: str) -> None:
        """Take the export, the title of the worksheet and the name of the file."""
        self._portal = portal
        self._request = request
        self._export = export
        self._title = title
        self._name = name
        super().__init__()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Build and send the workbook, or the page of an error."""
        database, visitor = self._portal.database, await self._portal.signed_in(self._request)
        try:
            check = partial(check_reader, self._portal, self._request)
            lines = sheet_lines(database, self._export, self._title, check)
            async with turn_of(database, visitor.person), built_workbook(lines) as path:
                headers = {**_headers(self._name), "content-length": str(path.stat().st_size)}
                await StreamingResponse(pieces_of(path), 200, headers, XLSX)(scope, receive, send)
        except Refused as refusal:
            await (await self._portal.refusal(self._request, refusal))(scope, receive, send)


async def check_reader(portal: Portal, request: Request) -> None:
    """Raise Refused if the person that asked for an export may not read the guests any more."""
    await portal.check_again(request, "guests.export", lists_assigned=True)


async def csv_pieces(database: Database, export: Export, check: Check) -> AsyncIterator[str]:
    """Yield an export as CSV; each portion is read when the one before it was sent.

    A slow client takes hours. `check` raises Refused before a portion that the person may not read any more; a last
    line then explains it.
    """
    yield csv_heading(export)
    for ids in export.portions():
        try:
            await check()
        except Refused:
            yield csv_end(gettext("The list ends here: you are signed out, or may not read it any more."))
            return
        yield await database.report(csv_portion, export, ids)


async def sheet_lines(database: Database, export: Export, title: str, check: Check) -> AsyncIterator[str]:
    """Yield an export as lines for the process that writes workbooks. Raise Refused as `check` does."""
    yield sheet_heading(export, title)
    for ids in export.portions():
        await check()
        yield await database.report(sheet_portion, export, ids)


def _printed_rows(connection: Connection, export: Export) -> Markup:
    """Return the rows of the table, written on the thread of the report: a template would hold the event loop."""
    rows = (cells for portion in export.portions() for cells in export_rows(connection, export, portion))
    written = ("".join(f"<td>{escape(cell_text(cell))}</td>" for cell in cells) for cells in rows)
    return Markup("".join(f"<tr>{row}</tr>\n" for row in written))  # noqa: S704  (every cell is escaped)


def _ids(connection: Connection, listed: GuestList, selected: Collection[int], form: Format) -> list[int]:
    """Return the registrations of an export in their order: the selected ones, or all of the filter without any."""
    filters = listed.filters
    if selected:
        filters = GuestFilters(state="all", sort=filters.sort, is_descending=filters.is_descending)
    if form == "print":  # a list on paper is for looking up a name
        filters = replace(filters, sort="name", is_descending=False)
    ids = guest_ids(connection, listed.scope, filters, MAX_ROWS)
    return [seat for seat in ids if seat in selected] if selected else ids


def _check(export: Export, form: Format) -> None:
    if not export.columns:
        raise Invalid({"columns": gettext("Choose at least one column.")})
    if form == "print" and len(export.ids) > MAX_PRINTED:
        sentence = gettext("At most {count} guests fit on a printed list. Narrow the list down first.")
        raise Invalid({"format": sentence.format(count=MAX_PRINTED)})


def _sentence(refusal: Refused | None) -> str:
    if isinstance(refusal, Invalid):
        return next(iter(refusal.fields.values()))
    return refusal.message if refusal else ""


def _headers(name: str) -> dict[str, str]:
    return {**NO_STORE, "content-disposition": f'attachment; filename="{name}"'}


def _format(name: str) -> Format:
    for form in FORMATS:
        if form == name:
            return form
    raise NotFound


def first_chosen(columns: list[Column], *, for_paper: bool) -> frozenset[str]:
    """Return the names of the columns that are chosen at first."""
    return frozenset(one.name for one in columns if (one.is_printed if for_paper else one.is_chosen))

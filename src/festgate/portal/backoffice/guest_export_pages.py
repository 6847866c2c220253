"""The organisers' pages that export guests: columns and format are chosen, then the file or the printed list."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_ids, read_parameters, read_query
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.bulk_actions import MAX_SELECTED
from festgate.portal.backoffice.guest_columns import cell_text, chosen_columns, export_columns, first_chosen
from festgate.portal.backoffice.guest_export_files import ExportFiles
from festgate.portal.backoffice.guest_exports import (
    FORMATS,
    MAX_PRINTED,
    Export,
    Format,
    begin_export,
    export_rows,
    plan_export,
)
from festgate.portal.backoffice.guest_filters import MAX_VALUE
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
from festgate.portal.backoffice.guest_queries import count_guests

COLUMN: Final = "column_"
"""The beginning of a tick box's name, followed by that of the column."""
MAX_FIELDS: Final = 120
MAX_FIELD: Final = 2_000


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
            zone = self._portal.settings.zone
            return listed, plan_export(connection, listed, columns, selected, form, zone)

        listed, export = await self._portal.database.report(read)
        try:
            await self._portal.database.write(
                begin_export, self._portal.actor(request), export, form, listed.name
            )
        except Refused as refusal:
            return await self._form(request, fields, selected, refusal, names)
        if form == "print":
            return await self._print(request, listed, export)
        check = partial(self._portal.check_again, request, "guests.export", lists_assigned=True)
        visitor = self._portal.known(request)
        return ExportFiles(self._portal, listed, export).response(request, visitor, form, check)

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


def _printed_rows(connection: Connection, export: Export) -> Markup:
    """Return the rows of the table, written on the thread of the report: a template would hold the event loop."""
    rows = (cells for portion in export.portions() for cells in export_rows(connection, export, portion))
    written = ("".join(f"<td>{escape(cell_text(cell))}</td>" for cell in cells) for cells in rows)
    return Markup("".join(f"<tr>{row}</tr>\n" for row in written))  # noqa: S704  (every cell is escaped)


def _sentence(refusal: Refused | None) -> str:
    if isinstance(refusal, Invalid):
        return next(iter(refusal.fields.values()))
    return refusal.message if refusal else ""


def _format(name: str) -> Format:
    for form in FORMATS:
        if form == name:
            return form
    raise NotFound

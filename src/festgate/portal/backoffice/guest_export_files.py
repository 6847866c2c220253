"""The files of exported guests, for pages and the API: CSV that is streamed, and a workbook that a process builds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from festgate.kit.db.database import Database
from festgate.kit.errors import Refused
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.backoffice.guest_exports import (
    Export,
    csv_end,
    csv_heading,
    csv_portion,
    sheet_heading,
    sheet_portion,
)
from festgate.portal.backoffice.guest_list import GuestList
from festgate.portal.backoffice.workbooks import built_workbook, pieces_of, turn_of

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FileFormat: TypeAlias = Literal["csv", "xlsx"]
Check: TypeAlias = Callable[[], Awaitable[None]]
"""A function that raises Refused if the export has to end: its reader is signed out, or may not read it any more."""


class ExportFiles:
    """An export as a file."""

    def __init__(self, portal: Portal, listed: GuestList, export: Export) -> None:
        """Take the list, which names the file, and the rows and columns of it that are exported."""
        self._portal = portal
        self._listed = listed
        self._export = export

    def response(self, request: Request, reader: Visitor, form: FileFormat, check: Check) -> Response:
        """Return the response with the file; `check` is called before each portion of rows."""
        name = f"{self._listed.name}-guests.{form}"
        if form == "csv":
            pieces = csv_pieces(self._portal.database, self._export, check)
            return StreamingResponse(pieces, 200, _headers(name), f"{CSV}; charset=utf-8")
        lines = sheet_lines(self._portal.database, self._export, self._listed.title, check)
        return WorkbookResponse(self._portal, request, lines, reader, name)


class WorkbookResponse(Response):
    """A workbook that a child process builds before it is sent.

    The build is part of sending the response: the time limit of a page, and the place in the office's budget, end
    before it.
    """

    def __init__(
        self, portal: Portal, request: Request, lines: AsyncIterator[str], reader: Visitor, name: str
    ) -> None:
        """Take the lines of the workbook, the person that it is built for, and the name of the file."""
        self._portal = portal
        self._request = request
        self._lines = lines
        self._reader = reader
        self._name = name
        super().__init__()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Build and send the workbook, or the page or problem of an error."""
        database = self._portal.database
        try:
            async with turn_of(database, self._reader.person), built_workbook(self._lines) as path:
                headers = {**_headers(self._name), "content-length": str(path.stat().st_size)}
                await StreamingResponse(pieces_of(path), 200, headers, XLSX)(scope, receive, send)
        except Refused as refusal:
            await (await self._portal.refusal(self._request, refusal))(scope, receive, send)


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


def _headers(name: str) -> dict[str, str]:
    return {**NO_STORE, "content-disposition": f'attachment; filename="{name}"'}

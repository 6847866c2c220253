"""The organisers' pages of the answers of an event's guests."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.web.downloads import download
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.backoffice.answer_list import answer_table, written_table
from festgate.portal.registrations import facade as registrations


class AnswerListPages:
    """Pages for organisers about answers."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        event = "/organise/events/{slug}"
        return [
            guard("guests.view", f"{event}/answers", self.show_answers),
            guard("guests.export", f"{event}/answers.csv", self.export_answers),
            guard("guests.view", "/organise/files/{file}", self.send_file),
        ]

    async def show_answers(self, request: Request) -> Response:
        """Show the answers of the guests of an event."""
        shown = await self._portal.database.report(answer_table, read_path(request, "slug"))
        return await self._portal.page(request, "backoffice/answers.html", section="organise", shown=shown)

    async def export_answers(self, request: Request) -> Response:
        """Send the answers of the guests of an event as CSV."""
        slug = read_path(request, "slug")
        read = partial(answer_table, exported=True)
        answers = await self._portal.database.report(read, slug)
        named = {"content-disposition": f'attachment; filename="{answers.event.slug}-answers.csv"'}
        # The mark at the beginning lets a spreadsheet read the letters of every script.
        text = "\ufeff" + written_table(answers)
        return Response(text.encode(), 200, {**NO_STORE, **named}, "text/csv; charset=utf-8")

    async def send_file(self, request: Request) -> Response:
        """Send a file that a guest uploaded."""
        stored = await self._portal.database.read(registrations.any_file, read_id(request, "file"))
        return download(stored.name, stored.content_type, stored.content)

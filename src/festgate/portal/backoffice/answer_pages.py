"""The organisers' pages of the answers of an event's guests."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.web.downloads import download
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.answer_list import answer_table, written_table
from festgate.portal.registrations import facade as registrations


class AnswerListPages:
    """Pages for organisers about answers."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        event = "/organise/events/{slug}"
        return [
            Route(f"{event}/answers", self.show_answers, methods=["GET"]),
            self._portal.guard("guests.export", f"{event}/answers.csv", self.export_answers, sensitive=True),
            Route("/organise/files/{file}", self.send_file, methods=["GET"]),
        ]

    async def show_answers(self, request: Request) -> Response:
        """Show the answers of the guests of an event."""
        await self._portal.organiser(request)
        shown = await self._portal.database.report(answer_table, read_path(request, "slug"))
        return await self._portal.page(request, "backoffice/answers.html", section="organise", shown=shown)

    async def export_answers(self, request: Request) -> Response:
        """Send the answers of the guests of an event as CSV."""
        organiser = await self._portal.organiser(request)
        actor = self._portal.actor(request)
        slug = read_path(request, "slug")
        read = partial(answer_table, exported=True)
        await self._portal.database.write(accounts.allow_use, organiser.person, "export")
        answers = await self._portal.database.report(read, slug)

        def note(connection: Connection) -> None:
            event, rows = answers.event, len(answers.guests)
            audit.record(connection, actor, "answers.exported", event.title, event_id=event.id, rows=rows)

        await self._portal.database.write(note)
        named = {"content-disposition": f'attachment; filename="{answers.event.slug}-answers.csv"'}
        # The mark at the beginning lets a spreadsheet read the letters of every script.
        text = "\ufeff" + written_table(answers)
        return Response(text.encode(), 200, {**NO_STORE, **named}, "text/csv; charset=utf-8")

    async def send_file(self, request: Request) -> Response:
        """Send a file that a guest uploaded."""
        await self._portal.organiser(request)
        stored = await self._portal.database.read(registrations.any_file, read_id(request, "file"))
        return download(stored.name, stored.content_type, stored.content)

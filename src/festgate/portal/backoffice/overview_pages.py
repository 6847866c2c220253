"""The organisers' pages of one event: its overview, and its check-ins."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.translation import gettext
from festgate.kit.web.parameters import read_header, read_path, read_query
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.backoffice.dashboard_pages import MAX_ETAG, etag_of
from festgate.portal.backoffice.event_steps import DONE, offered_steps
from festgate.portal.backoffice.overview import read_check_ins, read_overview

MAX_STEP = 20
"""Characters of the name of a step."""


class OverviewPages:
    """The first of the tabs of an event, and the one about its check-ins."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("office", "/organise/events/{slug}", self.show),
            guard("office", "/organise/events/{slug}/check-in", self.show_check_ins),
        ]

    async def show(self, request: Request) -> Response:
        """Answer with the numbers of the event, what needs attention, and what can be done."""
        visitor = await self._portal.signed_in(request)
        shown = await self._portal.database.report(
            read_overview, read_path(request, "slug"), visitor, self._portal.settings, self._writing
        )
        tag = etag_of((self._writing.year(), visitor.role, shown))
        if read_header(request, "if-none-match", MAX_ETAG) == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**NO_STORE, "etag": tag})
        return await self._portal.page(
            request,
            "backoffice/overview.html",
            section="organise",
            headers={"etag": tag},
            shown=shown,
            event=shown.event,
            warnings=shown.warnings,
            steps=offered_steps(shown.event, self._portal.database.clock(), visitor.may),
            tag=tag,
            notice=_notice(read_query(request, "done", MAX_STEP)),
        )

    async def show_check_ins(self, request: Request) -> Response:
        """Answer with the check-ins of the event by hour."""
        shown = await self._portal.database.report(
            read_check_ins, read_path(request, "slug"), self._portal.settings, self._writing
        )
        return await self._portal.page(
            request, "backoffice/check_in.html", section="organise", shown=shown, event=shown.event
        )


def _notice(done: str) -> str:
    return gettext(DONE[done]) if done in DONE else ""

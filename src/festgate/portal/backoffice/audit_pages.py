"""The page of the audit log."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.audit_log import (
    MAX_VALUE,
    AskedFilters,
    Choices,
    LogPage,
    read_choices,
    read_log,
    read_page,
)

NAMES = ("q", "action", "person", "event", "day")


class AuditPages:
    """The page of the audit log, for those with that permission."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._zone = portal.settings.zone

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [self._portal.guard("audit", "/organise/audit", self.show_log)]

    async def show_log(self, request: Request) -> Response:
        """Show a page of the entries that fit the filters, newest first."""
        asked = AskedFilters(**{name: read_query(request, name, MAX_VALUE).strip() for name in NAMES})
        number = read_query(request, "page", MAX_VALUE) or "1"
        errors: Mapping[str, str] = {}

        def read(connection: Connection) -> tuple[LogPage, Choices]:
            return read_log(connection, asked, self._zone, read_page(number)), read_choices(connection)

        try:
            log, choices = await self._portal.database.report(read)
        except Invalid as refusal:
            errors = refusal.fields
            log, choices = LogPage((), 0, 1, 1), await self._portal.database.report(read_choices)
        return await self._portal.page(
            request,
            "backoffice/audit.html",
            status=Invalid.status if errors else 200,
            section="organise",
            log=log,
            asked=asked,
            actions=[("", gettext("All actions")), *choices.actions],
            people=[("", gettext("Everybody")), *choices.people],
            events=[("", gettext("All events")), *choices.events],
            errors=errors,
            href=lambda page: f"/organise/audit?{urlencode(_given(asked) | {'page': str(page)})}",
            max_length=MAX_VALUE,
        )


def _given(asked: AskedFilters) -> dict[str, str]:
    """Return the filters that are set."""
    return {name: value for name, value in asdict(asked).items() if value}

"""HTML routes of visitors on waiting lists and with applications: join and leave."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.errors import Invalid
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ChooseTicket,
    ListClosed,
    SeatsAvailable,
    TooManyTickets,
)
from festgate.portal.registrations.waiting_list import join, leave

MAX_DIGITS = 15


class WaitingPages:
    """HTML routes of waiting lists and applications."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/events/{slug}/wait", self.join, methods=["POST"]),
            Route("/waiting/{id}/leave", self.leave, methods=["POST"]),
        ]

    async def join(self, request: Request) -> Response:
        """Join the waiting list of an event, or apply for it, and lead to the event's page, which shows the place."""
        portal = self._portal
        visitor = await portal.signed_in(request)
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        page = f"/events/{quote(slug)}"
        try:
            await portal.database.write(
                join,
                visitor.person,
                slug,
                _number(fields.get("quantity", "1")) or 0,
                _number(fields.get("ticket", "")),
                fields.get("message", ""),
                needs_confirmed=portal.settings.confirms_email and not visitor.is_confirmed,
            )
        except (ChooseTicket, ListClosed, SeatsAvailable, TooManyTickets) as refusal:
            return see_other(f"{page}?{catalogue.PROBLEM}={refusal.code}")
        except AlreadyRegistered:
            return see_other(f"{page}?{catalogue.ALREADY}=1")
        except ValueError as error:
            raise Invalid({"message": str(error)}) from None
        return see_other(page)

    async def leave(self, request: Request) -> Response:
        """Leave a waiting list, or withdraw an application."""
        database = self._portal.database
        visitor = await self._portal.signed_in(request)
        entry_id = read_id(request, "id")
        await database.write(leave, visitor.person, entry_id)
        entry = await database.read(line.entry_by_id, entry_id)
        return see_other(f"/events/{quote(entry.slug)}")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None

"""The organisers' pages of guests: of one event, and of the whole fest."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.web.downloads import download
from festgate.kit.web.parameters import has_parameter, read_id, read_parameters, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.backoffice.guest_filters import MAX_VALUE, MAX_WORDS_LENGTH, PAYMENTS
from festgate.portal.backoffice.guest_list import open_list, page_of_guests
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

PLACES = ("/organise/events/{slug}/guests", "/organise/guests")
"""The addresses of the list of an event and of that of the fest, to which further words are added."""


MAX_WHICH = 20
"""Characters of the choice between selected guests and all."""


class GuestPages:
    """The lists of guests, and the files that guests uploaded as answers."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        event = "/organise/events/{slug}"
        return [
            *(guard("guests.view", place, self.show_guests, lists_assigned=True) for place in PLACES),
            guard("guests.view", f"{event}/files/{{file}}", self.send_file),
            guard("guests.view", "/organise/files/{file}", self.send_any_file),
            # The addresses of the table of answers, which this list has become.
            guard("guests.view", f"{event}/answers", self.move_to_guests),
            guard("guests.export", f"{event}/answers.csv", self.move_to_export),
        ]

    async def show_guests(self, request: Request) -> Response:
        """Show the guests, with filters, a search, and actions on many of them."""
        slug, lead = await list_of(self._portal, request)
        methods = tuple(self._portal.settings.payment_methods)
        shown = await self._portal.database.report(
            page_of_guests, slug, lead, read_parameters(request, MAX_VALUE), methods
        )
        return await self._portal.page(
            request,
            "backoffice/guests.html",
            section="organise",
            shown=shown,
            listed=shown.listed,
            max_length=MAX_WORDS_LENGTH,
            payment_names=PAYMENTS,
            is_none_selected=read_query(request, "none", 1) != "",
        )

    async def send_file(self, request: Request) -> Response:
        """Send a file that a guest of the event uploaded."""
        event = await self._portal.database.read(catalogue.any_event_by_slug, read_path(request, "slug"))
        stored = await self._portal.database.read(
            registrations.file_of_event, event.id, read_id(request, "file")
        )
        return download(stored.name, stored.content_type, stored.content)

    async def send_any_file(self, request: Request) -> Response:
        """Send a file that a guest uploaded, whatever the event."""
        stored = await self._portal.database.read(registrations.any_file, read_id(request, "file"))
        return download(stored.name, stored.content_type, stored.content)

    async def move_to_guests(self, request: Request) -> Response:
        """Send the browser to the guests of the event, whose list has the answers."""
        return see_other(f"/organise/events/{quote(read_path(request, 'slug'))}/guests")

    async def move_to_export(self, request: Request) -> Response:
        """Send the browser to the page that exports the guests of the event, with their answers."""
        return see_other(f"/organise/events/{quote(read_path(request, 'slug'))}/guests/export")


async def list_of(portal: Portal, request: Request) -> tuple[str | None, int | None]:
    """Return the slug of the event of the address, None for the fest, and the person if they are a lead."""
    visitor = await portal.signed_in(request)
    slug = read_path(request, "slug") if has_parameter(request, "slug") else None
    return slug, visitor.person if visitor.role == "lead" else None


async def none_selected(portal: Portal, request: Request) -> Response:
    """Return to the list with a sentence, for an action on selected guests without any."""
    slug, lead = await list_of(portal, request)
    listed = await portal.database.report(open_list, slug, lead, read_parameters(request, MAX_VALUE))
    return see_other(listed.address + listed.filters.query(none="1"))


def read_selected(text: str, max_count: int) -> tuple[int, ...]:
    """Return the ids that a form has as one field, such as `3,12`; those that are no numbers are left out."""
    parts = text.split(",", max_count)[:max_count]
    return tuple(int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) <= 15)  # noqa: PLR2004


def written_selected(ids: tuple[int, ...]) -> str:
    """Return the ids as one field of a form."""
    return ",".join(map(str, ids))


def hidden(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return fields that a form repeats, in a fixed order."""
    return sorted(fields.items())

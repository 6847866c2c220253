"""HTML routes for everyone: the fest's first page, the list of events, one event and its calendar entry."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from http import HTTPStatus

from babel.dates import format_date
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.translation import gettext, ngettext
from festgate.kit.web.forms import checked
from festgate.kit.web.pages import MAX_KEPT, Writing
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal
from festgate.kit.web.routing import moved
from festgate.portal.catalogue import offers, queries
from festgate.portal.catalogue.calendars import calendar
from festgate.portal.catalogue.forms import ListForm
from festgate.portal.catalogue.offers import LapsedHolds, offer_of
from festgate.portal.catalogue.programme import Programme
from festgate.portal.catalogue.queries import NO_FILTERS, PAGE_SIZE, Filters, ListedEvent, Programmes
from festgate.portal.catalogue.view_models import EventPage, HomePage, ListPage, card_of, event_page

TO = "\N{EN DASH}"
MAX_DATED = 62
"""Days of the longest fest whose dates are written with days; a longer one is dated by its months."""


class CataloguePages:
    """HTML routes of events. But for its header a page is the same for all, so it is kept until its content changes."""

    def __init__(self, portal: Portal, find_lapses: Callable[[Connection], LapsedHolds]) -> None:
        """Take the query of ended holds, which comes from the module above that keeps holds."""
        self._portal = portal
        self._find_lapses = find_lapses
        self._zone = portal.settings.zone
        self._writing = Writing(portal.settings)
        self._by_row: dict[tuple[ListedEvent, str, int, str], Markup] = {}
        self._programmes = Programmes(self._zone)

    def routes(self) -> list[Route]:
        """Return the routes of this module. The calendar's comes first, so that `.ics` is not read as a slug."""
        return [
            Route("/", self.show_home, methods=["GET"]),
            Route("/events", self.show_list, methods=["GET"]),
            Route("/events/{slug}.ics", self.show_calendar, methods=["GET"]),
            Route("/events/{slug}", self.show_event, methods=["GET"]),
            Route("/events/{slug}/", self.show_without_slash, methods=["GET"]),
        ]

    async def show_home(self, request: Request) -> Response:
        """Show the fest: its name, its dates, and the next events."""
        return await self._portal.kept_page(
            request, "home", self._read_home, "catalogue/home.html", public=True
        )

    async def show_list(self, request: Request) -> Response:
        """Show the list of events, filtered and in pages."""
        # Most visitors open the plain list, and parsing absent filters costs as much as the rest of the page.
        has_query = request.scope["query_string"]
        filters = checked(ListForm, request.query_params).filters() if has_query else NO_FILTERS
        read = partial(self._read_list, filters)
        if filters.words:
            # There are as many searches as visitors: kept, they would displace the pages that everyone opens.
            return await self._portal.page(
                request, "catalogue/events.html", shown=await read(), section="events"
            )
        return await self._portal.kept_page(
            request, ("events", filters), read, "catalogue/events.html", public=True, section="events"
        )

    async def show_event(self, request: Request) -> Response:
        """Show an event, with the button to register."""
        slug = read_path(request, "slug")
        try:
            return await self._portal.kept_page(
                request,
                ("event", slug),
                partial(self._read_event, slug),
                "catalogue/event.html",
                public=True,
                section="events",
            )
        except NotFound:
            if slug == slug.lower():
                raise
            return moved(request.scope, f"/events/{await self._find_slug(slug)}")

    async def show_without_slash(self, request: Request) -> Response:
        """Redirect to the event's page."""
        return moved(request.scope, f"/events/{await self._find_slug(read_path(request, 'slug'))}")

    async def show_calendar(self, request: Request) -> Response:
        """Return the event as a file for calendars."""
        portal = self._portal
        slug = read_path(request, "slug")
        try:
            event = await portal.database.read(queries.event_by_slug, slug)
        except NotFound:
            if slug == slug.lower():
                raise
            return moved(request.scope, f"/events/{await self._find_slug(slug)}.ics")
        text = calendar(event, portal.settings.base_url, portal.settings.fest_name)
        headers = {
            "cache-control": "no-cache",
            "content-disposition": f'attachment; filename="{event.slug}.ics"',
        }
        return Response(text, HTTPStatus.OK, headers, "text/calendar; charset=utf-8")

    async def _find_slug(self, text: str) -> str:
        """Return the slug of the event whose address was written with capitals. Raises NotFound if there is none."""
        return (await self._portal.database.read(queries.event_by_slug, text.lower())).slug

    async def _read_home(self) -> HomePage:
        def read(connection: Connection) -> tuple[Programme, list[ListedEvent], LapsedHolds, Milliseconds]:
            programme = self._programmes.find(connection)
            return (
                programme,
                queries.find_on_next(connection, programme),
                self._find_lapses(connection),
                connection.now,
            )

        programme, listed, lapsed, now = await self._portal.database.read(read)
        locale = self._portal.settings.locale
        return HomePage(
            dates_of(programme.first_day, programme.last_day, locale),
            programme.count_ahead(now),
            self._cards(listed, lapsed, now, "h3"),
            min(programme.until(now), lapsed.next_at),
        )

    async def _read_list(self, filters: Filters) -> ListPage:
        def read(
            connection: Connection,
        ) -> tuple[Programme, int, list[ListedEvent], LapsedHolds, Milliseconds]:
            programme = self._programmes.find(connection)
            total = queries.count_listed(connection, filters, programme, self._zone)
            listed = queries.find_listed(connection, filters, programme, self._zone)
            return programme, total, listed, self._find_lapses(connection), connection.now

        programme, total, listed, lapsed, now = await self._portal.database.read(read)
        pages = pages_of(total, filters)
        # The form shows the chosen day and category even if the programme does not have them (any more).
        days = sorted({*programme.days, *([filters.day] if filters.day else [])})
        categories = {*programme.categories, *([filters.category] if filters.category else [])}
        return ListPage(
            filters,
            pages,
            total,
            (
                ("", gettext("All")),
                *((category, category) for category in sorted(categories, key=str.casefold)),
            ),
            (("", gettext("Every day")), *((day.isoformat(), self._writing.day(day)) for day in days)),
            self._cards(listed, lapsed, now, "h2"),
            min(programme.until(now), lapsed.next_at),
        )

    async def _read_event(self, slug: str) -> EventPage:
        def read(connection: Connection) -> tuple[queries.Event, LapsedHolds, Milliseconds]:
            return queries.event_by_slug(connection, slug), self._find_lapses(connection), connection.now

        event, lapsed, now = await self._portal.database.read(read)
        return event_page(
            event,
            offer_of(event, lapsed.seats, now),
            self._portal.settings.hold_minutes,
            offers.until(event, lapsed, now),
        )

    def _cards(
        self, listed: Iterable[ListedEvent], lapsed: LapsedHolds, now: Milliseconds, heading: str
    ) -> tuple[Markup, ...]:
        """Return the cards of a list. In a rush all but one or two are unchanged, and are looked up by their row."""
        cards: list[Markup] = []
        for event in listed:
            offer = offer_of(event, lapsed.seats, now)
            key = (event, offer.state, offer.left, heading)
            card = self._by_row.get(key)
            if card is None:
                card = self._portal.pages.fragment("catalogue/card.html", card_of(event, offer, heading))
                if len(self._by_row) >= MAX_KEPT:
                    self._by_row.clear()
                self._by_row[key] = card
            cards.append(card)
        return tuple(cards)


def pages_of(total: int, filters: Filters) -> int:
    """Return how many pages the list has, at least one. Raises NotFound for a page after the last."""
    pages = max(1, -(-total // PAGE_SIZE))
    if filters.page > pages:
        msg = ngettext(
            "The list has {count} page; there is no page {page}.",
            "The list has {count} pages; there is no page {page}.",
            pages,
        ).format(count=pages, page=filters.page)
        raise NotFound(msg)
    return pages


def dates_of(first: date | None, last: date | None, locale: str) -> tuple[str, str] | None:
    """Return the fest's dates in two short lines, `13-15` (with a dash) and `March 2026`; None without dates."""
    if first is None or last is None:
        return None
    years = f"{first.year}" if first.year == last.year else f"{first.year}{TO}{last.year % 100:02}"
    month, last_month = (format_date(day, "LLL", locale=locale) for day in (first, last))
    if (last - first).days > MAX_DATED:
        return years, f"{month}{TO}{last_month}"
    days = f"{first.day}" if first == last else f"{first.day}{TO}{last.day}"
    if (first.year, first.month) == (last.year, last.month):
        return days, format_date(first, "LLLL y", locale=locale)
    return days, f"{month}{TO}{last_month} {years}"

"""The pages that everyone sees: the fest, the list of events, one event and its calendar entry."""

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
from festgate.kit.web.forms import checked
from festgate.kit.web.pages import MAX_KEPT
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import listing, offers, queries
from festgate.portal.catalogue.calendars import calendar
from festgate.portal.catalogue.forms import ListForm
from festgate.portal.catalogue.listing import NO_FILTERS, PAGE_SIZE, Entry, Filters, Programme, Programmes
from festgate.portal.catalogue.offers import Lapsed, offer_of
from festgate.portal.catalogue.shown import EventPage, HomePage, ListPage, card_of, event_page

TO = "\N{EN DASH}"
MAX_DATED = 62
"""Days that a fest may last for its dates to be days; a programme longer than two months is dated by its months."""


class CataloguePages:
    """Every page here is the same for all visitors but for the header, so each is kept until what it shows changes."""

    def __init__(self, portal: Portal, find_lapses: Callable[[Connection], Lapsed]) -> None:
        """`find_lapses` tells the seats that ended holds have freed; it comes from the module that keeps holds."""
        self._portal = portal
        self._find_lapses = find_lapses
        self._zone = portal.settings.zone
        self._by_row: dict[tuple[Entry, str, int, str], Markup] = {}
        self._programmes = Programmes(self._zone)

    def routes(self) -> list[Route]:
        """The routes of this module; that of the calendar stands first, as a slug has no dot."""
        return [
            Route("/", self.show_home, methods=["GET"]),
            Route("/events", self.show_list, methods=["GET"]),
            Route("/events/{slug}.ics", self.show_calendar, methods=["GET"]),
            Route("/events/{slug}", self.show_event, methods=["GET"]),
        ]

    async def show_home(self, request: Request) -> Response:
        """The fest: its name, its dates, and what is on next."""
        return await self._portal.kept_page(
            request, "home", self._look_home, "catalogue/home.html", public=True
        )

    async def show_list(self, request: Request) -> Response:
        """The list of events, filtered and in pages."""
        # Most ask for the plain list, and reading no filters at all costs as much as the rest of the page.
        asked = request.scope["query_string"]
        filters = checked(ListForm, request.query_params).filters() if asked else NO_FILTERS
        look = partial(self._look_list, filters)
        if filters.words:
            # Searches are as many as people; kept, they would push out the pages that everyone asks for.
            return await self._portal.page(
                request, "catalogue/events.html", shown=await look(), section="events"
            )
        return await self._portal.kept_page(
            request, ("events", filters), look, "catalogue/events.html", public=True, section="events"
        )

    async def show_event(self, request: Request) -> Response:
        """One event, and the way to register."""
        slug = read_path(request, "slug")
        return await self._portal.kept_page(
            request,
            ("event", slug),
            partial(self._look_event, slug),
            "catalogue/event.html",
            public=True,
            section="events",
        )

    async def show_calendar(self, request: Request) -> Response:
        """The event for a calendar."""
        portal = self._portal
        slug = read_path(request, "slug")
        event = await portal.database.read(queries.event_by_slug, slug)
        text = calendar(event, portal.settings.base_url, portal.settings.fest_name)
        headers = {
            "cache-control": "no-cache",
            "content-disposition": f'attachment; filename="{event.slug}.ics"',
        }
        return Response(text, HTTPStatus.OK, headers, "text/calendar; charset=utf-8")

    async def _look_home(self) -> HomePage:
        def read(connection: Connection) -> tuple[Programme, list[Entry], Lapsed, Milliseconds]:
            programme = self._programmes.find(connection)
            return (
                programme,
                listing.find_on_next(connection, programme),
                self._find_lapses(connection),
                connection.now,
            )

        programme, entries, lapsed, now = await self._portal.database.read(read)
        locale = self._portal.settings.locale
        return HomePage(
            dates_of(programme.first_day, programme.last_day, locale),
            programme.count_ahead(now),
            self._cards(entries, lapsed, now, "h3"),
            min(programme.until(now), lapsed.next_at),
        )

    async def _look_list(self, filters: Filters) -> ListPage:
        def read(connection: Connection) -> tuple[Programme, int, list[Entry], Lapsed, Milliseconds]:
            programme = self._programmes.find(connection)
            total = listing.count_entries(connection, filters, programme, self._zone)
            entries = listing.find_entries(connection, filters, programme, self._zone)
            return programme, total, entries, self._find_lapses(connection), connection.now

        programme, total, entries, lapsed, now = await self._portal.database.read(read)
        pages = pages_of(total, filters)
        # The form shows what was asked for, also where the programme has no such day or category (any more).
        days = {*programme.days, *([filters.day] if filters.day else [])}
        categories = {*programme.categories, *([filters.category] if filters.category else [])}
        return ListPage(
            filters,
            pages,
            total,
            tuple(sorted(categories, key=str.casefold)),
            tuple(sorted(days)),
            self._cards(entries, lapsed, now, "h2"),
            min(programme.until(now), lapsed.next_at),
        )

    async def _look_event(self, slug: str) -> EventPage:
        def read(connection: Connection) -> tuple[queries.Event, Lapsed, Milliseconds]:
            return queries.event_by_slug(connection, slug), self._find_lapses(connection), connection.now

        event, lapsed, now = await self._portal.database.read(read)
        return event_page(
            event,
            offer_of(event, lapsed.seats, now),
            self._portal.settings.hold_minutes,
            offers.until(event, lapsed, now),
        )

    def _cards(
        self, entries: Iterable[Entry], lapsed: Lapsed, now: Milliseconds, heading: str
    ) -> tuple[Markup, ...]:
        """The cards of a list; in a rush all but one or two are those of the look before, found by their row."""
        cards: list[Markup] = []
        for entry in entries:
            offer = offer_of(entry, lapsed.seats, now)
            key = (entry, offer.state, offer.left, heading)
            found = self._by_row.get(key)
            if found is None:
                shown = card_of(entry, offer, heading)
                found = self._portal.pages.fragment("catalogue/card.html", shown)
                if len(self._by_row) >= MAX_KEPT:
                    self._by_row.clear()
                self._by_row[key] = found
            cards.append(found)
        return tuple(cards)


def pages_of(total: int, filters: Filters) -> int:
    """How many pages the list has, at least one. Raises NotFound for a page beyond the last."""
    pages = max(1, -(-total // PAGE_SIZE))
    if filters.page > pages:
        has = "1 page" if pages == 1 else f"{pages} pages"
        msg = f"The list has {has}; there is no page {filters.page}."
        raise NotFound(msg)
    return pages


def dates_of(first: date | None, last: date | None, locale: str) -> tuple[str, str] | None:
    """The dates of the fest in two short lines: `13-15` (with a dash) and `March 2026`; None where it has none."""
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

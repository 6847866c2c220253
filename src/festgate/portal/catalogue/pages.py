"""HTML routes for everyone: the fest's first page, the list of events, one event and its calendar entry."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus

import structlog
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.translation import N_, gettext, ngettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked
from festgate.kit.web.pages import MAX_KEPT
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal
from festgate.kit.web.routing import moved
from festgate.kit.writing import unbroken
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import offers, queries
from festgate.portal.catalogue.calendars import calendar
from festgate.portal.catalogue.code_attempts import code_limits, try_code
from festgate.portal.catalogue.errors import CodeNotValid
from festgate.portal.catalogue.forms import ListForm
from festgate.portal.catalogue.offers import LapsedHolds, offer_of
from festgate.portal.catalogue.overlaps import Timed, overlaps_of
from festgate.portal.catalogue.own_seats import (
    ACCESS,
    ALREADY,
    CODE,
    PROBLEM,
    OwnPart,
    OwnSeat,
    SeatQueries,
)
from festgate.portal.catalogue.programme import Programme
from festgate.portal.catalogue.promo_codes import MAX_CODE, PromoCode, takes_codes
from festgate.portal.catalogue.queries import NO_FILTERS, PAGE_SIZE, Filters, ListedEvent, Programmes
from festgate.portal.catalogue.ticket_offers import needs_choice, next_change, tax_of_event, ticket_offers
from festgate.portal.catalogue.ticket_types import TicketType, types_of_event
from festgate.portal.catalogue.view_models import EventPage, HomePage, ListPage, card_of, event_page

log = structlog.get_logger()

PROBLEMS: Mapping[str, str] = {
    "choose-ticket": N_("Choose at least one ticket, and not more of a type than the list offers."),
    "too-many-tickets": N_("One person cannot have so many tickets for this event."),
    "price-changed": N_("The price has changed since you opened the page. Check it and try again."),
    "code-unknown": N_("There is no such promo code for this event. Check the spelling."),
    "code-not-valid": N_("This promo code cannot be used any more."),
    "code-not-for-tickets": N_("This promo code is not for the tickets that you chose."),
    "team-name": N_("Enter the name of your team, with at most 60 characters."),
    "team-name-taken": N_("Another team at this event has this name. Choose another one."),
    "already-in-team": N_("You are already in a team at this event. Each person can be in one."),
    "seats-available": N_("There are free seats, so you need not wait."),
    "list-closed": N_("Nobody can join the waiting list of this event at the moment."),
    "price-too-low": N_("Choose a price that is not below the least price of the ticket."),
}
"""The sentence about a form that could not be accepted, by the code of its error."""
MAX_ACCESS_KEY = 40
"""Characters of the key in the link to a hidden ticket type."""
MAX_ENTERED_CODE = 2 * MAX_CODE
"""Characters of a promo code as it is entered, perhaps with spaces."""


class CataloguePages:
    """HTML routes of events. But for its header a page is the same for all, so it is kept until its content changes."""

    def __init__(
        self, portal: Portal, find_lapses: Callable[[Connection], LapsedHolds], seats: SeatQueries
    ) -> None:
        """Take the queries of ended holds and of a visitor's seats, which come from the modules above."""
        self._portal = portal
        self._find_lapses = find_lapses
        self._seats = seats
        self._zone = portal.settings.zone
        self._writing = portal.pages.writing
        self._by_row: dict[tuple[ListedEvent, str, str, int], Markup] = {}
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
        """Show an event, with the button to register or the visitor's own seat.

        Anonymous visitors, and those without a seat that concerns the event, get the same page from memory.
        """
        slug = read_path(request, "slug")
        try:
            return await self._show_event(request, slug)
        except NotFound:
            if slug == slug.lower():
                raise
            return moved(request.scope, f"/events/{await self._find_slug(slug)}")

    async def _show_event(self, request: Request, slug: str) -> Response:
        portal = self._portal
        visitor = await portal.visitor(request)
        for_guests = visitor is None and portal.settings.guest_checkout
        read = partial(self._read_event, slug, for_guests=for_guests)
        own = None if visitor is None else await self._find_own(visitor, slug)
        access_key = problem = entered = ""
        code: PromoCode | None = None
        if request.scope["query_string"]:
            access_key = read_query(request, ACCESS, MAX_ACCESS_KEY)
            sentence = PROBLEMS.get(read_query(request, PROBLEM, MAX_ACCESS_KEY))
            problem = gettext(sentence) if sentence else ""
            if entered := read_query(request, CODE, MAX_ENTERED_CODE).strip():
                code, refusal = await self._try_code(request, slug, entered, visitor)
                problem = refusal or problem
        held = own.held if own is not None else None
        if not (access_key or problem or code) and (
            own is None or not (own.seat or own.overlaps or own.place or own.is_unknown)
        ):
            return await portal.kept_page(
                request,
                ("event", slug, for_guests),
                read,
                "catalogue/event.html",
                public=True,
                section="events",
                held=held,
            )
        if own is not None:
            own = replace(own, is_second_try=read_query(request, ALREADY, 1) != "")
        return await portal.page(
            request,
            "catalogue/event.html",
            section="events",
            held=held,
            shown=replace(
                await self._read_event(slug, access_key, code, for_guests=for_guests),
                own=own,
                problem=problem,
                entered_code="" if code else entered,
            ),
        )

    async def _try_code(
        self, request: Request, slug: str, entered: str, visitor: Visitor | None
    ) -> tuple[PromoCode | None, str]:
        """Return the promo code that was entered, or the sentence about why it cannot be used."""
        person = None if visitor is None else visitor.person
        limits = code_limits(self._portal.secret, address_of(request.scope), person)
        try:
            code = await self._portal.database.write(try_code, slug, entered, person, limits)
        except (CodeNotValid, TooMany) as refusal:
            return None, refusal.message
        return code, "" if code else gettext(PROBLEMS["code-unknown"])

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
        first, last = programme.first_day, programme.last_day
        return HomePage(
            unbroken(self._writing.dates(first, last)) if first and last else "",
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

    async def _read_event(
        self, slug: str, access_key: str = "", code: PromoCode | None = None, *, for_guests: bool = False
    ) -> EventPage:
        def read(
            connection: Connection,
        ) -> tuple[queries.Event, tuple[TicketType, ...], bool, LapsedHolds, Milliseconds]:
            event = queries.event_by_slug(connection, slug)
            types = types_of_event(connection, event)
            has_codes = takes_codes(connection, event.id)
            return event, types, has_codes, self._find_lapses(connection), connection.now

        event, types, has_codes, lapsed, now = await self._portal.database.read(read)
        offer = offer_of(event, lapsed.seats, now)
        until = offers.until(event, lapsed, now)
        has_types = code is not None or needs_choice(event, types)
        page = event_page(
            event,
            offer,
            self._hold_minutes(for_guests=for_guests),
            min(until, next_change(types, now) or until),
            ticket_offers(event, types, offer, now, access_key, code) if has_types else (),
            access_key,
            None if has_types else tax_of_event(types),
        )
        return replace(
            page, takes_codes=has_codes, code="" if code is None else code.code, for_guests=for_guests
        )

    def _hold_minutes(self, *, for_guests: bool) -> int:
        """Return for how long a seat is held: for a guest, whose address nobody has confirmed, for a short time."""
        settings = self._portal.settings
        is_short = for_guests and settings.confirms_email
        return min(
            settings.hold_minutes, accounts.UNCONFIRMED_HOLD_MINUTES if is_short else settings.hold_minutes
        )

    async def _find_own(self, visitor: Visitor, slug: str) -> OwnPart:
        """Return the visitor's part of the page. It is left out where the modules above cannot provide it."""
        database, person = self._portal.database, visitor.person
        now = database.clock()
        try:
            seats = await database.recall(self._seats.live, person)
            # A pass has one seat with the same id at each of its events.
            held = len({seat.id for seat in seats if seat.state == "held"})
            here = [seat for seat in seats if seat.slug == slug]
            own = here[0] if here else None
            others = [seat for seat in seats if seat.slug != slug and seat.id != (own and own.id)]
            event: Timed | None = own
            if own is None and seats:  # most visitors have none, and the event need not be compared with them
                event = await database.recall(queries.event_by_slug, slug)
            overlaps = overlaps_of([event], others, now) if event is not None else ()
            ticket, order = await database.read(self._references, person, own) if own else (None, None)
            shown = await database.recall(queries.event_by_slug, slug)
            has_line = shown.waiting_list != "off" or shown.needs_approval
            place = await database.read(self._seats.place, person, slug) if has_line else None
        except Refused:  # no such event, or no database: the page cannot be shown either
            raise
        except Exception:
            log.exception("the seat of a visitor could not be read; the page of the event goes without")
            return OwnPart(now, 0, is_unknown=True)
        return OwnPart(now, held, own, ticket, order, overlaps, len(here), place=place)

    def _references(
        self, connection: Connection, person_id: int, seat: OwnSeat
    ) -> tuple[str | None, str | None]:
        """Return the ticket's code and the order's reference of a seat, as far as it can have them."""
        is_held = seat.state == "held"
        ticket = (
            self._seats.ticket_codes(connection, person_id).get(seat.id)
            if seat.state == "confirmed"
            else None
        )
        order = None if is_held else self._seats.order_refs(connection, person_id).get(seat.id)
        return ticket, order

    def _cards(
        self, listed: Iterable[ListedEvent], lapsed: LapsedHolds, now: Milliseconds, heading: str
    ) -> tuple[Markup, ...]:
        """Return the cards of a list. In a rush all but one or two are unchanged, and are looked up by their row."""
        cards: list[Markup] = []
        year = self._writing.year()
        for event in listed:
            offer = offer_of(event, lapsed.seats, now)
            key = (event, offer.state, heading, year)
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

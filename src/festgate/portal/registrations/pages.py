"""HTML routes: register for an event, cancel a registration, and list one's own events."""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.money import Money, totals
from festgate.kit.translation import gettext, ngettext
from festgate.kit.web.clients import address_of
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts.facade import SeatLimits
from festgate.portal.registrations import queries
from festgate.portal.registrations.endings import ending_words
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.holds import IsUsed, cancel_seat, hold_seat, refuse_early
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.queries import Seat, SeatReferences

MAX_ID = 2**53
"""Larger than any seat's id; every database and JSON reader can hold it."""
MAX_WAIT = 0.3
"""Seconds that the first view of a free seat waits for its ticket."""


@dataclass(frozen=True)
class ListedSeat:
    """A seat with its ticket code and its order reference, as its holder sees it."""

    seat: Seat
    ticket: str | None
    order: str | None

    @property
    def ending(self) -> str:
        """The label of a seat that has ended."""
        return gettext("Hold expired") if self.seat.state == "lapsed" else ending_words(self.seat.ended_by)


@dataclass(frozen=True)
class MyEvents:
    """The view model of /my-events."""

    held: tuple[ListedSeat, ...]
    paying: tuple[ListedSeat, ...]
    confirmed: tuple[ListedSeat, ...]
    over: tuple[ListedSeat, ...]
    due: tuple[Money, ...]
    """The total fee of the held seats by currency: an older fest may have several."""
    now: Milliseconds
    """The time to the second while a hold runs, else 0, so that an unchanged page is not rendered again."""
    awaits_tickets: bool = field(compare=False, default=False)
    """Whether a seat was confirmed so recently that its ticket will be there in a moment."""
    is_paused: bool = False
    """Whether holds are paused, because nobody can pay."""
    unconfirmed: str = ""
    """The visitor's email address if it has to be confirmed."""
    until: Milliseconds = field(compare=False, default=NEVER)

    @property
    def sections(self) -> list[tuple[str, str, tuple[ListedSeat, ...]]]:
        """The (name, heading, seats) of each section that has seats."""
        sections = [
            ("held", gettext("To pay"), self.held),
            ("paying", gettext("Waiting for payment"), self.paying),
            ("confirmed", gettext("Your seats"), self.confirmed),
            ("over", gettext("Over"), self.over),
        ]
        return [section for section in sections if section[2]]

    @property
    def held_hint(self) -> str:
        """The sentence about the time of the held seats."""
        if self.is_paused:
            return gettext("Kept for you while checkout is unavailable.")
        return ngettext(
            "It goes back on sale when the time runs out.",
            "They go back on sale when the time runs out.",
            len(self.held),
        )


class RegistrationPages:
    """HTML routes of seats."""

    def __init__(
        self,
        portal: Portal,
        tickets: SeatReferences,
        orders: SeatReferences,
        is_used: IsUsed,
        addresses: SeatLimits,
    ) -> None:
        """Take queries of modules above, and the limits of client addresses, which the API uses too."""
        self._portal = portal
        self._tickets = tickets
        self._orders = orders
        self._is_used = is_used
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route("/my-events", self.my_events, methods=["GET"]),
            Route("/events/{slug}/register", self.register, methods=["POST"]),
            Route("/registrations/{id:int}/cancel", self.cancel, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Take a seat: held if it has a fee, else confirmed."""
        portal = self._portal
        visitor = await portal.signed_in(request)
        slug = read_path(request, "slug")
        is_first = await portal.database.read(refuse_early, visitor.person, slug)
        address = self._addresses.of(address_of(request.scope))
        terms = terms_of(visitor, address, portal.settings, is_first=is_first)
        await portal.database.write(hold_seat, visitor.person, slug, portal.settings.hold_minutes, terms)
        return see_other("/my-events")

    async def cancel(self, request: Request) -> Response:
        """Cancel a registration."""
        visitor = await self._portal.signed_in(request)
        seat_id: int = request.path_params["id"]
        if seat_id > MAX_ID:
            raise NotFound
        await self._portal.database.write(cancel_seat, visitor.person, seat_id, self._is_used)
        return see_other("/my-events")

    async def my_events(self, request: Request) -> Response:
        """Show the visitor's own seats."""
        visitor = await self._portal.signed_in(request)
        unconfirmed = (
            visitor.email if self._portal.settings.confirms_email and not visitor.is_confirmed else ""
        )

        async def read() -> MyEvents:
            database = self._portal.database
            shown = await database.read(self._read, visitor.person, unconfirmed)
            if shown.awaits_tickets:
                # After taking a free seat, a visitor is redirected here some milliseconds before its ticket exists.
                await database.wait_for(tickets_of(visitor.person), MAX_WAIT)
                shown = await database.read(self._read, visitor.person, unconfirmed)
            return shown

        return await self._portal.kept_page(
            request,
            ("my-events", visitor.person),
            read,
            "registrations/my_events.html",
            section="my-events",
            held=lambda shown: len(shown.held),
        )

    def _read(self, connection: Connection, person_id: int, unconfirmed: str) -> MyEvents:
        seats = queries.seats_of(connection, person_id)
        tickets = self._tickets(connection, person_id) if seats else {}
        orders = self._orders(connection, person_id) if seats else {}
        listed = [ListedSeat(seat, tickets.get(seat.id), orders.get(seat.id)) for seat in seats]
        held = tuple(entry for entry in listed if entry.seat.payable)
        paying = tuple(entry for entry in listed if entry.seat.state == "held" and not entry.seat.payable)
        confirmed = tuple(entry for entry in listed if entry.seat.state == "confirmed")
        lacks_ticket = any(entry.ticket is None for entry in confirmed)
        second = connection.now // SECOND * SECOND
        has_holds = bool(held or paying)
        is_paused = any(entry.seat.stood is not None for entry in (*held, *paying))
        return MyEvents(
            held=held,
            paying=paying,
            confirmed=confirmed,
            over=tuple(entry for entry in listed if entry.seat.state in ("cancelled", "lapsed")),
            due=totals(entry.seat.fee for entry in held),
            # The time left is exact while holds are paused: if it were rounded, it would seem to change.
            now=connection.now if is_paused else second if has_holds else 0,
            is_paused=is_paused,
            awaits_tickets=lacks_ticket
            and queries.has_confirmed_since(connection, person_id, connection.now - SECOND),
            unconfirmed=unconfirmed,
            until=second + SECOND if has_holds and not is_paused else NEVER,
        )

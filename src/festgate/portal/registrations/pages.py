"""Registering for an event, giving a seat back, and a person's own list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.money import Money, totals
from festgate.kit.web.clients import address_of
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts.facade import SeatLimits
from festgate.portal.registrations import queries
from festgate.portal.registrations.endings import ending_words
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.holds import cancel_seat, hold_seat, refuse_early
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.queries import Seat

MAX_ID = 2**53
"""Beyond any seat's number, and within what every database and every JSON reader can hold."""
MAX_WAIT = 0.3
"""Seconds that the first look at a free seat waits for its ticket."""
Marks = Callable[[Connection, int], Mapping[int, str]]
"""What a module above knows of a person's seats, by seat id: a ticket's code, an order's reference."""


@dataclass(frozen=True)
class Entry:
    """One seat as its owner sees it."""

    seat: Seat
    ticket: str | None
    order: str | None

    @property
    def ending(self) -> str:
        """Says how a seat that is over came to its end."""
        return "Hold expired" if self.seat.state == "lapsed" else ending_words(self.seat.ended_by)


@dataclass(frozen=True)
class MyEvents:
    """What /my-events shows."""

    held: tuple[Entry, ...]
    paying: tuple[Entry, ...]
    confirmed: tuple[Entry, ...]
    over: tuple[Entry, ...]
    due: tuple[Money, ...]
    """What the held seats cost, by currency: an older fest may have more than one."""
    now: Milliseconds
    """To the second while a hold runs, else 0, so that the page stays the same page."""
    awaits_tickets: bool = field(compare=False, default=False)
    """A seat was confirmed so lately that its ticket is on its way."""
    stands: bool = False
    """The clock of the holds stands still, as nobody can pay."""
    unconfirmed: str = ""
    """The visitor's email address, where it is to be confirmed."""
    until: Milliseconds = field(compare=False, default=NEVER)


class RegistrationPages:
    """Routes of seats."""

    def __init__(
        self,
        portal: Portal,
        tickets: Marks,
        orders: Marks,
        is_used: Callable[[Connection, int], bool],
        addresses: SeatLimits,
    ) -> None:
        """`addresses` are shared with the API.

        `tickets`, `orders` and `is_used` come from the modules above, which know what followed from a seat.
        """
        self._portal = portal
        self._tickets = tickets
        self._orders = orders
        self._is_used = is_used
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """For app.py."""
        return [
            Route("/my-events", self.my_events, methods=["GET"]),
            Route("/events/{slug}/register", self.register, methods=["POST"]),
            Route("/registrations/{id:int}/cancel", self.cancel, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Hold a seat (paid) or confirm it (free)."""
        portal = self._portal
        visitor = await portal.signed_in(request)
        slug = read_path(request, "slug")
        is_first = await portal.database.read(refuse_early, visitor.person, slug)
        address = self._addresses.of(address_of(request.scope))
        terms = terms_of(visitor, address, portal.settings, is_first=is_first)
        await portal.database.write(hold_seat, visitor.person, slug, portal.settings.hold_minutes, terms)
        return see_other("/my-events")

    async def cancel(self, request: Request) -> Response:
        """Give a seat back."""
        visitor = await self._portal.signed_in(request)
        seat_id: int = request.path_params["id"]
        if seat_id > MAX_ID:
            raise NotFound
        await self._portal.database.write(cancel_seat, visitor.person, seat_id, self._is_used)
        return see_other("/my-events")

    async def my_events(self, request: Request) -> Response:
        """The person's own seats."""
        visitor = await self._portal.signed_in(request)
        unconfirmed = (
            visitor.email if self._portal.settings.confirms_email and not visitor.is_confirmed else ""
        )

        async def look() -> MyEvents:
            database = self._portal.database
            shown = await database.read(self._look, visitor.person, unconfirmed)
            if shown.awaits_tickets:
                # Who has just taken a free seat comes here a few milliseconds before its ticket does.
                await database.wait_for(tickets_of(visitor.person), MAX_WAIT)
                shown = await database.read(self._look, visitor.person, unconfirmed)
            return shown

        return await self._portal.kept_page(
            request,
            ("my-events", visitor.person),
            look,
            "registrations/my_events.html",
            section="my-events",
            held=lambda shown: len(shown.held),
        )

    def _look(self, connection: Connection, person_id: int, unconfirmed: str) -> MyEvents:
        seats = queries.seats_of(connection, person_id)
        tickets = self._tickets(connection, person_id) if seats else {}
        orders = self._orders(connection, person_id) if seats else {}
        entries = [Entry(seat, tickets.get(seat.id), orders.get(seat.id)) for seat in seats]
        held = tuple(entry for entry in entries if entry.seat.payable)
        paying = tuple(entry for entry in entries if entry.seat.state == "held" and not entry.seat.payable)
        confirmed = tuple(entry for entry in entries if entry.seat.state == "confirmed")
        unticketed = any(entry.ticket is None for entry in confirmed)
        second = connection.now // SECOND * SECOND
        runs = bool(held or paying)
        stands = any(entry.seat.stood is not None for entry in (*held, *paying))
        return MyEvents(
            held=held,
            paying=paying,
            confirmed=confirmed,
            over=tuple(entry for entry in entries if entry.seat.state in ("cancelled", "lapsed")),
            due=totals(entry.seat.fee for entry in held),
            # What is left is exact while the clock stands: rounded, it would seem to move.
            now=connection.now if stands else second if runs else 0,
            stands=stands,
            awaits_tickets=unticketed
            and queries.has_confirmed_since(connection, person_id, connection.now - SECOND),
            unconfirmed=unconfirmed,
            until=second + SECOND if runs and not stands else NEVER,
        )

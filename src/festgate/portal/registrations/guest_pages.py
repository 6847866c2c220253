"""The answer to a form with which somebody registers as a guest, with a name and an email address."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from festgate.kit import security_log
from festgate.kit.errors import Invalid, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.parameters import read_header, session_token
from festgate.kit.web.portal import MAX_ADDRESS, Portal, see_other
from festgate.kit.web.session_cookies import SessionCookies
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.answers import questions_address
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.codes import check_code
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.guests import GuestForm, GuestRegistration, register_guest
from festgate.portal.registrations.holds import refuse_early
from festgate.portal.registrations.limits import Terms
from festgate.portal.registrations.queries import Seat, SeatReferences

MAX_WAIT = 0.3
"""Seconds that the first view of a free seat waits for its ticket."""
OWN_FIELDS = ("name", "email")
NOBODY = 0
"""The id of no person, for a guest without a row yet."""


class GuestRegistrations:
    """Registers guests."""

    def __init__(self, portal: Portal, tickets: SeatReferences, addresses: accounts.SeatLimits) -> None:
        """Take a query of a module above, and the limits of client addresses."""
        self._portal = portal
        self._tickets = tickets
        self._addresses = addresses
        self._cookies = SessionCookies(secure=portal.settings.secure)

    async def is_for(self, request: Request, fields: Mapping[str, str]) -> bool:
        """Return whether the form is a guest's: a visitor with an account needs no name and address."""
        if not accounts.has_guest(fields):
            return False
        visitor = await self._portal.visitor(request)
        return visitor is None or visitor.is_guest

    async def register(
        self, request: Request, slug: str, fields: Mapping[str, str], choice: Choice | None
    ) -> Response:
        """Take seats, and lead to the payment, to the ticket or to the list of the guest's events.

        With a wrong name or address: 422, with the form for both.
        """
        portal = self._portal
        host = address_of(request.scope)
        event = await portal.database.read(catalogue.event_by_slug, slug)
        try:
            entry = accounts.read_guest(fields)
        except Invalid as refusal:
            return await self._form(request, event, fields, refusal)
        visitor = await portal.visitor(request)
        known = visitor if visitor is not None and accounts.is_same_guest(visitor.email, entry) else None
        await check_code(portal, None if known is None else known.person, host, slug, choice)
        await portal.database.read(refuse_early, NOBODY if known is None else known.person, slug, choice)
        limit = accounts.address_limit(portal.secret, host, portal.settings.address_limit)
        await portal.database.write(accounts.count_attempt, limit)
        taken = await portal.database.write(
            register_guest,
            portal.secret,
            GuestForm(
                entry,
                self._key(request, slug, fields),
                None if known is None else known.person,
                session_token(request.scope["headers"]),
            ),
            slug,
            portal.settings.hold_minutes,
            self._terms(known, host),
            choice,
        )
        security_log.about(taken.session.person)
        await self._send_link(taken)
        response = see_other(await self._next(taken.session.person, taken.seats))
        self._cookies.remember(request, response, taken.session.token, accounts.SESSION_LIFE)
        return response

    async def _send_link(self, taken: GuestRegistration) -> None:
        """Send the link that confirms the address, if every way to pay requires a confirmed address."""
        settings = self._portal.settings
        if (
            settings.confirms_email
            and set(settings.payment_methods) <= {"desk", "transfer"}
            and any(seat.payable for seat in taken.seats)
        ):
            with suppress(TooMany):  # other guests have filled this mailbox; the checkout page has a button
                await self._portal.database.write(
                    accounts.send_link_to_guest, taken.session.person, self._portal.secret, settings
                )

    def _terms(self, known: Visitor | None, host: str) -> Terms:
        confirmed = not self._portal.settings.confirms_email or (known is not None and known.is_confirmed)
        return Terms(confirmed, self._addresses.of(host), is_guest=True)

    def _key(self, request: Request, slug: str, fields: Mapping[str, str]) -> str:
        browser = read_header(request, "user-agent", MAX_ADDRESS)
        form = f"{slug}?{urlencode(sorted(fields.items()))}"
        return accounts.form_key(self._portal.secret, address_of(request.scope), browser, form)

    async def _next(self, person_id: int, seats: tuple[Seat, ...]) -> str:
        """Return the address of the questions, the payment, the only ticket, or the list of the guest's events."""
        if any(seat.asks for seat in seats):
            return questions_address(seats[0].slug)
        if any(seat.payable for seat in seats):
            return "/checkout"
        if len(seats) == 1 and seats[0].state == "confirmed":
            database, seat_id = self._portal.database, seats[0].id
            codes = await database.read(self._tickets, person_id)
            if seat_id not in codes:
                await database.wait_for(tickets_of(person_id), MAX_WAIT)
                codes = await database.read(self._tickets, person_id)
            if seat_id in codes:
                return f"/tickets/{codes[seat_id]}"
        return "/my-events"

    async def _form(
        self, request: Request, event: catalogue.Event, fields: Mapping[str, str], refusal: Invalid
    ) -> Response:
        return await self._portal.page(
            request,
            "registrations/guest.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            section="events",
            event=event,
            values={name: _visible(fields.get(name, "")) for name in OWN_FIELDS},
            kept=[(name, text) for name, text in fields.items() if name not in OWN_FIELDS],
            errors=refusal.fields,
        )


def _visible(text: str) -> str:
    """Return the text without the characters that a page cannot show."""
    return "".join(sign for sign in text if sign.isprintable())

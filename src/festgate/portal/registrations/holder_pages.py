"""The page on which a person enters the holder of one of their seats."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations.answers import questions_address
from festgate.portal.registrations.errors import AnswersNeeded
from festgate.portal.registrations.holders import Holder, read_holder, seat_to_name, set_holder
from festgate.portal.registrations.holds import confirm_seat
from festgate.portal.registrations.pages import read_seat_id
from festgate.portal.registrations.queries import IsUsed, Seat


class HolderPages:
    """HTML routes of the holders of seats."""

    def __init__(self, portal: Portal, is_used: IsUsed) -> None:
        """Take a query of a module above, besides the portal."""
        self._portal = portal
        self._is_used = is_used

    def routes(self) -> list[Route]:
        """Return the routes of this page."""
        address = "/registrations/{id:int}/holder"
        return [
            Route(address, self.show, methods=["GET"]),
            Route(address, self.save, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form with the holder of a seat."""
        visitor = await self._portal.attendee(request)
        seat = await self._portal.database.read(
            seat_to_name, visitor.person, read_seat_id(request), self._is_used
        )
        return await self._form(request, visitor, seat)

    async def save(self, request: Request) -> Response:
        """Save the holder of a seat, and confirm the seat if it is held without a fee."""
        visitor = await self._portal.attendee(request)
        seat_id = read_seat_id(request)
        fields = await read_fields(request)
        seat = await self._portal.database.read(seat_to_name, visitor.person, seat_id, self._is_used)
        name, email = fields.get("name", ""), fields.get("email", "")

        def operation(connection: Connection, holder: Holder) -> bool:
            """Return whether the seat needs answers before it is confirmed."""
            set_holder(connection, visitor.person, seat_id, holder, self._is_used)
            try:
                if seat.confirmable:
                    confirm_seat(connection, visitor.person, seat_id)
            except AnswersNeeded:
                return True
            return False

        try:
            holder = read_holder(name, email, is_required=seat.ticket_names == "required")
            needs_answers = await self._portal.database.write(operation, holder)
        except Invalid as refusal:
            return await self._form(request, visitor, seat, {"name": name, "email": email}, refusal)
        return see_other(questions_address(seat.slug) if needs_answers else "/my-events")

    async def _form(
        self,
        request: Request,
        visitor: Visitor,
        seat: Seat,
        entered: dict[str, str] | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        # A buyer usually takes the first ticket for themselves.
        name = seat.attendee_name or (visitor.name if seat.slot == 0 else "")
        return await self._portal.page(
            request,
            "registrations/holder.html",
            status=refusal.status if refusal else 200,
            section="my-events",
            seat=seat,
            values=entered or {"name": name, "email": seat.attendee_email},
            errors=refusal.fields if refusal else {},
            max_name=accounts.MAX_PERSON_NAME_LENGTH,
            max_email=accounts.MAX_EMAIL_LENGTH,
        )

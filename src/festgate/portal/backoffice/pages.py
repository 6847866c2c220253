"""The organisers' pages: the form of an event, open orders and stuck payments."""

from collections.abc import Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused
from festgate.kit.shown import FIELD
from festgate.kit.text import DECOMPOSED, MAX_TEXT
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.backoffice.cancellations import CancellationChanged, cancel_as_shown, find_concerned
from festgate.portal.backoffice.editing import (
    LABELS,
    EventForm,
    Move,
    answer_to,
    merge,
    shown_form,
    shown_version,
)
from festgate.portal.backoffice.event_steps import publish
from festgate.portal.backoffice.notices import notice_of_order, notice_of_retry
from festgate.portal.backoffice.queries import (
    FoundOrder,
    Organised,
    find_order,
    find_organised,
    own_events,
)
from festgate.portal.backoffice.room_warnings import room_warnings
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import OpenOrder

MAX_EVENT_FIELD = DECOMPOSED * MAX_TEXT
"""Characters of one field of an event's form as it is sent; `read_details` has closer limits for each."""
MAX_REF_LENGTH = 40
"""Characters of an order's reference as somebody types it, with spaces between."""
_MAX_UNITS = {name: 2 * length for name, length in catalogue.MAX_LENGTHS.items()}
"""Limits on the texts in a browser, which counts characters beyond U+FFFF, such as emoji, as two."""
EMPTY: Mapping[str, str] = dict.fromkeys(LABELS, "")


class BackofficePages:
    """Pages for organisers; other visitors are sent to sign in, or refused."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing
        self._zone = portal.settings.zone
        self._currency = portal.settings.currency

    def routes(self) -> list[Route]:
        """Return the routes; `new` stands before the slugs, none of which is `new`."""
        guard = self._portal.guard
        event, order = "/organise/events/{slug}", "/organise/orders/{ref}"
        guard = self._portal.guard
        return [
            guard("events.manage", "/organise/events/new", self.show_new),
            guard("events.manage", "/organise/events/new", self.create, methods=["POST"]),
            guard("events.edit", f"{event}/edit", self.show_event),
            guard("events.edit", f"{event}/edit", self.edit, methods=["POST"]),
            guard("events.edit", f"{event}/publish", self.publish, methods=["POST"]),
            guard("events.manage", f"{event}/cancel", self.show_cancel, sensitive=True),
            guard("events.manage", f"{event}/cancel", self.cancel, methods=["POST"], sensitive=True),
            guard("orders.view", "/organise/payments", self.show_payments),
            guard("orders.settle", "/organise/payments/{ref}/try", self.try_now, methods=["POST"]),
            guard("orders.view", "/organise/orders", self.show_orders),
            guard("orders.settle", f"{order}/paid", self.mark_paid, methods=["POST"]),
            guard("orders.refund", f"{order}/refunded", self.mark_refunded, methods=["POST"], sensitive=True),
        ]

    async def show_new(self, request: Request) -> Response:
        """Answer with an empty form."""
        return await self._form(request, None)

    async def create(self, request: Request) -> Response:
        """Create a draft, and publish it where that button was pressed; a second click leads to the same event."""
        fields = await read_fields(request, MAX_EVENT_FIELD, catalogue.MAX_LENGTHS)
        publishes = _publishes(fields)

        seen = fields.get(FIELD, "")
        opened_at = shown_version(seen)
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> Event:
            placed = catalogue.with_room(connection, fields)
            details = catalogue.read_details(placed, self._zone, self._currency)
            event = catalogue.create_event(
                connection, details, opened_at=opened_at if opened_at > 0 else None, actor=actor
            )
            return publish(connection, event.slug, None, actor) if publishes else event

        try:
            event = await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, None, fields, refusal, shown=seen)
        return see_other(f"/organise?{'published' if publishes else 'saved'}={event.slug}")

    async def show_event(self, request: Request) -> Response:
        """Answer with the form of one event."""
        return await self._form(request, await self._organised(request))

    async def edit(self, request: Request) -> Response:
        """Save the form, and publish the event where that button was pressed."""
        slug = _slug(request)
        fields = await read_fields(request, MAX_EVENT_FIELD, catalogue.MAX_LENGTHS)
        publishes = _publishes(fields)
        seen = fields.get(FIELD, "")
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> Event:
            event = catalogue.any_event_by_slug(connection, slug)
            currency = catalogue.fee_currency(event, self._currency)
            placed = catalogue.with_room(connection, fields, event)
            details = catalogue.read_details(placed, self._zone, currency)
            # Seats whose hold has expired may still be counted; their people are not asked about.
            may_move = fields.get("move") == answer_to(details) or not find_organised(connection, slug).taken
            event = catalogue.edit_event(
                connection, slug, details, shown_version(seen), may_move=may_move, actor=actor
            )
            return publish(connection, slug, None, actor) if publishes else event

        try:
            await self._portal.database.write(operation)
        except (Invalid, catalogue.CapacityTaken) as refusal:
            organised = await self._organised(request)
            # The form keeps the values that it showed first, so that a change meanwhile is still detected.
            return await self._form(request, organised, fields, refusal, shown=seen)
        except catalogue.MoveUnconfirmed as refusal:
            organised = await self._organised(request)
            event = organised.event
            currency = catalogue.fee_currency(event, self._currency)
            details = catalogue.read_details(fields, self._zone, currency)
            move = Move(catalogue.question_of(refusal.slip, organised.taken), event, details)
            return await self._form(request, organised, fields, refusal, shown=seen, move=move)
        except catalogue.EventEdited as refusal:
            organised = await self._organised(request)
            merged = merge(seen, fields, self._written(organised))
            again = gettext("Check the form and save it again.")
            notice = f"{refusal.message}{merged.changed} {again}"
            return await self._form(
                request, organised, merged.values, refusal, errors=merged.errors, notice=notice
            )
        return see_other(f"/organise?{'published' if publishes else 'saved'}={slug}")

    async def publish(self, request: Request) -> Response:
        """Publish the event, or answer with its form and the missing fields."""
        slug = _slug(request)
        seen = (await read_fields(request)).get(FIELD, "")
        try:
            await self._portal.database.write(publish, slug, shown_version(seen), self._portal.actor(request))
        except catalogue.EventEdited as refusal:
            notice = gettext(
                "Somebody else has changed this event, so it has not been published. Check it first."
            )
            return await self._form(request, await self._organised(request), None, refusal, notice=notice)
        except Invalid as refusal:
            return await self._form(request, await self._organised(request), None, refusal)
        return see_other(f"/organise?published={slug}")

    async def show_cancel(self, request: Request) -> Response:
        """Answer with what cancelling the event would do."""
        return await self._cancellation(request)

    async def _cancellation(self, request: Request, refusal: Refused | None = None) -> Response:
        concerned = await self._portal.database.read(find_concerned, _slug(request))
        return await self._portal.page(
            request,
            "backoffice/cancel.html",
            status=refusal.status if refusal else 200,
            section="organise",
            concerned=concerned,
            refused=refusal.message if refusal else "",
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel the event, or delete the draft, if the form still shows the truth."""
        slug = _slug(request)
        fields = await read_fields(request)
        cancel = partial(
            cancel_as_shown, whatever=fields.get("whatever") == "yes", actor=self._portal.actor(request)
        )
        try:
            await self._portal.database.write(cancel, slug, fields.get(FIELD, ""))
        except CancellationChanged as refusal:
            return await self._cancellation(request, refusal)
        return see_other(f"/organise?cancelled={slug}")

    async def show_orders(self, request: Request) -> Response:
        """Answer with the open orders: to pay or refund at the desk, or in progress at a provider."""
        return await self._orders(request)

    async def _orders(self, request: Request, refusal: checkout.OrderChanged | None = None) -> Response:
        """Answer with the open orders; after a refused step also with the order as it is now."""

        def read(
            connection: Connection,
        ) -> tuple[
            list[OpenOrder], checkout.Order | None, FoundOrder | None, Mapping[str, checkout.DeskForms]
        ]:
            ref = read_query(request, "done", MAX_REF_LENGTH)
            try:
                done = checkout.order_by_ref(connection, ref) if ref else None
            except NotFound:
                done = None
            changed = find_order(connection, read_path(request, "ref")) if refusal else None
            return checkout.open_orders(connection), done, changed, checkout.desk_forms(connection)

        orders, done, changed, forms = await self._portal.database.read(read)
        at_desk = [order for order in orders if order.method in checkout.BY_HAND]
        return await self._portal.page(
            request,
            "backoffice/orders.html",
            status=refusal.status if refusal else 200,
            section="organise",
            refused=refusal.message if refusal else "",
            changed=changed,
            forms=forms,
            to_pay=[order for order in at_desk if order.state == "pending"],
            to_refund=[order for order in at_desk if order.state != "pending"],
            to_return=[order for order in orders if order.method == "transfer" and order.state != "pending"],
            elsewhere=[order for order in orders if order.method not in checkout.BY_HAND],
            notice=notice_of_order(done, self._writing),
        )

    async def mark_paid(self, request: Request) -> Response:
        """Record that the order was paid at the desk as the form showed it."""
        return await self._mark(request, checkout.mark_paid_at_desk)

    async def mark_refunded(self, request: Request) -> Response:
        """Record that the order was refunded at the desk as the form showed it."""
        return await self._mark(request, checkout.mark_refunded_at_desk)

    async def _mark(
        self, request: Request, operation: Callable[[Connection, str, int, str, Actor | None], checkout.Order]
    ) -> Response:
        organiser = self._portal.known(request)
        ref = read_path(request, "ref")
        seen = (await read_fields(request)).get(FIELD, "")
        try:
            order = await self._portal.database.write(
                operation, ref, organiser.person, seen, self._portal.actor(request)
            )
        except checkout.OrderChanged as refusal:
            return await self._orders(request, refusal)
        return see_other(f"/organise/orders?done={order.ref}")

    async def show_payments(self, request: Request) -> Response:
        """Answer with the payments and refunds that need attention, and one order by its reference."""
        words = read_query(request, "ref", MAX_REF_LENGTH)
        tried = read_query(request, "tried", MAX_REF_LENGTH)
        stuck, found, done = await self._portal.database.read(
            lambda connection: (
                checkout.stuck_payments(connection),
                find_order(connection, words),
                find_order(connection, tried),
            )
        )
        return await self._portal.page(
            request,
            "backoffice/payments.html",
            section="organise",
            stuck=stuck,
            words=words,
            found=found,
            notice=notice_of_retry(done),
            max_length=MAX_REF_LENGTH,
        )

    async def try_now(self, request: Request) -> Response:
        """Ask the provider about an order, or send its refund, at once."""
        order = await self._portal.database.write(checkout.try_now, read_path(request, "ref"))
        return see_other(f"/organise/payments?tried={order.ref}")

    async def _form(  # the same form for a new event (`organised` None) and for one that is there
        self,
        request: Request,
        organised: Organised | None,
        entered: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
        *,
        errors: Mapping[str, str] | None = None,
        shown: str | None = None,
        notice: str = "",
        move: Move | None = None,
    ) -> Response:
        event = organised.event if organised else None
        written = self._written(organised) if organised else EMPTY
        if shown is None:
            shown = shown_form(event.version, written) if event else str(self._portal.database.clock())
        if errors is None:
            errors = _errors(refusal)
        if errors and not notice:
            notice = gettext("Not saved yet. Please correct the marked fields.")
        visitor = self._portal.known(request)
        listed, rooms = await self._portal.database.read(
            lambda connection: (own_events(connection, visitor), catalogue.all_rooms(connection))
        )
        return await self._portal.page(
            request,
            "backoffice/event.html",
            status=refusal.status if refusal else 200,
            section="organise",
            organised=organised,
            values={**EMPTY, **(written if entered is None else entered)},
            errors=errors,
            shown=shown,
            form=EventForm(event, notice),
            move=move,
            categories=sorted({event.category for event in listed if event.category}, key=str.casefold),
            rooms=[("", gettext("Another place")), *((room.name, room.name) for room in rooms)],
            warnings=room_warnings(listed, self._portal.database.clock(), event) if event else None,
            currency=catalogue.fee_currency(event, self._currency),
            zone=self._zone.key,
            max_lengths=_MAX_UNITS,
        )

    async def _organised(self, request: Request) -> Organised:
        return await self._portal.database.read(find_organised, _slug(request))

    def _written(self, organised: Organised) -> dict[str, str]:
        room = organised.event.room
        return {**catalogue.written(organised.event, self._zone), "room": room.name if room else ""}


def _slug(request: Request) -> str:
    return read_path(request, "slug")


def _publishes(fields: Mapping[str, str]) -> bool:
    """Return whether the button that publishes was pressed."""
    return fields.get("then") == "publish"


def _errors(refusal: Refused | None) -> Mapping[str, str]:
    if isinstance(refusal, catalogue.CapacityTaken):
        return {"capacity": refusal.message}
    return refusal.fields if isinstance(refusal, Invalid) else {}

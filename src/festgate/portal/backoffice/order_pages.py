"""The organisers' pages of orders: the list of an event, one order with its history, and what can be done about it."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.amounts import MAX_LENGTH as MAX_AMOUNT
from festgate.kit.amounts import read_amount
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.kit.money import Money
from festgate.kit.shown import FIELD
from festgate.kit.text import DECOMPOSED
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import MAX_FIELD, read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, MAX_NAME, read_id, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.backoffice.badges import badge_of_order
from festgate.portal.backoffice.order_actions import (
    DifferencePlan,
    Given,
    plan_difference,
    plan_for_page,
    plan_part_for_page,
    view_given,
    view_order,
)
from festgate.portal.backoffice.orders import read_seat
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.facade import PostOrder, TicketOver

MAX_WORDS = 100
MAX_PAGE_DIGITS = 6
STATES: tuple[checkout.OrderState, ...] = (
    "pending",
    "paid",
    "refunding",
    "refunded",
    "declined",
    "cancelled",
    "expired",
)
_NOTICES = {
    "cancelled": N_("Cancelled. The attendee gets an email."),
    "refunded": N_("The refund is recorded. The attendee gets an email once it is made."),
    "sent": N_("The tickets are on their way."),
    "noted": N_("The note is saved."),
    "settled": N_("The difference is settled."),
    "exchanged": N_("The ticket is exchanged. The new one is on its way."),
    "corrected": N_("The name is corrected."),
    "given": N_("The ticket is given. It is on its way by email."),
    "transferred": N_("The ticket is transferred. Both holders get an email."),
}


def notice_of_step(request: Request) -> str:
    """Return the sentence about the step that led to the page; empty without one."""
    sentence = _NOTICES.get(read_query(request, "done", MAX_NAME))
    return gettext(sentence) if sentence else ""


class OrderPages:
    """Pages of orders, each behind the permission of what it does."""

    def __init__(self, portal: Portal, post_order: PostOrder) -> None:
        """Take, besides the portal, the function that queues the email with all tickets of an order."""
        self._portal = portal
        self._post_order = post_order
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        order = "/organise/orders/{ref}"
        difference = "/organise/differences/{id}"
        return [
            guard("orders.view", "/organise/events/{slug}/orders", self.show_list),
            guard("orders.view", order, self.show_order),
            guard("orders.refund", f"{order}/cancel", self.show_cancel, sensitive=True),
            guard("orders.refund", f"{order}/cancel", self.cancel, methods=["POST"], sensitive=True),
            guard("orders.refund", f"{order}/refund", self.show_refund, sensitive=True),
            guard("orders.refund", f"{order}/refund", self.refund, methods=["POST"], sensitive=True),
            guard("guests.edit", f"{order}/send", self.show_send),
            guard("guests.edit", f"{order}/send", self.send, methods=["POST"]),
            guard("orders.edit", f"{order}/notes", self.note, methods=["POST"]),
            guard("orders.edit", "/organise/people/{id}/notes", self.note_on_person, methods=["POST"]),
            guard("orders.settle", difference, self.show_difference),
            guard("orders.settle", difference, self.settle, methods=["POST"]),
        ]

    async def show_list(self, request: Request) -> Response:
        """Answer with the orders of an event: by state, searched, in pages."""
        slug = read_path(request, "slug")
        words = read_query(request, "q", MAX_WORDS).strip()
        wanted = read_query(request, "state", MAX_NAME)
        state = wanted if wanted in STATES else ""
        number = read_query(request, "page", MAX_PAGE_DIGITS)
        page = int(number) if number.isascii() and number.isdecimal() else 1

        def read(connection: Connection) -> tuple[catalogue.Event, checkout.OrderList, list[Given]]:
            event = catalogue.any_event_by_slug(connection, slug)
            try:
                listed = checkout.list_orders(connection, event.id, state, words, page)
            except ValueError:  # no name can contain these words
                listed = checkout.OrderList((), 0, 1)
            is_all = not words and not state and listed.page == 1
            return event, listed, view_given(connection, event.id) if is_all else []

        event, listed, given = await self._portal.database.report(read)
        return await self._portal.page(
            request,
            "backoffice/event_orders.html",
            section="organise",
            event=event,
            listed=listed,
            given=given,
            words=words,
            state=state,
            states=[("", gettext("All")), *((name, badge_of_order(name)[1]) for name in STATES)],
            badge_of_order=badge_of_order,
            max_length=MAX_WORDS,
        )

    async def show_order(self, request: Request) -> Response:
        """Answer with the order: its lines, refunds, person, notes and history."""
        return await self._order(request)

    async def _order(self, request: Request, refusal: Refused | None = None, text: str = "") -> Response:
        ref = read_path(request, "ref")
        view = await self._portal.database.report(view_order, ref, self._writing)
        return await self._portal.page(
            request,
            "backoffice/order.html",
            status=200 if refusal is None else refusal.status,
            headers=None if refusal is None else refusal.headers(),
            section="organise",
            view=view,
            notice=notice_of_step(request),
            refused=_message(refusal),
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            note=text,
            max_note=checkout.MAX_NOTE,
            note_key=_note_key(self._portal.database.clock(), view.order.person_id),
        )

    async def show_cancel(self, request: Request) -> Response:
        """Answer with what cancelling would do."""
        return await self._cancellation(request, read_query(request, "seat", MAX_ID_LENGTH))

    async def cancel(self, request: Request) -> Response:
        """Cancel and refund what the confirmation showed; where that has changed, show it again."""
        visitor = await self._portal.signed_in(request)
        ref = read_path(request, "ref")
        fields = await read_fields(request)
        seat = fields.get("seat", "")
        try:
            # The currency of an order does not change.
            order = await self._portal.database.read(checkout.order_by_ref, ref)
            amount = _read_amount(fields, order.total.currency, required=False)
            terms = checkout.RefundTerms(amount, fields.get("how") == "hand", self._portal.actor(request))
            # The confirmation has warned of a check-in, and the check-in is part of `seen`.
            cancel = partial(
                checkout.cancel_registrations, force=True, seen=fields.get("seen", ""), terms=terms
            )
            await self._portal.database.write(cancel, ref, read_seat(seat), visitor.person, tickets.is_used)
        except (checkout.OrderChanged, checkout.RefundTooHigh, Invalid) as refusal:
            return await self._cancellation(request, seat, refusal, fields)
        return see_other(f"/organise/orders/{ref}?done=cancelled")

    async def _cancellation(
        self,
        request: Request,
        seat: str,
        refusal: Refused | None = None,
        entered: dict[str, str] | None = None,
    ) -> Response:
        confirmation = await self._portal.database.read(
            plan_for_page, read_path(request, "ref"), read_seat(seat), self._writing
        )
        return await self._portal.page(
            request,
            "backoffice/cancel_order.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            confirmation=confirmation,
            seat=seat,
            refused=_message(refusal),
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            entered=entered or {},
            max_length=MAX_AMOUNT,
        )

    async def show_refund(self, request: Request) -> Response:
        """Answer with the form for the amount of a refund in part."""
        return await self._refund(request)

    async def refund(self, request: Request) -> Response:
        """Show what the refund would do; with the button that confirms it, refund the amount that was shown."""
        ref = read_path(request, "ref")
        fields = await read_fields(request)
        order = await self._portal.database.read(checkout.order_by_ref, ref)
        try:
            amount = _read_amount(fields, order.total.currency, required=True)
            if amount is None or fields.get("step") != "confirm":
                security_log.note_question()
                return await self._refund(request, fields, amount=amount)
            seen = fields.get(FIELD, "")
            by_hand = fields.get("how") == "hand"
            key = f"page:{seen}:{amount.minor}:{int(by_hand)}"
            refund = partial(checkout.refund_part, by_hand=by_hand, seen=seen)
            await self._portal.database.write(refund, self._portal.actor(request), ref, amount, key)
        except (Invalid, checkout.OrderChanged, checkout.RefundTooHigh) as refusal:
            return await self._refund(request, fields, refusal)
        return see_other(f"/organise/orders/{ref}?done=refunded")

    async def _refund(
        self,
        request: Request,
        entered: dict[str, str] | None = None,
        refusal: Refused | None = None,
        *,
        amount: Money | None = None,
    ) -> Response:
        plan = await self._portal.database.read(plan_part_for_page, read_path(request, "ref"))
        if amount is not None and amount.minor > plan.part.left.minor:
            sentence = gettext("At most {amount} can be refunded.")
            left = self._writing.money(plan.part.left)
            refusal, amount = Invalid({"amount": sentence.format(amount=left)}), None
        return await self._portal.page(
            request,
            "backoffice/refund.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            plan=plan,
            amount=amount,
            entered=entered or {},
            refused=_message(refusal),
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            max_length=MAX_AMOUNT,
        )

    async def show_send(self, request: Request) -> Response:
        """Answer with the question whether the tickets of the order shall be sent again."""
        return await self._send(request)

    async def send(self, request: Request) -> Response:
        """Send the tickets of the order again; once where the form is sent twice."""
        ref = read_path(request, "ref")
        shown = (await read_fields(request)).get(FIELD, "")
        number = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) <= MAX_PAGE_DIGITS else -1
        try:
            await self._portal.database.write(
                tickets.send_order, self._portal.actor(request), ref, number, self._post_order
            )
        except TicketOver as refusal:
            return await self._send(request, refusal)
        return see_other(f"/organise/orders/{ref}?done=sent")

    async def _send(self, request: Request, refusal: Refused | None = None) -> Response:
        view = await self._portal.database.report(view_order, read_path(request, "ref"), self._writing)
        return await self._portal.page(
            request,
            "backoffice/send_order.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            view=view,
            refused=_message(refusal),
        )

    async def note(self, request: Request) -> Response:
        """Save an internal note on the order."""
        ref = read_path(request, "ref")
        fields = await read_fields(request, max(MAX_FIELD, DECOMPOSED * checkout.MAX_NOTE))
        order = await self._portal.database.read(checkout.order_by_ref, ref)
        write = partial(checkout.write_note, ref=ref)
        text = fields.get("text", "")
        try:
            await self._portal.database.write(
                write, self._portal.actor(request), order.person_id, text, fields.get("key", "")[:MAX_NAME]
            )
        except Invalid as refusal:
            return await self._order(request, refusal, text)
        return see_other(f"/organise/orders/{ref}?done=noted#history")

    async def note_on_person(self, request: Request) -> Response:
        """Save an internal note on a guest."""
        person_id = read_id(request, "id")
        fields = await read_fields(request, max(MAX_FIELD, DECOMPOSED * checkout.MAX_NOTE))
        await self._portal.database.write(
            checkout.write_note,
            self._portal.actor(request),
            person_id,
            fields.get("text", ""),
            fields.get("key", "")[:MAX_NAME],
        )
        return see_other(f"/organise/people/{person_id}?done=noted#history")

    async def show_difference(self, request: Request) -> Response:
        """Answer with the question whether a difference shall be settled in that way."""
        return await self._difference(request, read_query(request, "step", MAX_NAME))

    async def settle(self, request: Request) -> Response:
        """Record that a difference was paid at the desk, waived, or given back."""
        fields = await read_fields(request)
        plan = await self._difference_plan(request, fields.get("step", ""))
        try:
            await self._portal.database.write(
                checkout.settle_difference, self._portal.actor(request), plan.exchange.id, plan.step
            )
        except checkout.WrongSettlement as refusal:
            return await self._difference(request, plan.step, refusal)
        return see_other(f"{plan.back}?done=settled")

    async def _difference(self, request: Request, step: str, refusal: Refused | None = None) -> Response:
        return await self._portal.page(
            request,
            "backoffice/difference.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            plan=await self._difference_plan(request, step),
            refused=_message(refusal),
        )

    async def _difference_plan(self, request: Request, step: str) -> DifferencePlan:
        return await self._portal.database.read(plan_difference, read_id(request, "id"), step, self._writing)


def _read_amount(fields: dict[str, str], currency: str, *, required: bool) -> Money | None:
    """Return the entered amount; None for an empty one that is not required. Raises Invalid."""
    text = fields.get("amount", "").strip()
    if not text and not required:
        return None
    try:
        return read_amount(text, currency)
    except ValueError as error:
        raise Invalid({"amount": str(error)}) from None


def _message(refusal: Refused | None) -> str:
    return "" if refusal is None or isinstance(refusal, Invalid) else refusal.message


def _note_key(now: int, person_id: int) -> str:
    """Return the key of a note's form, so that a second click adds nothing."""
    return f"page:{person_id}:{now}"

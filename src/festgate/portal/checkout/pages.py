"""The pages of checkout and of the receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.messaging.mail import find_state
from festgate.kit.money import Money
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries
from festgate.portal.checkout.carts import Cart, cart_of, in_one_currency, read_cart
from festgate.portal.checkout.errors import ListChanged, NothingToPay, OrderChanged
from festgate.portal.checkout.forms import MAX_REGISTRATIONS, CheckoutForm
from festgate.portal.checkout.holder_fields import FIELDS_PER_SEAT, HolderField, holder_fields
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.own_cancellations import cancel_own_seat, plan_own_cancellation
from festgate.portal.checkout.payments import Payments
from festgate.portal.checkout.placements import cart_key
from festgate.portal.checkout.receipts import Receipt, TransferView, cancellable_lines, seats_now
from festgate.portal.checkout.records import Order, method_name
from festgate.portal.checkout.sandbox import CARDS, Sandbox
from festgate.portal.checkout.transfers import PAYABLE, Transfer, end_of_sales, enter_utr, transfer_of
from festgate.portal.registrations import facade as registrations

RETURNED = "returned"
"""The query parameter with which a payment page sends its visitor back."""
MAX_FIELDS = 50 + FIELDS_PER_SEAT * MAX_REGISTRATIONS
"""Fields of the form: those of the payment, and the names for each seat."""
MAX_WAIT = 0.3
"""Seconds for which the first request for a paid order waits for its tickets."""


@dataclass(frozen=True)
class Choice:
    """A payment method that the form offers."""

    name: str
    label: str
    hint: str
    button: str
    """Its text, with the place of the `{amount}`."""
    takes_card: bool


@dataclass(frozen=True)
class Form:
    """The payment methods, each with its button, and the entered values; the same for all visitors with that total."""

    choices: tuple[Choice, ...]
    """Those that take a card number first: pressing Enter in its field presses the first button of the form."""
    cards: tuple[tuple[str, str], ...]
    due: Money
    card_number: str = ""
    errors: tuple[tuple[str, str], ...] = ()

    @property
    def notices(self) -> list[str]:
        """The errors that belong to no visible field."""
        notices = {name: sentence for name, sentence in self.errors if name == "payment_method"}
        if "idempotency_key" in dict(self.errors):
            notices["idempotency_key"] = gettext("The form was incomplete. Please try again.")
        return list(notices.values())


@dataclass(frozen=True)
class Till:
    """The view model of /checkout."""

    seats: tuple[registrations.Seat, ...]
    due: Money
    key: str
    cart: str
    """The hidden field of the form: the seats and amounts that it shows."""
    form: Form
    now: Milliseconds
    held_until: Milliseconds = 0
    """The time at which the first of the holds ends; the only one that is shown."""
    hint: str = ""
    """The sentence about that time."""
    overlaps: tuple[catalogue.Overlap, ...] = ()
    """Events at the same time, of which at least one is about to be paid."""
    others: int = 0
    """The number of held seats in another currency, which need a second order."""
    changed: str = ""
    """How the list differs from the one that the visitor was about to pay."""
    holders: tuple[HolderField, ...] = ()
    """The fields for the names of attendees, for events that want them."""
    stands: bool = False
    """Whether the holds are paused, since checkout was unavailable a moment ago."""
    unconfirmed: str = ""
    """The visitor's email address, where it must be confirmed before the visitor can pay at the desk."""
    waits_for_confirmation: str = ""
    """The labels of the methods that need a confirmed address, if the desk is not the only one."""
    transfer_end: Milliseconds = 0
    """The end of sales, by which a transfer must arrive, if an order by transfer would otherwise last longer."""
    is_guest: bool = False
    """Whether the visitor buys without an account, and was sent no link yet."""
    until: Milliseconds = field(compare=False, default=NEVER)

    @property
    def taxes(self) -> tuple[tuple[str, Money], ...]:
        """The tax in the total for each rate, a percentage."""
        return catalogue.taxes_by_rate((seat.tax_rate, seat.tax) for seat in self.seats)

    @property
    def final_sentence(self) -> str:
        """The sentence about the seats that the visitor cannot cancel once they are paid; empty without any."""
        final = [seat for seat in self.seats if not seat.refunds]
        if not final:
            return ""
        if len(final) == len(self.seats):
            return gettext("Once paid, only the organisers can cancel.")
        return gettext("Seats without a refund rule: once paid, only the organisers can cancel them.")


class CheckoutPages:
    """Routes of orders."""

    def __init__(
        self,
        portal: Portal,
        payments: Payments,
        tickets: registrations.SeatReferences,
        is_used: registrations.IsUsed,
    ) -> None:
        """`tickets` and `is_used` are queries of the module above."""
        self._portal = portal
        self._is_used = is_used
        self._payments = payments
        self._tickets = tickets
        self._writing = portal.pages.writing
        self._sites = tuple(f"{site}/" for site in portal.settings.payment_sites)
        choices = sorted(
            (
                Choice(
                    method.name,
                    gettext(method.label),
                    gettext(method.hint),
                    gettext(method.button),
                    isinstance(method, Sandbox),
                )
                for method in payments.methods.values()
            ),
            key=lambda choice: not choice.takes_card,
        )
        self._blank = Form(
            tuple(choices),
            tuple((card, gettext(outcome)) for card, outcome in CARDS.items()),
            Money(0, portal.settings.currency),
        )
        left = tuple(choice for choice in choices if choice.name not in payments.confirmed_only)
        self._unconfirmed = replace(self._blank, choices=left)
        """The form for visitors whose email address is unconfirmed."""

    def routes(self) -> list[Route]:
        """Return the routes for app.py."""
        return [
            Route("/checkout", self.show_checkout, methods=["GET"]),
            Route("/checkout", self.check_out, methods=["POST"]),
            Route("/orders/{ref}", self.show_order, methods=["GET"]),
            Route("/orders/{ref}/transfer", self.enter_utr, methods=["POST"]),
            Route("/orders/{ref}/cancel", self.ask_to_cancel, methods=["GET"]),
            Route("/orders/{ref}/cancel", self.cancel_order, methods=["POST"]),
            Route("/orders/{ref}/seats/{seat_id}/cancel", self.ask_to_cancel_seat, methods=["GET"]),
            Route("/orders/{ref}/seats/{seat_id}/cancel", self.cancel_seat, methods=["POST"]),
        ]

    async def show_checkout(self, request: Request) -> Response:
        """Answer with the visitor's held seats and their total."""
        visitor = await self._portal.attendee(request)

        async def look() -> Till:
            return await self._portal.database.read(self._look, visitor)

        return await self._portal.kept_page(
            request,
            ("checkout", visitor.person),
            look,
            "checkout/checkout.html",
            section="checkout",
            held=lambda shown: len(shown.seats) + shown.others,
        )

    async def check_out(self, request: Request) -> Response:
        """Place one order for the seats that the form showed, and redirect to its receipt or payment page.

        Where the list has changed: 409, with the current list.
        """
        portal = self._portal
        visitor = await portal.attendee(request)
        fields = await read_fields(request, max_fields=MAX_FIELDS)
        try:
            form = checked(CheckoutForm, fields)
            method = self._payments.method(form.payment_method)
            holders = registrations.read_holders(fields)
            order = await self._payments.check_out(
                visitor.person,
                method.name,
                form.idempotency_key,
                {"card_number": form.card_number},
                cart=_shown_cart(fields),
                holders=holders,
            )
        except Invalid as invalid:
            till = await portal.database.read(self._look, visitor, fields, invalid.fields)
            return await portal.page(
                request, "checkout/checkout.html", status=422, shown=till, section="checkout"
            )
        except registrations.AnswersNeeded as refusal:
            return see_other(f"/my-events/{refusal.slug}/questions")
        except (ListChanged, NothingToPay, registrations.SeatsGone) as refusal:
            till = await portal.database.read(self._look, visitor, fields)
            return await portal.page(
                request,
                "checkout/checkout.html",
                status=refusal.status,
                shown=replace(till, changed=refusal.message),
                section="checkout",
            )
        # The browser lets a form lead only to the sites that the security headers name.
        if order.state == "pending" and order.pay_url and order.pay_url.startswith(self._sites):
            return RedirectResponse(order.pay_url, 303, {"cache-control": "no-store"})
        return see_other(f"/orders/{order.ref}")

    async def show_order(self, request: Request) -> Response:
        """Answer with the receipt and the state of the payment."""
        visitor = await self._portal.attendee(request)
        ref = read_path(request, "ref")
        if RETURNED in request.query_params:
            # The visitor may be back from the payment page before the provider's webhook.
            order = await self._portal.database.read(queries.order_of_person, visitor.person, ref)
            if order.state == "pending":
                await self._payments.ask_for(order)
            return see_other(f"/orders/{ref}")

        async def look() -> Receipt:
            database = self._portal.database
            receipt = await database.read(self._receipt, visitor.person, visitor.shown_name, ref)
            if receipt.awaits_tickets(database.clock()):
                # A visitor who has just paid comes here a few milliseconds before the tickets are issued.
                await database.wait_for(registrations.tickets_of(visitor.person), MAX_WAIT)
                receipt = await database.read(self._with_tickets, receipt)
            return receipt

        return await self._portal.kept_page(
            request, ("order", visitor.person, ref), look, "checkout/order.html", section="my-events"
        )

    async def ask_to_cancel(self, request: Request) -> Response:
        """Answer with the consequences of cancelling an unpaid order, and the button that does it."""
        visitor = await self._portal.attendee(request)
        ref = read_path(request, "ref")
        order = await self._portal.database.read(queries.order_of_person, visitor.person, ref)
        if order.state != "pending":
            return see_other(f"/orders/{order.ref}")
        return await self._portal.page(
            request, "checkout/cancel_order.html", section="my-events", order=order
        )

    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order that is not paid."""
        visitor = await self._portal.attendee(request)
        order = await self._payments.cancel(visitor.person, read_path(request, "ref"))
        return see_other(f"/orders/{order.ref}")

    async def ask_to_cancel_seat(self, request: Request) -> Response:
        """Answer with the amount that comes back for a paid seat, and the button that cancels it."""
        visitor = await self._portal.attendee(request)
        ref, seat_id = read_path(request, "ref"), read_id(request, "seat_id")
        plan = await self._portal.database.read(
            plan_own_cancellation, visitor.person, ref, seat_id, self._is_used
        )
        return await self._portal.page(request, "checkout/cancel_seat.html", section="my-events", plan=plan)

    async def cancel_seat(self, request: Request) -> Response:
        """Cancel a paid seat and refund it by its refund rule."""
        visitor = await self._portal.attendee(request)
        ref, seat_id = read_path(request, "ref"), read_id(request, "seat_id")
        fields = await read_fields(request)
        seen = fields.get(FIELD, "")
        operation = partial(cancel_own_seat, seen=seen)
        try:
            await self._portal.database.write(operation, visitor.person, ref, seat_id, self._is_used)
        except OrderChanged:
            return see_other(f"/orders/{ref}/seats/{seat_id}/cancel")
        return see_other(f"/orders/{ref}")

    def _look(
        self,
        connection: Connection,
        visitor: Visitor,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Till:
        person_id = visitor.person
        limited = bool(self._payments.confirmed_only) and not visitor.is_confirmed
        live = registrations.live_seats(connection, person_id)
        payable = sorted((seat for seat in live if seat.payable), key=lambda seat: seat.event_id)
        seats = in_one_currency(payable, self._portal.settings.currency)
        cart = cart_of(person_id, seats, self._portal.settings.currency)
        second = connection.now // SECOND * SECOND
        stands = any(seat.stood is not None for seat in seats)
        form = replace(self._unconfirmed if limited else self._blank, due=cart.total)
        if entered is not None:
            form = replace(
                form,
                card_number=entered.get("card_number", ""),
                errors=tuple((errors or {}).items()),
            )
        return Till(
            seats=tuple(sorted(seats, key=lambda seat: (seat.starts_at, seat.id))),
            due=cart.total,
            key=cart_key(connection, self._portal.secret, cart) if seats else "",
            cart=cart.shown if seats else "",
            form=form,
            held_until=min((seat.held_until for seat in seats), default=0),
            hint=registrations.hold_hint(seats, is_paused=stands) if seats else "",
            overlaps=registrations.seat_overlaps(seats, live, connection.now),
            unconfirmed=visitor.email if limited else "",
            is_guest=visitor.is_guest,
            waits_for_confirmation=self._waiting_label() if limited else "",
            transfer_end=self._transfer_end(connection, seats),
            others=len(payable) - len(seats),
            now=connection.now if stands else second if seats else 0,
            holders=holder_fields(seats, visitor.name, entered, errors),
            stands=stands,
            until=second + SECOND if seats and not stands else NEVER,
        )

    def _waiting_label(self) -> str:
        """Return the labels of the methods that need a confirmed address; empty if that is the desk alone."""
        names = [name for name in self._payments.methods if name in self._payments.confirmed_only]
        return "" if names == ["desk"] else gettext(" or ").join(self._label(name) for name in names)

    def _transfer_end(self, connection: Connection, seats: Sequence[registrations.Seat]) -> Milliseconds:
        """Return the end of sales, if it comes before the end of an order by transfer; else 0."""
        method = self._payments.methods.get(TRANSFER)
        if method is None or not seats:
            return 0
        end = end_of_sales(connection, seats)
        return end if end < connection.now + method.keeps else 0

    async def enter_utr(self, request: Request) -> Response:
        """Store the bank's number of a transfer, or show the form again."""
        visitor = await self._portal.attendee(request)
        ref = read_path(request, "ref")
        entered = (await read_fields(request)).get("utr", "")
        try:
            await self._portal.database.write(enter_utr, visitor.person, ref, entered)
        except Invalid as refusal:
            receipt = await self._portal.database.read(self._receipt, visitor.person, visitor.shown_name, ref)
            transfer = receipt.transfer
            if transfer is None:
                return see_other(f"/orders/{ref}")
            transfer = replace(transfer, entered=entered, error=refusal.fields["utr"])
            return await self._portal.page(
                request,
                "checkout/order.html",
                status=refusal.status,
                shown=replace(receipt, transfer=transfer),
                section="my-events",
            )
        return see_other(f"/orders/{ref}")

    def _transfer(self, connection: Connection, order: Order) -> TransferView | None:
        """Return the way to pay by transfer; None for other orders, and once it is over."""
        method = self._payments.methods.get(TRANSFER)
        if order.method != TRANSFER or order.state not in PAYABLE or not isinstance(method, Transfer):
            return None
        state = transfer_of(connection, order.id)
        rows = method.account.rows(self._writing.money(order.total), order.ref)
        link = method.account.upi_link(order.total, order.ref)
        return TransferView(rows, link, state.utr, state.rejected_utr)

    def _receipt(self, connection: Connection, person_id: int, name: str, ref: str) -> Receipt:
        order = queries.order_of_person(connection, person_id, ref)
        receipt = Receipt(
            order=order,
            name=name,
            method=self._label(order.method),
            refunds=tuple(queries.refunds_of(connection, order.id)),
            tickets=self._tickets_of(connection, order),
            transfer=self._transfer(connection, order),
            mail=None,
            mail_leaves=bool(self._portal.settings.smtp_host),
            writing=self._writing,
        )
        if receipt.awaits_tickets(connection.now):  # the rest is read with the tickets
            return receipt
        return self._with_state(connection, receipt)

    def _tickets_of(self, connection: Connection, order: Order) -> tuple[tuple[int, str], ...]:
        """Return the ids of the order's seats that have tickets, with their codes."""
        codes = self._tickets(connection, order.person_id)
        return tuple((line.seat_id, codes[line.seat_id]) for line in order.lines if line.seat_id in codes)

    def _with_tickets(self, connection: Connection, receipt: Receipt) -> Receipt:
        """Add the tickets that were issued meanwhile."""
        tickets = self._tickets_of(connection, receipt.order)
        return self._with_state(connection, replace(receipt, tickets=tickets))

    def _with_state(self, connection: Connection, receipt: Receipt) -> Receipt:
        """Add the states of the seats and of the email."""
        order = receipt.order
        cancellable, until = cancellable_lines(connection, order)
        return replace(
            receipt,
            seats=seats_now(connection, order, dict(receipt.tickets)),
            cancellable=cancellable,
            until=until,
            mail=find_state(connection, f"order:{order.ref}"),
        )

    def _label(self, name: str) -> str:
        method = self._payments.methods.get(name)
        return gettext(method.label) if method else method_name(name)


def _shown_cart(fields: Mapping[str, str]) -> Cart:
    """Return the cart that the form carries. Raises ListChanged where there is none."""
    cart = read_cart(fields.get(FIELD, ""))
    if cart is None or not fields.get("idempotency_key"):
        raise ListChanged
    return cart

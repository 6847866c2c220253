"""Checkout and the receipt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.messaging.mail import find_state
from festgate.kit.money import Money
from festgate.kit.shown import FIELD
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.pages import Writing
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.checkout import queries
from festgate.portal.checkout.carts import Cart, cart_of, in_one_currency, read_cart
from festgate.portal.checkout.errors import ListChanged, NothingToPay
from festgate.portal.checkout.forms import CheckoutForm
from festgate.portal.checkout.methods import PaymentMethod
from festgate.portal.checkout.payments import Payments
from festgate.portal.checkout.placements import cart_key
from festgate.portal.checkout.receipts import Receipt, seats_now
from festgate.portal.checkout.sandbox import CARDS, Sandbox
from festgate.portal.registrations import facade as registrations

RETURNED = "returned"
"""Query parameter with which a payment page sends people back."""
MAX_WAIT = 0.3
"""Seconds that the first look at a paid order waits for its tickets."""
Tickets = Callable[[Connection, int], Mapping[int, str]]
"""The person's ticket codes by seat id."""


@dataclass(frozen=True)
class Choice:
    """A payment method as the form offers it."""

    name: str
    label: str
    hint: str
    takes_card: bool


@dataclass(frozen=True)
class Form:
    """The payment methods, and what somebody has entered; the same for all who have entered nothing."""

    choices: tuple[Choice, ...]
    cards: tuple[tuple[str, str], ...]
    chosen: str
    card_number: str = ""
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Till:
    """What /checkout shows."""

    seats: tuple[registrations.Seat, ...]
    due: Money
    key: str
    cart: str
    """What the form says that it showed."""
    form: Form
    now: Milliseconds
    others: int = 0
    """Held seats in another currency, which are paid in an order of their own."""
    changed: str = ""
    """How the list differs from the one that the person was about to pay."""
    stands: bool = False
    """The clock of the holds stands still, as checkout has rested a moment ago."""
    unconfirmed: str = ""
    """The visitor's email address, where it has to be confirmed before all ways to pay are open."""
    until: Milliseconds = field(compare=False, default=NEVER)


class CheckoutPages:
    """Routes of orders."""

    def __init__(self, portal: Portal, payments: Payments, tickets: Tickets) -> None:
        """`tickets` comes from the module above, which knows what followed from a paid seat."""
        self._portal = portal
        self._payments = payments
        self._tickets = tickets
        self._writing = Writing(portal.settings)
        self._sites = tuple(f"{site}/" for site in portal.settings.payment_sites)
        choices = tuple(_choice(method) for method in payments.methods.values())
        self._blank = Form(choices, tuple(CARDS.items()), choices[0].name if choices else "")
        left = tuple(choice for choice in choices if choice.name not in payments.confirmed_only)
        self._unconfirmed = replace(self._blank, choices=left, chosen=left[0].name if left else "")
        """What is offered while an email address is unconfirmed."""

    def routes(self) -> list[Route]:
        """For app.py."""
        return [
            Route("/checkout", self.show_checkout, methods=["GET"]),
            Route("/checkout", self.check_out, methods=["POST"]),
            Route("/orders/{ref}", self.show_order, methods=["GET"]),
            Route("/orders/{ref}/cancel", self.cancel_order, methods=["POST"]),
        ]

    async def show_checkout(self, request: Request) -> Response:
        """The person's held seats and their total."""
        visitor = await self._portal.signed_in(request)

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
        """One order for the seats that the form showed; then to its receipt, or to where it is paid.

        Where the list is another one by now: 409, and the list as it is.
        """
        portal = self._portal
        visitor = await portal.signed_in(request)
        fields = await read_fields(request)
        try:
            form = checked(CheckoutForm, fields)
            method = self._payments.method(form.payment_method)
        except Invalid as invalid:
            till = await portal.database.read(self._look, visitor, fields, invalid.fields)
            return await portal.page(
                request, "checkout/checkout.html", status=422, shown=till, section="checkout"
            )
        try:
            order = await self._payments.check_out(
                visitor.person,
                method.name,
                form.idempotency_key,
                {"card_number": form.card_number},
                cart=_shown_cart(fields),
            )
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
        """The receipt, and the state of the payment."""
        visitor = await self._portal.signed_in(request)
        ref = read_path(request, "ref")
        if RETURNED in request.query_params:
            # Back from the payment page, perhaps before its provider has told us.
            order = await self._portal.database.read(queries.order_of_person, visitor.person, ref)
            if order.state == "pending":
                await self._payments.ask_for(order)
            return see_other(f"/orders/{ref}")

        async def look() -> Receipt:
            database = self._portal.database
            receipt = await database.read(self._receipt, visitor.person, visitor.username, ref)
            if receipt.awaits_tickets(database.clock()):
                # Who has just paid comes here a few milliseconds before the tickets do.
                await database.wait_for(registrations.tickets_of(visitor.person), MAX_WAIT)
                receipt = await database.read(self._with_sent, receipt)
            return receipt

        return await self._portal.kept_page(
            request, ("order", visitor.person, ref), look, "checkout/order.html", section="my-events"
        )

    async def cancel_order(self, request: Request) -> Response:
        """Give up an order that is not paid."""
        visitor = await self._portal.signed_in(request)
        order = await self._payments.cancel(visitor.person, read_path(request, "ref"))
        return see_other(f"/orders/{order.ref}")

    def _look(
        self,
        connection: Connection,
        visitor: Visitor,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Till:
        person_id = visitor.person
        limited = bool(self._payments.confirmed_only) and not visitor.is_confirmed
        payable = registrations.payable_seats(connection, person_id)
        seats = in_one_currency(payable, self._portal.settings.currency)
        cart = cart_of(person_id, seats, self._portal.settings.currency)
        second = connection.now // SECOND * SECOND
        stands = any(seat.stood is not None for seat in seats)
        return Till(
            seats=tuple(sorted(seats, key=lambda seat: (seat.starts_at, seat.id))),
            due=cart.total,
            key=cart_key(connection, self._portal.secret, cart) if seats else "",
            cart=cart.shown if seats else "",
            form=self._form(self._unconfirmed if limited else self._blank, entered, errors),
            unconfirmed=visitor.email if limited else "",
            others=len(payable) - len(seats),
            now=connection.now if stands else second if seats else 0,
            stands=stands,
            until=second + SECOND if seats and not stands else NEVER,
        )

    @staticmethod
    def _form(blank: Form, entered: Mapping[str, str] | None, errors: Mapping[str, str] | None) -> Form:
        if entered is None:
            return blank
        return replace(
            blank,
            chosen=entered.get("payment_method", blank.chosen),
            card_number=entered.get("card_number", ""),
            errors=tuple((errors or {}).items()),
        )

    def _receipt(self, connection: Connection, person_id: int, username: str, ref: str) -> Receipt:
        order = queries.order_of_person(connection, person_id, ref)
        receipt = Receipt(
            order=order,
            username=username,
            method=self._label(order.method),
            refunds=tuple(queries.refunds_of(connection, order.id)),
            tickets=(),
            mail=None,
            mail_leaves=bool(self._portal.settings.smtp_host),
            writing=self._writing,
        )
        return self._with_sent(connection, receipt)

    def _with_sent(self, connection: Connection, receipt: Receipt) -> Receipt:
        """The receipt with what follows from a payment: the tickets by seat, and the email."""
        order = receipt.order
        codes = self._tickets(connection, order.person_id)
        tickets = tuple((line.seat_id, codes[line.seat_id]) for line in order.lines if line.seat_id in codes)
        return replace(
            receipt,
            tickets=tickets,
            seats=seats_now(connection, order, codes),
            mail=find_state(connection, f"order:{order.ref}"),
        )

    def _label(self, name: str) -> str:
        method = self._payments.methods.get(name)
        return method.label if method else name


def _shown_cart(fields: Mapping[str, str]) -> Cart:
    """The cart that the form carries. ListChanged for a form from before an update, and for one that is not ours."""
    cart = read_cart(fields.get(FIELD, ""))
    if cart is None or not fields.get("idempotency_key"):
        raise ListChanged
    return cart


def _choice(method: PaymentMethod) -> Choice:
    return Choice(method.name, method.label, method.hint, isinstance(method, Sandbox))

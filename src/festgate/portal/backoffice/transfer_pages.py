"""The treasurer's list of open transfers, each of which is confirmed, or its number rejected."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused
from festgate.kit.ids import read_code
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext, ngettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.badges import badge_of_order
from festgate.portal.backoffice.transfer_view import age_of
from festgate.portal.checkout import facade as checkout

PATH = "/organise/transfers"
PER_PAGE = 50
MAX_WORDS = 100
MAX_NUMBER = 6
"""Digits of a page or of a count in the address."""
MAX_REF = 40


class TransferPages:
    """Pages of open transfers, for everybody with the permission `transfers`."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard, order = self._portal.guard, f"{PATH}/orders/{{ref}}"
        return [
            guard("transfers", PATH, self.show_open),
            guard("transfers", order, self.show_order),
            guard("transfers", f"{order}/confirm", self.confirm, methods=["POST"]),
            guard("transfers", f"{order}/reject", self.reject, methods=["POST"]),
        ]

    async def show_open(self, request: Request) -> Response:
        """Answer with the open transfers, those with a number of their payment first."""
        words = read_query(request, "q", MAX_WORDS)
        database = self._portal.database

        def read(connection: Connection) -> tuple[list[checkout.OpenTransfer], int]:
            try:
                rows = checkout.open_transfers(connection, words)
            except ValueError:  # the words cannot be searched for
                rows = []
            return rows, len(checkout.open_lines(connection))

        rows, unmatched = await database.report(read)
        pages = max(1, -(-len(rows) // PER_PAGE))
        page = min(pages, max(1, read_number(request, "page")))
        now = database.clock()
        return await self._portal.page(
            request,
            "backoffice/transfers.html",
            section="organise",
            rows=[
                (row, age_of(row.created_at, now)) for row in rows[(page - 1) * PER_PAGE : page * PER_PAGE]
            ],
            total=len(rows),
            page=page,
            pages=pages,
            words=words,
            max_length=MAX_WORDS,
            unmatched=unmatched,
            takes_transfers="transfer" in self._portal.settings.payment_methods,
            notice=await self._notice(request),
        )

    async def _notice(self, request: Request) -> tuple[str, str] | None:
        """Return the tone of the last step, and a sentence about it."""
        ref = read_query(request, "done", MAX_REF)
        if ref:
            try:
                order = await self._portal.database.read(checkout.order_by_ref, read_code(ref))
            except NotFound:
                return None
            return _about_order(order)
        if not read_query(request, "imported", 1):
            return None
        paid, filed, listed, known = (
            read_number(request, name) for name in ("paid", "filed", "listed", "known")
        )
        parts = [
            ngettext("{count} order is paid.", "{count} orders are paid.", paid).format(count=paid),
            ngettext(
                "{count} payment is filed with an order that was confirmed by hand.",
                "{count} payments are filed with orders that were confirmed by hand.",
                filed,
            ).format(count=filed)
            if filed
            else "",
            ngettext("{count} payment is unmatched.", "{count} payments are unmatched.", listed).format(
                count=listed
            )
            if listed
            else "",
            ngettext(
                "{count} payment had been imported before.",
                "{count} payments had been imported before.",
                known,
            ).format(count=known)
            if known
            else "",
        ]
        return "good", " ".join(filter(None, parts))

    async def show_order(self, request: Request) -> Response:
        """Answer with one transfer, the consequences of confirming it, and the buttons."""
        return await self._order(request)

    async def _order(self, request: Request, refusal: Refused | None = None) -> Response:
        ref = read_code(read_path(request, "ref"))

        def read(
            connection: Connection,
        ) -> tuple[checkout.Order, checkout.TransferState, accounts.Person, list[checkout.BankLine]]:
            order = checkout.order_by_ref(connection, ref)
            return (
                order,
                checkout.transfer_of(connection, order.id),
                accounts.person_by_id(connection, order.person_id),
                checkout.lines_of_order(connection, order.id),
            )

        order, state, person, lines = await self._portal.database.read(read)
        return await self._portal.page(
            request,
            "backoffice/transfer.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            order=order,
            state=state,
            person=person,
            lines=lines,
            badge_of=badge_of_order(order.state),
            age=age_of(order.created_at, self._portal.database.clock()),
            can_confirm=order.state in ("pending", "expired"),
            shown=checkout.shown_transfer(order, state),
            refused=refusal.message if refusal else "",
        )

    async def confirm(self, request: Request) -> Response:
        """Record that the amount has arrived, as the page showed it."""
        visitor = await self._portal.allow(request, "transfers")
        ref = read_code(read_path(request, "ref"))
        shown = (await read_fields(request)).get(FIELD, "")
        try:
            order = await self._portal.database.write(
                checkout.confirm_transfer, ref, visitor.person, self._portal.actor(request), shown
            )
        except (checkout.OrderChanged, checkout.NotPending) as refusal:
            return await self._order(request, refusal)
        return see_other(f"{PATH}?done={order.ref}")

    async def reject(self, request: Request) -> Response:
        """Reject the number that the page showed; the payer gets an email."""
        ref = read_code(read_path(request, "ref"))
        utr = (await read_fields(request)).get("utr", "")
        try:
            order = await self._portal.database.write(
                checkout.reject_utr, ref, self._portal.actor(request), utr
            )
        except (checkout.OrderChanged, checkout.NotPending) as refusal:
            return await self._order(request, refusal)
        return see_other(f"{PATH}?done={order.ref}")


def _about_order(order: checkout.Order) -> tuple[str, str]:
    if order.state == "paid":
        return "good", gettext("Order {ref} is paid. Its tickets are sent by email.").format(ref=order.ref)
    if order.state in ("refunding", "refunded"):
        sentence = gettext(
            "The seats of order {ref} were gone. Return the money, then mark it refunded under Orders."
        )
        return "warn", sentence.format(ref=order.ref)
    sentence = gettext("The number of order {ref} is rejected. The payer gets an email.")
    return "good", sentence.format(ref=order.ref)


def read_number(request: Request, name: str) -> int:
    """Return a small number of the address; 0 without one."""
    text = read_query(request, name, MAX_NUMBER)
    return int(text) if text.isascii() and text.isdecimal() else 0

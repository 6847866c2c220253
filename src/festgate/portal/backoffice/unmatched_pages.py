"""The treasurer's list of payments without an order: assign some of them to an order, or ignore them."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused
from festgate.kit.ids import read_code
from festgate.kit.money import total
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.transfer_pages import MAX_REF, PATH
from festgate.portal.backoffice.transfer_view import effects_of, problem_of, read_line_ids
from festgate.portal.checkout import facade as checkout

MAX_IDS = 400
"""Characters of the ids of payments in an address."""
MAX_FIELDS = 510
"""Fields of the list: one for each payment."""
MAX_LIKELY = 8
"""Orders of the same amount that are suggested."""


@dataclass(frozen=True, slots=True)
class UnmatchedRow:
    """A payment in the list."""

    line: checkout.BankLine
    problem: str
    days_left: int
    """Days until it is deleted."""


class UnmatchedPages:
    """Pages of unmatched payments, for everybody with the permission `transfers`."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("transfers", f"{PATH}/unmatched", self.show_unmatched),
            guard("transfers", f"{PATH}/unmatched", self.choose, methods=["POST"]),
            guard("transfers", f"{PATH}/assign", self.show_assignment),
            guard("transfers", f"{PATH}/assign", self.assign, methods=["POST"]),
            guard("transfers", f"{PATH}/ignore", self.show_ignoring),
            guard("transfers", f"{PATH}/ignore", self.ignore, methods=["POST"]),
        ]

    async def show_unmatched(self, request: Request) -> Response:
        """Answer with the payments without an order, oldest first."""
        return await self._unmatched(request)

    async def _unmatched(self, request: Request, problem: str = "") -> Response:
        lines = await self._portal.database.report(checkout.open_lines)
        now = self._portal.database.clock()
        done = read_query(request, "done", MAX_REF)
        notice = ""
        if done:
            notice = gettext("The payment is assigned to order {ref}.").format(ref=read_code(done))
        elif read_query(request, "ignored", 1):
            notice = gettext("The payments are off the list.")
        return await self._portal.page(
            request,
            "backoffice/unmatched.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            section="organise",
            rows=[
                UnmatchedRow(
                    line,
                    problem_of(line.problem, line.likely_ref),
                    max(0, -(-(line.imported_at + checkout.KEPT_DAYS * DAY - now) // DAY)),
                )
                for line in lines
            ],
            kept_days=checkout.KEPT_DAYS,
            max_together=checkout.MAX_TOGETHER,
            problem=problem,
            notice=notice,
        )

    async def choose(self, request: Request) -> Response:
        """Lead to the page that assigns or ignores the ticked payments."""
        fields = await read_fields(request, max_fields=MAX_FIELDS)
        ids = [name.removeprefix("line-") for name in fields if name.startswith("line-")]
        lines = read_line_ids(",".join(ids)) if ids else ()
        if not lines:
            problem = gettext("Tick the payments first: at least one, and at most {count}.")
            return await self._unmatched(request, problem.format(count=checkout.MAX_TOGETHER))
        page = "ignore" if fields.get("step") == "ignore" else "assign"
        return see_other(f"{PATH}/{page}?lines={','.join(map(str, lines))}")

    async def show_assignment(self, request: Request) -> Response:
        """Answer with the choice of the order; or with the effect of assigning the payments to it."""
        lines = self._lines(read_query(request, "lines", MAX_IDS))
        return await self._assignment(request, lines, read_query(request, "ref", MAX_REF))

    async def _assignment(
        self, request: Request, line_ids: tuple[int, ...], words: str, refusal: Refused | None = None
    ) -> Response:
        ref = read_code(words)

        def read(
            connection: Connection,
        ) -> tuple[
            list[checkout.BankLine],
            checkout.Assignment | None,
            accounts.Person | None,
            list[checkout.OpenTransfer],
            str,
        ]:
            lines = checkout.lines_by_id(connection, line_ids)
            received = total([line.amount for line in lines], lines[0].amount.currency)
            likely = [row for row in checkout.open_transfers(connection) if row.total == received][
                :MAX_LIKELY
            ]
            if not ref:
                return lines, None, None, likely, ""
            try:
                plan = checkout.plan_assignment(connection, ref, line_ids)
            except NotFound:
                return lines, None, None, likely, gettext("There is no order with this number.")
            except (checkout.NotByTransfer, checkout.OtherCurrency, checkout.LineSettled) as problem:
                return lines, None, None, likely, problem.message
            person = accounts.person_by_id(connection, plan.order.person_id)
            return lines, plan, person, likely, ""

        lines, plan, person, likely, error = await self._portal.database.report(read)
        suggested = next((line.likely_ref for line in lines if line.likely_ref), "")
        return await self._portal.page(
            request,
            "backoffice/assign.html",
            status=refusal.status if refusal else HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
            section="organise",
            lines=lines,
            ids=",".join(str(line.id) for line in lines),
            plan=plan,
            person=person,
            effects=effects_of(plan, self._writing) if plan is not None else [],
            likely=likely,
            words=words or suggested,
            error=error,
            max_length=MAX_REF,
            refused=refusal.message if refusal else "",
        )

    async def assign(self, request: Request) -> Response:
        """Assign the payments as the page showed it, or show the page again."""
        visitor = await self._portal.allow(request, "transfers")
        fields = await read_fields(request)
        line_ids = self._lines(fields.get("lines", ""))
        words = fields.get("ref", "")[:MAX_REF]
        actor = self._portal.actor(request)
        seen, accepts_less = fields.get(FIELD, ""), fields.get("accepts_less") == "yes"

        def operation(connection: Connection) -> checkout.Assignment:
            return checkout.assign_lines(
                connection,
                read_code(words),
                line_ids,
                visitor.person,
                actor,
                seen=seen,
                accepts_less=accepts_less,
            )

        try:
            plan = await self._portal.database.write(operation)
        except (checkout.OrderChanged, checkout.LineSettled) as refusal:
            return await self._assignment(request, line_ids, words, refusal)
        return see_other(f"{PATH}/unmatched?{urlencode({'done': plan.order.ref})}")

    async def show_ignoring(self, request: Request) -> Response:
        """Answer with the payments that would leave the list, and the button."""
        line_ids = self._lines(read_query(request, "lines", MAX_IDS))
        lines = await self._portal.database.read(checkout.lines_by_id, line_ids)
        return await self._portal.page(
            request,
            "backoffice/ignore_lines.html",
            section="organise",
            lines=lines,
            ids=",".join(str(line.id) for line in lines),
            kept_days=checkout.KEPT_DAYS,
        )

    async def ignore(self, request: Request) -> Response:
        """Take the payments off the list."""
        visitor = await self._portal.allow(request, "transfers")
        line_ids = self._lines((await read_fields(request)).get("lines", ""))
        await self._portal.database.write(
            checkout.ignore_lines, line_ids, visitor.person, self._portal.actor(request)
        )
        return see_other(f"{PATH}/unmatched?ignored=1")

    @staticmethod
    def _lines(text: str) -> tuple[int, ...]:
        """Return the ids of payments. Raises NotFound if the text has none."""
        line_ids = read_line_ids(text)
        if not line_ids:
            raise NotFound
        return line_ids

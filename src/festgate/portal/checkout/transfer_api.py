"""Transfers as JSON: how to pay, the payer's number, the treasurer's list, and bank statements."""

from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, problems
from festgate.kit.web.portal import Portal
from festgate.portal.checkout import bank_lines, matching, queries, records, transfers
from festgate.portal.checkout.errors import (
    LineSettled,
    NotByTransfer,
    NotPending,
    OrderChanged,
    OtherCurrency,
)
from festgate.portal.checkout.statement_columns import ROLES, Role
from festgate.portal.checkout.statement_files import (
    MAX_STATEMENT,
    BankStatement,
    StatementUnreadable,
    read_statement,
    read_table,
)
from festgate.portal.checkout.statement_values import DateOrder
from festgate.portal.checkout.transfer_account import account_of
from festgate.portal.checkout.transfer_queries import expected_orders, open_transfers

AT_ONCE = 10
"""Payments that one operation imports."""
LAST_PAGE = 1_000
MAX_PER_PAGE = 100
Id = Annotated[int, Field(ge=1, le=2**53)]


class TransferOutput(BaseModel):
    """The way to pay an order by transfer, and the progress of the payment."""

    ref: str = Field(description="The reference that the transfer must have.")
    state: records.OrderState
    amount: Amount
    expires_at: datetime = Field(description="Until then the seats are kept.")
    account_holder: str
    account: str = Field(description="The number of the account, or its IBAN; empty without one.")
    bank: str
    ifsc: str
    upi_link: str = Field(
        description="The address for UPI apps, and the text of the QR code; empty without UPI."
    )
    utr: str = Field(
        description="The bank's number of the payment that the payer entered; empty without one."
    )
    rejected_utr: str = Field(description="The number with which no payment arrived; empty without one.")


class UtrInput(BaseModel, extra="forbid"):
    """The bank's number of a payment."""

    utr: str = Field(max_length=100, description="The UTR: 12, 16 or 22 characters in INR; else 8 to 35.")


class OpenTransferOutput(BaseModel):
    """An order that waits for a transfer, for treasurers."""

    ref: str
    state: records.OrderState
    amount: Amount
    payer: str
    email: str
    utr: str
    created_at: datetime
    expires_at: datetime


class TransferPage(BaseModel):
    """A page of open transfers; those with a number of their payment come first."""

    transfers: list[OpenTransferOutput]
    total: int
    page: int
    pages: int


class ConfirmationInput(BaseModel, extra="forbid"):
    """The confirmation of a transfer."""

    amount: Annotated[int, Field(ge=0, le=2**53)] = Field(
        description="The amount that has arrived, in minor units; it must be the order's."
    )
    currency: Annotated[str, Field(min_length=3, max_length=3)] = Field(description="ISO 4217 code.")


class StatementInput(BaseModel, extra="forbid"):
    """A bank statement."""

    csv: Annotated[str, Field(max_length=MAX_STATEMENT)] = Field(description="The content of the CSV file.")
    columns: dict[Annotated[str, Field(max_length=2, pattern=r"^[0-9]{1,2}$")], Role] = Field(
        default={},
        max_length=60,
        description="The content of the columns by their number, from 0, if the headings are unknown: "
        f"{', '.join(ROLES)}.",
    )
    date_order: DateOrder | None = Field(
        default=None,
        description="The order of day and month, if the dates leave it open (`dates.is_open` of the answer): no number "
        "of them is above 12. Without it the day is first.",
    )
    dry_run: bool = Field(
        default=True, description="Whether only to match the payments, and to store nothing."
    )


class PaymentOutput(BaseModel):
    """A payment of a statement."""

    line: int
    booked_on: date
    amount: Amount
    text: str
    utr: str
    result: matching.Result = Field(
        description="What importing it does; pays, files and known are no problem."
    )
    ref: str | None = Field(description="The order that it pays, or for which it seems to be.")


class DatesOutput(BaseModel):
    """The way in which the dates of a statement were read."""

    order: DateOrder | None = Field(
        description="null if no date has the month as a number after or before a day."
    )
    is_open: bool = Field(
        description="Whether the dates fit the other order too: check them, or set `date_order`."
    )


class StatementOutput(BaseModel):
    """A statement whose payments were matched, and imported unless it was a dry run."""

    payments: list[PaymentOutput]
    dates: DatesOutput
    outgoing: int = Field(description="Outgoing payments, which are left out.")
    unreadable: dict[str, str] = Field(description="A sentence for each line that cannot be read.")
    paid: int = Field(description="Orders that were marked paid.")
    filed: int = Field(description="Payments that were filed with orders that had been confirmed by hand.")
    known: int = Field(description="Payments that had been imported before.")
    listed: int = Field(description="Payments that are in the list of unmatched ones now.")


class BankLineOutput(BaseModel):
    """A payment without an order."""

    id: int
    booked_on: date
    amount: Amount
    text: str
    utr: str
    state: bank_lines.LineState
    problem: str
    likely_ref: str
    deleted_at: datetime = Field(description="When it is deleted unless it is assigned.")

    @classmethod
    def of(cls, line: bank_lines.BankLine) -> "BankLineOutput":
        """Return the payment as JSON shows it."""
        return cls(
            id=line.id,
            booked_on=date.fromisoformat(line.booked_on),
            amount=Amount.of(line.amount),
            text=line.narration,
            utr=line.utr,
            state=line.state,
            problem=line.problem,
            likely_ref=line.likely_ref,
            deleted_at=moment(line.imported_at + bank_lines.KEPT, UTC),
        )


class ConfirmedOutput(BaseModel):
    """An order after a treasurer's step."""

    ref: str
    state: records.OrderState
    amount: Amount

    @classmethod
    def of(cls, order: records.Order) -> "ConfirmedOutput":
        """Return the order as JSON shows it."""
        return cls(ref=order.ref, state=order.state, amount=Amount.of(order.total))


class AssignmentInput(BaseModel, extra="forbid"):
    """Payments that pay one order."""

    ref: Annotated[str, Field(max_length=40)] = Field(description="The order's reference.")
    lines: Annotated[list[Id], Field(min_length=1, max_length=bank_lines.MAX_TOGETHER)]
    accepts_less: bool = Field(
        default=False, description="Whether less than the order costs is accepted as the full payment."
    )


class AssignmentOutput(BaseModel):
    """The effect of assigning payments to an order."""

    ref: str
    state: records.OrderState
    received: Amount
    missing: Amount = Field(description="The amount by which the price was lowered.")
    to_return: Amount = Field(description="The amount that is to be returned.")


class LinesInput(BaseModel, extra="forbid"):
    """Payments that are ignored."""

    lines: Annotated[list[Id], Field(min_length=1, max_length=bank_lines.MAX_TOGETHER)]


class Asked(BaseModel, extra="forbid"):
    """The filter of the list of open transfers."""

    q: Annotated[str, Field(max_length=100)] = Field(
        default="", description="Order number, UTR, amount, or payer."
    )
    page: Annotated[int, Field(ge=1, le=LAST_PAGE)] = 1
    per_page: Annotated[int, Field(ge=1, le=MAX_PER_PAGE)] = 50


class TransferApi:
    """JSON routes of transfers."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to those of orders."""
        self._add_payer(router)
        self._add_treasurer(router)
        self._add_lines(router)
        self._add_statements(router)

    def _add_payer(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal))]  # noqa: N806  (a type)

        @router.get("/orders/{ref}/transfer", responses=problems(SignInNeeded, NotFound, NotByTransfer))
        async def show_transfer(ref: Name, person: Caller) -> TransferOutput:
            """Show how to pay one of your orders by transfer."""
            return await database.read(self._output, person.person, ref)

        @router.put(
            "/orders/{ref}/transfer", responses=problems(SignInNeeded, NotFound, NotByTransfer, NotPending)
        )
        async def enter_utr(ref: Name, body: UtrInput, person: Caller) -> TransferOutput:
            """Enter the bank's number of your payment; it can be changed until the payment is confirmed. Idempotent."""
            await database.write(transfers.enter_utr, person.person, ref, body.utr)
            return await database.read(self._output, person.person, ref)

    def _output(self, connection: Connection, person_id: int, ref: str) -> TransferOutput:
        order = queries.order_of_person(connection, person_id, ref)
        state = transfers.transfer_of(connection, order.id)
        account = account_of(self._portal.settings)
        if account is None:
            raise NotByTransfer
        return TransferOutput(
            ref=order.ref,
            state=order.state,
            amount=Amount.of(order.total),
            expires_at=moment(order.expires_at, UTC),
            account_holder=account.holder,
            account=account.number,
            bank=account.bank,
            ifsc=account.ifsc,
            upi_link=account.upi_link(order.total, order.ref),
            utr=state.utr,
            rejected_utr=state.rejected_utr,
        )

    def _add_treasurer(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "transfers"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden)

        @router.get("/transfers", responses=problems(*refusals))
        async def list_open(asked: Annotated[Asked, Query()], _person: Caller) -> TransferPage:
            """List open transfers: for treasurers."""

            def read(connection: Connection) -> TransferPage:
                try:
                    rows = open_transfers(connection, asked.q)
                except ValueError as error:
                    raise Invalid({"q": str(error)}) from None
                first = (asked.page - 1) * asked.per_page
                return TransferPage(
                    transfers=[
                        OpenTransferOutput(
                            ref=row.ref,
                            state=row.state,
                            amount=Amount.of(row.total),
                            payer=row.payer,
                            email=row.email,
                            utr=row.utr,
                            created_at=moment(row.created_at, UTC),
                            expires_at=moment(row.expires_at, UTC),
                        )
                        for row in rows[first : first + asked.per_page]
                    ],
                    total=len(rows),
                    page=asked.page,
                    pages=max(1, -(-len(rows) // asked.per_page)),
                )

            return await database.report(read)

        @router.post(
            "/transfers/{ref}/confirm",
            responses=problems(*refusals, NotFound, NotByTransfer, NotPending, OrderChanged),
        )
        async def confirm(
            ref: Name, body: ConfirmationInput, person: Caller, request: Request
        ) -> ConfirmedOutput:
            """Record that the whole amount of an order has arrived: for treasurers. Idempotent."""
            arrived = Money(body.amount, body.currency)

            def operation(connection: Connection) -> records.Order:
                order = transfers.lock_transfer(connection, ref)
                if order.paid_at is None and order.total != arrived:
                    raise OrderChanged(order.ref)
                return transfers.confirm_transfer(
                    connection, ref, person.person, actor_of(person, request), None
                )

            return ConfirmedOutput.of(await database.write(operation))

        @router.post(
            "/transfers/{ref}/reject",
            responses=problems(*refusals, NotFound, NotByTransfer, NotPending, OrderChanged),
        )
        async def reject(ref: Name, body: UtrInput, person: Caller, request: Request) -> ConfirmedOutput:
            """Reject the number that a payer entered; they get an email: for treasurers. Idempotent."""
            return ConfirmedOutput.of(
                await database.write(transfers.reject_utr, ref, actor_of(person, request), body.utr)
            )

    def _add_lines(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "transfers"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden)

        @router.get("/bank-lines", responses=problems(*refusals))
        async def list_unmatched(_person: Caller) -> list[BankLineOutput]:
            """List the payments of statements that have no order, oldest first: for treasurers."""
            return [BankLineOutput.of(line) for line in await database.report(bank_lines.open_lines)]

        @router.post(
            "/bank-lines/assign",
            responses=problems(*refusals, NotFound, NotByTransfer, OtherCurrency, LineSettled, OrderChanged),
        )
        async def assign(body: AssignmentInput, person: Caller, request: Request) -> AssignmentOutput:
            """Assign payments to an order, and pay it: for treasurers. Idempotent."""

            def operation(connection: Connection) -> AssignmentOutput:
                plan = bank_lines.assign_lines(
                    connection,
                    body.ref,
                    set(body.lines),
                    person.person,
                    actor_of(person, request),
                    seen=None,
                    accepts_less=body.accepts_less,
                )
                return AssignmentOutput(
                    ref=plan.order.ref,
                    state=queries.order_by_id(connection, plan.order.id).state,
                    received=Amount.of(plan.received),
                    missing=Amount.of(plan.missing),
                    to_return=Amount.of(plan.rest),
                )

            return await database.write(operation)

        @router.post("/bank-lines/ignore", responses=problems(*refusals, NotFound, LineSettled))
        async def ignore(body: LinesInput, person: Caller, request: Request) -> list[BankLineOutput]:
            """Take payments off the list of unmatched ones: for treasurers. Idempotent."""
            actor = actor_of(person, request)
            await database.write(bank_lines.ignore_lines, set(body.lines), person.person, actor)
            return [
                BankLineOutput.of(line)
                for line in await database.read(bank_lines.lines_by_id, set(body.lines))
            ]

    def _add_statements(self, router: APIRouter) -> None:
        portal, database = self._portal, self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(portal, "transfers"))]  # noqa: N806  (a type)

        @router.post("/bank-statements", responses=problems(SignInNeeded, Forbidden))
        async def upload(body: StatementInput, person: Caller, request: Request) -> StatementOutput:
            """Match the payments of a bank statement with orders, and import them: for treasurers.

            A payment counts once, in however many statements it is.
            """
            statement = _read(body, portal.settings.currency)

            def match(connection: Connection) -> list[matching.Match]:
                known = bank_lines.all_fingerprints(connection)
                fingerprint = partial(bank_lines.fingerprint_of, portal.secret)
                return matching.match_all(statement.credits, expected_orders(connection), fingerprint, known)

            matches = await database.report(match)
            imported = bank_lines.Imported()
            actor = actor_of(person, request)
            if not body.dry_run:
                for start in range(0, len(matches), AT_ONCE):
                    part = matches[start : start + AT_ONCE]
                    imported += await database.write(
                        bank_lines.import_lines, part, portal.secret, person.person, actor
                    )
                if imported.paid + imported.filed + imported.listed:
                    counted = Money(
                        sum(match.credit.amount.minor for match in matches), portal.settings.currency
                    )
                    await database.write(bank_lines.note_import, actor, imported, counted)
            return _shown(statement, matches, imported)


def _read(body: StatementInput, currency: str) -> BankStatement:
    roles: dict[int, Role] | None = {int(number): role for number, role in body.columns.items()} or None
    try:
        statement = read_statement(read_table(body.csv.encode()), currency, roles, body.date_order)
    except (StatementUnreadable, UnicodeError) as error:
        raise Invalid({"csv": str(error)}) from None
    if statement is None:
        raise Invalid(
            {"columns": "The headings are not known. Name the columns of the date, the amount and the text."}
        )
    return statement


def _shown(
    statement: BankStatement, matches: list[matching.Match], imported: bank_lines.Imported
) -> StatementOutput:
    return StatementOutput(
        payments=[
            PaymentOutput(
                line=match.credit.line,
                booked_on=date.fromisoformat(match.credit.booked_on),
                amount=Amount.of(match.credit.amount),
                text=match.credit.narration,
                utr=match.credit.utr,
                result=match.result,
                ref=None if match.order is None else match.order.ref,
            )
            for match in matches
        ],
        dates=DatesOutput(order=statement.dates.order, is_open=statement.dates.is_open),
        outgoing=statement.outgoing,
        unreadable={str(problem.line): problem.sentence for problem in statement.problems},
        paid=imported.paid,
        filed=imported.filed,
        known=imported.known,
        listed=imported.listed,
    )

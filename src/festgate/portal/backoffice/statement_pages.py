"""Uploading a bank statement: choose the file, name its columns if they are unknown, look, and confirm."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.money import Money, totals
from festgate.kit.sealed import seal, unseal
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.portal import Portal, see_other
from festgate.kit.web.uploads import read_upload
from festgate.portal.backoffice.transfer_pages import PATH
from festgate.portal.backoffice.transfer_view import result_of
from festgate.portal.checkout import facade as checkout

MAX_SEALED = 2_000_000
"""Characters of the hidden field with a file or its payments."""
AT_ONCE = 10
"""Payments that one operation imports: about 10 ms, after which others have their turn at the writer."""
MAX_SAMPLE = 4
"""Lines below the headings that the choice of columns shows."""
ORDERS: tuple[checkout.DateOrder, ...] = ("day_first", "month_first")
# Sealed payments of earlier versions, without the other day, are refused as another kind.
PAYMENTS, FILE = "payments of a statement 2", "file of a statement"


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A payment of a statement, and what importing it would do."""

    credit: checkout.Credit
    sentence: str
    ref: str


@dataclass(frozen=True, slots=True)
class DatesView:
    """The order in which the dates of a statement were read, and the other one if they leave it open."""

    order: checkout.DateOrder
    example: str
    """A date as the statement has it."""
    day: date
    """The day as which it was read."""
    choices: tuple[tuple[checkout.DateOrder, date], ...]
    """Both orders with the day of the example, if the dates leave it open."""


class StatementPages:
    """Pages of an upload, for everybody with the permission `transfers`. Nothing is stored before the last step."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._currency = portal.settings.currency

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard, path = self._portal.guard, f"{PATH}/statement"
        return [
            guard("transfers", path, self.show_upload),
            guard("transfers", path, self.read, methods=["POST"]),
            guard("transfers", f"{path}/columns", self.choose_columns, methods=["POST"]),
            guard("transfers", f"{path}/import", self.import_payments, methods=["POST"]),
        ]

    async def show_upload(self, request: Request) -> Response:
        """Answer with the form for the file."""
        return await self._upload(request)

    async def _upload(self, request: Request, problem: str = "") -> Response:
        return await self._portal.page(
            request,
            "backoffice/statement.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            section="organise",
            problem=problem,
            max_megabytes=checkout.MAX_STATEMENT // 1024**2,
        )

    async def read(self, request: Request) -> Response:
        """Show the payments of the file, or the choice of columns if its headings are unknown."""
        sent = await read_upload(request, "file")
        if not sent.content:
            return await self._upload(request, gettext("Choose a file."))
        try:
            # On a thread: the largest file takes 0.2 s.
            table = await asyncio.to_thread(checkout.read_table, sent.content)
            statement = await asyncio.to_thread(checkout.read_statement, table, self._currency)
        except checkout.StatementUnreadable as error:
            return await self._upload(request, str(error))
        if statement is None:
            return await self._columns(request, table, sent.content, sent.name)
        return await self._preview(request, statement, sent.name, (sent.content, {}))

    async def choose_columns(self, request: Request) -> Response:
        """Show the payments of the file whose columns or order of dates were chosen, or the choice again."""
        fields = await read_fields(request, MAX_SEALED, max_fields=2 * checkout.MAX_HEADINGS)
        data = unseal(self._portal.secret, FILE, fields.get("file", ""))
        name = fields.get("name", "")[:80]
        roles: dict[int, checkout.Role] = {
            number: role
            for number in range(checkout.MAX_HEADINGS)
            for role in checkout.ROLE_NAMES
            if fields.get(f"column-{number}") == role
        }
        table = await asyncio.to_thread(checkout.read_table, data)
        order = _read_order(fields.get("dates", ""))
        known = None if order is not None and not roles else roles
        try:
            statement = await asyncio.to_thread(checkout.read_statement, table, self._currency, known, order)
        except checkout.StatementUnreadable as error:
            return await self._columns(request, table, data, name, roles, str(error))
        if statement is None or not (statement.credits or statement.outgoing):
            problem = gettext("No line has a date and an amount in these columns. Choose others.")
            return await self._columns(request, table, data, name, roles, problem)
        return await self._preview(request, statement, name, (data, roles))

    async def _columns(
        self,
        request: Request,
        table: checkout.StatementTable,
        data: bytes,
        name: str,
        roles: dict[int, checkout.Role] | None = None,
        problem: str = "",
    ) -> Response:
        start = table.heading
        headings = table.rows[start][1]
        sample = [cells for _, cells in table.rows[start + 1 : start + 1 + MAX_SAMPLE]]
        return await self._portal.page(
            request,
            "backoffice/statement_columns.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            section="organise",
            columns=[
                (
                    number,
                    heading or gettext("Column {number}").format(number=number + 1),
                    [cells[number] for cells in sample if number < len(cells) and cells[number]],
                    (roles or {}).get(number, ""),
                )
                for number, heading in enumerate(headings)
            ],
            choices=[
                ("", gettext("Leave out")),
                *((role, gettext(text)) for role, text in checkout.ROLE_NAMES.items()),
            ],
            sealed=seal(self._portal.secret, FILE, data),
            name=name[:80],
            problem=problem,
        )

    async def _preview(
        self,
        request: Request,
        statement: checkout.BankStatement,
        name: str,
        again: tuple[bytes, dict[int, checkout.Role]],
    ) -> Response:
        """Answer with the payments. `again` is the file, with the columns that were chosen, to read it once more."""
        data, roles = again
        matches = await self._match(statement.credits)
        writing = self._portal.pages.writing
        groups: dict[str, list[PreviewRow]] = {"pays": [], "listed": [], "known": []}
        for match in matches:
            group = (
                "pays"
                if match.result in ("pays", "files")
                else "known"
                if match.result == "known"
                else "listed"
            )
            ref = match.order.ref if match.order is not None else ""
            groups[group].append(PreviewRow(match.credit, result_of(match, writing), ref))
        paid = totals(match.credit.amount for match in matches if match.result == "pays")
        return await self._portal.page(
            request,
            "backoffice/statement_preview.html",
            section="organise",
            groups=groups,
            statement=statement,
            paid=gettext(" and ").join(writing.money(amount) for amount in paid),
            kept_days=checkout.KEPT_DAYS,
            dates=_view_dates(statement),
            # The whole file, so only where it may be read in another way.
            sealed_file=seal(self._portal.secret, FILE, data) if statement.dates.is_open else "",
            name=name[:80],
            roles=roles,
            sealed=seal(self._portal.secret, PAYMENTS, _packed(matches, name)),
        )

    async def _match(self, incoming: tuple[checkout.Credit, ...]) -> list[checkout.Match]:
        fingerprint = partial(checkout.fingerprint_of, self._portal.secret)

        def read(connection: Connection) -> list[checkout.Match]:
            expected = checkout.expected_orders(connection)
            return checkout.match_all(incoming, expected, fingerprint, checkout.all_fingerprints(connection))

        return await self._portal.database.report(read)

    async def import_payments(self, request: Request) -> Response:
        """Store the payments that the preview showed, and pay their orders. A second call changes nothing."""
        visitor = await self._portal.allow(request, "transfers")
        fields = await read_fields(request, MAX_SEALED)
        name, seen = _unpacked(unseal(self._portal.secret, PAYMENTS, fields.get("payments", "")))
        incoming = tuple(credit for credit, _ in seen)
        # Matched again: an order that was paid since, or that fits now, is not what the preview showed.
        matches = [
            match if _summary(match) == shown else checkout.unmatched(match)
            for match, (_, shown) in zip(await self._match(incoming), seen, strict=True)
        ]
        actor = self._portal.actor(request)
        imported = await import_matches(self._portal, matches, visitor.person, actor)
        if imported.paid + imported.filed + imported.listed:
            counted = Money(sum(match.credit.amount.minor for match in matches), self._currency)
            await self._portal.database.write(
                partial(checkout.note_import, name=name), actor, imported, counted
            )
        counts = (
            f"paid={imported.paid}&filed={imported.filed}&listed={imported.listed}&known={imported.known}"
        )
        return see_other(f"{PATH}?imported=1&{counts}")


async def import_matches(
    portal: Portal, matches: list[checkout.Match], person_id: int, actor: Actor
) -> checkout.Imported:
    """Import matched payments a few at a time, so that others have their turn. It can be repeated after a crash."""
    imported = checkout.Imported()
    for start in range(0, len(matches), AT_ONCE):
        part = matches[start : start + AT_ONCE]
        imported += await portal.database.write(checkout.import_lines, part, portal.secret, person_id, actor)
    return imported


def _view_dates(statement: checkout.BankStatement) -> DatesView | None:
    """Return how the dates were read; None if no order of day and month matters."""
    dates = statement.dates
    if dates.order is None:
        return None
    days: dict[checkout.DateOrder, date] = {}
    for order in ORDERS if dates.is_open else (dates.order,):
        try:
            days[order] = replace(dates, order=order).read(dates.example)
        except ValueError:  # the line with it could not be read either
            return None
    choices = tuple(days.items()) if dates.is_open else ()
    return DatesView(dates.order, dates.example, days[dates.order], choices)


def _read_order(text: str) -> checkout.DateOrder | None:
    return next((order for order in ORDERS if order == text), None)


def _summary(match: checkout.Match) -> str:
    return f"{match.result} {match.order.ref if match.order is not None else ''}"


def _packed(matches: list[checkout.Match], name: str) -> bytes:
    rows = [
        [
            match.credit.line,
            match.credit.booked_on,
            match.credit.amount.minor,
            match.credit.amount.currency,
            match.credit.narration,
            match.credit.utr,
            match.credit.occurrence,
            match.credit.other_day,
            _summary(match),
        ]
        for match in matches
    ]
    return json.dumps([name, rows]).encode()


def _unpacked(data: bytes) -> tuple[str, list[tuple[checkout.Credit, str]]]:
    name, rows = json.loads(data)
    return name, [
        (checkout.Credit(line, day, Money(minor, currency), narration, utr, occurrence, other_day), summary)
        for line, day, minor, currency, narration, utr, occurrence, other_day, summary in rows
    ]

"""The organisers' pages of promo codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from festgate.kit.cells import guard
from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_path, read_query
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.portal.backoffice.list_exports import note_download
from festgate.portal.catalogue import facade as catalogue

MAX_PAGE_LENGTH = 6
MAX_IN_FILE = 20_000
"""Codes of one file."""
PATH = "/organise/promo-codes"
KINDS: Mapping[catalogue.CodeKind, str] = {
    "percentage": N_("Percentage off"),
    "amount": N_("Amount off"),
    "free": N_("Free"),
    "unlock": N_("Only unlocks hidden tickets"),
}
NEW_CODE: Mapping[str, str] = {**dict.fromkeys(catalogue.CODE_FIELDS, ""), "kind": "percentage"}
"""The form of a new code."""
ListedCode: TypeAlias = tuple[catalogue.PromoCode, str, str]
"""A code of the file, its scope, and the slug of its event; empty without one."""
_COLUMNS = ("code", "discount", "for", "used", "max_uses", "max_per_person", "link")
"""The columns of the file."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A promo code in the organisers' list."""

    code: catalogue.PromoCode
    scope: str
    """The event or the ticket type that it is for."""
    now: Milliseconds
    writing: Formats

    @property
    def effect(self) -> str:
        """The price of a ticket with it, in a few words."""
        return effect_of(self.code.terms, self.writing)

    @property
    def badge(self) -> tuple[str, str]:
        """The state: the kind of badge, and its text."""
        terms = self.code.terms
        if self.code.ended_at or 0 < terms.closes_at <= self.now:
            return "cancelled", gettext("Ended")
        if terms.max_uses is not None and self.code.used >= terms.max_uses:
            return "soldout", gettext("Used up")
        if terms.opens_at > self.now:
            return "soon", gettext("From {time}").format(time=self.writing.when(terms.opens_at))
        return "free", gettext("Valid")


@dataclass(frozen=True, slots=True)
class CodesPage:
    """The view model of /organise/promo-codes."""

    rows: tuple[CodeRow, ...]
    total: int
    page: int
    pages: int
    words: str
    """The beginning of the codes that are listed."""

    def href(self, page: int) -> str:
        """Return the address of another page of the list."""
        return f"{PATH}?{urlencode({'q': self.words, 'page': page})}"

    @property
    def file(self) -> str:
        """The address of the file with the listed codes."""
        return f"{PATH}.csv?{urlencode({'q': self.words})}" if self.words else f"{PATH}.csv"


def effect_of(terms: catalogue.CodeTerms, writing: Formats) -> str:
    """Return the price of a ticket with a code, in a few words."""
    if terms.kind == "percentage":
        text = gettext("{rate} % off").format(rate=catalogue.written_rate(terms.value))
    elif terms.kind == "amount":
        text = gettext("{amount} off").format(amount=writing.money(Money(terms.value, terms.currency)))
    else:
        text = gettext("Free") if terms.kind == "free" else gettext("Full price")
    return f"{text}, {gettext('unlocks hidden tickets')}" if terms.unlocks else text


class PromoCodePages:
    """Pages for organisers about promo codes."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._zone = portal.settings.zone
        self._currency = portal.settings.currency
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes; `new` and `many` stand before the ids."""
        guard = self._portal.guard
        return [
            guard("events.manage", PATH, self.show_codes),
            guard("events.manage", f"{PATH}.csv", self.download, sensitive=True),
            guard("events.manage", f"{PATH}/new", self.show_new),
            guard("events.manage", f"{PATH}/new", self.add, methods=["POST"]),
            guard("events.manage", f"{PATH}/many", self.show_many),
            guard("events.manage", f"{PATH}/many", self.add_many, methods=["POST"]),
            guard("events.manage", f"{PATH}/{{code_id}}", self.show_code),
            guard("events.manage", f"{PATH}/{{code_id}}", self.edit, methods=["POST"]),
            guard("events.manage", f"{PATH}/{{code_id}}/{{step}}", self.change, methods=["POST"]),
        ]

    async def show_codes(self, request: Request) -> Response:
        """Show the promo codes, newest first."""
        words = read_query(request, "q", catalogue.MAX_CODE).strip()
        text = read_query(request, "page", MAX_PAGE_LENGTH) or "1"
        if not (text.isascii() and text.isdecimal()):
            raise NotFound

        def read(connection: Connection) -> CodesPage:
            listed = catalogue.list_codes(connection, words, int(text))
            scopes = dict(catalogue.scopes(connection))
            rows = tuple(
                CodeRow(code, _scope(code, scopes), connection.now, self._writing) for code in listed.codes
            )
            return CodesPage(rows, listed.total, int(text), listed.pages, words)

        shown = await self._portal.database.report(read)
        return await self._portal.page(
            request, "backoffice/promo_codes.html", section="organise", shown=shown
        )

    async def download(self, request: Request) -> Response:
        """Return the codes that begin with the text `q` as a CSV file, with a link for each."""
        words = read_query(request, "q", catalogue.MAX_CODE).strip()
        listed = await self._portal.database.report(list_codes_in_file, words)
        actor = self._portal.actor(request)
        await self._portal.database.write(note_download, actor, "promo-codes.exported", len(listed))
        return file_of_codes(self._portal, listed)

    async def show_new(self, request: Request) -> Response:
        """Show an empty form for one code."""
        return await self._form(request)

    async def add(self, request: Request) -> Response:
        """Create a code."""
        fields = await read_fields(request)
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> None:
            errors, terms = self._read(connection, fields)
            try:
                text = catalogue.read_code_text(fields)
            except Invalid as refusal:
                errors |= refusal.fields
            if terms is None or errors:
                raise Invalid(errors)
            catalogue.create_code(connection, text, terms, actor=actor)

        try:
            await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, None, fields, refusal)
        return see_other(PATH)

    async def show_many(self, request: Request) -> Response:
        """Show an empty form for many random codes."""
        return await self._form(request, many=True)

    async def add_many(self, request: Request) -> Response:
        """Create many random codes, and show them."""
        fields = await read_fields(request)
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> str:
            errors, terms = self._read(connection, fields)
            prefix, count = "", 0
            try:
                prefix, count = catalogue.read_series(fields)
            except Invalid as refusal:
                errors |= refusal.fields
            if terms is None or errors:
                raise Invalid(errors)
            catalogue.create_codes(connection, prefix, count, terms, actor=actor)
            return prefix

        try:
            prefix = await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, None, fields, refusal, many=True)
        return see_other(f"{PATH}?{urlencode({'q': f'{prefix}-'})}" if prefix else PATH)

    async def show_code(self, request: Request) -> Response:
        """Show the form of one code."""
        return await self._form(request, read_id(request, "code_id"))

    async def edit(self, request: Request) -> Response:
        """Save the form of one code."""
        code_id = read_id(request, "code_id")
        fields = await read_fields(request)
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> None:
            errors, terms = self._read(connection, fields)
            if terms is None:
                raise Invalid(errors)
            catalogue.edit_code(connection, code_id, terms, actor=actor)

        try:
            await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, code_id, fields, refusal)
        return see_other(PATH)

    async def change(self, request: Request) -> Response:
        """End a code, let an ended one be used again, or delete one that nobody has used."""
        code_id, step = read_id(request, "code_id"), read_path(request, "step")
        steps = {"end": catalogue.end_code, "resume": catalogue.resume_code, "delete": catalogue.drop_code}
        if step not in steps:
            raise NotFound
        try:
            await self._portal.database.write(steps[step], code_id, actor=self._portal.actor(request))
        except Invalid as refusal:
            return await self._form(request, code_id, None, refusal)
        return see_other(PATH)

    def _read(
        self, connection: Connection, fields: Mapping[str, str]
    ) -> tuple[dict[str, str], catalogue.CodeTerms | None]:
        """Return the terms of the form, or a sentence for each wrong field."""
        try:
            return {}, catalogue.read_terms(connection, fields, self._zone, self._currency)
        except Invalid as refusal:
            return refusal.fields, None

    async def _form(
        self,
        request: Request,
        code_id: int | None = None,
        entered: Mapping[str, str] | None = None,
        refusal: Invalid | None = None,
        *,
        many: bool = False,
    ) -> Response:
        def read(
            connection: Connection,
        ) -> tuple[catalogue.PromoCode | None, bool, str, list[tuple[str, str]]]:
            code = None if code_id is None else catalogue.code_by_id(connection, code_id)
            is_used = code is not None and catalogue.is_code_used(connection, code.id)
            event_id = None if code is None else code.terms.event_id
            slug = "" if event_id is None else catalogue.event_by_id(connection, event_id).slug
            return code, is_used, slug, catalogue.scopes(connection)

        code, is_used, slug, scopes = await self._portal.database.report(read)
        values = dict(NEW_CODE) if code is None else catalogue.written_terms(code.terms, self._zone)
        if code is not None and values["scope"] not in dict(scopes):  # the event is cancelled
            scopes = [*scopes, (values["scope"], gettext("A cancelled event"))]
        return await self._portal.page(
            request,
            "backoffice/promo_code.html",
            status=refusal.status if refusal else 200,
            section="organise",
            code=code,
            is_used=is_used,
            many=many,
            values=values if entered is None else {**dict.fromkeys(catalogue.CODE_FIELDS, ""), **entered},
            errors=refusal.fields if refusal else {},
            kinds=[(kind, gettext(KINDS[kind])) for kind in get_args(catalogue.CodeKind)],
            scopes=scopes,
            currency=self._currency,
            zone=self._zone.key,
            max_at_once=catalogue.MAX_AT_ONCE,
            link=_link(self._portal, code.code, slug) if code is not None and slug else "",
        )


def list_codes_in_file(connection: Connection, words: str) -> list[ListedCode]:
    """Return the codes that begin with the words, each with its scope and the slug of its event."""
    scopes = dict(catalogue.scopes(connection))
    slugs = {event.id: event.slug for event in catalogue.all_events(connection)}
    return [
        (code, _scope(code, scopes), slugs.get(code.terms.event_id or 0, ""))
        for code in catalogue.codes_beginning(connection, words, MAX_IN_FILE)
    ]


def file_of_codes(portal: Portal, listed: Sequence[ListedCode]) -> Response:
    """Return the response with the codes as a CSV file, with a link for each."""
    named = {"content-disposition": 'attachment; filename="promo-codes.csv"'}
    return StreamingResponse(
        _lines(portal, listed), HTTPStatus.OK, {**NO_STORE, **named}, "text/csv; charset=utf-8"
    )


def _link(portal: Portal, text: str, slug: str) -> str:
    return f"{portal.settings.base_url}/events/{slug}?{catalogue.CODE}={text}"


def _lines(portal: Portal, listed: Sequence[ListedCode]) -> Iterator[str]:
    """Return the lines of the file; the first ones name the columns."""
    yield _line(_COLUMNS)
    for code, scope, slug in listed:
        terms = code.terms
        yield _line(
            (
                code.code,
                effect_of(terms, portal.pages.writing),
                scope,
                str(code.used),
                "" if terms.max_uses is None else str(terms.max_uses),
                "" if terms.max_per_person is None else str(terms.max_per_person),
                _link(portal, code.code, slug) if slug else "",
            )
        )


def _line(cells: tuple[str, ...]) -> str:
    quoted = (guard(cell).replace('"', '""') for cell in cells)
    return ",".join(f'"{cell}"' for cell in quoted) + "\r\n"


def _scope(code: catalogue.PromoCode, scopes: Mapping[str, str]) -> str:
    return scopes.get(catalogue.scope_of(code.terms)) or gettext("A cancelled event")

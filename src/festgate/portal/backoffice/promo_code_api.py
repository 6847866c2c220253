"""Promo codes as JSON."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.forms import Line
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.programme_api import shown_time
from festgate.portal.backoffice.promo_code_pages import MAX_PAGE_LENGTH, NEW_CODE
from festgate.portal.backoffice.request_keys import (
    UTC,
    Entered,
    Id,
    Whole,
    content_of,
    create_once,
    entered_fields,
)
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused

PATH = "/programme/promo-codes"
Slug = Annotated[Line, Field(max_length=MAX_NAME)]


class CodeOutput(BaseModel):
    """A promo code."""

    id: int
    code: str
    kind: catalogue.CodeKind = Field(description="`unlock` only opens hidden ticket types.")
    value: str = Field(description="A percentage, or an amount in major units; empty for the other kinds.")
    currency: str = Field(description="Of an amount; else empty.")
    event: str | None = Field(description="The slug of the event that it is for; null for all.")
    ticket_type: int | None = Field(description="The id of the ticket type that it is for; null for all.")
    unlocks: bool = Field(description="Whether hidden ticket types are sold with it.")
    opens_at: datetime | None
    closes_at: datetime | None
    max_uses: int | None = Field(description="The most tickets with it; null without a limit.")
    max_per_person: int | None
    used: int = Field(description="Held and confirmed seats with it.")
    ended_at: datetime | None = Field(description="When it was ended; null while it can be used.")
    link: str | None = Field(description="The page of its event with the code; null for all events.")


class CodePage(BaseModel):
    """A page of the promo codes."""

    codes: list[CodeOutput] = Field(description="Up to 50 codes, the newest first.")
    total: int = Field(description="Number of codes on all pages.")
    page: int
    pages: int


class CodeSeries(BaseModel):
    """Promo codes that were created together."""

    codes: list[CodeOutput]


class TermFields(BaseModel, extra="forbid", strict=True):
    """The terms of a promo code; of a change, those that are left out stay as they are."""

    kind: catalogue.CodeKind = "percentage"
    value: Entered | None = Field(
        default=None, description="How much less a ticket costs: a percentage, or an amount in major units."
    )
    event: Slug | None = Field(default=None, description="The slug of the event; null for all.")
    ticket_type: Id | None = Field(default=None, description="The id of a ticket type; null for all.")
    unlocks: bool = Field(default=False, description="Hidden ticket types are sold with it.")
    opens_at: Entered | None = Field(
        default=None, description="A time in UTC, or with an offset; null for no limit."
    )
    closes_at: Entered | None = None
    max_uses: Whole | None = Field(default=None, description="Null for no limit.")
    max_per_person: Whole | None = Field(default=None, description="Null for no limit.")


class NewCode(TermFields):
    """A promo code to create."""

    code: Entered = Field(description="3 to 40 letters A to Z, digits and hyphens.")


class NewCodes(TermFields):
    """Random promo codes to create."""

    prefix: Entered = Field(default="", description="The beginning of each; a hyphen follows.")
    count: Whole = Field(description=f"1 to {catalogue.MAX_AT_ONCE}.")


class PromoCodeApi:
    """JSON routes of promo codes."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal
        self._currency = portal.settings.currency

    def router(self) -> APIRouter:
        """Return the routes; `series` stands before the ids."""
        router = module_router(self._portal, "backoffice", "programme")
        self._add_creation(router)
        self._add_reads(router)
        self._add_changes(router)
        return router

    def _add_creation(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage"))]  # noqa: N806  (a type)

        @router.post(PATH, status_code=201, responses=problems(SignInNeeded, Forbidden, NotFound, KeyReused))
        async def create(
            body: NewCode,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> CodeOutput:
            """Create a promo code."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> list[int]:
                content = content_of(PATH, body)
                make = partial(self._create, connection, body, actor)
                return create_once(connection, caller.person, idempotency_key, content, make)

            (code_id,) = await database.write(operation)
            response.headers["location"] = f"/api/v1{PATH}/{code_id}"
            return await self._code(code_id)

        @router.post(
            f"{PATH}/series", status_code=201, responses=problems(SignInNeeded, Forbidden, KeyReused)
        )
        async def create_many(
            body: NewCodes, caller: Caller, request: Request, idempotency_key: IdempotencyKey
        ) -> CodeSeries:
            """Create up to 1,000 random promo codes with the same terms. A repeated call returns those that remain."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> list[int]:
                content = content_of(f"{PATH}/series", body)
                make = partial(self._create_many, connection, body, actor)
                return create_once(connection, caller.person, idempotency_key, content, make)

            ids = await database.write(operation)

            def read(connection: Connection) -> CodeSeries:
                return CodeSeries(codes=self._outputs(connection, catalogue.codes_with_ids(connection, ids)))

            return await database.report(read)

    def _create(self, connection: Connection, body: NewCode, actor: Actor) -> list[int]:
        fields = {**NEW_CODE, **entered_fields(body, "event", "ticket_type")}
        errors, terms = self._read(connection, body, fields)
        try:
            text = catalogue.read_code_text(fields)
        except Invalid as refusal:
            errors |= refusal.fields
        if terms is None or errors:
            raise Invalid(errors)
        return [catalogue.create_code(connection, text, terms, actor=actor).id]

    def _create_many(self, connection: Connection, body: NewCodes, actor: Actor) -> list[int]:
        fields = {**NEW_CODE, **entered_fields(body, "event", "ticket_type")}
        errors, terms = self._read(connection, body, fields)
        prefix, count = "", 0
        try:
            prefix, count = catalogue.read_series(fields)
        except Invalid as refusal:
            errors |= refusal.fields
        if terms is None or errors:
            raise Invalid(errors)
        codes = catalogue.create_codes(connection, prefix, count, terms, actor=actor)
        return [code.id for code in codes]

    def _add_reads(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage"))]  # noqa: N806  (a type)

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_codes(
            _caller: Caller,
            q: Annotated[
                str, Query(max_length=catalogue.MAX_CODE, description="The beginning of the codes.")
            ] = "",
            page: Annotated[int, Query(ge=1, lt=10**MAX_PAGE_LENGTH)] = 1,
        ) -> CodePage:
            """List the promo codes, 50 a page, the newest first."""

            def read(connection: Connection) -> CodePage:
                listed = catalogue.list_codes(connection, q.strip(), page)
                codes = self._outputs(connection, listed.codes)
                return CodePage(codes=codes, total=listed.total, page=page, pages=listed.pages)

            return await database.report(read)

        @router.get(f"{PATH}/{{code_id}}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_code(code_id: Id, _caller: Caller) -> CodeOutput:
            """Read a promo code."""
            return await self._code(code_id)

    def _add_changes(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage"))]  # noqa: N806  (a type)
        one = f"{PATH}/{{code_id}}"

        @router.patch(one, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def change(code_id: Id, body: TermFields, caller: Caller, request: Request) -> CodeOutput:
            """Change the terms of a promo code; seats that have it keep their price. Idempotent.

            Another kind needs its value too.
            """
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> None:
                known = catalogue.code_by_id(connection, code_id).terms
                written = catalogue.written_terms(known, UTC)
                if "kind" in body.model_fields_set and body.kind != known.kind:
                    written["value"] = ""
                fields = {**written, **entered_fields(body, "event", "ticket_type")}
                errors, terms = self._read(connection, body, fields)
                if terms is None or errors:
                    raise Invalid(errors)
                catalogue.edit_code(connection, code_id, terms, actor=actor)

            await database.write(operation)
            return await self._code(code_id)

        @router.post(f"{one}/end", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def end(code_id: Id, caller: Caller, request: Request) -> CodeOutput:
            """End a promo code: nobody can use it any more, and tickets that have it keep their price. Idempotent."""
            await database.write(catalogue.end_code, code_id, actor=actor_of(caller, request))
            return await self._code(code_id)

        @router.post(f"{one}/resume", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def resume(code_id: Id, caller: Caller, request: Request) -> CodeOutput:
            """Let an ended promo code be used again. Idempotent."""
            await database.write(catalogue.resume_code, code_id, actor=actor_of(caller, request))
            return await self._code(code_id)

        @router.delete(one, status_code=204, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def delete(code_id: Id, caller: Caller, request: Request) -> None:
            """Delete a promo code that nobody has ever used."""
            await database.write(catalogue.drop_code, code_id, actor=actor_of(caller, request))

    def _read(
        self, connection: Connection, body: TermFields, fields: dict[str, str]
    ) -> tuple[dict[str, str], catalogue.CodeTerms | None]:
        """Return the terms that were sent, or a sentence for each wrong value."""
        errors: dict[str, str] = {}
        if {"event", "ticket_type"} & body.model_fields_set:
            try:
                fields["scope"] = _scope(connection, body)
            except Invalid as refusal:
                errors, fields["scope"] = refusal.fields, ""
        try:
            return errors, catalogue.read_terms(connection, fields, UTC, self._currency)
        except Invalid as refusal:
            return {**refusal.fields, **errors}, None

    async def _code(self, code_id: int) -> CodeOutput:
        def read(connection: Connection) -> CodeOutput:
            return self._outputs(connection, [catalogue.code_by_id(connection, code_id)])[0]

        return await self._portal.database.report(read)

    def _outputs(self, connection: Connection, codes: Sequence[catalogue.PromoCode]) -> list[CodeOutput]:
        ids = {code.terms.event_id for code in codes if code.terms.event_id is not None}
        slugs = {event_id: catalogue.event_by_id(connection, event_id).slug for event_id in ids}
        return [self._output(code, slugs) for code in codes]

    def _output(self, code: catalogue.PromoCode, slugs: dict[int, str]) -> CodeOutput:
        terms = code.terms
        slug = None if terms.event_id is None else slugs[terms.event_id]
        base = self._portal.settings.base_url
        return CodeOutput(
            id=code.id,
            code=code.code,
            kind=terms.kind,
            value=catalogue.written_terms(terms, UTC)["value"],
            currency=terms.currency,
            event=slug,
            ticket_type=terms.type_id,
            unlocks=terms.unlocks,
            opens_at=shown_time(terms.opens_at),
            closes_at=shown_time(terms.closes_at),
            max_uses=terms.max_uses,
            max_per_person=terms.max_per_person,
            used=code.used,
            ended_at=shown_time(code.ended_at),
            link=f"{base}/events/{slug}?{catalogue.CODE}={code.code}" if slug else None,
        )


def _scope(connection: Connection, body: TermFields) -> str:
    """Return what a code is for, as the form names it. Raises Invalid."""
    event_id = None
    if body.event is not None:
        try:
            event_id = catalogue.any_event_by_slug(connection, body.event).id
        except NotFound:
            raise Invalid({"event": gettext("There is no such event.")}) from None
    if body.ticket_type is None:
        return "" if event_id is None else f"e{event_id}"
    for event in catalogue.all_events(connection):
        if event_id in (None, event.id) and any(
            kind.id == body.ticket_type for kind in catalogue.types_of(connection, event.id)
        ):
            return f"t{body.ticket_type}"
    raise Invalid({"ticket_type": gettext("There is no such ticket type.")})

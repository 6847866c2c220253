"""Parts that the JSON API of every module shares: authentication, guarded routes, and common schemas."""

from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from typing import Annotated, Any, Final, TypeVar
from weakref import proxy

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.errors import Invalid, Malformed, NotFound, ProofNeeded, Refused, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.roles import Permission
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.bodies import BODIES, read_ahead
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import sentences
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import MAX_TOKEN_LENGTH, PROBLEM, Portal

T = TypeVar("T")

TOKEN_SCHEME = HTTPBearer(scheme_name="token", description="A token of this API.", auto_error=False)
Name = Annotated[str, Path(max_length=MAX_NAME)]
"""A slug or a reference in a path."""
PAGE_SIZE: Final = 50
"""Entries on a page of a list that has no other limit."""
MAX_PAGE: Final = 1000
PageNumber = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Number of the page, from 1.")]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(TOKEN_SCHEME)]
"""The token of a call, not yet checked; None if there was none."""


_CALLER: Final = "festgate.caller"
"""Key in a request's scope: the visitor whose token was checked before the body was read."""


class Bearer:
    """The dependency that identifies the caller: `caller: Annotated[Visitor, Depends(Bearer(portal))]`.

    It accepts only `Authorization: Bearer TOKEN` and no cookie, so that a page of another site cannot make a visitor's
    browser call the API. With a permission, it accepts only callers whose role has it, as guarded pages do.
    """

    def __init__(
        self,
        portal: Portal,
        permission: Permission | None = None,
        *,
        sensitive: bool = False,
        lists_assigned: bool = False,
        lacks_factor: bool = False,
    ) -> None:
        """Take the portal, which looks tokens up, and the permission that the route needs, None for none.

        A `sensitive` operation needs a token of the last ten minutes; `lists_assigned` as for `Portal.allow`;
        `lacks_factor` is for routes that also answer callers without the second factor that they need. The portal is
        not kept alive: `typing` keeps this object in a cache.
        """
        self._portal: Portal = proxy(portal)
        self.permission = permission
        self.sensitive = sensitive
        self.lists_assigned = lists_assigned
        self._lacks_factor = lacks_factor

    async def __call__(self, request: Request, credentials: Credentials) -> Visitor:
        """Return the visitor of the call's token. Raise SignInNeeded, SecondFactorNeeded or ProofNeeded."""
        known: Visitor | None = request.scope.get(_CALLER)
        return known or await self._admit(request, credentials)

    async def check(self, request: Request) -> None:
        """Look the caller up before the body is read. Raise SignInNeeded without a valid token."""
        request.scope[_CALLER] = await self._admit(request, await TOKEN_SCHEME(request))

    async def check_again(self, request: Request) -> None:
        """Raise SignInNeeded or Forbidden if the token or the role has ended, for responses that take long.

        A sensitive operation that began with a new token may outlast its ten minutes.
        """
        await self._find(request, await TOKEN_SCHEME(request))

    async def _admit(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Visitor:
        visitor = await self._find(request, credentials)
        if self.sensitive and not visitor.has_proof(self._portal.database.clock()):
            msg = (
                "This needs a token that is younger than ten minutes. Get a new one with POST /api/v1/tokens."
            )
            raise ProofNeeded(msg)
        return visitor

    async def _find(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Visitor:
        token = credentials.credentials if credentials else ""
        # A text longer than any of our tokens is not even hashed.
        visitor = await self._portal.bearer(token) if 0 < len(token) < MAX_TOKEN_LENGTH else None
        if visitor is None:
            msg = "Send `Authorization: Bearer TOKEN` with a valid token. The page /docs describes how to get one."
            raise SignInNeeded(msg)
        if not self._lacks_factor:
            await self._portal.check_second_factor(visitor)
        if self.permission is not None:
            await self._portal.require(visitor, self.permission, request, lists_assigned=self.lists_assigned)
        return visitor


def actor_of(caller: Visitor, request: Request) -> Actor:
    """Return the caller of the API as an actor, for the audit log."""
    return Actor(caller.person, "token", address_of(request.scope))


def page_of(rows: Sequence[T], page: int) -> tuple[Sequence[T], int]:
    """Return the rows of the page, and the number of pages. Raises NotFound for a page beyond the last."""
    pages = pages_for(len(rows), page)
    return rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], pages


def pages_for(count: int, page: int) -> int:
    """Return the number of pages of so many rows. Raises NotFound for a page beyond the last."""
    pages = max(1, -(-count // PAGE_SIZE))
    if page > pages:
        raise NotFound
    return pages


def module_router(portal: Portal, module: str, tag: str) -> APIRouter:
    """Return a router whose routes pass through the module's bulkhead; `tag` is its heading in the reference.

    For a call with a body, the token is checked first (if the route needs one), then the body is read, and then the
    call counts against the module's budget.
    """
    bulkhead = portal.bulkheads[module]

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()
            calls = [dependency.call for dependency in self.dependant.dependencies]
            guards = [call for call in calls if isinstance(call, Bearer)]

            async def checked(request: Request) -> Response:
                try:
                    return await handler(request)
                except RequestValidationError as error:  # invalid input is not a failure of the module
                    raise Invalid(sentences(error.errors())) from None

            async def through(request: Request) -> Response:
                if BODIES in request.scope:
                    for guard in guards:
                        await guard.check(request)
                    request = await read_ahead(request)
                return await bulkhead.run(checked, request)

            return through

    return APIRouter(tags=[tag], route_class=Guarded)


class Problem(BaseModel):
    """The form of every error (RFC 9457, `application/problem+json`)."""

    type: str = Field(description="The kind of problem: a path that ends in its code.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do, for people.")
    code: str = Field(description="The kind of problem, for programs; it stays the same across releases.")
    request_id: str = Field(description="The id of this request in the server's log.")
    fields: dict[str, str] = Field(
        default={}, description="A sentence about each invalid field, if the code is `invalid`."
    )


def problems(*refusals: type[Refused], shape: type[Problem] = Problem) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses`: its refusals, and those of every route, malformed and invalid.

    `shape` is the schema of the problems, with members that only this route has.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    schema = _problem_schema(shape)
    possible: tuple[type[Refused], ...] = (*refusals, Malformed, Invalid)
    for refusal in possible:
        known = responses.get(refusal.status)
        codes = f"{known['description']}; {refusal.code}" if known else refusal.code
        responses[refusal.status] = {"description": codes, "content": {PROBLEM: {"schema": schema}}}
    return responses


def files(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers with a file of one of these types."""
    schema = {"type": "string", "format": "binary"}
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {200: {"description": "The file.", "content": content}}


@cache
def _problem_schema(shape: type[Problem]) -> dict[str, Any]:
    """Return the JSON schema, made once: it takes a millisecond, and eighty routes need it."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    # The definitions are in the document already, because the same route returns them too.
    schema.pop("$defs", None)
    return schema


class Amount(BaseModel):
    """An amount of money."""

    minor: int = Field(description="In minor units: paise, cents; whole yen.")
    currency: str = Field(description="ISO 4217 code.")
    text: str = Field(description="In major units, with a point: `500.00`.")

    @classmethod
    def of(cls, money: Money) -> "Amount":
        """Return the amount for JSON."""
        return cls(minor=money.minor, currency=money.currency, text=money.plain())

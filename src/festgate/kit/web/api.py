"""What the JSON API of every module needs: who is calling, and the shapes that all of them answer with."""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.errors import Invalid, Malformed, Refused, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.visitors import Visitor
from festgate.kit.web.bodies import BODIES, read_ahead
from festgate.kit.web.forms import sentences
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import MAX_TOKEN_LENGTH, PROBLEM, Portal

TOKEN_SCHEME = HTTPBearer(
    scheme_name="token", description="A token from `POST /api/v1/tokens`.", auto_error=False
)
Name = Annotated[str, Path(max_length=MAX_NAME)]
"""A slug or a reference within an address."""
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(TOKEN_SCHEME)]
"""The token that came with a call, unexamined; None when there was none."""


_CALLER: Final = "festgate.caller"
"""In a request's scope: the visitor whose token was looked up before the body was read."""


class Bearer:
    """The dependency that says who is calling."""

    def __init__(self, portal: Portal) -> None:
        """`portal` knows the tokens."""
        self._portal = portal

    async def __call__(self, request: Request, credentials: Credentials) -> Visitor:
        """Return the visitor whose token came with the call; SignInNeeded where none holds."""
        known: Visitor | None = request.scope.get(_CALLER)
        return known or await self._find(credentials)

    async def check(self, request: Request) -> None:
        """Look the caller up before the body is read; raises SignInNeeded."""
        request.scope[_CALLER] = await self._find(await TOKEN_SCHEME(request))

    async def _find(self, credentials: HTTPAuthorizationCredentials | None) -> Visitor:
        token = credentials.credentials if credentials else ""
        # Longer than any token of ours: not even hashed.
        visitor = await self._portal.bearer(token) if 0 < len(token) < MAX_TOKEN_LENGTH else None
        if visitor is None:
            msg = "Send `Authorization: Bearer` with a token from POST /api/v1/tokens that has not ended."
            raise SignInNeeded(msg)
        return visitor


def bearer(portal: Portal) -> Bearer:
    """Return the dependency that says who is calling: `person: Annotated[Visitor, Depends(bearer(portal))]`.

    It looks at `Authorization: Bearer TOKEN` and at nothing else: no cookie, so no other site's page can make a
    visitor's browser call the API for them. Without a token that holds, SignInNeeded: 401.
    """
    return Bearer(portal)


def module_router(portal: Portal, module: str, tag: str) -> APIRouter:
    """Return a router whose routes pass through that module's bulkhead; `tag` is its heading in the reference.

    Of a call with a body, the token is checked first (where the route needs one), then the body is read, then the
    module's budget is taken.
    """
    bulkhead = portal.bulkheads[module]

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()
            guards = [each.call for each in self.dependant.dependencies if isinstance(each.call, Bearer)]

            async def checked(request: Request) -> Response:
                try:
                    return await handler(request)
                except RequestValidationError as error:  # input of the wrong shape is no bug of the module's
                    raise Invalid(sentences(error.errors())) from None

            async def through(request: Request) -> Response:
                if BODIES in request.scope:
                    for guard in guards:
                        await guard.check(request)
                    request = Request(request.scope, await read_ahead(request.scope, request.receive))
                return await bulkhead.run(checked, request)

            return through

    return APIRouter(tags=[tag], route_class=Guarded)


class Problem(BaseModel):
    """What every error looks like (RFC 9457, `application/problem+json`)."""

    type: str = Field(description="Names the kind of problem: a path that ends in its code.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, and what can be done, for a person to read.")
    code: str = Field(description="The kind of problem for programs; it stays the same across releases.")
    request_id: str = Field(description="Names this request in the server's log.")
    fields: dict[str, str] = Field(
        default={}, description="What is wrong with each field; only when the code is `invalid`."
    )


def problems(*refusals: type[Refused], shape: type[Problem] = Problem) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the refusals it may answer with, and the two that any may: malformed, and invalid.

    `shape` has the members that only this route's problems have.
    """
    found: dict[int | str, dict[str, Any]] = {}
    schema = _problem_schema(shape)
    possible: tuple[type[Refused], ...] = (*refusals, Malformed, Invalid)
    for refusal in possible:
        known = found.get(refusal.status)
        words = f"{known['description']}; {refusal.code}" if known else refusal.code
        found[refusal.status] = {
            "description": words,
            "content": {PROBLEM: {"schema": schema}},
        }
    return found


@cache
def _problem_schema(shape: type[Problem]) -> dict[str, Any]:
    """Made once: it costs a millisecond, and the routes ask for it eighty times."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    # What a problem contains stands in the document already, as what the same route answers with.
    schema.pop("$defs", None)
    return schema


class Amount(BaseModel):
    """Money."""

    minor: int = Field(description="In minor units: paise, cents; whole yen.")
    currency: str = Field(description="ISO 4217 code.")
    text: str = Field(description="In major units, with a point: `500.00`.")

    @classmethod
    def of(cls, money: Money) -> "Amount":
        """An amount as JSON has it."""
        return cls(minor=money.minor, currency=money.currency, text=money.plain())

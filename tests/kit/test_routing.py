"""Requests reach the same route as with a plain router, and are refused alike."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Message, Scope

from festgate.kit.web.routing import Endpoint, Routes


def named(name: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(f"{name} {request.path_params}")

    return endpoint


def routes() -> Sequence[BaseRoute]:
    patterns = (
        ("/seats/{id:int}", "GET"),
        ("/seats/{name}", "GET"),
        ("/seats/{name}", "POST"),
        ("/seats/{name}/cancel", "POST"),
        ("/teams/new", "GET"),
        ("/teams/{name}", "GET"),
        ("/files/{rest:path}", "GET"),
        ("/files/{name}/raw", "GET"),
    )
    listed = [Route(path, named(f"{method} {path}"), methods=[method]) for path, method in patterns]
    return [*listed, Mount("/shown", routes=[Route("/{name}", named("shown"))])]


def answer(app: ASGIApp, method: str, path: str) -> str:
    """Return the text of the response, or the status and headers of the error."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "app": app,
    }
    try:
        asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    except HTTPException as error:
        return f"{error.status_code} {error.headers}"
    return str(sent[-1]["body"], "utf-8")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "INVENTED"])
@pytest.mark.parametrize(
    "path",
    [
        "/seats/7",
        "/seats/seven",
        "/seats/a%2Fb",
        "/seats/seven/cancel",
        "/seats/seven/cancel/",
        "/seats//cancel",
        "/teams/new",
        "/teams/old",
        "/files/a",
        "/files/a/b",
        "/files/a/raw",
        "/shown/one",
        "/seats",
        "/nowhere/one",
    ],
)
def test_a_request_is_answered_as_by_a_plain_router(method: str, path: str) -> None:
    plain = Router(routes(), redirect_slashes=False)
    assert answer(Routes(routes()), method, path) == answer(plain, method, path)

"""The JSON API of all modules in one application. This file is imported when the first call of the API arrives."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from festgate import __version__
from festgate.kit.errors import Invalid, Refused
from festgate.kit.web.modules import Parts
from festgate.kit.web.portal import Portal
from festgate.kit.web.routing import placeholders
from festgate.portal.composition import MODULES, PASSING

log = structlog.get_logger()


def build_api(portal: Portal, modules: Mapping[str, Parts]) -> FastAPI:
    """Return the API; its errors are problem+json, as everywhere below /api.

    Where a module is not loaded, or its part of the API cannot be, placeholders answer.
    """
    api = FastAPI(
        title="Festgate",
        version=__version__,
        description="The same operations as the pages, as JSON. Times are UTC; money is in minor units.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
        exception_handlers={
            Refused: portal.failure,
            HTTPException: _turned_away(portal),
            ClientDisconnect: _left,
            Exception: portal.failure,
        },
        redirect_slashes=False,
    )
    rest: list[Route] = []
    for module in MODULES:
        parts = modules.get(module.name, Parts())
        try:
            router = parts.api() if parts.api is not None else None
        except PASSING:
            raise
        except Exception:
            log.exception("the API of a module cannot start; its pages stay open", module=module.name)
            router = None
        if router is not None:
            api.include_router(router)
        else:
            rest += placeholders(portal.bulkheads[module.name], module.api)
    api.routes.extend(rest)
    return api


def _turned_away(portal: Portal) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def turned_away(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if isinstance(
            error.__cause__, Refused
        ):  # FastAPI's own cloak for what is raised while it reads a body
            return await portal.refusal(request, error.__cause__)
        if error.status_code == HTTPStatus.BAD_REQUEST:
            return await portal.refusal(request, Invalid({"body": "This cannot be read as JSON in UTF-8."}))
        return await portal.failure(request, error)

    return turned_away


async def _left(_request: Request, _error: Exception) -> Response:
    """Answer a client that has disconnected; the status is for the log."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)

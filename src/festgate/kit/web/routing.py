"""Routing: from a path to the endpoint that handles it."""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from starlette.convertors import IntegerConvertor, StringConvertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from festgate.kit.deferred import Deferred
from festgate.kit.resilience.bulkhead import Bulkhead
from festgate.kit.web.bodies import BODIES

BEGAN: Final = "festgate.began"
"""Key in a request's scope: its start time by the monotonic clock, which the gate reads once for all uses."""
Placed: TypeAlias = tuple[Bulkhead | None, Sequence[BaseRoute]]
"""Routes, and the bulkhead of their module."""
Shape: TypeAlias = tuple[str, str, int]
"""What is known of a request's path at once: the method, the first segment and the number of slashes."""
Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


WITHOUT_SLASHES: Final = {StringConvertor, IntegerConvertor}
"""Kinds of parameters that are one segment of a path."""
REPEATABLE: Final = frozenset({"GET", "HEAD"})
"""Methods of requests that are redirected if their path is nearly right."""


ALL: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def moved(scope: Scope, path: str) -> Response:
    """Return a permanent redirect to another path of this site, with the same query."""
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{path}?{query}" if query else path, HTTPStatus.PERMANENT_REDIRECT)


class Routes:
    """Routers by the first segment of the path, and tables of the routes by path or by the shape of the path.

    A single router would try about fifty routes in turn, at 2 us each. The routers handle what the tables lack: mounts,
    and requests that no route accepts. The gate handles the exceptions of all endpoints, so no route needs a wrapper
    of its own.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        lifespan: Lifespan["Routes"] | None = None,
        modules: Iterable[Placed] = (),
        admit: Callable[[Scope], Awaitable[None]] | None = None,
        later: Mapping[str, Callable[[], Iterable[Placed]]] = MappingProxyType({}),
    ) -> None:
        """Take all routes; those of `modules`, behind their bulkheads, are tried before `routes`.

        `admit` raises Refused for requests that are not served at all. `later` are functions that make further routes
        of modules when the first request comes for a path with that first segment.
        """
        self._admit = admit
        self._listed: list[BaseRoute] = []
        self._groups: dict[str, list[BaseRoute]] = defaultdict(list)
        self._routers: dict[str, Router] = {}
        self._fixed: dict[tuple[str, str], Route] = {}
        self._shaped: dict[Shape, list[Route]] = {}
        self._later = {segment: Deferred(make) for segment, make in later.items()}
        self._add([*modules, (None, routes)])
        self._whole = Router(lifespan=lifespan)

    @property
    def listed(self) -> Sequence[BaseRoute]:
        """All routes, in the order in which they are tried; missing ones are made here."""
        for segment, deferred in [*self._later.items()]:
            self._complete(segment, deferred.now())
        return tuple(self._listed)

    def _complete(self, segment: str, made: Iterable[Placed]) -> None:
        """Add the routes that were made for the segment, unless another request has done it."""
        if self._later.pop(segment, None) is not None:
            self._add(made)

    def _add(self, placed: Iterable[Placed]) -> None:
        for bulkhead, routes in placed:
            for route in routes:
                if not isinstance(route, Route | Mount):
                    msg = f"{route!r} is neither a route nor a mount"
                    raise TypeError(msg)
                if isinstance(route, Route):
                    route.app = answering(route.endpoint, bulkhead)
                else:  # an encoded line break is part of a path, too: a scanner may send one after a code
                    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
                self._listed.append(route)
                self._groups[_first_segment(route.path)].append(route)
        for segment, group in self._groups.items():
            self._routers[segment] = Router(group, redirect_slashes=False)
            self._fixed.update(_fixed_paths(group))
            self._shaped.update(_shapes(segment, group))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Raise HTTPException if no route matches."""
        scope["app"] = self
        if scope["type"] != "http":
            await self._whole(scope, receive, send)
            return
        if self._admit is not None:
            await self._admit(scope)
        route = self._fixed.get((scope["method"], scope["path"]))
        if route is not None:
            scope["route"] = route
            scope["endpoint"] = route.endpoint
            scope["path_params"] = {}
            await route.app(scope, receive, send)
            return
        if scope["path"].endswith("/"):
            route = self._fixed.get((scope["method"], scope["path"].rstrip("/")))
            if route is not None and scope["method"] in REPEATABLE:
                scope["route"] = route
                await moved(scope, route.path)(scope, receive, send)
                return
        segment = _first_segment(scope["path"])
        deferred = self._later.get(segment)
        if deferred is not None:
            self._complete(segment, await deferred.get())
            await self(scope, receive, send)
            return
        for route in self._shaped.get((scope["method"], segment, scope["path"].count("/")), ()):
            match, values = route.matches(scope)
            if match is Match.FULL:
                scope["route"] = route
                scope.update(values)
                await route.app(scope, receive, send)
                return
        router = self._routers.get(segment)
        if router is None:
            raise HTTPException(404)
        await router.app(scope, receive, send)


def answering(endpoint: Endpoint, bulkhead: Bulkhead | None = None) -> ASGIApp:
    """Return an endpoint as an ASGI application.

    A client that sends its body or receives its response slowly takes no place in the bulkhead.
    """
    if bulkhead is not None:
        begin = bulkhead.begin

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            answer: list[Response] = []
            if BODIES in scope:
                receive = await scope[BODIES].read(scope, receive)
                scope[BEGAN] = monotonic()  # the time for the body is not the module's
            rest = begin(answer, endpoint, Request(scope, receive, send), scope[BEGAN])
            if rest is not None:
                await rest
            await answer[0](scope, receive, send)

        return guarded

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


def placeholders(bulkhead: Bulkhead, patterns: Iterable[str]) -> list[Route]:
    """Return routes with those paths, which answer for a module that is not loaded."""

    async def absent(_request: Request) -> Response:
        raise bulkhead.refusal()

    return [Route(pattern, absent, methods=list(ALL)) for pattern in patterns]


def _fixed_paths(routes: Sequence[BaseRoute]) -> Iterator[tuple[tuple[str, str], Route]]:
    """Yield each route with a fixed path, by method and path, unless an earlier route matches it."""
    for route in routes:
        if not isinstance(route, Route) or route.param_convertors:
            continue
        for method in route.methods or ():
            asked: Scope = {"type": "http", "method": method, "path": route.path, "root_path": ""}
            if next(other for other in routes if other.matches(asked)[0] is Match.FULL) is route:
                yield (method, route.path), route


def _shapes(segment: str, routes: Sequence[BaseRoute]) -> dict[Shape, list[Route]]:
    """Return the routes with parameters by the requests that they can match; nothing where a parameter has slashes."""
    shaped: dict[Shape, list[Route]] = defaultdict(list)
    for route in routes:
        if (
            not isinstance(route, Route)
            or not {*map(type, route.param_convertors.values())} <= WITHOUT_SLASHES
        ):
            return {}
        for method in route.methods or ():
            shaped[method, segment, route.path.count("/")].append(route)
    return shaped


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""

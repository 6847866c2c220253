"""The gate: what every request passes, once, before and after the routes.

A request id, limits on the body, the cross-site check, security headers, compression, counts, and a log line. One
plain ASGI callable instead of a stack of middlewares, because at ten thousand requests a second each layer shows.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import urlsplit

import structlog
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from festgate.kit.errors import Forbidden, Malformed, Refused, TooLarge
from festgate.kit.logging import request_id
from festgate.kit.metrics import Metrics

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
"""Bytes. The longest event description an organiser may send fits four times over."""
LONGEST_TARGET = 4096
"""Bytes of path and query."""
SLOW = 1.0
"""Seconds after which an answer is logged as slow."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
INSPECTED = frozenset({b"accept-encoding", b"content-length", b"sec-fetch-site", b"origin", b"host"})
SIGNED_PATHS = ("/api/", "/webhooks/")
"""Called by programs: they carry a token or a signature, and never act for a cookie."""

RawHeaders = list[tuple[bytes, bytes]]


class CrossSite(Forbidden):
    """A page of another site tried to act in a visitor's name."""

    code = "cross-site"
    title = "That came from another site"
    message = (
        "For your safety this is only accepted from the fest's own pages. Open the page here and try again."
    )


def security_headers(*, secure: bool, form_targets: Iterable[str] = ()) -> RawHeaders:
    """The same for every answer. `form_targets` are other sites that a form may lead to (a payment page)."""
    targets = " ".join(["'self'", *form_targets])
    policy = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {targets}"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Gate:
    """Wraps the portal's routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        headers: RawHeaders,
        labels: Mapping[object, str],
        refuse: Callable[[Request, Refused], Awaitable[Response]],
    ) -> None:
        """`labels` maps a route's endpoint to its template; `refuse` answers what does not get to a route."""
        self._app = app
        # Level 5: about a third of the time of level 9 for pages that come out 2 % larger.
        self._zipping = GZipMiddleware(app, minimum_size=1000, compresslevel=5)
        self._metrics = metrics
        self._headers = headers
        self._labels = labels
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        identity = secrets.token_hex(8)
        token = request_id.set(identity)
        status = 0

        async def send_checked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *self._headers,
                    (b"x-request-id", identity.encode()),
                ]
            await send(message)

        refusal, app, receive = self._inspect(scope, receive)
        try:
            if refusal is None:
                await app(scope, receive, send_checked)
            else:
                response = await self._refuse(Request(scope, receive), refusal)
                await response(scope, receive, send_checked)
        except Exception:
            log.exception("a bug", method=scope["method"], path=scope["path"])
            if status == 0:
                raise
        finally:
            self._note(scope, status or 500, time.perf_counter() - started)
            request_id.reset(token)

    def _inspect(self, scope: Scope, receive: Receive) -> tuple[Refused | None, ASGIApp, Receive]:
        """The reason to turn the request away, or None; the app that suits it; and its guarded body."""
        # Of a header that comes twice the last counts; none of these may.
        headers = {name: value for name, value in scope["headers"] if name in INSPECTED}
        app = self._zipping if b"gzip" in headers.get(b"accept-encoding", b"") else self._app
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return Malformed("The address is longer than any address of this portal."), app, receive
        if "\0" in scope["path"]:
            return (
                Malformed("The address holds a character that no address of this portal has."),
                app,
                receive,
            )
        if scope["method"] in SAFE_METHODS:
            return None, app, receive
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return TooLarge(), app, receive
        if not scope["path"].startswith(SIGNED_PATHS) and is_cross_site(headers):
            return CrossSite(), app, receive
        return None, app, limited(receive)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        label = getattr(route, "path", None) or self._labels.get(scope.get("endpoint"), "other")
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "OTHER"
        self._metrics.observe(label, method, status, seconds)
        if status >= 500 or seconds > SLOW:  # noqa: PLR2004
            level = log.warning
        elif method in SAFE_METHODS and status < 400:  # noqa: PLR2004
            # What is only looked at is counted in the metrics; a line each would cost a tenth of the throughput.
            level = log.debug
        else:
            level = log.info
        level(
            "request",
            method=method,
            path=scope["path"],
            route=label,
            status=status,
            ms=round(seconds * 1000, 2),
        )


KNOWN_METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}


def is_cross_site(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser says that another site's page sent this (Fetch Metadata; else the Origin header).

    A request with neither header comes from no browser's form (every browser since 2020 sends one on a POST), so
    there is no visitor whose cookie could be misused.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site:
        return site not in (b"same-origin", b"none")
    if origin:
        return urlsplit(origin).netloc != headers.get(b"host")
    return False


def limited(receive: Receive) -> Receive:
    """A body that says nothing about its length is counted as it comes."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise TooLarge
        return message

    return receive_counted

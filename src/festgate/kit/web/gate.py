"""The gate: one ASGI callable around the routes that every request passes.

It sets the request id, limits bodies, checks for cross-site requests, adds security headers, compresses, counts and
logs. At ten thousand requests a second a stack of middlewares would be measurably slower.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import getrandbits
from time import monotonic
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import structlog
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from festgate.kit import security_log
from festgate.kit.errors import Forbidden, Malformed, Refused, TooLarge, TooMany
from festgate.kit.logging import request_id
from festgate.kit.metrics import Metrics
from festgate.kit.translation import N_, gettext
from festgate.kit.web.bodies import BODIES, Bodies
from festgate.kit.web.clients import MAX_IN_PROGRESS, RETRY_AFTER, Counts, Trusted, address_of
from festgate.kit.web.compression import LEVEL, MIN_SIZE
from festgate.kit.web.portal import PROGRAM_PATHS
from festgate.kit.web.routing import BEGAN, Routes

log = structlog.get_logger()

MAX_BODY = 64 * 1024
"""Bytes of a form; a camera picture from the door has 57,600."""
MAX_API_BODY = 16 * 1024
"""Bytes of an API call; no call has more than three fields of at most 254 characters."""
MAX_LENGTH_DIGITS = 10
MAX_TARGET_LENGTH = 4096
"""Bytes of path and query."""
MAX_HOSTS = 100
"""Values of the Host header to cache as well-formed; a fest has one or two."""
SLOW = 1.0
"""Seconds after which a request is logged as slow."""
ZIPPED_PATHS = ("/api/", "/static/", "/metrics")
"""Paths whose responses are compressed when they are sent. Pages are compressed once instead (compression.py)."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
INSPECTED = frozenset(
    {b"accept-encoding", b"content-length", b"transfer-encoding", b"sec-fetch-site", b"origin", b"host"}
)
BUSY = N_("There are too many requests from your network at the moment. Please try again shortly.")

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
Answer: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]


class CrossSite(Forbidden):
    """A request that a page of another site sent in a visitor's name."""

    code = "cross-site"
    title = N_("Request from another site")
    message = N_(
        "For your safety, this works only from the fest's own pages. Open the page on this site and try again."
    )


NO_REFERRER = (b"referrer-policy", b"no-referrer")
"""The header of a page whose address is secret, in place of the policy of all other pages."""


def security_headers(*, secure: bool, form_targets: Iterable[str] = ()) -> RawHeaders:
    """Return the headers of every response. `form_targets` are other sites that a form may redirect to."""
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
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Gate:
    """Wraps the portal's routes in the checks, limits and log lines of every request."""

    def __init__(
        self,
        routes: Routes,
        *,
        metrics: Metrics,
        headers: RawHeaders,
        answer: Answer,
        bodies: Bodies | None = None,
        clients: Counts | None = None,
        max_bodies: Mapping[str, int] | None = None,
        security_events: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Add `headers` to every response; `answer` turns an exception into a response.

        `bodies` reads request bodies and `clients` counts requests in progress, by default with the usual limits.
        `max_bodies` are limits on bodies, in bytes, by the beginning of the path; `security_events` are names for the
        log by method and route.
        """
        self.replace(routes, headers=headers, answer=answer)
        self.life: ASGIApp = routes
        """Handles the beginning and the end of the process; not the routes themselves, if these are replaced."""
        self.metrics = metrics
        # A module's logger looks its configuration up for every line, even for one that is dropped, which takes 2 us.
        self._log = log.bind()
        self._hosts: set[bytes] = set()
        """Well-formed values of the Host header so far."""
        self._bodies = bodies or Bodies()
        self._clients = clients or Counts(MAX_IN_PROGRESS, Trusted())
        self._max_bodies = (*(max_bodies or {}).items(), ("/api/", MAX_API_BODY))
        self._security_events = security_events or {}

    def replace(self, routes: Routes, *, headers: RawHeaders, answer: Answer) -> None:
        """Serve these routes from now on, because the settings have changed. Requests in progress end as they began."""
        self.routes = routes
        # For responses that are not pages; pages are compressed once (compression.py).
        self._zipping = GZipMiddleware(routes, minimum_size=MIN_SIZE, compresslevel=LEVEL)
        self._headers = headers
        self._unnamed_headers = [pair for pair in headers if pair[0] != NO_REFERRER[0]]
        self._answer = answer

    def max_body(self, path: str) -> int:
        """Return how many bytes the body of a request to that path may have."""
        return next((limit for start, limit in self._max_bodies if path.startswith(start)), MAX_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.life(scope, receive, send)
            return
        started = scope[BEGAN] = monotonic()
        identity = f"{getrandbits(64):016x}"
        token = request_id.set(identity)
        security_log.begin()
        status = 0
        is_complete = cross_site = False
        address = address_of(scope)
        counted = self._clients.add(address)

        async def send_checked(message: Message) -> None:
            nonlocal status, is_complete
            if message["type"] == "http.response.body":
                is_complete = not message.get("more_body", False)
            elif message["type"] == "http.response.start":
                status = message["status"]
                own = message["headers"]
                message["headers"] = [
                    *own,
                    *(self._headers if NO_REFERRER not in own else self._unnamed_headers),
                    (b"x-request-id", identity.encode()),
                ]
            await send(message)

        try:
            try:
                app, guarded = self._inspect(scope, receive, admitted=counted)
                await app(scope, guarded, send_checked)
            except ClientDisconnect:  # the client has disconnected, so nothing is sent
                status = status or 400
            except Exception as error:
                cross_site = isinstance(error, CrossSite)
                if not isinstance(error, Refused | HTTPException):
                    log.exception(
                        "unhandled exception", method=scope["method"], path=_shown_path(scope, _label(scope))
                    )
                if status and not is_complete:
                    raise  # the response has begun: the server closes the connection, so the browser notices
                if not status:
                    response = await self._answer(Request(scope, receive), error)
                    await response(scope, receive, send_checked)
        finally:
            self._clients.remove(address, counted)
            self._note(scope, status or 500, monotonic() - started, cross_site=cross_site)
            request_id.reset(token)

    def _inspect(self, scope: Scope, receive: Receive, *, admitted: bool) -> tuple[ASGIApp, Receive]:
        """Return the app for the request, and a limited `receive`. Raise Refused to decline the request."""
        if not admitted:
            raise TooMany(gettext(BUSY), RETRY_AFTER)
        # A dict keeps the last of two headers with the same name; none of these may be repeated.
        inspected = [pair for pair in scope["headers"] if pair[0] in INSPECTED]
        headers = dict(inspected)
        if headers.get(b"host") not in self._hosts or len(inspected) != len(headers):
            self._check_host(
                scope.get("http_version", "1.1"), [value for name, value in inspected if name == b"host"]
            )
        encodings = scope["festgate.encodings"] = headers.get(b"accept-encoding", b"")
        app = (
            self._zipping if b"gzip" in encodings and scope["path"].startswith(ZIPPED_PATHS) else self.routes
        )
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > MAX_TARGET_LENGTH:
            msg = gettext("The address is too long.")
            raise Malformed(msg)
        if b"%" in scope["query_string"] and not _is_text(scope["query_string"]):
            msg = gettext("The address is not valid UTF-8 text.")
            raise Malformed(msg)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            msg = gettext("The address contains an invalid character.")
            raise Malformed(msg)
        if scope["method"] in SAFE_METHODS:
            return app, receive
        length = headers.get(b"content-length", b"0")
        max_body = self.max_body(scope["path"])
        if len(length) > MAX_LENGTH_DIGITS or not length.isdigit() or int(length) > max_body:
            raise TooLarge
        if not scope["path"].startswith(PROGRAM_PATHS) and is_cross_site(headers):
            raise CrossSite
        if length == b"0" and b"transfer-encoding" not in headers:
            return app, receive
        scope[BODIES] = self._bodies
        return app, limited(receive, max_body)

    def _check_host(self, version: str, hosts: list[bytes]) -> None:
        """Raise Malformed unless the request has one Host header (RFC 9112, section 3.2); HTTP/1.0 may have none.

        Of two headers, a proxy and the portal might each use another.
        """
        if len(hosts) > 1:
            msg = gettext("The request has two Host headers. Send only one.")
            raise Malformed(msg)
        if not hosts and version == "1.0":
            return
        if not hosts or _HOST.fullmatch(hosts[0]) is None:
            msg = gettext("The request has no valid Host header.")
            raise Malformed(msg)
        if len(self._hosts) < MAX_HOSTS:
            self._hosts.add(hosts[0])

    def _note(self, scope: Scope, status: int, seconds: float, *, cross_site: bool) -> None:
        label = _label(scope)
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "OTHER"
        self.metrics.observe(label, method, status, seconds)
        if status >= 500 or seconds > SLOW:  # noqa: PLR2004
            level = self._log.warning
        elif method in SAFE_METHODS and status < 400:  # noqa: PLR2004
            # Page views are counted in the metrics; a log line for each would cost a tenth of the throughput.
            level = self._log.debug
        else:
            level = self._log.info
        level(
            "request",
            method=method,
            path=_shown_path(scope, label),
            route=label,
            status=status,
            ms=round(seconds * 1000, 2),
        )
        if method not in SAFE_METHODS or status in (403, 429):
            event = self._security_events.get((method, label))
            security_log.note_request(event, method, label, status, address_of(scope), cross_site=cross_site)


NO_ROUTE = "other"
MAX_WORD = 16
KNOWN_METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}


def _label(scope: Scope) -> str:
    """Return the pattern of the matched route."""
    route = scope.get("route")
    if route is None:
        return NO_ROUTE
    # The path of a route below a mount (the API) is relative to it; /static has no inner routes.
    root = scope.get("root_path", "")
    label: str = root + route.path_format if root and not isinstance(route, Mount) else route.path
    return label


def _shown_path(scope: Scope, label: str) -> str:
    """Return the path for the log, without codes of tickets and orders. The slug of an event is public."""
    if label == NO_ROUTE:
        # An unknown path may contain a mistyped ticket code, so only its first segment is logged.
        first, slash, _ = scope["path"].lstrip("/").partition("/")
        plain = first.isascii() and first.isalpha() and first.islower() and len(first) <= MAX_WORD
        return f"/{first}{'/***' if slash else ''}" if plain else "/***"
    slug = scope.get("path_params", {}).get("slug")
    return label.replace("{slug}", slug) if slug else label


def is_cross_site(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether another site's page sent the request, by Fetch Metadata or else the Origin header.

    A request with neither header does not come from a browser (since 2020 every browser sends one with a POST), so no
    visitor's cookie can be misused.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site:
        return site not in (b"same-origin", b"none")
    if origin:
        # Such as `https://fest.example:8443`, or `null`, which has no scheme and no host.
        named = origin.partition(b"://")[2]
        return not named or named != headers.get(b"host")
    return False


def _is_text(query: bytes) -> bool:
    """Return whether the percent-encoded text is UTF-8."""
    try:
        unquote_to_bytes(query).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def limited(receive: Receive, max_body: int = MAX_BODY) -> Receive:
    """Return `receive` with a limit on the body, also for one that is sent without its length. It raises TooLarge."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > max_body:
                raise TooLarge
        return message

    return receive_counted

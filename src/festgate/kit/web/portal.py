"""The web parts that all modules' pages share: the visitor, pages, redirects, and error pages."""

import asyncio
import ipaddress
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from festgate.kit import security_log
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import (
    Bug,
    Forbidden,
    ModuleUnavailable,
    NotFound,
    NotTaken,
    ProofNeeded,
    Refused,
    SecondFactorNeeded,
    SignInNeeded,
)
from festgate.kit.logging import request_id
from festgate.kit.metrics import Metrics
from festgate.kit.resilience.bulkhead import Bulkhead
from festgate.kit.roles import ASSIGNABLE, Permission
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import SEEN_EVERY, Actor, Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.compression import LEVEL, QUICK, Piece, gzipped
from festgate.kit.web.pages import Kept, Pages, Rendered, Shown
from festgate.kit.web.parameters import has_parameter, read_header, read_path, session_token
from festgate.settings import Settings

log = structlog.get_logger()

S = TypeVar("S", bound=Shown)

MAX_ADDRESS = 2000
"""Characters of an address that is read from a header or a field."""
PROBLEM = "application/problem+json"
PROGRAM_PATHS = ("/api/", "/webhooks/", "/drills/")
"""Paths for programs, which send a token or a signature, get no rights by a cookie, and read problem+json."""
MAX_TOKEN_LENGTH = 100
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
ANYWHERE: frozenset[Permission] = frozenset({"office", "door"})
"""Permissions of a lead on pages that name no event; these pages list only the assigned ones."""
_TYPE = (b"content-type", b"text/html; charset=utf-8")
_VARY = (b"vary", b"accept-encoding, cookie")
_PAGE_HEADERS = [_TYPE, (b"cache-control", b"private, no-cache"), _VARY]
"""Headers of a page for everybody: a browser keeps it, and revalidates it each time."""
_OWN_PAGE_HEADERS = [_TYPE, (b"cache-control", b"no-store"), _VARY]
"""Headers of a page for a signed-in visitor: the next user of the browser finds nothing."""
NO_STORE = {"cache-control": "no-store"}
_HOME = "/"


@dataclass(frozen=True)
class PageLinks:
    """Functions and addresses of modules above the kit that every page uses."""

    find_visitor: Callable[[Connection, str], Visitor | None]
    """The visitor of a session cookie."""
    find_bearer: Callable[[Connection, str], Visitor | None]
    """The visitor of an API token."""
    note_seen: Callable[[Connection, str], None]
    """Stores that the session of that token is in use."""
    count_held: Callable[[Connection, int], int]
    """The number of unpaid seats that a person holds."""
    comforts: Mapping[str, Callable[[Connection, int], str]]
    """By module: a query for a sentence on what a person keeps while it is unavailable; empty for none."""
    ways_on: Sequence[tuple[str, str, str]] = ()
    """Pages that a visitor can use while a module is unavailable, as (module, label, address)."""
    reaches: Callable[[Connection, Visitor, str], bool] = lambda _connection, _visitor, _slug: False
    """Whether the visitor, a lead or a member of staff at the door, may act at the event with that slug."""
    lacks_second_factor: Callable[[Connection, int], bool] = lambda _connection, _person: False
    """Whether a person of the team has to set up a second factor first."""
    default_actions: Sequence[tuple[str, str]] = ()
    """Links for the page of an error that has none of its own, as (label, address)."""


class GuardedRoute(Route):
    """A route that needs a permission, which tests and the reference of roles read."""

    def __init__(
        self,
        permission: Permission,
        path: str,
        endpoint: Endpoint,
        methods: Collection[str],
        *,
        sensitive: bool = False,
        lists_assigned: bool = False,
    ) -> None:
        """Take a path of Starlette, and the permission and further conditions of `Portal.guard`."""
        super().__init__(path, endpoint, methods=list(methods))
        self.permission = permission
        self.lists_assigned = lists_assigned
        self.sensitive = sensitive


class Portal:
    """The parts that all modules' pages use, created by `app.py`."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        pages: Pages,
        metrics: Metrics,
        secret: bytes,
        links: PageLinks,
        bulkheads: Mapping[str, Bulkhead],
    ) -> None:
        """`links` are functions of higher modules, since `kit` knows none of them; `bulkheads` each module's own."""
        self.settings = settings
        self.database = database
        self.pages = pages
        self.metrics = metrics
        self.secret = secret
        self.bulkheads = bulkheads
        self._links = links
        self._noting: dict[str, asyncio.Task[None]] = {}
        """The sessions whose last use is being stored."""

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the signed-in visitor of the session cookie, or None. Looked up once per request."""
        scope = request.scope
        if "festgate.visitor" not in scope:
            token = session_token(scope["headers"])
            known = (
                await self.database.recall(self._links.find_visitor, token)
                if token and len(token) < MAX_TOKEN_LENGTH
                else None
            )
            scope["festgate.visitor"] = known
            if known is not None and self.database.clock() - known.seen_at > SEEN_EVERY:
                self._note_seen(token)
        visitor: Visitor | None = scope["festgate.visitor"]
        if visitor is not None:
            security_log.about(visitor.person)
        return visitor

    async def bearer(self, token: str) -> Visitor | None:
        """Return the visitor of an API token; None when it is unknown or has expired."""
        visitor = await self.database.read(self._links.find_bearer, token)
        if visitor is not None:
            security_log.about(visitor.person)
            if self.database.clock() - visitor.seen_at > SEEN_EVERY:
                self._note_seen(token)
        return visitor

    def _note_seen(self, token: str) -> None:
        """Store in the background that the session is in use; if that fails, a later request does it."""

        async def note() -> None:
            try:
                await self.database.write(self._links.note_seen, token)
            except (Refused, sqlite3.Error) as error:
                log.warning("the last use of a session was not stored", reason=repr(error))
            finally:
                del self._noting[token]

        if token not in self._noting:
            self._noting[token] = asyncio.create_task(note())

    async def signed_in(self, request: Request) -> Visitor:
        """Return the signed-in visitor. SignInNeeded sends any other, and a guest, to the sign-in page and back."""
        visitor = await self.visitor(request)
        if visitor is None or visitor.is_guest:
            raise SignInNeeded
        return visitor

    async def attendee(self, request: Request) -> Visitor:
        """Return the signed-in visitor or the guest, for pages of one's own orders and tickets. Or SignInNeeded."""
        visitor = await self.visitor(request)
        if visitor is None:
            raise SignInNeeded
        return visitor

    async def proven(self, request: Request) -> Visitor:
        """Return the signed-in visitor if the password was entered a moment ago. Raises ProofNeeded or SignInNeeded."""
        visitor = await self.signed_in(request)
        self.check_proof(visitor)
        return visitor

    def check_proof(self, visitor: Visitor) -> None:
        """Raise ProofNeeded if the password was entered too long ago for a sensitive action."""
        if not visitor.has_proof(self.database.clock()):
            raise ProofNeeded

    async def check_second_factor(self, visitor: Visitor) -> None:
        """Raise SecondFactorNeeded if the visitor belongs to the team and lacks the second factor that it needs."""
        if visitor.role == "attendee":
            return
        if await self.database.recall(self._links.lacks_second_factor, visitor.person):
            raise SecondFactorNeeded

    async def allow(
        self, request: Request, permission: Permission, *, lists_assigned: bool = False
    ) -> Visitor:
        """Return the signed-in visitor if their role has the permission. Raises Forbidden or SecondFactorNeeded.

        A lead has it at the assigned events only: NotFound for every other event, Forbidden where the path names none.
        So has a member of staff at the door to whom events are assigned. `lists_assigned` is for a page without an
        event that shows a lead nothing but the assigned ones.
        """
        visitor = await self.signed_in(request)
        if not visitor.may(permission):
            raise Forbidden
        await self.check_second_factor(visitor)
        await self.require(visitor, permission, request, lists_assigned=lists_assigned)
        return visitor

    async def require(
        self, visitor: Visitor, permission: Permission, request: Request, *, lists_assigned: bool = False
    ) -> None:
        """Raise Forbidden or NotFound as `allow` does."""
        if not visitor.may(permission):
            raise Forbidden
        if visitor.role not in ASSIGNABLE:
            return
        if has_parameter(request, "slug"):
            slug = read_path(request, "slug")
            if not await self.database.read(self._links.reaches, visitor, slug):
                raise NotFound
        elif visitor.role == "lead" and permission not in ANYWHERE and not lists_assigned:
            raise Forbidden

    def guard(
        self,
        permission: Permission,
        path: str,
        endpoint: Endpoint,
        *,
        methods: Collection[str] = ("GET",),
        lists_assigned: bool = False,
        sensitive: bool = False,
    ) -> "GuardedRoute":
        """Return a route that only visitors with the permission reach; `endpoint` need not check it again.

        `lists_assigned` as in `allow`. A `sensitive` route asks for the password if that was entered more than ten
        minutes ago: a page leads to the form for it and back, and a form is refused with a link to it. So the page that
        shows the form is sensitive, too.
        """

        @wraps(endpoint.func if isinstance(endpoint, partial) else endpoint)
        async def guarded(request: Request) -> Response:
            visitor = await self.allow(request, permission, lists_assigned=lists_assigned)
            if sensitive:
                self.check_proof(visitor)
            return await endpoint(request)

        return GuardedRoute(
            permission, path, guarded, methods, sensitive=sensitive, lists_assigned=lists_assigned
        )

    async def check_again(
        self, request: Request, permission: Permission, *, lists_assigned: bool = False
    ) -> None:
        """Raise what `allow` raises by now, for responses that take long: the session or the role may have ended."""
        scope = {key: value for key, value in request.scope.items() if key != "festgate.visitor"}
        await self.allow(Request(scope), permission, lists_assigned=lists_assigned)

    def known(self, request: Request) -> Visitor:
        """Return the visitor of a request that a guarded route has let in."""
        visitor: Visitor | None = request.scope.get("festgate.visitor")
        if visitor is None:
            raise SignInNeeded
        return visitor

    def actor(self, request: Request) -> Actor:
        """Return the signed-in visitor of the request as an actor, for the audit log."""
        visitor: Visitor | None = request.scope.get("festgate.visitor")
        return Actor(None if visitor is None else visitor.person, "session", address_of(request.scope))

    async def page(
        self,
        request: Request,
        template: str,
        *,
        section: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        held: int | None = None,
        **context: Any,  # noqa: ANN401  (whatever the template shows)
    ) -> Response:
        """Return a page rendered for this request.

        `held` is the number of the visitor's unpaid seats; without it a query counts them. On guarded routes the
        template has `may` and `may_everywhere` of the visitor, so that it links only to pages that they can open.
        """
        reader: Visitor | None = request.scope.get("festgate.visitor")
        may: dict[str, Any] = (
            {} if reader is None else {"may": reader.may, "may_everywhere": reader.may_everywhere}
        )
        page = self.pages.render(template, section, **may, **context)
        response = await self._with_visitor(request, page, section, status=status, held=held)
        response.headers.update(headers or {})
        return response

    async def kept_page(
        self,
        request: Request,
        key: Hashable,
        look: Callable[[], Awaitable[S]],
        template: str,
        *,
        public: bool = False,
        section: str = "",
        held: Callable[[S], int] | int | None = None,
    ) -> Response:
        """Return a page that is rendered once a year for each value of its view model.

        `held` is the number of the visitor's unpaid seats, or a function that returns it from the view model; without
        it a query counts them.

        `look` reads the view model. It is skipped while nothing has been committed. Where a commit of another process
        may become visible late (PostgreSQL), it is skipped only for public pages: a visitor's own page must show their
        last operation, whichever process did it.
        """
        # Days of the present year are written without it.
        key = (self.pages.writing.year(), key)
        skips = public or self.database.sees_every_commit
        version = self.database.version() if skips else None
        kept = self.pages.kept(key)
        if kept is None or not skips or kept.version != version or self.database.clock() >= kept.until:
            shown = await look()
            if kept is None or kept.shown != shown:
                page = self.pages.render(template, section, LEVEL if public else QUICK, shown=shown)
                kept = Kept(shown, version, shown.until, page, held(shown) if callable(held) else None)
                self.pages.keep(key, kept)
            else:
                kept.version, kept.until = version, shown.until
        count = held if isinstance(held, int) else kept.held
        return await self._with_visitor(request, kept.page, section, held=count)

    async def _with_visitor(
        self, request: Request, page: Rendered, section: str, *, status: int = 200, held: int | None = None
    ) -> Response:
        visitor = await self.visitor(request)
        if held is None:
            held = await self.database.recall(self._links.count_held, visitor.person) if visitor else 0
        part = self.pages.visitor_part(visitor, held, section)
        return PageResponse(request, (*page.before, *part, *page.after), status, own=visitor is not None)

    async def refusal(self, request: Request, refusal: Refused) -> Response:
        """Return the response to a Refused: a page with the next step, or problem+json under /api."""
        if request.scope["path"].startswith(PROGRAM_PATHS):
            return problem(refusal)
        if isinstance(refusal, SignInNeeded):
            return see_other(
                f"{self.pages.navigation.paths.sign_in}?next={quote(self._return_path(request))}"
            )
        if isinstance(refusal, ProofNeeded | SecondFactorNeeded) and request.method in ("GET", "HEAD"):
            return see_other(self._way_back(request, refusal))
        return await self._error_page(request, refusal)

    async def failure(self, request: Request, error: Exception) -> Response:
        """Return the response to any exception: a Refused, Starlette's 404 and 405, or an unhandled one."""
        if isinstance(error, Refused):
            return await self.refusal(request, error)
        if not isinstance(error, HTTPException):
            return await self.refusal(request, Bug())
        if error.status_code == HTTPStatus.NOT_FOUND:
            return await self.refusal(request, NotFound())
        return await self.refusal(request, NotTaken(error.headers))

    def bare_page(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] = MappingProxyType({}),
        **context: Any,  # noqa: ANN401  (whatever the template shows)
    ) -> Response:
        """Return a page without navigation and visitor, for a fest of which no other page answers."""
        text = self.pages.text(template, **context)
        return Response(text, status, {**NO_STORE, **headers}, "text/html; charset=utf-8")

    async def _error_page(self, request: Request, refusal: Refused) -> Response:
        if refusal.is_bare:
            return self.bare_page(
                "kit/bare_error.html",
                status=refusal.status,
                headers=refusal.headers(),
                title=gettext(refusal.title),
                message=refusal.message,
            )
        actions = refusal.actions or self._links.default_actions
        message, details = refusal.message, ""
        if isinstance(refusal, ModuleUnavailable):
            # Details are for the developer who works at this machine.
            details = self.bulkheads[refusal.module].details if is_local(request.scope) else ""
            actions = self._ways_on(request, refusal)
            message = await self._comfort(request, refusal) or message
        if isinstance(refusal, ProofNeeded):
            actions = ((N_("Enter your password"), self._way_back(request, refusal)),)
        elif isinstance(refusal, SecondFactorNeeded):
            actions = ((N_("Set up a second factor"), self._way_back(request, refusal)),)
        page = self.pages.render(
            "kit/error.html",
            title=gettext(refusal.title),
            message=message,
            details=details,
            actions=[(gettext(label), path) for label, path in actions],
            request_id=request_id.get(),
        )
        try:
            response = await self._with_visitor(request, page, "", status=refusal.status)
        except (Refused, sqlite3.Error):
            # The database may be what is broken: answer without the visitor's part.
            response = PageResponse(request, (*page.before, *page.after), refusal.status)
        response.headers.update(refusal.headers())
        return response

    def _ways_on(self, request: Request, refusal: ModuleUnavailable) -> tuple[tuple[str, str], ...]:
        """Return a link to the same page, if a GET can repeat the request, and links to pages of healthy modules."""
        again = [(N_("Try again"), request.url.path)] if request.method == "GET" else []
        others = [
            (label, path)
            for module, label, path in self._links.ways_on
            if module != refusal.module and not self.bulkheads[module].is_unavailable()
        ]
        return (*again, *others)

    async def _comfort(self, request: Request, refusal: ModuleUnavailable) -> str:
        """Return a sentence on what this visitor keeps while the module is unavailable; empty for none."""
        comfort = self._links.comforts.get(refusal.module)
        if comfort is None:
            return ""
        with suppress(Refused, sqlite3.Error):
            visitor = await self.visitor(request)
            personal = await self.database.read(comfort, visitor.person) if visitor else ""
            return f"{refusal.problem} {personal}" if personal else ""
        return ""

    def _way_back(self, request: Request, refusal: ProofNeeded | SecondFactorNeeded) -> str:
        """Return the address of the page that asks for what is missing, and leads back to this page or form."""
        paths = self.pages.navigation.paths
        page = paths.prove if isinstance(refusal, ProofNeeded) else paths.second_factor
        return f"{page}?next={quote(self._return_path(request))}"

    @staticmethod
    def _return_path(request: Request) -> str:
        """Return the page to show after signing in: this one, or for a POST the page of its form."""
        if request.method in ("GET", "HEAD"):
            return request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            referer = urlsplit(read_header(request, "referer", MAX_ADDRESS))
        except ValueError:  # no address at all
            return _HOME
        if referer.netloc != request.headers.get("host"):
            return _HOME
        return local_path(referer.path + (f"?{referer.query}" if referer.query else ""))


class PageResponse(Response):
    """HTML joined from pieces, compressed if the browser accepts it."""

    def __init__(
        self, request: Request, pieces: tuple[Piece, ...], status: int, *, own: bool = False
    ) -> None:
        """Set the raw headers: Starlette's own way takes a tenth of a page's time. `own`: for a signed-in visitor."""
        headers = _OWN_PAGE_HEADERS if own else _PAGE_HEADERS
        self.status_code = status
        self.background = None
        if b"gzip" in request.scope.get("festgate.encodings", b""):
            self.body = gzipped(pieces)
            self.raw_headers = [*headers, (b"content-encoding", b"gzip")]
        else:
            self.body = b"".join([piece.plain for piece in pieces])
            self.raw_headers = [*headers]
        self.raw_headers.append((b"content-length", str(len(self.body)).encode()))


def problem(refusal: Refused) -> Response:
    """Return a refusal as problem+json (RFC 9457), with the id of the request."""
    body: dict[str, object] = {
        "type": f"/docs/problems/{refusal.code}",
        "title": gettext(refusal.title),
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
        "request_id": request_id.get(),
    }
    body.update(refusal.members())
    return JSONResponse(body, refusal.status, dict(refusal.headers()), PROBLEM)


def see_other(path: str) -> RedirectResponse:
    """Return a 303: the browser fetches the next page with GET, so reloading repeats nothing."""
    return RedirectResponse(path, 303, NO_STORE)


def is_local(scope: Scope) -> bool:
    """Return whether the request comes from this machine."""
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def local_path(text: str | None, otherwise: str = _HOME) -> str:
    """Return `text` if it is a path on this site, else `otherwise`: a browser might follow it elsewhere."""
    if not text or len(text) > MAX_ADDRESS or not text.startswith("/") or text.startswith(("//", "/\\")):
        return otherwise
    if any(character.isspace() or not character.isprintable() for character in text) or "\\" in text:
        return otherwise
    parts = urlsplit(text)
    return text if not parts.scheme and not parts.netloc else otherwise

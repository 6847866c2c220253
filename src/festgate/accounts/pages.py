"""Register, sign in, sign out."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.accounts.forms import Chosen, Forgotten, NewAccount, SignIn
from festgate.accounts.passwords import Hasher
from festgate.accounts.people import Taken
from festgate.accounts.reception import Opening, Reception, WrongPassword
from festgate.accounts.sessions import LIFE, Session
from festgate.kit.clock import SECOND
from festgate.kit.errors import Invalid
from festgate.kit.web import (
    SESSION_COOKIE,
    Portal,
    checked,
    local_path,
    read_fields,
    see_other,
    session_token,
)

AFTERWARDS = "/events"
"""Where somebody goes who was going nowhere."""


class AccountPages:
    """The pages at the door. `next` leads back to where a person was going, on this site and nowhere else."""

    def __init__(self, portal: Portal, hasher: Hasher) -> None:
        """`hasher` is shared with the API, so that both together leave a core free."""
        self._portal = portal
        self._reception = Reception(portal.database, hasher, portal.settings, portal.secret)

    def routes(self) -> list[Route]:
        """The routes of this module."""
        return [
            Route("/register", self.show_register, methods=["GET"]),
            Route("/register", self.register, methods=["POST"]),
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route("/forgot", self.show_forgot, methods=["GET"]),
            Route("/forgot", self.send_link, methods=["POST"]),
            Route("/reset", self.show_reset, methods=["GET"]),
            Route("/reset", self.reset, methods=["POST"]),
        ]

    async def show_register(self, request: Request) -> Response:
        """The form for a new account; who is signed in has one and is sent on."""
        return await self._show(request, "register")

    async def register(self, request: Request) -> Response:
        """A new account, signed in; or the form again, with what is wrong beside each field."""
        fields = await read_fields(request)
        try:
            form = checked(NewAccount, fields)
            session = await self._reception.register_and_sign_in(
                form.newcomer(), form.password, address_of(request), self._opening(request)
            )
        except Invalid as refusal:
            return await self._page(request, "register", fields, refusal.status, refusal.fields)
        except Taken as refusal:
            return await self._page(request, "register", fields, refusal.status, refusal.fields)
        return self._welcome(session, fields)

    async def show_login(self, request: Request) -> Response:
        """The form to sign in; who is signed in already is sent on."""
        return await self._show(request, "login")

    async def log_in(self, request: Request) -> Response:
        """A new session; or the form again. Whether the name or the password was wrong cannot be told."""
        fields = await read_fields(request)
        try:
            form = checked(SignIn, fields)
            session = await self._reception.sign_in(
                form.username, form.password, address_of(request), self._opening(request)
            )
        except Invalid as refusal:
            return await self._page(request, "login", fields, refusal.status, refusal.fields)
        except WrongPassword as refusal:
            return await self._page(
                request, "login", fields, refusal.status, sentence=refusal.message, headers=refusal.headers()
            )
        return self._welcome(session, fields)

    async def log_out(self, request: Request) -> Response:
        """The session is over, here and in the database."""
        token = session_token(request)
        if token is not None:
            await self._reception.sign_out(token, "cookie")
        response = see_other("/")
        response.delete_cookie(
            SESSION_COOKIE, secure=self._portal.settings.secure, httponly=True, samesite="lax"
        )
        return response

    async def show_forgot(self, request: Request) -> Response:
        """The form of who has forgotten their password."""
        return await self._page(request, "forgot", {})

    async def send_link(self, request: Request) -> Response:
        """A letter with a link is on its way where there is such an account; the page does not say whether there is."""
        fields = await read_fields(request)
        try:
            form = checked(Forgotten, fields)
        except Invalid as refusal:
            return await self._page(request, "forgot", fields, refusal.status, refusal.fields)
        await self._reception.send_link(form.username, address_of(request))
        return await self._page(request, "forgot", fields, sent=True)

    async def show_reset(self, request: Request) -> Response:
        """The form for a new password, behind the link of a letter; 410 where the link is over."""
        claim = await self._reception.read_link(_token(request))
        return await self._page(request, "reset", {"username": claim.person.username})

    async def reset(self, request: Request) -> Response:
        """The new password holds, the link and every session are over, and one begins; or the form again."""
        claim = await self._reception.read_link(_token(request))
        fields = await read_fields(request)
        try:
            form = checked(Chosen, fields)
        except Invalid as refusal:
            entered = {"username": claim.person.username}
            return await self._page(request, "reset", entered, refusal.status, refusal.fields)
        session = await self._reception.use_link(claim, form.password, self._opening(request))
        return self._welcome(session, {})

    async def _show(self, request: Request, page: str) -> Response:
        if await self._portal.visitor(request) is not None:
            return see_other(local_path(request.query_params.get("next"), AFTERWARDS))
        return await self._page(request, page, {"next": request.query_params.get("next", "")})

    async def _page(
        self,
        request: Request,
        page: str,
        entered: Mapping[str, str],
        status: int = HTTPStatus.OK,
        errors: Mapping[str, str] | None = None,
        sentence: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        sent: bool = False,
    ) -> Response:
        path = local_path(entered.get("next"), AFTERWARDS)
        return await self._portal.page(
            request,
            f"accounts/{page}.html",
            status=status,
            headers=headers,
            section=page,
            entered={name: _visible(entered.get(name, "")) for name in ("username", "email")},
            errors=errors or {},
            sentence=sentence,
            sent=sent,
            next=path,
            onward="" if path == AFTERWARDS else f"?next={quote(path, safe='/')}",
        )

    @staticmethod
    def _opening(request: Request) -> Opening:
        return Opening("cookie", session_token(request))

    def _welcome(self, session: Session, fields: Mapping[str, str]) -> Response:
        response = see_other(local_path(fields.get("next"), AFTERWARDS))
        response.set_cookie(
            SESSION_COOKIE,
            session.token,
            max_age=LIFE // SECOND,
            path="/",
            secure=self._portal.settings.secure,
            httponly=True,
            samesite="lax",
        )
        return response


def address_of(request: Request) -> str:
    """The address that asks; behind a proxy that is trusted, the one that the proxy names."""
    return request.client.host if request.client else ""


def _token(request: Request) -> str:
    """Of a link to a new password. In the query, since the path of a request stands in the log."""
    return request.query_params.get("token", "")


def _visible(text: str) -> str:
    """What was entered, without what cannot stand in a page."""
    return "".join(sign for sign in text if sign.isprintable())

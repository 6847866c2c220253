"""Register, sign in, sign out, change the password."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.clock import SECOND, Milliseconds
from festgate.kit.errors import Invalid
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.parameters import HOST_PREFIX, SESSION_COOKIE, read_cookie, read_query, session_token
from festgate.kit.web.portal import MAX_ADDRESS, MAX_TOKEN_LENGTH, NO_STORE, Portal, local_path, see_other
from festgate.portal.accounts.devices import DEVICE_LIFE
from festgate.portal.accounts.forms import Chosen, Forgotten, NewAccount, PasswordChange, SignIn
from festgate.portal.accounts.passwords import Hasher
from festgate.portal.accounts.people import Taken
from festgate.portal.accounts.queries import Person
from festgate.portal.accounts.reception import Opening, Reception, WrongPassword
from festgate.portal.accounts.sessions import LIFE, Session

AFTERWARDS = "/events"
"""Where somebody goes who was going nowhere."""
DEVICE_COOKIE = "festgate_device"
FORGET = '"cache", "storage"'
"""What a browser drops at sign-out (Clear-Site-Data). Not its cookies: the one that knows the browser stays."""


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
            Route("/confirm", self.show_confirm, methods=["GET"]),
            Route("/confirm", self.confirm, methods=["POST"]),
            Route("/confirm/again", self.send_confirmation, methods=["POST"]),
            Route("/account", self.show_account, methods=["GET"]),
            Route("/account", self.change_password, methods=["POST"]),
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
                form.newcomer(), form.password, address_of(request.scope), self._opening(request)
            )
        except Invalid as refusal:
            return await self._page(request, "register", fields, refusal.status, refusal.fields)
        except Taken as refusal:
            return await self._page(request, "register", fields, refusal.status, refusal.fields)
        return self._welcome(request, session, fields)

    async def show_login(self, request: Request) -> Response:
        """The form to sign in; who is signed in already is sent on."""
        return await self._show(request, "login")

    async def log_in(self, request: Request) -> Response:
        """A new session; or the form again. Whether the name or the password was wrong cannot be told."""
        fields = await read_fields(request)
        try:
            form = checked(SignIn, fields)
            session = await self._reception.sign_in(
                form.username, form.password, address_of(request.scope), self._opening(request)
            )
        except Invalid as refusal:
            return await self._page(request, "login", fields, refusal.status, refusal.fields)
        except WrongPassword as refusal:
            return await self._page(
                request, "login", fields, refusal.status, sentence=refusal.message, headers=refusal.headers()
            )
        return self._welcome(request, session, fields)

    async def log_out(self, request: Request) -> Response:
        """The session is over, here and in the database, and the browser drops the pages that it kept."""
        for name in self._session_names():
            if token := read_cookie(request, name):
                await self._reception.sign_out(token, "cookie")
        response = see_other("/")
        for name in self._session_names():
            self._delete_cookie(response, name)
        response.headers["clear-site-data"] = FORGET
        return response

    async def show_account(self, request: Request) -> Response:
        """The form to change one's own password."""
        visitor = await self._portal.signed_in(request)
        return await self._page(request, "account", {"username": visitor.username})

    async def change_password(self, request: Request) -> Response:
        """The new password holds, and this browser alone stays signed in; or the form again."""
        visitor = await self._portal.signed_in(request)
        fields = await read_fields(request)
        entered = {"username": visitor.username}
        try:
            form = checked(PasswordChange, fields)
            session = await self._reception.change_password(
                visitor, form.current, form.password, address_of(request), self._opening(request)
            )
        except Invalid as refusal:
            return await self._page(request, "account", entered, refusal.status, refusal.fields)
        except WrongPassword:
            wrong = {"current": "This is not your password. Try again, or get a link by email."}
            return await self._page(request, "account", entered, HTTPStatus.UNPROCESSABLE_ENTITY, wrong)
        response = see_other("/account?changed")
        self._set_cookies(request, response, session)
        return response

    async def show_forgot(self, request: Request) -> Response:
        """The form of who has forgotten their password."""
        return await self._page(request, "forgot", {})

    async def send_link(self, request: Request) -> Response:
        """An email with a link is on its way where there is such an account; the page does not say whether there is."""
        fields = await read_fields(request)
        try:
            form = checked(Forgotten, fields)
        except Invalid as refusal:
            return await self._page(request, "forgot", fields, refusal.status, refusal.fields)
        await self._reception.send_link(form.username, address_of(request.scope))
        return await self._page(request, "forgot", fields, sent=True)

    async def show_reset(self, request: Request) -> Response:
        """The form for a new password, behind the link of an email; 410 where the link is over."""
        claim = await self._reception.read_link(_token(request))
        return await self._page(request, "reset", {"username": claim.person.username}, headers=NO_STORE)

    async def reset(self, request: Request) -> Response:
        """The new password holds, the link and every session are over, and one begins; or the form again."""
        claim = await self._reception.read_link(_token(request))
        fields = await read_fields(request)
        try:
            form = checked(Chosen, fields)
            session = await self._reception.use_link(
                claim, form.password, address_of(request), self._opening(request)
            )
        except Invalid as refusal:
            entered = {"username": claim.person.username}
            return await self._page(
                request, "reset", entered, refusal.status, refusal.fields, headers=NO_STORE
            )
        return self._welcome(request, session, {})

    async def show_confirm(self, request: Request) -> Response:
        """Show the button that confirms an email address, behind the link of an email; 410 where the link is over."""
        person = await self._reception.read_confirmation(_token(request))
        return await self._confirm_page(request, person, "confirmed" if person.is_confirmed else "asked")

    async def confirm(self, request: Request) -> Response:
        """Confirm the email address, whoever is signed in: only its owner has the link."""
        return await self._confirm_page(request, await self._reception.confirm(_token(request)), "confirmed")

    async def send_confirmation(self, request: Request) -> Response:
        """Send the link once more to who is signed in."""
        visitor = await self._portal.signed_in(request)
        person = await self._reception.send_confirmation(visitor.person)
        return await self._confirm_page(request, person, "confirmed" if person.is_confirmed else "sent")

    async def _confirm_page(self, request: Request, person: Person, state: str) -> Response:
        return await self._portal.page(
            request, "accounts/confirm.html", section="confirm", email=person.email, state=state
        )

    async def _show(self, request: Request, page: str) -> Response:
        if await self._portal.visitor(request) is not None:
            return see_other(local_path(read_query(request, "next", MAX_ADDRESS), AFTERWARDS))
        return await self._page(request, page, {"next": read_query(request, "next", MAX_ADDRESS)})

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
            changed="changed" in request.query_params,
            next=path,
            onward="" if path == AFTERWARDS else f"?next={quote(path, safe='/')}",
        )

    def _opening(self, request: Request) -> Opening:
        device = read_cookie(request, self._prefixed(DEVICE_COOKIE))
        return Opening("cookie", session_token(request.scope["headers"]) or None, device)

    def _welcome(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        response = see_other(local_path(fields.get("next"), AFTERWARDS))
        self._set_cookies(request, response, session)
        return response

    def _set_cookies(self, request: Request, response: Response, session: Session) -> None:
        """Set the session's cookie and the browser's; one of another name, from before https, goes."""
        name, *others = self._session_names()
        self._set_cookie(response, name, session.token, LIFE)
        self._set_cookie(response, self._prefixed(DEVICE_COOKIE), session.device, DEVICE_LIFE)
        for other in others:
            if read_cookie(request, other):
                self._delete_cookie(response, other)

    def _set_cookie(self, response: Response, name: str, value: str, life: Milliseconds) -> None:
        response.set_cookie(
            name,
            value,
            max_age=life // SECOND,
            path="/",
            secure=self._portal.settings.secure,
            httponly=True,
            samesite="lax",
        )

    def _delete_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._portal.settings.secure, httponly=True, samesite="lax")

    def _session_names(self) -> Sequence[str]:
        """The names that the session's cookie has: today's, and over https the one from before."""
        return list(dict.fromkeys((self._prefixed(SESSION_COOKIE), SESSION_COOKIE)))

    def _prefixed(self, name: str) -> str:
        return f"{HOST_PREFIX}{name}" if self._portal.settings.secure else name


def _token(request: Request) -> str:
    """Of a link to a new password. In the query, since the path of a request stands in the log."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)


def _visible(text: str) -> str:
    """What was entered, without what cannot stand in a page."""
    return "".join(sign for sign in text if sign.isprintable())

"""HTML routes: sign up, sign in, sign out, confirm an email address, reset a password."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.errors import Invalid, SignInNeeded
from festgate.kit.translation import N_, gettext
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import MAX_ADDRESS, MAX_TOKEN_LENGTH, NO_STORE, Portal, local_path, see_other
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.forms import (
    ForgottenPassword,
    NewAccount,
    PasswordReset,
    SignIn,
)
from festgate.portal.accounts.passwords import Hasher
from festgate.portal.accounts.people import Taken
from festgate.portal.accounts.queries import Person
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.second_factors import MAX_CODE_LENGTH, WrongCode
from festgate.portal.accounts.sessions import Session
from festgate.portal.accounts.sign_ins import HalfWay

AFTERWARDS = "/events"
"""The page after signing in, if the visitor was not going to another one."""
REFUSALS = {
    "register": N_("Please correct the marked fields."),
    "reset": N_("Your password has not changed. Please correct the marked fields."),
}
"""The notice above each page's form if some of its fields are wrong."""


class AccountPages:
    """HTML routes of accounts. `next` leads back to the page that the visitor was going to, on this site only."""

    def __init__(self, portal: Portal, hasher: Hasher) -> None:
        """Take the `hasher` that the API uses too, so that both together leave a core free."""
        self._portal = portal
        self._reception = Reception(portal.database, hasher, portal.settings, portal.secret)
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route("/register", self.show_register, methods=["GET"]),
            Route("/register", self.register, methods=["POST"]),
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/login/code", self.enter_code, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route("/forgot", self.show_forgot, methods=["GET"]),
            Route("/forgot", self.send_link, methods=["POST"]),
            Route("/reset", self.show_reset, methods=["GET"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/confirm", self.show_confirm, methods=["GET"]),
            Route("/confirm", self.confirm, methods=["POST"]),
            Route("/confirm/again", self.send_confirmation, methods=["POST"]),
        ]

    async def show_register(self, request: Request) -> Response:
        """Show the form for a new account; a signed-in visitor is redirected."""
        return await self._show(request, "register")

    async def register(self, request: Request) -> Response:
        """Make an account and sign in; or show the form again, with an error beside each wrong field."""
        fields = await read_fields(request)
        try:
            form = checked(NewAccount, fields)
            session = await self._reception.register_and_sign_in(
                form.newcomer(), form.password, address_of(request.scope), self._cookies.opening(request)
            )
        except (Invalid, Taken) as refusal:
            return await self._page(request, "register", fields, refusal)
        return self._welcome(request, session, fields)

    async def show_login(self, request: Request) -> Response:
        """Show the form to sign in; a signed-in visitor is redirected."""
        return await self._show(request, "login")

    async def log_in(self, request: Request) -> Response:
        """Open a session; or show the form again, without revealing whether the name or the password was wrong."""
        fields = await read_fields(request)
        try:
            form = checked(SignIn, fields)
            session = await self._reception.sign_in(
                form.username, form.password, address_of(request.scope), self._cookies.opening(request)
            )
        except (Invalid, WrongPassword) as refusal:
            return await self._page(request, "login", fields, refusal)
        return await self._go_on(request, session, fields.get("next"))

    async def enter_code(self, request: Request) -> Response:
        """Open the session of an account with a second factor; or show the form for the code again."""
        fields = await read_fields(request)
        half_way = HalfWay(fields.get("half_way", "")[:MAX_TOKEN_LENGTH])
        try:
            session = await self._reception.finish_sign_in(
                half_way.token,
                fields.get("code", "")[:MAX_CODE_LENGTH],
                address_of(request.scope),
                self._cookies.opening(request),
            )
        except WrongCode as refusal:
            return await self._code_page(request, half_way, fields.get("next"), refusal)
        except SignInNeeded:  # it began too long ago
            return see_other(f"/login?next={quote(local_path(fields.get('next'), AFTERWARDS))}")
        return self._welcome(request, session, fields)

    async def log_out(self, request: Request) -> Response:
        """End the session, and let the browser delete the pages that it kept."""
        for token in self._cookies.tokens(request):
            await self._reception.sign_out(token, "cookie")
        response = see_other("/")
        self._cookies.forget(response)
        return response

    async def show_forgot(self, request: Request) -> Response:
        """Show the form for a forgotten password."""
        return await self._page(request, "forgot", {"next": read_query(request, "next", MAX_ADDRESS)})

    async def send_link(self, request: Request) -> Response:
        """Email a link if there is such an account; the page does not reveal whether there is."""
        fields = await read_fields(request)
        try:
            form = checked(ForgottenPassword, fields)
        except Invalid as refusal:
            return await self._page(request, "forgot", fields, refusal)
        onward = local_path(fields.get("next"), "")
        await self._reception.send_link(form.username, address_of(request.scope), onward)
        return await self._page(request, "forgot", fields, sent=True)

    async def show_reset(self, request: Request) -> Response:
        """Show the form for a new password, which an email links to; 410 if the link has expired."""
        candidate = await self._reception.read_link(_token(request))
        return await self._page(request, "reset", {"username": candidate.person.username}, headers=NO_STORE)

    async def reset(self, request: Request) -> Response:
        """Set the new password, end the link and every session, and open one; or show the form again."""
        candidate = await self._reception.read_link(_token(request))
        fields = await read_fields(request)
        try:
            form = checked(PasswordReset, fields)
            session = await self._reception.use_link(
                candidate, form.password, address_of(request.scope), self._cookies.opening(request)
            )
        except Invalid as refusal:
            entered = {"username": candidate.person.username}
            return await self._page(request, "reset", entered, refusal, headers=NO_STORE)
        return await self._go_on(request, session, read_query(request, "next", MAX_ADDRESS))

    async def show_confirm(self, request: Request) -> Response:
        """Show the button that confirms an email address, which an email links to; 410 if the link has expired."""
        person = await self._reception.read_confirmation(_token(request))
        return await self._confirm_page(request, person, "confirmed" if person.is_confirmed else "asked")

    async def confirm(self, request: Request) -> Response:
        """Confirm the email address. Nobody has to be signed in: only the owner of the address has the link."""
        return await self._confirm_page(request, await self._reception.confirm(_token(request)), "confirmed")

    async def send_confirmation(self, request: Request) -> Response:
        """Send the link to the signed-in visitor again."""
        visitor = await self._portal.attendee(request)
        person = await self._reception.send_confirmation(visitor.person)
        return await self._confirm_page(request, person, "confirmed" if person.is_confirmed else "sent")

    async def _confirm_page(self, request: Request, person: Person, state: str) -> Response:
        return await self._portal.page(
            request, "accounts/confirm.html", section="confirm", email=person.email, state=state
        )

    async def _show(self, request: Request, page: str) -> Response:
        visitor = await self._portal.visitor(request)
        if visitor is not None and not visitor.is_guest:
            return see_other(local_path(read_query(request, "next", MAX_ADDRESS), AFTERWARDS))
        return await self._page(request, page, {"next": read_query(request, "next", MAX_ADDRESS)})

    async def _page(
        self,
        request: Request,
        page: str,
        entered: Mapping[str, str],
        refusal: Invalid | Taken | WrongPassword | None = None,
        *,
        notice: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        sent: bool = False,
    ) -> Response:
        path = local_path(entered.get("next"), AFTERWARDS)
        if isinstance(refusal, WrongPassword):
            notice, headers = ("bad", refusal.message), refusal.headers()
        elif refusal is not None and page in REFUSALS:
            notice = ("bad", gettext(REFUSALS[page]))
        return await self._portal.page(
            request,
            f"accounts/{page}.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            headers=headers,
            section=page,
            entered={name: _visible(entered.get(name, "")) for name in ("name", "username", "email")},
            errors=refusal.fields if isinstance(refusal, Invalid | Taken) else {},
            notice=notice,
            sent=sent,
            next=path,
            onward="" if path == AFTERWARDS else f"?next={quote(path, safe='/')}",
        )

    async def _go_on(self, request: Request, session: Session | HalfWay, onward: str | None) -> Response:
        """Sign in, or ask for the code of the second factor first."""
        if isinstance(session, HalfWay):
            return await self._code_page(request, session, onward)
        return self._welcome(request, session, {"next": onward or ""})

    async def _code_page(
        self, request: Request, half_way: HalfWay, onward: str | None, refusal: WrongCode | None = None
    ) -> Response:
        return await self._portal.page(
            request,
            "accounts/login_code.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            headers=NO_STORE if refusal is None else {**NO_STORE, **refusal.headers()},
            section="login",
            half_way=half_way.token,
            next=local_path(onward, AFTERWARDS),
            refused="" if refusal is None else refusal.message,
        )

    def _welcome(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        response = see_other(local_path(fields.get("next"), AFTERWARDS))
        self._cookies.remember(request, response, session)
        return response


def _token(request: Request) -> str:
    """Return the token of a link. It is in the query, because the path of a request is logged."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)


def _visible(text: str) -> str:
    """Return the text without the characters that a page cannot show."""
    return "".join(sign for sign in text if sign.isprintable())

"""HTML routes of one's own account: name, email address, password, sessions and tokens."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.parameters import read_path, read_query, session_token
from festgate.kit.web.portal import MAX_TOKEN_LENGTH, NO_STORE, Portal, see_other
from festgate.portal.accounts.address_changes import (
    AddressChange,
    find_change,
    read_token,
    request_change,
    use_token,
    withdraw_change,
)
from festgate.portal.accounts.attempts import address_limit
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.forms import AddressRequest, NameChange, PasswordChange
from festgate.portal.accounts.people import set_name
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.second_factors import has_second_factor
from festgate.portal.accounts.session_list import OpenSession, end_listed, list_sessions
from festgate.portal.accounts.sessions import end_other_sessions

MAX_LISTED = 50
"""Sessions that the page lists, the last used first; more are rare, and can be ended together."""
NOTICES: Mapping[str, str] = {
    "name": N_("Your name has been saved."),
    "address": N_("We sent a link to your new address. Your address changes when you open it."),
    "withdrawn": N_("The change is withdrawn. Your address stays as it is."),
    "changed": N_("Your password has been changed. You have been signed out on all other devices."),
    "session": N_("Signed out there."),
    "sessions": N_("You are signed out everywhere else."),
    "second-factor-off": N_("Your second factor is switched off."),
}
"""The notice above the page after each change, by the query of the address."""
REFUSALS: Mapping[str, str] = {
    "name": N_("Your name has not changed. Please correct the marked field."),
    "address": N_("Your email address has not changed. Please correct the marked fields."),
    "password": N_("Your password has not changed. Please correct the marked fields."),
}
"""The notice above the page if fields of one of its forms are wrong."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """The view model of /account."""

    person: Person
    change: AddressChange | None
    """The change of address that waits for its link."""
    sessions: tuple[OpenSession, ...]
    unlisted: int
    """Sessions beyond those."""
    has_second_factor: bool

    @property
    def has_others(self) -> bool:
        """Return whether a session beside this one is open."""
        return any(not session.is_current for session in self.sessions)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form of the page that was refused, with what was entered."""

    form: str
    errors: Mapping[str, str]
    entered: Mapping[str, str] = field(default_factory=dict)


class OwnAccountPages:
    """HTML routes of one's own account; any other visitor is sent to sign in."""

    def __init__(self, portal: Portal, reception: Reception) -> None:
        """Take the `reception` that checks passwords under the limits of signing in."""
        self._portal = portal
        self._reception = reception
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes of the account page and its forms."""
        return [
            Route("/account", self.show_account, methods=["GET"]),
            Route("/account", self.change_password, methods=["POST"]),
            Route("/account/name", self.change_name, methods=["POST"]),
            Route("/account/email", self.request_address, methods=["POST"]),
            Route("/account/email/withdraw", self.withdraw_address, methods=["POST"]),
            Route("/account/email/confirm", self.show_address_link, methods=["GET"]),
            Route("/account/email/confirm", self.use_address_link, methods=["POST"]),
            Route("/account/sessions/end", self.end_others, methods=["POST"]),
            Route("/account/sessions/{name}/end", self.end_session, methods=["POST"]),
        ]

    async def show_account(self, request: Request) -> Response:
        """Show one's own account: name, email address, password, sessions and tokens, data.

        A guest is led to the page for guests, which has less.
        """
        known = await self._portal.visitor(request)
        if known is not None and known.is_guest:
            return see_other("/guest")
        visitor = await self._portal.signed_in(request)
        done = NOTICES.get(request.url.query)
        notice = None if done is None else ("good", gettext(done))
        return await self._page(request, visitor, notice=notice)

    async def change_name(self, request: Request) -> Response:
        """Save the person's name; or show the form again."""
        visitor = await self._portal.signed_in(request)
        fields = await read_fields(request)
        try:
            form = checked(NameChange, fields)
        except Invalid as refusal:
            return await self._page(request, visitor, Refusal("name", refusal.fields, fields))
        await self._portal.database.write(set_name, visitor.person, form.name)
        return see_other("/account?name")

    async def request_address(self, request: Request) -> Response:
        """Send a link to the new email address, which changes it; or show the form again."""
        visitor = await self._portal.signed_in(request)
        fields = await read_fields(request)
        settings, secret = self._portal.settings, self._portal.secret
        host = address_of(request.scope)
        try:
            form = checked(AddressRequest, fields)
            password = await self._reception.check_password(
                visitor.person, form.email_password, host, self._cookies.device(request)
            )
            client = address_limit(secret, host, settings.address_limit)
            errors = await self._portal.database.write(
                request_change, password, form.email, client, secret, settings
            )
        except Invalid as refusal:
            errors = refusal.fields
        except WrongPassword:
            errors = {"email_password": _wrong_password()}
        if errors:
            return await self._page(request, visitor, Refusal("address", errors, fields))
        return see_other("/account?address")

    async def withdraw_address(self, request: Request) -> Response:
        """Withdraw the change of address that waits for its link."""
        visitor = await self._portal.signed_in(request)
        await self._portal.database.write(withdraw_change, visitor.person)
        return see_other("/account?withdrawn")

    async def show_address_link(self, request: Request) -> Response:
        """Show the button that changes an email address, which an email links to; 410 if the link has expired."""
        change = await self._portal.database.read(read_token, self._portal.secret, _token(request))
        return await self._link_page(request, change)

    async def use_address_link(self, request: Request) -> Response:
        """Change the email address. Nobody has to be signed in: only the owner of the new address has the link."""
        change = await self._portal.database.write(
            use_token,
            self._portal.secret,
            _token(request),
            session_token(request.scope["headers"]),
            self._portal.settings,
        )
        return await self._link_page(request, change)

    async def change_password(self, request: Request) -> Response:
        """Set the new password and sign out all other browsers; or show the form again."""
        visitor = await self._portal.signed_in(request)
        fields = await read_fields(request)
        try:
            form = checked(PasswordChange, fields)
            session = await self._reception.change_password(
                visitor,
                form.current,
                form.password,
                address_of(request.scope),
                self._cookies.opening(request),
            )
        except Invalid as refusal:
            return await self._page(request, visitor, Refusal("password", refusal.fields))
        except WrongPassword:
            return await self._page(request, visitor, Refusal("password", {"current": _wrong_password()}))
        response = see_other("/account?changed")
        self._cookies.remember(request, response, session)
        return response

    async def end_session(self, request: Request) -> Response:
        """Sign out one other browser, or end a token. One that has ended already is answered the same."""
        visitor = await self._portal.signed_in(request)
        name = read_path(request, "name")
        with suppress(NotFound):
            await self._portal.database.write(end_listed, visitor.person, self._portal.secret, name)
        return see_other("/account?session")

    async def end_others(self, request: Request) -> Response:
        """Sign out all other browsers, and end all tokens."""
        visitor = await self._portal.signed_in(request)
        token = session_token(request.scope["headers"])
        await self._portal.database.write(end_other_sessions, visitor.person, token)
        return see_other("/account?sessions")

    def _view(self, connection: Connection, person_id: int, token: str) -> AccountView:
        listed = list_sessions(connection, person_id, self._portal.secret, token)
        return AccountView(
            person_by_id(connection, person_id),
            find_change(connection, person_id),
            tuple(listed[:MAX_LISTED]),
            max(0, len(listed) - MAX_LISTED),
            has_second_factor(connection, person_id),
        )

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        refusal: Refusal | None = None,
        notice: tuple[str, str] | None = None,
    ) -> Response:
        token = session_token(request.scope["headers"])
        shown = await self._portal.database.read(self._view, visitor.person, token)
        entered = {"name": shown.person.name, "email": ""}
        if refusal is not None:
            notice = ("bad", gettext(REFUSALS[refusal.form]))
            entered |= {name: _visible(refusal.entered[name]) for name in entered if name in refusal.entered}
        return await self._portal.page(
            request,
            "accounts/account.html",
            status=HTTPStatus.OK if refusal is None else HTTPStatus.UNPROCESSABLE_ENTITY,
            section="account",
            shown=shown,
            entered=entered,
            errors={} if refusal is None else refusal.errors,
            notice=notice,
            confirms_email=self._portal.settings.confirms_email,
        )

    async def _link_page(self, request: Request, change: AddressChange) -> Response:
        return await self._portal.page(
            request, "accounts/address.html", headers=NO_STORE, section="account", change=change
        )


def _wrong_password() -> str:
    return gettext("This is not your password. Try again, or get a link by email.")


def _token(request: Request) -> str:
    """Return the token of a link. It is in the query, because the path of a request is logged."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)


def _visible(text: str) -> str:
    """Return the text without the characters that a page cannot show."""
    return "".join(sign for sign in text if sign.isprintable())

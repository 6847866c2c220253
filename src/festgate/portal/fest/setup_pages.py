"""HTML routes of the first run: a page that makes the first owner and asks for the fest's facts; the next steps."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked
from festgate.kit.web.gate import NO_REFERRER
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import MAX_TOKEN_LENGTH, Portal, see_other
from festgate.kit.web.session_cookies import SessionCookies
from festgate.kit.web.uploads import read_form
from festgate.portal.accounts import facade as accounts
from festgate.portal.fest.changes import Change, Plan, is_fixed
from festgate.portal.fest.editing import Editor, Live
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.fields import ALL
from festgate.portal.fest.first_run import PATH, check_link, set_up
from festgate.portal.fest.forms import FIRST_RUN_SETTINGS, Owner, entered
from festgate.portal.fest.logos import read_logo
from festgate.portal.fest.pages import ROOT, WRONG
from festgate.portal.fest.stored import Effective, Logo
from festgate.portal.fest.suggestions import suggestions
from festgate.portal.fest.view_models import Form, form_of

NEXT = f"{ROOT}/next"


@dataclass(frozen=True, slots=True)
class Step:
    """A next step of a new fest."""

    title: str
    text: str
    path: str
    button: str
    is_done: bool


class SetUpPages:
    """HTML routes of the first run."""

    def __init__(
        self, portal: Portal, editor: Editor, live: Live, count_events: Callable[[Connection], int]
    ) -> None:
        """`count_events` is a query of the catalogue."""
        self._portal = portal
        self._editor = editor
        self._live = live
        self._count_events = count_events
        self._cookies = SessionCookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes of the first run."""
        return [
            Route(PATH, self.show_form, methods=["GET"]),
            Route(PATH, self.set_up, methods=["POST"]),
            self._portal.guard("settings", NEXT, self.show_next),
        ]

    async def show_form(self, request: Request) -> Response:
        """Show the form to which the printed link leads."""
        token = _token(request)
        await self._portal.database.read(check_link, self._portal.secret, token)
        return self._page(token, await self._editor.read(), {}, {})

    async def set_up(self, request: Request) -> Response:
        """Make the first owner, save the fest's facts, and lead to the next steps; or show the form again."""
        token, secret = _token(request), self._portal.secret
        await self._portal.database.read(check_link, secret, token)
        current = await self._editor.read()
        fields: dict[str, str] = {}
        try:
            fields, upload = await read_form(request, "logo")
            owner, made, logo = await self._check(current, fields, upload.content)
        except Invalid as refusal:
            return self._page(token, current, fields, refusal.fields)
        password_hash = await asyncio.to_thread(accounts.hash_password, owner.password)
        try:
            session = await self._portal.database.write(
                set_up, secret, token, owner.newcomer(), password_hash, made, logo, address_of(request.scope)
            )
        except SettingsChanged:
            return self._page(token, await self._editor.read(), fields, {})
        await self._live.renew()
        response = see_other(NEXT)
        self._cookies.remember(request, response, session.token, accounts.SESSION_LIFE)
        return response

    async def show_next(self, request: Request) -> Response:
        """Show the next steps of a new fest, and which of them are done."""
        events = await self._portal.database.read(self._count_events)
        settings = (await self._editor.read()).settings
        is_online = any(method not in ("desk", "sandbox") for method in settings.payment_methods)
        steps = [
            Step(
                gettext("Create the first event"),
                gettext("Title, time, place, seats and fee. Visitors see it once it is published."),
                "/organise/events/new",
                gettext("New event"),
                events > 0,
            ),
            Step(
                gettext("Choose the payment methods"),
                gettext("Now people pay at the organisers' desk. Add Stripe to be paid online.")
                if not is_online
                else gettext("People can pay online."),
                f"{ROOT}/payments",
                gettext("Payment methods"),
                is_online,
            ),
            Step(
                gettext("Set the mail server"),
                gettext("Until then nobody gets a ticket by email: emails are files in the data folder."),
                f"{ROOT}/mail",
                gettext("Mail"),
                bool(settings.smtp_host),
            ),
        ]
        return await self._portal.page(request, "fest/next.html", section="organise", steps=steps)

    async def _check(
        self, current: Effective, fields: Mapping[str, str], picture: bytes
    ) -> tuple[Owner, Plan, Logo | None]:
        """Return the owner, the settings and the logo. Raise Invalid with the problems of all of them."""
        problems: dict[str, str] = {}
        owner = made = logo = None
        try:
            owner = checked(Owner, {name: fields.get(name, "") for name in Owner.model_fields})
            known = (owner.username, owner.email, fields.get("fest_name", ""))
            weakness = await asyncio.to_thread(accounts.find_weakness, owner.password, known)
            if weakness:
                problems["password"] = weakness
        except Invalid as refusal:
            problems |= refusal.fields
        values = {
            name: entered(ALL[name], fields[name])
            for name in FIRST_RUN_SETTINGS
            if name in fields and not is_fixed(current, name)
        }
        try:
            made = await self._editor.check(current, Change(values))
        except Invalid as refusal:
            problems |= refusal.fields
        try:
            logo = read_logo(picture) if picture else None
        except Invalid as refusal:
            problems |= refusal.fields
        if problems or owner is None or made is None:
            raise Invalid(problems)
        return owner, made, logo

    def _page(
        self, token: str, current: Effective, fields: Mapping[str, str], errors: Mapping[str, str]
    ) -> Response:
        by_name = {view.known.name: view for view in form_of("fest", current, Form(fields, errors=errors))}
        return self._portal.bare_page(
            "fest/setup.html",
            status=422 if errors else 200,
            headers={NO_REFERRER[0].decode(): NO_REFERRER[1].decode()},
            action=f"{PATH}?token={token}",
            views=[by_name[name] for name in FIRST_RUN_SETTINGS],
            entered=fields,
            errors=errors,
            notice=("bad", gettext(WRONG)) if errors else None,
            suggestions={name: values for name, values in suggestions().items() if name != "locales"},
        )


def _token(request: Request) -> str:
    """Return the token of the link. It is in the query, because the path of a request is logged."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)

"""HTML routes of the second factor: set it up, renew its recovery codes, switch it off; and the password again."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.qr import draw
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_query, session_token
from festgate.kit.web.portal import MAX_ADDRESS, NO_STORE, Portal, local_path, see_other
from festgate.portal.accounts import second_factors
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.names import MAX_PASSWORD_LENGTH
from festgate.portal.accounts.queries import person_by_id
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.second_factors import (
    MAX_CODE_LENGTH,
    CodeNeeded,
    Enrolment,
    SecondFactor,
    WrongCode,
)

T = TypeVar("T")

ACCOUNT = "/account"
PAGE = "/account/second-factor"


class SecondFactorPages:
    """HTML routes of the second factor of one's own account; any other visitor is sent to sign in."""

    def __init__(self, portal: Portal, reception: Reception) -> None:
        """Take the `reception` that checks passwords, and the function that draws a text as a QR code (SVG)."""
        self._portal = portal
        self._reception = reception
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/account/prove", self.show_proof, methods=["GET"]),
            Route("/account/prove", self.prove, methods=["POST"]),
            Route(PAGE, self.show, methods=["GET"]),
            Route(PAGE, self.begin, methods=["POST"]),
            Route(f"{PAGE}/confirm", self.confirm, methods=["POST"]),
            Route(f"{PAGE}/codes", self.renew_codes, methods=["POST"]),
            Route(f"{PAGE}/off", self.switch_off, methods=["POST"]),
        ]

    async def show_proof(self, request: Request) -> Response:
        """Show the form for the password, to which sensitive pages lead; go on if it was entered a moment ago."""
        visitor = await self._portal.signed_in(request)
        onward = _onward(read_query(request, "next", MAX_ADDRESS))
        if visitor.has_proof(self._portal.database.clock()):
            return see_other(onward)
        return await self._proof_page(request, visitor, onward)

    async def prove(self, request: Request) -> Response:
        """Record that the password was entered, and lead on; or show the form again."""
        visitor = await self._portal.signed_in(request)
        fields = await read_fields(request)
        onward = _onward(fields.get("next"))
        try:
            await self._check(request, visitor, fields.get("password", ""), fields.get("code", ""))
        except (WrongPassword, CodeNeeded, WrongCode) as refusal:
            return await self._proof_page(request, visitor, onward, refusal)
        if _is_file(onward):
            return await self._portal.page(
                request, "accounts/proved.html", headers=NO_STORE, section="account", next=onward
            )
        return see_other(onward)

    async def show(self, request: Request) -> Response:
        """Show whether the second factor is on, the key while it is being set up, or how to begin."""
        return await self._page(request, await self._portal.proven(request))

    async def begin(self, request: Request) -> Response:
        """Make a key, and lead to the page that shows it."""
        visitor = await self._portal.proven(request)
        onward = _onward((await read_fields(request)).get("next"))
        await self._portal.database.write(second_factors.begin, visitor.person, self._portal.secret)
        return see_other(PAGE if onward == ACCOUNT else f"{PAGE}?next={quote(onward)}")

    async def confirm(self, request: Request) -> Response:
        """Switch the second factor on, and show the recovery codes; or show the key again after a wrong code."""
        return await self._with_code(request, second_factors.confirm, "confirm")

    async def renew_codes(self, request: Request) -> Response:
        """Replace the recovery codes, and show the new ones; or show the form again after a wrong code."""
        return await self._with_code(request, second_factors.renew_codes, "codes")

    async def switch_off(self, request: Request) -> Response:
        """Switch the second factor off with the password and a code; or show the form again."""
        visitor = await self._portal.proven(request)
        fields = await read_fields(request)
        try:
            await self._check(request, visitor, fields.get("password", ""), fields.get("off_code", ""))
        except (WrongPassword, CodeNeeded, WrongCode) as refusal:
            return await self._page(request, visitor, "off", refusal)
        await self._portal.database.write(
            second_factors.remove,
            visitor.person,
            self._portal.actor(request),
            self._portal.settings.fest_name,
        )
        return see_other(f"{ACCOUNT}?second-factor-off")

    async def _check(self, request: Request, visitor: Visitor, password: str, code: str) -> None:
        """Check password and code, and record in the session that they were entered.

        Raises WrongPassword, CodeNeeded, WrongCode, TooMany or Crowded.
        """
        await self._reception.prove(
            visitor,
            password[: MAX_PASSWORD_LENGTH + 1],
            code[:MAX_CODE_LENGTH],
            address_of(request.scope),
            self._cookies.device(request),
            session_token(request.scope["headers"]),
        )

    async def _with_code(
        self, request: Request, operation: Callable[..., Sequence[str] | WrongCode], form: str
    ) -> Response:
        visitor = await self._portal.proven(request)
        fields = await read_fields(request)
        result = await self._portal.database.write(
            operation,
            visitor.person,
            fields.get(f"{form}_code", "")[:MAX_CODE_LENGTH],
            self._portal.secret,
            address_of(request.scope),
            self._portal.actor(request),
            self._portal.settings.fest_name,
        )
        if isinstance(result, WrongCode):
            return await self._page(request, visitor, form, result, onward=fields.get("next"))
        return await self._portal.page(
            request,
            "accounts/recovery_codes.html",
            headers=NO_STORE,
            section="account",
            codes=result,
            is_new=form == "confirm",
            next=_onward(fields.get("next")),
        )

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        form: str = "",
        refusal: Refused | None = None,
        onward: str | None = None,
    ) -> Response:
        def read(connection: Connection) -> tuple[SecondFactor | None, Enrolment | None, bool]:
            person = person_by_id(connection, visitor.person)
            fest, secret = self._portal.settings.fest_name, self._portal.secret
            return (
                second_factors.find_second_factor(connection, person.id),
                second_factors.read_enrolment(connection, person, secret, fest),
                second_factors.is_required(connection),
            )

        factor, enrolment, is_required = await self._portal.database.read(read)
        picture = "" if enrolment is None else draw(enrolment.address)
        return await self._portal.page(
            request,
            "accounts/second_factor.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            headers=NO_STORE,
            section="account",
            factor=factor,
            enrolment=enrolment,
            picture=Markup(picture),  # noqa: S704  (squares only)
            is_required=is_required and visitor.role != "attendee",
            is_of_team=visitor.role != "attendee",
            errors={} if refusal is None else _errors(form, refusal),
            next=_onward(onward or read_query(request, "next", MAX_ADDRESS)),
        )

    async def _proof_page(
        self, request: Request, visitor: Visitor, onward: str, refusal: Refused | None = None
    ) -> Response:
        asks_code = await self._portal.database.read(second_factors.has_second_factor, visitor.person)
        return await self._portal.page(
            request,
            "accounts/prove.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            headers=NO_STORE,
            section="account",
            username=visitor.username,
            asks_code=asks_code,
            errors={} if refusal is None else _errors("", refusal),
            next=onward,
        )


def _onward(text: str | None) -> str:
    return local_path(text, ACCOUNT)


def _is_file(path: str) -> bool:
    """Return whether a browser would download the address and keep showing the form for the password."""
    return "." in path.partition("?")[0].rpartition("/")[2]


def _errors(form: str, refusal: Refused) -> dict[str, str]:
    """Return the sentence beside the field that was wrong."""
    if isinstance(refusal, WrongPassword):
        return {"password": gettext("This is not your password. Try again, or get a link by email.")}
    sentence = gettext("Enter the code.") if isinstance(refusal, CodeNeeded) else refusal.message
    return {f"{form}_code" if form else "code": sentence}

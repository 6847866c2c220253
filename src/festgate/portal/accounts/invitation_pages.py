"""HTML routes of an invitation to the team, which an email links to: read it, make an account, accept it."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.errors import Invalid, SignInNeeded
from festgate.kit.roles import PERMISSIONS, ROLE_NAMES
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import MAX_TOKEN_LENGTH, NO_STORE, Portal, see_other
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.forms import InvitedAccount
from festgate.portal.accounts.invitations import (
    AssignEvents,
    Invitation,
    InvitedOther,
    join_and_sign_in,
    read_token,
)
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.people import Newcomer, Taken
from festgate.portal.accounts.queries import find_person
from festgate.portal.accounts.reception import Reception

PRIVATE = {**NO_STORE, "referrer-policy": "no-referrer"}
"""Headers of a page whose address is secret."""


class InvitationPages:
    """HTML routes of invitations. Only a button accepts, because mail scanners open every link."""

    def __init__(self, portal: Portal, reception: Reception, assign: AssignEvents) -> None:
        """Take the operation of a module above that assigns events."""
        self._portal = portal
        self._reception = reception
        self._assign = assign
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/invitation", self.show, methods=["GET"]),
            Route("/invitation", self.accept, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the invitation, with the form for a new account or the button that accepts; 410 if it is over."""
        return await self._page(request, await self._read(request))

    async def accept(self, request: Request) -> Response:
        """Join the team with the signed-in account, or with a new one; or show the form again."""
        invitation = await self._read(request)
        visitor = await self._portal.visitor(request)
        address = address_of(request.scope)
        opening = self._cookies.opening(request)
        if visitor is not None and not visitor.is_guest:
            session = await self._portal.database.write(
                join_and_sign_in, _token(request), visitor.person, address, self._assign
            )
            session = replace(session, device=opening.device)
        elif await self._portal.database.read(find_person, invitation.email) is not None:
            raise SignInNeeded
        else:
            fields = await read_fields(request)
            try:
                form = checked(InvitedAccount, fields)
                newcomer = Newcomer(form.username, invitation.email, name=form.name)
                session = await self._reception.join(
                    newcomer, form.password, _token(request), address, opening, self._assign
                )
            except (Invalid, Taken) as refusal:
                return await self._page(request, invitation, fields, refusal)
        security_log.about(session.person)
        response = see_other("/organise" if "office" in PERMISSIONS[invitation.role] else "/door")
        self._cookies.remember(request, response, session)
        return response

    async def _read(self, request: Request) -> Invitation:
        return await self._portal.database.read(read_token, _token(request))

    async def _page(
        self,
        request: Request,
        invitation: Invitation,
        entered: Mapping[str, str] | None = None,
        refusal: Invalid | Taken | None = None,
    ) -> Response:
        visitor = await self._portal.visitor(request)
        account = await self._portal.database.read(find_person, invitation.email)
        state = "new" if account is None else "sign-in"
        if visitor is not None and not visitor.is_guest:
            state = "own" if key_of(visitor.email) == key_of(invitation.email) else "other"
            if state == "own" and visitor.role != "attendee":
                state = "member"
        status = InvitedOther.status if state == "other" else 200
        return await self._portal.page(
            request,
            "accounts/invitation.html",
            status=refusal.status if refusal else status,
            headers=PRIVATE,
            section="invitation",
            invitation=invitation,
            role=ROLE_NAMES[invitation.role],
            state=state,
            account=account,
            token=_token(request),
            entered={name: _visible((entered or {}).get(name, "")) for name in ("name", "username")},
            errors=refusal.fields if refusal else {},
        )


def _token(request: Request) -> str:
    """Return the token of a link. It is in the query, because the path of a request is logged."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)


def _visible(text: str) -> str:
    """Return the text without the characters that a page cannot show."""
    return "".join(sign for sign in text if sign.isprintable())

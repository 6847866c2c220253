"""JSON routes of tokens, people and their sessions, under the same limits as the pages."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import NotFound, SignInNeeded, TooMany
from festgate.kit.roles import Role
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Credentials, module_router, problems
from festgate.kit.web.clients import address_of
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.accounts.forms import NewAccount, TokenRequest
from festgate.portal.accounts.passwords import Crowded, Hasher
from festgate.portal.accounts.people import Taken
from festgate.portal.accounts.queries import Person
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.second_factor_api import SecondFactorApi
from festgate.portal.accounts.second_factors import CodeNeeded, WrongCode
from festgate.portal.accounts.session_list import NAME_LENGTH, end_listed, list_sessions
from festgate.portal.accounts.sessions import end_other_sessions
from festgate.portal.accounts.sign_ins import PasswordChanged


class Token(BaseModel):
    """A token for the API. It is sent only once: the portal keeps only its hash."""

    token: str = Field(description="Send it in the header `Authorization: Bearer TOKEN`.")
    expires_at: datetime = Field(description="When it expires (ISO 8601, UTC).")


class Account(BaseModel):
    """The caller's own account."""

    id: int = Field(description="Number of the account.")
    name: str = Field(
        description="The person's name; empty if they have entered none, and the username is shown."
    )
    username: str = Field(description="The name to sign in with.")
    email: str = Field(description="Where tickets are sent.")
    role: Role = Field(description="What the account may do.")
    email_confirmed: bool = Field(description="Whether the person has confirmed the email address.")


class OpenSession(BaseModel):
    """A browser that is signed in to the caller's account, or a token of the API."""

    name: str = Field(description="Names the session in these calls; nobody can sign in with it.")
    kind: Literal["browser", "token"]
    created_at: datetime = Field(description="When it began (ISO 8601, UTC).")
    last_used_at: datetime = Field(description="When it was last used, to within half an hour.")
    is_current: bool = Field(description="Whether it is the token of this call.")


SessionName = Annotated[str, Path(max_length=NAME_LENGTH, description="The session's name in the list.")]


class AccountApi:
    """JSON routes below `/tokens` and `/people`."""

    def __init__(self, portal: Portal, hasher: Hasher) -> None:
        """Take the `hasher` that the pages use too."""
        self._portal = portal
        self._reception = Reception(portal.database, hasher, portal.settings, portal.secret)

    def router(self) -> APIRouter:
        """Return the routes of this module, relative to the API's root."""
        router = module_router(self._portal, "accounts", "accounts")
        caller = Bearer(self._portal)

        @router.post(
            "/tokens",
            status_code=201,
            responses=problems(WrongPassword, CodeNeeded, WrongCode, PasswordChanged, TooMany, Crowded),
        )
        async def make_token(body: TokenRequest, request: Request, response: Response) -> Token:
            """Sign in: get a token for a username (or email address) and a password, and a code if there is one.

            Sensitive operations, such as refunds, need a token that is younger than ten minutes.
            """
            session = await self._reception.make_token(
                body.username, body.password, body.code, address_of(request.scope)
            )
            response.headers.update(NO_STORE)
            return Token(token=session.token, expires_at=moment(session.expires_at))

        @router.delete("/tokens/current", status_code=204, responses=problems(SignInNeeded))
        async def end_token(_person: Annotated[Visitor, Depends(caller)], credentials: Credentials) -> None:
            """Sign out: end the token of this call."""
            if credentials is not None:
                await self._reception.sign_out(credentials.credentials, "token")

        @router.post("/people", status_code=201, responses=problems(Taken, TooMany, Crowded))
        async def register(body: NewAccount, request: Request) -> Account:
            """Make an account."""
            person = await self._reception.register(body.newcomer(), body.password, address_of(request.scope))
            return _account(person.id, person)

        @router.get("/people/me", responses=problems(SignInNeeded))
        async def read_me(person: Annotated[Visitor, Depends(caller)]) -> Account:
            """Read the account that the token belongs to."""
            return _account(person.person, person)

        @router.post("/people/me/confirmation", status_code=202, responses=problems(SignInNeeded, TooMany))
        async def send_confirmation(person: Annotated[Visitor, Depends(caller)]) -> None:
            """Send the link that confirms your email address again; nothing is sent once it is confirmed."""
            await self._reception.send_confirmation(person.person)

        @router.get("/people/me/sessions", responses=problems(SignInNeeded))
        async def read_sessions(
            person: Annotated[Visitor, Depends(caller)], credentials: Credentials
        ) -> list[OpenSession]:
            """List the browsers that are signed in to your account, and your tokens."""
            listed = await self._portal.database.read(
                list_sessions, person.person, self._portal.secret, _token_of(credentials)
            )
            return [
                OpenSession(
                    name=session.name,
                    kind="browser" if session.kind == "cookie" else "token",
                    created_at=moment(session.created_at),
                    last_used_at=moment(session.seen_at),
                    is_current=session.is_current,
                )
                for session in listed
            ]

        @router.delete(
            "/people/me/sessions/{session}", status_code=204, responses=problems(SignInNeeded, NotFound)
        )
        async def end_one(person: Annotated[Visitor, Depends(caller)], session: SessionName) -> None:
            """Sign out one browser, or end one token."""
            await self._portal.database.write(end_listed, person.person, self._portal.secret, session)

        @router.delete("/people/me/sessions", status_code=204, responses=problems(SignInNeeded))
        async def end_others(person: Annotated[Visitor, Depends(caller)], credentials: Credentials) -> None:
            """Sign out all browsers, and end all tokens except that of this call."""
            await self._portal.database.write(end_other_sessions, person.person, _token_of(credentials))

        SecondFactorApi(self._portal, self._reception).add_to(router)
        return router


def _token_of(credentials: Credentials) -> str:
    return "" if credentials is None else credentials.credentials


def _account(number: int, person: Person | Visitor) -> Account:
    return Account(
        id=number,
        name=person.name,
        username=person.username,
        email=person.email,
        role=person.role,
        email_confirmed=person.is_confirmed,
    )

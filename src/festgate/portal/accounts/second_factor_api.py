"""JSON routes of one's own second factor: set it up, renew its recovery codes, switch it off."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, ProofNeeded, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, problems
from festgate.kit.web.clients import address_of
from festgate.kit.web.portal import NO_STORE, Portal
from festgate.portal.accounts import second_factors
from festgate.portal.accounts.names import MAX_PASSWORD_LENGTH
from festgate.portal.accounts.passwords import Crowded
from festgate.portal.accounts.queries import person_by_id
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.second_factors import MAX_CODE_LENGTH, CodeNeeded, NotBegun, WrongCode
from festgate.portal.accounts.sign_ins import PasswordChanged

PATH = "/people/me/second-factor"


class SecondFactorOutput(BaseModel):
    """The second factor of the caller's account."""

    is_on: bool = Field(description="Whether signing in asks for a code.")
    switched_on_at: datetime | None = Field(description="Null while it is off.")
    recovery_codes_left: int = Field(description="Recovery codes that were not used.")
    is_required: bool = Field(description="Whether every account of the team needs one.")


class KeyOutput(BaseModel):
    """The key of a second factor that is being set up."""

    secret: str = Field(description="The key in base 32, as apps take it.")
    uri: str = Field(description="The `otpauth://` address, which apps read as a QR code.")


class CodeInput(BaseModel, extra="forbid"):
    """A code."""

    code: str = Field(max_length=MAX_CODE_LENGTH, description="The present code of the app.")


class AnyCodeInput(BaseModel, extra="forbid"):
    """A code of a second factor that is on."""

    code: str = Field(
        max_length=MAX_CODE_LENGTH, description="The present code of the app, or a recovery code."
    )


class OffInput(AnyCodeInput):
    """Password and code."""

    password: str = Field(max_length=MAX_PASSWORD_LENGTH, description="The account's password.")


class RecoveryCodes(BaseModel):
    """The recovery codes. They are sent only once: the portal keeps only their hashes."""

    recovery_codes: list[str] = Field(description="Each signs in once without the app.")


class SecondFactorApi:
    """JSON routes below `/people/me/second-factor`; also for callers that need a second factor and lack it."""

    def __init__(self, portal: Portal, reception: Reception) -> None:
        """Take the `reception` that checks passwords."""
        self._portal = portal
        self._reception = reception

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to those of accounts."""
        portal = self._portal
        Caller = Annotated[Visitor, Depends(Bearer(portal, lacks_factor=True))]  # noqa: N806  (a type)
        Proven = Annotated[  # noqa: N806
            Visitor, Depends(Bearer(portal, sensitive=True, lacks_factor=True))
        ]
        refusals = (SignInNeeded, ProofNeeded, NotBegun)

        @router.get(PATH, responses=problems(SignInNeeded))
        async def read_factor(person: Caller) -> SecondFactorOutput:
            """Read whether your account has a second factor."""

            def read(connection: Connection) -> SecondFactorOutput:
                factor = second_factors.find_second_factor(connection, person.person)
                since = None if factor is None else factor.confirmed_at
                return SecondFactorOutput(
                    is_on=since is not None,
                    switched_on_at=None if since is None else moment(since),
                    recovery_codes_left=0 if factor is None else factor.codes_left,
                    is_required=person.role != "attendee" and second_factors.is_required(connection),
                )

            return await portal.database.read(read)

        @router.post(PATH, status_code=201, responses=problems(*refusals, Forbidden))
        async def begin(person: Proven, response: Response) -> KeyOutput:
            """Make the key of a second factor, for accounts of the team. A code of it switches the second factor on.

            A second call replaces a key that is not in use yet. It needs a token that is younger than ten minutes.
            """

            def write(connection: Connection) -> KeyOutput:
                second_factors.begin(connection, person.person, portal.secret)
                enrolment = second_factors.read_enrolment(
                    connection,
                    person_by_id(connection, person.person),
                    portal.secret,
                    portal.settings.fest_name,
                )
                if enrolment is None:
                    raise NotBegun
                return KeyOutput(secret=enrolment.key, uri=enrolment.address)

            response.headers.update(NO_STORE)
            return await portal.database.write(write)

        @router.post(f"{PATH}/confirm", responses=problems(*refusals, WrongCode, TooMany))
        async def confirm(
            body: CodeInput, person: Proven, request: Request, response: Response
        ) -> RecoveryCodes:
            """Switch the second factor on with a code of the app, and get the recovery codes.

            It needs a token that is younger than ten minutes.
            """
            response.headers.update(NO_STORE)
            return await self._codes(second_factors.confirm, person, body.code, request)

        @router.post(f"{PATH}/codes", responses=problems(*refusals, WrongCode, TooMany))
        async def renew_codes(
            body: AnyCodeInput, person: Proven, request: Request, response: Response
        ) -> RecoveryCodes:
            """Replace the recovery codes. It needs a token that is younger than ten minutes."""
            response.headers.update(NO_STORE)
            return await self._codes(second_factors.renew_codes, person, body.code, request)

        @router.post(
            f"{PATH}/off",
            status_code=204,
            responses=problems(
                SignInNeeded,
                ProofNeeded,
                WrongPassword,
                CodeNeeded,
                WrongCode,
                PasswordChanged,
                TooMany,
                Crowded,
            ),
        )
        async def switch_off(body: OffInput, person: Proven, request: Request) -> None:
            """Switch the second factor off, with the password and a code. Without one, it changes nothing.

            It needs a token that is younger than ten minutes.
            """
            # The token is not recorded as just made: the next sensitive call needs a new one all the same.
            await self._reception.prove(person, body.password, body.code, address_of(request.scope), "", "")
            actor, fest = actor_of(person, request), portal.settings.fest_name
            await portal.database.write(second_factors.remove, person.person, actor, fest)

    async def _codes(
        self,
        operation: Callable[..., Sequence[str] | WrongCode],
        person: Visitor,
        code: str,
        request: Request,
    ) -> RecoveryCodes:
        portal = self._portal
        host, actor = address_of(request.scope), actor_of(person, request)
        fest = portal.settings.fest_name
        result = await portal.database.write(operation, person.person, code, portal.secret, host, actor, fest)
        if isinstance(result, WrongCode):
            raise result
        return RecoveryCodes(recovery_codes=list(result))

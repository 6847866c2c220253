"""JSON routes of the settings."""

import asyncio
import base64
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.errors import Forbidden, Invalid, ProofNeeded, SignInNeeded, TooLarge, TooMany
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.fest.changes import Change
from festgate.portal.fest.editing import Editor
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.fields import ALL
from festgate.portal.fest.logos import MAX_LOGO, read_logo
from festgate.portal.fest.stored import Effective
from festgate.portal.fest.trial_email import NotSent, count_trial, send_trial
from festgate.portal.fest.view_models import shown_json
from festgate.settings import Source

Text = Annotated[str, Field(max_length=300)]
Choice = Annotated[str, Field(max_length=30)]
Value = (
    bool | Annotated[int, Field(ge=0, le=2**53)] | Text | Annotated[list[Choice], Field(max_length=10)] | None
)


class SettingShown(BaseModel):
    """A setting with its value."""

    name: str
    value: bool | int | str | list[str] | None = Field(description="Null for a secret, which is never shown.")
    is_secret: bool
    is_set: bool = Field(description="Whether it has a value that is not empty.")
    is_fixed: bool = Field(description="Whether a value from outside the data has precedence.")
    source: Source = Field(description="The place that the value comes from.")


class SettingsShown(BaseModel):
    """The settings that can be changed here."""

    version: int = Field(description="Rises with each change.")
    settings: list[SettingShown]


class SettingsInput(BaseModel, extra="forbid"):
    """New values of settings."""

    version: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None, description="The version that the change was made for; null to change any."
    )
    values: dict[Annotated[str, Field(max_length=100)], Value] = Field(
        max_length=30,
        description="New values by name. Null puts a setting back to its default, and removes a secret.",
    )


class TrialOutput(BaseModel):
    """The result of a test email."""

    recipient: str = Field(description="Your own address.")
    is_sent: bool = Field(
        description="Whether the mail server accepted it; without a mail server it was written into a folder."
    )


class PaymentTestOutput(BaseModel):
    """The result of testing a payment method."""

    method: str = Field(description="The method as pages name it.")
    works: bool
    answer: str = Field(description="The provider's answer, for people.")


class LogoInput(BaseModel, extra="forbid"):
    """A picture."""

    content: str = Field(
        max_length=MAX_LOGO * 4 // 3 + 4,
        description="A PNG, JPEG, WebP or GIF of at most 256 KB, in base 64.",
    )


class LogoOutput(BaseModel):
    """The fest's logo."""

    address: str = Field(description="The path of the picture.")


class SettingsApi:
    """JSON routes of the settings, for owners."""

    def __init__(self, portal: Portal, editor: Editor) -> None:
        """Take the editor that the pages use."""
        self._portal = portal
        self._editor = editor

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "fest", "Settings")
        Reader = Annotated[Visitor, Depends(Bearer(self._portal, "settings"))]  # noqa: N806  (a type)
        Editing = Annotated[Visitor, Depends(Bearer(self._portal, "settings", sensitive=True))]  # noqa: N806

        @router.get("/settings", responses=problems(SignInNeeded, Forbidden))
        async def show_settings(_person: Reader) -> SettingsShown:
            """Show the settings that can be changed in the browser, and where each value comes from."""
            return _shown(await self._editor.read())

        @router.patch(
            "/settings", responses=problems(SignInNeeded, Forbidden, ProofNeeded, SettingsChanged, TooLarge)
        )
        async def change_settings(person: Editing, wanted: SettingsInput, request: Request) -> SettingsShown:
            """Change settings: all of them, or none if one is not valid. The same call again changes nothing.

            It needs a token that is younger than ten minutes.
            """
            actor = actor_of(person, request)
            resets = frozenset(name for name, value in wanted.values.items() if value is None)
            values = {
                name: value
                for name, value in wanted.values.items()
                if value is not None and not _is_kept(name, value)
            }
            await self._editor.change(actor, Change(values, resets), wanted.version)
            return _shown(await self._editor.read())

        @router.put("/settings/logo", responses=problems(SignInNeeded, Forbidden, ProofNeeded, TooLarge))
        async def set_logo(person: Editing, body: LogoInput, request: Request) -> LogoOutput:
            """Set the fest's logo. Idempotent. It needs a token that is younger than ten minutes."""
            try:
                content = base64.b64decode(body.content, validate=True)
            except ValueError:
                raise Invalid({"content": gettext("This is not base 64.")}) from None
            logo = read_logo(content, "content")
            await self._editor.change_logo(actor_of(person, request), logo)
            return LogoOutput(address=f"/fest/logo?v={logo.digest}")

        @router.delete(
            "/settings/logo", status_code=204, responses=problems(SignInNeeded, Forbidden, ProofNeeded)
        )
        async def remove_logo(person: Editing, request: Request) -> None:
            """Remove the fest's logo; its name stays. Idempotent. It needs a token younger than ten minutes."""
            await self._editor.change_logo(actor_of(person, request), None)

        @router.post(
            "/settings/mail/test",
            responses=problems(SignInNeeded, Forbidden, ProofNeeded, NotSent, TooMany),
        )
        async def test_mail(person: Editing) -> TrialOutput:
            """Send a test email to yourself with the saved settings. It needs a token younger than ten minutes."""
            database = self._portal.database
            await database.write(count_trial, self._portal.secret, "mail", person.person)
            settings = (await self._editor.read()).settings
            await asyncio.to_thread(send_trial, settings, person.email)
            return TrialOutput(recipient=person.email, is_sent=bool(settings.smtp_host))

        @router.post(
            "/settings/payments/test", responses=problems(SignInNeeded, Forbidden, ProofNeeded, TooMany)
        )
        async def test_payments(person: Editing) -> list[PaymentTestOutput]:
            """Ask each payment method's provider whether the saved settings work.

            It needs a token that is younger than ten minutes.
            """
            database = self._portal.database
            await database.write(count_trial, self._portal.secret, "payments", person.person)
            return [
                PaymentTestOutput(method=test.label, works=test.is_good, answer=test.sentence)
                for test in await self._editor.test_payments()
            ]

        return router


def _is_kept(name: str, value: object) -> bool:
    """Return whether it is an empty secret, which stays as it is."""
    return name in ALL and ALL[name].is_secret and not value


def _shown(current: Effective) -> SettingsShown:
    return SettingsShown.model_validate({"version": current.stored.version, "settings": shown_json(current)})

"""Changing the settings: read them, check the change with every module that it concerns, and save it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, StartupError
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.fest.changes import Change, Plan, plan, save
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.stored import Effective, Logo, effective, read_stored
from festgate.settings import Given, Settings, SettingsError, refuse_play_money


@dataclass(frozen=True, slots=True)
class PaymentTest:
    """The result of testing one payment method."""

    label: str
    is_good: bool
    sentence: str


@dataclass(frozen=True)
class Live:
    """The parts of the portal that settings concern, which belong to modules above this one."""

    given: Given
    """The values from outside the data."""
    renew: Callable[[], Awaitable[None]]
    """Brings the settings of the data into force in this process."""
    check_payments: Callable[[Settings, Database], None]
    """Raises StartupError if a payment method cannot work with these settings."""
    test_payments: Callable[[Settings, Database], Awaitable[Sequence[PaymentTest]]]
    refuse_currency: Callable[[Connection, str], None]
    """Raises StartupError if there is money in other currencies only."""


class Editor:
    """Reads and changes the settings in the data."""

    def __init__(self, database: Database, secret: bytes, live: Live) -> None:
        """Take the `secret` with which stored secrets are sealed."""
        self._database = database
        self._secret = secret
        self._live = live

    async def read(self) -> Effective:
        """Return the settings as they are in the data now, also if this process has not applied them yet."""
        stored = await self._database.read(read_stored)
        return effective(self._live.given, stored, self._secret)

    async def check(self, current: Effective, change: Change) -> Plan:
        """Return the change as a plan. Raise Invalid with a sentence for each wrong setting."""
        made = plan(current, change, self._secret)
        if made.changes("payment_methods") or made.changes("currency") or _changes_method(made):
            await self._check_payments(made.settings)
        if made.changes("currency"):
            try:
                await self._database.read(self._live.refuse_currency, made.settings.currency)
            except StartupError:
                sentence = gettext(
                    "Events or orders of this fest are in another currency. Money keeps the currency it was sold in."
                )
                raise Invalid({"currency": sentence}) from None
        return made

    async def change(self, actor: Actor, change: Change, seen: int | None = None) -> Plan:
        """Check and save a change, and bring it into force. Raise Invalid, or SettingsChanged.

        `seen` is the version of the settings that the change was made for.
        """
        current = await self.read()
        if seen is not None and seen != current.stored.version:
            raise SettingsChanged
        made = await self.check(current, change)
        await self._database.write(save, actor, made)
        await self._live.renew()
        return made

    async def change_logo(self, actor: Actor, logo: Logo | None) -> None:
        """Save another logo, or none, and show it. The same again changes nothing."""
        current = await self.read()
        if logo == current.stored.logo:
            return
        made = Plan(current.settings, {}, current.stored.version)
        await self._database.write(save, actor, made, logo, with_logo=True)
        await self._live.renew()

    async def test_payments(self) -> Sequence[PaymentTest]:
        """Test the saved payment methods at their providers."""
        current = await self.read()
        return await self._live.test_payments(current.settings, self._database)

    async def _check_payments(self, settings: Settings) -> None:
        try:
            refuse_play_money(settings)
        except SettingsError:
            sentence = gettext(
                "Play money is not possible at a public address: anyone could register without paying."
            )
            raise Invalid({"payment_methods": sentence}) from None
        missing = {
            name: gettext("Stripe needs this to be on.")
            for name in ("stripe_secret_key", "stripe_webhook_secret")
            if "stripe" in settings.payment_methods and not getattr(settings, name)
        }
        if missing:
            raise Invalid(missing)
        try:
            # The first time it loads the provider's library, a third of a second.
            await asyncio.to_thread(self._live.check_payments, settings, self._database)
        except StartupError as error:
            raise Invalid({"payment_methods": str(error)}) from None


def _changes_method(made: Plan) -> bool:
    return any(name.startswith(("stripe_", "transfer_")) for name in made.texts)

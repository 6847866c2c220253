"""Tests of the payment methods with the settings of an organiser: whether a provider accepts the keys."""

import asyncio
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from festgate.kit.db.database import Database
from festgate.kit.errors import StartupError
from festgate.kit.translation import gettext
from festgate.portal.checkout.payments import payment_methods
from festgate.portal.fest.facade import PaymentTest
from festgate.settings import Settings

PATIENCE = 10.0
"""Seconds that a provider may take for its answer."""


@runtime_checkable
class Testable(Protocol):
    """A payment method that a provider can be asked about."""

    async def test(self) -> str:
        """Return a remark if the provider accepts the settings. Raise any exception if it does not."""


def check_methods(settings: Settings, database: Database) -> None:
    """Raise StartupError if a payment method lacks a setting, a library, or the fest's currency."""
    payment_methods(settings, database)


async def run_tests(settings: Settings, database: Database) -> Sequence[PaymentTest]:
    """Test each method that is on."""
    try:
        methods = await asyncio.to_thread(payment_methods, settings, database)
    except StartupError as error:
        return [PaymentTest(gettext("Payment methods"), is_good=False, sentence=str(error))]
    tests = []
    for method in methods:
        label = gettext(method.label)
        if not isinstance(method, Testable):
            tests.append(
                PaymentTest(
                    label, is_good=True, sentence=gettext("There is nothing to ask: it needs no provider.")
                )
            )
            continue
        try:
            async with asyncio.timeout(PATIENCE):
                remark = await method.test()
        except TimeoutError:
            sentence = gettext("The provider did not answer in time. Try again.")
            tests.append(PaymentTest(label, is_good=False, sentence=sentence))
        except Exception as error:  # noqa: BLE001  (whatever it is, the organiser reads it)
            tests.append(PaymentTest(label, is_good=False, sentence=str(error)))
        else:
            tests.append(PaymentTest(label, is_good=True, sentence=remark))
    return tests

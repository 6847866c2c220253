"""The module of the fest's settings: what it adds to the portal."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import MAX_UPLOAD, Module, Parts
from festgate.kit.web.portal import Portal
from festgate.settings import Given, Settings

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.fest.facade import Logo, PaymentTest

MAX_LOGO_FORM = 320 * 1024
"""Bytes of a form with the fest's logo, which has at most 256 KB."""

MODULE = Module(
    name="fest",
    title=N_("The page of the settings"),
    keeps=N_("The fest keeps the settings that it has."),
    # A test of the mail server or of a payment provider waits for its answer.
    budget=Budget(requests=100, seconds=30),
    pages=["/setup", "/fest/logo", "/organise/settings", "/organise/settings/{rest:path}"],
    api=["/settings", "/settings/logo", "/settings/mail/test", "/settings/payments/test"],
    security_events={
        ("POST", "/setup"): "fest-set-up",
        ("POST", "/organise/settings"): "settings-changed",
        ("POST", "/organise/settings/payments"): "settings-changed",
        ("POST", "/organise/settings/mail"): "settings-changed",
        ("POST", "/organise/settings/sign-up"): "settings-changed",
        ("POST", "/organise/settings/logo"): "settings-changed",
        ("POST", "/organise/settings/logo/remove"): "settings-changed",
        ("POST", "/organise/settings/mail/test"): "settings-tested",
        ("POST", "/organise/settings/payments/test"): "settings-tested",
        ("PATCH", "/api/v1/settings"): "settings-changed",
        ("PUT", "/api/v1/settings/logo"): "settings-changed",
        ("DELETE", "/api/v1/settings/logo"): "settings-changed",
        ("POST", "/api/v1/settings/mail/test"): "settings-tested",
        ("POST", "/api/v1/settings/payments/test"): "settings-tested",
    },
    max_bodies={
        "/setup": MAX_LOGO_FORM,
        "/organise/settings/logo": MAX_LOGO_FORM,
        "/api/v1/settings/logo": MAX_UPLOAD,
    },
)


@dataclass(frozen=True)
class Application:
    """The portal as a whole, as far as changing its settings needs it."""

    given: Given
    """The values of settings from outside the data."""
    renew: Callable[[], Awaitable[None]]
    """Brings the settings of the data into force in this process."""
    refuse_currency: Callable[[Connection, str], None]
    """Raises StartupError if there is money in other currencies only."""
    logo: "Logo | None"
    """The fest's logo."""


def build(
    portal: Portal,
    application: Application,
    *,
    check_methods: Callable[[Settings, Database], None],
    run_tests: "Callable[[Settings, Database], Awaitable[Sequence[PaymentTest]]]",
    count_events: Callable[[Connection], int],
) -> Parts:
    """Build the parts of the settings, with functions of checkout and of the catalogue."""
    from festgate.portal.fest.editing import Editor, Live
    from festgate.portal.fest.pages import SettingsPages
    from festgate.portal.fest.setup_pages import SetUpPages

    live = Live(application.given, application.renew, check_methods, run_tests, application.refuse_currency)
    editor = Editor(portal.database, portal.secret, live)

    def api() -> "APIRouter":
        from festgate.portal.fest.api import SettingsApi

        return SettingsApi(portal, editor).router()

    return Parts(
        [
            *SettingsPages(portal, editor, application.logo).routes(),
            *SetUpPages(portal, editor, live, count_events).routes(),
        ],
        api,
    )

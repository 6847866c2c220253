"""The portal's modules, lowest first: what each adds, and what each is handed of the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute

from festgate.accounts.api import AccountApi
from festgate.accounts.pages import AccountPages
from festgate.accounts.passwords import Hasher
from festgate.accounts.sessions import forget_expired
from festgate.backoffice.pages import BackofficePages
from festgate.catalogue.api import CatalogueApi
from festgate.catalogue.pages import CataloguePages
from festgate.checkout import facade as checkout
from festgate.checkout.api import CheckoutApi
from festgate.checkout.checks import CHECKS as CHECKOUT_CHECKS
from festgate.checkout.handlers import SUBSCRIPTIONS as CHECKOUT_SUBSCRIPTIONS
from festgate.checkout.pages import CheckoutPages
from festgate.checkout.payments import Payments
from festgate.checkout.providers import payment_methods
from festgate.checkout.webhooks import webhook_routes
from festgate.kit.checks import Check
from festgate.kit.outbox import Subscription
from festgate.kit.statements import Connection
from festgate.kit.web import Portal
from festgate.registrations import facade as registrations
from festgate.registrations.api import RegistrationApi
from festgate.registrations.checks import CHECKS as REGISTRATION_CHECKS
from festgate.registrations.handlers import SUBSCRIPTIONS as REGISTRATION_SUBSCRIPTIONS
from festgate.registrations.pages import RegistrationPages
from festgate.tickets import facade as tickets
from festgate.tickets.api import TicketApi
from festgate.tickets.checks import CHECKS as TICKET_CHECKS
from festgate.tickets.handlers import TicketHandlers
from festgate.tickets.pages import TicketPages

TEMPLATE_PACKAGES = (
    "festgate.kit",
    "festgate.accounts",
    "festgate.catalogue",
    "festgate.registrations",
    "festgate.checkout",
    "festgate.tickets",
    "festgate.backoffice",
)
CHECKS: tuple[Check, ...] = (*REGISTRATION_CHECKS, *CHECKOUT_CHECKS, *TICKET_CHECKS)
"""Everything that `festgate check` proves."""


@dataclass(frozen=True)
class Module:
    """What one module adds to the portal."""

    name: str
    routes: Sequence[BaseRoute] = ()
    api: APIRouter | None = None
    subscriptions: Sequence[Subscription[Any]] = ()
    chores: Sequence[Callable[[Connection], object]] = field(default=())
    """Deeds done every half minute; nothing may depend on when."""


@dataclass(frozen=True)
class Modules:
    """All modules, and the work that goes on behind them."""

    listed: Sequence[Module]
    payments: Payments
    hasher: Hasher


def assemble(portal: Portal) -> Modules:
    """Every module, wired to those below it and to what those above it know."""
    hasher = Hasher()
    methods = payment_methods(portal.settings, portal.database)
    payments = Payments(portal.database, methods)
    listed = (
        Module(
            "accounts",
            AccountPages(portal, hasher).routes(),
            AccountApi(portal, hasher).router(),
            chores=[forget_expired],
        ),
        Module(
            "catalogue",
            CataloguePages(portal, registrations.find_lapses).routes(),
            CatalogueApi(portal, registrations.find_lapses).router(),
        ),
        Module(
            "registrations",
            RegistrationPages(portal, tickets.codes_by_seat, checkout.refs_by_seat).routes(),
            RegistrationApi(portal).router(),
            REGISTRATION_SUBSCRIPTIONS,
            chores=[registrations.sweep_all],
        ),
        Module(
            "checkout",
            [
                *CheckoutPages(portal, payments, tickets.codes_by_seat).routes(),
                *webhook_routes(portal, payments),
            ],
            CheckoutApi(portal, payments).router(),
            CHECKOUT_SUBSCRIPTIONS,
        ),
        Module(
            "tickets",
            TicketPages(portal).routes(),
            TicketApi(portal).router(),
            TicketHandlers(portal.settings).subscriptions(),
        ),
        Module("backoffice", BackofficePages(portal).routes()),
    )
    return Modules(listed, payments, hasher)

"""The module checkout: what it adds to the portal, and the functions that other modules get of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from festgate.kit.db.database import Database
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import MAX_UPLOAD, Module, Parts
from festgate.kit.web.navigation import NavigationEntry
from festgate.kit.web.portal import Portal
from festgate.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import PersonalRecords
    from festgate.portal.fest.facade import PaymentTest
    from festgate.portal.registrations.facade import IsUsed, SeatReferences

MODULE = Module(
    name="checkout",
    title=N_("Checkout"),
    keeps=N_("Your seats are kept, and their time is paused until checkout is available again."),
    # A payment provider is given ten seconds to answer.
    budget=Budget(requests=400, seconds=12),
    pages=[
        "/checkout",
        "/orders/{ref}",
        "/orders/{ref}/cancel",
        "/orders/{ref}/transfer",
        "/orders/{ref}/seats/{seat_id}/cancel",
        "/webhooks/stripe",
    ],
    api=[
        "/orders",
        "/orders/{ref}",
        "/orders/{ref}/cancel",
        "/orders/{ref}/refund",
        "/orders/{ref}/transfer",
        "/transfers",
        "/transfers/{rest:path}",
        "/bank-lines",
        "/bank-lines/{rest:path}",
        "/bank-statements",
        "/orders/{ref}/seats/{seat_id}/cancel",
        "/orders/{ref}/refunds",
        "/orders/{ref}/notes",
        "/orders/{ref}/paid",
        "/orders/{ref}/refunded",
        "/events/{slug}/orders",
        "/events/{slug}/complimentary",
        "/registrations/{id}/exchange",
        "/exchanges/{id}/settlement",
    ],
    navigation=[NavigationEntry(N_("Checkout"), "/checkout", "checkout", "signed-in", counts_held=True)],
    security_events={
        ("POST", "/api/v1/orders/{ref}/refunds"): "order-refunded",
        ("POST", "/api/v1/orders/{ref}/notes"): "note-written",
        ("POST", "/api/v1/orders/{ref}/paid"): "order-marked-paid",
        ("POST", "/api/v1/orders/{ref}/refunded"): "order-marked-refunded",
        ("POST", "/api/v1/events/{slug}/complimentary"): "ticket-given",
        ("POST", "/api/v1/registrations/{registration_id}/exchange"): "ticket-exchanged",
        ("POST", "/api/v1/exchanges/{exchange_id}/settlement"): "difference-settled",
        ("POST", "/api/v1/orders/{ref}/refund"): "registration-cancelled",
        ("POST", "/webhooks/stripe"): "webhook",
        ("POST", "/api/v1/transfers/{ref}/confirm"): "order-marked-paid",
        ("POST", "/api/v1/transfers/{ref}/reject"): "transfer-rejected",
        ("POST", "/api/v1/bank-lines/assign"): "payment-assigned",
        ("POST", "/api/v1/bank-lines/ignore"): "payment-ignored",
        ("POST", "/api/v1/bank-statements"): "statement-imported",
    },
    max_bodies={"/api/v1/bank-statements": MAX_UPLOAD},
)


@dataclass(frozen=True)
class Functions:
    """The functions that lower modules get of checkout."""

    refs_by_seat: "SeatReferences"


STAND_INS = Functions(refs_by_seat=lambda _connection, _person: {})
"""Their stand-ins while checkout cannot be loaded."""


def functions() -> Functions:
    """Return the functions of checkout."""
    from festgate.portal.checkout import facade

    return Functions(facade.refs_by_seat)


def check_methods(settings: Settings, database: Database) -> None:
    """Raise StartupError if a payment method cannot work. Checkout is loaded when this is called."""
    from festgate.portal.checkout import facade

    facade.check_methods(settings, database)


async def run_tests(settings: Settings, database: Database) -> "Sequence[PaymentTest]":
    """Return the results of testing the payment methods. Checkout is loaded when this is called."""
    from festgate.portal.checkout import facade

    return await facade.run_tests(settings, database)


def personal_records() -> "PersonalRecords":
    """Return the data of checkout about a person."""
    from festgate.portal.checkout.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


def build(portal: Portal, *, ticket_codes: "SeatReferences", is_used: "IsUsed") -> Parts:
    """Build the parts of checkout, with functions of tickets."""
    from festgate.portal.checkout.bank_lines import forget_lines
    from festgate.portal.checkout.handlers import SUBSCRIPTIONS
    from festgate.portal.checkout.pages import CheckoutPages
    from festgate.portal.checkout.payments import Payments, payment_methods
    from festgate.portal.checkout.transfers import remind_payers
    from festgate.portal.checkout.webhooks import webhook_routes

    # Nothing is paid beforehand, so anyone could keep seats under an invented address.
    confirmed_only = {"desk", "transfer"} if portal.settings.confirms_email else set()
    payments = Payments(portal.database, payment_methods(portal.settings, portal.database), confirmed_only)

    def api() -> "APIRouter":
        from festgate.portal.checkout.api import CheckoutApi
        from festgate.portal.checkout.transfer_api import TransferApi

        router = CheckoutApi(portal, payments, is_used).router()
        TransferApi(portal).add_to(router)
        return router

    return Parts(
        [
            *CheckoutPages(portal, payments, ticket_codes, is_used).routes(),
            *webhook_routes(portal, payments),
        ],
        api,
        SUBSCRIPTIONS,
        periodic_tasks=[remind_payers, forget_lines],
        work=[payments.run],
    )

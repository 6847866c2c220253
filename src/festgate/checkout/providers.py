"""The payment methods that the settings switch on."""

from starlette.routing import Route

from festgate.checkout.desk import Desk
from festgate.checkout.methods import PaymentMethod
from festgate.checkout.payments import Payments
from festgate.checkout.sandbox import Sandbox
from festgate.checkout.stripe import Stripe
from festgate.checkout.webhooks import StripeWebhook
from festgate.kit.database import Database
from festgate.kit.web import Portal
from festgate.settings import Settings


def payment_methods(settings: Settings, database: Database) -> list[PaymentMethod]:
    """In the order of the setting. Raises StartupError for one that lacks what it needs."""
    return [_method(name, settings, database) for name in dict.fromkeys(settings.payment_methods)]


def webhook_routes(portal: Portal, payments: Payments) -> list[Route]:
    """Where providers tell of payments; and the sandbox is told where to tell."""
    routes: list[Route] = []
    for method in payments.methods.values():
        if isinstance(method, Sandbox):
            method.notify(payments.settle)
        elif isinstance(method, Stripe):
            routes += StripeWebhook(portal, payments, method).routes()
    return routes


def _method(name: str, settings: Settings, database: Database) -> PaymentMethod:
    if name == "sandbox":
        return Sandbox(database)
    if name == "desk":
        return Desk(settings.desk_hours)
    return Stripe(settings)

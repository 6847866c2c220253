"""The payment methods that the settings switch on."""

from festgate.kit.db.database import Database
from festgate.portal.checkout.desk import Desk
from festgate.portal.checkout.methods import PaymentMethod
from festgate.portal.checkout.sandbox import Sandbox
from festgate.portal.checkout.stripe import Stripe
from festgate.settings import Settings


def payment_methods(settings: Settings, database: Database) -> list[PaymentMethod]:
    """Return the methods in the order of the setting. Raises StartupError where one lacks a setting or a library."""
    return [_method(name, settings, database) for name in dict.fromkeys(settings.payment_methods)]


def _method(name: str, settings: Settings, database: Database) -> PaymentMethod:
    if name == "sandbox":
        return Sandbox(database)
    if name == "desk":
        return Desk(settings.desk_hours)
    return Stripe(settings)

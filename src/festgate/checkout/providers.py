"""The payment methods that the settings switch on."""

from festgate.checkout.desk import Desk
from festgate.checkout.methods import PaymentMethod
from festgate.checkout.sandbox import Sandbox
from festgate.checkout.stripe import Stripe
from festgate.kit.database import Database
from festgate.settings import Settings


def payment_methods(settings: Settings, database: Database) -> list[PaymentMethod]:
    """In the order of the setting. Raises StartupError for one that lacks what it needs."""
    return [_method(name, settings, database) for name in dict.fromkeys(settings.payment_methods)]


def _method(name: str, settings: Settings, database: Database) -> PaymentMethod:
    if name == "sandbox":
        return Sandbox(database)
    if name == "desk":
        return Desk(settings.desk_hours)
    return Stripe(settings)

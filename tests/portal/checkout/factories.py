"""What tests of orders begin with."""

from festgate.kit.db.statements import Connection
from festgate.portal.checkout.carts import Cart, cart_of
from festgate.portal.checkout.desk import mark_paid_at_desk, mark_refunded_at_desk
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.shown import desk_forms_of
from festgate.portal.registrations import facade as registrations


def current_cart(connection: Connection, person: int) -> Cart:
    """Return what the person would be shown at the checkout now."""
    return cart_of(person, registrations.payable_seats(connection, person), "INR")


def take_money(connection: Connection, ref: str, organiser: int) -> Order:
    """Mark the order paid as it is at this moment."""
    return mark_paid_at_desk(connection, ref, organiser, desk_forms_of(connection, ref).paid)


def give_money_back(connection: Connection, ref: str, organiser: int) -> Order:
    """Mark refunded what is due at this moment."""
    return mark_refunded_at_desk(connection, ref, organiser, desk_forms_of(connection, ref).refunded)

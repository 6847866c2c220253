"""Carts and desk payments for tests of orders."""

from festgate.kit.db.statements import Connection
from festgate.portal.checkout.carts import Cart, cart_of
from festgate.portal.checkout.desk import desk_forms_of, mark_paid_at_desk, mark_refunded_at_desk
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations


def current_cart(connection: Connection, person: int) -> Cart:
    """Return the cart that the checkout page would show to the person now."""
    return cart_of(person, registrations.payable_seats(connection, person), "INR")


def mark_order_paid(connection: Connection, ref: str, organiser: int) -> Order:
    """Mark the order in its current state paid at the desk."""
    return mark_paid_at_desk(connection, ref, organiser, desk_forms_of(connection, ref).paid)


def give_money_back(connection: Connection, ref: str, organiser: int) -> Order:
    """Mark the currently due refunds of the order as paid out at the desk."""
    return mark_refunded_at_desk(connection, ref, organiser, desk_forms_of(connection, ref).refunded)

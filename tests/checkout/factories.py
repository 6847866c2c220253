"""What tests of orders begin with."""

from festgate.checkout.carts import Cart, cart_of
from festgate.kit.statements import Connection
from festgate.registrations import facade as registrations


def current_cart(connection: Connection, person: int) -> Cart:
    """Return what the person would be shown at the checkout now."""
    return cart_of(person, registrations.payable_seats(connection, person), "INR")

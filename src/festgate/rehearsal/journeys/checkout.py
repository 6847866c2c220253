"""The checkout page, repeatedly, by users who hold a seat and do not pay yet.

    locust -f src/festgate/rehearsal/journeys/checkout.py

The page adds up a user's seats, so each user takes one before the first iteration, at the paid event with the most
seats left. A hold expires after a while; the user then takes another. Where no seat is available, there is nothing to
pay.
"""

from locust import task

from festgate.rehearsal.journeys.shared.visitor import Regular


def check_checkout_page(page: bytes) -> str:
    """Return what is wrong with the page: it has a form with a total, or the sentence that there is nothing to pay."""
    if b'name="idempotency_key"' in page:
        return "" if b"<tfoot>" in page and b">Total<" in page else "the page does not show the total"
    return "" if b"Nothing to pay" in page else "neither a total is shown nor that there is none"


class Checkout(Regular):
    """A user who signs up and takes a seat once; an iteration is one request for the checkout page."""

    holds_seat = False

    def prepare(self) -> None:
        """Sign up, and take a seat."""
        self.sign_up()
        self.take_seat()

    def take_seat(self) -> None:
        """Take a seat at one of the paid events with the most seats left; at none if all are sold out."""
        paid = [offer for offer in self.browse() if offer.left and not offer.free]
        self.holds_seat = bool(paid) and self.register(self.choose_roomiest(paid)) == "/my-events"

    @task
    def look_at_checkout(self) -> None:
        """GET /checkout."""
        self.be_ready()
        page = self.get("/checkout", "/checkout", check_checkout_page, heading=b"<h1>Checkout</h1>")
        if self.holds_seat and b"Nothing to pay" in page:
            self.take_seat()

"""The checkout page, again and again, by people who hold a seat and do not pay yet.

    locust -f src/festgate/rehearsal/journeys/checkout.py

The page adds up what somebody holds, so each holds a seat, taken before the first iteration at the paid event that has
the most left. A hold ends after a while; then another is taken. Where no seat is to be had the page has nothing to pay.
"""

from locust import task

from festgate.rehearsal.journeys.visitor import Regular


def check_till(page: bytes) -> str:
    """A form with a total, or the sentence that there is nothing to pay."""
    if b'name="idempotency_key"' in page:
        return "" if b"<tfoot>" in page and b">Total<" in page else "the page does not show the total"
    return "" if b"Nothing to pay" in page else "neither a total is shown nor that there is none"


class Checkout(Regular):
    """Signs up and takes a seat once; an iteration is one look at what is to be paid."""

    holds_seat = False

    def prepare(self) -> None:
        """Sign up, and take a seat."""
        self.sign_up()
        self.take_seat()

    def take_seat(self) -> None:
        """At the paid event with the most seats left; at none where all are sold out."""
        paid = [offer for offer in self.browse() if offer.left and not offer.free]
        self.holds_seat = bool(paid) and self.register(max(paid, key=lambda each: each.left)) == "/my-events"

    @task
    def look_at_checkout(self) -> None:
        """GET /checkout."""
        self.be_ready()
        page = self.get("/checkout", "/checkout", check_till, heading=b"<h1>Checkout</h1>")
        if self.holds_seat and b"Nothing to pay" in page:
            self.take_seat()

"""All journeys of a fest together, for drills: each module has users who need little else.

    locust -f src/festgate/drills/whole_fest.py

Some people buy a seat from beginning to end. Others only look at the events, at their registrations, at the checkout
page or at their ticket; and new people sign up. An organiser watches if FESTGATE_REHEARSAL_ORGANISER names one, and a
member of staff keeps the door open if FESTGATE_REHEARSAL_STAFF does. So the impact of a fault on one module can be
measured separately from its impact on the others.
"""

import os

from locust import task

from festgate.rehearsal.journeys import attendee, checkout, events, my_events, opening_day
from festgate.rehearsal.journeys.shared import visitor


class Buyer(attendee.Attendee):
    """A person who buys a seat, from the list of events to the ticket."""

    weight = 2


class Reader(events.Events):
    """A person who looks at the events."""

    weight = 4


class Guest(my_events.MyEvents):
    """A person who looks at their registrations."""

    weight = 3


class Payer(checkout.Checkout):
    """A person who looks at the checkout page."""

    weight = 3


class Holder(visitor.Regular):
    """A person who has bought a seat, and looks at the ticket."""

    weight = 3
    ticket = ""

    def prepare(self) -> None:
        """Sign up, and buy a seat at the event with the most seats left."""
        if not self.signed_in_as:
            self.sign_up()
        paid = [offer for offer in self.browse() if offer.left and not offer.free]
        if paid:
            offer = self.choose_roomiest(paid)
            self.register(offer)
            self.ticket = self.see_my_events(offer) or self.pay(offer)

    @task
    def look_at_ticket(self) -> None:
        """Send GET /tickets/{code}."""
        if not self.ticket:
            self.prepare()
        if self.ticket:
            self.get(self.ticket, "/tickets/{code}", code=b"QR code of ticket", picture=b"<svg")


class Newcomer(visitor.Visitor):
    """A person who signs up."""

    weight = 1

    @task
    def arrive(self) -> None:
        """Send GET and POST /register."""
        self.come()
        self.sign_up()


class Watcher(opening_day.Organiser):
    """An organiser who watches the dashboard."""

    abstract = opening_day.ORGANISER_VARIABLE not in os.environ
    fixed_count = 1
    weight = 1


class Doorkeeper(opening_day.Staff):
    """A member of staff at the door."""

    abstract = opening_day.STAFF_VARIABLE not in os.environ
    fixed_count = 1
    weight = 1

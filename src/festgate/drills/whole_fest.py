"""A whole fest at once, for drills: every module has somebody who needs it and little else.

    locust -f src/festgate/drills/whole_fest.py

People buy a seat from beginning to end; others only look at the programme, at what they have, at what they are to
pay, or at their ticket; new ones sign up; an organiser watches, where FESTGATE_REHEARSAL_ORGANISER names one. So what
a fault does to one module is seen apart from what it does to the others.
"""

import os

from locust import task

from festgate.rehearsal.journeys import attendee, checkout, events, my_events, opening_day, visitor


class Buyer(attendee.Attendee):
    """From the list of events to the ticket."""

    weight = 2


class Reader(events.Events):
    """Looks at the programme."""

    weight = 4


class Guest(my_events.MyEvents):
    """Looks at what they have."""

    weight = 3


class Payer(checkout.Checkout):
    """Looks at what they are to pay."""

    weight = 3


class Holder(visitor.Regular):
    """Has bought a seat before, and looks at the ticket."""

    weight = 3
    ticket = ""

    def prepare(self) -> None:
        """Sign up, and buy a seat where most are left."""
        if not self.signed_in_as:
            self.sign_up()
        paid = [offer for offer in self.browse() if offer.left and not offer.free]
        if paid:
            offer = max(paid, key=lambda each: each.left)
            self.register(offer)
            self.ticket = self.see_my_events(offer) or self.pay(offer)

    @task
    def look_at_ticket(self) -> None:
        """GET /tickets/{code}."""
        if not self.ticket:
            self.prepare()
        if self.ticket:
            self.get(self.ticket, "/tickets/{code}", code=b"QR code of ticket", picture=b"<svg")


class Newcomer(visitor.Visitor):
    """Signs up."""

    weight = 1

    @task
    def arrive(self) -> None:
        """GET and POST /register."""
        self.come()
        self.sign_up()


class Watcher(opening_day.Organiser):
    """The organiser at their desk."""

    abstract = opening_day.ORGANISER_VARIABLE not in os.environ
    fixed_count = 1
    weight = 1

"""A person's whole way: browse, open an event, sign up, register, my events, pay, and the ticket.

    locust -f src/festgate/rehearsal/journeys/attendee.py

Each iteration is somebody new, so each takes a seat: a fest that is sold out has nothing more to sell, and the journey
then ends at the event's page or at its answer "sold out", which are right. Nobody thinks between two steps, so that a
rate of people is the rate of each step.
"""

from locust import task

from festgate.rehearsal.journeys.visitor import Visitor


class Attendee(Visitor):
    """An iteration is one person, from the list of events to the ticket in their hand."""

    @task
    def attend(self) -> None:
        """Their first request is GET /events."""
        self.come()
        offers = self.browse()
        to_be_had = [offer for offer in offers if offer.left and not offer.free]
        chosen = self.rng.choice(to_be_had or offers)
        self.open_event(chosen)
        if not to_be_had:
            return
        self.sign_up(f"/events/{chosen.slug}")
        self.open_event(chosen)
        self.get_ticket(chosen)

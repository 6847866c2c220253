"""The whole way of an attendee: list of events, event, sign-up, registration, my events, payment, ticket.

    locust -f src/festgate/rehearsal/journeys/attendee.py

Each iteration is a new person, so each takes a seat. Once the fest is sold out, the journey ends at the event's page or
at the answer "sold out", both of which are correct. There is no think time between two steps, so that the rate of
people is the rate of each step.
"""

from locust import task

from festgate.rehearsal.journeys.shared.visitor import Visitor


class Attendee(Visitor):
    """One person per iteration, from the list of events to the ticket."""

    @task
    def attend(self) -> None:
        """Go the whole way, beginning with GET /events."""
        self.come()
        offers = self.browse()
        available = [offer for offer in offers if offer.left and not offer.free]
        chosen = self.rng.choice(available or offers)
        self.open_event(chosen)
        if not available:
            return
        self.sign_up(f"/events/{chosen.slug}")
        self.open_event(chosen)
        self.get_ticket(chosen)

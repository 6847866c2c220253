"""Opening day: a crowd waits and reloads, then all want the same few seats at once, while an organiser watches.

    FESTGATE_REHEARSAL_ORGANISER=organiser:PASSWORD locust -f src/festgate/rehearsal/journeys/opening_day.py

The crowd wants the event that has the fewest seats left. Until the doors open people sign up and reload its page; then
all who are there press its button in the same second. Who gets a seat pays and fetches the ticket; the others are
told that it is sold out, which is a right answer. Who comes later finds either a seat or the page that says so. Where
nothing is on sale yet, the crowd waits for the first event whose sales open, and the portal says when that is.

From the environment: FESTGATE_REHEARSAL_DOORS, seconds from the start to the doors (default 10);
FESTGATE_REHEARSAL_ORGANISER, an organiser's `username:password`, without which nobody watches. The portal has no page
to check people in at the door, so there are no staff in this crowd.
"""

import os
import time
from typing import ClassVar, Final

from locust import task
from locust.env import Environment

from festgate.rehearsal.journeys.visitor import Offer, Visitor

ORGANISER_VARIABLE: Final = "FESTGATE_REHEARSAL_ORGANISER"
DOORS_VARIABLE: Final = "FESTGATE_REHEARSAL_DOORS"
DOORS: Final = 10.0
"""Seconds."""
RELOAD: Final = (0.5, 1.5)
"""Seconds between two looks of somebody who waits: shortest and longest."""
BUTTON: Final = b'/register">'


class Crowd(Visitor):
    """An iteration is one person: signs up, waits at the event's page, and wants a seat as soon as the doors open."""

    _wanted: ClassVar[dict[float, Offer]] = {}
    """By the whole crowd of a start, also once it is sold out: what the first of them found the scarcest."""

    def __init__(self, environment: Environment) -> None:
        """The doors are the same for all: they are counted from the start of Locust's statistics."""
        super().__init__(environment)
        self._doors = float(os.environ.get(DOORS_VARIABLE, DOORS))

    @task
    def want_seat(self) -> None:
        """Their first request is GET /events."""
        self.come()
        wanted = self._wanted.setdefault(self.environment.stats.start_time, scarcest(self.browse()))
        self.sign_up(f"/events/{wanted.slug}")
        page = self.open_event(wanted)
        while (left := self._left()) > 0 or (b"Sales open" in page and BUTTON not in page):
            pause = self.chance.uniform(*RELOAD)
            # Whoever waits looks at the clock, too: at the moment itself all reload at once.
            time.sleep(min(pause, left) if left > 0 else pause)  # gevent's, since Locust is imported
            page = self.open_event(wanted)
        if BUTTON in page:
            self.get_ticket(wanted)

    def _left(self) -> float:
        """Seconds to the doors; not above 0 once they are open."""
        began: float = self.environment.stats.start_time
        return began + self._doors - time.time()


class Organiser(Visitor):
    """An iteration is one look at the events and one at the orders that wait."""

    abstract = ORGANISER_VARIABLE not in os.environ
    fixed_count = 1
    weight = 0.02
    """Where people come at a rate and Locust does not count them, one look for fifty of the crowd."""

    def wait_time(self) -> float:
        """Seconds between two looks."""
        return self.chance.uniform(2, 4)

    @task
    def watch(self) -> None:
        """GET /organise and what lies behind it."""
        if not self.signed_in_as:
            username, _, password = os.environ[ORGANISER_VARIABLE].partition(":")
            self.sign_in(username, password)
        self.get("/organise", "/organise", heading=b"<h1>Organise</h1>", count_of_seats=b'data-label="Seats"')
        self.get("/organise/orders", "/organise/orders", heading=b"<h1>Orders</h1>")


def scarcest(offers: list[Offer]) -> Offer:
    """The event that a crowd wants: the fewest seats left; where none can be had, the first that opens later."""
    to_be_had = [offer for offer in offers if offer.left]
    if to_be_had:
        return min(to_be_had, key=lambda each: each.left)
    return next((offer for offer in offers if offer.soon), offers[0])

"""Opening day: a crowd waits, then everyone wants the same few seats, while staff check people in.

    export FESTGATE_REHEARSAL_ORGANISER=organiser:PASSWORD FESTGATE_REHEARSAL_STAFF=staff:PASSWORD
    locust -f src/festgate/rehearsal/journeys/opening_day.py

The crowd wants the event with the fewest seats left. Until the doors open, people sign up and reload its page; then all
of them press its button in the same second. Those who get a seat pay and fetch the ticket; the others get the answer
"sold out", which is correct. Later arrivals find either a seat or the page of a sold-out event. Where no event is on
sale yet, the crowd waits for the first one whose sales open, at the time that the portal announces.

Ticket holders go to the door, where two members of staff scan tickets at the pace of people, and now and then the same
one twice, which has to be refused. A ticket is scanned by the staff of its own process: with several workers each has a
door, as far as there are staff for it.

Environment variables: FESTGATE_REHEARSAL_DOORS, seconds from the start to the opening of the doors (default 10);
FESTGATE_REHEARSAL_ORGANISER, an organiser's `username:password`, without which no organiser takes part;
FESTGATE_REHEARSAL_STAFF, the same for a member of staff, without which nobody is checked in.
"""

import itertools
import os
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from locust import task
from locust.env import Environment

from festgate.rehearsal.journeys.shared.visitor import Offer, Visitor

ORGANISER_VARIABLE: Final = "FESTGATE_REHEARSAL_ORGANISER"
STAFF_VARIABLE: Final = "FESTGATE_REHEARSAL_STAFF"
DOORS_VARIABLE: Final = "FESTGATE_REHEARSAL_DOORS"
DOORS: Final = 10.0
"""Seconds."""
RELOAD: Final = (0.5, 1.5)
"""Minimum and maximum seconds between two reloads of the page while waiting."""
BUTTON: Final = b'/register">'
OWN_SEAT: Final = b'<div class="own'
"""The part of an event's page with the visitor's seat, which stands there after an earlier run of the same seed."""
STAFF: Final = 2
"""Members of staff at the door; they share the account."""
SCAN: Final = (1.5, 3.0)
"""Minimum and maximum seconds that a guest takes to show the ticket."""
RESCAN_SHARE: Final = 0.2
"""Share of the tickets that are scanned a second time, as when one is handed on."""
ALREADY_IN: Final = b'<p class="answer-title">Already in</p>'
NO_REDIRECT: Final = "(nobody is admitted twice)"
"""A path to which no redirect leads: only a refusal is correct."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A ticket holder in the queue at the door."""

    username: str
    offer: Offer
    code: str


_queues: Final[dict[float, deque[Guest]]] = defaultdict(deque)
"""The queue at the door, by the start of the run."""


class Crowd(Visitor):
    """One person per iteration, who signs up, waits at the event's page, and wants a seat when the doors open."""

    _wanted: ClassVar[dict[float, Offer]] = {}
    """The event that the whole crowd of a run wants: the scarcest one that its first member saw."""

    def __init__(self, environment: Environment) -> None:
        """Read from the environment when the doors open. The time counts from the start of Locust's statistics."""
        super().__init__(environment)
        self._doors = float(os.environ.get(DOORS_VARIABLE, DOORS))

    @task
    def want_seat(self) -> None:
        """Wait for the doors and take a seat, beginning with GET /events."""
        self.come()
        wanted = self._wanted.setdefault(self.environment.stats.start_time, scarcest(self.browse()))
        self.sign_up(f"/events/{wanted.slug}")
        page = self.open_event(wanted)
        while (left := self._left()) > 0 or (b"Sales open" in page and BUTTON not in page):
            pause = self.rng.uniform(*RELOAD)
            # People watch the clock as well: when the doors open, all reload at once.
            time.sleep(min(pause, left) if left > 0 else pause)  # gevent's, since Locust is imported
            page = self.open_event(wanted)
        if (BUTTON in page or OWN_SEAT in page) and (ticket := self.get_ticket(wanted)):
            guest = Guest(self.person.username, wanted, ticket.rpartition("/")[2])
            _queues[self.environment.stats.start_time].append(guest)

    def _left(self) -> float:
        """Return the seconds until the doors open; at most 0 once they are open."""
        began: float = self.environment.stats.start_time
        return began + self._doors - time.time()


class Organiser(Visitor):
    """An organiser; an iteration is a request for the overview and one for the orders."""

    abstract = ORGANISER_VARIABLE not in os.environ
    fixed_count = 1
    weight = 0.02
    """In an open loop, where `fixed_count` has no effect: one iteration for fifty of the crowd."""

    def wait_time(self) -> float:
        """Return the seconds between two iterations."""
        return self.rng.uniform(2, 4)

    @task
    def watch(self) -> None:
        """GET /organise and the list of orders."""
        if not self.signed_in_as:
            username, _, password = os.environ[ORGANISER_VARIABLE].partition(":")
            self.sign_in(username, password)
        self.get("/organise", "/organise", heading=b"<h1>Organise</h1>", count_of_seats=b'data-label="Seats"')
        self.get("/organise/orders", "/organise/orders", heading=b"<h1>Orders</h1>")


class Staff(Visitor):
    """A member of staff; an iteration checks in one guest, or shows the door's page if the queue is empty."""

    abstract = STAFF_VARIABLE not in os.environ
    fixed_count = STAFF
    weight = 0.1
    """In an open loop, where `fixed_count` has no effect: one iteration for ten of the crowd."""
    _staff: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self, environment: Environment) -> None:
        """Give each member of staff a pace of their own."""
        super().__init__(environment)
        self.rng = random.Random(f"{self.seed}:staff:{next(self._staff)}")  # noqa: S311  (to be repeated)

    def wait_time(self) -> float:
        """Return the seconds until the next guest shows a ticket."""
        return self.rng.uniform(*SCAN)

    @task
    def check_in(self) -> None:
        """GET /door, and from there the event's door."""
        if not self.signed_in_as:
            username, _, password = os.environ[STAFF_VARIABLE].partition(":")
            self.sign_in(username, password, "/door")
        queue = _queues[self.environment.stats.start_time]
        if not queue:
            self.get(
                "/door", "/door", heading=b"<h1>Door</h1>", door=b'href="/door/', guests=b'data-label="In"'
            )
            return
        guest = queue.popleft()
        if self.scan(guest) and self.rng.random() < RESCAN_SHARE:
            self.post(self._door(guest), "/door/{slug}", {"code": guest.code}, NO_REDIRECT, but=(ALREADY_IN,))

    def scan(self, guest: Guest) -> bool:
        """Open the door's page and send the code; return whether it admitted the guest, or an earlier run had."""
        door = self._door(guest)
        title = b"<h1>" + guest.offer.title + b"</h1>"
        self.get(door, "/door/{slug}", event=title, field_for_the_code=b'name="code"')
        answer = self.post(door, "/door/{slug}", {"code": guest.code}, f"{door}?in=", but=(ALREADY_IN,))
        if isinstance(answer, bytes):
            return False
        self.get(
            answer,
            "/door/{slug}",
            event=title,
            answer=b'<p class="answer-title">In</p>',
            # Builds differ in whether the name stands above the username.
            holder=f">{guest.username}</p>".encode(),
        )
        return True

    @staticmethod
    def _door(guest: Guest) -> str:
        return f"/door/{guest.offer.slug}"


def scarcest(offers: list[Offer]) -> Offer:
    """Return the event with the fewest seats left; if none is available, the first whose sales open later."""
    available = [offer for offer in offers if offer.left]
    if available:
        return min(available, key=lambda offer: offer.left)
    return next((offer for offer in offers if offer.soon), offers[0])

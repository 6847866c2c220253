"""Opening day: a crowd waits, then all want the same few seats, while staff check people in and an organiser watches.

    export FESTGATE_REHEARSAL_ORGANISER=organiser:PASSWORD FESTGATE_REHEARSAL_STAFF=staff:PASSWORD
    locust -f src/festgate/rehearsal/journeys/opening_day.py

The crowd wants the event that has the fewest seats left. Until the doors open people sign up and reload its page; then
all who are there press its button in the same second. Who gets a seat pays and fetches the ticket; the others are
told that it is sold out, which is a right answer. Who comes later finds either a seat or the page that says so. Where
nothing is on sale yet, the crowd waits for the first event whose sales open, and the portal says when that is.

Whoever has a ticket goes to the door with it, where two members of staff scan one after the other at the pace of
people, and now and then the same one twice, which has to be refused. A ticket is shown to the staff of its own process:
of several workers each has a door, as far as there are staff for it.

From the environment: FESTGATE_REHEARSAL_DOORS, seconds from the start to the doors (default 10);
FESTGATE_REHEARSAL_ORGANISER, an organiser's `username:password`, without which nobody watches;
FESTGATE_REHEARSAL_STAFF, the same of a member of staff, without which nobody is checked in.
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

from festgate.rehearsal.journeys.visitor import Offer, Visitor

ORGANISER_VARIABLE: Final = "FESTGATE_REHEARSAL_ORGANISER"
STAFF_VARIABLE: Final = "FESTGATE_REHEARSAL_STAFF"
DOORS_VARIABLE: Final = "FESTGATE_REHEARSAL_DOORS"
DOORS: Final = 10.0
"""Seconds."""
RELOAD: Final = (0.5, 1.5)
"""Seconds between two looks of somebody who waits: shortest and longest."""
BUTTON: Final = b'/register">'
STAFF: Final = 2
"""People at the door; they share the account."""
SCAN: Final = (1.5, 3.0)
"""Seconds that a guest takes to come up and show the ticket: shortest and longest."""
AGAIN: Final = 0.2
"""Share of the tickets that are scanned a second time, as when somebody hands theirs on."""
ALREADY_IN: Final = b'<p class="answer-title">Already in</p>'
NOWHERE: Final = "(nobody comes in twice)"
"""No redirect leads there: only the refusal is right."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who stands in line at the door, with a ticket."""

    name: str
    offer: Offer
    code: str


_lines: Final[dict[float, deque[Guest]]] = defaultdict(deque)
"""Those who wait at the door, by the start of the run that they belong to."""


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
            pause = self.rng.uniform(*RELOAD)
            # Whoever waits looks at the clock, too: at the moment itself all reload at once.
            time.sleep(min(pause, left) if left > 0 else pause)  # gevent's, since Locust is imported
            page = self.open_event(wanted)
        if BUTTON in page and (ticket := self.get_ticket(wanted)):
            guest = Guest(self.person.username, wanted, ticket.rpartition("/")[2])
            _lines[self.environment.stats.start_time].append(guest)

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
        return self.rng.uniform(2, 4)

    @task
    def watch(self) -> None:
        """GET /organise and what lies behind it."""
        if not self.signed_in_as:
            username, _, password = os.environ[ORGANISER_VARIABLE].partition(":")
            self.sign_in(username, password)
        self.get("/organise", "/organise", heading=b"<h1>Organise</h1>", count_of_seats=b'data-label="Seats"')
        self.get("/organise/orders", "/organise/orders", heading=b"<h1>Orders</h1>")


class Staff(Visitor):
    """An iteration is one guest who is checked in; where nobody stands in line, a look at who is in."""

    abstract = STAFF_VARIABLE not in os.environ
    fixed_count = STAFF
    weight = 0.1
    """Where people come at a rate and Locust does not count them, one scan for ten of the crowd."""
    _staff: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self, environment: Environment) -> None:
        """Of the same account, but each with a pace of their own."""
        super().__init__(environment)
        self.rng = random.Random(f"{self.seed}:staff:{next(self._staff)}")  # noqa: S311  (to be repeated)

    def wait_time(self) -> float:
        """Seconds until the next guest shows a ticket."""
        return self.rng.uniform(*SCAN)

    @task
    def check_in(self) -> None:
        """GET /door, and from there the event's own door."""
        if not self.signed_in_as:
            username, _, password = os.environ[STAFF_VARIABLE].partition(":")
            self.sign_in(username, password, "/door")
        line = _lines[self.environment.stats.start_time]
        if not line:
            self.get(
                "/door", "/door", heading=b"<h1>Door</h1>", door=b'href="/door/', guests=b'data-label="In"'
            )
            return
        guest = line.popleft()
        if self.scan(guest) and self.rng.random() < AGAIN:
            self.post(self._door(guest), "/door/{slug}", {"code": guest.code}, NOWHERE, but=(ALREADY_IN,))

    def scan(self, guest: Guest) -> bool:
        """Open the door's page and send the code; whether the guest came in, or was in from an earlier run."""
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
            holder=f'<p class="answer-who">{guest.name}</p>'.encode(),
        )
        return True

    @staticmethod
    def _door(guest: Guest) -> str:
        return f"/door/{guest.offer.slug}"


def scarcest(offers: list[Offer]) -> Offer:
    """The event that a crowd wants: the fewest seats left; where none can be had, the first that opens later."""
    to_be_had = [offer for offer in offers if offer.left]
    if to_be_had:
        return min(to_be_had, key=lambda each: each.left)
    return next((offer for offer in offers if offer.soon), offers[0])

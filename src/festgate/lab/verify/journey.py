"""A locustfile with the requests of the starter's three locustfiles, in turn and without pauses.

The pauses of the starter's load (one to two seconds) would take most of the time of a verification. `HttpUser` is the
same, so the app cannot recognise these requests. Most of them are made for people drawn from the seed of the run: a
page that is fast only for the load's user is not faster. An environment variable holds the requested routes as JSON,
each with its address up to the person's name.
"""

import json
import os
import random
from itertools import cycle

from locust import HttpUser, constant, task

PEOPLE = 7
"""The number of people besides the load's own user."""


class Verifier(HttpUser):
    """A user that requests each page in turn."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Draw the people from the seed, and read the routes."""
        self.addresses = json.loads(os.environ["FESTGATE_REHEARSAL_ROUTES"])
        rng = random.Random(os.environ["FESTGATE_REHEARSAL_SEED"])  # noqa: S311  (has to repeat)
        drawn = [f"visitor{rng.randrange(10**6)}" for _ in range(PEOPLE)]
        self.people = cycle(["locust_user", *drawn])

    @task
    def look(self) -> None:
        """Send one request to each timed route."""
        person = next(self.people)
        for route, address in self.addresses.items():
            self.client.get(f"{address}{person}" if address.endswith("=") else address, name=route)

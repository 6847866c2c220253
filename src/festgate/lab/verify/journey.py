"""The requests of the three locustfiles as they are handed out, one after the other and without pauses.

The pauses of the starter's own load (one to two seconds) would make most of the time of a verification. `HttpUser` is
taken as it is there, so that every request looks the same to the app; but most of them are of other people than the
load's, drawn from the run's seed: a page that is only quick for the load is not quicker. Which routes are played is in
the environment.
"""

import os
import random
from itertools import cycle

from locust import HttpUser, constant, task

ADDRESSES = {"checkout": "/checkout", "events": "/events?user=", "my-events": "/my-events?user="}
PEOPLE = 7
"""Besides the load's own."""


class Verifier(HttpUser):
    """Somebody who looks at each page in turn."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Who they will be."""
        rng = random.Random(os.environ["FESTGATE_REHEARSAL_SEED"])  # noqa: S311  (has to repeat)
        drawn = [f"visitor{rng.randrange(10**6)}" for _ in range(PEOPLE)]
        self.people = cycle(["locust_user", *drawn])

    @task
    def look(self) -> None:
        """One request for each route that is timed."""
        person = next(self.people)
        for name in os.environ["FESTGATE_REHEARSAL_ROUTES"].split():
            address = ADDRESSES[name]
            route, question, _ = address.partition("?")
            self.client.get(f"{address}{person if question else ''}", name=route)

"""An open loop in Locust: people arrive by the clock, whether or not earlier requests were answered.

Locust's users are a closed loop: each waits for its answer, so a target that stalls gets fewer requests, and the stall
hardly shows (Tene's coordinated omission). Here a user waits for an arrival before each visit (visits.py). Each arrival
has the moment at which it was due, and the response time of its first request counts from there.
"""

import math
import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

import gevent
from gevent.queue import Queue
from locust import User
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING

from festgate.rehearsal.load.visits import INTENDED, follow_visits
from festgate.rehearsal.runs.plan import Rate
from festgate.rehearsal.runs.stages import moment

MIN_USERS: Final = 10
"""Users at the beginning; more if more arrivals are due in the first second."""


class Arrivals:
    """The queue of arrivals for the users of `classes`."""

    def __init__(
        self, classes: Sequence[type[User]], load: Rate, seed: str, *, number: int = 0, processes: int = 1
    ) -> None:
        """Make the users of these classes wait for an arrival before each visit.

        Each of several processes has its share of `load`. Independent Poisson processes (each has its own seed) add up
        to one with the sum of their rates; constant arrivals take turns.
        """
        self._load = load
        self._seed = seed
        self._number = number
        self._processes = processes
        self._max_users = max(1, load.most_users // processes + (number < load.most_users % processes))
        self._random = random.Random(f"{seed}:classes")  # noqa: S311  (to be repeated, not to be secret)
        self._classes = list(classes)
        self._weights = [user_class.weight for user_class in classes]
        self._queues: dict[type[User], Queue[float]] = {user_class: Queue() for user_class in classes}
        self._users = dict.fromkeys(classes, 0)
        self._served: set[User] = set()
        self._idle = dict.fromkeys(classes, 0)
        self._queued = 0
        self.taken = 0
        """Arrivals that a user has begun to serve."""
        self.ended = False
        """Whether the locustfile has stopped the users. None is started then, or Locust's runner would be running."""
        self._to_count = self._moments()
        self._next = next(self._to_count)
        self._due = 0
        follow_visits(self._wait_for_arrival)

    def _wait_for_arrival(self, user: User) -> None:
        user_class = type(user)
        # Locust's state of a user between two tasks: a user that waits may be stopped at once.
        user._state = LOCUST_STATE_WAITING  # noqa: SLF001
        self._idle[user_class] += 1
        try:
            gevent.getcurrent().__dict__[INTENDED] = self._queues[user_class].get()
            self.taken += 1
            self._served.add(user)
        finally:
            self._idle[user_class] -= 1
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001

    @property
    def ready(self) -> int:
        """The number of users that wait for an arrival."""
        return sum(self._idle.values())

    def prepare(self, runner: Runner) -> None:
        """Start the first users: they sign in, or do whatever else the journey begins with."""
        count = min(self._max_users, max(MIN_USERS, math.ceil(self._load.rate / self._processes)))
        total = sum(self._weights)
        for user_class, weight in zip(self._classes, self._weights, strict=True):
            self._spawn(runner, user_class, max(1, round(count * weight / total)))

    def run(self, runner: Runner, began: float, seconds: float) -> None:
        """Queue arrivals until `seconds` after `began` (seconds since 1970)."""
        for at in self._moments():
            if at >= seconds:
                return
            gevent.sleep(max(0.0, began + at - time.time()))
            if self.ended:
                return
            (chosen,) = self._random.choices(self._classes, self._weights)
            self._queued += 1
            self._queues[chosen].put(at)
            self._start_if_waiting(runner, chosen)

    @property
    def waiting(self) -> int:
        """Arrivals that no user has taken yet."""
        return self._queued - self.taken

    def due(self, at: float) -> int:
        """Return how many arrivals were due before `at` seconds, whether this process was in time to queue them."""
        while self._next < at:
            self._due += 1
            self._next = next(self._to_count)
        return self._due

    def _moments(self) -> Iterator[float]:
        """Return the moments of this process's arrivals, the same at each call, without an end."""
        rng = random.Random(self._seed)  # noqa: S311  (to be repeated, not to be secret)
        load, poisson = self._load, self._load.arrivals == "poisson"
        # Counted in the arrivals of all processes together: with constant arrivals, the processes take turns.
        number = 0.0 if poisson else float(self._number + 1 - self._processes)
        while True:
            number += rng.expovariate(1 / self._processes) if poisson else self._processes
            yield moment(load.stages, number) if load.stages else number / load.rate

    def _spawn(self, runner: Runner, user_class: type[User], count: int) -> None:
        self._users[user_class] += count
        for user in runner.spawn_users({user_class.__name__: count}):
            user.greenlet.link(lambda _, user=user: self._ended(runner, user))

    def _start_if_waiting(self, runner: Runner, user_class: type[User]) -> None:
        waiting = self._idle[user_class] < len(self._queues[user_class])
        if waiting and not self.ended and sum(self._users.values()) < self._max_users:
            self._spawn(runner, user_class, 1)

    def _ended(self, runner: Runner, user: User) -> None:
        """Start another user for one that has stopped, if an arrival waits.

        A user that never served one is not replaced before the next arrival: its `on_start` may raise each time.
        """
        user_class = type(user)
        self._users[user_class] -= 1
        if user in self._served:
            self._served.remove(user)
            self._start_if_waiting(runner, user_class)

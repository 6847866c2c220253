"""The locustfile determines the number of users over time, and the end."""

import os

from locust import LoadTestShape, task
from pauses import Guest


class Opening(LoadTestShape):
    seconds = float(os.environ["FEST_SECONDS"])
    stages = [(seconds / 4, 2), (seconds + 0.5, 5)]

    def tick(self):
        return next(((users, 100) for end, users in self.stages if self.get_run_time() < end), None)


class Visitor(Guest):
    @task
    def see_the_events(self):
        self.look(name="/events")

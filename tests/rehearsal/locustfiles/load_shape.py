"""The locustfile determines the number of users over time, and the end."""

from locust import LoadTestShape, task
from pauses import Guest


class Opening(LoadTestShape):
    stages = [(2, 2), (6, 5)]

    def tick(self):
        return next(((users, 100) for end, users in self.stages if self.get_run_time() < end), None)


class Visitor(Guest):
    @task
    def see_the_events(self):
        self.look(name="/events")

"""Users that never send anything: plain Locust has nothing to complain of."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def think(self):
        self.number = 1

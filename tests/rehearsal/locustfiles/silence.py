"""Users that never send anything: plain Locust reports no error."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def think(self):
        self.number = 1

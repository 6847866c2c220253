"""The `on_start` of every user raises an exception."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    def on_start(self):
        self.token = self.look(name="/login").json()[0]["token"]

    @task
    def see_the_events(self):
        self.look(name="/events")

"""Users sign out when they are stopped."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def see_the_events(self):
        self.look(name="/events")

    def on_stop(self):
        self.look(name="/sign out")

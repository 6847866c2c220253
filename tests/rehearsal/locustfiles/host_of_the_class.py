"""The class has the host, and the command line has none."""

import os

from locust import task
from pauses import Guest


class Visitor(Guest):
    host = os.environ["FEST"]

    @task
    def see_the_events(self):
        self.look(name="/events")

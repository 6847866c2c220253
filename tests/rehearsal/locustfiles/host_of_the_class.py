"""The class has the host; nothing on the command line repeats it."""

import os

from locust import task
from pauses import Guest


class Visitor(Guest):
    host = os.environ["FEST"]

    @task
    def see_the_events(self):
        self.look(name="/events")

"""A program prepares the data before the run, and its output goes to the terminal."""

import subprocess
import sys

from locust import events, task
from pauses import Guest


@events.test_start.add_listener
def seed(**_):
    subprocess.run([sys.executable, "-c", "print('{\"second\": 1}')"], check=True)


class Visitor(Guest):
    @task
    def see_the_events(self):
        self.look(name="/events")

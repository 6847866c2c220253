"""A single failure among many good answers: Locust reports it by its exit code, a rehearsal tolerates it."""

import itertools

from locust import FastHttpUser, task
from pauses import briefly

numbers = itertools.count(1)


class Visitor(FastHttpUser):
    wait_time = briefly(1)

    @task
    def look(self):
        for _ in range(60):
            path = "/fest/nowhere.json" if next(numbers) == 100 else "/fest/events/1.json"
            self.client.get(path, name="/event")

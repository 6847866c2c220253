"""The host has a path, below which everything is."""

from locust import FastHttpUser, HttpUser, task
from pauses import briefly


class Visitor(HttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/events.json?_shape=array", name="/events")


class Fast(FastHttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/events/1.json?_shape=array", name="/event")

"""The target's certificate is self-signed, and each client accepts it in its own way."""

from locust import FastHttpUser, HttpUser, task
from pauses import briefly


class Visitor(HttpUser):
    wait_time = briefly(4)

    def on_start(self):
        self.client.verify = False

    @task
    def look(self):
        self.client.get("/fest/events.json?_shape=array", name="/events")


class Fast(FastHttpUser):
    insecure = True
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events/1.json?_shape=array", name="/event")

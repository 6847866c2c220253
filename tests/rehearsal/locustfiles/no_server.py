"""Some requests go to an address where nothing answers, with both clients."""

from locust import FastHttpUser, HttpUser, task
from pauses import briefly

NOBODY = "http://127.0.0.1:1/fest"


class Visitor(HttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events.json?_shape=array", name="/events")
        self.client.get(NOBODY, name="/nobody")


class Fast(FastHttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get(NOBODY, name="/fast nobody")

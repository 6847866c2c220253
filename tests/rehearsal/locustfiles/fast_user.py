"""Locust's fast client, with its shortcut for JSON and with answers that the locustfile judges."""

from locust import FastHttpUser, task
from pauses import briefly


class Visitor(FastHttpUser):
    wait_time = briefly(4)
    connection_timeout = 5.0
    default_headers = {"X-Visitor": "fast"}

    @task
    def look(self):
        with self.rest("GET", "/fest/events.json?_shape=array", name="/rest") as answer:
            if answer.js[0]["title"] != "Garba night":
                answer.failure("another event")
        with self.client.get("/fest/events.json?_shape=array", name="/judged", catch_response=True) as answer:
            if "Garba" in answer.text:
                answer.failure("the event has not been removed")
        self.client.get("/fest/nowhere.json", name="/nowhere")

"""Answers with an error status fail by themselves, and `raise_for_status` ends the task."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def look_at_a_removed_event(self):
        self.look(name="/events")
        self.client.get("/fest/nowhere.json", name="/nowhere").raise_for_status()
        self.look(name="/never")

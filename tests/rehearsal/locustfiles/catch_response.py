"""The locustfile decides what is a failure: a complete page may be wrong, and a missing one right."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def look_for_a_new_event(self):
        with self.look(name="/events", catch_response=True) as answer:
            if len(answer.json()) != 21:
                answer.failure("the new event is missing")
        with self.client.get("/fest/nowhere.json", name="/nowhere", catch_response=True) as answer:
            if answer.status_code == 404:
                answer.success()
        with self.look(name="/events again", catch_response=True) as answer:
            assert answer.status_code == 200

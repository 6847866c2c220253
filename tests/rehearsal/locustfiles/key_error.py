"""A task expects a field that the answer does not have, within a response that it judges itself."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def read_the_fee(self):
        self.look(name="/events")
        with self.look(name="/fee", catch_response=True) as answer:
            if answer.json()[0]["fee"] < 0:
                answer.failure("a negative fee")

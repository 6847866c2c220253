"""An assertion of a task fails after a response that Locust counts as a success."""

from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def check_the_price(self):
        answer = self.look(name="/events")
        assert answer.json()[0]["price"] == 0, "the first event costs something"

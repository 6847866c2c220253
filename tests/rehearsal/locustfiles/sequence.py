"""A visit in a fixed order, with another sequence in its middle."""

from locust import HttpUser, SequentialTaskSet, task
from pauses import briefly


class Payment(SequentialTaskSet):
    @task
    def choose(self):
        self.client.get("/fest/events/3.json?_shape=array", name="/choose")

    @task
    def pay(self):
        self.client.get("/fest/events/4.json?_shape=array", name="/pay")
        self.interrupt(reschedule=False)


class Visit(SequentialTaskSet):
    def on_start(self):
        self.number = 1

    @task
    def look(self):
        self.client.get("/fest/events.json?_shape=array", name="/look")

    tasks = [Payment]

    @task
    def read_the_ticket(self):
        self.client.get(f"/fest/events/{self.number}.json?_shape=array", name="/ticket")


class Visitor(HttpUser):
    wait_time = briefly(9)
    tasks = [Visit]

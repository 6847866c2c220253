"""Tasks with tags, in a class and in a task set."""

from locust import TaskSet, tag, task
from pauses import Guest


class Tickets(TaskSet):
    @tag("paid")
    @task
    def buy(self):
        self.client.get("/fest/events/1.json?_shape=array", name="/buy")

    @tag("free")
    @task
    def reserve(self):
        self.client.get("/fest/events/2.json?_shape=array", name="/reserve")


class Buyer(Guest):
    tasks = [Tickets]


class Visitor(Guest):
    @tag("free", "slow")
    @task
    def see_the_events(self):
        self.look(name="/events")

    @task
    def look_at_a_removed_event(self):
        self.client.get("/fest/nowhere.json", name="/nowhere")

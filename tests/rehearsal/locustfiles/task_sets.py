"""Task sets within task sets, with weights, pauses of their own, and tasks that leave them."""

from locust import HttpUser, TaskSet, tag, task
from pauses import briefly


class Event(TaskSet):
    @task(5)
    def look(self):
        self.client.get("/fest/events/1.json?_shape=array", name="/event")

    @task
    def leave(self):
        self.interrupt()


class Catalogue(TaskSet):
    @task(2)
    class Featured(TaskSet):
        """One event, and back to the catalogue."""

        @tag("slow")
        @task
        def look(self):
            self.client.get("/fest/events/2.json?_shape=array", name="/event")
            self.interrupt(reschedule=False)

    tasks = {Event: 3}

    def on_start(self):
        self.client.get("/fest/events.json?_shape=array", name="/events")


class Visitor(HttpUser):
    wait_time = briefly(6)
    tasks = [Catalogue]

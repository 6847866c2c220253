"""A page whose parts are requested at the same time."""

from gevent.pool import Group
from locust import task
from pauses import Guest


class Visitor(Guest):
    @task
    def load_the_page(self):
        parts = Group()
        for number in range(1, 4):
            parts.spawn(self.client.get, f"/fest/events/{number}.json?_shape=array", name="/part")
        parts.spawn(self.client.get, "/fest/nowhere.json", name="/missing part")
        parts.join()

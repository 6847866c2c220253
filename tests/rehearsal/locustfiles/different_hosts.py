"""Each class has a host of its own: two servers, and a bank that speaks no HTTP."""

import os

from locust import FastHttpUser, User, events, task
from pauses import Guest, briefly


class Visitor(Guest):
    host = os.environ["FEST"]

    @task
    def see_the_events(self):
        self.look(name="/events")


class Buyer(FastHttpUser):
    host = os.environ["FEST_SHOP"] + "/fest/"
    wait_time = briefly(4)

    @task
    def see_the_orders(self):
        self.client.get("orders")


class Payer(User):
    host = "bank:6000"
    wait_time = briefly(4)

    @task
    def pay(self):
        events.request.fire(request_type="pay", name=self.host, response_time=1, response_length=0)

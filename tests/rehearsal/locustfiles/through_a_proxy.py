"""Only a proxy reaches the target, and only the code names it, in the ways of each client."""

import os
from urllib.parse import urlsplit

from locust import FastHttpUser, HttpUser, task
from pauses import briefly

PROXY = os.environ["FEST_PROXY"]
BOTH = {"http": PROXY, "https": PROXY}


class Visitor(HttpUser):
    wait_time = briefly(4)

    def on_start(self):
        self.client.verify = False
        self.client.proxies = BOTH

    @task
    def look(self):
        self.client.get("/fest/events.json?_shape=array", name="/events")


class Guest(HttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events/1.json?_shape=array", name="/event", proxies=BOTH, verify=False)


class Fast(FastHttpUser):
    proxy_host, proxy_port = urlsplit(PROXY).hostname, urlsplit(PROXY).port
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events/2.json?_shape=array", name="/fast event")


class Direct(HttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events/3.json?_shape=array", name="/unreached")

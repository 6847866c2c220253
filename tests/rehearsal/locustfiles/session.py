"""Users sign in once, keep their cookie, and are sent on by redirects."""

import itertools

from locust import FastHttpUser, HttpUser, task
from pauses import briefly

numbers = itertools.count(1)


class Member(HttpUser):
    wait_time = briefly(4)

    def on_start(self):
        self.client.post("/login", data={"name": f"member {next(numbers)}"}, name="/login")

    @task
    def see_my_tickets(self):
        self.client.get("/me", name="/me")

    @task(0)
    def never(self):
        self.client.get("/never")


class Stranger(HttpUser):
    wait_time = briefly(4)

    @task
    def see_my_tickets(self):
        self.client.get("/me", name="/me without a session")
        self.client.get("/login", name="/login by GET", allow_redirects=False)


class FastMember(FastHttpUser):
    wait_time = briefly(4)

    def on_start(self):
        self.client.post("/login", {"name": f"member {next(numbers)}"}, name="/fast login")

    @task
    def see_my_tickets(self):
        self.client.get("/me", name="/fast me")

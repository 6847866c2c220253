"""Users that keep a pace by the clock, in three ways."""

from locust import HttpUser, constant, constant_pacing, constant_throughput, task


class Steady(HttpUser):
    wait_time = constant_throughput(1.4)

    @task
    def look(self):
        self.client.get("/fest/events/1.json", name="/steady")


class Paced(HttpUser):
    wait_time = constant_pacing(0.7)

    @task
    def look(self):
        self.client.get("/fest/events/2.json", name="/paced")


class Resting(HttpUser):
    wait_time = constant(0.7)

    @task
    def look(self):
        self.client.get("/fest/events/3.json", name="/resting")

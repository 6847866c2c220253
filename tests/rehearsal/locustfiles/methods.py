"""Every method of HTTP, with bodies, and two steps of one name that differ in the method."""

from locust import HttpUser, task
from pauses import briefly


class Buyer(HttpUser):
    wait_time = briefly(4)

    @task
    def buy(self):
        self.client.post("/fest/orders", json={"event": 1}, name="/orders")
        self.client.get("/fest/orders", name="/orders")
        self.client.put("/fest/orders/1", data={"seats": "2"}, name="/order")
        self.client.patch("/fest/orders/1", files={"photo": b"face"}, name="/order")
        self.client.delete("/fest/orders/1", name="/order")
        self.client.head("/fest/orders", name="/orders")
        self.client.options("/fest/orders", name="/orders")
        self.client.post("/fest/orders", json={"event": 0}, name="/orders")

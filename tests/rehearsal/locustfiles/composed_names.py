"""Names of steps that are imported, composed, set for several requests, or the address itself."""

from locust import HttpUser, task
from pauses import EVENTS, briefly


class Visitor(HttpUser):
    wait_time = briefly(4)

    @task
    def look(self):
        self.client.get("/fest/events.json?_shape=array", name=EVENTS)
        for number in (1, 2):
            self.client.get(f"/fest/events/{number}.json?_shape=array", name=f"event {number}")
        with self.client.rename_request("renamed"):
            self.client.get("/fest/events/3.json?_shape=array")
        self.client.request_name = "set before"
        self.client.get("/fest/events/4.json?_shape=array")
        self.client.request_name = None
        self.client.get("/fest/events/5.json", params={"_shape": "array"})

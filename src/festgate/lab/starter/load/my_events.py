"""One page, again and again: GET /my-events."""

from locust import HttpUser, between, task


class MyEventsUser(HttpUser):
    """Somebody who looks at their own events."""

    host = "http://localhost:8000"
    wait_time = between(1, 2)

    @task
    def look_at_my_events(self) -> None:
        """One request."""
        self.client.get("/my-events?user=locust_user")

"""One page, again and again: GET /events."""

from locust import HttpUser, between, task


class EventsUser(HttpUser):
    """Somebody who looks at the programme."""

    host = "http://localhost:8000"
    wait_time = between(1, 2)

    @task
    def look_at_events(self) -> None:
        """One request."""
        self.client.get("/events?user=locust_user")

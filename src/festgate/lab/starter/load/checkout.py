"""One page, again and again: GET /checkout."""

from locust import HttpUser, between, task


class CheckoutUser(HttpUser):
    """Somebody who looks at what is to be paid."""

    host = "http://localhost:8000"
    wait_time = between(1, 2)

    @task
    def look_at_checkout(self) -> None:
        """One request."""
        self.client.get("/checkout")

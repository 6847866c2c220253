"""What one visitor does, from the programme to checkout."""

from locust import HttpUser, between, task


class Visitor(HttpUser):
    """Looks at the programme, registers for the first event, sees it on the list, and goes to pay."""

    host = "http://localhost:8000"
    wait_time = between(1, 2)

    @task
    def visit(self) -> None:
        """Four pages; the second answers with a redirect, which is followed."""
        self.client.get("/events?user=locust_user")
        self.client.get("/register_event/1?user=locust_user", name="/register_event/1")
        self.client.get("/my-events?user=locust_user")
        self.client.get("/checkout")

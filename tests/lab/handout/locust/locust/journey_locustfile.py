from locust import HttpUser, between, task


class JourneyUser(HttpUser):
    host = "http://localhost:8000"
    wait_time = between(1, 2)

    @task
    def journey(self):
        self.client.get("/events?user=locust_user")
        self.client.get("/register_event/1?user=locust_user")
        self.client.get("/my-events?user=locust_user")
        self.client.get("/checkout")

"""The list of events, repeatedly, by signed-in users: usually the most requested page.

locust -f src/festgate/rehearsal/journeys/events.py
"""

from locust import task

from festgate.rehearsal.journeys.shared.visitor import Regular


class Events(Regular):
    """A user who signs up once; an iteration is one request for the list, which shows as many events as it counts."""

    @task
    def look_at_events(self) -> None:
        """GET /events."""
        self.be_ready()
        self.browse()

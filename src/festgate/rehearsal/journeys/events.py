"""The list of events, again and again, by people who are signed in: the route that everybody asks for first.

locust -f src/festgate/rehearsal/journeys/events.py
"""

from locust import task

from festgate.rehearsal.journeys.visitor import Regular


class Events(Regular):
    """Signs up once; an iteration is one look at the list, which shows as many events as it says there are."""

    @task
    def look_at_events(self) -> None:
        """GET /events."""
        self.be_ready()
        self.browse()

"""A user's own list of events, repeatedly: a page that is different for each user.

locust -f src/festgate/rehearsal/journeys/my_events.py
"""

from locust import task

from festgate.rehearsal.journeys.shared.visitor import Regular


def check_own_list(page: bytes) -> str:
    """Return what is wrong with the list: it shows seats, or that there are none (in today's or an older sentence)."""
    if b'<li class="card ' in page or any(words in page for words in (b"No events yet", b"No seat yet")):
        return ""
    return "neither seats are shown nor that there are none"


class MyEvents(Regular):
    """A user who signs up once; an iteration is one request for their list, which is empty: they take no seat."""

    @task
    def look_at_my_events(self) -> None:
        """GET /my-events."""
        self.be_ready()
        self.get("/my-events", "/my-events", check_own_list, heading=b"<h1>My events</h1>")

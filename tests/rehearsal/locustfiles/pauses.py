"""Parts that several locustfiles import from their own folder: a pause, a name, and a class to derive from."""

from locust import HttpUser

EVENTS = "events of " + "the fest"


def briefly(times):
    """Pause for a moment after each of the first `times` tasks of a user, and then until the end of the run.

    The number of tasks therefore depends neither on the machine nor on the program that runs the locustfile.
    """

    def pause(user):
        user.pauses = getattr(user, "pauses", 0) + 1
        return 0.02 if user.pauses < times else 600

    return pause


class Guest(HttpUser):
    """A base class that is no user itself."""

    abstract = True
    wait_time = briefly(4)

    def look(self, **more):
        """Ask for the list of events."""
        return self.client.get("/fest/events.json?_shape=array", **more)

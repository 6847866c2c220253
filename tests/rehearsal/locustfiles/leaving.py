"""Users that stop after a task and do not return."""

from locust import task
from locust.exception import StopUser
from pauses import Guest


class Visitor(Guest):
    @task
    def look_once(self):
        self.look(name="/events")
        raise StopUser

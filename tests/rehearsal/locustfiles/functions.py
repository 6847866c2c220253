"""Tasks as functions outside the class, by weight, and a task set that is derived from another one."""

from locust import HttpUser, TaskSet
from locust.exception import RescheduleTask
from pauses import briefly


def look(user):
    user.client.get("/fest/events.json?_shape=array", name="/events")


def think_again(user):
    look(user)
    raise RescheduleTask


class Browsing(TaskSet):
    tasks = {look: 3, think_again: 1}


class Longer(Browsing):
    wait_time = briefly(5)


class Visitor(HttpUser):
    tasks = {look: 2}
    wait_time = briefly(3)


class Browser(HttpUser):
    tasks = [Longer]

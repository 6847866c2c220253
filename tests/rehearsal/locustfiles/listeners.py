"""Listeners for the run's beginning, users that wait for one another, and prints."""

from collections import Counter

from gevent.event import Event
from locust import events, task
from pauses import Guest

complete = Event()
asked = Counter()


@events.init.add_listener
def prepare(environment, web_ui, **_):
    print("prepared", environment.host)
    if web_ui:
        raise RuntimeError("no web page was asked for")


@events.test_start.add_listener
def begin(environment, **_):
    print("begun", environment.runner)


@events.spawning_complete.add_listener
def all_are_here(user_count, **_):
    print(user_count, "users are here")
    complete.set()


@events.request.add_listener
def count(request_type, name, response_time, response_length, exception, context, **_):
    asked[request_type, name] += 1
    print(context)


@events.test_stop.add_listener
def end(environment, **_):
    print(asked)


class Visitor(Guest):
    def on_start(self):
        complete.wait()

    def context(self):
        return {"visitor": id(self)}

    @task
    def see_the_events(self):
        self.look(name="/events", context={"step": 1})
        self.look(name=f"/events for user {len(self.environment.user_classes)}")

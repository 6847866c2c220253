"""A watch over the failures ends the run early, as Locust's documentation suggests."""

import os

import gevent
from locust import events, task
from locust.runners import STATE_CLEANUP, STATE_STOPPED, STATE_STOPPING, WorkerRunner
from pauses import Guest


def watch(environment):
    while environment.runner.state not in [STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP]:
        gevent.sleep(float(os.environ["FEST_SECONDS"]) - 0.5)
        if environment.runner.stats.total.fail_ratio > 0.2:
            environment.runner.quit()
            return


@events.init.add_listener
def on_init(environment, **_):
    if not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(watch, environment)


class Visitor(Guest):
    @task
    def look_at_a_removed_event(self):
        self.client.get("/fest/nowhere.json", name="/nowhere")

"""The locustfile judges the run at its end, as Locust's documentation suggests."""

from locust import events, task
from pauses import Guest


@events.quitting.add_listener
def judge(environment, **_):
    total = environment.stats.total
    if total.num_requests < 1_000:
        environment.process_exit_code = 3
    elif total.fail_ratio > 0.01 or total.get_response_time_percentile(0.95) > 800:
        environment.process_exit_code = 1
    else:
        environment.process_exit_code = 0


class Visitor(Guest):
    @task
    def see_the_events(self):
        self.look(name="/events")

"""The locustfile's own options, read from the command line and from the environment."""

from locust import events, task
from pauses import Guest


@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("--event", type=int, default=1, help="The event to look at.")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--suffix", env_var="FEST_SUFFIX", default="", include_in_web_ui=False)


@events.test_start.add_listener
def check(environment, **_):
    if environment.parsed_options.event < 0:
        raise ValueError("an event has a positive number")


class Visitor(Guest):
    @task
    def see_the_event(self):
        options = self.environment.parsed_options
        for _ in range(1 + options.twice):
            self.client.get(
                f"/fest/events/{options.event}.json?_shape=array",
                name=f"event {options.event}{options.suffix}",
            )

"""Users of something other than HTTP report their own requests, some of them with an error."""

import socket
import time
from urllib.parse import urlsplit

from locust import User, task
from pauses import briefly


class Caller(User):
    wait_time = briefly(4)

    @task
    def call(self):
        url = urlsplit(self.host)
        self.measure("connect", lambda: socket.create_connection((url.hostname, url.port), timeout=5).close())
        self.measure("look up", lambda: {}["seat"])

    def measure(self, name, operation):
        start, begin = time.time(), time.perf_counter()
        fields = {"request_type": "TCP", "name": name, "response_length": 0, "start_time": start}
        try:
            operation()
            fields["exception"] = None
        except (OSError, KeyError) as error:
            fields["exception"] = error
        elapsed = (time.perf_counter() - begin) * 1000
        self.environment.events.request.fire(
            **fields, response_time=elapsed, response=None, context={}, url=self.host
        )

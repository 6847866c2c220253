"""Requests of the locustfile's own client, reported with only the fields that Locust requires."""

import socket
import time
from urllib.parse import urlsplit

from locust import User, events, task
from pauses import briefly


class Caller(User):
    wait_time = briefly(4)

    @task
    def call(self):
        url = urlsplit(self.environment.host)
        begin = time.perf_counter()
        with socket.create_connection((url.hostname, url.port), timeout=5):
            pass
        elapsed = (time.perf_counter() - begin) * 1000
        for exception in (None, "", "no seat", RuntimeError("no seat")):
            events.request.fire(
                request_type="tcp",
                name=f"call {exception!r}",
                response_time=elapsed,
                response_length=0,
                exception=exception,
                context={},
            )

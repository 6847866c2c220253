"""Every request that Locust reports, kept as a sample."""

import zlib
from collections import deque
from typing import Any, Final

import gevent
from gevent import socket as gevent_socket
from locust.env import Environment

from festgate.rehearsal.runs.recording import Sample, SamplesWriter

RECENT: Final = 10_000
"""Samples that the live display's percentiles are taken from, at most."""


class Recorder:
    """Listens to an environment from the moment it is made, and keeps what is sent once the run has begun."""

    def __init__(self, environment: Environment, writer: SamplesWriter) -> None:
        """Of what comes before the run (people who get ready), only the first failure is kept."""
        self._writer = writer
        self.began: float | None = None
        """The run's beginning, in seconds since 1970."""
        self.requests = 0
        self.failures = 0
        self.recent: deque[float] = deque(maxlen=RECENT)
        """Responses since `take_recent`, in seconds."""
        self.first_failure = ""
        _mark_new_connections()
        environment.events.request.add_listener(self.note)  # type: ignore[no-untyped-call]

    def note(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        response: Any,  # noqa: ANN401  (each client of Locust has a class of its own)
        exception: BaseException | None,
        start_time: float,
        **_more: object,
    ) -> None:
        """Locust's own event; its times are seconds since 1970 and milliseconds."""
        if exception is not None:
            self.first_failure = self.first_failure or f"{name}: {exception}"
        if self.began is None:
            return
        greenlet = gevent.getcurrent()
        start = start_time - self.began
        intended = greenlet.__dict__.pop("intended", None)
        latency = response_time / 1000
        content = getattr(response, "content", None) or b""
        sample = Sample(
            # A form and what it is sent to share a path, and are not the same work.
            name=name if request_type == "GET" else f"{request_type} {name}",
            # The first request of an arrival was to be sent when the arrival was due; the others follow from answers.
            intended=start if intended is None else min(intended, start),
            start=start,
            latency=latency,
            status=int(getattr(response, "status_code", 0) or 0),
            failed=exception is not None,
            new_connection=greenlet.__dict__.pop("connected", False),
            size=response_length,
            digest=zlib.crc32(content.encode() if isinstance(content, str) else content),
        )
        self._writer.add(sample)
        self.requests += 1
        self.recent.append(start - sample.intended + latency)
        if exception is not None:
            self.failures += 1

    def take_recent(self) -> list[float]:
        """The responses since the last call, in seconds."""
        taken = list(self.recent)
        self.recent.clear()
        return taken


def _mark_new_connections() -> None:
    """A greenlet that connects a socket says so to the sample of its request; no client of Locust tells of it."""
    connect = gevent_socket.socket.connect

    def connect_marked(self: gevent_socket.socket, address: Any) -> object:  # noqa: ANN401  (as the socket has it)
        gevent.getcurrent().__dict__["connected"] = True
        return connect(self, address)

    gevent_socket.socket.connect = connect_marked

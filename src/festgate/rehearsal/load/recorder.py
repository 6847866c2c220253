"""The recorder of every request and every exception that Locust reports."""

import logging
import math
import time
import zlib
from collections import Counter, deque
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import gevent
from gevent import socket as gevent_socket
from locust.contrib.fasthttp import FastResponse
from locust.env import Environment

from festgate.rehearsal.load.exceptions import describe_exception, printable
from festgate.rehearsal.load.hooks import ListenerErrors
from festgate.rehearsal.load.no_response import reason_of
from festgate.rehearsal.load.progress import report
from festgate.rehearsal.load.visits import INTENDED
from festgate.rehearsal.runs.recording import Sample, SamplesWriter
from festgate.rehearsal.stats.limits import MANY_NAMES, NAME_ADVICE

MAX_RECENT: Final = 10_000
"""Samples from which the live display computes its percentiles."""
MAX_KINDS: Final = 50
"""Kinds of exceptions that are kept; messages with different numbers are different kinds."""
OTHERS: Final = "other exceptions"
MAX_SIZE: Final = 2**32 - 1
MAX_STATUS: Final = 2**16 - 1
"""The largest numbers that fit into a file of samples."""


class Recorder:
    """A listener for an environment's requests; it records them once the run has begun."""

    def __init__(self, environment: Environment, writer: SamplesWriter) -> None:
        """Listen from now on. Of the requests before the run (users that sign up), only the first failure is kept."""
        self._writer = writer
        self.began: float | None = None
        """The beginning of the run, in seconds since 1970."""
        self.ends = math.inf
        """Seconds from the beginning to the end of the plan's time."""
        self.failed_after = 0
        """Requests that failed after that, such as those of `on_stop`."""
        self.untimed = 0
        """Requests that the locustfile reported without a response time, which Locust allows."""
        self.requests = 0
        self.failures = 0
        self.recent: deque[float] = deque(maxlen=MAX_RECENT)
        """Response times since `take_recent`, in seconds."""
        self.first_failure = ""
        self._names: set[str] = set()
        self.exceptions: Counter[str] = Counter()
        """The exceptions that tasks, `on_start` and listeners raised, by kind: class, message, file and line."""
        _flag_new_connections()
        environment.events.request.add_listener(self.record)  # type: ignore[no-untyped-call]
        environment.events.user_error.add_listener(self.record_exception)  # type: ignore[no-untyped-call]
        logging.getLogger().addHandler(ListenerErrors(self._count_exception))

    def record(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        response: object = None,
        exception: object = None,
        start_time: float | None = None,
        **_more: object,
    ) -> None:
        """Handle Locust's `request` event; its times are seconds since 1970 and milliseconds.

        A locustfile that fires it for its own client needs to pass only the fields that Locust requires.
        """
        # As Locust decides: an empty text, or False, is no failure.
        failed = bool(exception)
        if failed:
            self.first_failure = self.first_failure or printable(f"{name}: {exception}")
        if self.began is None:
            return
        greenlet = gevent.getcurrent()
        latency = max(0.0, (response_time or 0.0) / 1000)
        start = (time.time() - latency if start_time is None else start_time) - self.began
        intended = greenlet.__dict__.pop(INTENDED, None)
        status = _status(response)
        sample = Sample(
            # The page of a form and its submission share a path but are different work.
            name=str(name) if request_type == "GET" else f"{request_type} {name}",
            # The first request of an arrival was due at the arrival; each later one follows from a response.
            intended=start if intended is None else min(intended, start),
            start=start,
            latency=latency,
            status=status,
            failed=failed,
            new_connection=greenlet.__dict__.pop("connected", False),
            size=min(int(response_length or 0), MAX_SIZE),
            digest=zlib.crc32(_body(response)),
            no_response="" if status or not failed else reason_of(exception, response),
        )
        self._writer.add(sample)
        self._warn_of_many_names(sample.name)
        self.requests += 1
        self.recent.append(start - sample.intended + latency)
        self.failures += failed
        self.untimed += response_time is None
        self.failed_after += failed and start >= self.ends

    def _warn_of_many_names(self, name: str) -> None:
        if name not in self._names and len(self._names) < MANY_NAMES:
            self._names.add(name)
            if len(self._names) == MANY_NAMES:
                report(
                    notice=f"The requests have {MANY_NAMES} different names, such as {printable(name)}. {NAME_ADVICE}"
                )

    def record_exception(
        self, *, exception: BaseException, tb: TracebackType | None, **_more: object
    ) -> None:
        """Handle Locust's `user_error` event: a task or `on_start` raised an exception."""
        self._count_exception(describe_exception(exception, tb))

    def _count_exception(self, kind: str) -> None:
        known = kind in self.exceptions or len(self.exceptions) < MAX_KINDS
        self.exceptions[kind if known else OTHERS] += 1

    def take_recent(self) -> list[float]:
        """Return the response times since the last call, in seconds."""
        recent = list(self.recent)
        self.recent.clear()
        return recent


def _status(response: object) -> int:
    """Return the HTTP status of a response; 0 for other protocols, which may have any object as their status."""
    status = getattr(response, "status_code", 0)
    return status if isinstance(status, int) and 0 < status <= MAX_STATUS else 0


def _body(response: object) -> bytes:
    """Return the body of a response as far as it was read. Only the locustfile reads a stream, which may never end."""
    content: object = None
    # `content` would read the rest. Both clients of Locust keep the part that was read; until then, requests has False.
    if isinstance(response, FastResponse):
        content = getattr(response, "_cached_content", None)
    elif "_content" in getattr(response, "__dict__", {}):
        content = vars(response)["_content"]
    else:
        with suppress(Exception):  # the locustfile's own client may raise anything
            content = getattr(response, "content", None)
    if isinstance(content, str):
        return content.encode(errors="replace")
    return bytes(content) if isinstance(content, bytes | bytearray) else b""


def _flag_new_connections() -> None:
    """Patch the opening of connections to flag the next sample of its greenlet: no client of Locust reports it."""
    connect = gevent_socket.socket.connect

    def connect_and_flag(self: gevent_socket.socket, address: Any) -> object:  # noqa: ANN401  (as in the socket)
        gevent.getcurrent().__dict__["connected"] = True
        return connect(self, address)

    gevent_socket.socket.connect = connect_and_flag

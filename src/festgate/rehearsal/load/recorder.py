"""The recorder of every request and every exception that Locust reports."""

import traceback
import zlib
from collections import Counter, deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import gevent
from gevent import socket as gevent_socket
from locust.env import Environment

from festgate.rehearsal.load.no_response import reason_of
from festgate.rehearsal.load.progress import report
from festgate.rehearsal.load.visits import INTENDED
from festgate.rehearsal.runs.recording import Sample, SamplesWriter
from festgate.rehearsal.stats.limits import MANY_NAMES

MAX_RECENT: Final = 10_000
"""Samples from which the live display computes its percentiles."""
MAX_KINDS: Final = 50
"""Kinds of exceptions that are kept; a message with a number in it makes one kind of each."""
MAX_MESSAGE: Final = 200
"""Characters of an exception's message."""
OTHERS: Final = "other exceptions"


class Recorder:
    """A listener for an environment's requests; it records them once the run has begun."""

    def __init__(self, environment: Environment, writer: SamplesWriter) -> None:
        """Listen from now on; from before the run (users that sign up), only the first failure is kept."""
        self._writer = writer
        self.began: float | None = None
        """The beginning of the run, in seconds since 1970."""
        self.requests = 0
        self.failures = 0
        self.recent: deque[float] = deque(maxlen=MAX_RECENT)
        """Response times since `take_recent`, in seconds."""
        self.first_failure = ""
        self._names: set[str] = set()
        self.exceptions: Counter[str] = Counter()
        """The exceptions that tasks and `on_start` raised, by kind: class, message, file and line."""
        _flag_new_connections()
        environment.events.request.add_listener(self.record)  # type: ignore[no-untyped-call]
        environment.events.user_error.add_listener(self.record_exception)  # type: ignore[no-untyped-call]

    def record(
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
        """Handle Locust's `request` event; its times are seconds since 1970 and milliseconds."""
        if exception is not None:
            self.first_failure = self.first_failure or printable(f"{name}: {exception}")
        if self.began is None:
            return
        greenlet = gevent.getcurrent()
        start = start_time - self.began
        intended = greenlet.__dict__.pop(INTENDED, None)
        latency = response_time / 1000
        content = getattr(response, "content", None) or b""
        status = int(getattr(response, "status_code", 0) or 0)
        sample = Sample(
            # The page of a form and its submission share a path, and are not the same work.
            name=name if request_type == "GET" else f"{request_type} {name}",
            # The first request of an arrival was due when the arrival was; the others follow from answers.
            intended=start if intended is None else min(intended, start),
            start=start,
            latency=latency,
            status=status,
            failed=exception is not None,
            new_connection=greenlet.__dict__.pop("connected", False),
            size=response_length,
            digest=zlib.crc32(content.encode() if isinstance(content, str) else content),
            no_response="" if status or exception is None else reason_of(exception, response),
        )
        self._writer.add(sample)
        self._warn_of_many_names(sample.name)
        self.requests += 1
        self.recent.append(start - sample.intended + latency)
        if exception is not None:
            self.failures += 1

    def _warn_of_many_names(self, name: str) -> None:
        if name not in self._names and len(self._names) < MANY_NAMES:
            self._names.add(name)
            if len(self._names) == MANY_NAMES:
                report(
                    notice=f"The requests have {MANY_NAMES} different names, such as {printable(name)}. If names"
                    " contain values, give each request the name= of its route."
                )

    def record_exception(
        self, *, exception: BaseException, tb: TracebackType | None, **_more: object
    ) -> None:
        """Handle Locust's `user_error` event: a task or `on_start` raised an exception."""
        kind = describe_exception(exception, tb)
        known = kind in self.exceptions or len(self.exceptions) < MAX_KINDS
        self.exceptions[kind if known else OTHERS] += 1

    def take_recent(self) -> list[float]:
        """Return the response times since the last call, in seconds."""
        recent = list(self.recent)
        self.recent.clear()
        return recent


def describe_exception(exception: BaseException, tb: TracebackType | None) -> str:
    """Return the class, message and line of an exception: `KeyError: 'price' (journey.py, line 12)`.

    The line is the last one outside the installed packages, since the error is usually there.
    """
    message = printable(str(exception))
    frames = traceback.extract_tb(tb)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(exception).__name__}{f': {message}' if message else ''}{place}"


def printable(text: str) -> str:
    """Return the text in one short line: an answer of the target may be part of it, and must not control a terminal."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 10 * MAX_MESSAGE])
    return " ".join(shown.split())[:MAX_MESSAGE]


def _flag_new_connections() -> None:
    """Make a greenlet that opens a connection note it for its next sample: no client of Locust reports it."""
    connect = gevent_socket.socket.connect

    def connect_and_flag(self: gevent_socket.socket, address: Any) -> object:  # noqa: ANN401  (as in the socket)
        gevent.getcurrent().__dict__["connected"] = True
        return connect(self, address)

    gevent_socket.socket.connect = connect_and_flag

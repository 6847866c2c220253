"""Run locustfiles for a few requests and record these; a program for Festgate's Python, which only `fork_server` loads.

Standard input holds one line of JSON: `files` (paths), `page` (the text of a right page) and `result` (a file). For
each locustfile one line of JSON is added to the result: what `recordings.Recording` holds.

Each user class runs its tasks without Locust's runner. All its connections, whatever their address, lead to a server in
this process, which records the requests. Pauses are recorded and skipped; the clocks advance as if the users had
waited. The server answers first with a right page, then with errors, to see what the locustfile counts as a failure.
"""

import json
import os
import random
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROUNDS, ROUNDS_OF_ERRORS = 12, 3
"""How often tasks run for the right page, and for each kind of wrong answer."""
MAX_REQUESTS = 400
"""Requests of one user for one kind of answer, after which it is stopped: a task may send requests without end."""
MAX_SECONDS = 10.0
"""Seconds of one user for one kind of answer."""
SAMPLES = 300
"""Pauses that are drawn besides those of the rounds."""
ANSWERS = {
    "right page": "200 OK",
    "404": "404 Not Found",
    "422": "422 Unprocessable Content",
    "500": "500 Internal Server Error",
    "wrong page": "200 OK",
}
WRONG_PAGE = "<html><body>Nothing of the kind.</body></html>"
DEFAULT_HOST = "http://localhost:8000"
"""The address of users whose class has none: it is given when Locust starts."""


class Clock:
    """Clocks that include the skipped pauses."""

    def __init__(self) -> None:
        """Replace the clocks of `time` by ones that include the pauses."""
        self.skipped = 0.0
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, self._ahead(getattr(time, name)))

    def _ahead(self, clock: Any) -> Any:  # noqa: ANN401  (any clock)
        return lambda: clock() + self.skipped


# Locust binds the clocks when it is imported.
clock = Clock()

# For each part of the standard library that gevent patches, it would search all installed packages for plugins.
from gevent import events  # noqa: E402

events.notify_and_call_entry_points = events.notify

import gevent  # noqa: E402
import gevent.socket  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.exception import StopUser  # noqa: E402
from locust.user.task import TaskSet  # noqa: E402
from locust.util.load_locustfile import load_locustfile  # noqa: E402

real_sleep = gevent.sleep
# The imports need an event loop. This process gets a new one: as a copy of another process it would have no open files.
gevent.get_hub().destroy(destroy_loop=True)


class Recorder:
    """Answers all requests, and records those of the current user."""

    def __init__(self, page: str) -> None:
        """Listen on a free port of loopback; a right page is `page`."""
        self.page = page
        self.file = ""
        listening = gevent.socket.socket()
        # Accepted connections inherit it; otherwise each response waits 40 ms for an acknowledgement.
        listening.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        self.server = WSGIServer(listening, self.answer, log=None, error_log=None)
        self.server.start()
        self.kind = "right page"
        self.user: gevent.Greenlet | None = None
        self.begin("right page")

    def begin(self, kind: str) -> None:
        """Begin with answers of this kind."""
        self.kind = kind
        self.requests: list[dict[str, Any]] = []
        self.waits: list[float] = []
        self.sleeps = 0.0
        self.rounds = 0
        self.errors: list[dict[str, Any]] = []
        self.started = False

    def answer(self, environment: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401  (of WSGI)
        """Record a request and answer it."""
        body = environment["wsgi.input"].read(4_096)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environment.items()
            if name.startswith("HTTP_")
        }
        self.requests.append(
            {
                "method": environment["REQUEST_METHOD"],
                "host": headers.pop("host", ""),
                "path": environment["PATH_INFO"][:500],
                "query": environment["QUERY_STRING"][:500],
                "headers": headers,
                "body": body.decode(errors="replace")[:500],
                "name": None,
                "failed": None,
                "at_start": not self.started,
            }
        )
        if len(self.requests) >= MAX_REQUESTS and self.user is not None:
            self.user.kill(block=False)
        start_response(ANSWERS[self.kind], [("Content-Type", "text/html; charset=utf-8")])
        return [(self.page if self.kind == "right page" else WRONG_PAGE).encode()]

    def reported(self, **event: Any) -> None:  # noqa: ANN401  (of Locust)
        """Record the name and the result of the latest request in Locust's statistics."""
        if self.requests and self.requests[-1]["name"] is None:
            self.requests[-1]["name"] = str(event["name"])[:500]
            self.requests[-1]["failed"] = event["exception"] is not None
        elif event["exception"] is not None:
            self.failed(event["exception"])

    def failed(self, exception: BaseException, **_more: Any) -> None:  # noqa: ANN401  (of Locust)
        """Record an error of a task."""
        self.errors.append(described(exception, self.file))

    def waited(self, _tasks: object, seconds: float) -> None:
        """Record the pause between two tasks instead of waiting."""
        self.waits.append(float(seconds))
        self.rounds += 1
        if self.rounds >= (ROUNDS if self.kind == "right page" else ROUNDS_OF_ERRORS):
            raise StopUser
        self.skip(seconds)
        self.sleeps -= seconds

    def skip(self, seconds: float = 0.0, *_more: object, **_named: object) -> None:
        """Record a pause within a task instead of waiting."""
        pause = max(0.0, float(seconds))
        self.sleeps += pause
        clock.skipped += pause
        real_sleep(0)


def described(error: BaseException, file: str) -> dict[str, Any]:
    """Return an error's message, and the last line of the file that led to it; 0 for none."""
    line = error.lineno or 0 if isinstance(error, SyntaxError) and error.filename == file else 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line = frame.lineno or line
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    return {"message": f"{type(error).__name__}: {' '.join(text.split())[:200]}", "line": line}


def record(file: str, recorder: Recorder) -> dict[str, Any]:
    """Run the user classes of a locustfile."""
    recorder.file = file
    try:
        *_, classes, shapes = load_locustfile(file)
    except BaseException as error:  # noqa: BLE001  (of submitted code, whatever it is)
        return {"error": described(error, file)}
    result: dict[str, Any] = {
        "error": None,
        "hosts": sorted({str(kind.host or "") for kind in classes.values()}),
        "clients": sorted({_client(kind) for kind in classes.values()}),
        "shape": bool(shapes),
        "requests": [],
        "rounds": 0,
        "waits": [],
        "sleeps": 0.0,
        "failures": {},
        "errors": [],
    }
    for kind in classes.values():
        for answer in ANSWERS:
            recorder.begin(answer)
            run(kind, recorder)
            counted = [request["failed"] for request in recorder.requests if request["failed"] is not None]
            failed, total = result["failures"].get(answer, (0, 0))
            result["failures"][answer] = (failed + sum(counted), total + len(counted))
            if answer == "right page":
                result["requests"] += recorder.requests
                result["rounds"] += recorder.rounds
                result["waits"] += recorder.waits
                result["sleeps"] += recorder.sleeps
                result["errors"] += recorder.errors[:3]
    return result


def _client(kind: type) -> str:
    return next((base.__name__ for base in kind.__mro__ if base.__module__.startswith("locust.")), "")


def run(kind: Any, recorder: Recorder) -> None:  # noqa: ANN401  (a class of Locust)
    """Run one user until it has completed its rounds."""
    kind.host = kind.host or DEFAULT_HOST
    environment: Any = Environment(user_classes=[kind])
    environment.events.request.add_listener(recorder.reported)
    environment.events.user_error.add_listener(lambda exception, **_more: recorder.failed(exception))
    try:
        user = kind(environment)
    except Exception as error:  # noqa: BLE001  (of submitted code)
        recorder.failed(error)
        return
    on_start = user.on_start

    def started() -> None:
        on_start()
        recorder.started = True

    user.on_start = started
    recorder.user = greenlet = gevent.spawn(user.run)
    greenlet.join(MAX_SECONDS)
    if not greenlet.dead:
        greenlet.kill(block=True, timeout=1)
        recorder.errors.append({"message": f"it does not end a task within {MAX_SECONDS:g} s", "line": 0})
    elif recorder.errors == [] and isinstance(greenlet.exception, Exception):
        recorder.failed(greenlet.exception)
    if recorder.kind == "right page":
        recorder.waits += sampled(user)


def sampled(user: Any) -> list[float]:  # noqa: ANN401  (of Locust)
    """Return more pauses of the user; the clock advances by each before the next one is drawn."""
    samples = []
    try:
        for _ in range(SAMPLES):
            samples.append(float(user.wait_time()))
            clock.skipped += max(0.0, samples[-1])
    except Exception:  # noqa: BLE001  (of submitted code; the pauses of the rounds remain)
        return samples
    return samples


def main() -> None:
    """Record the files of the configuration."""
    config = json.loads(sys.stdin.readline())
    sys.argv[1:] = []
    serve(config)


def serve(config: Mapping[str, Any], _descriptors: Sequence[int] = ()) -> None:
    """Record all files; the arguments are those of each program that `fork_server` loads."""
    recorder = Recorder(config["page"])
    address = ("127.0.0.1", recorder.server.server_port)

    def resolved(*_name: object, **_named: object) -> list[tuple[Any, ...]]:
        return [(gevent.socket.AF_INET, gevent.socket.SOCK_STREAM, gevent.socket.IPPROTO_TCP, "", address)]

    import socket  # noqa: PLC0415  (after gevent has replaced its functions)

    socket.getaddrinfo = gevent.socket.getaddrinfo = resolved
    time.sleep = gevent.sleep = recorder.skip  # type: ignore[assignment]
    tasks: Any = TaskSet
    tasks._sleep = lambda user, seconds: recorder.waited(user, seconds)  # noqa: PLW0108, SLF001  (a method; Locust's)
    for file in config["files"]:
        random.seed(0)  # both sides draw the same pauses
        recording = record(file, recorder)
        with Path(config["result"]).open("a", encoding="utf-8") as result:
            result.write(json.dumps(recording) + "\n")
    # Other threads of the locustfiles may still run.
    os._exit(0)


if __name__ == "__main__":
    main()

"""What every process that sends does, whether it is the only one or a worker: its share of a plan's load."""

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import gevent
import locust
import psutil
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.runners import STATE_RUNNING, LocalRunner, Runner, WorkerRunner

from festgate.rehearsal.load.arrivals import Arrivals
from festgate.rehearsal.load.locustfile import Unplayable
from festgate.rehearsal.load.recorder import Recorder
from festgate.rehearsal.load.standing import Standing, thinned
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.runs.recording import SamplesWriter

MAX_PREPARATION: Final = 60.0
"""Seconds that the first people of an open loop have to get ready."""
LOOK: Final = 0.05
"""Seconds between two looks whether they are."""
LAST_ANSWERS: Final = 10.0
"""Seconds that requests under way have to end after the plan's time."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process says last."""

    dropped: int
    """Arrivals that were due and never sent."""
    first_failure: str
    unwritten: str = ""
    """Why samples could not be written, in the system's words; then the run was cut off there."""


def environment_for(classes: Sequence[type[User]], host: str) -> Environment:
    """Locust's, with the events for which a locustfile may have listeners."""
    return Environment(user_classes=list(classes), host=host, stop_timeout=LAST_ANSWERS, events=locust.events)


def initialized(environment: Environment, runner: Runner) -> None:
    """As Locust's own program does it: for what a locustfile does once everything is there."""
    environment.events.init.fire(environment=environment, runner=runner, web_ui=environment.web_ui)  # type: ignore[no-untyped-call]


class Sending:
    """One process's share of a plan's load, from its beginning to its end; every request of it is kept."""

    def __init__(
        self,
        environment: Environment,
        runner: Runner,
        plan: Plan,
        writer: SamplesWriter,
        *,
        number: int = 0,
    ) -> None:
        """Process `number` of `plan.workers`. Nothing is sent yet."""
        self._environment = environment
        self._runner = runner
        self._plan = plan
        self._writer = writer
        self._seconds = plan.warm_up + plan.duration
        self._arrivals: Arrivals | None = None
        self._sender: gevent.Greenlet | None = None
        self._began = 0.0
        self._unwritten = ""
        self._recorder = Recorder(environment, writer)
        if isinstance(plan.load, Rate):
            self._arrivals = Arrivals(
                environment.user_classes,
                plan.load,
                f"{plan.seed}:{number}",
                number=number,
                processes=plan.workers,
            )

    def record(self, began: float) -> None:
        """From now on requests are kept. The run begins at `began`, seconds since 1970 by this machine's clock."""
        self._began = self._recorder.began = began

    def prepare(self, stopped: Event) -> None:
        """Let the first people of an open loop come and get ready: they sign up, or what else a journey begins with.

        Before the run's clock starts, as otherwise the first arrivals would find nobody who is ready, and bring more
        people who first sign up. Raises Unplayable when nobody is ready within a minute.
        """
        if self._arrivals is None:
            return
        runner = self._runner
        for each in self._environment.user_classes:
            each.host = self._plan.host
        # As Locust's own start does it, which an open loop has no use for.
        self._environment.events.test_start.fire(environment=self._environment)  # type: ignore[no-untyped-call]
        self._arrivals.prepare(runner)
        until = time.monotonic() + MAX_PREPARATION
        # Whose beginning raised is no user any more.
        while self._arrivals.ready < runner.user_count and time.monotonic() < until:
            if stopped.wait(timeout=LOOK):
                return
        if not self._arrivals.ready:
            why = self._recorder.first_failure or f"{MAX_PREPARATION:g} seconds were not enough"
            msg = f"None of the first people got ready to begin: {why}."
            raise Unplayable(msg)
        self._environment.events.spawning_complete.fire(user_count=runner.user_count)  # type: ignore[no-untyped-call]

    def begin(self) -> None:
        """Send; the users of a closed loop with workers are the master's to send for."""
        runner, load = self._runner, self._plan.load
        if self._arrivals is not None:
            runner.stats.clear_all()
            if isinstance(runner, WorkerRunner):
                runner.worker_state = STATE_RUNNING
            self._sender = gevent.spawn(self._arrivals.run, runner, self._began, self._seconds)
        elif isinstance(runner, LocalRunner) and isinstance(load, Users):
            gevent.spawn(runner.start, load.users, load.spawn_rate)

    def last(self, stopped: Event, told: Callable[[Standing], None]) -> None:
        """Return when the plan's time is over, or when it is stopped; each second is told, with its samples written.

        Where they cannot be written, it is stopped here: what is not kept need not be sent.
        """
        for second in range(1, math.ceil(self._seconds) + 1):
            at = min(second, self._seconds)
            if stopped.wait(timeout=max(0.0, self._began + at - time.time())):
                return
            try:
                self._writer.flush()
            except OSError as error:
                self._unwritten = error.strerror or str(error)
                stopped.set()
                return
            told(
                Standing(
                    second=at,
                    requests=self._recorder.requests,
                    failures=self._recorder.failures,
                    users=self._runner.user_count,
                    waiting=self._arrivals.waiting if self._arrivals is not None else 0,
                    recent=thinned(self._recorder.take_recent()),
                )
            )

    def end(self, *, cut: bool) -> Ended:
        """Wait for the last answers, or give them up where the run is cut; all samples are written, if they can be."""
        if self._sender is not None:
            self._sender.kill()
        if cut:
            self._environment.stop_timeout = 0
        self._runner.stop()
        try:
            self._writer.close()
        except OSError as error:
            self._unwritten = error.strerror or str(error)
        dropped = self._arrivals.waiting if self._arrivals is not None else 0
        return Ended(dropped, self._recorder.first_failure, self._unwritten)


def stopped_by_signal() -> Event:
    """Set at SIGTERM."""
    stopped = Event()
    # Ctrl-C reaches every process of the terminal; the one that started this one decides, and sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gevent.signal_handler(signal.SIGTERM, stopped.set)
    return stopped


def started_as() -> int:
    """The process that who started this one knows: on Windows an environment's python.exe starts another and waits."""
    return os.getppid() if sys.platform == "win32" and sys.prefix != sys.base_prefix else os.getpid()


def stop_without_starter(stopped: Event) -> None:
    """Set `stopped` when the process that started this one is gone: nobody else would end it."""
    try:
        starter = psutil.Process(started_as()).parent()
    except psutil.Error:
        starter = None
    # A process whose parent is gone has another one, but on Windows.
    parent = os.getppid()
    while not stopped.is_set() and starter is not None and starter.is_running() and os.getppid() == parent:
        gevent.sleep(1)
    stopped.set()

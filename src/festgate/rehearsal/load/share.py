"""A process's share of a plan's load, in the only process of a run or in one of several workers."""

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import gevent
import locust
import psutil
from gevent.event import Event
from locust.env import Environment
from locust.runners import (
    STATE_CLEANUP,
    STATE_RUNNING,
    STATE_STOPPED,
    STATE_STOPPING,
    LocalRunner,
    Runner,
    WorkerRunner,
)

from festgate.rehearsal.load.arrivals import Arrivals
from festgate.rehearsal.load.locustfile import CannotStart, Locustfile
from festgate.rehearsal.load.options import LocustOptions, configure
from festgate.rehearsal.load.progress import Progress, downsample, reserve_output
from festgate.rehearsal.load.recorder import Recorder
from festgate.rehearsal.load.staged_shape import StagedShape
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.runs.recording import SamplesWriter

MAX_PREPARATION: Final = 60.0
"""Seconds for the first users of an open loop to get ready."""
POLL_INTERVAL: Final = 0.05
"""Seconds between two checks whether they are ready."""
STOP_TIMEOUT: Final = 10.0
"""Seconds for open requests to end after the plan's time."""
ENDED_BEFORE: Final = "The locustfile ended the run before it began."
QUEUE_TIMEOUT: Final = 1.0
"""Seconds after the plan's time for a busy process to queue its last arrivals; later ones count as turned away."""


@dataclass(frozen=True, slots=True)
class ShareOutcome:
    """The end of a process's share."""

    dropped: int
    """Arrivals that were due and never sent."""
    first_failure: str
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """The number of exceptions of each kind that tasks and `on_start` raised."""
    unwritten: str = ""
    """The system's error when samples could not be written; the run was then cut short."""
    untimed: int = 0
    """Requests without a response time; it is recorded as 0."""
    failed_after: int = 0
    """Requests that failed after the end of the plan's time, and do not count."""
    lasted: float | None = None
    """Whole seconds after which the locustfile ended the run: its shape was over, or it called `runner.quit()`."""


def empty_environment() -> Environment:
    """Return a Locust environment with the events to which a locustfile may listen."""
    return Environment(stop_timeout=STOP_TIMEOUT, events=locust.events)


def make_environment(file: Locustfile, plan: Plan) -> Environment:
    """Return the Locust environment of a plan. Raises CannotStart."""
    environment = empty_environment()
    if isinstance(plan.load, Users) and plan.load.shape:
        environment.shape_class = file.shape
    configure(environment, file, LocustOptions(file, plan).values)
    set_hosts(environment, plan)
    return environment


def set_hosts(environment: Environment, plan: Plan) -> None:
    """Set the host of all users, or that of each user class."""
    environment.host = plan.host or None
    for user_class in environment.user_classes:
        user_class.host = plan.hosts.get(user_class.__name__, user_class.host)


class LoadShare:
    """One process's share of a plan's load, from its beginning to its end, with every request recorded."""

    def __init__(
        self,
        environment: Environment,
        runner: Runner,
        plan: Plan,
        writer: SamplesWriter,
        *,
        number: int = 0,
    ) -> None:
        """Set up process `number` of `plan.workers`. Nothing is sent yet."""
        self._environment = environment
        self._runner = runner
        self._plan = plan
        self._writer = writer
        self._seconds = plan.warm_up + plan.duration
        self._arrivals: Arrivals | None = None
        self._sender: gevent.Greenlet | None = None
        self._began = 0.0
        self._unwritten = ""
        self._lasted: float | None = None
        self._end_early = False
        self._stopper: gevent.Greenlet | None = None
        self._recorder = Recorder(environment, writer)
        # `runner.stop` and `runner.quit` fire it. Locust's state shows them, too, but only until a user is started.
        environment.events.test_stopping.add_listener(self._note_stop)  # type: ignore[no-untyped-call]
        if isinstance(plan.load, Rate):
            self._arrivals = Arrivals(
                environment.user_classes,
                plan.load,
                f"{plan.seed}:{number}",
                number=number,
                processes=plan.workers,
            )

    def record(self, began: float) -> None:
        """Record requests from now on. The run begins at `began`, in seconds since 1970 by this machine's clock."""
        self._began = self._recorder.began = began
        self._recorder.ends = self._seconds

    def prepare(self, stopped: Event) -> None:
        """Start the first users of an open loop and wait until they are ready: signed up, for example.

        This happens before the run's clock starts. Otherwise no user would be ready for the first arrivals, and more
        users would start and first sign up. Raises CannotStart when no user is ready within a minute, or the locustfile
        has ended the run.
        """
        runner = self._runner
        if runner.state == STATE_STOPPED:
            raise CannotStart(ENDED_BEFORE)
        if self._arrivals is None:
            return
        # Locust does both when its own runner starts, which an open loop does not use.
        self._environment.events.test_start.fire(environment=self._environment)  # type: ignore[no-untyped-call]
        for user_class in self._environment.user_classes:
            user_class.host = self._environment.host or user_class.host
        if self._arrivals.ended:
            raise CannotStart(ENDED_BEFORE)
        self._arrivals.prepare(runner)
        # Fired before the users are ready, as in Locust: an `on_start` may wait for it.
        self._environment.events.spawning_complete.fire(user_count=runner.user_count)  # type: ignore[no-untyped-call]
        deadline = time.monotonic() + MAX_PREPARATION
        # A user whose `on_start` raised is no longer counted.
        while self._arrivals.ready < runner.user_count and time.monotonic() < deadline:
            if stopped.wait(timeout=POLL_INTERVAL):
                return
        if self._arrivals.ended:
            raise CannotStart(ENDED_BEFORE)
        if not self._arrivals.ready:
            reasons = (self._recorder.first_failure, next(iter(self._recorder.exceptions), ""))
            reason = "; ".join(filter(None, reasons)) or f"{MAX_PREPARATION:g} seconds were not enough"
            msg = f"None of the first users became ready: {reason}."
            raise CannotStart(msg)

    def begin(self) -> None:
        """Begin to send. In a closed loop with workers, the master starts the users."""
        runner, load = self._runner, self._plan.load
        if self._arrivals is not None:
            runner.stats.clear_all()
            if isinstance(runner, WorkerRunner):
                runner.worker_state = STATE_RUNNING
            self._sender = gevent.spawn(self._arrivals.run, runner, self._began, self._seconds)
        elif isinstance(runner, LocalRunner) and isinstance(load, Users):
            gevent.spawn(start_users, runner, load)

    def end_early(self) -> None:
        """End the share at the next second, as the locustfile ended the run."""
        self._end_early = True

    def _note_stop(self, **_: object) -> None:
        """Note that the users are being stopped. In an open loop none is started any more, and the share ends."""
        self._stopper = gevent.getcurrent()
        if self._arrivals is not None:
            self._arrivals.ended = self._end_early = True

    def wait(self, stopped: Event, on_second: Callable[[Progress], None]) -> None:
        """Wait until the plan's time is over or `stopped` is set; each second, write the samples and report.

        The locustfile may end the run earlier: by the end of its shape, or by `environment.runner.quit()`.

        Set `stopped` if samples cannot be written: requests that are not recorded need not be sent.
        """
        for second in range(1, math.ceil(self._seconds) + 1):
            at = min(second, self._seconds)
            if stopped.wait(timeout=max(0.0, self._began + at - time.time())):
                return
            if self._end_early or self._runner.state in (STATE_STOPPING, STATE_CLEANUP, STATE_STOPPED):
                # Users began to stop within this second, so the second before it is the last that counts.
                self._lasted = float(second - 1)
                return
            try:
                self._writer.flush()
            except OSError as error:
                self._unwritten = error.strerror or str(error)
                stopped.set()
                return
            on_second(
                Progress(
                    second=at,
                    requests=self._recorder.requests,
                    failures=self._recorder.failures,
                    users=self._runner.user_count,
                    asked=users_asked(self._runner),
                    waiting=self._arrivals.waiting if self._arrivals is not None else 0,
                    due=self._arrivals.due(at) if self._arrivals is not None else 0,
                    begun=self._arrivals.taken if self._arrivals is not None else 0,
                    recent=downsample(self._recorder.take_recent()),
                )
            )

    def end(self, *, cut: bool) -> ShareOutcome:
        """Wait for open requests, or abandon them if the run is `cut` short; write the remaining samples."""
        if self._sender is not None:
            if not cut and self._lasted is None:
                self._sender.join(timeout=QUEUE_TIMEOUT)
            self._sender.kill()
        if cut:
            self._environment.stop_timeout = 0
        # Called where Locust starts users, `runner.quit` kills its own greenlet, and the users are never stopped.
        while self._runner.state == STATE_CLEANUP and self._stopper is not None and not self._stopper.dead:
            gevent.sleep(POLL_INTERVAL)
        self._runner.stop()
        try:
            self._writer.close()
        except OSError as error:
            self._unwritten = error.strerror or str(error)
        dropped = 0
        if self._arrivals is not None:
            dropped = self._arrivals.waiting
            if not cut:
                # When the locustfile itself stopped the users, no arrival counts as turned away.
                seconds = self._seconds if self._lasted is None else self._lasted
                dropped = max(0, self._arrivals.due(seconds) - self._arrivals.taken)
        recorder = self._recorder
        return ShareOutcome(
            dropped,
            recorder.first_failure,
            dict(recorder.exceptions),
            self._unwritten,
            recorder.untimed,
            recorder.failed_after,
            self._lasted,
        )


def users_asked(runner: Runner) -> int:
    """Return the number of users that Locust has to run; while users are being started, the number present."""
    return runner.target_user_count if runner.state == STATE_RUNNING else runner.user_count


def start_users(runner: Runner, load: Users) -> None:
    """Start the users of a closed loop. Locust itself follows a shape: that of the stages, or of the locustfile."""
    environment = runner.environment
    if load.stages:
        environment.shape_class = StagedShape(load.stages)
    if environment.shape_class is not None:
        runner.start_shape()
    else:
        runner.start(load.users, load.spawn_rate)


def redirect_output(log: Path | str, prefix: str = "") -> None:
    """Keep standard output for `progress.report`, and write the log into a file."""
    reserve_output()
    # A full disk is reported in a sentence, not also by a traceback for each log line.
    logging.raiseExceptions = False
    form = f"%(asctime)s {prefix}%(message)s"
    logging.basicConfig(filename=log, encoding="utf-8", level=logging.INFO, format=form)


def stopped_by_signal() -> Event:
    """Return an event that SIGTERM sets."""
    stopped = Event()
    # Ctrl-C reaches every process of the terminal; the parent process decides, and sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gevent.signal_handler(signal.SIGTERM, stopped.set)
    return stopped


def visible_pid() -> int:
    """Return the process id that the parent has: on Windows, an environment's python.exe starts another and waits."""
    return os.getppid() if sys.platform == "win32" and sys.prefix != sys.base_prefix else os.getpid()


def stop_without_parent(stopped: Event) -> None:
    """Set `stopped` when the parent process has ended, because nothing else would then end this one."""
    try:
        parent = psutil.Process(visible_pid()).parent()
    except psutil.Error:
        parent = None
    # A process whose parent has ended gets another parent, except on Windows.
    parent_pid = os.getppid()
    while not stopped.is_set() and parent is not None and parent.is_running() and os.getppid() == parent_pid:
        gevent.sleep(1)
    stopped.set()

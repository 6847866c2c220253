"""A worker, which sends a share of a run's load: `python -m festgate.rehearsal.load worker ARGUMENTS`.

ARGUMENTS is JSON: the master's `host` and `port`, the `journey`, and the run's `folder` if it is on this machine.
The master sends everything else. To its parent process a worker writes lines of JSON: `notice` or `error`.

Times are by the master's clock. A worker that joins asks the master for the time and takes the middle between request
and answer (Cristian, *Probabilistic clock synchronization*, 1989); the quickest of several tries counts, and is wrong
by at most half of its duration. Latencies do not depend on it, being differences of one clock.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

import gevent
import psutil
from gevent.event import Event
from gevent.queue import Empty, Queue
from locust import argument_parser, runners
from locust.rpc import Message
from locust.runners import WorkerRunner

from festgate.rehearsal.load import messages
from festgate.rehearsal.load.hooks import fire_init, fire_quitting
from festgate.rehearsal.load.locustfile import CannotStart, load
from festgate.rehearsal.load.messages import Fields, collect
from festgate.rehearsal.load.options import configure
from festgate.rehearsal.load.progress import Progress, report
from festgate.rehearsal.load.share import (
    LoadShare,
    empty_environment,
    redirect_output,
    set_hosts,
    stop_without_parent,
    stopped_by_signal,
    visible_pid,
)
from festgate.rehearsal.runner.preflight import NotThere, check_target
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import Plan, journey_file, journey_fingerprint
from festgate.rehearsal.runs.recording import SUFFIX, SamplesWriter
from festgate.rehearsal.runs.store import LOG_FILE

CLOCK_TRIES: Final = 16
CONNECT_TRIES: Final = 6
"""Attempts to connect, of 5 seconds each."""
MASTER_TIMEOUT: Final = 12.0
"""Seconds without a heartbeat (Locust sends one a second) after which the master is considered lost."""
QUIT_TIMEOUT: Final = 20.0
"""Seconds to wait for the master to end the run, once everything is sent."""
ENDED_EARLY: Final = "The rehearsal ended before the run began."
CANNOT_START, LEFT = 2, 130
"""Exit codes: the worker could not take part; the run ended early, in this process or in the master."""


class Worker:
    """One share of one run."""

    def __init__(self, host: str, port: int, journey: str, folder: Path | None) -> None:
        """Join the master. Raises ConnectionError if there is none."""
        self._journey = journey
        self._folder = folder
        self._stopped = stopped_by_signal()
        self._environment = empty_environment()
        self._runner: WorkerRunner = self._environment.create_worker_runner(host, port)
        self._inbox: Queue[tuple[str, str, Fields]] = collect(
            self._runner, messages.SHARE, messages.CLOCK, messages.BEGIN
        )
        self._runner.register_message(messages.END, self._end)
        self._share: LoadShare | None = None
        self._left = Event()
        self._process = psutil.Process()
        self._used = (0.0, time.time())
        self._sent = 0

    def run(self) -> int:
        """Take part in the run to its end; return the exit code."""
        if self._folder is None:
            # Ctrl-C ends only this worker: another program leads the rehearsal.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            gevent.signal_handler(signal.SIGINT, self._leave)
            gevent.signal_handler(signal.SIGTERM, self._leave)
            gevent.spawn(self._stop_without_master)
        else:
            gevent.spawn(stop_without_parent, self._stopped)
        self._send(
            messages.HELLO,
            pid=visible_pid(),
            machine=platform.node(),
            journey=journey_fingerprint(self._journey),
            build=version() if self._folder is None else "",
        )
        share = self._receive(messages.SHARE)
        if share is None or "refused" in share:
            report(error=share["refused"] if share else ENDED_EARLY)
            return CANNOT_START
        with ExitStack() as stack:
            folder = self._folder or Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="festgate-worker-", ignore_cleanup_errors=True)
                )
            )
            return self._send_share(share, folder)

    def _send_share(self, share: Fields, folder: Path) -> int:
        number = int(share["number"])
        plan = Plan.from_json(json.loads(share["plan"]))
        # Set before the journey is loaded, which may read it.
        os.environ.update(share["environment"])
        offset, within = self._compare_clocks() if self._folder is None else (0.0, 0.0)
        error = self._load(plan, argparse.Namespace(**share["options"]))
        samples = folder / f"{number}{SUFFIX}"
        self._runner.worker_index = number
        load_share = None
        if not error:
            try:
                fire_init(self._environment, self._runner)
                load_share = LoadShare(
                    self._environment, self._runner, plan, SamplesWriter(samples), number=number
                )
                load_share.prepare(self._stopped)
            except CannotStart as unready:
                error = str(unready)
        self._share = load_share
        self._send(messages.READY, error=error, clock_within=within)
        if not error:
            report(notice=f"Joined as worker {number}; waiting for the others.")
        begin = None if error else self._receive(messages.BEGIN)
        if begin is None or load_share is None:
            report(error=error or ENDED_EARLY)
            return CANNOT_START
        began = begin["at"] - offset
        load_share.record(began)
        gevent.sleep(max(0.0, began - time.time()))
        report(notice=f"Running {plan.journey} for {plan.warm_up + plan.duration:g} seconds.")
        self._used = (_processor_seconds(self._process), time.time())
        load_share.begin()

        def on_second(progress: Progress) -> None:
            self._forward(samples)
            self._send_progress(progress)

        load_share.wait(self._stopped, on_second)
        cut = self._stopped.is_set()
        # Later messages of the master to start users are out of date.
        self._runner.last_received_spawn_timestamp = sys.maxsize
        ended = load_share.end(cut=cut)
        self._forward(samples)
        self._send(messages.DONE, **asdict(ended), left=self._left.is_set())
        self._runner.greenlet.join(timeout=QUIT_TIMEOUT)
        fire_quitting(self._environment)
        report(notice="The run was cut short." if cut else "The run is over.")
        return LEFT if cut else 0

    def _load(self, plan: Plan, options: argparse.Namespace) -> str:
        """Load the journey and check the target from this machine; return the problem with either, or an empty text."""
        try:
            file = load(journey_file(self._journey))
            configure(self._environment, file, options)
            set_hosts(self._environment, plan)
            if self._folder is None and file.has_web_users:
                for host in plan.targets:
                    check_target(host, file.path)
        except (CannotStart, NotThere) as error:
            return f"The worker on {platform.node()}: {error}" if self._folder is None else str(error)
        return ""

    def _compare_clocks(self) -> tuple[float, float]:
        """Return how many seconds the master's clock is ahead of this one, and the maximum error of that number."""
        tries: list[tuple[float, float]] = []
        for _ in range(CLOCK_TRIES):
            self._send(messages.CLOCK, asked=time.time())
            answer = self._receive(messages.CLOCK)
            if answer is None:
                break
            within = (time.time() - answer["asked"]) / 2
            tries.append((within, answer["now"] - (answer["asked"] + within)))
        within, offset = min(tries, default=(0.0, 0.0))
        return offset, within

    def _send_progress(self, progress: Progress) -> None:
        seconds, now = _processor_seconds(self._process), time.time()
        before, since = self._used
        self._used = (seconds, now)
        self._send(
            messages.SECOND,
            **asdict(progress),
            cpu=(seconds - before) / max(now - since, 0.001),
            memory=self._process.memory_info().rss,
        )

    def _forward(self, samples: Path) -> None:
        """Send the samples that were written since the last call to a master that cannot read this machine's files."""
        if self._folder is not None:
            return
        with samples.open("rb") as file:
            file.seek(self._sent)
            data = file.read()
        if data:
            self._sent += len(data)
            self._send(messages.SAMPLES, data=data)

    def _send(self, kind: str, **fields: object) -> None:
        self._runner.send_message(kind, fields)

    def _receive(self, wanted: str) -> Fields | None:
        """Return the next message of that kind; None when the run is over."""
        while not self._stopped.is_set() and len(self._runner.greenlet) > 0:
            try:
                message: tuple[str, str, Fields] = self._inbox.get(timeout=0.25)
            except Empty:
                continue
            if message[1] == wanted:
                return message[2]
        return None

    def _end(self, *, msg: Message, **_more: object) -> None:
        """End the share: the run is cut short, or the locustfile ended it on the master."""
        if self._share is not None and (msg.data or {}).get("early"):
            self._share.end_early()
        else:
            self._stopped.set()

    def _leave(self) -> None:
        self._left.set()
        self._stopped.set()

    def _stop_without_master(self) -> None:
        while not self._stopped.is_set():
            gevent.sleep(1)
            last = self._runner.last_heartbeat_timestamp
            if last is not None and time.time() - last > MASTER_TIMEOUT:
                report(error=f"The rehearsal has not answered for {MASTER_TIMEOUT:g} seconds.")
                self._stopped.set()


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main(host: str, port: int, journey: str, folder: str | None = None) -> int:
    """Take part in the run of a master; return the exit code."""
    redirect_output(Path(folder) / LOG_FILE if folder else os.devnull, prefix=f"[{os.getpid()}] ")
    try:
        # Half a minute instead of Locust's five minutes: the parent has checked that the master listens.
        runners.CONNECT_RETRY_COUNT = CONNECT_TRIES
        # With each message to start users, Locust builds its parser sixty times, which stops all users for two seconds.
        defaults = argument_parser.default_args_dict()
        argument_parser.default_args_dict = lambda: defaults
        return Worker(host, port, journey, Path(folder) if folder else None).run()
    except ConnectionError:
        report(error=f"No rehearsal waits for workers at {host}:{port}.")
        return CANNOT_START


def run(arguments: str) -> int:
    """Call `main` with the JSON of the command line."""
    return main(**json.loads(arguments))

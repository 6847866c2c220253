"""A process that sends a share of a run's load: `python -m festgate.rehearsal.load worker GIVEN`.

GIVEN is JSON: the master's `host` and `port`, the `journey`, and the run's `folder` where it is on this machine. All
else comes from the master. To whoever started it, it tells lines of JSON: `says` or `error`.

Times are by the master's clock. A worker that joins asks it for the time and takes what lies in the middle between
asking and hearing (Cristian, *Probabilistic clock synchronization*, 1989); of several tries the quickest counts, and it
is wrong by at most half of that one's time. Latencies do not depend on it, being differences of one clock.
"""

import json
import logging
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
from locust import runners
from locust.runners import WorkerRunner

from festgate.rehearsal.load import messages
from festgate.rehearsal.load.locustfile import Unplayable, load
from festgate.rehearsal.load.messages import Fields, collect
from festgate.rehearsal.load.sending import (
    Sending,
    environment_for,
    initialized,
    started_as,
    stop_without_starter,
    stopped_by_signal,
)
from festgate.rehearsal.load.standing import Standing, tell
from festgate.rehearsal.runner.preflight import NotThere, look
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import Plan, journey_file, mark_of
from festgate.rehearsal.runs.recording import SUFFIX, SamplesWriter
from festgate.rehearsal.runs.store import LOG_FILE

TRIES: Final = 16
"""Askings for the time."""
TRIES_TO_JOIN: Final = 6
"""Of 5 seconds each."""
GONE: Final = 12.0
"""Seconds without a heartbeat (Locust sends one a second) after which the master is gone."""
GOODBYE: Final = 20.0
"""Seconds to wait for the master to say that the run is over, once everything is told."""
ENDED_EARLY: Final = "The rehearsal ended before it began."
UNPLAYABLE, LEFT = 2, 130
"""Exit codes: it could not take part; it left, or was left, before the end."""


class Worker:
    """One share of one run."""

    def __init__(self, host: str, port: int, journey: str, folder: Path | None) -> None:
        """Joins the master; ConnectionError where there is none."""
        self._journey = journey
        self._folder = folder
        self._stopped = stopped_by_signal()
        self._environment = environment_for([], "")
        self._runner: WorkerRunner = self._environment.create_worker_runner(host, port)
        self._inbox: Queue[tuple[str, str, Fields]] = collect(
            self._runner, messages.SHARE, messages.CLOCK, messages.BEGIN
        )
        self._runner.register_message(messages.END, lambda **_more: self._stopped.set())
        self._left = Event()
        self._process = psutil.Process()
        self._used = (0.0, time.time())
        self._sent = 0

    def work(self) -> int:
        """Take part in the run, to its end; the process's exit code."""
        if self._folder is None:
            # Ctrl-C is for this worker: the rehearsal is another program's.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            gevent.signal_handler(signal.SIGINT, self._leave)
            gevent.signal_handler(signal.SIGTERM, self._leave)
            gevent.spawn(self._stop_without_master)
        else:
            gevent.spawn(stop_without_starter, self._stopped)
        self._send(
            messages.HELLO,
            pid=started_as(),
            machine=platform.node(),
            journey=mark_of(self._journey),
            build=version() if self._folder is None else "",
        )
        share = self._hear(messages.SHARE)
        if share is None or "refused" in share:
            tell(error=share["refused"] if share else ENDED_EARLY)
            return UNPLAYABLE
        with ExitStack() as stack:
            folder = self._folder or Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="festgate-worker-", ignore_cleanup_errors=True)
                )
            )
            return self._take_part(share, folder)

    def _take_part(self, share: Fields, folder: Path) -> int:
        number = int(share["number"])
        plan = Plan.from_json(json.loads(share["plan"]))
        # Before the journey is loaded, which may look at it.
        os.environ.update(share["environment"])
        offset, within = self._compare_clocks() if self._folder is None else (0.0, 0.0)
        error = self._load(plan)
        samples = folder / f"{number}{SUFFIX}"
        self._runner.worker_index = number
        initialized(self._environment, self._runner)
        sending = Sending(self._environment, self._runner, plan, SamplesWriter(samples), number=number)
        if not error:
            try:
                sending.prepare(self._stopped)
            except Unplayable as unready:
                error = str(unready)
        self._send(messages.READY, error=error, clock_within=within)
        if not error:
            tell(says=f"Joined as worker {number}; waiting for the others.")
        begin = None if error else self._hear(messages.BEGIN)
        if begin is None:
            tell(error=error or ENDED_EARLY)
            return UNPLAYABLE
        began = begin["at"] - offset
        sending.record(began)
        gevent.sleep(max(0.0, began - time.time()))
        tell(says=f"Playing {plan.journey} for {plan.warm_up + plan.duration:g} seconds.")
        self._used = (_seconds(self._process), time.time())
        sending.begin()

        def told(standing: Standing) -> None:
            self._forward(samples)
            self._tell(standing)

        sending.last(self._stopped, told)
        cut = self._stopped.is_set()
        # What the master still sends of users comes too late.
        self._runner.last_received_spawn_timestamp = sys.maxsize
        ended = sending.end(cut=cut)
        self._forward(samples)
        self._send(messages.DONE, **asdict(ended), left=self._left.is_set())
        self._runner.greenlet.join(timeout=GOODBYE)
        tell(says="The run was cut off." if cut else "The run is over.")
        return LEFT if cut else 0

    def _load(self, plan: Plan) -> str:
        """The journey, and the target as this machine sees it; what is wrong with either."""
        try:
            self._environment.user_classes[:] = load(journey_file(self._journey))
            if self._folder is None:
                look(plan.host)
        except (Unplayable, NotThere) as error:
            return f"The worker on {platform.node()}: {error}" if self._folder is None else str(error)
        self._environment.host = plan.host
        return ""

    def _compare_clocks(self) -> tuple[float, float]:
        """Seconds by which the master's clock is ahead of this one, and by how much that may be wrong."""
        found: list[tuple[float, float]] = []
        for _ in range(TRIES):
            self._send(messages.CLOCK, asked=time.time())
            answer = self._hear(messages.CLOCK)
            if answer is None:
                break
            heard = time.time()
            within = (heard - answer["asked"]) / 2
            found.append((within, answer["now"] - (answer["asked"] + within)))
        within, offset = min(found, default=(0.0, 0.0))
        return offset, within

    def _tell(self, standing: Standing) -> None:
        seconds, now = _seconds(self._process), time.time()
        before, since = self._used
        self._used = (seconds, now)
        self._send(
            messages.SECOND,
            **asdict(standing),
            cpu=(seconds - before) / max(now - since, 0.001),
            memory=self._process.memory_info().rss,
        )

    def _forward(self, samples: Path) -> None:
        """What has been written since the last time, to a master that cannot read it here."""
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

    def _hear(self, wanted: str) -> Fields | None:
        """The next message of that kind; None when there is none to come."""
        while not self._stopped.is_set() and len(self._runner.greenlet) > 0:
            try:
                message: tuple[str, str, Fields] = self._inbox.get(timeout=0.25)
            except Empty:
                continue
            if message[1] == wanted:
                return message[2]
        return None

    def _leave(self) -> None:
        self._left.set()
        self._stopped.set()

    def _stop_without_master(self) -> None:
        while not self._stopped.is_set():
            gevent.sleep(1)
            last = self._runner.last_heartbeat_timestamp
            if last is not None and time.time() - last > GONE:
                tell(error=f"Nothing was heard of the rehearsal for {GONE:g} seconds.")
                self._stopped.set()


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main(host: str, port: int, journey: str, folder: str | None = None) -> int:
    """Take part in the run of a master; the process's exit code."""
    sys.stdout = sys.stderr
    # A full disk is told in a sentence, not also line by line for what is logged.
    logging.raiseExceptions = False
    logging.basicConfig(
        filename=Path(folder) / LOG_FILE if folder else os.devnull,
        encoding="utf-8",
        level=logging.INFO,
        format=f"%(asctime)s [{os.getpid()}] %(message)s",
    )
    try:
        # Half a minute and not five: whoever started this has seen that somebody listens there.
        runners.CONNECT_RETRY_COUNT = TRIES_TO_JOIN
        return Worker(host, port, journey, Path(folder) if folder else None).work()
    except ConnectionError:
        tell(error=f"No rehearsal waits for workers at {host}:{port}.")
        return UNPLAYABLE


def run(given: str) -> int:
    """As `main`, with the word of the command line."""
    return main(**json.loads(given))

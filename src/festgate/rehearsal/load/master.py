"""The process that leads workers: Locust's master, and what it and they have to agree on for one run.

Here no request is sent. Workers on this machine are started here and write their samples into the run's folder; workers
that join from elsewhere send theirs. All times are by this machine's clock: see `worker`.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

import gevent
from gevent.queue import Empty
from locust import User
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING, STATE_RUNNING

from festgate.rehearsal.load import messages
from festgate.rehearsal.load.locustfile import Unplayable
from festgate.rehearsal.load.messages import Fields, collect
from festgate.rehearsal.load.sending import (
    LAST_ANSWERS,
    Ended,
    environment_for,
    initialized,
    stopped_by_signal,
)
from festgate.rehearsal.load.standing import Standing, tell, together
from festgate.rehearsal.load.web_page import open_page
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import Plan, Staging, Users, mark_of
from festgate.rehearsal.runs.recording import SUFFIX, write_whole

log = logging.getLogger(__name__)

LEAD: Final = 0.3
"""Seconds from the word to begin until the run begins: for it to arrive everywhere."""
SILENCE: Final = 15.0
"""Seconds after the last answers could have come in which every worker must have said its last words."""
LOOK: Final = 0.25
"""Seconds between two looks whether all workers are there."""
GOODBYE: Final = 10.0
"""Seconds for a worker's process to end."""
TOLD_TO_WORKERS: Final = "FESTGATE_REHEARSAL_"


class _CutOff(Exception):
    """Before anything was sent."""


@dataclass
class _Worker:
    """One that has said hello."""

    client: str
    """What Locust calls it."""
    pid: int
    machine: str
    journey: str
    build: str
    number: int = 0
    ready: bool = False
    ended: Ended | None = None
    used: tuple[float, int] = (0.0, 0)
    """Share of a core, and bytes of memory."""
    clock_within: float = 0.0
    samples: FileIO | None = field(default=None, repr=False)


def lead(plan: Plan, classes: list[type[User]], folder: Path, staging: Staging) -> None:
    """Play the plan with workers, and keep what all of them have sent. Raises Unplayable."""
    master = Master(plan, classes, folder, staging)
    try:
        master.gather()
        master.share_out()
        master.play()
    except _CutOff:
        tell(ended="cut")
    finally:
        master.end()


class Master:
    """One run, led."""

    def __init__(self, plan: Plan, classes: list[type[User]], folder: Path, staging: Staging) -> None:
        """Listens for workers at once, and starts those of this machine. Raises Unplayable."""
        self._plan = plan
        self._folder = folder
        self._staging = staging
        self._workers: dict[str, _Worker] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._standings: defaultdict[float, list[Standing]] = defaultdict(list)
        self._notes: list[str] = []
        self._unwritten = ""
        self._stopped = stopped_by_signal()
        self._environment = environment_for(classes, plan.host)
        host, port = staging.join_at or ("127.0.0.1", 0)
        try:
            self._runner = self._environment.create_master_runner(host, port)
        except (RPCError, SystemExit, OSError) as error:
            msg = f"Workers cannot join at {host}:{port}: {error}."
            raise Unplayable(msg) from None
        self._inbox = collect(
            self._runner,
            messages.HELLO,
            messages.READY,
            messages.SECOND,
            messages.SAMPLES,
            messages.DONE,
        )
        self._runner.register_message(messages.CLOCK, self._tell_time)
        if staging.page:
            page = open_page(self._environment, self._runner, staging.page, self._stopped)
            tell(says=f"Locust's own page of this run is {page}")
        initialized(self._environment, self._runner)
        if not staging.join_at:
            self._start_processes()

    def gather(self) -> None:
        """Wait until all workers have said hello. Raises Unplayable."""
        wanted = self._plan.workers
        if self._staging.join_at:
            host, port = self._staging.join_at
            tell(says=f"Waiting for {_counted(wanted)} to join at {host}:{port}.")
        until = time.monotonic() + self._staging.patience
        while len(self._workers) < wanted:
            self._hear(LOOK)
            if time.monotonic() > until:
                msg = f"Only {len(self._workers)} of {_counted(wanted)} came within {self._staging.patience:g} seconds."
                raise Unplayable(msg)
        # Locust shares users out in the order of these names, so the numbers follow it.
        for number, (_, worker) in enumerate(sorted(self._workers.items())):
            worker.number = number
        self._close()

    def share_out(self) -> None:
        """Give each worker its share, and wait until all are ready. Raises Unplayable."""
        known = {name: value for name, value in os.environ.items() if name.startswith(TOLD_TO_WORKERS)}
        for worker in self._workers.values():
            share = {"number": worker.number, "plan": json.dumps(self._plan.as_json()), "environment": known}
            self._runner.send_message(messages.SHARE, share, worker.client)
        until = time.monotonic() + self._staging.patience
        while not all(worker.ready for worker in self._workers.values()):
            self._hear(LOOK)
            if time.monotonic() > until:
                msg = f"Not all workers were ready within {self._staging.patience:g} seconds."
                raise Unplayable(msg)

    def play(self) -> None:
        """From the word to begin to every worker's last words."""
        load, seconds = self._plan.load, self._plan.warm_up + self._plan.duration
        began = time.time() + LEAD
        tell(began=began)
        for worker in self._workers.values():
            self._runner.send_message(messages.BEGIN, {"at": began}, worker.client)
        starting = None
        if isinstance(load, Users):
            starting = gevent.spawn_later(LEAD, self._runner.start, load.users, load.spawn_rate)
        else:
            self._runner.stats.clear_all()
            self._runner.update_state(STATE_RUNNING)
        until = began + seconds + LAST_ANSWERS + SILENCE
        cut = False
        while any(worker.ended is None for worker in self._workers.values()):
            self._hear(LOOK)
            if time.time() > began + seconds and starting is not None:
                starting.kill()
            lost = self._lost()
            if lost and time.time() < until:
                self._stopped.set()
            if self._stopped.is_set() and not cut:
                cut = True
                until = time.time() + SILENCE
                for worker in self._workers.values():
                    self._runner.send_message(messages.END, {}, worker.client)
            for worker in lost if time.time() < until else self._silent():
                self._notes.append(self._closing_note(worker))
                worker.ended = Ended(0, "")
                cut = True
        workers = sorted(self._workers.values(), key=lambda each: each.number)
        endings = [worker.ended for worker in workers if worker.ended is not None]
        tell(
            ended="cut" if cut or self._unwritten else "whole",
            dropped=sum(each.dropped for each in endings),
            first_failure=next((each.first_failure for each in endings if each.first_failure), ""),
            notes=[*self._notes, *self._clocks(workers)],
            unwritten=self._unwritten,
        )

    def end(self) -> None:
        """End every worker, and what was started here."""
        for worker in self._workers.values():
            if worker.samples is not None:
                worker.samples.close()
        self._runner.quit()
        for process in self._processes:
            try:
                process.wait(GOODBYE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _close(self) -> None:
        """From now on nobody else takes part; Locust would give whoever is connected a share of the users."""
        runner = self._runner
        handle = runner.handle_message
        for client in runner.clients:
            if client not in self._workers:
                del runner.clients[client]

        def handle_known(client: str, message: Message) -> None:
            if client in self._workers:
                handle(client, message)
            elif message.type == "client_ready":
                # So that it can say hello, and be told why not.
                runner.send_message("ack", {"index": -1}, client)
            elif message.type == messages.HELLO:
                self._inbox.put((client, messages.HELLO, message.data))

        setattr(runner, "handle_message", handle_known)  # noqa: B010  (a method, as its listener looks it up)

    def _start_processes(self) -> None:
        given = {
            "host": "127.0.0.1",
            "port": self._runner.server.port,
            "journey": self._plan.journey,
            "folder": str(self._folder),
        }
        for _ in range(self._plan.workers):
            self._processes.append(
                subprocess.Popen(  # noqa: S603  (our own)
                    [sys.executable, "-m", "festgate.rehearsal.load", "worker", json.dumps(given)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            )

    def _tell_time(self, *, msg: Message, **_more: object) -> None:
        """At once, and not when the queue comes to it: what it waits would be taken for a difference of the clocks."""
        self._runner.send_message(messages.CLOCK, {**msg.data, "now": time.time()}, msg.node_id)

    def _hear(self, seconds: float) -> None:
        """Take the next message, if one comes in time. Before the beginning, raises Unplayable and _CutOff."""
        try:
            client, kind, fields = self._inbox.get(timeout=seconds)
        except Empty:
            self._check_generators()
            return
        if kind == messages.HELLO:
            self._welcome(_Worker(client=client, **fields))
            return
        worker = self._workers.get(client)
        if worker is not None and worker.ended is None:
            self._take(worker, kind, fields)

    def _take(self, worker: _Worker, kind: str, fields: Fields) -> None:
        if kind == messages.READY:
            if fields["error"]:
                raise Unplayable(fields["error"])
            worker.ready, worker.clock_within = True, fields["clock_within"]
        elif kind == messages.SECOND:
            self._note(worker, fields)
        elif kind == messages.SAMPLES:
            self._keep(worker, fields["data"])
        elif kind == messages.DONE:
            worker.ended = Ended(fields["dropped"], fields["first_failure"])
            if fields["unwritten"]:
                elsewhere = f" on {worker.machine}" if self._staging.join_at else ""
                self._stop_unwritten(f"{fields['unwritten']}{elsewhere}")
            if fields["left"]:
                self._notes.append(f"Worker {worker.number} on {worker.machine} left before the end.")
                self._stopped.set()

    def _keep(self, worker: _Worker, data: bytes) -> None:
        """The next bytes of what a worker on another machine has sent; none after some could not be written."""
        if self._unwritten:
            return
        try:
            if worker.samples is None:
                worker.samples = (self._folder / f"{worker.number}{SUFFIX}").open("xb", buffering=0)
            write_whole(worker.samples, data)
        except OSError as error:
            self._stop_unwritten(error.strerror or str(error))

    def _stop_unwritten(self, why: str) -> None:
        self._unwritten = self._unwritten or why
        self._stopped.set()

    def _check_generators(self) -> None:
        """When nothing was heard: before the beginning, look whether it can still come."""
        if all(worker.ready for worker in self._workers.values()) and self._workers:
            return
        if self._stopped.is_set():
            raise _CutOff
        for process in self._processes:
            if process.poll() is not None:
                msg = f"A worker ended before it began, with exit code {process.returncode}; see load.log."
                raise Unplayable(msg)

    def _welcome(self, worker: _Worker) -> None:
        refused = ""
        if len(self._workers) >= self._plan.workers:
            refused = f"The run has its {_counted(self._plan.workers)} already."
        elif self._staging.join_at and worker.build != version():
            refused = (
                f"The worker on {worker.machine} is another build: {worker.build}, and this is {version()}."
            )
        elif worker.journey != mark_of(self._plan.journey):
            refused = f"The worker on {worker.machine} has another file of the journey {self._plan.journey}."
        if refused:
            self._runner.send_message(messages.SHARE, {"refused": refused}, worker.client)
            if self._staging.join_at:
                tell(says=refused)
            return
        self._workers[worker.client] = worker
        if self._staging.join_at:
            tell(says=f"{worker.machine} has joined: {len(self._workers)} of {_counted(self._plan.workers)}.")

    def _note(self, worker: _Worker, fields: Fields) -> None:
        worker.used = (fields.pop("cpu"), fields.pop("memory"))
        standing = Standing(**fields)
        told = self._standings[standing.second]
        told.append(standing)
        if len(told) == len(self._workers):
            elsewhere = [each.used for each in self._workers.values()] if self._staging.join_at else []
            tell(**together(self._standings.pop(standing.second)), elsewhere=elsewhere)

    def _lost(self) -> list[_Worker]:
        """Those that have not said their last words and never will."""
        ended = {process.pid for process in self._processes if process.poll() is not None}
        found = []
        for worker in self._workers.values():
            node = self._runner.clients.get(worker.client)
            gone = node is None or node.state == STATE_MISSING
            here = not self._staging.join_at
            # What it said before it ended has come, or is on its way through the same queue.
            if worker.ended is None and self._inbox.empty() and (worker.pid in ended if here else gone):
                found.append(worker)
        return found

    def _silent(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.ended is None]

    def _closing_note(self, worker: _Worker) -> str:
        for process in self._processes:
            if process.pid == worker.pid and process.poll() is not None:
                return f"Worker {worker.number} ended by itself, with exit code {process.returncode}; see load.log."
        return f"Worker {worker.number} on {worker.machine} was lost: nothing more was heard of it."

    def _clocks(self, workers: list[_Worker]) -> list[str]:
        if not self._staging.join_at:
            return []
        return [
            f"Worker {each.number} sent from {each.machine}, its clock known to {each.clock_within * 1000:.1f} ms."
            for each in workers
        ]


def _counted(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"

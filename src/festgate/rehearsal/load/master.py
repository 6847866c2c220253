"""The master of a run with workers: Locust's master, and the protocol of `messages` beside it.

This process sends no requests. Workers on this machine are started here and write their samples into the run's folder;
workers that join from elsewhere send theirs. All times are by this machine's clock: see `worker`.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

import gevent
from gevent.queue import Empty
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING, STATE_RUNNING, MasterRunner

from festgate.rehearsal.load import messages
from festgate.rehearsal.load.hooks import fire_init, fire_quitting
from festgate.rehearsal.load.locustfile import CannotStart, Locustfile
from festgate.rehearsal.load.messages import Fields, collect
from festgate.rehearsal.load.progress import Progress, combine, report
from festgate.rehearsal.load.share import (
    ENDED_BEFORE,
    STOP_TIMEOUT,
    ShareOutcome,
    make_environment,
    start_users,
    stopped_by_signal,
)
from festgate.rehearsal.load.visits import describe_visits
from festgate.rehearsal.load.web_page import open_page
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, Users, journey_fingerprint
from festgate.rehearsal.runs.recording import SUFFIX, write_whole

log = logging.getLogger(__name__)

LEAD: Final = 0.3
"""Seconds from the message BEGIN to the beginning of the run, so that it arrives everywhere in time."""
DONE_TIMEOUT: Final = 15.0
"""Seconds after the last possible response in which every worker has to send DONE."""
POLL_INTERVAL: Final = 0.25
"""Seconds between two checks of the workers."""
EXIT_TIMEOUT: Final = 10.0
"""Seconds for a worker's process to end."""
SHARED_VARIABLES: Final = "FESTGATE_REHEARSAL_"


class _RunCancelled(Exception):
    """A run that ended before anything was sent."""


@dataclass
class _Worker:
    """A worker that has joined."""

    client: str
    """Its id in Locust."""
    pid: int
    machine: str
    journey: str
    build: str
    number: int = 0
    ready: bool = False
    ended: ShareOutcome | None = None
    used: tuple[float, int] = (0.0, 0)
    """The share of a core and the bytes of memory that it uses."""
    clock_within: float = 0.0
    samples: FileIO | None = field(default=None, repr=False)


def run_master(plan: Plan, file: Locustfile, folder: Path, options: RunOptions) -> None:
    """Run the plan with workers, and keep what all of them recorded. Raises CannotStart."""
    master = Master(plan, file, folder, options)
    try:
        master.wait_for_workers()
        master.distribute()
        master.run()
    except _RunCancelled:
        report(ended="cut")
    finally:
        master.end()


class Master:
    """The master of one run."""

    def __init__(self, plan: Plan, file: Locustfile, folder: Path, options: RunOptions) -> None:
        """Listen for workers, and start those of this machine. Raises CannotStart."""
        self._plan = plan
        self._folder = folder
        self._options = options
        self._workers: dict[str, _Worker] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._progress: defaultdict[float, list[Progress]] = defaultdict(list)
        self._unwritten = ""
        self._stopped = stopped_by_signal()
        self._has_quit = False
        self._has_begun = False
        self._ended_before = False
        self._environment = make_environment(file, plan)
        self._notes: list[str] = (
            describe_visits(self._environment.user_classes) if isinstance(plan.load, Rate) else []
        )
        host, port = options.join_at or ("127.0.0.1", 0)
        try:
            self._runner = self._environment.create_master_runner(host, port)
        except (RPCError, SystemExit, OSError) as error:
            msg = f"Workers cannot join at {host}:{port}: {error}."
            raise CannotStart(msg) from None
        self._inbox = collect(
            self._runner,
            messages.HELLO,
            messages.READY,
            messages.SECOND,
            messages.SAMPLES,
            messages.DONE,
        )
        self._runner.register_message(messages.CLOCK, self._answer_clock)
        if options.web_port:
            page = open_page(self._environment, self._runner, options.web_port, self._stopped)
            report(notice=f"Locust's web page of this run is {page}")
        # Locust's own handler would close the connection to the workers before they have sent everything.
        setattr(self._runner, "quit", self._end_early)  # noqa: B010  (a method of Locust's class)
        fire_init(self._environment, self._runner)
        self._check_ended_before()
        if not options.join_at:
            self._start_processes()

    def wait_for_workers(self) -> None:
        """Wait until all workers have joined. Raises CannotStart."""
        wanted = self._plan.workers
        if self._options.join_at:
            host, port = self._options.join_at
            report(notice=f"Waiting for {_count(wanted)} to join at {host}:{port}.")
        deadline = time.monotonic() + self._options.timeout
        while len(self._workers) < wanted:
            self._receive(POLL_INTERVAL)
            if time.monotonic() > deadline:
                msg = f"Only {len(self._workers)} of {_count(wanted)} joined within {self._options.timeout:g} seconds."
                raise CannotStart(msg)
        # Locust distributes users in the order of these ids, so the numbers follow it.
        for number, (_, worker) in enumerate(sorted(self._workers.items())):
            worker.number = number
        self._refuse_others()

    def distribute(self) -> None:
        """Send each worker its share, and wait until all are ready. Raises CannotStart."""
        environment = {name: value for name, value in os.environ.items() if name.startswith(SHARED_VARIABLES)}
        plan = json.dumps(self._plan.as_json())
        options = vars(self._environment.parsed_options)
        _check_options(options)
        if isinstance(self._plan.load, Rate):
            # Locust fires it when its own runner starts, which an open loop does not use.
            self._environment.events.test_start.fire(environment=self._environment)  # type: ignore[no-untyped-call]
        self._check_ended_before()
        for worker in self._workers.values():
            share = {
                "number": worker.number,
                "plan": plan,
                "environment": environment,
                "options": options,
            }
            self._runner.send_message(messages.SHARE, share, worker.client)
        deadline = time.monotonic() + self._options.timeout
        while not all(worker.ready for worker in self._workers.values()):
            self._receive(POLL_INTERVAL)
            if time.monotonic() > deadline:
                msg = f"Not all workers were ready within {self._options.timeout:g} seconds."
                raise CannotStart(msg)

    def run(self) -> None:
        """Begin the run, and wait until every worker has sent DONE. Raises CannotStart."""
        self._check_ended_before()
        self._has_begun = True
        load, seconds = self._plan.load, self._plan.warm_up + self._plan.duration
        began = time.time() + LEAD
        report(began=began)
        for worker in self._workers.values():
            self._runner.send_message(messages.BEGIN, {"at": began}, worker.client)
        starting = None
        if isinstance(load, Users):
            starting = gevent.spawn_later(LEAD, start_users, self._runner, load)
        else:
            self._runner.stats.clear_all()
            self._runner.update_state(STATE_RUNNING)
        deadline = began + seconds + STOP_TIMEOUT + DONE_TIMEOUT
        cut = False
        while any(worker.ended is None for worker in self._workers.values()):
            self._receive(POLL_INTERVAL)
            if time.time() > began + seconds and starting is not None:
                starting.kill()
            lost = self._lost_workers()
            if lost and time.time() < deadline:
                self._stopped.set()
            if self._stopped.is_set() and not cut:
                cut = True
                deadline = time.time() + DONE_TIMEOUT
                for worker in self._workers.values():
                    self._runner.send_message(messages.END, {}, worker.client)
            for worker in lost if time.time() < deadline else self._unfinished_workers():
                self._notes.append(self._describe_loss(worker))
                worker.ended = ShareOutcome(0, "")
                cut = True
        self._report_end(cut=cut)

    def _report_end(self, *, cut: bool) -> None:
        workers = sorted(self._workers.values(), key=lambda worker: worker.number)
        endings = [worker.ended for worker in workers if worker.ended is not None]
        exceptions: Counter[str] = Counter()
        for ended in endings:
            exceptions.update(ended.exceptions)
        early = [ended.lasted for ended in endings if ended.lasted is not None]
        if 0 < len(early) < len(endings):
            cut = True
            self._notes.append(f"The locustfile ended the share of a worker after {min(early):g} s.")
        self._quit()
        exit_code, notes = fire_quitting(self._environment)
        report(
            ended="cut" if cut or self._unwritten else "whole",
            exit_code=exit_code,
            untimed=sum(ended.untimed for ended in endings),
            failed_after=sum(ended.failed_after for ended in endings),
            lasted=min(early) if len(early) == len(endings) else None,
            dropped=sum(ended.dropped for ended in endings),
            first_failure=next((ended.first_failure for ended in endings if ended.first_failure), ""),
            exceptions=exceptions,
            notes=[*self._notes, *self._describe_clocks(workers), *notes],
            unwritten=self._unwritten,
        )

    def end(self) -> None:
        """End every worker, and the processes that were started here."""
        for worker in self._workers.values():
            if worker.samples is not None:
                worker.samples.close()
        self._quit()
        joined = {worker.pid for worker in self._workers.values()}
        for process in self._processes:
            if process.pid not in joined:
                # Only a worker that has joined receives the message to quit.
                process.kill()
            try:
                process.wait(EXIT_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _quit(self) -> None:
        """Let Locust's master quit, once: it asks its workers for their last statistics, and ends them."""
        if not self._has_quit:
            self._has_quit = True
            MasterRunner.quit(self._runner)

    def _end_early(self) -> None:
        """End the run because the locustfile ended it: its shape is over, or it called `environment.runner.quit()`."""
        self._ended_before = not self._has_begun
        if self._ended_before:
            return
        for worker in self._workers.values():
            self._runner.send_message(messages.END, {"early": True}, worker.client)

    def _check_ended_before(self) -> None:
        """Raise CannotStart if the locustfile has ended the run already; a worker has no share to end before BEGIN."""
        if self._ended_before:
            raise CannotStart(ENDED_BEFORE)

    def _refuse_others(self) -> None:
        """Refuse all other workers from now on; Locust would give each connected client a share of the users."""
        runner = self._runner
        handle = runner.handle_message
        for client in runner.clients:
            if client not in self._workers:
                del runner.clients[client]

        def handle_known(client: str, message: Message) -> None:
            if client in self._workers:
                handle(client, message)
            elif message.type == "client_ready":
                # The worker then sends HELLO and receives the reason for its refusal.
                runner.send_message("ack", {"index": -1}, client)
            elif message.type == messages.HELLO:
                self._inbox.put((client, messages.HELLO, message.data))

        setattr(runner, "handle_message", handle_known)  # noqa: B010  (a method, as its listener looks it up)

    def _start_processes(self) -> None:
        arguments = {
            "host": "127.0.0.1",
            "port": self._runner.server.port,
            "journey": self._plan.journey,
            "folder": str(self._folder),
        }
        for _ in range(self._plan.workers):
            self._processes.append(
                subprocess.Popen(  # noqa: S603  (our own)
                    [sys.executable, "-m", "festgate.rehearsal.load", "worker", json.dumps(arguments)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            )

    def _answer_clock(self, *, msg: Message, **_more: object) -> None:
        """Answer at once and not from the queue, whose delay would look like a difference of the clocks."""
        self._runner.send_message(messages.CLOCK, {**msg.data, "now": time.time()}, msg.node_id)

    def _receive(self, timeout: float) -> None:
        """Handle the next message, if one arrives in time. Before the run, raises CannotStart and _RunCancelled."""
        try:
            client, kind, fields = self._inbox.get(timeout=timeout)
        except Empty:
            self._check_processes()
            return
        if kind == messages.HELLO:
            self._admit(_Worker(client=client, **fields))
            return
        worker = self._workers.get(client)
        if worker is not None and worker.ended is None:
            self._handle(worker, kind, fields)

    def _handle(self, worker: _Worker, kind: str, fields: Fields) -> None:
        if kind == messages.READY:
            if fields["error"]:
                raise CannotStart(fields["error"])
            worker.ready, worker.clock_within = True, fields["clock_within"]
        elif kind == messages.SECOND:
            self._add_progress(worker, fields)
        elif kind == messages.SAMPLES:
            self._write_samples(worker, fields["data"])
        elif kind == messages.DONE:
            worker.ended = ShareOutcome(
                fields["dropped"],
                fields["first_failure"],
                fields["exceptions"],
                untimed=fields["untimed"],
                failed_after=fields["failed_after"],
                lasted=fields["lasted"],
            )
            if fields["unwritten"]:
                place = f" on {worker.machine}" if self._options.join_at else ""
                self._stop_unwritten(f"{fields['unwritten']}{place}")
            if fields["left"]:
                self._notes.append(f"Worker {worker.number} on {worker.machine} left before the end.")
                self._stopped.set()

    def _write_samples(self, worker: _Worker, data: bytes) -> None:
        """Write the next bytes from a worker on another machine; none after a write has failed."""
        if self._unwritten:
            return
        try:
            if worker.samples is None:
                worker.samples = (self._folder / f"{worker.number}{SUFFIX}").open("xb", buffering=0)
            write_whole(worker.samples, data)
        except OSError as error:
            self._stop_unwritten(error.strerror or str(error))

    def _stop_unwritten(self, reason: str) -> None:
        self._unwritten = self._unwritten or reason
        self._stopped.set()

    def _check_processes(self) -> None:
        """Raise an error if the run, which has not begun, can no longer begin."""
        if all(worker.ready for worker in self._workers.values()) and self._workers:
            return
        self._check_ended_before()
        if self._stopped.is_set():
            raise _RunCancelled
        for process in self._processes:
            if process.poll() is not None:
                msg = (
                    f"A worker ended before the run began, with exit code {process.returncode}; see load.log."
                )
                raise CannotStart(msg)

    def _admit(self, worker: _Worker) -> None:
        refused = ""
        if len(self._workers) >= self._plan.workers:
            refused = f"The run has its {_count(self._plan.workers)} already."
        elif self._options.join_at and worker.build != version():
            refused = (
                f"The worker on {worker.machine} is another build: {worker.build}, and this is {version()}."
            )
        elif worker.journey != journey_fingerprint(self._plan.journey):
            refused = f"The worker on {worker.machine} has another file of the journey {self._plan.journey}."
        if refused:
            self._runner.send_message(messages.SHARE, {"refused": refused}, worker.client)
            if self._options.join_at:
                report(notice=refused)
            return
        self._workers[worker.client] = worker
        if self._options.join_at:
            joined = f"{len(self._workers)} of {_count(self._plan.workers)}"
            report(notice=f"{worker.machine} has joined: {joined}.")

    def _add_progress(self, worker: _Worker, fields: Fields) -> None:
        worker.used = (fields.pop("cpu"), fields.pop("memory"))
        progress = Progress(**fields)
        second = self._progress[progress.second]
        second.append(progress)
        if len(second) == len(self._workers):
            remote = [known.used for known in self._workers.values()] if self._options.join_at else []
            report(**combine(self._progress.pop(progress.second)), remote=remote)

    def _lost_workers(self) -> list[_Worker]:
        """Return the workers that have not sent DONE and no longer can."""
        ended = {process.pid for process in self._processes if process.poll() is not None}
        lost = []
        for worker in self._workers.values():
            node = self._runner.clients.get(worker.client)
            gone = node is None or node.state == STATE_MISSING
            here = not self._options.join_at
            # An empty inbox means that every message sent before its end has been handled.
            if worker.ended is None and self._inbox.empty() and (worker.pid in ended if here else gone):
                lost.append(worker)
        return lost

    def _unfinished_workers(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.ended is None]

    def _describe_loss(self, worker: _Worker) -> str:
        for process in self._processes:
            if process.pid == worker.pid and process.poll() is not None:
                return f"Worker {worker.number} crashed, with exit code {process.returncode}; see load.log."
        return f"Worker {worker.number} on {worker.machine} was lost: it sent no further messages."

    def _describe_clocks(self, workers: list[_Worker]) -> list[str]:
        if not self._options.join_at:
            return []
        return [
            f"Worker {worker.number} ran on {worker.machine}, its clock exact to {worker.clock_within * 1000:.1f} ms."
            for worker in workers
        ]


def _check_options(options: Fields) -> None:
    """Raise CannotStart if a value cannot be sent to workers; Locust sends them, too."""
    for name, value in options.items():
        try:
            Message("", value, "").serialize()  # type: ignore[no-untyped-call]
        except TypeError:
            msg = (
                f"The option {name} has a value of the type {type(value).__name__}, which cannot be sent to workers."
                " Let its `type` return a text or a number, or run without workers."
            )
            raise CannotStart(msg) from None


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"

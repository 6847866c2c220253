"""The supervisor's loop: start workers, watch their heartbeats, replace the failed ones, and retire the old ones.

Workers come in generations. Each rolling restart begins a new generation with a single worker, which upgrades the data.
Only when that worker is ready do the others start, and only when all are ready does the old generation retire. So an
error in new code affects no visitor: the new worker ends, and the old ones keep serving.
"""

import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from festgate.server import systemd, workers
from festgate.server.channel import RESTARTED, WorkerSpec
from festgate.server.sockets import close
from festgate.server.workers import NOT_STARTED, State, Worker
from festgate.settings import SettingsError, read_config
from festgate.terminal import WRONG_USE

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

MAX_SILENCE = 4.0
"""Seconds without a heartbeat after which a worker counts as hung: with those below, noticed within five."""
TICK = 0.25
"""Seconds between two checks of the deadlines."""
MAX_TICK = 1.5
"""Seconds for one tick. If it takes longer, the supervisor itself was stopped (a closed laptop, SIGSTOP, an overloaded
machine). The workers may have been stopped too, so the silence of all of them is counted from then on."""
SHORT_LIFE = 10.0
"""Seconds: if a worker ends sooner, the cause probably still exists, so the next one waits a little."""
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds that each next worker waits; the last value repeats."""
END_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGTERM)})
HANGUP = getattr(signal, "SIGHUP", None)
HANDLED_SIGNALS = tuple(sorted(END_SIGNALS))
if sys.platform != "win32":
    HANDLED_SIGNALS = (*HANDLED_SIGNALS, signal.SIGHUP, signal.SIGCHLD)


def supervise(sockets: Sequence[socket.socket], spec: WorkerSpec, count: int, *, reload: bool = False) -> int:
    """Serve with `count` workers until SIGTERM or SIGINT. Return the exit code: 0, or why no worker could start.

    SIGHUP, and with `reload` a change of the code, starts a rolling restart.
    """
    with ExitStack() as stack:
        if count > 1:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="festgate-counts-", ignore_cleanup_errors=True)
            )
            spec = replace(spec, counts_folder=folder)
        return Supervisor(sockets, spec, count, reload=reload).run()


class Supervisor:
    """The worker processes, and the reactions to their messages and to signals."""

    def __init__(
        self, sockets: Sequence[socket.socket], spec: WorkerSpec, count: int, *, reload: bool
    ) -> None:
        """Prepare to run `count` workers; `run` starts them."""
        self._sockets = sockets
        self._spec = self._next_spec = spec
        self._count = count
        self._reload = reload
        self._workers: list[Worker] = []
        self._watcher: Worker | None = None
        self._selector = selectors.DefaultSelector()
        self._signal_reader, self._signal_writer = socket.socketpair()
        self._generation = self._newest = 1
        self._proven = 0
        """The last generation in which a worker became ready."""
        self._short_lives = 0
        self._not_before = 0.0
        self._restarts: Counter[str] = Counter()
        self._dead: list[int] = []
        self._code: int | None = None
        """The exit code, once the supervisor has been asked to end."""
        self._terminal = _has_terminal()

    def run(self) -> int:
        """Run until the last worker has ended, and return the exit code."""
        for end in (self._signal_reader, self._signal_writer):
            end.setblocking(False)  # noqa: FBT003  (the library's signature)
        before = {number: signal.signal(number, _ignore) for number in HANDLED_SIGNALS}
        signal.set_wakeup_fd(self._signal_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._signal_reader, selectors.EVENT_READ)
        try:
            if self._reload:
                self._watcher = workers.watch(Path(__file__).parent.parent, self._close_all)
                self._selector.register(self._watcher.socket, selectors.EVENT_READ, self._watcher)
                workers.preload()
            while self._code is None or self._workers:
                self._start_missing()
                self._handle_events()
                self._check_workers()
        finally:
            self._kill_all()
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._close_all()
        return self._code

    def restart(self, reason: str) -> None:
        """Begin a new generation. One that is still starting is killed: it may have imported half of a change."""
        if self._code is not None:
            return
        try:
            self._next_spec = replace(self._spec, config_text=read_config())
        except SettingsError as error:
            self._log.error("no new workers are started; the old workers keep serving", why=str(error))
            return
        self._log.info("starting new workers", reason=reason)
        systemd.notify(systemd.reloading())
        for worker in self._workers:
            if worker.state is State.STARTING:
                worker.kill()
        self._newest += 1
        self._generation = self._newest
        self._short_lives, self._not_before = 0, 0.0

    def end(self, code: int) -> None:
        """Ask all workers to end; when called a second time, kill them."""
        close(self._sockets)
        if self._code is not None:
            for worker in self._workers:
                worker.kill()
            return
        self._code = code
        systemd.notify(systemd.STOPPING)
        for worker in self._workers:
            worker.ask_to_end()

    def _start_missing(self) -> None:
        """Start the missing workers; of a generation that is not proven, only one."""
        if self._code is not None or time.monotonic() < self._not_before:
            return
        if sys.platform == "darwin":
            # Apple's libraries, which read the network's settings, kill a process that was forked without exec.
            body = workers.execute
        elif self._newest == 1:
            body = workers.work
        else:
            body = workers.reload_and_work if self._reload else workers.execute
        proven = self._proven >= self._generation
        running = sum(worker.state is not State.STOPPING for worker in self._current_generation())
        for _ in range((self._count if proven else 1) - running):
            spec = replace(
                self._spec if proven else self._next_spec,
                prepare=not proven,
                greet=self._proven == 0,
                dead=tuple(self._dead),
                restarts=dict(self._restarts),
            )
            worker = workers.start(
                spec, self._sockets, self._generation, body=body, close_inherited=self._close_own
            )
            self._workers.append(worker)
            self._selector.register(worker.socket, selectors.EVENT_READ, worker)

    @property
    def _log(self) -> "FilteringBoundLogger":
        return workers.open_log(self._spec.log_format, self._spec.log_level)

    def _handle_events(self) -> None:
        began = time.monotonic()
        ready = self._selector.select(TICK)
        if time.monotonic() - began > MAX_TICK:
            for worker in self._workers:
                worker.last_heartbeat = time.monotonic()
        for key, _ in ready:
            if key.data is None:
                self._handle_signals()
            elif key.data is self._watcher:
                self._handle_change()
            elif key.data in self._workers and key.data.receive():
                self._on_ready(key.data)
        for worker in self._workers:
            if worker.is_disconnected:
                self._unregister(worker)

    def _handle_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in self._signal_reader.recv(4096):
                if number in END_SIGNALS or (number == HANGUP and self._terminal and not _has_terminal()):
                    self.end(0)
                elif number == HANGUP:
                    self.restart("asked")

    def _handle_change(self) -> None:
        watcher = self._watcher
        assert watcher is not None  # noqa: S101  (it has just sent something)
        if not watcher.receive() and not watcher.is_disconnected:
            self.restart("changed")
        if watcher.is_disconnected:
            self._log.error("changes of the code are no longer watched; restart the server to watch them")
            self._unregister(watcher)

    def _on_ready(self, worker: Worker) -> None:
        """Retire the old generations once the whole new generation is ready."""
        if self._proven == 0:
            systemd.notify(systemd.READY)
        self._prove(worker)
        current = [worker for worker in self._current_generation() if worker.state is State.READY]
        older = [worker for worker in self._workers if worker.generation != self._generation]
        if len(current) < self._count or all(worker.state is State.STOPPING for worker in older):
            return
        self._log.info("new workers are serving", workers=[worker.pid for worker in current])
        systemd.notify(systemd.READY)
        for old in older:
            if old.state is State.STARTING:
                old.kill()
            elif old.state is State.READY and self._reload:
                old.ask_to_end()  # the old code would serve a connection that is kept open
            elif old.state is State.READY:
                old.retire()

    def _prove(self, worker: Worker) -> None:
        """Record that workers start with this worker's spec."""
        if worker.generation > self._proven:
            self._proven, self._spec = worker.generation, self._next_spec

    def _check_workers(self) -> None:
        now = time.monotonic()
        for worker in [*self._workers]:
            code = worker.exit_code()
            if code is not None:
                self._reap(worker, code)
            elif worker.state is State.READY and now - worker.last_heartbeat > MAX_SILENCE:
                silent = round(now - worker.last_heartbeat, 1)
                self._log.error(
                    "worker hangs and is replaced", worker=worker.pid, silent=silent, stack=worker.stacks()
                )
                self._replace(worker, "hung")
                worker.kill()
            elif now > worker.deadline:
                self._log.error(
                    "worker exceeded its time limit and is killed",
                    worker=worker.pid,
                    state=worker.state.value,
                )
                if worker.state is State.STARTING:
                    self._on_start_failed(worker, NOT_STARTED)
                worker.kill()

    def _reap(self, worker: Worker, code: int) -> None:
        if not worker.is_disconnected:
            while worker.receive():  # the rest of its output, and whether it had become ready
                self._prove(worker)
        self._unregister(worker)
        self._workers.remove(worker)
        self._dead.append(worker.pid)
        state, pid, text = worker.state, worker.pid, worker.text.strip()
        worker.reap()
        if state is State.STOPPING:
            return
        if state is State.READY or worker.generation <= self._proven:
            stack = {"stack": text} if text else {}
            self._log.error("worker died and is replaced", worker=pid, ended_by=_cause(code), **stack)
            self._replace(worker, "died")
        else:
            self._on_start_failed(worker, code)

    def _on_start_failed(self, worker: Worker, code: int) -> None:
        """Return to the old generation, or end if there is none; replace a worker of a generation that is proven."""
        if worker.generation != self._generation or worker.generation <= self._proven:
            self._replace(worker, "died")
        elif self._proven == 0:
            self.end(WRONG_USE if code == WRONG_USE else NOT_STARTED)
        else:
            self._log.error("new workers cannot start; the old workers keep serving", ended_by=_cause(code))
            systemd.notify(systemd.READY)
            self._generation = self._proven

    def _replace(self, worker: Worker, reason: str) -> None:
        """Count the loss, and delay the next worker if this is the second loss in a short time."""
        now = time.monotonic()
        self._short_lives = self._short_lives + 1 if now - worker.began < SHORT_LIFE else 0
        if self._short_lives:
            self._not_before = now + PAUSES[min(self._short_lives, len(PAUSES)) - 1]
        self._restarts[reason] += 1
        for other in self._workers:
            if other is not worker:
                other.send(f"{RESTARTED} {reason}")

    def _current_generation(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.generation == self._generation]

    def _unregister(self, worker: Worker) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(worker.socket)

    def _close_own(self) -> None:
        """Close the resources that belong to the supervisor alone: in each worker, and at the end."""
        self._selector.close()
        for end in (
            self._signal_reader,
            self._signal_writer,
            *(process.socket for process in self._all_processes()),
        ):
            end.close()

    def _close_all(self) -> None:
        self._close_own()
        close(self._sockets)

    def _all_processes(self) -> list[Worker]:
        return [*self._workers, *([self._watcher] if self._watcher else [])]

    def _kill_all(self) -> None:
        for process in self._all_processes():
            process.kill()
            process.reap()


def _ignore(*_: object) -> None:
    """Do nothing: the signal's number arrives at the signal reader."""


def _has_terminal() -> bool:
    """Return whether a terminal controls this process. When it is closed, it sends SIGHUP, as a restart does."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"

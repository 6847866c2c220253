"""The loop of the parent: starts workers, listens to their hearts, replaces them, lets them go.

Workers come in generations. Each rolling restart begins a new one with a single worker, which brings the data up to
date; only when that is ready the others follow, and only when all are ready the generation before is let go. So an
error in new code costs nobody anything: the new worker ends, the old ones never knew.
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
from festgate.server.line import RESTARTED
from festgate.server.logbook import logbook
from festgate.server.orders import Order
from festgate.server.sockets import close
from festgate.server.workers import NOT_STARTED, State, Way, Worker
from festgate.settings import SettingsError, read_config
from festgate.terminal import WRONG_USE

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

MAX_SILENCE = 4.0
"""Seconds without a heartbeat after which a worker is taken to hang: with those below, noticed within five."""
TICK = 0.25
"""Seconds between two looks at the clock."""
AWAY = 1.5
"""Seconds for one look: longer, and the parent itself was away (a laptop's lid, SIGSTOP, a machine that does too much
else). Then the workers may have been too, and a new time begins for all."""
SHORT_LIFE = 10.0
"""Seconds: a worker that dies sooner dies of something that is still there, and the next one waits a little."""
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds that each next one waits, never longer than the last."""
ENDING = frozenset({signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGTERM)})
HANGUP = getattr(signal, "SIGHUP", None)
HEARD = tuple(sorted(ENDING))
if sys.platform != "win32":
    HEARD = (*HEARD, signal.SIGHUP, signal.SIGCHLD)


def supervise(sockets: Sequence[socket.socket], order: Order, count: int, *, reload: bool = False) -> int:
    """Serve with `count` workers until SIGTERM or SIGINT. The exit code: 0, or why the first worker could not start.

    SIGHUP, and with `reload` a change of the code, is a rolling restart.
    """
    with ExitStack() as stack:
        if count > 1:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="festgate-counts-", ignore_cleanup_errors=True)
            )
            order = replace(order, counts_folder=folder)
        return Supervisor(sockets, order, count, reload=reload).run()


class Supervisor:
    """The parent's workers, and what it makes of what it hears."""

    def __init__(self, sockets: Sequence[socket.socket], order: Order, count: int, *, reload: bool) -> None:
        """Starts nothing yet."""
        self._sockets = sockets
        self._order = self._next_order = order
        self._count = count
        self._reload = reload
        self._workers: list[Worker] = []
        self._watcher: Worker | None = None
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        self._generation = self._newest = 1
        self._proven = 0
        """The last generation of which a worker was ready."""
        self._short_lives = 0
        self._not_before = 0.0
        self._restarts: Counter[str] = Counter()
        self._dead: list[int] = []
        self._code: int | None = None
        """How it ends, once it is asked to."""
        self._terminal = _has_terminal()

    def run(self) -> int:
        """Until the last worker has ended."""
        for each in (self._bell, self._ringer):
            each.setblocking(False)  # noqa: FBT003  (as the library has it)
        before = {number: signal.signal(number, _nothing) for number in HEARD}
        signal.set_wakeup_fd(self._ringer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        try:
            if self._reload:
                self._watcher = workers.watch(Path(__file__).parent.parent, self._forget_with_sockets)
                self._selector.register(self._watcher.line, selectors.EVENT_READ, self._watcher)
                workers.preload()
            while self._code is None or self._workers:
                self._fill()
                self._listen()
                self._look()
        finally:
            self._end_all()
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._forget_with_sockets()
        return self._code

    def restart(self, reason: str) -> None:
        """Begin a new generation. One that has not come up yet is given up: it may have read half a change."""
        if self._code is not None:
            return
        try:
            self._next_order = replace(self._order, config_text=read_config())
        except SettingsError as error:
            sentence = str(error)
            self._log.error("no new workers are started; those before go on", why=sentence)
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
        """Let everybody go; a second time, at once."""
        close(self._sockets)
        if self._code is not None:
            for worker in self._workers:
                worker.kill()
            return
        self._code = code
        systemd.notify(systemd.STOPPING)
        for worker in self._workers:
            worker.ask_to_end()

    def _fill(self) -> None:
        """Start what is missing; of a generation that has not proven itself, one worker."""
        if self._code is not None or time.monotonic() < self._not_before:
            return
        proven = self._proven >= self._generation
        there = sum(each.state is not State.LEAVING for each in self._of_this_generation())
        for _ in range((self._count if proven else 1) - there):
            order = replace(
                self._order if proven else self._next_order,
                prepare=not proven,
                greet=self._proven == 0,
                dead=tuple(self._dead),
                restarts=dict(self._restarts),
            )
            worker = workers.start(
                order, self._sockets, self._generation, way=self._way(), forget=self._forget
            )
            self._workers.append(worker)
            self._selector.register(worker.line, selectors.EVENT_READ, worker)

    @property
    def _log(self) -> "FilteringBoundLogger":
        return logbook(self._order)

    def _way(self) -> Way:
        if sys.platform == "darwin":
            # Its own libraries, which ask for the network's settings, end a process that was forked and goes on.
            return Way.APART
        if self._newest == 1:
            return Way.AS_IS
        return Way.RENEWED if self._reload else Way.APART

    def _listen(self) -> None:
        began = time.monotonic()
        ready = self._selector.select(TICK)
        if time.monotonic() - began > AWAY:
            for worker in self._workers:
                worker.heard = time.monotonic()
        for key, _ in ready:
            if key.data is None:
                self._hear_signals()
            elif key.data is self._watcher:
                self._hear_watcher()
            elif key.data in self._workers and key.data.hear():
                self._welcome(key.data)
        for worker in self._workers:
            if worker.cut:
                self._unregister(worker)

    def _hear_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in self._bell.recv(4096):
                if number in ENDING or (number == HANGUP and self._terminal and not _has_terminal()):
                    self.end(0)
                elif number == HANGUP:
                    self.restart("asked")

    def _hear_watcher(self) -> None:
        watcher = self._watcher
        assert watcher is not None  # noqa: S101  (it has just spoken)
        if not watcher.hear() and not watcher.cut:
            self.restart("changed")
        if watcher.cut:
            self._log.error("the code is not watched any more; start again to have changes noticed")
            self._unregister(watcher)

    def _welcome(self, worker: Worker) -> None:
        """It is ready. When its whole generation is, the ones before are let go."""
        if self._proven == 0:
            systemd.notify(systemd.READY)
        self._prove(worker)
        mine = [each for each in self._of_this_generation() if each.state is State.READY]
        older = [each for each in self._workers if each.generation != self._generation]
        if len(mine) < self._count or all(each.state is State.LEAVING for each in older):
            return
        self._log.info("the new workers serve", workers=[each.pid for each in mine])
        systemd.notify(systemd.READY)
        for each in older:
            if each.state is State.STARTING:
                each.kill()
            elif each.state is State.READY and self._reload:
                each.ask_to_end()  # a kept connection would be answered with the old code
            elif each.state is State.READY:
                each.retire()

    def _prove(self, worker: Worker) -> None:
        """What this worker was started with is good for others."""
        if worker.generation > self._proven:
            self._proven, self._order = worker.generation, self._next_order

    def _look(self) -> None:
        now = time.monotonic()
        for worker in [*self._workers]:
            code = worker.exit_code()
            if code is not None:
                self._bury(worker, code)
            elif worker.state is State.READY and now - worker.heard > MAX_SILENCE:
                silent = round(now - worker.heard, 1)
                self._log.error(
                    "a worker hangs and is replaced", worker=worker.pid, silent=silent, stack=worker.stacks()
                )
                self._replace(worker, "hung")
                worker.kill()
            elif now > worker.deadline:
                self._log.error(
                    "a worker took too long and is ended", worker=worker.pid, state=worker.state.value
                )
                if worker.state is State.STARTING:
                    self._miss(worker, NOT_STARTED)
                worker.kill()

    def _bury(self, worker: Worker, code: int) -> None:
        if not worker.cut:
            while worker.hear():  # its last words, and whether it had been ready
                self._prove(worker)
        self._unregister(worker)
        self._workers.remove(worker)
        self._dead.append(worker.pid)
        state, pid, text = worker.state, worker.pid, worker.text.strip()
        worker.bury()
        if state is State.LEAVING:
            return
        if state is State.READY or worker.generation <= self._proven:
            more = {"stack": text} if text else {}
            self._log.error("a worker died and is replaced", worker=pid, ended_by=_name(code), **more)
            self._replace(worker, "died")
        else:
            self._miss(worker, code)

    def _miss(self, worker: Worker, code: int) -> None:
        """It did not get ready, and no other of its generation has."""
        if worker.generation != self._generation or worker.generation <= self._proven:
            self._replace(worker, "died")
        elif self._proven == 0:
            self.end(WRONG_USE if code == WRONG_USE else NOT_STARTED)
        else:
            self._log.error("the new workers cannot start; those before go on", ended_by=_name(code))
            systemd.notify(systemd.READY)
            self._generation = self._proven

    def _replace(self, worker: Worker, reason: str) -> None:
        """Count it, and let the next one wait if this is the second in a short time."""
        now = time.monotonic()
        self._short_lives = self._short_lives + 1 if now - worker.began < SHORT_LIFE else 0
        if self._short_lives:
            self._not_before = now + PAUSES[min(self._short_lives, len(PAUSES)) - 1]
        self._restarts[reason] += 1
        for each in self._workers:
            if each is not worker:
                each.say(f"{RESTARTED} {reason}")

    def _of_this_generation(self) -> list[Worker]:
        return [each for each in self._workers if each.generation == self._generation]

    def _unregister(self, worker: Worker) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(worker.line)

    def _forget(self) -> None:
        """Close what is the parent's alone: done in each worker, and at the end."""
        self._selector.close()
        for each in (self._bell, self._ringer, *(worker.line for worker in self._everybody())):
            each.close()

    def _forget_with_sockets(self) -> None:
        self._forget()
        close(self._sockets)

    def _everybody(self) -> list[Worker]:
        return [*self._workers, *([self._watcher] if self._watcher else [])]

    def _end_all(self) -> None:
        for worker in self._everybody():
            worker.kill()
            worker.bury()


def _nothing(*_: object) -> None:
    """A signal's number comes by the bell."""


def _has_terminal() -> bool:
    """Whether a terminal controls this process. One that is closed sends the same signal that asks for a restart."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"

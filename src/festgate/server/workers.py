"""A worker as its parent sees it: started, listened to, asked to go, ended."""

import json
import multiprocessing
import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from enum import Enum
from importlib import import_module, invalidate_caches
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from festgate.kit.process import gc_paused
from festgate.server.changes import changes
from festgate.server.line import BEAT, END, READY, RETIRE, STACK_SIGNAL, Line
from festgate.server.logbook import logbook
from festgate.server.orders import Order

NOT_STARTED = 3
"""Exit code: it did not start, for a reason in the log."""
MAX_GOODBYE = 15
"""Seconds that requests under way have to end when a worker is asked to."""
IDLE = 5
"""Seconds that a connection is kept for its next request; a worker that retires waits that long for its idle ones."""
LAST_STEPS = 5
"""Seconds that closing the database and ending the process may take after that."""
MAX_START = 120.0
"""Seconds for a worker to get ready: a busy machine imports slowly, and a backup may be made before."""
STACK_TIME = 0.3
"""Seconds that are waited for a hung worker's stacks."""
MAX_TEXT_LENGTH = 1 << 16
"""Bytes kept of what a worker wrote about itself in its last moments."""
LARGE = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "jinja2",
    "sqlalchemy",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql",
    "prometheus_client",
    "argon2",
)
"""Two thirds of what a worker imports."""
FORKS: Final = sys.platform != "win32"


class State(Enum):
    """A worker's life."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


class Worker:
    """One process that serves, and the parent's end of the line to it."""

    def __init__(self, process: BaseProcess, line: socket.socket, generation: int) -> None:
        """`process` has been started; `generation` is the rolling restart that it belongs to."""
        self.line = line
        self.generation = generation
        self.state = State.STARTING
        self.began = self.heard = time.monotonic()
        self.deadline = self.began + MAX_START
        """When it is ended, unless it is ready."""
        self.cut = False
        """Whether its line is dead; the process may still be on its way out."""
        self.text = ""
        """What faulthandler has told."""
        self._process = process

    @property
    def pid(self) -> int:
        """Names it to the system."""
        return self._process.pid or 0

    def exit_code(self) -> int | None:
        """None while it runs; a signal's number below 0."""
        return self._process.exitcode

    def hear(self) -> bool:
        """Take what it has said; whether it has just become ready."""
        try:
            said = self.line.recv(MAX_TEXT_LENGTH)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            said = b""
        if not said:
            self.cut = True
            self.deadline = min(self.deadline, time.monotonic() + LAST_STEPS)
            return False
        self.heard = time.monotonic()
        text = said.replace(BEAT, b"").replace(READY, b"").decode("utf-8", "replace")
        self.text = (self.text + text)[-MAX_TEXT_LENGTH:]
        if READY in said and self.state is State.STARTING:
            self.state = State.READY
            self.deadline = float("inf")
            return True
        return False

    def stacks(self) -> str:
        """Where its threads are, as far as it can still be told, in faulthandler's words."""
        if STACK_SIGNAL is None:
            return ""
        with suppress(ProcessLookupError):
            os.kill(self.pid, STACK_SIGNAL)
        until = time.monotonic() + STACK_TIME
        with selectors.DefaultSelector() as selector:
            selector.register(self.line, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and not self.cut and selector.select(left):
                self.hear()
                until = min(until, time.monotonic() + STACK_TIME / 5)  # it writes without a break
        return self.text.strip()

    def say(self, word: str) -> None:
        """A word for it; without waiting."""
        with suppress(OSError):
            self.line.send(f"{word}\n".encode("ascii"))

    def retire(self) -> None:
        """Ask it to accept nothing new, and to end when the connections that it has are done."""
        self.say(RETIRE)
        self._leave(IDLE + MAX_GOODBYE + LAST_STEPS)

    def ask_to_end(self) -> None:
        """Ask it to answer what it has taken, and to end."""
        self.say(END)
        if FORKS:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)  # also for one that does not listen yet
        elif self.state is State.STARTING:
            self._process.kill()
        self._leave(MAX_GOODBYE + LAST_STEPS)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.state, self.deadline = State.LEAVING, float("inf")

    def bury(self) -> None:
        """It has ended: close what is left of it."""
        self.line.close()
        self._process.join()
        self._process.close()

    def _leave(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.deadline = until if self.state is not State.LEAVING else min(self.deadline, until)
        self.state = State.LEAVING


class Way(Enum):
    """How a worker comes by its code."""

    AS_IS = "as is"
    """Forked: what the parent has read already is shared, which saves memory and a third of a second."""
    RENEWED = "renewed"
    """Forked, but the portal's own code is read again: for a developer, who changes that and waits for it."""
    APART = "apart"
    """With an interpreter of its own, so that libraries may have changed, too."""


def start(
    order: Order,
    sockets: Sequence[socket.socket],
    generation: int,
    *,
    way: Way,
    forget: Callable[[], None],
) -> Worker:
    """A new worker. `forget` closes, in the worker, what is the parent's alone.

    Where there is no fork, all of them have interpreters of their own.
    """
    ours, its = socket.socketpair()
    line = Line(its, os.getpid())
    if sys.platform != "win32":
        body = {Way.AS_IS: _work, Way.RENEWED: _renewed, Way.APART: _execute}[way]
        process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=_forked, args=(body, order, line, tuple(sockets), (ours.close, forget))
        )
    else:
        process = multiprocessing.get_context("spawn").Process(
            target=_spawned, args=(order, line, tuple(sockets))
        )
    process.start()
    # The line ends with the worker only if nobody else has the worker's end of it.
    its.close()
    ours.setblocking(False)  # noqa: FBT003  (as the library has it)
    return Worker(process, ours, generation)


def watch(folder: Path, forget: Callable[[], None]) -> Worker:
    """A process that looks for changes of the code below `folder`; it says something at each."""
    ours, its = socket.socketpair()
    line = Line(its, os.getpid())
    if sys.platform != "win32":
        process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=_watch, args=(folder, line, (ours.close, forget))
        )
    else:
        process = multiprocessing.get_context("spawn").Process(target=_watch, args=(folder, line, ()))
    process.start()
    its.close()
    ours.setblocking(False)  # noqa: FBT003  (as the library has it)
    return Worker(process, ours, 0)


def preload() -> None:
    """Import here what is large and not the portal's own, for `Way.RENEWED` to be quick; the parent is lean no more."""
    if FORKS:
        with gc_paused():
            for name in LARGE:
                if find_spec(name) is not None:  # some are not for every interpreter
                    import_module(name)


def resume(descriptors: Sequence[int], parent: int) -> None:
    """The worker with an interpreter of its own; `descriptors` are a file with its order, its line, and the sockets."""
    with open(descriptors[0], "rb") as letter:  # noqa: PTH123  (by its number)
        letter.seek(0)
        order = Order(**json.load(letter))
    end, *sockets = [socket.socket(fileno=number) for number in descriptors[1:]]
    _spawned(order, Line(end, parent), tuple(sockets))


def _forked(
    body: Callable[[Order, Line, tuple[socket.socket, ...]], None],
    order: Order,
    line: Line,
    sockets: tuple[socket.socket, ...],
    forget: Sequence[Callable[[], None]],
) -> None:
    line.settle()
    for each in forget:
        each()
    body(order, line, sockets)


def _renewed(order: Order, line: Line, sockets: tuple[socket.socket, ...]) -> None:
    package = __name__.partition(".")[0]
    for name in [*sys.modules]:
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]
    invalidate_caches()
    # Compiled code is known by its source's size and second: two changes within one look alike, so none is kept.
    sys.dont_write_bytecode = True
    _work(order, line, sockets)


def _execute(order: Order, line: Line, sockets: tuple[socket.socket, ...]) -> None:
    # Not on the command line, which everybody on the machine can read: the settings hold passwords.
    letter = tempfile.TemporaryFile()  # noqa: SIM115  (open until it is read)
    letter.write(json.dumps(asdict(order)).encode())
    letter.flush()
    descriptors = [letter.fileno(), *(each.fileno() for each in (line.socket, *sockets))]
    for number in descriptors:
        os.set_inheritable(number, True)  # noqa: FBT003  (as the library has it)
    resumed = [descriptors, line.parent]
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from festgate.server.workers import resume; resume(*{resumed!r})"
    )
    os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606  (our own interpreter)


def _spawned(order: Order, line: Line, sockets: tuple[socket.socket, ...]) -> None:
    line.settle()
    _work(order, line, sockets)


def _work(order: Order, line: Line, sockets: tuple[socket.socket, ...]) -> None:
    try:
        with gc_paused():
            module = import_module(order.module)
        code = module.work(order, line, sockets)
    except Exception:  # noqa: BLE001  (whatever it is, it is logged)
        logbook(order).exception("a worker cannot serve")
        code = NOT_STARTED
    sys.exit(code)


def _watch(folder: Path, line: Line, forget: Sequence[Callable[[], None]]) -> None:
    line.settle()
    for each in forget:
        each()
    line.tell(READY)
    for changed in changes(folder):
        if changed:
            line.tell(BEAT)
        if END in line.hear():
            return

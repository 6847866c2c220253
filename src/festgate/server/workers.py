"""The supervisor's handle on a worker: start, monitoring, end, kill, reap."""

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
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from festgate.kit.process import gc_paused
from festgate.server.changes import changes
from festgate.server.channel import END, HEARTBEAT, READY, RETIRE, STACK_SIGNAL, Channel, WorkerSpec

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

NOT_STARTED = 3
"""Exit code of a worker that could not start, for a reason in the log."""
MAX_GRACE = 15
"""Seconds for the current requests to end when a worker is asked to end."""
KEEP_ALIVE = 5
"""Seconds that an idle connection is kept open; a worker that retires waits that long for its idle connections."""
MAX_SHUTDOWN = 5
"""Seconds after that to close the database and to end the process."""
MAX_START = 120.0
"""Seconds for a worker to get ready: imports are slow on a busy machine, and a backup may be made first."""
STACK_TIME = 0.3
"""Seconds to wait for the stacks of a worker that is blocked."""
MAX_TEXT_LENGTH = 1 << 16
"""Bytes to keep of the text that a worker wrote about itself at its end."""
LARGE_MODULES = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "jinja2",
    "sqlalchemy",
    "sqlalchemy.dialects.sqlite",
    "prometheus_client",
    "argon2",
)
"""Two thirds of the code that a worker imports."""
CAN_FORK: Final = sys.platform != "win32"


class State(Enum):
    """The stages of a worker's life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class Worker:
    """A worker process, with the supervisor's end of the channel to it."""

    def __init__(self, process: BaseProcess, socket: socket.socket, generation: int) -> None:
        """Take a process that has been started for a `generation`, the number of the rolling restart."""
        self.socket = socket
        self.generation = generation
        self.state = State.STARTING
        self.began = self.last_heartbeat = time.monotonic()
        self.deadline = self.began + MAX_START
        """When the worker is killed, unless it is ready by then."""
        self.is_disconnected = False
        """Whether its channel is closed; the process may still be ending."""
        self.text = ""
        """The text that faulthandler has written."""
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    def exit_code(self) -> int | None:
        """Return the exit code; a negative number for a signal, None while the process runs."""
        return self._process.exitcode

    def receive(self) -> bool:
        """Read what the worker has sent; return whether it has just become ready."""
        try:
            data = self.socket.recv(MAX_TEXT_LENGTH)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self.is_disconnected = True
            self.deadline = min(self.deadline, time.monotonic() + MAX_SHUTDOWN)
            return False
        self.last_heartbeat = time.monotonic()
        text = data.replace(HEARTBEAT, b"").replace(READY, b"").decode("utf-8", "replace")
        self.text = (self.text + text)[-MAX_TEXT_LENGTH:]
        if READY in data and self.state is State.STARTING:
            self.state = State.READY
            self.deadline = float("inf")
            return True
        return False

    def stacks(self) -> str:
        """Return the stacks of its threads as faulthandler writes them, if it still can."""
        if STACK_SIGNAL is None:
            return ""
        with suppress(ProcessLookupError):
            os.kill(self.pid, STACK_SIGNAL)
        until = time.monotonic() + STACK_TIME
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            while (
                (left := until - time.monotonic()) > 0 and not self.is_disconnected and selector.select(left)
            ):
                self.receive()
                until = min(until, time.monotonic() + STACK_TIME / 5)  # the worker writes without a pause
        return self.text.strip()

    def send(self, command: str) -> None:
        """Send a command, without waiting."""
        with suppress(OSError):
            self.socket.send(f"{command}\n".encode("ascii"))

    def retire(self) -> None:
        """Ask it to accept no new connections, and to end when the current ones have ended."""
        self.send(RETIRE)
        self._stop_within(KEEP_ALIVE + MAX_GRACE + MAX_SHUTDOWN)

    def ask_to_end(self) -> None:
        """Ask it to finish its current requests, and to end."""
        self.send(END)
        if CAN_FORK:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)  # for a worker that does not read commands yet
        elif self.state is State.STARTING:
            self._process.kill()
        self._stop_within(MAX_GRACE + MAX_SHUTDOWN)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.state, self.deadline = State.STOPPING, float("inf")

    def reap(self) -> None:
        """Release the resources of a process that has ended."""
        self.socket.close()
        self._process.join()
        self._process.close()

    def _stop_within(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.deadline = until if self.state is not State.STOPPING else min(self.deadline, until)
        self.state = State.STOPPING


def start(
    spec: WorkerSpec,
    sockets: Sequence[socket.socket],
    generation: int,
    *,
    body: Callable[[Channel, WorkerSpec, tuple[socket.socket, ...]], None],
    close_inherited: Callable[[], None],
) -> Worker:
    """Start a worker whose process runs `body`: `work`, `reload_and_work` or `execute`.

    `close_inherited` runs in the worker and closes what belongs to the supervisor alone. If the system has no fork,
    every worker gets a new interpreter.
    """
    return _start(body if CAN_FORK else work, (spec, tuple(sockets)), close_inherited, generation)


def watch(folder: Path, close_inherited: Callable[[], None]) -> Worker:
    """Start a process that watches the code below `folder`, and sends something at each change."""
    return _start(_watch, (folder,), close_inherited, generation=0)


def _start(
    body: Callable[..., None],
    arguments: tuple[Any, ...],
    close_inherited: Callable[[], None],
    generation: int,
) -> Worker:
    own_end, worker_end = socket.socketpair()
    channel = Channel(worker_end, os.getpid())
    if sys.platform != "win32":
        cleanups = (own_end.close, close_inherited)
        process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=_run, args=(channel, cleanups, body, *arguments)
        )
    else:
        process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(channel, (), body, *arguments)
        )
    process.start()
    # The stream ends with the worker only if no other process has the worker's end open.
    worker_end.close()
    own_end.setblocking(False)  # noqa: FBT003  (the library's signature)
    return Worker(process, own_end, generation)


def _run(
    channel: Channel, cleanups: Sequence[Callable[[], None]], body: Callable[..., None], *arguments: object
) -> None:
    channel.prepare_process()
    for clean_up in cleanups:
        clean_up()
    body(channel, *arguments)


def preload() -> None:
    """Import the large modules here, which makes `reload_and_work` quick. The supervisor is then no longer lean."""
    if CAN_FORK:
        with gc_paused():
            for name in LARGE_MODULES:
                if find_spec(name) is not None:  # some are not available for every interpreter
                    import_module(name)


def resume(descriptors: Sequence[int], parent: int) -> None:
    """Run a worker in a new interpreter; `descriptors` are a file with its spec, its channel, and the sockets.

    The supervisor calls it by its name, and may be older than this code.
    """
    with open(descriptors[0], "rb") as file:  # noqa: PTH123  (opened by its number)
        file.seek(0)
        spec = WorkerSpec(**json.load(file))
    end, *sockets = [socket.socket(fileno=number) for number in descriptors[1:]]
    _run(Channel(end, parent), (), work, spec, tuple(sockets))


def work(channel: Channel, spec: WorkerSpec, sockets: tuple[socket.socket, ...]) -> None:
    """Run a worker in this process. Forked, it shares imported modules: that saves memory and a third of a second."""
    try:
        with gc_paused():
            module = import_module(spec.module)
        code = module.work(spec, channel, sockets)
    except Exception:  # noqa: BLE001  (any error is logged)
        open_log(spec.log_format, spec.log_level).exception("worker cannot serve")
        code = NOT_STARTED
    sys.exit(code)


def reload_and_work(channel: Channel, spec: WorkerSpec, sockets: tuple[socket.socket, ...]) -> None:
    """Import the portal's own modules again, then run a worker: for a developer, who changes them."""
    package = __name__.partition(".")[0]
    for name in [*sys.modules]:
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]
    invalidate_caches()
    # Compiled code is recognised by its source's size and second. Two changes within one second may look alike, so
    # compiled code is not kept.
    sys.dont_write_bytecode = True
    work(channel, spec, sockets)


def execute(channel: Channel, spec: WorkerSpec, sockets: tuple[socket.socket, ...]) -> None:
    """Run a worker in a new interpreter, so that libraries may have changed, too."""
    # Not on the command line, which every account of the machine can read: the settings hold passwords.
    file = tempfile.TemporaryFile()  # noqa: SIM115  (open until the new interpreter reads it)
    file.write(json.dumps(asdict(spec)).encode())
    file.flush()
    descriptors = [file.fileno(), channel.socket.fileno(), *(listener.fileno() for listener in sockets)]
    for number in descriptors:
        os.set_inheritable(number, True)  # noqa: FBT003  (the library's signature)
    resumed = [descriptors, channel.parent]
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from festgate.server.workers import resume; resume(*{resumed!r})"
    )
    os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606  (our own interpreter)


def _watch(channel: Channel, folder: Path) -> None:
    channel.send(READY)
    for changed in changes(folder):
        if changed:
            channel.send(HEARTBEAT)
        if END in channel.receive():
            return


@cache
def open_log(log_format: Literal["auto", "console", "json"], log_level: str) -> "FilteringBoundLogger":
    """Return the log of this process, in the format of its workers' logs.

    It is imported when it is first used: it has 14 MB of the 28 that the supervisor would otherwise take.
    """
    import structlog  # noqa: PLC0415

    from festgate.kit.logging import configure  # noqa: PLC0415

    configure(log_format, log_level)
    log: FilteringBoundLogger = structlog.get_logger()
    return log

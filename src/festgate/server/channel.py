"""The link between the supervisor and a worker: the worker's parameters, and a pair of sockets.

The worker sends single bytes: ready, and a heartbeat at intervals. All other bytes are the text of faulthandler, whose
C code writes a worker's stacks even while its event loop is blocked or the interpreter's lock is held. The supervisor
sends commands, one a line; the end of the stream means the same as `END`.

A supervisor may be older than its workers: it starts them from new code after an update (SIGHUP). So the fields of
`WorkerSpec`, the bytes and the commands keep their names.
"""

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

READY, HEARTBEAT = b"\x01", b"\x00"
END, RETIRE, RESTARTED = "end", "retire", "restarted"
"""End now; end once no connection needs this worker; another worker was replaced (followed by the reason)."""
HEARTBEAT_INTERVAL = 0.5
"""Seconds between two heartbeats."""
STACK_SIGNAL: signal.Signals | None = None
if sys.platform != "win32":
    STACK_SIGNAL = signal.SIGUSR2
"""Makes a worker write the stacks of its threads to its channel."""
DEATH_SIGNAL_OPTION = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass(frozen=True)
class WorkerSpec:
    """The parameters of a worker: plain values, because they also travel as JSON."""

    module: str
    """The module whose `work(spec, channel, sockets)` is the worker. The supervisor never imports it."""
    port: int
    """The port of the listening sockets."""
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: str = "info"
    demo: bool = False
    overrides: Mapping[str, str | int | None] = field(default_factory=dict)
    """Settings from the command line."""
    config_text: str = ""
    """The settings file's content when this generation was first started. A worker that replaces another must be able
    to start even while the file is being edited."""
    prepare: bool = False
    """Whether this worker first upgrades the data: the first of its generation does."""
    greet: bool = False
    """Whether it prints that the portal is open."""
    counts_folder: str = ""
    """The folder in which several workers share their metrics; empty for a single worker."""
    dead: tuple[int, ...] = ()
    """The process ids of the workers that have ended."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """The number of workers that were replaced, by reason."""


@dataclass
class Channel:
    """A worker's end of the link to its supervisor."""

    socket: socket.socket
    parent: int
    """The supervisor's process id."""

    def prepare_process(self) -> None:
        """Make this process a worker, before anything else. End the process if the supervisor has ended already."""
        signal.set_wakeup_fd(-1)
        # A terminal sends Ctrl-C and its own end to every process; the supervisor decides what to do.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # On Windows a socket is not a file.
        faulthandler.enable(file=sys.stderr if sys.platform == "win32" else self.socket.fileno())
        if sys.platform != "win32" and STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, file=self.socket.fileno())
        self.socket.setblocking(False)  # noqa: FBT003  (the library's signature)
        die_with_parent(self.parent)

    def send(self, byte: bytes) -> None:
        """Send `READY` or `HEARTBEAT` without waiting: a supervisor that is stopped for a while reads nothing."""
        try:
            self.socket.send(byte)
        except OSError:
            return  # the buffer is full, or the supervisor has ended, which `receive` finds out

    def receive(self) -> list[str]:
        """Return the commands that have arrived, without waiting; `END` if the supervisor has ended."""
        try:
            data = self.socket.recv(4096)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return [END]
        return data.decode("ascii", "replace").splitlines() if data else [END]


def die_with_parent(parent: int) -> None:
    """Let the kernel end this process with its parent (Linux); on other systems it ends when its channel closes.

    The signal is SIGKILL, because the port has to be free for the next supervisor even if this process hangs. For the
    data it is the same as a power cut.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  (a few milliseconds that only a worker needs)

        ctypes.CDLL(None).prctl(DEATH_SIGNAL_OPTION, signal.SIGKILL)
        if os.getppid() != parent:  # the parent had ended before the call
            os._exit(1)

"""A worker's end of the line to its parent: it says that it lives, and hears what it is to do.

The line is a pair of sockets. Up go single bytes: ready, and one for every heartbeat; whatever else comes is text of
faulthandler, which a worker writes about itself in C, also when its loop, or the interpreter's lock, is held. Down come
words, one a line; the end of the line means the same as `END`.
"""

import faulthandler
import os
import signal
import socket
import sys
from dataclasses import dataclass

READY, BEAT = b"\x01", b"\x00"
END, RETIRE, RESTARTED = "end", "retire", "restarted"
"""End now; end as soon as nobody needs this worker any more; another worker was replaced (and for which reason)."""
HEARTBEAT = 0.5
"""Seconds between two."""
STACK_SIGNAL: signal.Signals | None = None
if sys.platform != "win32":
    STACK_SIGNAL = signal.SIGUSR2
"""Makes a worker write the stacks of its threads to the line."""
DEATH_SIGNAL_OPTION = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass
class Line:
    """What a worker has of its parent."""

    socket: socket.socket
    parent: int
    """The process that started it."""

    def settle(self) -> None:
        """Make this process a worker: the first thing that it does. Ends it where the parent is gone already."""
        signal.set_wakeup_fd(-1)
        # Ctrl-C goes to every process of a terminal, and a closed terminal tells all of them; the parent decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A socket of Windows is no file.
        faulthandler.enable(file=sys.stderr if sys.platform == "win32" else self.socket.fileno())
        if sys.platform != "win32" and STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, file=self.socket.fileno())
        self.socket.setblocking(False)  # noqa: FBT003  (as the library has it)
        die_with_parent(self.parent)

    def tell(self, byte: bytes) -> None:
        """Send `READY` or `BEAT`, without ever waiting: a parent that was stopped for a while reads nothing."""
        try:
            self.socket.send(byte)
        except OSError:
            return  # full, or nobody listens any more, which `hear` finds out

    def hear(self) -> list[str]:
        """The words that have come, without waiting; `END` when the line is dead."""
        try:
            said = self.socket.recv(4096)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return [END]
        return said.decode("ascii", "replace").splitlines() if said else [END]


def die_with_parent(parent: int) -> None:
    """Have the system end this process with its parent, where it can (Linux); elsewhere the line's end tells.

    With SIGKILL: a parent that was killed cannot be asked any more, and the port has to be free for the next one, also
    when this process hangs. To the data it is what a power cut is.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  (a few milliseconds, and only a worker needs it)

        ctypes.CDLL(None).prctl(DEATH_SIGNAL_OPTION, signal.SIGKILL)
        if os.getppid() != parent:  # it has died before that was said
            os._exit(1)

"""Child processes that always end with this one, whenever Ctrl-C or SIGTERM arrives."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block ends: while a process is started or ended, it would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for received in held:
            signal.raise_signal(received)


@contextmanager
def child_process(start: Callable[[], "subprocess.Popen[str]"]) -> Iterator["subprocess.Popen[str]"]:
    """Start a process, and wait for its end after the block; kill it if an exception ends the block."""
    process: subprocess.Popen[str] | None = None
    try:
        with hold_interrupts():
            process = start()
        yield process
        process.wait()
    finally:
        if process is not None:
            # At the end of its block, Popen closes the pipes and waits.
            with hold_interrupts(), process:
                process.kill()

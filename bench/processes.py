"""Processes that the benchmark starts, measures and ends."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PATIENCE = 60.0
"""Seconds to wait for a program to start or to end; many times what it needs."""
PAUSE = 0.002
"""Seconds between two attempts, and so the error of a cold start."""
TAIL = 15
"""Lines of a log that an error shows."""


class BenchError(Exception):
    """A failure that ends the run, or makes its figures meaningless; the message gives the reason."""


def free_port() -> int:
    """Return an unused port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of Festgate, plus `extra`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    return {**inherited, **extra}


class Program:
    """A process in its own process group, with its output in `log_file`."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start the process in `folder`."""
        self.log_file = log_file
        self._name = " ".join(words[1:4])
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                words,
                env=clean_environment(environment or {}),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Only this process gets Ctrl-C; it then ends the others in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def assert_running(self) -> None:
        """Raise BenchError with the end of the log if the process has ended."""
        code = self._process.poll()
        if code is not None:
            msg = f"`{self._name}` ended early with exit code {code}:\n{self.log_tail()}"
            raise BenchError(msg)

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])

    def end(self) -> None:
        """Send SIGTERM, then SIGKILL to the whole group."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Wait for the process to end, and return its exit code. Raise BenchError after `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            msg = f"`{self._name}` did not end within {seconds:g} seconds"
            raise BenchError(msg) from None

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the process and its children; None on systems without /proc."""
        ticks = 0
        for pid in self.pids():
            try:
                text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                return None
            # Fields 14 and 15 of proc(5) are user and system time, here counted from the end of the name in brackets.
            fields = text.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def pids(self) -> list[int]:
        """Return the ids of the process and all its descendants."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=True
        )
        family = [self.pid]
        children = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        for parent in family:  # the list grows in the loop
            family += [pid for pid, its_parent in children if its_parent == parent]
        return family

    def resident_megabytes(self) -> float:
        """Return the resident memory of the process and its descendants, in units of 1,000,000 bytes.

        A page that several processes share counts once, divided among them (PSS, proc(5)). On systems without PSS, it
        counts once for each process.
        """
        return sum(map(_megabytes, self.pids()))


def _megabytes(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        rollup = ""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(shown.stdout or 0) * 1024 / 1e6


@contextmanager
def running(
    words: Sequence[str],
    *,
    log_file: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Program]:
    """Run a program until the end of the block."""
    program = Program(words, log_file=log_file, environment=environment, folder=folder)
    try:
        yield program
    finally:
        program.end()


def fetch(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return the status and body of a GET request. Raise OSError without a response."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        # Without the Accept-Encoding header that http.client adds.
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    except HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def wait_for(program: Program, port: int, path: str) -> None:
    """Wait until `path` is answered with 200. Raise BenchError if the program ends, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        program.assert_running()
        with suppress(OSError):
            if fetch(port, path)[0] == 200:
                return
        time.sleep(PAUSE)
    msg = f"{path} was not answered with 200 within {PATIENCE:g} seconds; see {program.log_file}"
    raise BenchError(msg)

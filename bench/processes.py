"""Programs that the benchmark starts, watches and ends."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PATIENCE = 60.0
"""Seconds for a program to start or to end, many times what it needs."""
PAUSE = 0.002
"""Seconds between two looks: the error of a cold start."""
TAIL = 15
"""Lines of a log that an error shows."""


class BenchError(Exception):
    """The run cannot go on, or its figures would mean nothing; the sentence says why."""


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with no setting of Festgate but `extra`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    return {**inherited, **extra}


class Program:
    """A process in a group of its own; what it writes is in `log_file`."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Starts it. `folder` is where it runs."""
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
                # Ctrl-C goes to this process alone, which then ends the others in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Names it to the system."""
        return self._process.pid

    def assert_running(self) -> None:
        """Raises BenchError with the end of its log when it has ended."""
        code = self._process.poll()
        if code is not None:
            msg = f"`{self._name}` ended by itself with exit code {code}:\n{self.log_tail()}"
            raise BenchError(msg)

    def log_tail(self) -> str:
        """The last lines that it has written."""
        return "\n".join(self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])

    def end(self) -> None:
        """SIGTERM, and SIGKILL to the whole group when that is not enough."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended by itself. Raises BenchError when it does not within that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            msg = f"`{self._name}` did not end within {seconds:g} seconds"
            raise BenchError(msg) from None

    def cpu_seconds(self) -> float | None:
        """Time of a processor that it and its workers have used; None where the system does not say it in /proc."""
        ticks = 0
        for pid in self.pids():
            try:
                text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                return None
            # After the name in brackets, which may hold anything: fields 14 and 15 of proc(5) are user and system time.
            fields = text.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def pids(self) -> list[int]:
        """It, and what it has started, and so on."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=True
        )
        family = [self.pid]
        children = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        for parent in family:  # which grows meanwhile
            family += [pid for pid, its_parent in children if its_parent == parent]
        return family

    def resident_megabytes(self) -> float:
        """Memory that it and its workers hold now, in units of 1,000,000 bytes.

        A page that several of them share counts once, in shares (PSS, proc(5)); where the system does not tell that,
        once for each.
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
    """A program, ended at the end of the block."""
    program = Program(words, log_file=log_file, environment=environment, folder=folder)
    try:
        yield program
    finally:
        program.end()


def fetch(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """The status and the body that the server gives; raises OSError when there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        # As a route of the browser does it, only without what http.client would add by itself.
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
    """Returns when `path` is answered with 200. Raises BenchError when the program ends, or does not come to it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        program.assert_running()
        with suppress(OSError):
            if fetch(port, path)[0] == 200:
                return
        time.sleep(PAUSE)
    msg = f"{path} was not answered with 200 within {PATIENCE:g} seconds; see {program.log_file}"
    raise BenchError(msg)

"""The portal in a separate process, as users run it, on a loopback port with a temporary data folder."""

import atexit
import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import httpx
import psycopg

from festgate.kit.db import schema
from festgate.kit.private import FOLDER
from festgate.ports import free_port
from festgate.settings import PREFIX, Settings, load_settings
from tests.rig import command
from tests.rig.waiting import until

TIMEOUT = 30.0
"""Seconds for a server to start or stop: many times as long as it needs, for a busy machine."""
TAIL = 120
"""Lines of a server's log in the output of a failed test."""


def environment(data: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with only the data folder and `extra` as settings of Festgate."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    return inherited | {"FESTGATE_DATA_DIR": str(data), "PYTHONUNBUFFERED": "1"} | dict(extra or {})


def festgate(
    *arguments: str, data: Path, extra: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end; return its exit code and output."""
    return command.run(list(arguments), environment(data, extra), seconds=seconds)


def skip_first_run(variables: Mapping[str, str]) -> None:
    """Note in the data of an empty fest that it has been set up; it still has no people."""
    own = {name: value for name, value in variables.items() if name.startswith(PREFIX)}
    fest = load_settings(
        {name: own[name] for name in own if name in (f"{PREFIX}DATA_DIR", f"{PREFIX}DATABASE_URL")}
    )
    if not fest.database_url and not fest.sqlite_path.exists():
        # A copy, because the migrations take longer than the server's start.
        fest.data_dir.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        shutil.copy(_set_up_file(), fest.sqlite_path)
        return
    if schema.revision(fest) not in (None, schema.HEAD):
        return  # the server upgrades it: these have people
    schema.upgrade(fest)
    _note_set_up(fest)


@functools.cache
def _set_up_file() -> Path:
    """Create an SQLite file of an empty fest that has been set up; it is removed at the end of this process."""
    folder = tempfile.TemporaryDirectory(prefix="festgate-set-up-")
    atexit.register(folder.cleanup)
    fest = Settings(data_dir=Path(folder.name))
    schema.upgrade(fest)
    _note_set_up(fest)
    return fest.sqlite_path


def _note_set_up(fest: Settings) -> None:
    change = "UPDATE fest_states SET set_up_at = 1 WHERE set_up_at IS NULL"
    if fest.database_url:
        with psycopg.connect(fest.database_url) as postgres:
            postgres.execute(change)
    else:
        with closing(sqlite3.connect(fest.sqlite_path, timeout=TIMEOUT)) as file, file:
            file.execute(change)


class Server:
    """A `festgate serve` at `url` with its data in `data` and its log in `log_file`."""

    def __init__(
        self, data: Path, *arguments: str, extra: Mapping[str, str] | None = None, first_run: bool = False
    ) -> None:
        """Take the arguments after `serve` and additions to the environment; start nothing yet.

        An empty fest counts as set up and opens without an owner, except with `first_run`.
        """
        self.data = data
        self.log_file = data.with_name(f"{data.name}.log")
        self._arguments = arguments
        self._extra = dict(extra or {})
        self._process: command.Process | None = None
        self._port = 0
        self._is_settled = first_run or "--demo" in arguments

    @property
    def url(self) -> str:
        """The address of the server, without a final slash."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The id of the started process; with workers, that of the supervisor."""
        if self._process is None:
            raise RuntimeError("The server is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until /readyz returns 200. A second start uses the same port."""
        if self._process is not None:
            raise RuntimeError("The server is running already.")
        has_port = self._port != 0
        for attempt in range(5):
            self._port = self._port if has_port else free_port()
            log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._spawn()
            try:
                state = until(self._state, f"/readyz of {self.url}", TIMEOUT)
            except AssertionError as error:
                self.kill()
                raise AssertionError(f"{error}:\n{self.log_tail()}") from None
            if state == "ready":
                return
            code = self._reap()
            output = self.log_file.read_bytes()[log_start:].decode("utf-8", "replace")
            # Another process may have taken the port since it was found to be free.
            if "in use" not in output or attempt == 4:
                raise AssertionError(f"festgate serve ended with exit code {code}:\n{output}")

    def stop(self) -> int:
        """Stop the server with SIGTERM, or kill it after a while; return the exit code."""
        if self._process is None:
            raise RuntimeError("The server is not running.")
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"festgate serve did not end after SIGTERM:\n{self.log_tail()}") from None
        return self._reap()

    def kill(self) -> None:
        """Kill the server and its workers at once (SIGKILL), like a power cut."""
        if self._process is None:
            raise RuntimeError("The server is not running.")
        self._end_group()
        self._process.wait(TIMEOUT)
        self._process = None

    def end(self) -> None:
        """Stop the server if it runs."""
        if self.running():
            self.stop()

    def running(self) -> bool:
        """Return whether the started process runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Return the whole output since the first start."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def log_tail(self) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.log().splitlines()[-TAIL:])

    def _spawn(self) -> None:
        if not self._is_settled:
            skip_first_run(environment(self.data, self._extra))
            self._is_settled = True
        words = ["serve", "--port", str(self._port), *self._arguments]
        # In a new session, so that its workers can be killed with it.
        with self.log_file.open("ab") as log, Path(os.devnull).open("rb") as no_input:
            self._process = command.start(words, environment(self.data, self._extra), no_input, log, log)

    def _state(self) -> str | None:
        if not self.running():
            return "ended"
        try:
            # trust_env=False ignores a proxy of the environment. The short timeout is for another program that has
            # the port and never responds.
            response = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False, verify=False)
        except httpx.TransportError:
            return None
        return "ready" if response.status_code == httpx.codes.OK and self.running() else None

    def _reap(self) -> int:
        if self._process is None:
            raise RuntimeError("The server is not running.")
        code = self._process.wait(TIMEOUT)
        self._end_group()
        self._process = None
        return code

    def _end_group(self) -> None:
        if self._process is None:
            return
        if sys.platform == "win32":
            self._process.send_signal(signal.SIGTERM)  # which kills the process at once on Windows
            return
        # The whole group may have ended already.
        with suppress(ProcessLookupError, PermissionError):  # macOS raises the second for ended processes
            os.killpg(self._process.pid, signal.SIGKILL)


class Serve(Protocol):
    """The fixture `serve`, which starts servers for one test."""

    def __call__(
        self,
        *arguments: str,
        data: Path | None = None,
        extra: Mapping[str, str] | None = None,
        first_run: bool = False,
    ) -> Server:
        """Start a server and wait until it is ready; without `data`, use an empty folder."""


@contextmanager
def serving(data: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server until the end of the block, for fixtures of a whole file."""
    server = Server(data, *arguments, extra=extra)
    try:
        server.start()
        yield server
    finally:
        server.end()

"""The site of a run: a temporary folder, the portal with its data there, and the bare app."""

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import (
    TIMEOUT,
    BenchError,
    Program,
    clean_environment,
    fetch,
    running,
    wait_for,
)
from festgate.ports import free_port
from festgate.settings import Settings

ROOT = Path(__file__).parent.parent
MAX_IDLE_WAIT = 300.0
"""Seconds for all emails of a run to be written."""

Pages = Mapping[str, tuple[bytes, Mapping[str, str]]]
"""The body and the headers of each path."""


@dataclass(frozen=True)
class Served:
    """A program that serves a port of 127.0.0.1."""

    program: Program
    port: int

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Site:
    """A temporary folder, and the servers on its data."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """The portal's settings: the defaults, with sandbox payments and one address."""
        return Settings(data_dir=self.folder / "data", host=("127.0.0.1",), payment_methods=("sandbox",))

    @property
    def environment(self) -> Mapping[str, str]:
        """The same settings as environment variables."""
        settings = self.settings
        return {
            "FESTGATE_DATA_DIR": str(settings.data_dir),
            "FESTGATE_HOST": ",".join(settings.host),
            "FESTGATE_PAYMENT_METHODS": ",".join(settings.payment_methods),
            # All people use this machine's address, and hold more seats than a campus.
            "FESTGATE_ADDRESS_LIMIT": "10000000",
        }

    @contextmanager
    def portal(self, until: str = "/readyz") -> Iterator[Served]:
        """Run `festgate serve` with one worker until the end of the block, and wait until `until` returns 200."""
        port = free_port()
        with running(
            [sys.executable, "-m", "festgate", "serve", "--port", str(port)],
            log_file=self.folder / "portal.log",
            environment=self.environment,
            # Ignore a festgate.toml in the folder in which the benchmark was started.
            folder=self.folder,
        ) as program:
            wait_for(program, port, until)
            yield Served(program, port)

    @contextmanager
    def bare(self, pages: Pages) -> Iterator[Served]:
        """Run the bare app with these pages until the end of the block."""
        port = free_port()
        listed = {}
        for number, (path, (body, headers)) in enumerate(pages.items()):
            (self.folder / f"page-{number}").write_bytes(body)
            listed[path] = {"file": f"page-{number}", "headers": dict(headers)}
        index = self.folder / "pages.json"
        index.write_text(json.dumps(listed), encoding="utf-8")
        with running(
            [sys.executable, "-m", "bench.bare", str(port), str(index)],
            log_file=self.folder / "bare.log",
            folder=ROOT,
        ) as program:
            wait_for(program, port, next(iter(pages)))
            yield Served(program, port)

    def await_idle(self, portal: Served) -> None:
        """Wait until every fact is handled and every email written, so that no figure includes earlier work."""
        deadline = time.monotonic() + MAX_IDLE_WAIT
        while any((left := waiting(portal)).values()):
            if time.monotonic() > deadline:
                msg = f"After {MAX_IDLE_WAIT:g} seconds these are still waiting: {left}"
                raise BenchError(msg)
            time.sleep(0.2)

    def check(self) -> None:
        """Raise BenchError unless `festgate check` is clean: the figures of a run that broke a rule are invalid."""
        done = subprocess.run(
            [sys.executable, "-m", "festgate", "check"],
            env=clean_environment(self.environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT * 5,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"After the load `festgate check` is not clean:\n{done.stdout}{done.stderr}")

    def count(self, where: str) -> int:
        """Count rows without the help of the portal. `where` is a table, and perhaps a condition."""
        connection = sqlite3.connect(f"file:{self.settings.sqlite_path}?mode=ro", uri=True)
        try:
            return int(connection.execute(f"SELECT count(*) FROM {where}").fetchone()[0])  # noqa: S608  (our own)
        finally:
            connection.close()

    def write(self, name: str, lines: Sequence[str]) -> Path:
        """Write lines to a file in the temporary folder, and return its path."""
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path


def page_of(portal: Served, path: str, token: str, encoding: str = "") -> bytes:
    """Return the page's body for the person with `token`. Raise BenchError for any other response."""
    headers = {"cookie": f"festgate_session={token}"} | ({"accept-encoding": encoding} if encoding else {})
    status, body = fetch(portal.port, path, headers)
    if status != 200 or (encoding == "") != body.startswith(b"<!"):
        msg = f"{path} returned {status} and {len(body)} bytes that are not the page"
        raise BenchError(msg)
    return body


def waiting(portal: Served) -> dict[str, float]:
    """Return the number of waiting facts and emails, from /metrics."""
    text = fetch(portal.port, "/metrics")[1].decode()
    return {
        name: float(value)
        for name, value in re.findall(r'^festgate_state\{what="(\w+_waiting)"\} (\S+)', text, re.MULTILINE)
    }

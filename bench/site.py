"""The environment of a run: a temporary folder, the portal with its data in it, and the bare app."""

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
    PATIENCE,
    BenchError,
    Program,
    clean_environment,
    fetch,
    free_port,
    running,
    wait_for,
)
from festgate.settings import Settings

ROOT = Path(__file__).parent.parent
MAX_REST = 300.0
"""Seconds to wait for all emails of a run to be written."""

Pages = Mapping[str, tuple[bytes, Mapping[str, str]]]
"""Body and headers by path."""


@dataclass(frozen=True)
class Served:
    """A program that answers on a port of 127.0.0.1."""

    program: Program
    port: int

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Site:
    """A temporary folder, and the servers that use it."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """The portal's settings: the defaults, except for play money and one address."""
        return Settings(data_dir=self.folder / "data", host=("127.0.0.1",), payment_methods=("sandbox",))

    @property
    def environment(self) -> Mapping[str, str]:
        """The same settings as environment variables."""
        settings = self.settings
        return {
            "FESTGATE_DATA_DIR": str(settings.data_dir),
            "FESTGATE_HOST": ",".join(settings.host),
            "FESTGATE_PAYMENT_METHODS": ",".join(settings.payment_methods),
            # All users come from this machine, and take more seats than one address may take by default.
            "FESTGATE_ADDRESS_LIMIT": "10000000",
        }

    @contextmanager
    def portal(self, until: str = "/readyz") -> Iterator[Served]:
        """Run `festgate serve` until the end of the block, which begins when the path `until` is answered."""
        port = free_port()
        with running(
            [sys.executable, "-m", "festgate", "serve", "--port", str(port)],
            log_file=self.folder / "portal.log",
            environment=self.environment,
            # Not the current folder: its festgate.toml must not configure this fest.
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

    def wait_until_idle(self, portal: Served) -> None:
        """Wait until every fact is handled and every email is written, so that figures do not affect each other."""
        deadline = time.monotonic() + MAX_REST
        while any((left := waiting(portal)).values()):
            if time.monotonic() > deadline:
                msg = f"After {MAX_REST:g} seconds these are still waiting: {left}"
                raise BenchError(msg)
            time.sleep(0.2)

    def check(self) -> None:
        """Run `festgate check`. Raise BenchError if it finds a problem: the figures would then mean nothing."""
        done = subprocess.run(
            [sys.executable, "-m", "festgate", "check"],
            env=clean_environment(self.environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 5,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"After the load, `festgate check` found problems:\n{done.stdout}{done.stderr}")

    def count(self, where: str) -> int:
        """Count rows with a separate connection. `where` is a table, with or without a condition."""
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
    """Return the page for the user with this session token. Raise BenchError if the answer is not the page."""
    headers = {"cookie": f"festgate_session={token}"} | ({"accept-encoding": encoding} if encoding else {})
    status, body = fetch(portal.port, path, headers)
    if status != 200 or (encoding == "") != body.startswith(b"<!"):
        msg = f"{path} was answered with {status} and {len(body)} bytes that are not the page"
        raise BenchError(msg)
    return body


def waiting(portal: Served) -> dict[str, float]:
    """Return the numbers of waiting facts and emails, from /metrics."""
    text = fetch(portal.port, "/metrics")[1].decode()
    return {
        name: float(value)
        for name, value in re.findall(r'^festgate_state\{what="(\w+_waiting)"\} (\S+)', text, re.MULTILINE)
    }

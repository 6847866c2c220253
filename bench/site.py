"""The place of a run: a scratch folder, the portal over the data in it, and the bare app beside it."""

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
    running,
    wait_for,
)
from festgate.ports import free_port
from festgate.settings import Settings

ROOT = Path(__file__).parent.parent
MAX_REST = 300.0
"""Seconds for all emails of a run to be written."""

Pages = Mapping[str, tuple[bytes, Mapping[str, str]]]
"""Body and headers by path."""


@dataclass(frozen=True)
class Served:
    """A program that answers on a port of 127.0.0.1."""

    program: Program
    port: int

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Site:
    """A scratch folder and what runs over it."""

    scratch: Path

    @property
    def settings(self) -> Settings:
        """The portal's: everything as it comes, but for play money and one address."""
        return Settings(data_dir=self.scratch / "data", host=("127.0.0.1",), payment_methods=("sandbox",))

    @property
    def environment(self) -> Mapping[str, str]:
        """The same settings for a process."""
        settings = self.settings
        return {
            "FESTGATE_DATA_DIR": str(settings.data_dir),
            "FESTGATE_HOST": ",".join(settings.host),
            "FESTGATE_PAYMENT_METHODS": ",".join(settings.payment_methods),
            # All its people come from this machine, and take more seats than a campus.
            "FESTGATE_ADDRESS_LIMIT": "10000000",
        }

    @contextmanager
    def portal(self, until: str = "/readyz") -> Iterator[Served]:
        """`festgate serve` as its users run it, one process; `until` is answered, and it ends with the block."""
        port = free_port()
        with running(
            [sys.executable, "-m", "festgate", "serve", "--port", str(port)],
            log_file=self.scratch / "portal.log",
            environment=self.environment,
            # A festgate.toml where the benchmark is started is not for this fest.
            folder=self.scratch,
        ) as program:
            wait_for(program, port, until)
            yield Served(program, port)

    @contextmanager
    def bare(self, pages: Pages) -> Iterator[Served]:
        """The bare app with those pages; it ends with the block."""
        port = free_port()
        listed = {}
        for number, (path, (body, headers)) in enumerate(pages.items()):
            (self.scratch / f"page-{number}").write_bytes(body)
            listed[path] = {"file": f"page-{number}", "headers": dict(headers)}
        index = self.scratch / "pages.json"
        index.write_text(json.dumps(listed), encoding="utf-8")
        with running(
            [sys.executable, "-m", "bench.bare", str(port), str(index)],
            log_file=self.scratch / "bare.log",
            folder=ROOT,
        ) as program:
            wait_for(program, port, next(iter(pages)))
            yield Served(program, port)

    def come_to_rest(self, portal: Served) -> None:
        """Until every fact is told and every email written, so that no figure pays for the one before it."""
        deadline = time.monotonic() + MAX_REST
        while any((left := waiting(portal)).values()):
            if time.monotonic() > deadline:
                msg = f"After {MAX_REST:g} seconds there still wait: {left}"
                raise BenchError(msg)
            time.sleep(0.2)

    def check(self) -> None:
        """`festgate check` has to be clean: a figure of a run that broke a rule is none."""
        done = subprocess.run(
            [sys.executable, "-m", "festgate", "check"],
            env=clean_environment(self.environment),
            cwd=self.scratch,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 5,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"After the load `festgate check` is not clean:\n{done.stdout}{done.stderr}")

    def count(self, where: str) -> int:
        """Rows, seen from outside the portal. `where` is a table, and perhaps a condition."""
        connection = sqlite3.connect(f"file:{self.settings.sqlite_path}?mode=ro", uri=True)
        try:
            return int(connection.execute(f"SELECT count(*) FROM {where}").fetchone()[0])  # noqa: S608  (our own)
        finally:
            connection.close()

    def write(self, name: str, lines: Sequence[str]) -> Path:
        """A file of the scratch folder, with one a line."""
        path = self.scratch / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path


def page_of(portal: Served, path: str, token: str, encoding: str = "") -> bytes:
    """The body that the person of `token` gets. Raises BenchError for anything but the page."""
    headers = {"cookie": f"festgate_session={token}"} | ({"accept-encoding": encoding} if encoding else {})
    status, body = fetch(portal.port, path, headers)
    if status != 200 or (encoding == "") != body.startswith(b"<!"):
        msg = f"{path} was answered with {status} and {len(body)} bytes that are not the page"
        raise BenchError(msg)
    return body


def waiting(portal: Served) -> dict[str, float]:
    """Facts and emails that wait, as /metrics tells."""
    text = fetch(portal.port, "/metrics")[1].decode()
    return {
        name: float(value)
        for name, value in re.findall(r'^festgate_state\{what="(\w+_waiting)"\} (\S+)', text, re.MULTILINE)
    }

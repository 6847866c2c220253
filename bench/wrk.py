"""The load generator wrk: find it, run it, and read its counts."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BenchError

SCRIPTS = Path(__file__).parent / "lua"
CONNECTIONS = 32
ABSENT = (
    "The load generator wrk is not on the PATH. Install the package `wrk` of your distribution or of Homebrew "
    "(`apt-get install wrk`, `brew install wrk`) and try again."
)


@dataclass(frozen=True)
class Counts:
    """The result of one run of wrk. Latencies are in milliseconds."""

    rate: float
    """Answers per second."""
    answers: int
    bytes: int
    wrong: int
    """Wrong answers and failed connections."""
    last_wrong: str
    p50: float
    p99: float
    client_share: float
    """Share of one core that wrk used."""


def find() -> str:
    """Return the path of wrk; install it if this is root and apt-get exists. Raise BenchError if it is missing."""
    path = shutil.which("wrk")
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("wrk is missing: installing the distribution's package.", file=sys.stderr)
        for words in (["apt-get", "update"], ["apt-get", "install", "--yes", "wrk"]):
            subprocess.run(
                words,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            )
        path = shutil.which("wrk")
    if path is None:
        raise BenchError(ABSENT)
    return path


def visit(url: str, seconds: float, tokens: Path, encoding: str | None = None) -> Counts:
    """Send GET requests for `seconds`, by the users of `tokens` in turn."""
    words = [str(tokens), *([encoding] if encoding else [])]
    fields, share = _run("visit.lua", url, seconds, words)
    requests, micros, read, wrong, p50, p99 = (int(field) for field in fields)
    rate = requests / micros * 1e6
    return Counts(rate, requests, read, wrong, "", p50 / 1000, p99 / 1000, share)


def register(url: str, seconds: float, tokens: Path, slugs: Path, offset: int) -> Counts:
    """Send registrations for `seconds`, from the pair number `offset` on."""
    fields, share = _run("register.lua", url, seconds, [str(tokens), str(slugs), str(offset)])
    right, micros, wrong, broken, last, p50, p99 = fields
    rate = int(right) / int(micros) * 1e6
    failures = int(wrong) + int(broken)
    return Counts(rate, int(right), 0, failures, last, int(p50) / 1000, int(p99) / 1000, share)


def _run(script: str, url: str, seconds: float, words: Sequence[str]) -> tuple[list[str], float]:
    """Run a script; return the fields of the line that it prints, and wrk's share of a core."""
    before, started = _children_seconds(), time.perf_counter()
    # In its own process group, so that only this process gets Ctrl-C; `run` then kills wrk and waits for its end.
    done = subprocess.run(
        [
            find(),
            "--threads=1",
            f"--connections={CONNECTIONS}",
            f"--duration={max(1, round(seconds))}s",
            "--timeout=10s",
            f"--script={SCRIPTS / script}",
            url,
            "--",
            *words,
        ],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds + 60,
        check=False,
        start_new_session=True,
    )
    share = (_children_seconds() - before) / (time.perf_counter() - started)
    for line in done.stdout.splitlines():
        if line.startswith("counted "):
            return line.split()[1:], share
    msg = f"wrk printed no counts (exit code {done.returncode}):\n{done.stdout}{done.stderr}"
    raise BenchError(msg)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

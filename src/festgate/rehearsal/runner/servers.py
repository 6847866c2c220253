"""Servers that a rehearsal starts and stops itself."""

import hashlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

import psutil

from festgate.ports import free_port
from festgate.rehearsal import http_client
from festgate.rehearsal.runner.child_processes import hold_interrupts
from festgate.rehearsal.runs.plan import normalise_text

START_TIMEOUT: Final = 60.0
"""Seconds for a server to answer its first request."""
CODE: Final = frozenset({".py", ".html", ".css", ".js", ".txt"})
STOP_TIMEOUT: Final = 20.0
"""Seconds for a process to end after a signal."""
NEW_GROUP: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""A flag that shields a process from Ctrl-C on Windows, as `start_new_session` does elsewhere."""
_SIGN_IN = re.compile(r"Sign in as (organiser|staff) with the password (\S+)")


class CannotServe(Exception):
    """A server that did not start. The message has the last line of its log."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    pid: int
    identity: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the journey: accounts of this server."""
    folder: Path | None = None
    """The folder of a temporary portal, with its data (`data`) and its log (`server.log`)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings of a temporary portal, as environment variables."""


@contextmanager
def temporary_portal(
    source: Path | None = None, build: str = "", extra: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serve the demo fest with temporary data and sandbox payments; all of it is removed with the block.

    `source` is another version's code, which `build` names; `extra` are more settings. Raises CannotServe.
    """
    with tempfile.TemporaryDirectory(prefix="festgate-rehearsal-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        settings = {
            "FESTGATE_DATA_DIR": str(folder / "data"),
            "FESTGATE_HOST": "127.0.0.1",
            "FESTGATE_PAYMENT_METHODS": "sandbox",
            # All visitors of a rehearsal have one address.
            "FESTGATE_ADDRESS_LIMIT": "1000000",
            **(extra or {}),
        }
        if source is not None:
            settings["PYTHONPATH"] = str(source)
        command = [sys.executable, "-m", "festgate", "serve", "--demo", "--port", "{port}"]
        with serving(command, folder, settings) as server:
            log = (folder / "server.log").read_text(encoding="utf-8", errors="replace")
            accounts = {
                f"FESTGATE_REHEARSAL_{name.upper()}": f"{name}:{password}"
                for name, password in _SIGN_IN.findall(log)
            }
            yield Server(server.url, server.pid, {"build": build or version()}, accounts, folder, settings)


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    extra: Mapping[str, str] | None = None,
    *,
    working_folder: Path | None = None,
) -> Iterator[Server]:
    """Run a command that serves, with `{port}` filled in, until the block ends. Raises CannotServe.

    Its log goes into `folder`, which is also its working folder unless another is given.
    """
    port = free_port()
    words = [word.replace("{port}", str(port)) for word in command]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    log = folder / "server.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        try:
            with log.open("wb") as output, hold_interrupts():
                process = subprocess.Popen(
                    words,
                    cwd=working_folder or folder,
                    # The log is read as UTF-8, and printing must not fail if the console has another encoding.
                    env={**inherited, "PYTHONIOENCODING": "utf-8", **(extra or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in the terminal is for the rehearsal, which then ends its server itself.
                    start_new_session=True,
                    creationflags=NEW_GROUP,
                )
        except OSError as error:
            msg = f"{words[0]} cannot be started: {error.strerror}."
            raise CannotServe(msg) from None
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, url, log)
        yield Server(url, process.pid, {"build": " ".join(command)})
    finally:
        if process is not None:
            end_process(process)


def end_process(process: "subprocess.Popen[Any]") -> None:
    """End a process, then the children that it left behind: first with a signal, after a while by force."""
    with hold_interrupts():
        _end_process(process)


def _end_process(process: "subprocess.Popen[Any]") -> None:
    if process.poll() is not None:
        return
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        children = []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        with suppress(psutil.Error):
            child.terminate()
    _, remaining = psutil.wait_procs(children, STOP_TIMEOUT)
    for child in remaining:
        with suppress(psutil.Error):
            child.kill()


def version() -> str:
    """Return Festgate's version and a fingerprint of its code: edited code is another build."""
    package = Path(__file__).parent.parent.parent
    fingerprint = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in CODE:
            fingerprint.update(normalise_text(path.read_bytes()))
    return f"festgate {installed('festgate')}, code {fingerprint.hexdigest()[:12]}"


def _wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        if process.poll() is not None:
            msg = f"The server ended before it answered (exit code {process.returncode}): {_last_line(log)}"
            raise CannotServe(msg)
        try:
            http_client.get(url, timeout=START_TIMEOUT)  # any status will do: the journey checks the pages
        except http_client.NoResponse:
            if time.monotonic() > deadline:
                msg = f"The server did not answer within {START_TIMEOUT:g} seconds: {_last_line(log)}"
                raise CannotServe(msg) from None
            time.sleep(0.05)
        else:
            return


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "its log is empty."


def new_seed() -> int:
    """Return a random seed for a run without a given one; the run keeps it, so that it can be repeated."""
    return secrets.randbelow(2**31)

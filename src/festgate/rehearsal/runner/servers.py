"""Servers that a rehearsal starts for itself, and ends."""

import hashlib
import os
import re
import secrets
import signal
import socket
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

from festgate.rehearsal import http_client
from festgate.rehearsal.runs.plan import as_written

PATIENCE: Final = 60.0
"""Seconds for a server to answer its first request."""
CODE: Final = frozenset({".py", ".html", ".css", ".js", ".txt"})
GOODBYE: Final = 20.0
"""Seconds for it to end when it is asked to."""
NEW_GROUP: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""What keeps Ctrl-C away from it on Windows, as a session of its own does elsewhere."""
_SIGN_IN = re.compile(r"Sign in as (organiser|staff) with the password (\S+)")


class CannotServe(Exception):
    """The server did not come up; the sentence holds the end of what it said."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    pid: int
    identity: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What a journey has to know of it."""
    folder: Path | None = None
    """Where a portal of our own keeps its data (`data`) and its log (`server.log`)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings of a portal of our own, as its environment has them."""


@contextmanager
def own_portal(
    source: Path | None = None, build: str = "", extra: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A portal over a scratch copy: the demo fest, with play money. Gone with the block.

    Of this Festgate, or of the one whose code lies in `source`, where `build` names it; `extra` are settings that it
    has besides. Raises CannotServe.
    """
    with tempfile.TemporaryDirectory(prefix="festgate-rehearsal-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        settings = {
            "FESTGATE_DATA_DIR": str(folder / "data"),
            "FESTGATE_HOST": "127.0.0.1",
            "FESTGATE_PAYMENT_METHODS": "sandbox",
            # Everybody comes from one address here.
            "FESTGATE_ADDRESS_LIMIT": "1000000",
            **(extra or {}),
        }
        if source is not None:
            settings["PYTHONPATH"] = str(source)
        command = [sys.executable, "-m", "festgate", "serve", "--demo", "--port", "{port}"]
        with serving(command, folder, settings) as server:
            said = (folder / "server.log").read_text(encoding="utf-8", errors="replace")
            known = {
                f"FESTGATE_REHEARSAL_{name.upper()}": f"{name}:{password}"
                for name, password in _SIGN_IN.findall(said)
            }
            yield Server(server.url, server.pid, {"build": build or version()}, known, folder, settings)


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    extra: Mapping[str, str] | None = None,
    *,
    folder_of_work: Path | None = None,
) -> Iterator[Server]:
    """Run a command that serves, `{port}` filled in, until the block ends. Raises CannotServe.

    Its log goes into `folder`, which is also where it is started unless `folder_of_work` is another.
    """
    port = free_port()
    filled = [part.replace("{port}", str(port)) for part in command]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    log = folder / "server.log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                filled,
                cwd=folder_of_work or folder,
                # Its log is read as UTF-8, and what it prints is not to fail where the console's own would not.
                env={**kept, "PYTHONIOENCODING": "utf-8", **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the rehearsal, which then ends its server itself.
                start_new_session=True,
                creationflags=NEW_GROUP,
            )
        except OSError as error:
            msg = f"{filled[0]} cannot be started: {error.strerror}."
            raise CannotServe(msg) from None
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, url, log)
        yield Server(url, process.pid, {"build": " ".join(command)})
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """Ask it to end, and then what it has started and left behind, as a shell does; end what does not."""
    if process.poll() is not None:
        return
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        started = []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(GOODBYE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in started:
        with suppress(psutil.Error):
            child.terminate()
    _, lasting = psutil.wait_procs(started, GOODBYE)
    for child in lasting:
        with suppress(psutil.Error):
            child.kill()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def version() -> str:
    """Festgate's own, and a mark of its code: an edit is another build."""
    package = Path(__file__).parent.parent.parent
    mark = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in CODE:
            mark.update(as_written(path.read_bytes()))
    return f"festgate {installed('festgate')}, code {mark.hexdigest()[:12]}"


def _wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            msg = f"The server ended before it answered (exit code {process.returncode}): {_last_line(log)}"
            raise CannotServe(msg)
        try:
            http_client.get(url, timeout=PATIENCE)  # with whatever status: the journey checks the pages
        except http_client.NoAnswer:
            if time.monotonic() > until:
                msg = f"The server did not answer within {PATIENCE:g} seconds: {_last_line(log)}"
                raise CannotServe(msg) from None
            time.sleep(0.05)
        else:
            return


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."


def new_seed() -> int:
    """A seed for a run that was given none; kept with it, so that it can be repeated."""
    return secrets.randbelow(2**31)

"""A submitted app in a process of its own: under limits, on loopback, and ended with everything that it started."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from festgate.rehearsal.runner.servers import NEW_GROUP

RUNNER: Final = Path(__file__).parent / "runner.py"
MARK: Final = "FESTGATE_LAB_RUN"
"""In the environment of a submitted app, and so of what it starts: how that is found again."""
KEPT: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "WINDIR",
    "SYSTEMDRIVE",
    "PATHEXT",
    "COMSPEC",
)
"""Of our environment; everything else may hold a secret."""
COUNTS: Final = ("instructions", "calls", "statements", "rows", "steps")
"""What is counted: see `runner`."""
LOOK_AGAIN: Final = 0.2
"""Seconds between two looks at what it uses."""
GONE: Final = 5.0
"""Seconds that a process that was killed may take to be gone."""
MAX_LINE_LENGTH: Final = 1_000_000
MAX_WORDS_LENGTH: Final = 240
MEBIBYTE: Final = 1024 * 1024


class AppFailed(Exception):
    """The app did not come up, or is gone; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an app may use. The starter needs 1 s to start, 90 MB and twenty open files."""

    start: float = 30.0
    """Seconds until it can be asked."""
    answer: float = 10.0
    """Seconds for one answer."""
    scenario: float = 120.0
    """Seconds for all answers of a play; the starter takes five."""
    processor: int = 300
    """Seconds of processor time, of each of its processes."""
    memory: int = 1024 * MEBIBYTE
    """Resident bytes, of all its processes."""
    address_space: int = 4096 * MEBIBYTE
    """Bytes of one process; threads reserve much more than they use."""
    files: int = 256
    """Open at once."""
    written: int = 64 * MEBIBYTE
    """Bytes of one file, what it prints included."""
    processes: int = 8
    """That it starts, at one time."""
    instructions: int = 400_000
    """Of one request, after which no more are counted."""


@dataclass(frozen=True)
class SandboxedApp:
    """One that answers."""

    port: int
    pid: int
    python: str
    """The version of its interpreter."""
    missing: tuple[str, ...]
    """Limits that this system does not have."""
    limits: Limits
    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _control: socket.socket = field(repr=False)
    _log: Path = field(repr=False)
    _watch: "_Watch" = field(repr=False)

    @property
    def url(self) -> str:
        """Where."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        """Whether it still does."""
        return self._process.poll() is None

    def ends(self) -> bool:
        """Whether it is at its end now; a process that has hung up may still take a moment."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LOOK_AGAIN)
        return not self.runs

    def why_gone(self) -> str:
        """How it ended, as far as that can be told."""
        return _why_gone(self._process, self._log, self._watch.too_much, self.limits)

    def begin(self) -> None:
        """Count from 0. Raises AppFailed."""
        self._say("begin")

    def counted(self) -> tuple[dict[str, int], dict[str, int]]:
        """Each of COUNTS, and how often an error of a name was raised by its code. Raises AppFailed."""
        told = self._say("counts")
        try:
            counts = {name: int(told["counts"][name]) for name in COUNTS}
            raised = {str(name): int(count) for name, count in told["raised"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            msg = "What the app's process says of its counts cannot be read."
            raise AppFailed(msg) from None
        return counts, raised

    def _say(self, word: str) -> Any:  # noqa: ANN401  (what JSON holds)
        try:
            self._control.sendall(json.dumps(word).encode() + b"\n")
            return json.loads(_line(self._control, time.monotonic() + self.limits.answer))
        except (OSError, ValueError, RecursionError):
            raise AppFailed(self.why_gone()) from None


class _Watch:
    """Looks at what an app uses, on a thread of its own, and ends it when that is too much."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._done = threading.Event()
        self._seen: dict[int, psutil.Process] = {}
        self.too_much = ""
        """A sentence, where it was."""
        self._thread = threading.Thread(target=self._run, name="confined", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the app, and what it started."""
        self._done.set()
        self._thread.join()
        self._look()
        _kill(self._process, self._seen.values())
        _wait_for(self._seen.values())

    def _run(self) -> None:
        while not self._done.wait(LOOK_AGAIN):
            self._look()
            if self.too_much:
                _kill(self._process, self._seen.values())
                return

    def _look(self) -> None:
        memory = 0
        with suppress(psutil.Error):
            first = psutil.Process(self._process.pid)
            # The starter's process itself is ours to wait for; its children may outlive it.
            children = first.children(recursive=True)
            self._seen |= {child.pid: child for child in children}
            for each in (first, *children):
                with suppress(psutil.Error):
                    memory += each.memory_info().rss
            if len(children) > self._limits.processes:
                self.too_much = f"It started more than {self._limits.processes} processes."
            if memory > self._limits.memory:
                self.too_much = f"It used more than {self._limits.memory // MEBIBYTE} MB of memory."


@contextmanager
def sandboxed(
    folder: Path, python: str, log: Path, *, count: bool = False, limits: Limits | None = None
) -> Iterator[SandboxedApp]:
    """Serve the app (`main:app`) of `folder` with that interpreter until the block ends. Raises AppFailed.

    `folder` is a scratch copy, which it may write to. What it prints goes into `log`. With `count` it is instrumented,
    and many times slower.
    """
    limits = limits or Limits()
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process: subprocess.Popen[bytes] | None = None
        watch: _Watch | None = None
        control: socket.socket | None = None
        try:
            process = _started(folder, python, log, token)
            watch = _Watch(process, limits)
            order = {
                "call": listening.getsockname()[1],
                "token": token,
                "count": count,
                "most": limits.instructions,
                "limits": {
                    "AS": limits.address_space,
                    "CPU": limits.processor,
                    "NOFILE": limits.files,
                    "FSIZE": limits.written,
                    "CORE": 0,
                },
            }
            assert process.stdin is not None  # noqa: S101  (a pipe, as it was started)
            with suppress(OSError), process.stdin as told:
                told.write(json.dumps(order).encode() + b"\n")
            control, said = _called_back(listening, process, watch, limits, token, log)
            if "error" in said:
                msg = f"It cannot be served: {str(said['error'])[:MAX_WORDS_LENGTH]}."
                raise AppFailed(msg)
            yield _app(said, process, control, log, watch, limits)
        finally:
            # Whoever cuts it off may do so before it is known under its number, and its mark is known.
            if watch is not None:
                watch.end()
            _kill_marked(token)
            if process is not None:
                process.wait()
            if control is not None:
                control.close()


def _app(
    said: Mapping[str, Any],
    process: "subprocess.Popen[bytes]",
    control: socket.socket,
    log: Path,
    watch: _Watch,
    limits: Limits,
) -> SandboxedApp:
    try:
        port, python, missing = int(said["port"]), str(said["python"]), tuple(map(str, said["missing"]))
    except (KeyError, TypeError, ValueError):
        msg = "What the app's process says of itself cannot be read."
        raise AppFailed(msg) from None
    return SandboxedApp(port, process.pid, python, missing, limits, process, control, log, watch)


def _started(folder: Path, python: str, log: Path, token: str) -> "subprocess.Popen[bytes]":
    own = {name: value for name, value in os.environ.items() if name.upper() in KEPT}
    scratch = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder))
    # A fixed order of sets, so that what is counted twice is the same twice.
    told = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", MARK: token}
    with log.open("wb") as output:
        try:
            return subprocess.Popen(
                [python, "-s", "-B", str(RUNNER)],
                cwd=folder,
                env={**own, **scratch, **told},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=NEW_GROUP,
            )
        except OSError as error:
            msg = f"{python} cannot be started: {error.strerror}."
            raise AppFailed(msg) from None


def _called_back(
    listening: socket.socket,
    process: "subprocess.Popen[bytes]",
    watch: _Watch,
    limits: Limits,
    token: str,
    log: Path,
) -> tuple[socket.socket, Mapping[str, Any]]:
    """Its line to us, and what it said first. Raises AppFailed."""
    until = time.monotonic() + limits.start
    listening.settimeout(LOOK_AGAIN)
    ended = False
    while not ended and time.monotonic() < until:
        # What it said before it ended is still to be heard.
        ended = process.poll() is not None
        with suppress(TimeoutError):
            control, _ = listening.accept()
            said = _first_words(control, process, until)
            if isinstance(said, dict) and said.get("token") == token:
                return control, said
            # Who calls without the word is somebody else.
            control.close()
    if ended:
        raise AppFailed(_why_gone(process, log, watch.too_much, limits))
    msg = f"It did not start within {limits.start:g} s: something in it does not end, or waits."
    raise AppFailed(msg)


def _first_words(control: socket.socket, process: "subprocess.Popen[bytes]", until: float) -> object:
    """What JSON the first line holds; None where none came."""
    while time.monotonic() < until:
        ended = process.poll() is not None
        try:
            return json.loads(_line(control, time.monotonic() + LOOK_AGAIN))
        except TimeoutError:
            if ended:
                return None
        except (OSError, ValueError, RecursionError):
            return None
    return None


def _line(control: socket.socket, until: float) -> bytes:
    """One line. Raises TimeoutError, OSError; ValueError where the line is cut off, or none."""
    found = bytearray()
    while not found.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        control.settimeout(left)
        # What has not all come stays there for the next look.
        waiting = control.recv(65_536, socket.MSG_PEEK)
        if b"\n" not in waiting and len(waiting) < MAX_LINE_LENGTH:
            if not waiting:
                raise ValueError
            time.sleep(LOOK_AGAIN / 20)
            continue
        found += control.recv(waiting.index(b"\n") + 1)
    return bytes(found)


def _why_gone(process: "subprocess.Popen[bytes]", log: Path, too_much: str, limits: Limits) -> str:
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    code = process.poll()
    last = _last_words(log)
    if too_much:
        return too_much
    if code is None:
        return f"It does not answer any more: {last}"
    if code < 0 and -code == getattr(signal, "SIGXCPU", None):
        return f"It used more than {limits.processor} s of processor time."
    if "MemoryError" in last:
        return f"It used more than {limits.address_space // MEBIBYTE} MB of memory: {last}"
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"It ended by itself {how}: {last}"


def _last_words(log: Path) -> str:
    """The last line that it printed, made fit to be shown: it may be anything."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8 * MAX_WORDS_LENGTH))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return "nothing is known of it."
    for line in reversed(lines):
        shown = " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
        if shown:
            return shown[:MAX_WORDS_LENGTH]
    return "it said nothing."


def _kill(process: "subprocess.Popen[bytes]", others: Any) -> None:  # noqa: ANN401  (of psutil, which is untyped)
    if sys.platform != "win32":
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    for each in others:
        # psutil looks whether a number is still the process that it was.
        with suppress(psutil.Error):
            each.kill()
    with suppress(OSError):
        process.kill()


def _kill_marked(token: str) -> None:
    """What left the group and whose parent is gone, if it kept its environment; and wait until it is."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if each.environ().get(MARK) == token:
                each.kill()
                found.append(each)
    _wait_for(found)


def _wait_for(ended: Iterable[psutil.Process]) -> None:
    """Until they are gone; a dead one whose parent does not ask for it counts as that."""
    until = time.monotonic() + GONE
    for each in ended:
        with suppress(psutil.Error):
            while each.is_running() and each.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
                time.sleep(LOOK_AGAIN / 20)

"""Record the requests of locustfiles: run them in a confined process, against a server that answers anything."""

import ast
import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from festgate.lab.verify.intake import remove_folder
from festgate.lab.verify.protections import confined, protections
from festgate.lab.verify.sandbox import AppFailed, Limits, confined_process

RECORDER: Final = Path(__file__).parent / "load_recorder.py"
RESULT: Final = "recordings.jsonl"
MAX_RESULT_BYTES: Final = 8 * 1024 * 1024
MAX_PAGE_LENGTH: Final = 100_000
START_PROCESSOR, FILE_PROCESSOR = 5, 5
"""Seconds of processor time to start, and for one file; they take 1.2 and 0.2."""
SECONDS: Final = 180.0
"""Seconds for all files; only a file that waits for ever reaches this limit."""
NOT_COPIED: Final = shutil.ignore_patterns(
    ".*", "__pycache__", "node_modules", "site-packages", "*.db", "runs"
)


class NoRecording(Exception):
    """Locustfiles cannot be run here; the message gives the reason."""


@dataclass(frozen=True)
class RecordedRequest:
    """One request of a locustfile."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: str
    name: str
    """The row of Locust's statistics; empty for a request that they do not count."""
    at_start: bool
    """Whether it was sent before the user's first task."""
    default_name: str
    """The row without `name=`."""


@dataclass(frozen=True)
class Recording:
    """The requests and pauses of a locustfile."""

    error: str = ""
    """The reason why it has no requests."""
    line: int = 0
    """The line of the error; 0 if unknown."""
    hosts: tuple[str, ...] = ()
    """The `host` of each user class; empty for none."""
    clients: tuple[str, ...] = ()
    """Locust's class below each user class: `HttpUser`."""
    has_shape: bool = False
    """Whether it decides the number of users by itself."""
    requests: tuple[RecordedRequest, ...] = ()
    rounds: int = 0
    """The number of times that a task was run."""
    waits: tuple[float, ...] = ()
    """Seconds between tasks."""
    sleeps: float = 0.0
    """Seconds of pauses within tasks, on average of a round."""
    failures: Mapping[str, float] = field(default_factory=dict)
    """The share of each kind of answer (`404`, `wrong page`) that counts as a failure."""


@contextmanager
def recorded(page: str, tree: Path, files: Sequence[Path]) -> Iterator[Callable[[], list[Recording]]]:
    """Begin to record locustfiles of a folder, whose requests are answered with `page`.

    Yields the function that waits for the recordings. Both raise NoRecording.
    """
    if find_spec("locust") is None:
        msg = "Locust is not installed beside Festgate"
        raise NoRecording(msg)
    with _temporary_copy(tree) as work:
        paths = [str(work / "tree" / file.relative_to(tree)) for file in files]
        with ExitStack() as running:
            wait = running.enter_context(_recorder(page, work, paths))

            def wait_for_all() -> list[Recording]:
                recordings = wait()
                while waiting := paths[len(recordings) :]:
                    running.close()
                    recordings += running.enter_context(_recorder(page, work, waiting))()
                return recordings

            yield wait_for_all


@lru_cache(maxsize=8)
def recordings_of_starter(folder: Path, names: tuple[str, ...]) -> Mapping[str, Recording]:
    """Return the recordings of a starter's locustfiles by their names. Raises NoRecording."""
    with recorded(starter_page(folder), folder, [folder / name for name in names]) as wait:
        return dict(zip(names, wait(), strict=True))


@contextmanager
def _temporary_copy(tree: Path) -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
    environments = {path.parent.name for path in tree.glob("*/pyvenv.cfg")}

    def ignored(folder: str, names: list[str]) -> set[str]:
        return NOT_COPIED(folder, names) | (environments & set(names) if Path(folder) == tree else set())

    try:
        try:
            shutil.copytree(tree, work / "tree", ignore=ignored, symlinks=True)
        except OSError as error:
            msg = f"{tree} cannot be copied: {error.strerror or error}"
            raise NoRecording(msg) from None
        yield work
    finally:
        remove_folder(work)


@contextmanager
def _recorder(page: str, work: Path, files: Sequence[str]) -> Iterator[Callable[[], list[Recording]]]:
    """Record files up to the first that does not end, which is recorded as an error; yield the function that waits."""
    result = work / RESULT
    result.unlink(missing_ok=True)
    token = secrets.token_hex(16)
    limits = replace(Limits(), processor=START_PROCESSOR + FILE_PROCESSOR * len(files))
    command = confined(
        [sys.executable, "-P", "-s", "-B", str(RECORDER)],
        protections(),
        limits.resources,
        readable=[RECORDER],
        writable=[work],
    )
    config = {"files": files, "page": page, "result": str(result)}
    with ExitStack() as running:
        try:
            recorder = running.enter_context(
                confined_process(command, work, work / "log", token, limits, config, forks=True)
            )
        except AppFailed as error:
            raise NoRecording(str(error)) from None

        def wait() -> list[Recording]:
            try:
                code = recorder.popen.wait(SECONDS)
                used_up = code == -getattr(signal, "SIGXCPU", 0)
                problem = recorder.violation or f"its process ended with code {code}"
                problem = "it does not end" if used_up else problem
            except subprocess.TimeoutExpired:
                problem = f"it does not end within {SECONDS:g} s"
            recordings = [_recording(line) for line in _lines(result)][: len(files)]
            missing = [Recording(error=problem)] if len(recordings) < len(files) else []
            return recordings + missing

        yield wait


def _lines(result: Path) -> list[str]:
    with suppress(OSError):
        if result.is_file() and not result.is_symlink() and result.stat().st_size <= MAX_RESULT_BYTES:
            return result.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _recording(line: str) -> Recording:
    """Return a recording; anything else that a locustfile wrote in its place is an error."""
    try:
        fields = json.loads(line)
        error = fields["error"]
        if error:
            return Recording(error=str(error["message"]), line=int(error["line"]))
        if not fields["requests"]:
            errors = fields["errors"] or [{"message": "no user class sends a request", "line": 0}]
            return Recording(error=str(errors[0]["message"]), line=int(errors[0]["line"]))
        rounds = max(1, int(fields["rounds"]))
        return Recording(
            hosts=tuple(map(str, fields["hosts"])),
            clients=tuple(map(str, fields["clients"])),
            has_shape=bool(fields["shape"]),
            requests=tuple(map(_request, fields["requests"])),
            rounds=rounds,
            waits=tuple(map(float, fields["waits"])),
            sleeps=float(fields["sleeps"]) / rounds,
            failures={
                str(kind): failed / total for kind, (failed, total) in fields["failures"].items() if total
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Recording(error="Its recording cannot be read.")


def _request(fields: Mapping[str, Any]) -> RecordedRequest:
    path, query = str(fields["path"]), str(fields["query"])
    return RecordedRequest(
        method=str(fields["method"]),
        host=str(fields["host"]),
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers={str(name): str(value) for name, value in fields["headers"].items()},
        body=str(fields["body"]),
        name=str(fields["name"] or ""),
        at_start=bool(fields["at_start"]),
        default_name=f"{path}?{query}" if query else path,
    )


@lru_cache(maxsize=8)
def starter_page(folder: Path) -> str:
    """Return a page with everything that the starter's pages may contain: its templates, and the texts in its code."""
    texts = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.suffix not in {".html", ".py"} or any(part.startswith(".") for part in parts):
            continue
        with suppress(OSError, ValueError, SyntaxError, RecursionError):
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".html":
                texts.append(text)
            else:
                texts += [
                    node.value
                    for node in ast.walk(ast.parse(text))
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                ]
    return "\n".join(dict.fromkeys(texts))[:MAX_PAGE_LENGTH]

"""Compare the submission's locustfiles with the starter's: both are run, and their requests are recorded and compared.

A file that is written differently and does the same is reported as equivalent. Where locustfiles cannot be run, changed
ones are read.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final
from urllib.parse import urlsplit

from festgate.lab.description.starter import Starter
from festgate.lab.student.code import without_docstrings
from festgate.lab.student.folder import load_file
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.recordings import (
    NoRecording,
    RecordedRequest,
    Recording,
    recorded,
    recordings_of_starter,
    starter_page,
)

DEFAULT_HOST: Final = "http://localhost:8000"
"""The host of recorded users whose class has none."""
REJECTED: Final = 400
PAUSE_MARGIN: Final = 0.1
"""Share by which the limits of a pause may differ, as they are drawn at random."""
MIN_PAUSE: Final = 0.02
"""Seconds that count as a pause."""
USUAL_HEADERS: Final = frozenset({"user-agent", "cookie", "content-length", "content-type"})
"""Headers that differ between clients, or follow from the request."""
CONNECTION_HEADERS: Final = frozenset({"connection", "accept-encoding"})
"""Headers that change how a response is sent."""
MAX_LISTED: Final = 3
MAX_LENGTH: Final = 160


@dataclass(frozen=True, slots=True)
class _LoadFile:
    """A locustfile of the submission, and the starter's."""

    route: str
    """`/events`; empty for the journey."""
    original: str
    """The starter's file, relative to its folder."""
    file: Path
    place: str
    """The file in the submission, for the finding."""
    only_route: bool
    """Whether only its requests of the route are compared: it has another name and may hold other loads, too."""


@contextmanager
def compare_loads(
    starter: Starter, app: Path, tree: Path, statuses: Mapping[str, int]
) -> Iterator[Callable[[], list[SubmissionFinding]]]:
    """Begin to run the locustfiles of the app in the folder `app` of the submission `tree`.

    Yields the function that waits for their end and returns the findings. `statuses` are the starter's answers to
    requests without a person, by their routes.
    """
    findings: list[SubmissionFinding] = []
    changed: list[_LoadFile] = []
    for name in starter.load:
        route = starter.paths.get(name, "")
        loaded = _find(starter, app, tree, name)
        if loaded is None:
            findings.append(SubmissionFinding("load-missing", route, starter.load[name]))
        elif _code(loaded.file) != _code(load_file(starter, starter.folder, name)):
            changed.append(loaded)
    if not changed:
        yield lambda: findings
        return
    with ExitStack() as running:
        try:
            before = recordings_of_starter(starter.folder, tuple(starter.load.values()))
            files = [loaded.file for loaded in changed]
            wait = running.enter_context(recorded(starter_page(starter.folder), tree, files))
        except NoRecording as error:
            findings += [_read(starter, loaded, str(error)) for loaded in changed]
            yield lambda: findings
            return

        def compared() -> list[SubmissionFinding]:
            try:
                recordings = wait()
            except NoRecording as error:
                return [*findings, *(_read(starter, loaded, str(error)) for loaded in changed)]
            for loaded, after in zip(changed, recordings, strict=True):
                findings.extend(_compared(starter, loaded, before[loaded.original], after, statuses))
            return findings

        yield compared


def _compared(
    starter: Starter, loaded: _LoadFile, before: Recording, after: Recording, statuses: Mapping[str, int]
) -> list[SubmissionFinding]:
    if before.error:
        return [_read(starter, loaded, f"the starter's file does not run: {before.error}")]
    return _Comparison(starter, loaded, before, after, statuses).findings()


def _find(starter: Starter, app: Path, tree: Path, name: str) -> _LoadFile | None:
    """Find a locustfile: at its place, by its name elsewhere, or by the route that it requests."""
    route, original = starter.paths.get(name, ""), starter.load[name]
    same = load_file(starter, app, name)
    if same.is_file():
        return _LoadFile(route, original, same, original, only_route=False)
    locustfiles = [
        file
        for file in sorted(
            tree.rglob("*.py"), key=lambda file: (app not in file.parents, len(file.parts), file)
        )
        if file.is_file() and "locust" in _text(file)
    ]
    named = [file for file in locustfiles if file.name == same.name]
    requesting = [file for file in locustfiles if route and route in _text(file)]
    for file in (*named, *requesting):
        place = file.relative_to(tree).as_posix()
        return _LoadFile(route, original, file, place, only_route=file not in named)
    return None


class _Comparison:
    """The differences between two recordings."""

    def __init__(
        self,
        starter: Starter,
        loaded: _LoadFile,
        before: Recording,
        after: Recording,
        statuses: Mapping[str, int],
    ) -> None:
        """Compare `after` with `before`."""
        self._person = starter.person
        self._loaded = loaded
        self._before, self._after = before, after
        self._old = [request for request in before.requests if not request.at_start]
        self._new = [
            request
            for request in after.requests
            if not request.at_start and (not loaded.only_route or request.path == loaded.route)
        ]
        self._statuses = statuses
        self._harmless: list[str] = []

    def findings(self) -> list[SubmissionFinding]:
        """Return the findings; one with the word `harmless` if nothing that matters differs."""
        after = self._after
        if after.error or not self._new:
            problem = after.error or f"it sends no request to {self._loaded.route}"
            return [self._finding("load-broken", f"{_line(after.line)}{problem}")]
        findings = [
            *self._host(),
            *self._pauses(),
            *self._people(),
            *self._requests(),
            *self._grouping(),
            *self._failures(),
        ]
        if self._harmless or not findings:
            differences = (
                "; ".join(self._harmless) or "it is written differently, and its requests are the same"
            )
            findings.append(self._finding("load-equivalent", f"{differences}: harmless"))
        return findings

    def _finding(self, code: str, evidence: str) -> SubmissionFinding:
        return SubmissionFinding(code, self._loaded.route, f"{self._loaded.place}: {evidence}")

    def _host(self) -> Iterator[SubmissionFinding]:
        old, new = _hosts(self._before, self._old), _hosts(self._after, self._new)
        if old != new:
            yield self._finding("host-changed", f"{_listed(old)} became {_listed(new)}")

    def _pauses(self) -> Iterator[SubmissionFinding]:
        old, new = _pause(self._before), _pause(self._after)
        alike = all(
            abs(second - first) <= max(MIN_PAUSE, PAUSE_MARGIN * max(first, second))
            for first, second in zip(old, new, strict=True)
        )
        if not alike:
            yield self._finding("wait-changed", f"pauses of {_seconds(old)} became {_seconds(new)}")

    def _people(self) -> Iterator[SubmissionFinding]:
        old, new = self._people_of(self._old), self._people_of(self._new)
        if old == new:
            return
        lost = {path for path, people in old.items() if people and path in new and not new[path]}
        rejected = {
            path: self._statuses.get(path, 0) for path in lost if self._statuses.get(path, 0) >= REJECTED
        }
        for path, status in sorted(rejected.items()):
            yield self._finding(
                "requests-rejected", f"{path} without `{self._person}`, to which the starter answers {status}"
            )
        kept = {path for path in old if path in new and path not in rejected and old[path] != new[path]}
        for path in sorted(kept):
            first, second = old[path], new[path]
            if not first:
                self._harmless.append(f"{path} has `{self._person}`, which changes no response")
            elif len(second) > len(first):
                yield self._finding(
                    "person-changed",
                    f"{path} for {_listed(sorted(first))} became {len(second)} different people",
                )
            else:
                yield self._finding(
                    "person-changed",
                    f"{path} for {_listed(sorted(first))} became {_listed(sorted(second)) or 'nobody'}",
                )

    def _people_of(self, requests: Sequence[RecordedRequest]) -> dict[str, frozenset[str]]:
        people: dict[str, set[str]] = {}
        for request in requests:
            people.setdefault(request.path, set()).update(
                value for name, value in request.query if name == self._person
            )
        return {path: frozenset(names) for path, names in people.items()}

    def _requests(self) -> Iterator[SubmissionFinding]:
        old, new = self._addresses(self._old), self._addresses(self._new)
        if old != new:
            yield self._finding("load-changed", f"{_listed(old)} became {_listed(new)}")
        elif not self._loaded.only_route:
            once, now = len(self._old) / self._before.rounds, len(self._new) / self._after.rounds
            if round(once, 1) != round(now, 1):
                yield self._finding("load-changed", f"requests of a task: {once:.3g} became {now:.3g}")
        first = self._addresses([request for request in self._before.requests if request.at_start])
        then = self._addresses([request for request in self._after.requests if request.at_start])
        if first != then:
            yield self._finding(
                "load-changed", f"when a user starts, {_listed(first)} became {_listed(then)}"
            )
        yield from self._clients()

    def _addresses(self, requests: Sequence[RecordedRequest]) -> list[str]:
        """Return the different requests without the person: `GET /events?limit=3`."""
        addresses = dict[str, None]()
        for request in requests:
            query = "&".join(
                f"{name}={value}" for name, value in sorted(request.query) if name != self._person
            )
            body = f" with {request.body}" if request.body else ""
            addresses[f"{request.method} {request.path}{'?' if query else ''}{query}{body}"] = None
        return sorted(addresses)

    def _clients(self) -> Iterator[SubmissionFinding]:
        if self._before.clients != self._after.clients:
            yield self._finding(
                "load-changed",
                f"{_listed(self._before.clients)} became {_listed(self._after.clients)}, a client of another speed",
            )
            return
        if self._after.has_shape and not self._before.has_shape:
            yield self._finding("load-changed", "a load shape decides the number of users")
        old, new = _headers(self._old), _headers(self._new)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) == new.get(name):
                continue
            if name in CONNECTION_HEADERS:
                was, now = (_listed(sorted(headers.get(name, ()))) for headers in (old, new))
                yield self._finding("load-changed", f"the header {name} was {was} and is {now}")
            else:
                self._harmless.append(f"the header {name} differs")

    def _grouping(self) -> Iterator[SubmissionFinding]:
        old, new = _rows(self._old), _rows(self._new)
        mixed = [row for row, paths in _paths_by_row(self._new).items() if len(paths) > 1]
        if mixed and not any(len(paths) > 1 for paths in _paths_by_row(self._old).values()):
            yield self._finding("grouping-changed", f"the row {_listed(mixed)} mixes several pages")
        elif len(new) > max(len(old), len({request.path for request in self._new})):
            yield self._finding(
                "grouping-changed", f"{len(old)} {'row' if len(old) == 1 else 'rows'} became {len(new)}"
            )
        elif _explicit_names(self._old) != _explicit_names(self._new):
            self._harmless.append(f"the rows are named {_listed(new)}")
        # A user that was stopped leaves one such request behind.
        if sum(not request.name for request in self._new) > 1:
            yield self._finding("load-changed", "some requests are sent outside Locust's statistics")

    def _failures(self) -> Iterator[SubmissionFinding]:
        old, new = self._before.failures, self._after.failures
        differ = [kind for kind in old if kind in new and (old[kind] > 0.5) != (new[kind] > 0.5)]  # noqa: PLR2004
        swallowed = [kind for kind in differ if old[kind] > new[kind]]
        stricter = [kind for kind in differ if old[kind] < new[kind]]
        if swallowed:
            line = _success_line(_text(self._loaded.file))
            yield self._finding(
                "errors-swallowed",
                f"{_line(line)}responses of status {_listed(swallowed)} count as successes",
            )
        if stricter:
            self._harmless.append(f"it also counts a {_listed(stricter)} as a failure, which is stricter")


def _hosts(recording: Recording, requests: Sequence[RecordedRequest]) -> list[str]:
    """Return the hosts of the classes, or those of the requests if their addresses are complete."""
    declared = {host or "no host" for host in recording.hosts}
    names = {urlsplit(host or DEFAULT_HOST).netloc for host in recording.hosts}
    return sorted(declared | {request.host for request in requests} - names)


def _pause(recording: Recording) -> tuple[float, float, float]:
    waits = recording.waits or (0.0,)
    more = recording.sleeps
    return min(waits) + more, fmean(waits) + more, max(waits) + more


def _seconds(pause: tuple[float, float, float]) -> str:
    low, mean, high = pause
    if high - low < MIN_PAUSE:
        return f"{mean:.3g} s"
    return f"{low:.2g} to {high:.2g} s (mean {mean:.2g} s)"


def _headers(requests: Sequence[RecordedRequest]) -> dict[str, frozenset[str]]:
    headers: dict[str, set[str]] = {}
    for request in requests:
        for name, value in request.headers.items():
            if name not in USUAL_HEADERS:
                headers.setdefault(name, set()).add(value)
    return {name: frozenset(values) for name, values in headers.items()}


def _rows(requests: Sequence[RecordedRequest]) -> list[str]:
    return sorted({request.name for request in requests if request.name})


def _paths_by_row(requests: Sequence[RecordedRequest]) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {}
    for request in requests:
        rows.setdefault(request.name, set()).add(request.path)
    return rows


def _explicit_names(requests: Sequence[RecordedRequest]) -> set[tuple[str, str]]:
    return {
        (request.path, request.name) for request in requests if request.name not in {"", request.default_name}
    }


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:MAX_LISTED]) or "nothing"
    more = f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return f"{shown[:MAX_LENGTH]}{more}"


def _line(number: int) -> str:
    return f"line {number}: " if number else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _tree(file: Path) -> ast.Module | None:
    """Return the code of a file; None if it is not valid Python, or nested too deeply to be read."""
    try:
        tree = ast.parse(file.read_bytes())
        ast.unparse(tree)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def _code(file: Path) -> str | None:
    """Return the code of a file without comments, layout and docstrings; None if it cannot be read."""
    tree = _tree(file)
    return None if tree is None else ast.unparse(without_docstrings(tree))


def _success_line(text: str) -> int:
    """Return the line in which a locustfile decides that a response is a success; 0 for none."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    lines = [node.lineno for node in nodes if isinstance(node, ast.Attribute) and node.attr == "success"]
    lines += [
        node.value.lineno for node in nodes if isinstance(node, ast.keyword) and node.arg == "catch_response"
    ]
    return lines[0] if lines else 0


def _read(starter: Starter, loaded: _LoadFile, reason: str) -> SubmissionFinding:
    """Return the finding about a changed locustfile that could not be run."""
    before, after = _tree(starter.folder / loaded.original), _tree(loaded.file)
    if after is None:
        return SubmissionFinding("load-broken", loaded.route, f"{loaded.place}: it cannot be read as Python")
    old, new = ([] if tree is None else _lines_that_matter(tree) for tree in (before, after))
    removed, added = [line for line in old if line not in new], [line for line in new if line not in old]
    return SubmissionFinding(
        "load-unrecorded",
        loaded.route,
        f"{loaded.place}: {_listed(removed)} became {_listed(added)} ({reason})",
    )


def _lines_that_matter(tree: ast.Module) -> list[str]:
    """Return the statements that set an attribute, and the calls of the client."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and "client" in ast.unparse(node.func.value)
        )
    ]

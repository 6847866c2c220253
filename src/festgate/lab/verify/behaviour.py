"""Whether the submission answers as the starter does, on inputs that nobody has seen."""

import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from festgate.lab.student.folder import ROUTES
from festgate.lab.verify.findings import Finding
from festgate.lab.verify.inputs import DATABASE, Play, Step, change
from festgate.lab.verify.intake import clear, copy
from festgate.lab.verify.pages import Answer, Facts, facts_of
from festgate.lab.verify.requests import ask
from festgate.lab.verify.sandbox import App, Ended, Limits, confined

REFUSED: Final = frozenset({400, 422})
SERVER_ERROR: Final = 500
CLIENT_ERROR: Final = 400
MAX_LENGTH: Final = 160


@dataclass(frozen=True, slots=True)
class Seen:
    """One step, answered."""

    step: Step
    facts: Facts
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One answer that is not as the starter's."""

    route: str
    """`/events`; also of pages that were not to be changed."""
    code: str
    """Of the finding that names it."""
    asked: str
    expected: str
    came: str


@dataclass(frozen=True, slots=True)
class Program:
    """An app, and what runs it."""

    folder: Path
    python: str
    limits: Limits = field(default_factory=Limits)

    @contextmanager
    def served(self, data: Play | None = None, *, count: bool = False) -> Iterator[tuple[App, Path]]:
        """It, in a copy of its own, with the data of a play; and its database file. Raises Ended."""
        scratch = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
        try:
            app = scratch / "app"
            copy(self.folder, app)
            if data is not None and data.data:
                change(app / DATABASE, data.data)
            with confined(app, self.python, scratch / "log", count=count, limits=self.limits) as running:
                yield running, app / DATABASE
        finally:
            clear(scratch)


Tell = Callable[[str], None]


@dataclass
class Played:
    """What came of all plays of one app."""

    answers: list[list[Seen]] = field(default_factory=list)
    """Play by play."""
    python: str = ""
    """The version that it ran on."""
    missing: tuple[str, ...] = ()
    """Limits that this system does not have."""


def play(program: Program, plays: Sequence[Play], tell: Tell = lambda _: None) -> Played:
    """What was answered. An app that is gone answers nothing any more. Raises Ended where it never did."""
    played = Played()
    for each in plays:
        try:
            seen = list(_play(program, each, played, tell))
        except Ended as error:
            if not played.python:
                raise
            seen = [Seen(step, Facts(0, ("", ())), 0.0, str(error)) for step in each.steps]
        played.answers.append(seen)
    return played


def _play(program: Program, what: Play, played: Played, tell: Tell) -> Iterator[Seen]:
    with program.served(what) as (app, database):
        played.python, played.missing = app.python, app.missing
        gone = ""
        until = time.monotonic() + app.limits.play
        for step in what.steps:
            tell(step.told)
            if not gone and time.monotonic() > until:
                gone = f"it took more than {app.limits.play:g} s for all that was asked before"
            if not gone and step.before:
                try:
                    change(database, step.before)
                except (sqlite3.Error, OSError) as error:
                    gone = f"the database cannot be changed as the starter's can: {error}"
            answer = Answer(0, problem=gone) if gone else ask(app, step)
            if not gone and not app.runs:
                gone = answer.problem or app.why_gone()
                answer = replace(answer, problem=gone)
            yield Seen(step, facts_of(answer, what.events, what.people), answer.milliseconds, answer.problem)


def typical(seen: Sequence[Sequence[Seen]], route: str) -> float:
    """Milliseconds of a usual answer of a route; not-a-number where none came."""
    times = [
        each.milliseconds
        for play in seen
        for each in play
        if each.step.route == route and each.facts.status == 200  # noqa: PLR2004
    ]
    return median(times) if times else float("nan")


def differences(expected: Sequence[Sequence[Seen]], came: Sequence[Sequence[Seen]]) -> list[Difference]:
    """In the order of asking."""
    found = []
    pairs = [pair for sides in zip(expected, came, strict=True) for pair in zip(*sides, strict=True)]
    for number, (right, seen) in enumerate(pairs):
        if not _alike(right, seen):
            code = _code(right, seen, pairs[:number])
            said = _said(right.facts, seen.facts, seen.problem)
            found.append(Difference(seen.step.route, code, seen.step.told, *said))
    return found


def findings_of(found: Sequence[Difference]) -> list[Finding]:
    """One for each kind and route, with its first place."""
    first: dict[tuple[str, str], Difference] = {}
    for each in found:
        first.setdefault((each.code, each.route), each)
    return [
        Finding(code, route, f"{each.asked}: {each.expected} was expected, {each.came} came")
        for (code, route), each in first.items()
    ]


def _alike(right: Seen, seen: Seen) -> bool:
    ours, theirs = right.facts, seen.facts
    if right.step.like == "mended":
        return 0 < theirs.status < SERVER_ERROR
    if right.step.like == "refused":
        return theirs.status in REFUSED
    return _compared(ours, right.step.route) == _compared(theirs, right.step.route)


def _compared(facts: Facts, route: str) -> Facts:
    """What counts on a page of that route."""
    if route == "/docs":
        return Facts(facts.status, ("", ()))
    if route not in ROUTES.values():
        # A page of forms shows no data; what it asks for counts.
        return Facts(facts.status, facts.location, fields=facts.fields)
    if route == ROUTES["checkout"]:
        return replace(facts, fields=())
    # A sum below the rows is no other answer. The query of `/my-events` has no order.
    names = tuple(sorted(facts.names)) if route == ROUTES["my-events"] else facts.names
    return replace(facts, names=names, amounts=(), fields=())


def _code(right: Seen, seen: Seen, earlier: Sequence[tuple[Seen, Seen]]) -> str:
    """What kind of difference it is: the first that fits."""
    ours, theirs, route = right.facts, seen.facts, seen.step.route
    checkout = route == ROUTES["checkout"]
    left = checkout or right.step.like == "mended"
    stale = theirs.status == ours.status and any(
        _alike(then, came) and _shown(came.facts) == _shown(theirs) != _shown(ours)
        for then, came in earlier
        if came.step.route == route
    )
    fewer = len(theirs.names) < len(ours.names) and not Counter(theirs.names) - Counter(ours.names)
    kinds = (
        (theirs.status == 0, "gone"),
        (left and theirs.status >= SERVER_ERROR, "crash-left"),
        (route not in ROUTES.values(), "others-differ"),
        (ours.status < CLIENT_ERROR <= theirs.status < SERVER_ERROR, "fails-at-once"),
        (bool(theirs.people - ours.people), "shared-answer"),
        (stale, "fixed-total" if checkout else "constant-page"),
        (fewer, "rows-dropped"),
    )
    return next((code for fits, code in kinds if fits), "answers-differ")


def _shown(facts: Facts) -> tuple[object, ...]:
    return facts.status, facts.amounts


def _said(right: Facts, came: Facts, problem: str) -> tuple[str, str]:
    """The first thing in which they differ, of both."""
    if problem or right.status != came.status:
        return str(right.status), problem or str(came.status)
    ours_said, theirs_said = _in_words(right), _in_words(came)
    pairs = zip(ours_said, theirs_said, strict=True)
    return next(((ours, theirs) for ours, theirs in pairs if ours != theirs), ("one answer", "another"))


def _in_words(facts: Facts) -> list[str]:
    path, query = facts.location
    return [
        f"a redirect to {path} with {dict(query)}",
        _listed("people", sorted(facts.people)),
        _listed("rows", [f"{name} ₹{fee}" for name, fee in facts.names]),
        _listed("amounts", [f"₹{each}" for each in facts.amounts]),
        _listed("links", facts.links),
        _listed("fields", facts.fields),
    ]


def _listed(what: str, things: Sequence[str]) -> str:
    text = ", ".join(things)
    return (
        f"{what}: {text[:MAX_LENGTH]}{'…' if len(text) > MAX_LENGTH else ''} ({len(things)})"
        if things
        else f"no {what}"
    )

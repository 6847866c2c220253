"""Which of the seven parts of the lab are done, by what lies in the folder; never by what somebody says is so."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import Final
from urllib.parse import quote

from festgate.lab.answers import Answer, answers_in
from festgate.lab.code import Unreadable
from festgate.lab.crash import looks_in
from festgate.lab.folder import ROUTES, RUNS, STARTER, load_file
from festgate.lab.loading import BUILD, code_handed_out, code_now
from festgate.rehearsal.runs import Run, list_runs

METRIC: Final = "p50"
"""Two requests a second for half a minute are enough for a median, and for nothing further out."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the seven."""

    number: int
    title: str
    missing: tuple[str, ...]
    """What is still to be done, a sentence each; nothing where the part is done."""

    @property
    def done(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


def parts(folder: Path) -> tuple[Part, ...]:
    """All seven, of a student's folder."""
    looks = looks_in(folder)
    crashed = next((at for at, look in enumerate(looks) if look.failed), None)
    mended = crashed is not None and any(not look.failed for look in looks[crashed + 1 :])
    runs = list_runs(folder / RUNS)
    found = [
        ("Use it", [] if _was_used(folder) else ["Nobody has an account and an event yet."]),
        ("Crash it", [] if crashed is not None else ["No look has seen a page fail: `festgate lab crash`."]),
        (
            "Mend it",
            [] if mended else ["No look has seen all pages answer after the crash: `festgate lab crash`."],
        ),
        ("Load each route", _missing_of(folder, runs, _loaded)),
        ("Speed each route up", _missing_of(folder, runs, _sped_up)),
        ("Compare", _missing_of(folder, runs, _compared)),
        ("Report", _unanswered(folder)),
    ]
    return tuple(
        Part(number, title, tuple(missing)) for number, (title, missing) in enumerate(found, start=1)
    )


def _was_used(folder: Path) -> bool:
    """Whether somebody with an account has registered: the load has no account."""
    for file in folder.glob("*.db"):
        address = f"file:{quote(file.resolve().as_posix())}?mode=ro"
        with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
            both = "SELECT 1 FROM registrations JOIN users USING (username) LIMIT 1"
            if connection.execute(both).fetchone():
                return True
    return False


def _missing_of(
    folder: Path, runs: Sequence[Run], look: Callable[[Path, str, Sequence[Run]], str]
) -> list[str]:
    return [
        f"{route}: {missing}"
        for name, route in ROUTES.items()
        if (missing := look(folder, name, _runs_of(folder, runs, name)))
    ]


def _unanswered(folder: Path) -> list[str]:
    """Topic by topic: the questions that are open, or that all of them are."""
    topics: dict[str, list[Answer]] = {}
    for answer in answers_in(folder):
        topics.setdefault(answer.topic, []).append(answer)
    found = []
    for topic, answers in topics.items():
        missing = [answer.missing for answer in answers if answer.missing]
        found += missing if len(missing) < len(answers) else [f"{topic}: not answered yet."]
    return found


def _runs_of(folder: Path, runs: Iterable[Run], name: str) -> list[Run]:
    """The whole runs of a route's locustfile, the oldest first; also of a folder that was elsewhere then."""
    place = load_file(folder, name).parts[-2:]
    return [
        run
        for run in reversed(list(runs))
        if run.state == "whole" and PureWindowsPath(run.plan.journey).parts[-2:] == place
    ]


def _loaded(_folder: Path, name: str, runs: Sequence[Run]) -> str:
    if not runs:
        return f"not loaded yet: `festgate lab load {name}`."
    before = [run for run in runs if run.server.get(BUILD) == code_handed_out(name)]
    if not before:
        return "there is no run of its code as it was handed out, the crash mended."
    same = [run for run in before if run.generator.get("journey") == _load_mark(STARTER, name)]
    if not same:
        return "no run was asked by the locustfile as it was handed out."
    return "" if any(_is_clean(run) for run in same) else "in every run of it some requests failed."


def _sped_up(folder: Path, name: str, runs: Sequence[Run]) -> str:
    try:
        now = code_now(folder, name)
    except Unreadable as error:
        return str(error)
    if now == code_handed_out(name):
        return "the code behind it is as it was handed out."
    load = _load_mark(folder, name)
    if load != _load_mark(STARTER, name):
        return "its locustfile was changed, so it is no longer asked what it was asked before."
    after = [run for run in runs if run.server.get(BUILD) == now and run.generator.get("journey") == load]
    if not after:
        return f"there is no run of its code as it is now: `festgate lab load {name}`."
    return (
        ""
        if any(_is_clean(run) for run in after)
        else "in every run of it as it is now some requests failed."
    )


def _compared(_folder: Path, _name: str, runs: Sequence[Run]) -> str:
    before, after = _last_pairs(runs)
    if not before and not after:
        return "not compared yet."
    # What compares draws in numbers that take a moment to load, and only this needs them.
    from festgate.rehearsal.metrics import parse_metric  # noqa: PLC0415
    from festgate.rehearsal.verdict.comparison import compare, is_interleaved  # noqa: PLC0415

    found = compare(before, after, [parse_metric(METRIC)], interleaved=is_interleaved(before, after))
    if found.refusals:
        return f"the last comparison is refused. {found.refusals[0].meaning}"
    return "its runs have too few requests to be judged." if found.verdict == "refused" else ""


def _last_pairs(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs before and after of the comparison that was played last, in pairs by their seeds."""
    sides = {
        side: {run.plan.seed: run for run in runs if run.plan.label.endswith(side)}
        for side in ("before", "after")
    }
    seeds = sorted(sides["before"] | sides["after"])
    if not seeds:
        return [], []
    # The pairs of one comparison have seeds that follow each other; it begins with one drawn of two thousand million.
    begins = [seed for seed in seeds if seed - 1 not in seeds]
    groups = [
        [seed for seed in seeds if begin <= seed < after]
        for begin, after in pairwise([*begins, seeds[-1] + 1])
    ]
    both = [
        [[found[seed] for seed in group if seed in found] for found in sides.values()] for group in groups
    ]
    before, after = max(both, key=lambda pair: max(run.began for side in pair for run in side))
    return before, after


def _load_mark(folder: Path, name: str) -> str:
    """Of a locustfile, as a run keeps it; empty where it is gone."""
    try:
        return hashlib.sha256(load_file(folder, name).read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def _is_clean(run: Run) -> bool:
    measured = run.measured()
    return len(measured) > 0 and not bool(measured.failed.any())

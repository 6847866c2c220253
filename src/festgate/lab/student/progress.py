"""Which of the seven parts of the lab are done, by what lies in the folder; never by what somebody says is so."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from festgate.lab.student.answers import ReportAnswer, answers_in
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.crash import snapshots_in
from festgate.lab.student.folder import ROUTES, STARTER
from festgate.lab.student.load import BUILD, code_handed_out, code_now
from festgate.lab.student.runs import compare_runs, is_clean, last_pairs, load_fingerprint, runs_in, runs_of
from festgate.rehearsal.runs.store import Run


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
    looks = snapshots_in(folder)
    crashed = next((at for at, look in enumerate(looks) if look.failed), None)
    mended = crashed is not None and any(not look.failed for look in looks[crashed + 1 :])
    runs = runs_in(folder)
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
        if (missing := look(folder, name, runs_of(folder, runs, name)))
    ]


def _unanswered(folder: Path) -> list[str]:
    """Topic by topic: the questions that are open, or that all of them are."""
    topics: dict[str, list[ReportAnswer]] = {}
    for answer in answers_in(folder):
        topics.setdefault(answer.topic, []).append(answer)
    found = []
    for topic, answers in topics.items():
        missing = [answer.missing for answer in answers if answer.missing]
        found += missing if len(missing) < len(answers) else [f"{topic}: not answered yet."]
    return found


def _loaded(_folder: Path, name: str, runs: Sequence[Run]) -> str:
    if not runs:
        return f"not loaded yet: `festgate lab load {name}`."
    before = [run for run in runs if run.server.get(BUILD) == code_handed_out(name)]
    if not before:
        return "there is no run of its code as it was handed out, the crash mended."
    same = [run for run in before if run.generator.get("journey") == load_fingerprint(STARTER, name)]
    if not same:
        return "no run was asked by the locustfile as it was handed out."
    return "" if any(is_clean(run) for run in same) else "in every run of it some requests failed."


def _sped_up(folder: Path, name: str, runs: Sequence[Run]) -> str:
    try:
        now = code_now(folder, name)
    except UnreadableCode as error:
        return str(error)
    if now == code_handed_out(name):
        return "the code behind it is as it was handed out."
    load = load_fingerprint(folder, name)
    if load != load_fingerprint(STARTER, name):
        return "its locustfile was changed, so it is no longer asked what it was asked before."
    after = [run for run in runs if run.server.get(BUILD) == now and run.generator.get("journey") == load]
    if not after:
        return f"there is no run of its code as it is now: `festgate lab load {name}`."
    return (
        "" if any(is_clean(run) for run in after) else "in every run of it as it is now some requests failed."
    )


def _compared(folder: Path, name: str, runs: Sequence[Run]) -> str:
    before, after = last_pairs(runs)
    if not before and not after:
        return f"not compared yet: `festgate lab compare {name}`."
    found = compare_runs(before, after).comparison
    if found.refusals:
        return f"the last comparison is refused. {found.refusals[0].meaning}"
    if found.verdict == "refused":
        return "its runs have too few requests to be judged."
    if {run.server.get(BUILD) for run in before} != {code_handed_out(name)}:
        return f"what was before is not the starter: `festgate lab compare {name}`."
    with suppress(UnreadableCode):
        if {run.server.get(BUILD) for run in after} == {code_now(folder, name)}:
            return ""
    return f"it was compared as it is no more: `festgate lab compare {name}`."

"""The parts of the lab, done or not by what the folder contains: seven, unless the starter lacks one."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.student.answers import answers_in, by_topic
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.crash import pages_that_may_fail, snapshots_in
from festgate.lab.student.load import BUILD, code_handed_out, code_now
from festgate.lab.student.runs import compare_runs, is_clean, last_pairs, load_fingerprint, runs_in, runs_of
from festgate.rehearsal.runs.store import Run


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts of the lab."""

    number: int
    title: str
    missing: tuple[str, ...]
    """A sentence for each thing that is missing; empty if the part is done."""

    @property
    def done(self) -> bool:
        """True if the part is done."""
        return not self.missing


def parts(starter: Starter, folder: Path) -> tuple[Part, ...]:
    """Return the parts of the exercise in a student's folder."""
    snapshots = snapshots_in(folder)
    left = pages_that_may_fail(starter)
    failing = [bool(set(snapshot.failed) - left) for snapshot in snapshots]
    crashed = failing.index(True) if True in failing else None
    fixed = crashed is not None and not all(failing[crashed:])
    used = bool(registered_user(starter, folder))
    runs = runs_in(folder)
    missing_by_part = [
        ("Use it", ["No user with an account has registered for an event yet."] * (not used)),
        ("Crash it", ["No snapshot shows a failing page: `festgate lab crash`."] * (crashed is None)),
        (
            "Fix it",
            ["No snapshot shows that all pages answer after the crash: `festgate lab crash`."] * (not fixed),
        ),
        ("Load each route", _missing_of(starter, folder, runs, _loaded)),
        ("Speed each route up", _missing_of(starter, folder, runs, _sped_up)),
        ("Compare", _missing_of(starter, folder, runs, _compared)),
        ("Report", _unanswered(starter, folder)),
    ]
    absent = {
        *(("Crash it", "Fix it") if not any(crash.must_be_fixed for crash in starter.crashes) else ()),
        *(("Report",) if not starter.report else ()),
    }
    present = [(title, missing) for title, missing in missing_by_part if title not in absent]
    return tuple(
        Part(number, title, tuple(missing)) for number, (title, missing) in enumerate(present, start=1)
    )


def registered_user(starter: Starter, folder: Path) -> str:
    """Return a user with an account and a registration; empty if there is none. The load's users have no account."""
    for file in {folder / starter.database, *folder.glob("*.db")}:
        address = f"file:{quote(file.resolve().as_posix())}?mode=ro"
        with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
            both = "SELECT username FROM registrations JOIN users USING (username) LIMIT 1"
            if row := connection.execute(both).fetchone():
                return str(row[0])
    return ""


def _missing_of(
    starter: Starter,
    folder: Path,
    runs: Sequence[Run],
    check: Callable[[Starter, Path, str, Sequence[Run]], str],
) -> list[str]:
    return [
        f"{starter.paths[name]}: {missing}"
        for name in ROUTES
        if (missing := check(starter, folder, name, runs_of(starter, runs, name)))
    ]


def _unanswered(starter: Starter, folder: Path) -> list[str]:
    """Return the open questions by topic; one sentence if all questions of a topic are open."""
    sentences = []
    for topic, answers in by_topic(answers_in(starter, folder)).items():
        missing = [answer.missing for answer in answers if answer.missing]
        sentences += missing if len(missing) < len(answers) else [f"{topic}: not answered yet."]
    return sentences


def _loaded(starter: Starter, _folder: Path, name: str, runs: Sequence[Run]) -> str:
    if not runs:
        return f"not loaded yet: `festgate lab load {name}`."
    before = [run for run in runs if run.server.get(BUILD) == code_handed_out(starter, name)]
    if not before:
        return "there is no run of its code as it was handed out, with the crash fixed."
    same = [
        run
        for run in before
        if run.generator.get("journey") == load_fingerprint(starter, starter.folder, name)
    ]
    if not same:
        return "no run used the locustfile as it was handed out."
    return "" if any(is_clean(run) for run in same) else "some requests failed in every run of it."


def _sped_up(starter: Starter, folder: Path, name: str, runs: Sequence[Run]) -> str:
    try:
        now = code_now(starter, folder, name)
    except UnreadableCode as error:
        return str(error)
    if now == code_handed_out(starter, name):
        return "the code behind it is as it was handed out."
    load = load_fingerprint(starter, folder, name)
    if load != load_fingerprint(starter, starter.folder, name):
        return "its locustfile was changed, so the load is not the same as before."
    after = [run for run in runs if run.server.get(BUILD) == now and run.generator.get("journey") == load]
    if not after:
        return f"there is no run of its code as it is now: `festgate lab load {name}`."
    return (
        ""
        if any(is_clean(run) for run in after)
        else "some requests failed in every run of its code as it is now."
    )


def _compared(starter: Starter, folder: Path, name: str, runs: Sequence[Run]) -> str:
    before, after = last_pairs(runs)
    if not before and not after:
        return f"not compared yet: `festgate lab compare {name}`."
    comparison = compare_runs(before, after).comparison
    if comparison.refusals:
        return f"the last comparison is refused. {comparison.refusals[0].meaning}"
    if comparison.verdict == "refused":
        return "its runs have too few requests for a verdict."
    if {run.server.get(BUILD) for run in before} != {code_handed_out(starter, name)}:
        return f"the side before is not the starter: `festgate lab compare {name}`."
    with suppress(UnreadableCode):
        if {run.server.get(BUILD) for run in after} == {code_now(starter, folder, name)}:
            return ""
    return f"its code has changed since the comparison: `festgate lab compare {name}`."

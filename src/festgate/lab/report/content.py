"""What a lab's folder holds, read once for its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.audit.audit import Audited, Unreadable, audit
from festgate.lab.student.answers import Answer, answers_in
from festgate.lab.student.code import Unreadable as NoPython
from festgate.lab.student.crash import Look, looks_in
from festgate.lab.student.folder import REPORT, ROUTES
from festgate.lab.student.load import BUILD, code_handed_out, code_now
from festgate.lab.student.progress import Part, parts
from festgate.lab.student.runs import compared, is_clean, last_pairs, runs_in, runs_of, side_of
from festgate.rehearsal.report import Compared
from festgate.rehearsal.runs.store import Run


@dataclass(frozen=True)
class RouteResults:
    """One of the three."""

    name: str
    """`my-events`"""
    path: str
    """`/my-events`"""
    runs: Sequence[Run]
    """All whole ones of it, the oldest first."""
    before: Run | None
    """The last load of the code as it was handed out."""
    after: Run | None
    """The last load of the code as it is now, where that is another."""
    comparison: Compared | None
    """The one that was played last."""


@dataclass(frozen=True)
class LabContent:
    """A lab."""

    folder: Path
    parts: Sequence[Part]
    looks: Sequence[Look]
    routes: Sequence[RouteResults]
    answers: Sequence[Answer]
    audited: Audited | None
    """What the report concludes against its tables; None where it has neither."""

    @property
    def answers_of(self) -> Mapping[str, list[Answer]]:
        """By their topics, in the order of the questions."""
        found: dict[str, list[Answer]] = {}
        for answer in self.answers:
            found.setdefault(answer.topic, []).append(answer)
        return found


def read_lab(folder: Path) -> LabContent:
    """Read it. Raises ValueError where a run's file is damaged."""
    kept = runs_in(folder)
    try:
        audited = audit(folder / REPORT)
    except Unreadable:
        audited = None
    return LabContent(
        folder=folder,
        parts=parts(folder),
        looks=looks_in(folder),
        routes=[_route(folder, name, runs_of(folder, kept, name)) for name in ROUTES],
        answers=answers_in(folder),
        audited=audited,
    )


def _route(folder: Path, name: str, runs: Sequence[Run]) -> RouteResults:
    was = code_handed_out(name)
    try:
        now = code_now(folder, name)
    except NoPython:
        now = ""
    loads = [run for run in runs if not side_of(run) and is_clean(run)]
    sides = last_pairs(runs)
    return RouteResults(
        name=name,
        path=ROUTES[name],
        runs=runs,
        before=_last(loads, was),
        after=_last(loads, now) if now != was else None,
        comparison=compared(*sides) if any(sides) else None,
    )


def _last(loads: Sequence[Run], code: str) -> Run | None:
    return next((run for run in reversed(loads) if run.server.get(BUILD) == code), None)

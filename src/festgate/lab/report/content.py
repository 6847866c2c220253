"""What a lab's folder holds, read once for its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.audit.audit import AuditResult, UnreadableReport, audit
from festgate.lab.student.answers import ReportAnswer, answers_in
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.crash import Snapshot, snapshots_in
from festgate.lab.student.folder import REPORT, ROUTES
from festgate.lab.student.load import BUILD, code_handed_out, code_now
from festgate.lab.student.progress import Part, parts
from festgate.lab.student.runs import compare_runs, is_clean, last_pairs, runs_in, runs_of, side_of
from festgate.rehearsal.report import Compared
from festgate.rehearsal.runs.store import Run


@dataclass(frozen=True)
class Route:
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
class Gathered:
    """A lab."""

    folder: Path
    parts: Sequence[Part]
    looks: Sequence[Snapshot]
    routes: Sequence[Route]
    answers: Sequence[ReportAnswer]
    audited: AuditResult | None
    """What the report concludes against its tables; None where it has neither."""

    @property
    def answers_of(self) -> Mapping[str, list[ReportAnswer]]:
        """By their topics, in the order of the questions."""
        found: dict[str, list[ReportAnswer]] = {}
        for answer in self.answers:
            found.setdefault(answer.topic, []).append(answer)
        return found


def gather(folder: Path) -> Gathered:
    """Read it. Raises ValueError where a run's file is damaged."""
    kept = runs_in(folder)
    try:
        audited = audit(folder / REPORT)
    except UnreadableReport:
        audited = None
    return Gathered(
        folder=folder,
        parts=parts(folder),
        looks=snapshots_in(folder),
        routes=[_route(folder, name, runs_of(folder, kept, name)) for name in ROUTES],
        answers=answers_in(folder),
        audited=audited,
    )


def _route(folder: Path, name: str, runs: Sequence[Run]) -> Route:
    was = code_handed_out(name)
    try:
        now = code_now(folder, name)
    except UnreadableCode:
        now = ""
    loads = [run for run in runs if not side_of(run) and is_clean(run)]
    sides = last_pairs(runs)
    return Route(
        name=name,
        path=ROUTES[name],
        runs=runs,
        before=_last(loads, was),
        after=_last(loads, now) if now != was else None,
        comparison=compare_runs(*sides) if any(sides) else None,
    )


def _last(loads: Sequence[Run], code: str) -> Run | None:
    return next((run for run in reversed(loads) if run.server.get(BUILD) == code), None)

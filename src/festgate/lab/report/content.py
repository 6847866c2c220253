"""Read the contents of a lab's folder for its report."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.audit.audit import AuditResult, audit
from festgate.lab.audit.documents import UnreadableReport
from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.student.answers import ReportAnswer, answers_in, by_topic
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.crash import Snapshot, snapshots_in
from festgate.lab.student.load import BUILD, code_handed_out, code_now
from festgate.lab.student.progress import Part, parts
from festgate.lab.student.runs import compare_runs, is_clean, last_pairs, runs_in, runs_of, side_of
from festgate.rehearsal.report import Compared
from festgate.rehearsal.runs.store import Run


@dataclass(frozen=True)
class RouteResults:
    """The runs of one route."""

    name: str
    """`my-events`"""
    path: str
    """`/my-events`"""
    runs: Sequence[Run]
    """All complete runs, the oldest first."""
    before: Run | None
    """The last load of the original code."""
    after: Run | None
    """The last load of the current code, when it has changed."""
    comparison: Compared | None
    """The latest comparison."""


@dataclass(frozen=True)
class LabContent:
    """The contents of a lab's folder."""

    starter: Starter
    folder: Path
    parts: Sequence[Part]
    snapshots: Sequence[Snapshot]
    routes: Sequence[RouteResults]
    answers: Mapping[str, Sequence[ReportAnswer]]
    """By topic, in the order of the questions."""
    audited: AuditResult | None
    """The audit of the report's conclusions; None without a readable report."""


def read_lab(starter: Starter, folder: Path) -> LabContent:
    """Read the folder. Raises ValueError when the file of a run is damaged."""
    kept = runs_in(folder)
    audited = None
    if starter.report:
        with suppress(UnreadableReport):
            audited = audit(folder / starter.report)
    return LabContent(
        starter=starter,
        folder=folder,
        parts=parts(starter, folder),
        snapshots=snapshots_in(folder),
        routes=[_route(starter, folder, name, runs_of(starter, kept, name)) for name in ROUTES],
        answers=by_topic(answers_in(starter, folder)),
        audited=audited,
    )


def _route(starter: Starter, folder: Path, name: str, runs: Sequence[Run]) -> RouteResults:
    original = code_handed_out(starter, name)
    try:
        current = code_now(starter, folder, name)
    except UnreadableCode:
        current = ""
    loads = [run for run in runs if not side_of(run) and is_clean(run)]
    sides = last_pairs(runs)
    return RouteResults(
        name=name,
        path=starter.paths[name],
        runs=runs,
        before=_last(loads, original),
        after=_last(loads, current) if current != original else None,
        comparison=compare_runs(*sides) if any(sides) else None,
    )


def _last(loads: Sequence[Run], code: str) -> Run | None:
    return next((run for run in reversed(loads) if run.server.get(BUILD) == code), None)

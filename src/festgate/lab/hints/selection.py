"""Finds the hints that apply to a lab, and the runs that each is shown with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.audit.audit import audit
from festgate.lab.audit.documents import UnreadableReport
from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Hint, Material
from festgate.lab.hints.page import findings_of
from festgate.lab.student.folder import RUNS
from festgate.lab.student.runs import (
    METRIC,
    compare_runs,
    is_of,
    last_pairs,
    runs_in,
    runs_of,
    seeds_of_comparisons,
    side_of,
)
from festgate.rehearsal.runs.store import NoSuchRun, Run, read_run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.findings import Evidence, LoadFinding
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.observed import observe
from festgate.rehearsal.verdict.refusals import REFUSALS

OF_ONE = frozenset({"run-cut", "many-names", "too-few-samples", "too-many-failures", "generator-saturated"})
"""The codes of refusals that a single run can show."""


class NoHint(Exception):
    """A hint or run that does not exist. The message lists the hints, or names the folder of the run."""


@dataclass(frozen=True)
class ApplicableHint:
    """A hint that applies to a lab."""

    name: str
    """The route's name; empty for a conclusion of the report."""
    hint: Hint
    figure: str
    """The figure that shows it; empty if the student asked for a hint that does not apply."""
    material: Material | None


def applicable_hints(starter: Starter, lab: Path, run: str = "") -> list[ApplicableHint]:
    """Return the hints for each route's last comparison and last load, and for the report; or for one run alone.

    Raises NoHint if there is no such run, ValueError if a run's file is damaged.
    """
    if run:
        return list(_of_run(starter, lab, _run_named(lab, run)))
    kept = runs_in(lab)
    hints = [hint for name in ROUTES for hint in _of_route(name, runs_of(starter, kept, name))]
    hints += _of_report(starter, lab, kept)
    # Each hint once for a route: the comparison's comes before the one of a load.
    return list({(hint.name, hint.hint.code): hint for hint in reversed(hints)}.values())[::-1]


def hint_for(starter: Starter, lab: Path, code: str, run: str = "") -> ApplicableHint:
    """Return that hint with the runs that show it, or with the last runs if it does not apply.

    Raises NoHint and ValueError as `applicable_hints` does.
    """
    if code not in HINTS:
        msg = f"There is no hint {code}. Choose one of {', '.join(sorted(HINTS))}."
        raise NoHint(msg)
    for hint in applicable_hints(starter, lab, run):
        if hint.hint.code == code:
            return hint
    return ApplicableHint("", HINTS[code], "", _last(starter, lab, run))


def _of_route(name: str, runs: Sequence[Run]) -> Iterator[ApplicableHint]:
    before, after = last_pairs(runs)
    if before or after:
        for finding in findings_of(compare_runs(before, after)):
            yield ApplicableHint(name, HINTS[finding.code], finding.figure, Material(before, after, runs))
    loads = [run for run in runs if not side_of(run)]
    if loads:
        yield from _of_load(name, loads[-1], runs)


def _of_load(name: str, run: Run, runs: Sequence[Run]) -> Iterator[ApplicableHint]:
    for finding in findings_of_one(run):
        yield ApplicableHint(name, HINTS[finding.code], finding.figure, Material((run,), (), runs))


def findings_of_one(run: Run) -> list[LoadFinding]:
    """Return the findings that a single run shows; none without requests. Raises ValueError for a damaged file."""
    if not len(run.measured()):
        return []
    evidence = Evidence(
        (observe(run, [parse_metric(METRIC)]),), (), (parse_metric(METRIC),), interleaved=True
    )
    checks = [*(check for check in REFUSALS if check.code in OF_ONE), *FLAGS]
    return [finding for check in checks if (finding := check(evidence)) is not None]


def _of_run(starter: Starter, lab: Path, run: Run) -> Iterator[ApplicableHint]:
    """Return the hints for the comparison that the run belongs to, or for the run itself."""
    name = next((name for name in ROUTES if is_of(starter, run, name)), "")
    runs = runs_of(starter, runs_in(lab), name) if name else [run]
    if not side_of(run) or run.state != "whole":
        yield from _of_load(name, run, runs)
        return
    seeds = next(seeds for seeds in seeds_of_comparisons(runs) if run.plan.seed in seeds)
    yield from _of_route(name, [other for other in runs if side_of(other) and other.plan.seed in seeds])


def _of_report(starter: Starter, lab: Path, kept: Sequence[Run]) -> list[ApplicableHint]:
    if not starter.report:
        return []
    try:
        audited = audit(lab / starter.report)
    except UnreadableReport:
        return []
    material = _loads(starter, kept)
    return [
        ApplicableHint("", HINTS[finding.kind.code], finding.spots[0].figure.rstrip("."), material)
        for finding in audited.findings
    ]


def _loads(starter: Starter, kept: Sequence[Run]) -> Material | None:
    """Return the first and the last load of the first route with loads: the usual subject of a report."""
    for name in ROUTES:
        runs = runs_of(starter, kept, name)
        loads = [run for run in runs if not side_of(run)]
        if loads:
            return Material(loads[:1], loads[1:][-1:], runs)
    return None


def _last(starter: Starter, lab: Path, run: str) -> Material | None:
    if run:
        return Material((_run_named(lab, run),))
    kept = runs_in(lab)
    if not kept:
        return None
    name = next((name for name in ROUTES if runs_of(starter, kept[:1], name)), "")
    runs = runs_of(starter, kept, name) if name else kept[:1]
    if side_of(kept[0]):
        before, after = last_pairs(runs)
        return Material(before, after, runs)
    return Material(kept[:1], (), runs)


def _run_named(lab: Path, name: str) -> Run:
    try:
        return read_run(lab / RUNS / Path(name).name)
    except NoSuchRun as error:
        raise NoHint(str(error)) from None

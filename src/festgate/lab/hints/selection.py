"""Which hints apply to a lab, and the runs that each is shown with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.audit.audit import Unreadable, audit
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Hint, Material
from festgate.lab.hints.page import findings_of
from festgate.lab.student.folder import REPORT, ROUTES, RUNS
from festgate.lab.student.runs import METRIC, compared, is_of, last_pairs, runs_in, runs_of, side_of
from festgate.rehearsal.runs.store import NoSuchRun, Run, read_run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.findings import Evidence, LoadFinding
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.observed import observe
from festgate.rehearsal.verdict.refusals import REFUSALS

OF_ONE = frozenset({"run-cut", "many-names", "too-few-samples", "generator-saturated"})
"""The refusals that can be told of one run by itself."""


class NoHint(Exception):
    """There is none of that name, or no such run; the sentence says which there are."""


@dataclass(frozen=True)
class Met:
    """A hint that applies."""

    name: str
    """The route's; empty for what the report concludes."""
    hint: Hint
    figure: str
    """What shows it; empty where nothing does, and somebody asked all the same."""
    material: Material | None


def met_in(lab: Path, run: str = "") -> list[Met]:
    """Those of the last comparison and the last load of each route, and of the report; or of one run alone.

    Raises NoHint where there is no such run, ValueError where a run's file is damaged.
    """
    if run:
        return list(_of_run(lab, _run_named(lab, run)))
    kept = runs_in(lab)
    found: list[Met] = []
    for name in ROUTES:
        runs = runs_of(lab, kept, name)
        found += _of_route(name, runs)
    found += _of_report(lab, kept)
    # Once for each route: the comparison's own stands before that of a load.
    return list({(each.name, each.hint.code): each for each in reversed(found)}.values())[::-1]


def hint_for(lab: Path, code: str, run: str = "") -> Met:
    """That hint, with the runs that have it; else with the last ones that there are.

    Raises NoHint, ValueError as `met_in`.
    """
    if code not in HINTS:
        msg = f"There is no hint {code}. There is {', '.join(sorted(HINTS))}."
        raise NoHint(msg)
    for met in met_in(lab, run):
        if met.hint.code == code:
            return met
    return Met("", HINTS[code], "", _last(lab, run))


def _of_route(name: str, runs: Sequence[Run]) -> Iterator[Met]:
    before, after = last_pairs(runs)
    if before or after:
        for finding in findings_of(compared(before, after)):
            yield Met(name, HINTS[finding.code], finding.figure, Material(before, after, runs))
    loads = [run for run in runs if not side_of(run)]
    if loads:
        yield from _of_load(name, loads[-1], runs)


def _of_load(name: str, run: Run, runs: Sequence[Run]) -> Iterator[Met]:
    for finding in findings_of_one(run):
        yield Met(name, HINTS[finding.code], finding.figure, Material((run,), (), runs))


def findings_of_one(run: Run) -> list[LoadFinding]:
    """What a single run tells against itself; nothing of one without requests. Raises ValueError for a damaged file."""
    if not len(run.measured()):
        return []
    evidence = Evidence(
        (observe(run, [parse_metric(METRIC)]),), (), (parse_metric(METRIC),), interleaved=True
    )
    checks = [*(each for each in REFUSALS if each.code in OF_ONE), *FLAGS]
    return [finding for check in checks if (finding := check(evidence)) is not None]


def _of_run(lab: Path, run: Run) -> Iterator[Met]:
    """Of the comparison that it was played for, or of itself."""
    name = next((name for name in ROUTES if is_of(lab, run, name)), "")
    runs = runs_of(lab, runs_in(lab), name) if name else [run]
    if not side_of(run) or run.state != "whole":
        yield from _of_load(name, run, runs)
        return
    begin = run.plan.seed
    seeds = {each.plan.seed for each in runs if side_of(each)}
    while begin - 1 in seeds:
        begin -= 1
    end = begin
    while end in seeds:
        end += 1
    of_it = [each for each in runs if side_of(each) and begin <= each.plan.seed < end]
    yield from (met for met in _of_route(name, of_it) if met.material)


def _of_report(lab: Path, kept: Sequence[Run]) -> list[Met]:
    try:
        audited = audit(lab / REPORT)
    except Unreadable:
        return []
    material = _loads(lab, kept)
    return [
        Met("", HINTS[finding.kind.code], finding.spots[0].figure.rstrip("."), material)
        for finding in audited.findings
    ]


def _loads(lab: Path, kept: Sequence[Run]) -> Material | None:
    """The first and the last load of the first route that has some: what a report is written about."""
    for name in ROUTES:
        runs = runs_of(lab, kept, name)
        loads = [run for run in runs if not side_of(run)]
        if loads:
            return Material(loads[:1], loads[1:][-1:], runs)
    return None


def _last(lab: Path, run: str) -> Material | None:
    if run:
        return Material((_run_named(lab, run),))
    kept = runs_in(lab)
    if not kept:
        return None
    name = next((name for name in ROUTES if runs_of(lab, kept[:1], name)), "")
    runs = runs_of(lab, kept, name) if name else kept[:1]
    if side_of(kept[0]):
        before, after = last_pairs(runs)
        return Material(before, after, runs)
    return Material(kept[:1], (), runs)


def _run_named(lab: Path, name: str) -> Run:
    try:
        return read_run(lab / RUNS / Path(name).name)
    except NoSuchRun as error:
        raise NoHint(str(error)) from None

"""Refusals: reasons why two builds cannot be compared by these runs."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.samples import Integers
from festgate.rehearsal.stats.limits import MAX_CPU, MIN_PAIRS, min_requests
from festgate.rehearsal.verdict.findings import Evidence, LoadCheck, check, percent
from festgate.rehearsal.verdict.observed import Observed, StepStats

MAX_LATE: Final = 0.5
"""Share of the primary metric that is the load generator's send delay. That share does not change with the build: if
it is a half, a build that is 10 % slower appears 5 % slower, and a change within the margin may be twice the margin."""
MAX_TAIL_FAILED: Final = 0.2
"""Difference of failures as a share of the tail: a failure is quick or a timeout, so it moves the quantile."""
MAX_FAILED: Final = 0.01
"""Difference of failures for a metric that is not a quantile."""
MAX_STATUS_SHIFT: Final = 0.02
"""Share of a step's responses that have another status: one in fifty, like the size."""
MAX_SIZE_SHIFT: Final = 0.02
"""Relative difference of a step's mean size: a list of twenty rows that lost one differs by 5 %."""
SIZE_GRAIN: Final = 16
"""Bytes: a longer user name or a count with one more digit does not make another page."""
SHARED: Final = 0.9
"""Share of bodies that the runs of one side have in common. Above it, a step's page is the same for every visitor."""
MIN_FAMILIAR: Final = 0.1
"""Share of such a step's bodies that the other side has sent too. Below it, the page is another."""
MANY_NAMES: Final = 500
"""Steps; no web app has that many routes in one journey."""
SPARSE_NAMES: Final = 10
"""Steps; from this number on, a median of MIN_PER_NAME requests or fewer shows that names contain users' values."""
MIN_PER_NAME: Final = 3
_MAX_NAMES: Final = 3
"""Runs that a figure names; a comparison has twenty."""
COMMON_HEADERS: Final = frozenset({"server", "via", "x-powered-by"})
"""Headers that name the web server's product, which is the same for every build behind it."""


@check(
    "run-cut",
    "A run that was stopped early lacks the part in which the target may have been slow.",
    "Repeat it, or leave out both runs of its pair.",
)
def run_cut(evidence: Evidence) -> str:
    """Find runs that were stopped before their end."""
    cut = [observed.run.name for observed in evidence.runs if observed.run.state != "whole"]
    return f"{len(cut)} of {len(evidence.runs)} runs: {', '.join(cut)}" if cut else ""


@check(
    "too-few-runs",
    "Two runs of one build differ by more than most changes do, so fewer than six pairs decide nothing.",
    f"Make at least {MIN_PAIRS} runs of each build, better 10, in alternating pairs: `festgate ab`.",
)
def too_few_runs(evidence: Evidence) -> str:
    """Find fewer than six pairs, or sides of different length."""
    before, after = len(evidence.before), len(evidence.after)
    return "" if before == after and before >= MIN_PAIRS else f"{before} before, {after} after"


@check(
    "workload-differs",
    "The two builds had different workloads, so a difference may come from the workload.",
    "Test both with one plan, one seed per pair and the same load generator on the same machine.",
)
def workload_differs(evidence: Evidence) -> str:
    """Find another journey, load, duration or seed, or another version or machine of the load generator."""
    workloads = [_workload(observed.run.plan, observed.run.generator) for observed in evidence.runs]
    for name in sorted({name for workload in workloads for name in workload}):
        values = list(dict.fromkeys(workload.get(name, "unknown") for workload in workloads))
        if len(values) > 1:
            return f"{name}: {' / '.join(values)}"
    before, after = (
        sorted(observed.run.plan.seed for observed in side) for side in (evidence.before, evidence.after)
    )
    if len(before) == len(after) and before != after:
        return f"seeds {_listed(before)} / {_listed(after)}"
    return ""


def _workload(plan: Plan, generator: Mapping[str, str]) -> dict[str, str]:
    load = plan.load
    if isinstance(load, Rate):
        shown = f"{load.rate:g} arrivals/s ({load.arrivals})"
    else:
        shown = f"{load.users} users, {load.shape or f'{load.spawn_rate:g}/s'}"
    shown += "".join(f", {stage.seconds:g} s to {stage.to:g}" for stage in load.stages)
    workload = {
        "journey": plan.journey,
        "load": shown,
        "duration": f"{plan.duration:g} s",
        "warm-up": f"{plan.warm_up:g} s",
        "workers": str(plan.workers),
        "locustfile's options": " ".join(plan.arguments) or "none",
    }
    return workload | {f"generator's {name}": value for name, value in generator.items()}


@check(
    "builds-mixed",
    "The runs of one side are of different builds, so a verdict would be about none of them.",
    "Compare runs of one build with runs of one other build.",
)
def builds_mixed(evidence: Evidence) -> str:
    """Find a side with more than one build."""
    for side, runs in (("before", evidence.before), ("after", evidence.after)):
        builds = list(dict.fromkeys(build for observed in runs if (build := _build(observed))))
        if len(builds) > 1:
            return f"{side}: {' / '.join(builds)}"
    return ""


@check(
    "same-build",
    "Both sides are the same build, so a difference comes from the load or the machine.",
    "Deploy the change before the runs of the second side; `festgate calibrate` measures the machine's own noise.",
)
def same_build(evidence: Evidence) -> str:
    """Find one build on both sides, as far as the target names its build."""
    build, *others = {_build(observed) for observed in evidence.runs} or {""}
    return "" if others else build


@check(
    "played-at-once",
    "Two builds under load at the same time delay each other, so their response times describe neither.",
    "Alternate the builds, or compare `cpu` alone: processor time is counted for each build separately.",
)
def played_at_once(evidence: Evidence) -> str:
    """Find runs of both sides that overlap in time, unless only processor time is compared."""
    if evidence.only_processor:
        return ""
    over = sum(
        any(observed.run.overlaps(other.run) for other in evidence.after) for observed in evidence.before
    )
    return f"{over} of {len(evidence.before)} runs before overlap with one after" if over else ""


def _build(observed: Observed) -> str:
    named = sorted(
        (name, value) for name, value in observed.run.server.items() if name.lower() not in COMMON_HEADERS
    )
    return ", ".join(f"{name} {value}" for name, value in named)


@check(
    "responses-differ",
    "The two builds do not send the same responses, so one may be faster because it does less.",
    "Make them respond alike, or accept the difference by its code if it is intended and costs nothing.",
)
def responses_differ(evidence: Evidence) -> str:
    """Find a step whose responses have other statuses, another size, or another page than before.

    Detected: other shares of statuses (a redirect to the sign-in page), a page that lost or gained 2 % of its bytes in
    every run, and a page that is the same for every visitor on each side but differs between the sides. Not detected:
    other content of about the same size on a page that differs for each visitor anyway. Steps that only one side has
    are left to `mix_shifted`.
    """
    for name in evidence.steps:
        before, after = _step_of(evidence.before, name), _step_of(evidence.after, name)
        if not before or not after:
            continue
        figure = _other_statuses(before, after) or _other_size(before, after) or _other_page(before, after)
        if figure:
            return f"{name}: {figure}"
    return ""


def _step_of(side: Sequence[Observed], name: str) -> list[StepStats]:
    return [observed.steps[name] for observed in side if name in observed.steps]


def _other_statuses(before: list[StepStats], after: list[StepStats]) -> str:
    first, second = _statuses(before), _statuses(after)
    moved = {status: second.get(status, 0.0) - first.get(status, 0.0) for status in first | second}
    # `error_rates_differ` covers failures on one side only, with the limit that the metric needs.
    moved = {status: share for status, share in moved.items() if 0 < status < 400}  # noqa: PLR2004  (client errors)
    status = max(moved, key=lambda code: abs(moved[code]), default=0)
    errors = abs(_failing(after) - _failing(before))
    if not moved or abs(moved[status]) - errors <= MAX_STATUS_SHIFT:
        return ""
    return f"status {status} in {percent(first.get(status, 0.0))} / {percent(second.get(status, 0.0))} of its responses"


def _statuses(side: list[StepStats]) -> dict[int, float]:
    total = sum(step.requests for step in side)
    statuses = {status for step in side for status in step.statuses}
    return {status: sum(step.statuses.get(status, 0) for step in side) / total for status in statuses}


def _failing(side: list[StepStats]) -> float:
    return sum(step.failed for step in side) / sum(step.requests for step in side)


def _other_size(before: list[StepStats], after: list[StepStats]) -> str:
    first, second = (np.array([step.size for step in side if step.times.size]) for side in (before, after))
    if not len(first) or not len(second):
        return ""
    low, high = sorted((float(np.median(first)), float(np.median(second))))
    apart = first.max() < second.min() or second.max() < first.min()
    if not apart or high - low <= max(MAX_SIZE_SHIFT * low, SIZE_GRAIN):
        return ""
    return f"{np.median(first):,.0f} / {np.median(second):,.0f} bytes"


def _other_page(before: list[StepStats], after: list[StepStats]) -> str:
    (ours, ours_again), (theirs, theirs_again) = _bodies(before), _bodies(after)
    # The run that has the least in common with the others of its side.
    repeated = min(
        *(_share_in([step], ours_again) for step in before),
        *(_share_in([step], theirs_again) for step in after),
    )
    if repeated < SHARED:
        return ""
    across = min(_share_in(after, ours), _share_in(before, theirs))
    if across >= MIN_FAMILIAR:
        return ""
    return (
        f"{percent(across)} of its bodies occur on both sides, though {percent(repeated)} recur on one side"
    )


def _bodies(side: list[StepStats]) -> tuple[Integers, Integers]:
    """Return the different bodies of a side, and those of them that several of its runs have."""
    bodies, runs = np.unique(np.concatenate([step.bodies for step in side]), return_counts=True)
    return bodies, bodies[runs > 1]


def _share_in(side: list[StepStats], known: Integers) -> float:
    total = sum(int(step.times.sum()) for step in side)
    shared = sum(int(step.times[np.isin(step.bodies, known, assume_unique=True)].sum()) for step in side)
    return shared / total if total else 1.0


@check(
    "target-unseen",
    "Processor time is measured only if the rehearsal has started the target itself, on this machine.",
    "Give a command or a revision instead of an address, and make runs of five seconds or longer.",
)
def target_unseen(evidence: Evidence) -> str:
    """Find runs without processor time, if that is the primary metric."""
    if evidence.primary.kind != "cpu":
        return ""
    unseen = [observed.run.name for observed in evidence.runs if not np.isfinite(observed.values[0])]
    return f"{len(unseen)} of {len(evidence.runs)} runs: {', '.join(unseen[:_MAX_NAMES])}" if unseen else ""


@check(
    "error-rates-differ",
    "A failed request takes a different time from a successful one, so the times measure different things.",
    "Find out why requests fail before you compare times; or compare `errors` itself.",
)
def error_rates_differ(evidence: Evidence) -> str:
    """Find a side with more failures, unless the error rate itself is the primary metric."""
    before, after = (_failed(side) for side in (evidence.before, evidence.after))
    quantile = evidence.primary.quantile
    limit = MAX_FAILED if quantile is None else min(MAX_FAILED, MAX_TAIL_FAILED * min(quantile, 1 - quantile))
    if evidence.primary.kind == "errors" or abs(after - before) <= limit:
        return ""
    return f"{percent(before)} / {percent(after)} of the requests failed"


def _failed(side: Sequence[Observed]) -> float:
    requests = sum(observed.requests for observed in side)
    return sum(observed.failed for observed in side) / requests if requests else 0.0


@check(
    "too-few-samples",
    "A figure from few requests, above all a high percentile, depends on one or two of them and differs in every run.",
    "Make longer runs or use a higher rate; or compare a lower percentile.",
)
def too_few_samples(evidence: Evidence) -> str:
    """Find a run with fewer than 30 requests beyond the primary quantile."""
    fewest = min((observed.counts[0] for observed in evidence.runs), default=0)
    needed = min_requests(evidence.primary.quantile)
    return (
        f"{fewest:,} requests in a run, {evidence.primary.text} needs {needed:,}" if fewest < needed else ""
    )


@check(
    "generator-saturated",
    "The load generator was saturated, or got no processor time, so it caused much of the measured times itself.",
    "Lower the load, or run the load generator on a separate machine on which nothing else runs.",
)
def generator_saturated(evidence: Evidence) -> str:
    """Find a load generator that used its whole core, or whose send delay is half of the primary metric."""
    if evidence.only_processor:
        return ""
    cpu = max((observed.cpu for observed in evidence.runs if observed.cpu is not None), default=0.0)
    if cpu > MAX_CPU:
        return f"{percent(cpu)} of a core"
    late = evidence.late
    return f"{percent(late)} of {evidence.primary.text} is send delay" if late > MAX_LATE else ""


@check(
    "many-names",
    "Names that contain a visitor's value split one step into meaningless rows, and slow the load generator.",
    'Name each step by its route: `self.client.get(path, name="/events/{slug}")`.',
)
def many_names(evidence: Evidence) -> str:
    """Find steps that are named by a user's value, so that each visitor becomes a row."""
    for observed in evidence.runs:
        names = len(observed.steps)
        requests = float(np.median([step.requests for step in observed.steps.values()])) if names else 0.0
        if names >= MANY_NAMES or (names >= SPARSE_NAMES and requests <= MIN_PER_NAME):
            return f"{names:,} names, most of them with {requests:g} requests"
    return ""


REFUSALS: Final[tuple[LoadCheck, ...]] = (
    run_cut,
    too_few_runs,
    workload_differs,
    builds_mixed,
    same_build,
    played_at_once,
    many_names,
    too_few_samples,
    target_unseen,
    error_rates_differ,
    responses_differ,
    generator_saturated,
)


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(seed) for seed in dict.fromkeys(seeds))

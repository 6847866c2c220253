"""Refusals: reasons why two builds cannot be compared by these runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats.limits import MAX_CPU, MIN_PAIRS, min_requests
from festgate.rehearsal.stats.names import has_many_names
from festgate.rehearsal.verdict.findings import Evidence, LoadCheck, check, percent
from festgate.rehearsal.verdict.observed import Observed
from festgate.rehearsal.verdict.responses import difference, failing_share, steps_of

MAX_LATE: Final = 0.5
"""Share of the primary metric that is the load generator's send delay. That share does not change with the build: if
it is a half, a build that is 10 % slower appears 5 % slower, and a change within the margin may be twice the margin."""
MAX_FAILING: Final = 0.05
"""Share of failed requests on either side. Beyond it, a p95 may be the time of a failed request."""
MAX_TAIL_FAILED: Final = 0.2
"""Difference of failures as a share of the tail: a failure is quick or a timeout, so it moves the quantile."""
MAX_FAILED: Final = 0.01
"""Difference of failures for a metric that is not a quantile."""
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

    responses.py lists what is compared. Steps that only one side has are left to `mix_shifted`.
    """
    for name in evidence.steps:
        before, after = steps_of(evidence.before, name), steps_of(evidence.after, name)
        figure = difference(before, after) if before and after else ""
        if figure:
            return f"{name}: {figure}"
    return ""


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
    "too-many-failures",
    "These figures mostly show how fast the target fails, and a build that fails faster is not a better one.",
    "Find out why requests fail before you compare times; or compare `errors` itself.",
)
def too_many_failures(evidence: Evidence) -> str:
    """Find a side that fails more than 5 % of all requests, or of those that the primary metric covers."""
    return _failed_where(evidence, lambda before, after: max(before, after) > MAX_FAILING)


@check(
    "error-rates-differ",
    "A failed request takes a different time from a successful one, so the times measure different things.",
    "Find out why requests fail before you compare times; or compare `errors` itself.",
)
def error_rates_differ(evidence: Evidence) -> str:
    """Find a side with more failures, of all requests or of those that the primary metric covers."""
    quantile = evidence.primary.quantile
    limit = MAX_FAILED if quantile is None else min(MAX_FAILED, MAX_TAIL_FAILED * min(quantile, 1 - quantile))
    return _failed_where(evidence, lambda before, after: abs(after - before) > limit)


def _failed_where(evidence: Evidence, is_refused: Callable[[float, float], bool]) -> str:
    """Describe the failures of all requests, or of the primary metric's step, if their shares are refused.

    If failures are the compared metric, they are no reason to refuse.
    """
    if evidence.primary.kind == "errors":
        return ""
    for step in dict.fromkeys((None, evidence.primary.step)):
        if is_refused(failing(evidence.before, step), failing(evidence.after, step)):
            return _failed(evidence, step)
    return ""


def failing(side: Sequence[Observed], step: str | None = None) -> float:
    """Return the share of the requests that failed, of one step or of all.

    Of all requests, an exception of a task counts as a failed one: the journey's own check or its code failed.
    """
    if step is not None:
        return failing_share(steps_of(side, step))
    exceptions = _exceptions(side)
    requests = sum(observed.requests for observed in side) + exceptions
    return (sum(observed.failed for observed in side) + exceptions) / requests if requests else 0.0


def _exceptions(runs: Sequence[Observed]) -> int:
    return sum(sum(observed.run.exceptions.values()) for observed in runs)


def _failed(evidence: Evidence, step: str | None = None) -> str:
    shares = " / ".join(percent(failing(side, step)) for side in (evidence.before, evidence.after))
    if step is not None:
        return f"{shares} of the requests of {step} failed"
    exceptions = ", exceptions of tasks included" if _exceptions(evidence.runs) else ""
    return f"{shares} of the requests failed{exceptions}"


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
    "The load generator was saturated, or got no processor time, so it caused a large part of the measured times.",
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
        requests = [step.requests for step in observed.steps.values()]
        if has_many_names(requests):
            return f"{len(requests):,} names, most of them with {np.median(requests):g} requests"
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
    too_many_failures,
    error_rates_differ,
    responses_differ,
    generator_saturated,
)


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(seed) for seed in dict.fromkeys(seeds))

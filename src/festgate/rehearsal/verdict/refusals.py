"""When two builds cannot be compared by these runs, and why."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.samples import Integers
from festgate.rehearsal.stats.limits import MAX_CPU, MIN_PAIRS, min_requests
from festgate.rehearsal.verdict.findings import Evidence, LoadCheck, check, percent
from festgate.rehearsal.verdict.observed import Observed, StepStats

MAX_LATE: Final = 0.5
"""Share of the primary metric that is the sender's own lateness. That share of the metric does not change with the
build: where it is a half, a build that is 10 % slower shows as 5 %, and what is within the margin may be twice it."""
MAX_TAIL_FAILED: Final = 0.2
"""Difference of failures as a share of the tail: failures are quick or time out, and so move the quantile."""
MAX_FAILED: Final = 0.01
"""Difference of failures where the metric is no quantile."""
MAX_STATUS_SHIFT: Final = 0.02
"""Share of a step's answers that have another status: one in fifty, as for its size."""
MAX_SIZE_SHIFT: Final = 0.02
"""Relative difference of a step's mean size: a list of twenty rows that lost one differs by 5 %."""
SIZE_GRAIN: Final = 16
"""Bytes: a user's name or a count with one digit more is no other page."""
SHARED: Final = 0.9
"""Share of bodies that runs of one side have in common, from which on a step's page counts as the same for everyone."""
MIN_FAMILIAR: Final = 0.1
"""Share of such a step's bodies that the other side has sent too; below it the page is another."""
MANY_NAMES: Final = 500
"""No web app has that many routes in one journey."""
SPARSE_NAMES: Final = 10
"""Names, from which on a median of MIN_PER_NAME requests or fewer says that they hold users' values."""
MIN_PER_NAME: Final = 3
_FEW_NAMES: Final = 3
"""Runs that are told by name; a comparison has twenty."""
COMMON_HEADERS: Final = frozenset({"server", "via", "x-powered-by"})
"""They name the web server's product, which is the same for every build behind it."""


@check(
    "run-cut",
    "A run that was cut off lacks the part in which the target may have been slow.",
    "Play it again, or leave it and its partner out.",
)
def run_cut(evidence: Evidence) -> str:
    """A run that did not come to its end."""
    cut = [seen.run.name for seen in evidence.runs if seen.run.state != "whole"]
    return f"{len(cut)} of {len(evidence.runs)} runs: {', '.join(cut)}" if cut else ""


@check(
    "too-few-runs",
    "Two runs of one build differ by more than most changes do, so fewer than six pairs decide nothing.",
    f"Play at least {MIN_PAIRS} runs of each build, better 10, as pairs in turn: `festgate ab`.",
)
def too_few_runs(evidence: Evidence) -> str:
    """Runs without a partner, or fewer than six pairs."""
    before, after = len(evidence.before), len(evidence.after)
    return "" if before == after and before >= MIN_PAIRS else f"{before} before, {after} after"


@check(
    "workload-differs",
    "The two builds were not asked the same, so a difference may come from what was asked.",
    "Play both with one plan, one seed a pair and the same generator on the same machine.",
)
def workload_differs(evidence: Evidence) -> str:
    """Another journey, load, length, seed, or another version or machine that sent it."""
    seen = [_workload(each.run.plan, each.run.generator) for each in evidence.runs]
    for name in sorted({name for each in seen for name in each}):
        values = list(dict.fromkeys(each.get(name, "unknown") for each in seen))
        if len(values) > 1:
            return f"{name}: {' / '.join(values)}"
    before, after = (
        sorted(each.run.plan.seed for each in side) for side in (evidence.before, evidence.after)
    )
    if len(before) == len(after) and before != after:
        return f"seeds {_listed(before)} / {_listed(after)}"
    return ""


def _workload(plan: Plan, generator: Mapping[str, str]) -> dict[str, str]:
    load = plan.load
    if isinstance(load, Rate):
        told = f"{load.rate:g} arrivals/s ({load.arrivals})"
    else:
        told = f"{load.users} users, {load.spawn_rate:g}/s"
    asked = {
        "journey": plan.journey,
        "load": told,
        "duration": f"{plan.duration:g} s",
        "warm-up": f"{plan.warm_up:g} s",
        "workers": str(plan.workers),
    }
    return asked | {f"generator's {name}": value for name, value in generator.items()}


@check(
    "builds-mixed",
    "The runs of one side are of different builds, so the verdict would be about none of them.",
    "Compare runs of one build with runs of one other.",
)
def builds_mixed(evidence: Evidence) -> str:
    """One side is of more than one build."""
    for side, runs in (("before", evidence.before), ("after", evidence.after)):
        builds = list(dict.fromkeys(told for seen in runs if (told := _build(seen))))
        if len(builds) > 1:
            return f"{side}: {' / '.join(builds)}"
    return ""


@check(
    "same-build",
    "The server did not change between the two sides, so what differs is the load or the machine.",
    "Deploy the change before the second side is played; to learn the machine's own noise, `festgate calibrate`.",
)
def same_build(evidence: Evidence) -> str:
    """Both sides say that they are the same build. What says nothing of its build is not judged."""
    build, *others = {_build(seen) for seen in evidence.runs} or {""}
    return "" if others else build


@check(
    "played-at-once",
    "Two builds under load in the same seconds wait for each other, so how long anybody waited is neither's own.",
    "Play the builds in turn, or compare `cpu` alone: what each has used is its own all the same.",
)
def played_at_once(evidence: Evidence) -> str:
    """Runs of both sides lay over each other in time; no matter where only the processor's time is compared."""
    if evidence.only_processor:
        return ""
    over = sum(any(seen.run.overlaps(other.run) for other in evidence.after) for seen in evidence.before)
    return f"{over} of {len(evidence.before)} runs before lay over one after" if over else ""


def _build(seen: Observed) -> str:
    told = sorted(
        (name, value) for name, value in seen.run.server.items() if name.lower() not in COMMON_HEADERS
    )
    return ", ".join(f"{name} {value}" for name, value in told)


@check(
    "responses-differ",
    "The two builds do not answer with the same, so one may be quicker because it does less.",
    "Make them answer alike, or accept the difference by name if it is meant and costs nothing.",
)
def responses_differ(evidence: Evidence) -> str:
    """A step answers with other statuses, with another size, or with another page than before.

    Sees: another share of statuses (a redirect to the sign-in instead of a page), a page that lost or gained 2 % of its
    bytes in every run, and a page that is the same for everyone within each side and no more the same across. Cannot
    see: other content of about the same size on a page that differs for each visitor anyhow. Steps that only one side
    has are for `mix_shifted`.
    """
    for name in evidence.steps:
        before, after = _of(evidence.before, name), _of(evidence.after, name)
        if not before or not after:
            continue
        figure = _other_statuses(before, after) or _other_size(before, after) or _other_page(before, after)
        if figure:
            return f"{name}: {figure}"
    return ""


def _of(side: Sequence[Observed], name: str) -> list[StepStats]:
    return [seen.steps[name] for seen in side if name in seen.steps]


def _other_statuses(before: list[StepStats], after: list[StepStats]) -> str:
    first, second = _statuses(before), _statuses(after)
    moved = {status: second.get(status, 0.0) - first.get(status, 0.0) for status in first | second}
    # What failed on one side only is told by its rate of errors, with the limit that the metric needs.
    moved = {status: share for status, share in moved.items() if 0 < status < 400}  # noqa: PLR2004  (client errors)
    status = max(moved, key=lambda each: abs(moved[each]), default=0)
    errors = abs(_failing(after) - _failing(before))
    if not moved or abs(moved[status]) - errors <= MAX_STATUS_SHIFT:
        return ""
    return f"status {status} in {percent(first.get(status, 0.0))} / {percent(second.get(status, 0.0))} of its answers"


def _statuses(side: list[StepStats]) -> dict[int, float]:
    total = sum(step.requests for step in side)
    every = {status for step in side for status in step.statuses}
    return {status: sum(step.statuses.get(status, 0) for step in side) / total for status in every}


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
    again = min(
        *(_share_in([step], ours_again) for step in before),
        *(_share_in([step], theirs_again) for step in after),
    )
    if again < SHARED:
        return ""
    across = min(_share_in(after, ours), _share_in(before, theirs))
    if across >= MIN_FAMILIAR:
        return ""
    return f"{percent(across)} of its bodies are from both sides, though {percent(again)} come again on one"


def _bodies(side: list[StepStats]) -> tuple[Integers, Integers]:
    """The different bodies of a side, and those of them that several of its runs have."""
    found, runs = np.unique(np.concatenate([step.bodies for step in side]), return_counts=True)
    return found, found[runs > 1]


def _share_in(side: list[StepStats], known: Integers) -> float:
    total = sum(int(step.times.sum()) for step in side)
    found = sum(int(step.times[np.isin(step.bodies, known, assume_unique=True)].sum()) for step in side)
    return found / total if total else 1.0


@check(
    "target-unseen",
    "The processor's time is only seen where the rehearsal has started the target itself, on this machine.",
    "Give a command or a revision in the place of an address, and play for five seconds or longer.",
)
def target_unseen(evidence: Evidence) -> str:
    """What a request costs is the primary metric, and of some run it is not known."""
    if evidence.primary.kind != "cpu":
        return ""
    unseen = [seen.run.name for seen in evidence.runs if not np.isfinite(seen.values[0])]
    return f"{len(unseen)} of {len(evidence.runs)} runs: {', '.join(unseen[:_FEW_NAMES])}" if unseen else ""


@check(
    "error-rates-differ",
    "A request that fails takes another time than one that is answered, so the times are of different things.",
    "Find out why they fail before you compare times; or compare `errors` itself.",
)
def error_rates_differ(evidence: Evidence) -> str:
    """One side fails more often; not where the rate of errors is itself what is compared."""
    before, after = (_failed(side) for side in (evidence.before, evidence.after))
    quantile = evidence.primary.quantile
    limit = MAX_FAILED if quantile is None else min(MAX_FAILED, MAX_TAIL_FAILED * min(quantile, 1 - quantile))
    if evidence.primary.kind == "errors" or abs(after - before) <= limit:
        return ""
    return f"{percent(before)} / {percent(after)} of the requests failed"


def _failed(side: Sequence[Observed]) -> float:
    requests = sum(seen.requests for seen in side)
    return sum(seen.failed for seen in side) / requests if requests else 0.0


@check(
    "too-few-samples",
    "A figure of few requests, most of all a high percentile, is that of one or two, and changes each time.",
    "Play longer or at a higher rate; of percentiles, compare a lower one.",
)
def too_few_samples(evidence: Evidence) -> str:
    """A run has fewer than 30 requests beyond the primary quantile."""
    least = min((seen.counts[0] for seen in evidence.runs), default=0)
    needed = min_requests(evidence.primary.quantile)
    return f"{least:,} requests in a run, {evidence.primary.text} takes {needed:,}" if least < needed else ""


@check(
    "generator-saturated",
    "The load generator was saturated, or got no processor time, so it caused much of the measured times itself.",
    "Send less, or send from a machine of its own on which nothing else runs.",
)
def generator_saturated(evidence: Evidence) -> str:
    """What sent the requests could not send them in time, so that half of what is compared is its own."""
    if evidence.only_processor:
        return ""
    cpu = max((seen.cpu for seen in evidence.runs if seen.cpu is not None), default=0.0)
    if cpu > MAX_CPU:
        return f"{percent(cpu)} of a core"
    late = evidence.late
    return f"{percent(late)} of {evidence.primary.text} is lateness in sending" if late > MAX_LATE else ""


@check(
    "many-names",
    "Names that hold a visitor's value split one step into rows that mean nothing, and slow the generator.",
    'Name each step by its route: `self.client.get(path, name="/events/{slug}")`.',
)
def many_names(evidence: Evidence) -> str:
    """Steps named by a user's value: each visitor became a row of its own."""
    for seen in evidence.runs:
        names = len(seen.steps)
        each = float(np.median([step.requests for step in seen.steps.values()])) if names else 0.0
        if names >= MANY_NAMES or (names >= SPARSE_NAMES and each <= MIN_PER_NAME):
            return f"{names:,} names, most of them with {each:g} requests"
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

"""Flags: facts that weaken a valid comparison, and that its reader has to know."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Rate, Users
from festgate.rehearsal.verdict.findings import Evidence, LoadCheck, check, percent
from festgate.rehearsal.verdict.observed import Observed
from festgate.rehearsal.verdict.refusals import MAX_LATE
from festgate.rehearsal.verdict.responses import are_compared, recurring, steps_of

MAX_EARLY: Final = 1.2
"""Median latency of the first tenth divided by that of the rest, in most runs. A cold cache or a JIT costs a fifth."""
MIN_CONNECTING: Final = 0.5
"""Share of the slowest 1 % of requests that opened a connection. Above it, connections are the cause of the tail."""
MAX_CONNECTED: Final = 0.25
"""Share of all requests that opened a connection. Above it, new connections are normal for this client."""
MIN_SLOWEST: Final = 5.0
"""Mean of the slowest 1 % as a multiple of the median. Above it, they are outliers rather than a tail."""
MAX_OMITTED: Final = 1.2
"""p99 corrected for coordinated omission, divided by the measured p99."""
MAX_BUNCHED: Final = 1.5
"""Coefficient of variation of the time between arrivals: 1 for independent visitors, 0 for a clock."""
MAX_THINKING: Final = 0.5
"""Share of their time that users wait for responses. Below it, their think time sets the rate, not the target."""
MAX_MIX_SHIFT: Final = 0.02
"""Share of all requests that moved to other steps; more than random journeys cause in runs of 700 requests."""
MIN_SHARE: Final = 0.05
"""Share of all requests that belong to the metric's step. A faster step below it does not make the app faster."""
MAX_DRIFT: Final = 1.2
"""Median latency late in a run divided by that early in it, or the reverse, in most runs."""
MAX_CONCURRENCY: Final = 1.05
"""Concurrent requests per user; the 5 % are for the two clocks."""
MAX_OFF_PLAN: Final = 0.05
"""Difference between the arrivals sent and those planned, in addition to Poisson variation."""
MAX_DROPPED: Final = 0.001
"""Share of arrivals that were never sent. Above it, the p99 lacks some of its slowest requests."""
MIN_LATE: Final = 0.1
"""Share of the primary metric that is the load generator's send delay. Above it, the reader has to know the share."""


@check(
    "not-interleaved",
    "Anything that changed on the machine in the meantime counts as an effect of the build: in this order, 22 of"
    " 100 comparisons of identical builds found a difference.",
    "Alternate the builds (ABBA BAAB), as `festgate ab` does.",
)
def not_interleaved(evidence: Evidence) -> str:
    """Find runs of one build that all came before those of the other."""
    return "" if evidence.interleaved else f"{len(evidence.before)} runs, then {len(evidence.after)}"


@check(
    "warm-up-not-cut",
    "The first requests fill caches and open connections, so they describe the start more than the build.",
    "Give a --warm-up that is longer than the start takes.",
)
def warm_up_not_cut(evidence: Evidence) -> str:
    """Find a missing warm-up, one that ends before all users have started, or a slow beginning after it."""
    plan = evidence.runs[0].run.plan
    # Where the load varies, the beginning differs from the rest by the plan.
    early = 1.0 if plan.load.varies else _median([observed.early for observed in evidence.runs])
    ramp = (
        plan.load.users / plan.load.spawn_rate
        if isinstance(plan.load, Users) and plan.load.spawn_rate and not plan.load.varies
        else 0.0
    )
    if plan.warm_up <= 0:
        return "no warm-up"
    if ramp > plan.warm_up:
        return f"the last user starts after {ramp:g} s, the warm-up ends after {plan.warm_up:g} s"
    return f"the first tenth took {early:.2f} times as long as the rest" if early > MAX_EARLY else ""


@check(
    "connection-outliers",
    "The high percentiles measure how connections are opened, which no change of a route makes faster.",
    "Send to an IP address instead of a name that has several (127.0.0.1, not localhost), after a warm-up.",
)
def connection_outliers(evidence: Evidence) -> str:
    """Find slow requests that opened a connection, for instance because a client tried `localhost` at ::1 first."""
    affected = [observed for observed in evidence.runs if _connections_are_slow(observed)]
    if 2 * len(affected) < len(evidence.runs):
        return ""
    worst = max(affected, key=lambda observed: observed.slowest)
    share = percent(worst.connecting)
    return f"{share} of the slowest 1 % opened a connection and took {worst.slowest:.0f} times the median"


def _connections_are_slow(observed: Observed) -> bool:
    often = observed.connecting > MIN_CONNECTING and observed.connected < MAX_CONNECTED
    return often and observed.slowest > MIN_SLOWEST


@check(
    "coordinated-omission",
    "While the target stalled, its users waited and sent nothing, so few of the requests show the stall.",
    "Use an open loop (--rate), which measures from the moment at which a request was due.",
)
def coordinated_omission(evidence: Evidence) -> str:
    """Find a closed loop that sent fewer requests while the target stalled."""
    if evidence.only_processor:
        return ""
    worst = max(observed.omission for observed in evidence.runs)
    return f"p99 is {worst:.2f} times as high with the omitted waits" if worst > MAX_OMITTED else ""


@check(
    "phase-lock",
    "The users send at the same moments, so the times measure a queue that real visitors do not form.",
    "Let them arrive at random: --rate, or between() instead of constant_pacing() and a lower spawn rate.",
)
def phase_lock(evidence: Evidence) -> str:
    """Find users that send at the same moments."""
    if evidence.only_processor:
        return ""
    bunched = _median([observed.arrivals for observed in evidence.runs])
    if bunched <= MAX_BUNCHED:
        return ""
    return f"the time between requests has a coefficient of variation of {bunched:.2f}"


@check(
    "rate-is-given",
    "The load sets the rate that is compared, so it cannot change, whatever the server does.",
    "Compare a latency, or search for the highest rate with `festgate capacity`.",
)
def rate_is_given(evidence: Evidence) -> str:
    """Find a compared rate that the plan sets."""
    compared = next((metric.text for metric in evidence.metrics if metric.kind == "rate"), "")
    plan = evidence.runs[0].run.plan
    if not compared:
        return ""
    if isinstance(plan.load, Rate):
        return f"{compared}: the plan sets {plan.mean_load:g} arrivals/s"
    busy = _median([observed.concurrency for observed in evidence.runs]) / plan.mean_load
    if busy > MAX_THINKING:
        return ""
    return f"{compared}: users wait for responses {percent(busy)} of their time"


@check(
    "responses-not-compared",
    "The content of these responses differs within one build, so an error page of the same size would not be noticed.",
    "Let the journey check the content (catch_response), and open the page of both builds.",
)
def responses_not_compared(evidence: Evidence) -> str:
    """Find compared steps whose content cannot be compared, as their bodies rarely recur in other runs."""
    compared = {metric.step for metric in evidence.metrics}
    missing = {}
    for name in evidence.steps:
        if not compared & {name, None}:
            continue
        before, after = steps_of(evidence.before, name), steps_of(evidence.after, name)
        if min(len(before), len(after)) > 1 and not are_compared(before, after):
            missing[name] = max(*recurring(before), *recurring(after))
    if not missing:
        return ""
    name = min(missing, key=missing.__getitem__)
    others = f", and {len(missing) - 1} other steps" if len(missing) > 1 else ""
    share = (
        f"at most {percent(missing[name])} of the responses recur" if missing[name] else "no response recurs"
    )
    return f"{name}{others}: {share} in another run of the same build"


@check(
    "mix-shifted",
    "Metrics over all requests changed because the mix of requests changed, not only because the responses did.",
    "Compare a metric of one step, such as p95(/events), and find out why the journeys took another path.",
)
def mix_shifted(evidence: Evidence) -> str:
    """Find steps whose shares of all requests changed."""
    before, after = _mix(evidence.before), _mix(evidence.after)
    moved = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in evidence.steps}
    shift = sum(abs(share) for share in moved.values()) / 2
    if not before or not after or shift <= MAX_MIX_SHIFT:
        return ""
    name = max(moved, key=lambda step: abs(moved[step]))
    return f"{name} is {percent(before.get(name, 0.0))} / {percent(after.get(name, 0.0))} of the requests"


def _mix(side: Sequence[Observed]) -> dict[str, float]:
    total = sum(observed.requests for observed in side)
    names = {name for observed in side for name in observed.steps}
    return {
        name: sum(observed.steps[name].requests for observed in side if name in observed.steps) / total
        for name in names
    }


@check(
    "one-row-of-many",
    "A step that few requests belong to does not describe what most visitors get.",
    "Declare a metric over all requests or of a main step, and report this one in addition.",
)
def one_row_of_many(evidence: Evidence) -> str:
    """Find a primary metric of a step that has few of the requests."""
    step = evidence.primary.step
    share = 1.0 if step is None else _mix(evidence.runs).get(step, 0.0)
    return f"{step} is {percent(share)} of the requests" if share < MIN_SHARE else ""


@check(
    "drift",
    "The target had not reached a steady state, so the figures depend on the length of the runs.",
    "Look for something that grows (a table, a log, memory), or make longer runs after a longer warm-up.",
)
def drift(evidence: Evidence) -> str:
    """Find runs that become slower or faster while they last, unless the plan makes them so: the load varies."""
    if evidence.runs[0].run.plan.load.varies:
        return ""
    moved = _median([observed.drift for observed in evidence.runs])
    steady = 1 / MAX_DRIFT <= moved <= MAX_DRIFT
    return "" if steady else f"the median late in a run is {moved:.2f} times that of early in it"


@check(
    "littles-law-off",
    "Users, rate and latency contradict each other, so requests were lost or have the wrong step name.",
    "Check whether a step sends more requests than it names, and in load.log whether Locust reached the load.",
)
def littles_law_off(evidence: Evidence) -> str:
    """Find more concurrent requests than users, or other arrivals than planned.

    Little's law: the number of concurrent requests is rate x latency. In a closed loop it cannot exceed the number of
    users; how far below it is depends on their think time, which no plan contains. In an open loop whose journey is
    one step, the arrivals are compared with the plan's.
    """
    for observed in evidence.runs:
        plan = observed.run.plan
        if isinstance(plan.load, Users):
            if observed.concurrency > MAX_CONCURRENCY * plan.mean_load:
                return f"{observed.concurrency:.1f} concurrent requests from {plan.mean_load:,.4g} users"
        elif len(observed.steps) == 1:
            planned = plan.mean_load * plan.duration
            variation = 4 * np.sqrt(planned) if plan.load.arrivals == "poisson" else 1.0
            if abs(observed.requests - planned) > MAX_OFF_PLAN * planned + variation:
                return f"{observed.requests:,} of {planned:,.0f} planned arrivals"
    return ""


@check(
    "arrivals-dropped",
    "The arrivals with the longest waits were never sent, so the high percentiles are better than what visitors get.",
    "Choose a rate that the target sustains: `festgate capacity` finds it.",
)
def arrivals_dropped(evidence: Evidence) -> str:
    """Find arrivals of an open loop that were never sent."""
    dropped = sum(observed.run.dropped for observed in evidence.runs)
    share = dropped / max(1, dropped + sum(observed.requests for observed in evidence.runs))
    return f"{dropped:,} arrivals, {percent(share)}" if share > MAX_DROPPED else ""


@check(
    "sent-late",
    "The load generator causes this share for both builds alike, so the effect of a change appears smaller than it is.",
    "Lower the load, run the load generator on a separate machine, or compare a slower step.",
)
def sent_late(evidence: Evidence) -> str:
    """Find send delay that is part of the primary metric; above a half it is refused as `generator-saturated`."""
    late = evidence.late
    return f"{percent(late)} of {evidence.primary.text} is send delay" if MIN_LATE < late <= MAX_LATE else ""


FLAGS: Final[tuple[LoadCheck, ...]] = (
    not_interleaved,
    warm_up_not_cut,
    connection_outliers,
    coordinated_omission,
    phase_lock,
    rate_is_given,
    responses_not_compared,
    mix_shifted,
    one_row_of_many,
    drift,
    littles_law_off,
    arrivals_dropped,
    sent_late,
)


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))

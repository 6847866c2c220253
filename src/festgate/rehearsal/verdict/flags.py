"""What the reader of a comparison has to know, though it is valid."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Rate, Users
from festgate.rehearsal.verdict.findings import Evidence, LoadCheck, check, percent
from festgate.rehearsal.verdict.observed import Observed
from festgate.rehearsal.verdict.refusals import MAX_LATE

MAX_EARLY: Final = 1.2
"""Median latency at the beginning over that of the rest, in most runs: a fifth is what a cold cache or a JIT costs."""
MIN_CONNECTING: Final = 0.5
"""Share of the slowest hundredth that opened a connection, from which on connections are what is slow."""
MAX_CONNECTED: Final = 0.25
"""Where more of all requests open one, they are how this client works and no outliers."""
MIN_SLOWEST: Final = 5.0
"""Times the median, from which on the slowest hundredth are outliers and not a tail."""
MAX_OMITTED: Final = 1.2
"""p99 corrected for coordinated omission, over p99 as measured."""
MAX_BUNCHED: Final = 1.5
"""Coefficient of variation between arrivals: 1 for people who know nothing of each other, 0 for a clock."""
MAX_THINKING: Final = 0.5
"""Share of their time that users wait for answers, up to which what they think sets the pace and not the target."""
MAX_MIX_SHIFT: Final = 0.02
"""Share of all requests that went to another step; more than drawing journeys by lot does in runs of 700 requests."""
MIN_SHARE: Final = 0.05
"""Of all requests that the step of a metric has; a faster one in twenty is no faster app."""
MAX_DRIFT: Final = 1.2
"""Median latency late in a run over that early in it, up or down, in most runs."""
MAX_UNDER_WAY: Final = 1.05
"""Requests under way at once over the users that there are; 5 % for the clocks of both."""
MAX_OFF_PLAN: Final = 0.05
"""Difference of the arrivals that were sent from those that were planned, beyond what Poisson's law lets vary."""
MAX_DROPPED: Final = 0.001
"""Share of arrivals that were never sent: more, and the p99 is without some of its slowest."""
MIN_LATE: Final = 0.1
"""Share of the primary metric that is the sender's own lateness: what it takes off a change is then worth knowing."""


@check(
    "not-interleaved",
    "What changed on the machine meanwhile counts as the build's: so played, 22 of 100 identical builds differ.",
    "Play the builds in turn (ABBA BAAB), as `festgate ab` does.",
)
def not_interleaved(evidence: Evidence) -> str:
    """All of one build, and then all of the other."""
    return "" if evidence.interleaved else f"{len(evidence.before)} runs and then {len(evidence.after)}"


@check(
    "warm-up-not-cut",
    "The first requests fill caches and open connections, and so tell of the start more than of the build.",
    "Give a --warm-up that is longer than the start takes.",
)
def warm_up_not_cut(evidence: Evidence) -> str:
    """No warm-up, one that ends before all users are there, or a beginning that is still slow after it."""
    plan = evidence.runs[0].run.plan
    early = _middle([seen.early for seen in evidence.runs])
    ramp = (
        plan.load.users / plan.load.spawn_rate
        if isinstance(plan.load, Users) and plan.load.spawn_rate
        else 0.0
    )
    if plan.warm_up <= 0:
        return "no warm-up"
    if ramp > plan.warm_up:
        return f"all users are there after {ramp:g} s, the warm-up is {plan.warm_up:g} s"
    return f"the first tenth took {early:.2f} times as long as the rest" if early > MAX_EARLY else ""


@check(
    "connection-outliers",
    "The high percentiles are of opening connections, which no change of a route makes quicker.",
    "Send to an address instead of a name that has several (127.0.0.1, not localhost), after a warm-up.",
)
def connection_outliers(evidence: Evidence) -> str:
    """The slowest requests are those that opened a connection, as where `localhost` is tried at ::1 first."""
    troubled = [seen for seen in evidence.runs if _connections_are_slow(seen)]
    if 2 * len(troubled) < len(evidence.runs):
        return ""
    worst = max(troubled, key=lambda seen: seen.slowest)
    share = percent(worst.connecting)
    return f"{share} of the slowest 1 % opened a connection and took {worst.slowest:.0f} x the median"


def _connections_are_slow(seen: Observed) -> bool:
    often = seen.connecting > MIN_CONNECTING and seen.connected < MAX_CONNECTED
    return often and seen.slowest > MIN_SLOWEST


@check(
    "coordinated-omission",
    "While the target stood still its users waited and asked nothing, so the stall is in few of the requests.",
    "Play an open loop with --rate, which counts from the moment at which a request was due.",
)
def coordinated_omission(evidence: Evidence) -> str:
    """A closed loop that asked less while the target stood still."""
    if evidence.only_processor:
        return ""
    worst = max(seen.omission for seen in evidence.runs)
    return (
        f"p99 is {worst:.2f} times as long with the waits that were left out" if worst > MAX_OMITTED else ""
    )


@check(
    "phase-lock",
    "The users ask at the same moments, so the times are of a queue that real visitors do not make.",
    "Let them come at random: --rate, or between() instead of constant_pacing() and a slower spawn rate.",
)
def phase_lock(evidence: Evidence) -> str:
    """Users that fire together."""
    if evidence.only_processor:
        return ""
    bunched = _middle([seen.arrivals for seen in evidence.runs])
    return f"the time between requests varies by {bunched:.2f} of its mean" if bunched > MAX_BUNCHED else ""


@check(
    "rate-is-given",
    "The load sets the rate that is compared, and it cannot move whatever the server does.",
    "Compare a latency, or search for the largest rate with `festgate capacity`.",
)
def rate_is_given(evidence: Evidence) -> str:
    """A rate is compared, and the plan sets it."""
    compared = next((metric.text for metric in evidence.metrics if metric.kind == "rate"), "")
    load = evidence.runs[0].run.plan.load
    if not compared:
        return ""
    if isinstance(load, Rate):
        return f"{compared}: {load.rate:g} arrivals/s by the plan"
    busy = _middle([seen.under_way for seen in evidence.runs]) / load.users
    if busy > MAX_THINKING:
        return ""
    return f"{compared}: users wait for an answer {percent(busy)} of their time"


@check(
    "mix-shifted",
    "Figures over all requests moved because others were asked, not only because they were answered otherwise.",
    "Compare a metric of one step, such as p95(/events), and find out why the journeys went another way.",
)
def mix_shifted(evidence: Evidence) -> str:
    """The steps' shares of all requests are others than before."""
    before, after = _mix(evidence.before), _mix(evidence.after)
    moved = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in evidence.steps}
    shift = sum(abs(share) for share in moved.values()) / 2
    if not before or not after or shift <= MAX_MIX_SHIFT:
        return ""
    name = max(moved, key=lambda each: abs(moved[each]))
    return f"{name} is {percent(before.get(name, 0.0))} / {percent(after.get(name, 0.0))} of the requests"


def _mix(side: Sequence[Observed]) -> dict[str, float]:
    total = sum(seen.requests for seen in side)
    names = {name for seen in side for name in seen.steps}
    return {
        name: sum(seen.steps[name].requests for seen in side if name in seen.steps) / total for name in names
    }


@check(
    "one-row-of-many",
    "One row picked out of many says nothing of what most visitors get.",
    "Declare a metric over all requests or of a main step, and read this one beside it.",
)
def one_row_of_many(evidence: Evidence) -> str:
    """The primary metric is of a step that hardly anybody asks for."""
    step = evidence.primary.step
    share = 1.0 if step is None else _mix(evidence.runs).get(step, 0.0)
    return f"{step} is {percent(share)} of the requests" if share < MIN_SHARE else ""


@check(
    "drift",
    "The target had not come to rest, so the figures depend on how long it was played.",
    "Look for what grows (a table, a log, memory), or play longer after a longer warm-up.",
)
def drift(evidence: Evidence) -> str:
    """Runs that become slower or faster while they last."""
    moved = _middle([seen.drift for seen in evidence.runs])
    still = 1 / MAX_DRIFT <= moved <= MAX_DRIFT
    return "" if still else f"late in a run the median is {moved:.2f} times that of early in it"


@check(
    "littles-law-off",
    "Users, rate and latency do not agree, so requests were lost or are not what they are called.",
    "See whether a step asks more than it names, and whether the load was reached: load.log has what Locust said.",
)
def littles_law_off(evidence: Evidence) -> str:
    """More requests under way than there are users, or other arrivals than were planned.

    Little's law: the number under way is rate x latency. In a closed loop it cannot be more than the users; how far
    below it is depends on the time they think, which no plan holds. In an open loop whose journey is one step the
    arrivals are counted against the plan's.
    """
    for seen in evidence.runs:
        plan = seen.run.plan
        if isinstance(plan.load, Users):
            if seen.under_way > MAX_UNDER_WAY * plan.load.users:
                return f"{seen.under_way:.1f} requests under way from {plan.load.users} users"
        elif len(seen.steps) == 1:
            planned = plan.load.rate * plan.duration
            chance = 4 * np.sqrt(planned) if plan.load.arrivals == "poisson" else 1.0
            if abs(seen.requests - planned) > MAX_OFF_PLAN * planned + chance:
                return f"{seen.requests:,} arrivals of {planned:,.0f} planned"
    return ""


@check(
    "arrivals-dropped",
    "Those who were to wait the longest were never sent, so the high percentiles are better than a visitor's.",
    "Send at a rate that the target holds: `festgate capacity` finds it.",
)
def arrivals_dropped(evidence: Evidence) -> str:
    """Arrivals of an open loop that were never sent."""
    dropped = sum(seen.run.dropped for seen in evidence.runs)
    share = dropped / max(1, dropped + sum(seen.requests for seen in evidence.runs))
    return f"{dropped:,} arrivals, {percent(share)}" if share > MAX_DROPPED else ""


@check(
    "sent-late",
    "That share is the machine's and the same for both builds, so a change of the build shows smaller than it is.",
    "Send less, send from a machine of its own, or compare a slower step, of which lateness is a smaller share.",
)
def sent_late(evidence: Evidence) -> str:
    """A part of what is compared is not the target's; beyond a half it is refused as `generator-saturated`."""
    late = evidence.late
    told = MIN_LATE < late <= MAX_LATE
    return f"{percent(late)} of {evidence.primary.text} is lateness in sending" if told else ""


FLAGS: Final[tuple[LoadCheck, ...]] = (
    not_interleaved,
    warm_up_not_cut,
    connection_outliers,
    coordinated_omission,
    phase_lock,
    rate_is_given,
    mix_shifted,
    one_row_of_many,
    drift,
    littles_law_off,
    arrivals_dropped,
    sent_late,
)


def _middle(values: Sequence[float]) -> float:
    """The median: what most of the runs show."""
    return float(np.median(values))

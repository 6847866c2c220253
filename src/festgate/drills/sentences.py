"""The outcome of drills in sentences for organisers, which come before any table."""

from typing import Final

from festgate.drills.impact import State
from festgate.drills.plan import MODULES, Module
from festgate.drills.runner import DrillResults
from festgate.drills.verdict import Outcome
from festgate.rehearsal.stats import figures

LETTERS: Final[dict[State, str]] = {"served": "", "slow": "S", "unavailable": "R", "error": "E", "idle": ""}
"""The letters in the cells of a chart, which repeat their colour."""
MEANINGS: Final[dict[State, str]] = {
    "served": "served",
    "slow": "S: served slowly",
    "unavailable": 'R: "come back later", or not done yet',
    "error": "E: an error, or no response",
    "idle": "no requests",
}


def verdict(outcome: Outcome) -> str:
    """Return the verdict on one drill, in a few words."""
    if outcome.refused:
        return "Not run"
    return "Contained" if outcome.contained else "Not contained"


def verdict_of_all(results: DrillResults) -> str:
    """Return the verdict on all drills, in a few words."""
    outcomes = results.outcomes
    if len(outcomes) == 1:
        return verdict(outcomes[0])
    contained = sum(outcome.contained for outcome in outcomes)
    return (
        f"All {contained} drills were contained"
        if results.contained
        else f"{contained} of {len(outcomes)} drills were contained"
    )


def summary_of_all(results: DrillResults) -> tuple[str, ...]:
    """Return the sentences with which a report begins."""
    outcomes = results.outcomes
    if len(outcomes) == 1:
        return summary(outcomes[0])
    leaked = [outcome for outcome in outcomes if not outcome.contained]
    people = figures.count(results.options.rate * 60)
    sentences = [f"{len(outcomes)} drills were run while {people} people a minute came to the fest."]
    if not leaked:
        sentences.append("Every fault was contained, and the fest recovered by itself each time.")
    sentences += [
        f"{outcome.drill.title}: {(outcome.leaks[0].what if outcome.leaks else outcome.refused)}"
        for outcome in leaked
    ]
    return tuple(sentences)


def summary(outcome: Outcome) -> tuple[str, ...]:
    """Return the impact of one drill, its duration, and whether the data is consistent."""
    if outcome.refused:
        return (
            f"The drill was not run because the steady state did not hold before it ({outcome.refused}).",
            "A drill on an unhealthy portal proves nothing.",
        )
    return tuple(filter(None, [_impact(outcome), _times(outcome), _latency(outcome), _data(outcome)]))


def _impact(outcome: Outcome) -> str:
    inside = [step for step in outcome.steps if step.tolerated]
    affected = sum(step.affected for step in outcome.outside)
    requests = figures.count(sum(step.requests for step in outcome.outside))
    unavailable = sum(step.unavailable for step in inside)
    unfinished = sum(step.unfinished for step in inside)
    failed = sum(step.errors + step.cut for step in inside)
    parts = [
        f"{figures.count(affected)} of {requests} requests outside the allowed blast radius were affected"
        if affected
        else f"No other visitor was affected: all {requests} requests outside the allowed blast radius succeeded"
    ]
    if unavailable:
        parts.append(f'{figures.count(unavailable)} requests inside it got "come back later"')
    if unfinished:
        parts.append(
            f"{figures.count(unfinished)} requests inside it showed that a payment or a ticket was not there yet"
        )
    if failed:
        parts.append(f"{figures.count(failed)} requests inside it failed")
    return f"{'; '.join(parts)}."


def _times(outcome: Outcome) -> str:
    parts = []
    if (noticed := outcome.after(outcome.noticed)) is not None:
        parts.append(f"the portal reported the fault after {figures.span(round(noticed, 1))}")
    if contained := outcome.after(outcome.contained_at):
        parts.append(f"no other visitor was affected after {figures.span(round(contained, 1))}")
    if outcome.recovered is not None:
        parts.append(_recovery(outcome.recovered - outcome.armed, outcome.recovered - outcome.rolled_back))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _recovery(since_fault: float, since_rollback: float) -> str:
    if since_rollback < 0:
        return f"the portal recovered by itself {figures.span(round(since_fault, 1))} after the fault"
    return f"the portal recovered {figures.span(round(since_rollback, 1))} after the rollback"


def _latency(outcome: Outcome) -> str:
    others = outcome.others
    if not others.requests or not others.quiet_requests:
        return ""
    text = (
        f"The slowest 5 % of the other requests took {figures.latency(others.p95)} or longer, compared with"
        f" {figures.latency(others.quiet_p95)} without the fault"
    )
    if others.why_not:
        return f"{text}. This is no leak: {others.why_not}."
    return f"{text} ({others.ratio:.2f} times as long)."


def _data(outcome: Outcome) -> str:
    after = outcome.journal.after
    if after is None:
        return "The data was not checked, because it belongs to another portal. Run `festgate check` there."
    return (
        "The data is consistent: `festgate check` found no violation."
        if after.clean
        else "The data is no longer consistent."
    )


def states_of_modules(outcome: Outcome) -> dict[Module, State]:
    """Return the worst state of each module since the fault; slow only if that was a leak."""
    states: dict[Module, State] = {}
    for module in MODULES:
        steps = [step for step in outcome.steps if step.module == module and step.requests]
        outside = any(not step.tolerated for step in steps)
        if not steps:
            states[module] = "idle"
        elif any(step.errors + step.cut for step in steps):
            states[module] = "error"
        elif any(step.unavailable + step.unfinished for step in steps):
            states[module] = "unavailable"
        else:
            states[module] = "slow" if outcome.others.slower and outside else "served"
    return states

"""A drill's outcome in sentences that an organiser understands before any table."""

from typing import Final

from festgate.drills.impact import State, StepHarm
from festgate.drills.plan import MODULES, Module
from festgate.drills.runner import Drilled
from festgate.drills.verdict import Outcome
from festgate.rehearsal.stats import figures

LETTERS: Final[dict[State, str]] = {"well": "", "slow": "S", "resting": "R", "error": "E", "quiet": ""}
"""In the cells of a picture, beside their colour."""
MEANINGS: Final[dict[State, str]] = {
    "well": "served",
    "slow": "S: served slowly",
    "resting": 'R: "come back later", or not done yet',
    "error": "E: an error, or no answer",
    "quiet": "not asked",
}


def verdict(outcome: Outcome) -> str:
    """A few words."""
    if outcome.refused:
        return "Not played"
    return "Contained" if outcome.contained else "Not contained"


def verdict_of_all(drilled: Drilled) -> str:
    """Of several drills, or of one."""
    outcomes = drilled.outcomes
    if len(outcomes) == 1:
        return verdict(outcomes[0])
    held = sum(outcome.contained for outcome in outcomes)
    return (
        f"All {held} drills were contained"
        if drilled.contained
        else f"{held} of {len(outcomes)} were contained"
    )


def words_of_all(drilled: Drilled) -> tuple[str, ...]:
    """What an organiser wants to know first."""
    outcomes = drilled.outcomes
    if len(outcomes) == 1:
        return in_words(outcomes[0])
    leaked = [outcome for outcome in outcomes if not outcome.contained]
    people = figures.count(drilled.given.rate * 60)
    told = [f"{len(outcomes)} things were broken on purpose while {people} people a minute came to the fest."]
    if not leaked:
        told.append("Each time the trouble stayed where it was, and the fest came back by itself.")
    told += [
        f"{outcome.drill.title}: {(outcome.leaks[0].what if outcome.leaks else outcome.refused)}"
        for outcome in leaked
    ]
    return tuple(told)


def in_words(outcome: Outcome) -> tuple[str, ...]:
    """Of one drill: who was harmed, how long it took, whether the data is sound."""
    if outcome.refused:
        return (
            f"It was not played: the fest was not in order to begin with ({outcome.refused}).",
            "A drill that begins on a fest that is not well says nothing.",
        )
    return tuple(filter(None, [_harm(outcome), _times(outcome), _others(outcome), _data(outcome)]))


def _harm(outcome: Outcome) -> str:
    struck = [step for step in outcome.steps if step.tolerated]
    spared = [step for step in outcome.steps if not step.tolerated]
    harmed = sum(map(harm, spared))
    asked = sum(step.requests for step in spared)
    put_off = sum(step.resting for step in struck)
    undone = sum(step.unfinished for step in struck)
    failed = sum(step.errors + step.cut for step in struck)
    text = (
        f"Nobody else was harmed: {figures.count(asked)} requests of others were answered as always"
        if not harmed
        else f"{figures.count(harmed)} of {figures.count(asked)} requests of others were harmed"
    )
    if put_off:
        text += f"; {figures.count(put_off)} of what was struck were asked to come back later"
    if undone:
        text += f"; {figures.count(undone)} of what was struck showed that a payment or a ticket was not there yet"
    if failed:
        text += f"; {figures.count(failed)} of what was struck failed"
    return f"{text}."


def _times(outcome: Outcome) -> str:
    parts = []
    if (noticed := outcome.after(outcome.noticed)) is not None:
        parts.append(f"noticed after {figures.span(round(noticed, 1))}")
    if contained := outcome.after(outcome.contained_at):
        parts.append(f"nobody else harmed any more after {figures.span(round(contained, 1))}")
    if outcome.recovered is not None:
        parts.append(_back(outcome.recovered - outcome.armed, outcome.recovered - outcome.undone))
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _back(since_fault: float, since_undone: float) -> str:
    if since_undone < 0:
        return f"as before {figures.span(round(since_fault, 1))} after the fault, by itself"
    return f"as before {figures.span(round(since_undone, 1))} after it was undone"


def _others(outcome: Outcome) -> str:
    others = outcome.others
    if not others.requests or not others.quiet_requests:
        return ""
    text = (
        f"The slowest twentieth of the others waited {figures.latency(others.p95)} or longer, without the fault"
        f" {figures.latency(others.quiet_p95)}"
    )
    if others.why_not:
        return f"{text}: no leak, since {others.why_not}."
    return f"{text} ({others.ratio:.2f} times as long)."


def _data(outcome: Outcome) -> str:
    after = outcome.act.after
    if after is None:
        return (
            "Whether the data is sound was not looked at: it is another portal's. Run `festgate check` there."
        )
    return (
        "The data is sound: `festgate check` finds nothing."
        if after.clean
        else "The data is not sound any more."
    )


def harm(step: StepHarm) -> int:
    """How many of its requests were harmed."""
    return step.resting + step.unfinished + step.cut + step.errors


def modules_of(outcome: Outcome) -> dict[Module, State]:
    """The worst that each module's people met from the fault on; slow only where it was a leak."""
    found: dict[Module, State] = {}
    for module in MODULES:
        mine = [step for step in outcome.steps if step.module == module and step.requests]
        spared = any(not step.tolerated for step in mine)
        if not mine:
            found[module] = "quiet"
        elif any(step.errors + step.cut for step in mine):
            found[module] = "error"
        elif any(step.resting + step.unfinished for step in mine):
            found[module] = "resting"
        else:
            found[module] = "slow" if outcome.others.slower and spared else "well"
    return found

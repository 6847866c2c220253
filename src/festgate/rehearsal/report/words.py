"""A run and a comparison in sentences that an organiser understands before any table."""

import math
from typing import Final, Literal

from festgate.rehearsal.runs.plan import Load, Plan, Rate
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.summary import LimitResult, Summary
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize

Outcome = Literal["held", "failed", "cut", "nothing"]
"""`held`: to its end, every limit kept (without limits: no error), everybody served."""
_FEW: Final = 3
"""Reasons that are told at the top; the others stand below."""
VERDICTS: Final[dict[Outcome, str]] = {
    "held": "It held",
    "failed": "It did not hold",
    "cut": "Cut off before its end",
    "nothing": "Nothing was measured",
}
_PARTS: Final = {"p50": "slower half", "p95": "slowest twentieth"}


def outcome(summary: Summary) -> Outcome:
    """How the run came out."""
    if summary.all.requests == 0:
        return "nothing"
    if summary.broken or (summary.all.failures and not summary.checks) or summary.run.dropped:
        return "failed"
    return "held" if summary.run.state == "whole" else "cut"


def run_in_words(summary: Summary) -> tuple[str, ...]:
    """What happened, what was slow, which limits broke: two to four sentences."""
    if summary.all.requests == 0:
        return ("No request was sent after the warm-up, so there is nothing to say of this run.",)
    told = [_held(summary), _slowest(summary), _limits(summary)]
    return tuple(sentence for sentence in told if sentence)


def load_in_words(load: Load) -> str:
    """`1,800 people a minute`, `60 people at once`."""
    if isinstance(load, Rate):
        a_minute = load.rate * 60
        return f"{_many(a_minute)} a minute" if a_minute >= 1 else f"{_many(a_minute * 60)} an hour"
    return f"{_many(load.users)} at once"


def plan_in_words(plan: Plan) -> str:
    """`opening_day: 1,800 people a minute for 5 minutes, after a warm-up of 30 s`."""
    text = f"{plan.journey}: {load_in_words(plan.load)} for {figures.span(plan.duration)}"
    return f"{text}, after a warm-up of {figures.span(plan.warm_up)}" if plan.warm_up else text


def limit_in_words(check: LimitResult) -> str:
    """What a limit's metric came to: `310 ms`."""
    if check.metric is None:
        return "it cannot be read as a limit"
    if math.isnan(check.value):
        unseen = check.metric.kind == "cpu"
        return "the target's processes were not seen" if unseen else "no request to measure"
    return check.metric.shown(check.value)


def _many(people: float) -> str:
    whole = figures.count(people) if people >= 10 or people == int(people) else f"{people:.1f}"  # noqa: PLR2004
    return f"{whole} {'person' if whole == '1' else 'people'}"


def _held(summary: Summary) -> str:
    run, everything = summary.run, summary.all
    took = "Held" if outcome(summary) in ("held", "cut") else "Took"
    text = f"{took} {load_in_words(run.plan.load)} for {figures.span(summary.seconds)}"
    if run.state != "whole":
        text += f" of the {figures.span(run.plan.duration)} that were planned"
    if everything.failures:
        text += (
            f"; {figures.share(everything.failed)} of the requests failed ({figures.count(everything.failures)} of"
            f" {figures.count(everything.requests)}{_mostly(summary)})"
        )
    else:
        text += " without an error" + (", but not as was asked of it" if took == "Took" else "")
    if run.dropped:
        came = "person" if run.dropped == 1 else "people"
        text += (
            f"; {figures.count(run.dropped)} {came} more came while every simulated visitor was still waiting"
            " for an answer, and could not even ask"
        )
    return f"{text}."


def _mostly(summary: Summary) -> str:
    step, status = next(iter(summary.failures))
    kind = f"HTTP {status}" if status else "no answer"
    every = "all" if len(summary.failures) == 1 else "most"
    return f", {every} of them {step} with {kind}"


def _slowest(summary: Summary) -> str:
    spell = summary.spell
    if spell is not None:
        return (
            f"{spell.step} was the first to slow down, from {figures.at(spell.begin)} to {figures.at(spell.end)}: then"
            f" its {_PARTS[spell.quantile]} waited {figures.latency(spell.waited)} or longer, usually"
            f" {figures.latency(spell.usual)}."
        )
    slow = max(summary.steps, key=lambda step: step.quantiles["p95"])
    one = len(summary.steps) == 1
    if not slow.few("p95"):
        which = "The" if one else f"{slow.name} was the slowest step: its"
        return f"{which} slowest twentieth waited {figures.latency(slow.quantiles['p95'])} or longer."
    which = f"{slow.name} was" if one else f"{slow.name} looks like the slowest step, but was"
    text = f"{which} asked for only {figures.count(slow.requests)} times, too few to say how long its slowest waited"
    return (
        f"{text}."
        if slow.few("p50")
        else f"{text}; half waited {figures.latency(slow.quantiles['p50'])} or longer."
    )


def _limits(summary: Summary) -> str:
    if not summary.checks:
        return ""
    broken = summary.broken
    if not broken:
        if len(summary.checks) == 1:
            return f"The limit that was set held: {summary.checks[0].text}."
        return f"All {len(summary.checks)} limits that were set held."
    named = "; ".join(f"{check.text} ({limit_in_words(check)})" for check in broken)
    return f"{len(broken)} of {len(summary.checks)} limits did not hold: {named}."


def comparison_in_words(comparison: Comparison) -> tuple[str, ...]:
    """The verdict in one sentence with its interval, and one of what follows from it."""
    effect = comparison.primary
    if effect is None:
        reasons = [finding.meaning for finding in comparison.refusals[:_FEW]]
        return ("These runs cannot be compared, so there is no verdict.", *reasons)
    told = (effect_in_words(effect, comparison.margin), _consequence(effect, comparison))
    worse = worse_beside(comparison)
    return (*told, f"Beside it, {', '.join(worse)} became worse.") if worse else told


def worse_beside(comparison: Comparison) -> list[str]:
    """The metrics that regressed and are not the primary one."""
    return [effect.metric.text for effect in comparison.others if effect.verdict == "regressed"]


def effect_in_words(effect: EffectSize, margin: float) -> str:
    """`p95(/events) became worse: +9.8 % (95 % interval +7.1 % to +12.6 %), ...`."""
    between = f"(95 % interval {figures.change(effect.low)} to {figures.change(effect.high)})"
    was = f"from {effect.metric.shown(effect.before)} to {effect.metric.shown(effect.after)}"
    name, moved, edge = effect.metric.text, figures.change(effect.change), figures.share(margin)
    match effect.verdict:
        case "improved":
            return f"{name} became better: {moved} {between}, {was}; that is beyond the margin of {edge}."
        case "regressed":
            return f"{name} became worse: {moved} {between}, {was}; that is beyond the margin of {edge}."
        case "changed":
            return f"{name} changed by {moved} {between}, which is not surely more than the margin of {edge}."
        case "equivalent":
            return f"{name} is the same within {edge}: {moved} {between}."
        case "inconclusive":
            return f"{name} may or may not have changed: {moved} {between}; these runs cannot tell."
        case "refused":
            unseen = effect.metric.kind == "cpu" and math.isnan(effect.before + effect.after)
            why = (
                "the target's processes were not seen"
                if unseen
                else "too few requests, or nothing to measure"
            )
            return f"{name} cannot be judged: {why} ({was})."


def _consequence(effect: EffectSize, comparison: Comparison) -> str:
    pairs = f"{comparison.pairs} {'pair' if comparison.pairs == 1 else 'pairs'} of runs"
    if effect.verdict in ("inconclusive", "changed") and effect.pairs_to_decide is not None:
        return f"About {effect.pairs_to_decide} pairs would decide it; there were {pairs}."
    if effect.verdict == "inconclusive":
        return f"More pairs than anybody plays would be needed to decide it; there were {pairs}."
    return f"The verdict rests on {pairs}."

"""Sentences that summarise a run or a comparison, for readers without knowledge of statistics."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

from festgate.rehearsal.runs.plan import Load, Plan, Rate
from festgate.rehearsal.runs.recording import NoResponse
from festgate.rehearsal.runs.stages import Slope
from festgate.rehearsal.runs.store import Run, Side
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.summary import LimitResult, Summary
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize
from festgate.rehearsal.verdict.flags import responses_not_compared
from festgate.rehearsal.verdict.outcome import Result, outcome_of
from festgate.rehearsal.verdict.paired import MAX_PAIRS

SIDES: Final[dict[Side, str]] = {"generator": "load generator", "server": "target"}
_SAME_TARGET: Final = (
    "Both sides are the same target, so this is an A/A comparison: any difference comes from chance, the load or the"
    " machine."
)
_MAX_REASONS: Final = 3
"""Reasons for a refusal in the summary; the report lists all of them below."""
VERDICTS: Final[dict[Result, str]] = {
    "held": "Passed",
    "failed": "Failed",
    "cut": "Stopped before its end",
    "nothing": "Nothing was measured",
}
_NO_RESPONSE: Final[dict[NoResponse, str]] = {
    "": "no HTTP response",
    "refused": "connection refused",
    "reset": "connection closed before the end of the response",
    "timeout": "timeout",
    "dns": "host name not resolved",
    "tls": "TLS error",
}
_SHARES: Final = {"p50": "half of the", "p95": "95 of 100"}


def run_in_words(summary: Summary) -> tuple[str, ...]:
    """Describe the load, the slowest step and the limits in one to three sentences."""
    if summary.all.requests == 0:
        return ("No request was sent after the warm-up, so there are no results.",)
    sentences = [_load(summary), _checks(summary), _slowest(summary), _limits(summary)]
    return tuple(sentence for sentence in sentences if sentence)


def load_in_words(load: Load) -> str:
    """Describe a load: `1,800 visitors a minute`, `60 concurrent visitors`."""
    if isinstance(load, Rate):
        a_minute = load.rate * 60
        text = f"{_visitors(a_minute)} a minute" if a_minute >= 1 else f"{_visitors(a_minute * 60)} an hour"
    else:
        text = _visitors(load.users, "concurrent ")
    count = len(load.stages)
    if count:
        return f"up to {text} in {count} {'stage' if count == 1 else 'stages'}"
    return f"up to {text}" if load.varies else text


def stage_in_words(slope: Slope, load: Load) -> str:
    """Describe a stage: `from 0 to 200 users`, `50 arrivals/s`."""
    unit = " arrivals/s" if isinstance(load, Rate) else " users"
    steady = slope.first == slope.last
    return f"{slope.last:,.4g}{unit}" if steady else f"from {slope.first:,.4g} to {slope.last:,.4g}{unit}"


def plan_in_words(plan: Plan) -> str:
    """Describe a plan: `opening_day: 1,800 visitors a minute for 5 minutes, after a warm-up of 30 s`."""
    text = f"{plan.journey}: {load_in_words(plan.load)} for {figures.span(plan.duration)}"
    return f"{text}, after a warm-up of {figures.span(plan.warm_up)}" if plan.warm_up else text


def target_of(run: Run) -> str:
    """Return the target's own versions, or its address."""
    return ", ".join(run.server.values()) or ", ".join(run.plan.targets)


def workload_of(run: Run) -> str:
    """Return the journey, load and duration of a run in words."""
    return plan_in_words(replace(run.plan, journey=Path(run.plan.journey).stem))


def limit_in_words(limit: LimitResult) -> str:
    """Describe the measured value of a limit's metric: `310 ms`."""
    if limit.metric is None:
        return "not a valid limit"
    if math.isnan(limit.value):
        return "no processor time was measured" if limit.metric.kind == "cpu" else "no requests"
    return limit.metric.shown(limit.value)


def _measured_load(summary: Summary) -> str:
    load, present = summary.run.plan.load, summary.run.present
    if isinstance(load, Rate) or present is None or present == load.users:
        return load_in_words(load)
    planned = f"{figures.count(present)} of {figures.count(load.users)} planned concurrent visitors"
    return f"up to {planned}" if load.varies else planned


def _visitors(number: float, kind: str = "") -> str:
    shown = figures.count(number) if number >= 10 or number == int(number) else f"{number:.1f}"  # noqa: PLR2004
    return f"{shown} {kind}{'visitor' if shown == '1' else 'visitors'}"


def _load(summary: Summary) -> str:
    run, total = summary.run, summary.all
    load = f"{_measured_load(summary)} for {figures.span(summary.seconds)}"
    if run.state != "whole":
        load += f" of the planned {figures.span(run.plan.duration)}"
    failures = (
        f"{figures.share(total.failed)} of the requests failed ({figures.count(total.failures)} of"
        f" {figures.count(total.requests)}{_main_failure(summary)})"
        if total.failures
        else "no request failed"
    )
    served = outcome_of(summary).result in ("held", "cut")
    text = f"The target served {load}; {failures}" if served else f"Under a load of {load}, {failures}"
    if run.dropped:
        arrivals = "visitor" if run.dropped == 1 else "visitors"
        text += (
            f"; {figures.count(run.dropped)} more {arrivals} arrived while all simulated visitors were still waiting"
            " for responses, so their requests were never sent"
        )
    return f"{text}."


def _checks(summary: Summary) -> str:
    reasons = [check.words for check in outcome_of(summary).failed_checks]
    if not reasons:
        return ""
    held = summary.limits and not summary.broken
    although = f", though {_all_limits(summary)} held" if held else ""
    return f"Not held: {'; '.join(reasons)}{although}."


def _main_failure(summary: Summary) -> str:
    (step, status, reason), times = next(iter(summary.failures.items()))
    part = "most" if 2 * times > summary.all.failures else figures.count(times)
    return f", {'all' if len(summary.failures) == 1 else part} of them {step}: {response_in_words(status, reason)}"


def response_in_words(status: int, reason: NoResponse = "") -> str:
    """Describe the response to a failed request: `HTTP 500`, `connection refused`."""
    return f"HTTP {status}" if status else _NO_RESPONSE[reason]


def _slowest(summary: Summary) -> str:
    period = summary.slow_period
    if period is not None:
        return (
            f"{period.step} was the first step to slow down, from {figures.at(period.begin)} to"
            f" {figures.at(period.end)}: {_SHARES[period.quantile]} requests then took less than"
            f" {figures.latency(period.waited)}, usually less than {figures.latency(period.usual)} ({period.quantile})."
        )
    slowest = max(summary.steps, key=lambda step: step.quantiles["p95"])
    only = len(summary.steps) == 1
    if not slowest.few("p95"):
        subject = "" if only else f"The slowest step was {slowest.name}: "
        return f"{subject}{_SHARES['p95']} requests took less than {figures.latency(slowest.quantiles['p95'])} (p95)."
    subject = f"{slowest.name} had" if only else f"{slowest.name} seems to be the slowest step, but had"
    text = f"{subject} only {figures.count(slowest.requests)} requests, too few for a 95th percentile"
    return (
        f"{text}."
        if slowest.few("p50")
        else f"{text}; half of them took less than {figures.latency(slowest.quantiles['p50'])} (p50)."
    )


def _limits(summary: Summary) -> str:
    limits, broken = summary.limits, summary.broken
    # A failed check states already that the limits held.
    if not limits or (not broken and outcome_of(summary).failed_checks):
        return ""
    if not broken:
        if len(limits) == 1:
            return f"The limit was met: {limits[0].text}."
        return f"{_all_limits(summary).capitalize()} were met."
    values = "; ".join(f"{limit.text} ({limit_in_words(limit)})" for limit in broken)
    return f"{len(broken)} of {len(limits)} limits {'was' if len(broken) == 1 else 'were'} not met: {values}."


def _all_limits(summary: Summary) -> str:
    count = len(summary.limits)
    return {1: "the limit", 2: "both limits"}.get(count, f"all {count} limits")


def comparison_in_words(comparison: Comparison) -> tuple[str, ...]:
    """Describe the verdict with its interval, and its consequence."""
    effect = comparison.primary
    if effect is None:
        reasons = [finding.meaning for finding in comparison.refusals[:_MAX_REASONS]]
        return ("These runs cannot be compared, so there is no verdict.", *reasons)
    sentences = [
        not_compared_in_words(comparison),
        _SAME_TARGET if comparison.same_target else "",
        effect_in_words(effect, comparison.margin),
        _consequence(effect, comparison),
    ]
    worse = secondary_regressions(comparison)
    if worse:
        sentences.append(f"Another metric became worse: {', '.join(worse)}.")
    return tuple(sentence for sentence in sentences if sentence)


def look_in_words(comparison: Comparison) -> str:
    """Describe a look at a comparison that is still running: `After 7 pairs: inconclusive, p95 +1.2 % (...)`."""
    effect = comparison.primary
    if effect is None:
        reasons = ", ".join(finding.code for finding in comparison.refusals)
        return f"After {comparison.pairs} pairs: the runs cannot be compared ({reasons})."
    interval = f"{figures.change(effect.low)} to {figures.change(effect.high)}"
    return (
        f"After {comparison.pairs} pairs: {comparison.verdict}, {effect.metric.text} {figures.change(effect.change)}"
        f" (95 % interval {interval})."
    )


def not_compared_in_words(comparison: Comparison) -> str:
    """Describe what the verdict does not cover: responses whose content could not be compared. Empty if all could."""
    finding = next((flag for flag in comparison.flags if flag.code == responses_not_compared.code), None)
    if finding is None:
        return ""
    return (
        f"{finding.code}: only status, size and the journey's own checks were compared, not the content of the"
        f" responses ({finding.figure})."
    )


def secondary_regressions(comparison: Comparison) -> list[str]:
    """Return the secondary metrics that regressed."""
    return [effect.metric.text for effect in comparison.others if effect.verdict == "regressed"]


def effect_in_words(effect: EffectSize, margin: float) -> str:
    """Describe an effect: `p95(/events) became worse: +9.8 % (95 % interval +7.1 % to +12.6 %), ...`."""
    interval = f"(95 % interval {figures.change(effect.low)} to {figures.change(effect.high)})"
    values = f"from {effect.metric.shown(effect.before)} to {effect.metric.shown(effect.after)}"
    name, change, edge = effect.metric.text, figures.change(effect.change), figures.share(margin)
    match effect.verdict:
        case "improved":
            return f"{name} improved: {change} {interval}, {values}; this is beyond the margin of {edge}."
        case "regressed":
            return f"{name} became worse: {change} {interval}, {values}; this is beyond the margin of {edge}."
        case "changed":
            return (
                f"{name} changed by {change} {interval}, but not certainly by more than the margin of {edge}."
            )
        case "equivalent":
            return f"{name} is the same within {edge}: {change} {interval}."
        case "inconclusive":
            return f"{name} may or may not have changed: {change} {interval}; these runs cannot decide it."
        case "refused":
            return f"{name} cannot be judged: {effect.reason} ({values})."


def _consequence(effect: EffectSize, comparison: Comparison) -> str:
    pairs = f"{comparison.pairs} {'pair' if comparison.pairs == 1 else 'pairs'} of runs"
    if effect.verdict in ("inconclusive", "changed") and effect.pairs_to_decide is not None:
        return f"About {effect.pairs_to_decide} pairs would decide it; there were {pairs}."
    if effect.verdict == "inconclusive":
        return f"More than {MAX_PAIRS:,} pairs would be needed to decide it; there were {pairs}."
    looks = ", and its intervals hold at every look after a pair" if comparison.anytime else ""
    return f"The verdict is based on {pairs}{looks}."

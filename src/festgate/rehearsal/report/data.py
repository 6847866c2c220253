"""A run and a comparison for other programs: as JSON, and as JUnit XML for CI systems."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from festgate.rehearsal.report.junit import Case, Result, suite
from festgate.rehearsal.report.words import (
    comparison_in_words,
    effect_in_words,
    limit_in_words,
    not_compared_in_words,
    run_in_words,
)
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import QUANTILES, Figures, Machine, Summary
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize
from festgate.rehearsal.verdict.findings import LoadFinding
from festgate.rehearsal.verdict.outcome import outcome_of

FORMAT: Final = 1
"""Version of the JSON; it increases when a field changes its meaning."""


def run_json(summary: Summary) -> str:
    """Return the figures of a run as JSON: seconds, bytes, shares from 0 to 1; an unknown value is null."""
    run, outcome = summary.run, outcome_of(summary)
    return as_json(
        {
            "kind": "run",
            "format": FORMAT,
            "name": run.name,
            "outcome": outcome.result,
            "checks": [asdict(check) for check in outcome.checks],
            "words": run_in_words(summary),
            "state": run.state,
            "began": run.began,
            "measured_seconds": summary.seconds,
            "plan": run.plan.as_json(),
            "server": dict(run.server),
            "generator": dict(run.generator),
            "notes": list(run.notes),
            "dropped": run.dropped,
            "present": run.present,
            "exceptions": dict(run.exceptions),
            "lateness_p99": summary.lateness,
            "limits": [
                {"text": limit.text, "value": limit.value, "held": limit.held, "few_requests": limit.few}
                for limit in summary.limits
            ],
            "stages": [
                {
                    "begin": stage.slope.begin,
                    "end": stage.slope.end,
                    "from": stage.slope.first,
                    "to": stage.slope.last,
                    "asked": None if stage.load is None else stage.load.asked,
                    "reached": None if stage.load is None else stage.load.reached,
                    **_figures(stage.figures),
                }
                for stage in summary.stages
            ],
            "aborted": run.aborted,
            "all": _figures(summary.all),
            "steps": [_figures(step) for step in summary.steps],
            "names": summary.names,
            "failures": [
                {"step": step, "status": status, "times": times, "no_response": reason or None}
                for (step, status, reason), times in summary.failures.items()
            ],
            "cpu": summary.processor,
            "machines": {machine.side: _machine(machine) for machine in summary.machines},
            "series": {
                name: getattr(summary.series, name).tolist()
                for name in ("at", "asked", "answered", "failed", "p50", "p95", "slowest")
            },
        }
    )


def comparison_json(comparison: Comparison, before: Sequence[Run], after: Sequence[Run]) -> str:
    """Return the verdict and its evidence as JSON."""
    return as_json(
        {
            "kind": "comparison",
            "format": FORMAT,
            "verdict": comparison.verdict,
            "exit_code": comparison.exit_code,
            "words": comparison_in_words(comparison),
            "pairs": comparison.pairs,
            "margin": comparison.margin,
            "until_decided": comparison.anytime,
            "same_target": comparison.same_target,
            "before": [run.name for run in before],
            "after": [run.name for run in after],
            "primary": None if comparison.primary is None else _effect(comparison.primary),
            "others": [_effect(effect) for effect in comparison.others],
            "refusals": [finding_fields(finding) for finding in comparison.refusals],
            "flags": [finding_fields(finding) for finding in comparison.flags],
        }
    )


def run_junit(summary: Summary) -> str:
    """Return JUnit XML with a test case for each limit and each check, and one for whether the run was complete."""
    run = summary.run
    duration = f"{summary.seconds:g} s of {run.plan.duration:g} s"
    cases = [Case("run was complete", "passed" if run.state == "whole" else "error", duration)]
    cases += [
        Case(limit.text, "passed" if limit.held else "failure", f"{limit.text}: {limit_in_words(limit)}")
        for limit in summary.limits
    ]
    cases += [
        Case(check.name, "passed" if check.passed else "failure", check.words)
        for check in outcome_of(summary).checks
    ]
    return suite(f"festgate.rehearsal.{run.plan.journey}", cases, summary.seconds, run.began)


def comparison_junit(comparison: Comparison, runs: Sequence[Run]) -> str:
    """Return JUnit XML with a test case for each metric: a regression fails, an inconclusive metric is skipped."""
    not_compared = not_compared_in_words(comparison)
    cases = [
        Case(finding.code, "error", f"{finding.figure}: {finding.meaning} {finding.remedy}")
        for finding in comparison.refusals
    ]
    for effect in (*([comparison.primary] if comparison.primary else []), *comparison.others):
        result: Result = "passed"
        if effect.verdict == "regressed":
            result = "failure"
        elif effect.verdict == "inconclusive":
            result = "skipped"
        message = effect_in_words(effect, comparison.margin)
        cases.append(Case(effect.metric.text, result, f"{not_compared} {message}".strip()))
    if not cases:
        cases.append(Case("comparison", "error", " ".join(comparison_in_words(comparison))))
    seconds = sum(run.plan.duration for run in runs)
    began = min((run.began for run in runs), default=None)
    return suite("festgate.rehearsal.verdict.comparison", cases, seconds, began)


def _figures(step: Figures) -> dict[str, Any]:
    return {
        "name": step.name,
        "requests": step.requests,
        "failures": step.failures,
        "rate": step.rate,
        "mean": step.mean,
        **{text: step.quantiles[text] for text, _ in QUANTILES},
        "slowest": step.slowest,
        "few_requests_for": [text for text, _ in QUANTILES if step.few(text)],
        "bytes_a_second": step.bytes_a_second,
        "late": step.late,
        "new_connections": step.new_connections,
    }


def _machine(machine: Machine) -> dict[str, float]:
    return {
        "cpu": machine.cpu,
        "cpu_busiest_tenth": machine.busiest,
        "cpu_most": machine.max_cpu,
        "memory_most": machine.max_memory,
    }


def _effect(effect: EffectSize) -> dict[str, Any]:
    return {
        "metric": effect.metric.text,
        "verdict": effect.verdict,
        "before": effect.before,
        "after": effect.after,
        "change": effect.change,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p_value,
        "p_adjusted": effect.p_value_adjusted,
        "pairs_to_decide": effect.pairs_to_decide,
        "samples_before": effect.samples_before,
        "samples_after": effect.samples_after,
    }


def finding_fields(finding: LoadFinding) -> dict[str, str]:
    """Return the fields of a refusal or a flag for JSON."""
    return {
        "code": finding.code,
        "figure": finding.figure,
        "meaning": finding.meaning,
        "remedy": finding.remedy,
    }


def as_json(fields: Mapping[str, Any]) -> str:
    """Return the fields as JSON that ends with a newline; NaN and infinity become null."""
    return json.dumps(_json_value(fields), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:  # noqa: ANN401  (anything that JSON can hold)
    """Replace NaN, infinity and numpy's numbers, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _json_value(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(entry) for entry in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value

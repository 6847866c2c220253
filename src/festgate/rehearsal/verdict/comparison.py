"""The comparison of two builds by pairs of runs, and its verdict."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from festgate.rehearsal.runs.samples import Floats
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import Metric
from festgate.rehearsal.verdict import paired
from festgate.rehearsal.verdict.findings import Evidence, LoadFinding, percent
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.observed import Observed, observe
from festgate.rehearsal.verdict.refusals import (
    MAX_FAILING,
    REFUSALS,
    failing,
    same_build,
    too_many_failures,
)

Verdict = Literal["improved", "regressed", "changed", "equivalent", "inconclusive", "refused"]
"""`improved`, `regressed`: the 95 % interval lies beyond the margin. `changed`: it excludes 0 but is not beyond the
margin. `equivalent`: the 90 % interval lies within the margin. `inconclusive`: none of these. `refused`: no verdict."""
Values = tuple[float, ...]
MARGIN: Final = 0.05
NO_REGRESSION, REGRESSION, REFUSED, INCONCLUSIVE = 0, 1, 2, 3
"""Exit codes."""


@dataclass(frozen=True)
class EffectSize:
    """The effect of the change on one metric."""

    metric: Metric
    before: float
    """Geometric mean of the runs, in the metric's unit: after / before is 1 + change. An error rate includes half a
    failure for each run. Without a verdict it is the median."""
    after: float
    change: float
    """exp(mean d) - 1: 0.1 is an increase of 10 %."""
    low: float
    """The lower end of the 95 % interval of `change`."""
    high: float
    p_value: float
    """The p-value of the sign-flip test, or one that holds at every look."""
    p_value_adjusted: float
    """The p-value after Holm's correction over the secondary metrics; the primary metric's is not corrected."""
    verdict: Verdict
    pairs_to_decide: int | None
    """The number of pairs that decides 80 of 100 comparisons; None if it is decided, or if 1,000 are too few."""
    samples_before: int
    """The lowest number of requests in a run."""
    samples_after: int
    differences: tuple[float, ...] = ()
    """The d = ln(after) - ln(before) of each pair."""
    reason: str = ""
    """The reason why the metric cannot be judged."""


@dataclass(frozen=True)
class Comparison:
    """The verdict on two builds, and the evidence for it."""

    verdict: Verdict
    """The verdict on the primary metric."""
    primary: EffectSize | None
    """None if the comparison was refused."""
    others: tuple[EffectSize, ...]
    refusals: tuple[LoadFinding, ...]
    flags: tuple[LoadFinding, ...]
    pairs: int
    margin: float
    """A share; differences within it do not matter."""
    anytime: bool = False
    """Whether the comparison may have stopped after any pair, so that its intervals hold at every look."""
    same_target: bool = False
    """Whether both sides are known to be the same target: an A/A comparison."""
    steps: Mapping[str, tuple[Values, Values]] = field(default_factory=dict)
    """The medians of each step's STEP_METRICS before and after; empty if no run has the step."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 no regression, 1 regression, 2 refused, 3 inconclusive.

        A regression of any metric counts, as the secondary metrics are corrected for their number. If the primary
        metric certainly became worse, but perhaps only within the margin, the code is that of inconclusive.
        """
        if self.primary is None or self.verdict == "refused":
            return REFUSED
        if "regressed" in [effect.verdict for effect in (self.primary, *self.others)]:
            return REGRESSION
        undecided = self.verdict == "changed" and _may_be_regression(self.primary, self.margin)
        return INCONCLUSIVE if undecided or self.verdict == "inconclusive" else NO_REGRESSION

    @property
    def is_decided(self) -> bool:
        """Return whether no further pair is needed: the exit code is certain, or the runs cannot be compared."""
        return self.exit_code != INCONCLUSIVE


def compare(
    before: Sequence[Run],
    after: Sequence[Run],
    metrics: Sequence[Metric],
    *,
    margin: float = MARGIN,
    interleaved: bool,
    calibration: bool = False,
    accepted: Collection[str] = (),
) -> Comparison:
    """Compare the pairs (before[i], after[i]) by `metrics`, the first of which is the primary one.

    With `calibration`, both sides are the same target. `accepted` holds codes of refusals that the user accepts
    (`responses-differ`); they become flags. Raises ValueError if a file of a run is damaged.
    """
    evidence = Evidence(
        tuple(observe(run, metrics) for run in before),
        tuple(observe(run, metrics) for run in after),
        tuple(metrics),
        interleaved,
    )
    return compare_observed(evidence, margin=margin, calibration=calibration, accepted=accepted)


def compare_observed(
    evidence: Evidence,
    *,
    margin: float = MARGIN,
    calibration: bool = False,
    accepted: Collection[str] = (),
) -> Comparison:
    """Compare runs that were measured before; `compare` describes the other arguments."""
    checks = [check for check in REFUSALS if not (calibration and check is same_build)]
    findings = [finding for check in checks if (finding := check(evidence)) is not None]
    refusals = tuple(finding for finding in findings if finding.code not in accepted)
    flags = [finding for finding in findings if finding.code in accepted]
    flags += [finding for check in FLAGS if evidence.runs and (finding := check(evidence)) is not None]
    pairs = min(len(evidence.before), len(evidence.after))
    anytime = any(observed.run.plan.until_decided for observed in evidence.runs)
    with_failures = too_many_failures.code in accepted
    effects = [] if refusals else _effects(evidence, margin, anytime=anytime, with_failures=with_failures)
    same_target = calibration or any(finding.code == same_build.code for finding in findings)
    details = (tuple(flags), pairs, margin, anytime, same_target, _steps(evidence))
    if not effects:
        return Comparison("refused", None, (), refusals, *details)
    return Comparison(effects[0].verdict, effects[0], tuple(effects[1:]), (), *details)


def judge(
    differences: Floats, margin: float = MARGIN, *, less_is_better: bool = True, anytime: bool = False
) -> Verdict:
    """Return the verdict on R >= 2 differences of logarithms, in agreement with the paired t-test."""
    low, high = (math.expm1(edge) for edge in paired.t_interval(differences, anytime=anytime))
    if low > margin:
        return "regressed" if less_is_better else "improved"
    if high < -margin:
        return "improved" if less_is_better else "regressed"
    if low > 0 or high < 0:
        return "changed"
    return "equivalent" if paired.is_equivalent(differences, margin, anytime=anytime) else "inconclusive"


def is_interleaved(before: Sequence[Run], after: Sequence[Run]) -> bool:
    """Return whether, in order of start, every two runs are one of each build (ABBA BAAB, ABAB)."""
    started = sorted([(run.began, "before") for run in before] + [(run.began, "after") for run in after])
    sides = [side for _, side in started]
    return len(before) == len(after) and all(sides[at] != sides[at + 1] for at in range(0, len(sides), 2))


def _steps(evidence: Evidence) -> dict[str, tuple[Values, Values]]:
    names = dict.fromkeys(name for observed in evidence.runs for name in observed.steps)
    sides = (evidence.before, evidence.after)

    def medians(name: str, side: Sequence[Observed]) -> Values:
        values = [observed.steps[name].values for observed in side if name in observed.steps]
        return tuple(float(middle) for middle in np.median(values, axis=0)) if values else ()

    return {name: (medians(name, sides[0]), medians(name, sides[1])) for name in names}


def _effects(evidence: Evidence, margin: float, *, anytime: bool, with_failures: bool) -> list[EffectSize]:
    """Return the primary metric's effect first, then the secondary ones, corrected for their number.

    `with_failures`: metrics are judged however many of their requests failed.
    """
    primary, *others = (
        _effect(evidence, number, margin, anytime=anytime, with_failures=with_failures)
        for number in range(len(evidence.metrics))
    )
    judged = [effect for effect in others if effect.verdict != "refused"]
    corrected = iter(paired.holm([effect.p_value for effect in judged]))
    adjusted = [
        effect
        if effect.verdict == "refused"
        else _adjusted(effect, next(corrected), margin, len(judged), anytime=anytime)
        for effect in others
    ]
    return [primary, *adjusted]


def _effect(
    evidence: Evidence, number: int, margin: float, *, anytime: bool, with_failures: bool
) -> EffectSize:
    metric = evidence.metrics[number]
    first, second = (
        np.array([_positive(metric, observed.values[number], observed.counts[number]) for observed in side])
        for side in (evidence.before, evidence.after)
    )
    fewest = [min(observed.counts[number] for observed in side) for side in (evidence.before, evidence.after)]
    medians = [
        float(np.median([observed.values[number] for observed in side]))
        for side in (evidence.before, evidence.after)
    ]
    effect = EffectSize(
        metric=metric,
        before=medians[0],
        after=medians[1],
        change=math.nan,
        low=math.nan,
        high=math.nan,
        p_value=math.nan,
        p_value_adjusted=math.nan,
        verdict="refused",
        pairs_to_decide=None,
        samples_before=fewest[0],
        samples_after=fewest[1],
    )
    failed = max(failing(side, metric.step) for side in (evidence.before, evidence.after))
    if metric.kind == "cpu" and math.isnan(medians[0] + medians[1]):
        return replace(effect, reason="no processor time was measured")
    if min(fewest) < min_requests(metric.quantile) or not (np.all(first > 0) and np.all(second > 0)):
        return replace(effect, reason="too few requests, or nothing to measure")
    if metric.kind != "errors" and failed > MAX_FAILING and not with_failures:
        return replace(effect, reason=f"{percent(failed)} of its requests failed on one side")
    differences = np.log(second) - np.log(first)
    low, high = paired.t_interval(differences, anytime=anytime)
    p_value = paired.p_value(differences, anytime=anytime)
    judged = replace(
        effect,
        before=math.exp(float(np.log(first).mean())),
        after=math.exp(float(np.log(second).mean())),
        change=math.expm1(float(differences.mean())),
        low=math.expm1(low),
        high=math.expm1(high),
        p_value=p_value,
        p_value_adjusted=p_value,
        verdict=judge(differences, margin, less_is_better=metric.less_is_better, anytime=anytime),
        differences=tuple(differences.tolist()),
    )
    return _with_pairs(judged, margin, 1, anytime=anytime)


def _positive(metric: Metric, value: float, count: int) -> float:
    """Return a value that has a logarithm: an error rate of 0 gets half a failure (Anscombe 1956)."""
    return (value * count + 0.5) / (count + 1) if metric.kind == "errors" else value


def _adjusted(
    effect: EffectSize, p_value: float, margin: float, comparisons: int, *, anytime: bool
) -> EffectSize:
    """Apply the corrected p-value to a secondary metric: a difference has to survive the correction."""
    differs = effect.verdict in ("improved", "regressed", "changed")
    verdict = effect.verdict
    if differs and p_value > paired.ALPHA:
        equivalent = paired.is_equivalent(np.array(effect.differences), margin, anytime=anytime)
        verdict = "equivalent" if equivalent else "inconclusive"
    adjusted = replace(effect, p_value_adjusted=p_value, verdict=verdict)
    return _with_pairs(adjusted, margin, comparisons, anytime=anytime)


def _with_pairs(effect: EffectSize, margin: float, comparisons: int, *, anytime: bool) -> EffectSize:
    """Add the number of pairs that would decide an undecided effect."""
    differences = np.array(effect.differences)
    if effect.verdict == "inconclusive":
        needed = paired.pairs_needed(differences, margin, comparisons=comparisons, anytime=anytime)
    elif effect.verdict == "changed" and _may_be_regression(effect, margin):
        edge = margin if effect.metric.less_is_better else -margin
        needed = paired.pairs_to_clear(differences, math.log1p(edge), anytime=anytime)
    else:
        needed = None
    return replace(effect, pairs_to_decide=needed)


def _may_be_regression(effect: EffectSize, margin: float) -> bool:
    """Return whether the interval extends beyond the margin on the worse side."""
    return effect.high > margin if effect.metric.less_is_better else effect.low < -margin

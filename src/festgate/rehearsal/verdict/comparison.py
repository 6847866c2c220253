"""Two builds compared by pairs of runs, and the verdict."""

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
from festgate.rehearsal.verdict.findings import Evidence, LoadFinding
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.observed import Observed, observe
from festgate.rehearsal.verdict.refusals import REFUSALS, same_build

Verdict = Literal["improved", "regressed", "changed", "equivalent", "inconclusive", "refused"]
"""`improved`, `regressed`: the 95 % interval lies beyond the margin. `changed`: it leaves out 0, and is not beyond the
margin. `equivalent`: the 90 % interval lies within the margin. `inconclusive`: none of these. `refused`: not judged."""
Values = tuple[float, ...]
MARGIN: Final = 0.05
NO_REGRESSION, REGRESSION, REFUSED, INCONCLUSIVE = 0, 1, 2, 3
"""Exit codes."""


@dataclass(frozen=True)
class EffectSize:
    """What became of one metric."""

    metric: Metric
    before: float
    """Median over the runs, in the metric's unit."""
    after: float
    change: float
    """exp(mean d) - 1: 0.1 is a tenth more."""
    low: float
    """Of the 95 % interval of `change`."""
    high: float
    p_value: float
    """Of the sign-flip test."""
    p_value_adjusted: float
    """After Holm's correction over the metrics that are not the primary one; the primary's own p."""
    verdict: Verdict
    pairs_to_decide: int | None
    """With so many pairs it would be decided in 80 of 100 comparisons; None where it is, or where 1,000 do not do."""
    samples_before: int
    """The fewest requests of a run."""
    samples_after: int
    differences: tuple[float, ...] = ()
    """d = ln(after) - ln(before) of each pair."""


@dataclass(frozen=True)
class Comparison:
    """Two builds."""

    verdict: Verdict
    """Of the primary metric."""
    primary: EffectSize | None
    """None where the comparison was refused."""
    others: tuple[EffectSize, ...]
    refusals: tuple[LoadFinding, ...]
    flags: tuple[LoadFinding, ...]
    pairs: int
    margin: float
    """A share: differences within it do not matter."""
    steps: Mapping[str, tuple[Values, Values]] = field(default_factory=dict)
    """Before and after, the medians over the runs of a step's STEP_METRICS; empty where no run has the step."""

    @property
    def exit_code(self) -> int:
        """0 no regression, 1 regression, 2 refused, 3 inconclusive.

        A regression of any metric is one, since those that are not primary were corrected for their number. A primary
        that became worse, surely, but not surely beyond the margin is inconclusive when its interval reaches beyond it.
        """
        if self.primary is None or self.verdict == "refused":
            return REFUSED
        if "regressed" in [effect.verdict for effect in (self.primary, *self.others)]:
            return REGRESSION
        open_still = self.verdict == "changed" and _may_be_regression(self.primary, self.margin)
        return INCONCLUSIVE if open_still or self.verdict == "inconclusive" else NO_REGRESSION


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
    """Compare pairs (before[i], after[i]) by `metrics`, the first of which is the primary one.

    `calibration`: both sides are meant to be one build. `accepted`: codes of refusals that somebody answers for
    (`responses-differ`); they become flags. Raises ValueError where a run's file is damaged.
    """
    evidence = Evidence(
        tuple(observe(run, metrics) for run in before),
        tuple(observe(run, metrics) for run in after),
        tuple(metrics),
        interleaved,
    )
    checks = [check for check in REFUSALS if not (calibration and check is same_build)]
    found = [finding for check in checks if (finding := check(evidence)) is not None]
    refusals = tuple(finding for finding in found if finding.code not in accepted)
    flags = [finding for finding in found if finding.code in accepted]
    flags += [finding for check in FLAGS if evidence.runs and (finding := check(evidence)) is not None]
    pairs = min(len(before), len(after))
    effects = [] if refusals else _effects(evidence, margin)
    told = (tuple(flags), pairs, margin, _steps(evidence))
    if not effects:
        return Comparison("refused", None, (), refusals, *told)
    return Comparison(effects[0].verdict, effects[0], tuple(effects[1:]), (), *told)


def judge(differences: Floats, margin: float = MARGIN, *, less_is_better: bool = True) -> Verdict:
    """The verdict on R >= 2 differences of logarithms; it agrees with the paired t-test on whether there is one."""
    low, high = (math.expm1(edge) for edge in paired.t_interval(differences))
    if low > margin:
        return "regressed" if less_is_better else "improved"
    if high < -margin:
        return "improved" if less_is_better else "regressed"
    if low > 0 or high < 0:
        return "changed"
    return "equivalent" if paired.is_equivalent(differences, margin) else "inconclusive"


def is_interleaved(before: Sequence[Run], after: Sequence[Run]) -> bool:
    """Whether the runs were played in turn, by when they began: two and two, one of each build (ABBA BAAB, ABAB)."""
    played = sorted([(run.began, "before") for run in before] + [(run.began, "after") for run in after])
    sides = [side for _, side in played]
    return len(before) == len(after) and all(sides[at] != sides[at + 1] for at in range(0, len(sides), 2))


def _steps(evidence: Evidence) -> dict[str, tuple[Values, Values]]:
    names = dict.fromkeys(name for seen in evidence.runs for name in seen.steps)
    sides = (evidence.before, evidence.after)

    def medians(name: str, side: Sequence[Observed]) -> Values:
        values = [seen.steps[name].values for seen in side if name in seen.steps]
        return tuple(float(middle) for middle in np.median(values, axis=0)) if values else ()

    return {name: (medians(name, sides[0]), medians(name, sides[1])) for name in names}


def _effects(evidence: Evidence, margin: float) -> list[EffectSize]:
    """The primary's first, then the others', corrected for how many they are."""
    primary, *others = (_effect(evidence, number, margin) for number in range(len(evidence.metrics)))
    judged = [effect for effect in others if effect.verdict != "refused"]
    corrected = iter(paired.holm([effect.p_value for effect in judged]))
    adjusted = [
        effect if effect.verdict == "refused" else _adjusted(effect, next(corrected), margin, len(judged))
        for effect in others
    ]
    return [primary, *adjusted]


def _effect(evidence: Evidence, number: int, margin: float) -> EffectSize:
    metric = evidence.metrics[number]
    first, second = (
        np.array([_positive(metric, seen.values[number], seen.counts[number]) for seen in side])
        for side in (evidence.before, evidence.after)
    )
    fewest = [min(seen.counts[number] for seen in side) for side in (evidence.before, evidence.after)]
    middles = [
        float(np.median([seen.values[number] for seen in side])) for side in (evidence.before, evidence.after)
    ]
    effect = EffectSize(
        metric=metric,
        before=middles[0],
        after=middles[1],
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
    if min(fewest) < min_requests(metric.quantile) or not (np.all(first > 0) and np.all(second > 0)):
        return effect
    differences = np.log(second) - np.log(first)
    low, high = paired.t_interval(differences)
    p_value = paired.sign_flip(differences)
    known = replace(
        effect,
        change=math.expm1(float(differences.mean())),
        low=math.expm1(low),
        high=math.expm1(high),
        p_value=p_value,
        p_value_adjusted=p_value,
        verdict=judge(differences, margin, less_is_better=metric.less_is_better),
        differences=tuple(differences.tolist()),
    )
    return _with_pairs(known, margin, 1)


def _positive(metric: Metric, value: float, count: int) -> float:
    """A value that has a logarithm: half a failure is added to a share of errors, which may be 0 (Anscombe 1956)."""
    return (value * count + 0.5) / (count + 1) if metric.kind == "errors" else value


def _adjusted(effect: EffectSize, p_value: float, margin: float, comparisons: int) -> EffectSize:
    """One of several metrics: it is only called different where that survives the correction."""
    differs = effect.verdict in ("improved", "regressed", "changed")
    verdict = effect.verdict
    if differs and p_value > paired.ALPHA:
        alike = paired.is_equivalent(np.array(effect.differences), margin)
        verdict = "equivalent" if alike else "inconclusive"
    return _with_pairs(replace(effect, p_value_adjusted=p_value, verdict=verdict), margin, comparisons)


def _with_pairs(effect: EffectSize, margin: float, comparisons: int) -> EffectSize:
    """With the number of pairs that would decide it, where it is not decided."""
    differences = np.array(effect.differences)
    if effect.verdict == "inconclusive":
        needed = paired.pairs_needed(differences, margin, comparisons=comparisons)
    elif effect.verdict == "changed" and _may_be_regression(effect, margin):
        edge = margin if effect.metric.less_is_better else -margin
        needed = paired.pairs_to_clear(differences, math.log1p(edge))
    else:
        needed = None
    return replace(effect, pairs_to_decide=needed)


def _may_be_regression(effect: EffectSize, margin: float) -> bool:
    """Whether the interval reaches beyond the margin on the side that is worse."""
    return effect.high > margin if effect.metric.less_is_better else effect.low < -margin

"""The intervals of comparisons that stop as soon as they are decided: their error rate over all looks, and their cost.

The runs are those of test_comparison_on_known_truth.py, but longer series of them, with worse machines.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from scipy import integrate, stats  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.stats.quantiles import harrell_davis
from festgate.rehearsal.verdict import confidence_sequence, paired
from festgate.rehearsal.verdict.comparison import judge
from tests.rehearsal.test_comparison_on_known_truth import (
    AUTOCORRELATION,
    CALLED,
    DRIFT,
    MEMORY,
    REQUESTS,
    RUN_EFFECT,
    SPREAD,
    WITHIN,
    correlated,
)
from tests.rig.lengths import length, torture

SERIES: Final = 1_000
AT_MOST: Final = 40
ABBA: Final = np.array([0, 1, 1, 0, 1, 0, 0, 1] * (AT_MOST // 4))
NOISE: Final = 0.06 / math.sqrt(2)
"""Standard deviation of the log p95 of a run around the machine's: sampling error and effect of the run."""
SHAPE: Final = (SERIES, 2 * AT_MOST)
TIME: Final = np.linspace(0, 1, 2 * AT_MOST)

CRITICAL_VALUE: Final = confidence_sequence.critical_value
Machine = Callable[[np.random.Generator], Floats]


def slow_for_a_while(rng: np.random.Generator) -> Floats:
    """Return runs of a machine whose speed drifts, as it was measured."""
    return DRIFT * correlated(rng, SHAPE, MEMORY) + NOISE * rng.standard_normal(SHAPE)


def growing_slower(rng: np.random.Generator) -> Floats:
    """Return runs of such a machine that also becomes 35 % slower, at once 65 % slower at some time, and noisier."""
    step = rng.random((SERIES, 1)) < TIME
    noise = NOISE * (0.5 + TIME) * rng.standard_normal(SHAPE)
    return DRIFT * correlated(rng, SHAPE, MEMORY) + 0.3 * TIME + 0.5 * step + noise


def disturbed_now_and_then(rng: np.random.Generator) -> Floats:
    """Return runs that are far off at times, as of Student's t with 3 degrees of freedom, and skewed."""
    return NOISE * (rng.standard_t(3, SHAPE) + rng.exponential(size=SHAPE))


def of_single_requests(rng: np.random.Generator, series: int) -> Floats:
    """Return runs of autocorrelated requests, on a machine whose speed drifts."""
    within = np.linspace(0, WITHIN, REQUESTS)
    shape = (series, 2 * AT_MOST)
    runs = np.empty(shape)
    for begin in range(0, series, 25):
        rows = correlated(rng, (25 * 2 * AT_MOST, REQUESTS), AUTOCORRELATION)
        runs[begin : begin + 25] = np.log(harrell_davis(np.exp(SPREAD * rows + within), 0.95)).reshape(25, -1)
    return runs + DRIFT * correlated(rng, shape, MEMORY) + RUN_EFFECT * rng.standard_normal(shape)


def differences(runs: Floats, slowdown: float = 0.0) -> Floats:
    return np.asarray(runs[:, ABBA == 1] + slowdown - runs[:, ABBA == 0])


def alarms(every: Floats, critical_value: Callable[[int, float], float] = CRITICAL_VALUE) -> list[list[bool]]:
    """Return for each series whether each of its looks, from the sixth pair on, calls a difference."""
    called = []
    for look in range(MIN_PAIRS, AT_MOST + 1):
        statistic = every[:, :look].mean(axis=1) / every[:, :look].std(axis=1, ddof=1) * math.sqrt(look)
        called.append(np.abs(statistic) > critical_value(look, 0.05))
    rows: list[list[bool]] = np.array(called).T.tolist()
    return rows


def alarmed(every: Floats, critical_value: Callable[[int, float], float] = CRITICAL_VALUE) -> float:
    """Return the share of series in which some look calls a difference."""
    return float(np.mean([any(series) for series in alarms(every, critical_value)]))


def endings(every: Floats) -> list[tuple[str, int]]:
    """Return each series' first verdict that is neither inconclusive nor only a change, and its number of pairs."""
    ended: list[tuple[str, int]] = []
    for pairs in every:
        for look in range(MIN_PAIRS, AT_MOST + 1):
            verdict = judge(pairs[:look], anytime=True)
            if verdict not in ("inconclusive", "changed"):
                break
        ended.append((verdict, look))
    return ended


@torture
@pytest.mark.parametrize("machine", [slow_for_a_while, growing_slower, disturbed_now_and_then])
def test_of_a_thousand_comparisons_of_identical_builds_at_most_five_percent_alarm_at_any_look(
    machine: Machine,
) -> None:
    for seed in range(length(1, 20)):
        assert 0 < alarmed(differences(machine(np.random.default_rng(seed)))) <= 0.05


@torture
@pytest.mark.parametrize("series, seed", [(length(100, SERIES), seed) for seed in range(length(1, 8))])
def test_series_of_autocorrelated_requests_alarm_as_rarely(series: int, seed: int) -> None:
    assert alarmed(differences(of_single_requests(np.random.default_rng(seed), series))) <= 0.05


def test_t_intervals_at_every_look_would_alarm_five_times_as_often() -> None:
    every = differences(slow_for_a_while(np.random.default_rng(1)))
    assert alarmed(every, lambda pairs, alpha: paired.t_quantile(1 - alpha / 2, pairs - 1)) > 0.2


def test_the_verdict_calls_a_difference_at_the_looks_of_the_simulation() -> None:
    every = differences(slow_for_a_while(np.random.default_rng(1)), 0.08)[:25]
    looks = range(MIN_PAIRS, AT_MOST + 1)
    verdicts = [[judge(pairs[:look], anytime=True) in CALLED for look in looks] for pairs in every]
    assert verdicts == alarms(every)
    assert 0 < np.mean(verdicts) < 1


def test_identical_builds_and_large_changes_are_decided_before_the_last_pair() -> None:
    runs = slow_for_a_while(np.random.default_rng(2))[:100]
    same, slower, much_slower = (
        endings(differences(runs, math.log1p(change))) for change in (0.0, 0.15, 0.25)
    )
    assert np.mean([verdict == "equivalent" for verdict, _ in same]) > 0.85
    assert np.mean([verdict == "regressed" for verdict, _ in slower]) > 0.95
    assert np.mean([verdict == "regressed" for verdict, _ in much_slower]) > 0.99
    assert np.median([pairs for _, pairs in same]) < 28
    assert np.median([pairs for _, pairs in slower]) < 14
    assert np.median([pairs for _, pairs in much_slower]) <= 7


@torture
def test_a_change_at_the_margin_is_called_equivalent_or_regressed_in_at_most_five_percent() -> None:
    every = differences(slow_for_a_while(np.random.default_rng(3)), math.log1p(0.05))[: length(200, SERIES)]
    wrong = [verdict in ("equivalent", "regressed", "improved") for verdict, _ in endings(every)]
    assert np.mean(wrong) <= 0.05


@pytest.mark.parametrize("pairs", [2, 6, 17])
@pytest.mark.parametrize("statistic", [0.0, 1.3, 4.0])
def test_the_p_value_is_a_ratio_of_likelihoods_of_the_t_statistic(pairs: int, statistic: float) -> None:
    differences = np.random.default_rng(pairs).standard_normal(pairs)
    differences = (differences - differences.mean()) / differences.std(ddof=1)
    differences += statistic / math.sqrt(pairs)

    def weighted(effect: float) -> float:
        likelihood = stats.nct.pdf(statistic, pairs - 1, math.sqrt(pairs) * effect)
        return float(likelihood * stats.norm.pdf(effect, scale=confidence_sequence.PRIOR**-0.5))

    mixed, _ = integrate.quad(weighted, -8, 8, points=(0.0, statistic / math.sqrt(pairs)))
    expected = min(1.0, stats.t.pdf(statistic, pairs - 1) / mixed)
    assert confidence_sequence.p_value(differences) == pytest.approx(expected, rel=1e-4)


def test_the_interval_excludes_zero_exactly_where_the_p_value_is_below_five_percent() -> None:
    rng = np.random.default_rng(4)
    for pairs in (6, 12, 40):
        for shift in (0.2, 0.6, 1.0, 1.6):
            shifted = rng.normal(shift, 1, pairs)
            low, high = paired.t_interval(shifted, anytime=True)
            assert (low > 0 or high < 0) == (paired.p_value(shifted, anytime=True) < 0.05)


def test_no_t_statistic_is_enough_where_there_are_too_few_pairs() -> None:
    assert confidence_sequence.critical_value(2, 0.05) == math.inf
    assert confidence_sequence.critical_value(6, 0.05) < 10


def test_equal_differences_have_an_interval_without_width() -> None:
    assert paired.t_interval(np.full(6, 0.5), anytime=True) == (0.5, 0.5)
    assert confidence_sequence.p_value(np.full(6, 0.5)) < 0.05
    assert confidence_sequence.p_value(np.zeros(6)) == 1


def test_the_recommended_number_of_pairs_decides_in_most_comparisons() -> None:
    pilot = np.random.default_rng(5).standard_normal(6)
    pilot = (pilot - pilot.mean()) / pilot.std(ddof=1) * 0.06
    for middle in (0.015, 0.09):
        pairs = paired.pairs_needed(pilot + middle, 0.05, anytime=True)
        assert pairs is not None
        runs = np.random.default_rng(6).normal(middle, 0.06, (100, pairs))
        decided = [
            any(judge(run[:look], anytime=True) != "inconclusive" for look in range(MIN_PAIRS, pairs + 1))
            for run in runs
        ]
        assert np.mean(decided) > 0.65
    fixed = paired.pairs_needed(pilot, 0.05)
    anytime = paired.pairs_needed(pilot, 0.05, anytime=True)
    assert fixed is not None
    assert anytime is not None
    assert anytime > fixed

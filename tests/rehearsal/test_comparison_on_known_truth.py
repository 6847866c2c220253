"""Verdicts on simulated runs of which it is known what differs.

The parameters are those that the method was measured with: a lag-1 autocorrelation of 0.69 between the requests of a
run, 700 requests, p95 varying by 12 % (CV) from run to run. The power reported for the paired t-test (63 % for a
slowdown of 5 % with 10 pairs, 99 % for 10 %) is that of differences with a standard deviation of about 0.06. So most
of the 12 % is shared by neighbours (a machine that is slow for a while), and a run's own is only 0.06 / sqrt(2): part
of it the chance of the p95 itself, part an effect of the run (where its memory came to lie, say).
"""

import math

import numpy as np
import pytest
from scipy import signal, stats  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats
from festgate.rehearsal.stats.quantiles import harrell_davis
from festgate.rehearsal.verdict.comparison import judge

COMPARISONS, PAIRS, REQUESTS = 1_000, 10, 700
AUTOCORRELATION = 0.69
SPREAD = 0.20
"""Of the logarithm of a latency."""
RUN_EFFECT = 0.028
DRIFT = 0.125
"""Of the machine, from one run to those some ten runs later."""
MEMORY = 0.97
"""Of that drift, from a run to the next."""
WITHIN = 0.03
"""A run's last request over its first."""
ABBA = np.array([0, 1, 1, 0, 1, 0, 0, 1] * 3)[: 2 * PAIRS]
SEQUENTIAL = np.repeat([0, 1], PAIRS)
CALLED = {"improved", "regressed", "changed"}


def correlated(chance: np.random.Generator, shape: tuple[int, int], correlation: float) -> Floats:
    """Standard normal rows in which each figure depends on the one before, from the first on."""
    shocks = chance.standard_normal(shape)
    shocks[:, 1:] *= math.sqrt(1 - correlation**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -correlation], shocks, axis=1))


def p95s(seed: int) -> Floats:
    """The logarithms of p95 of the runs of many comparisons, in the order of time: shape (COMPARISONS, 2 PAIRS)."""
    chance = np.random.default_rng(seed)
    machine = DRIFT * correlated(chance, (COMPARISONS, 2 * PAIRS), MEMORY)
    own = RUN_EFFECT * chance.standard_normal((COMPARISONS, 2 * PAIRS))
    within = np.linspace(0, WITHIN, REQUESTS)
    found = np.empty((COMPARISONS, 2 * PAIRS))
    for begin in range(0, COMPARISONS, 50):
        rows = correlated(chance, (50 * 2 * PAIRS, REQUESTS), AUTOCORRELATION)
        quantiles = harrell_davis(np.exp(SPREAD * rows + within), 0.95)
        found[begin : begin + 50] = np.log(quantiles).reshape(50, 2 * PAIRS)
    return found + machine + own


def differences(runs: Floats, order: Floats, slowdown: float = 0.0) -> Floats:
    """Between the i-th runs of both builds, with `slowdown` added to the logarithm of the second's."""
    before, after = runs[:, order == 0], runs[:, order == 1]
    return np.asarray(after + slowdown - before)


def called(every: Floats) -> float:
    return float(np.mean([judge(each) in CALLED for each in every]))


@pytest.fixture(scope="module")
def runs() -> Floats:
    return p95s(seed=1)


def test_the_simulated_runs_vary_as_the_measured_ones_did(runs: Floats) -> None:
    rows = correlated(np.random.default_rng(2), (200, REQUESTS), AUTOCORRELATION)
    assert np.mean(rows[:, 1:] * rows[:, :-1]) == pytest.approx(AUTOCORRELATION, abs=0.02)
    assert np.exp(runs[:, ::7]).std() / np.exp(runs[:, ::7]).mean() == pytest.approx(0.12, abs=0.02)
    assert differences(runs, ABBA).std() == pytest.approx(0.06, abs=0.01)


def test_of_a_thousand_comparisons_of_identical_builds_at_most_six_percent_call_a_difference(
    runs: Floats,
) -> None:
    every = differences(runs, ABBA)
    assert called(every) <= 0.06
    assert called(every[:, :6]) <= 0.06


def test_a_slowdown_of_ten_percent_is_found_in_nine_of_ten_comparisons_with_ten_pairs(runs: Floats) -> None:
    every = differences(runs, ABBA, math.log(1.10))
    assert called(every) >= 0.90
    assert np.mean([judge(each) == "improved" for each in every]) == 0


def test_the_power_is_that_which_was_measured(runs: Floats) -> None:
    assert called(differences(runs, ABBA, math.log(1.05))) == pytest.approx(0.63, abs=0.10)
    assert called(differences(runs, ABBA, math.log(1.10))[:, :6]) == pytest.approx(0.87, abs=0.08)


def test_a_slowdown_of_a_quarter_is_a_regression_and_a_gain_of_a_quarter_an_improvement(runs: Floats) -> None:
    slower, faster = (differences(runs, ABBA, sign * math.log(1.25)) for sign in (1, -1))
    assert np.mean([judge(each) == "regressed" for each in slower]) > 0.95
    assert np.mean([judge(each) == "improved" for each in faster]) > 0.95


def test_the_same_runs_played_one_build_after_the_other_call_several_times_as_many(runs: Floats) -> None:
    assert called(differences(runs, SEQUENTIAL)) > 0.15


def test_the_verdict_calls_a_difference_where_scipys_paired_t_test_does(runs: Floats) -> None:
    for shift in (0.0, 0.03, -0.06):
        every = differences(runs, ABBA, shift)[:300]
        expected = stats.ttest_rel(every, np.zeros_like(every), axis=1).pvalue < 0.05
        assert [judge(each) in CALLED for each in every] == expected.tolist()

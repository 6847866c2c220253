"""Verdicts on simulated runs with a known difference.

The parameters come from measurements: a lag-1 autocorrelation of 0.69 between the requests of a run, 700 requests,
a p95 that varies by 12 % (CV) from run to run. The measured power of the paired t-test (63 % for a slowdown of 5 % with
10 pairs, 99 % for 10 %) implies differences with a standard deviation of about 0.06. So neighbouring runs share most of
the 12 % (a machine that is slow for a while). The rest, 0.06 / sqrt(2), belongs to a single run: partly sampling error
of the p95, partly an effect of the run (such as its memory layout).
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
"""Standard deviation of the logarithm of a latency."""
RUN_EFFECT = 0.028
DRIFT = 0.125
"""Standard deviation of the machine's drift over some ten runs."""
MEMORY = 0.97
"""Autocorrelation of that drift from one run to the next."""
WITHIN = 0.03
"""Increase of the log latency from a run's first request to its last."""
ABBA = np.array([0, 1, 1, 0, 1, 0, 0, 1] * 3)[: 2 * PAIRS]
SEQUENTIAL = np.repeat([0, 1], PAIRS)
CALLED = {"improved", "regressed", "changed"}


def correlated(rng: np.random.Generator, shape: tuple[int, int], correlation: float) -> Floats:
    """Return rows of autocorrelated standard normal numbers."""
    shocks = rng.standard_normal(shape)
    shocks[:, 1:] *= math.sqrt(1 - correlation**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -correlation], shocks, axis=1))


def p95s(seed: int) -> Floats:
    """Return the log p95 of the runs of many comparisons in order of time; shape (COMPARISONS, 2 PAIRS)."""
    rng = np.random.default_rng(seed)
    machine = DRIFT * correlated(rng, (COMPARISONS, 2 * PAIRS), MEMORY)
    own = RUN_EFFECT * rng.standard_normal((COMPARISONS, 2 * PAIRS))
    within = np.linspace(0, WITHIN, REQUESTS)
    logarithms = np.empty((COMPARISONS, 2 * PAIRS))
    for begin in range(0, COMPARISONS, 50):
        rows = correlated(rng, (50 * 2 * PAIRS, REQUESTS), AUTOCORRELATION)
        quantiles = harrell_davis(np.exp(SPREAD * rows + within), 0.95)
        logarithms[begin : begin + 50] = np.log(quantiles).reshape(50, 2 * PAIRS)
    return logarithms + machine + own


def differences(runs: Floats, order: Floats, slowdown: float = 0.0) -> Floats:
    """Return the differences of the pairs, with `slowdown` added to the log p95 of the second build."""
    before, after = runs[:, order == 0], runs[:, order == 1]
    return np.asarray(after + slowdown - before)


def called(every: Floats) -> float:
    return float(np.mean([judge(pairs) in CALLED for pairs in every]))


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


def test_a_slowdown_of_ten_percent_is_detected_in_nine_of_ten_comparisons_with_ten_pairs(
    runs: Floats,
) -> None:
    every = differences(runs, ABBA, math.log(1.10))
    assert called(every) >= 0.90
    assert np.mean([judge(pairs) == "improved" for pairs in every]) == 0


def test_the_power_is_that_which_was_measured(runs: Floats) -> None:
    assert called(differences(runs, ABBA, math.log(1.05))) == pytest.approx(0.63, abs=0.10)
    assert called(differences(runs, ABBA, math.log(1.10))[:, :6]) == pytest.approx(0.87, abs=0.08)


def test_a_slowdown_of_a_quarter_is_a_regression_and_a_gain_of_a_quarter_an_improvement(runs: Floats) -> None:
    slower, faster = (differences(runs, ABBA, sign * math.log(1.25)) for sign in (1, -1))
    assert np.mean([judge(pairs) == "regressed" for pairs in slower]) > 0.95
    assert np.mean([judge(pairs) == "improved" for pairs in faster]) > 0.95


def test_the_same_runs_with_one_build_after_the_other_call_several_times_as_many(runs: Floats) -> None:
    assert called(differences(runs, SEQUENTIAL)) > 0.15


def test_the_verdict_calls_a_difference_where_scipys_paired_t_test_does(runs: Floats) -> None:
    for shift in (0.0, 0.03, -0.06):
        every = differences(runs, ABBA, shift)[:300]
        expected = stats.ttest_rel(every, np.zeros_like(every), axis=1).pvalue < 0.05
        assert [judge(pairs) in CALLED for pairs in every] == expected.tolist()

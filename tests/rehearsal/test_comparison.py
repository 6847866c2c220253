"""Verdicts on kept runs."""

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from festgate.rehearsal.cli.execution import TooFewRequests, check_requests
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare, judge
from tests.rehearsal.synthetic_runs import Answers, Fest

P95 = [parse_metric("p95(/events)")]
NOISE = (0.99, 1.01, 1.005, 0.99, 1.0, 1.012, 0.985, 1.01, 0.992, 1.003)


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


def pairs_of(
    fest: Fest, factors: Sequence[float], change: Callable[[Answers], Answers] = lambda answers: answers
) -> tuple[list[Run], list[Run]]:
    """Return pairs of runs with the same requests; the second run is `factor` times as slow."""
    pairs = range(len(factors))
    return (
        [fest.run(f"a{number}", fest.usual(number)) for number in pairs],
        [fest.run(f"b{number}", change(fest.usual(number, slower=factors[number]))) for number in pairs],
    )


def compared(fest: Fest, factors: Sequence[float], margin: float = 0.05) -> Comparison:
    return compare(*pairs_of(fest, factors), P95, margin=margin, interleaved=True)


@pytest.mark.parametrize(
    "slowdown,verdict,code",
    [
        (1.2, "regressed", 1),
        (0.8, "improved", 0),
        (1.0, "equivalent", 0),
        (1.03, "changed", 0),
        (0.97, "changed", 0),
    ],
)
def test_a_difference_has_its_verdict_and_its_exit_code(
    fest: Fest, slowdown: float, verdict: str, code: int
) -> None:
    comparison = compared(fest, [slowdown * noise for noise in NOISE])
    assert comparison.verdict == verdict
    assert comparison.exit_code == code
    assert comparison.pairs == 10
    effect = comparison.primary
    assert effect is not None
    assert effect.change == pytest.approx(slowdown - 1, abs=0.005)
    assert effect.low < slowdown - 1 < effect.high
    assert effect.samples_before == effect.samples_after == 700
    assert effect.after / effect.before == pytest.approx(1 + effect.change)
    assert effect.pairs_to_decide is None


def test_the_interval_and_p_are_those_of_scipy_on_the_same_runs(fest: Fest) -> None:
    factors = np.array([1.1, 0.98, 1.06, 1.02, 0.99, 1.08])
    effect = compared(fest, list(factors)).primary
    assert effect is not None
    assert effect.differences == pytest.approx(np.log(factors), abs=1e-3)
    expected = stats.ttest_1samp(np.log(factors), 0).confidence_interval()
    assert (effect.low, effect.high) == pytest.approx(
        (math.expm1(expected.low), math.expm1(expected.high)), abs=1e-3
    )
    exact = stats.permutation_test(
        (np.log(factors),), lambda d, axis: d.mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    assert effect.p_value == pytest.approx(exact.pvalue)


def test_runs_that_vary_too_much_are_inconclusive_with_a_sufficient_number_of_pairs(fest: Fest) -> None:
    comparison = compared(fest, [1.2, 0.85, 1.15, 0.8, 1.1, 0.95])
    assert comparison.verdict == "inconclusive"
    assert comparison.exit_code == 3
    assert comparison.primary is not None
    assert comparison.primary.pairs_to_decide is not None
    assert comparison.primary.pairs_to_decide > 20


def test_a_certain_slowdown_that_may_be_beyond_the_margin_is_not_passed(fest: Fest) -> None:
    comparison = compared(fest, [1.12, 1.02, 1.10, 1.03, 1.09, 1.04])
    assert comparison.verdict == "changed"
    assert comparison.exit_code == 3
    assert comparison.primary is not None
    assert comparison.primary.pairs_to_decide is not None


def test_a_certain_gain_that_may_be_beyond_the_margin_is_passed(fest: Fest) -> None:
    comparison = compared(fest, [0.89, 0.98, 0.90, 0.97, 0.91, 0.96])
    assert comparison.verdict == "changed"
    assert comparison.exit_code == 0


def test_the_margin_decides_what_matters(tmp_path: Path) -> None:
    factors = [1.1 * noise for noise in NOISE]
    assert compared(Fest(tmp_path / "narrow"), factors, margin=0.05).verdict == "regressed"
    assert compared(Fest(tmp_path / "wide"), factors, margin=0.15).verdict == "changed"


def test_of_a_rate_more_is_better() -> None:
    more = np.log([1.2 * noise for noise in NOISE])
    assert judge(more, less_is_better=False) == "improved"
    assert judge(-more, less_is_better=False) == "regressed"
    assert judge(more, less_is_better=True) == "regressed"


def test_other_metrics_are_corrected_for_their_number(fest: Fest) -> None:
    texts = ["p95", "p95(/checkout)", "mean(/events)", "errors"]

    def slow_checkout(answers: Answers) -> Answers:
        slower = np.where(np.arange(len(answers.latency)) % 2, 1.5, 1.0)
        return replace(answers, latency=answers.latency * slower, steps=("/events", "/checkout"))

    before = [
        fest.run(f"a{at}", replace(fest.usual(at, requests=1400), steps=("/events", "/checkout")))
        for at in range(10)
    ]
    after = [
        fest.run(f"b{at}", slow_checkout(fest.usual(50 + at, requests=1400, slower=NOISE[at])))
        for at in range(10)
    ]
    comparison = compare(before, after, [parse_metric(text) for text in texts], interleaved=True)
    assert [effect.metric.text for effect in comparison.others] == texts[1:]
    checkout, events, errors = comparison.others
    assert checkout.verdict == "regressed"
    assert checkout.p_value == pytest.approx(2 / 1024)
    assert checkout.p_value_adjusted == pytest.approx(3 * 2 / 1024)
    assert events.verdict == "equivalent"
    assert errors.verdict == "equivalent"
    assert errors.change == 0


def test_six_pairs_are_too_few_to_call_two_other_metrics_different(fest: Fest) -> None:
    metrics = [parse_metric(text) for text in ("p50", "p95(/events)", "mean")]
    comparison = compare(*pairs_of(fest, [1.5 * noise for noise in NOISE[:6]]), metrics, interleaved=True)
    assert comparison.verdict == "regressed"
    for effect in comparison.others:
        assert effect.p_value == pytest.approx(2 / 64)
        assert effect.p_value_adjusted == pytest.approx(4 / 64)
        assert effect.verdict == "inconclusive"
        assert effect.pairs_to_decide == 7


def test_a_regression_of_another_metric_is_a_regression(fest: Fest) -> None:
    def slow_tail(answers: Answers) -> Answers:
        tail = answers.latency > np.quantile(answers.latency, 0.8)
        return replace(answers, latency=np.where(tail, 1.4 * answers.latency, answers.latency))

    metrics = [parse_metric("p50"), parse_metric("p95")]
    comparison = compare(*pairs_of(fest, NOISE, slow_tail), metrics, interleaved=True)
    assert comparison.verdict == "equivalent"
    assert comparison.others[0].verdict == "regressed"
    assert comparison.exit_code == 1


def test_another_metric_with_too_few_requests_is_not_judged(fest: Fest) -> None:
    comparison = compare(
        *pairs_of(fest, NOISE), [*P95, parse_metric("p99"), parse_metric("p95(/nowhere)")], interleaved=True
    )
    assert comparison.verdict == "equivalent"
    for effect in comparison.others:
        assert effect.verdict == "refused"
        assert math.isnan(effect.change)


def test_a_refused_comparison_has_no_effect_and_its_own_exit_code(fest: Fest) -> None:
    before, after = pairs_of(fest, [1.5] * 6)
    comparison = compare(before[:5], after[:5], P95, interleaved=True)
    assert comparison.verdict == "refused"
    assert comparison.primary is None
    assert comparison.others == ()
    assert comparison.exit_code == 2


@pytest.mark.parametrize(
    "metric, needed, remedy",
    [
        (
            "p99",
            "has 700 requests for p99, which needs 3,000",
            "Run longer, 65 s at this pace, or with more load.",
        ),
        (
            "p95(/evnts)",
            "has 0 requests for p95(/evnts), which needs 600",
            "The run has requests for: /events.",
        ),
    ],
)
def test_a_run_with_too_few_requests_for_the_metric_is_reported_with_a_remedy(
    fest: Fest, metric: str, needed: str, remedy: str
) -> None:
    run = fest.run("first", fest.usual(1))
    with pytest.raises(TooFewRequests) as few:
        check_requests(run, parse_metric(metric), fest.folder)
    assert str(few.value) == (
        f"first {needed} in each run, so the comparison would be refused. {remedy} The completed runs are kept in"
        f" {fest.folder}."
    )


def test_runs_that_are_read_again_from_their_folders_give_the_same_verdict(fest: Fest) -> None:
    before, after = pairs_of(fest, [1.1] * 6)
    again = compare(
        [read_run(run.folder) for run in before],
        [read_run(run.folder) for run in after],
        P95,
        interleaved=True,
    )
    assert again == compare(before, after, P95, interleaved=True)


def test_the_memory_of_a_comparison_is_that_of_one_run(fest: Fest) -> None:
    before, after = pairs_of(fest, NOISE)

    def peak(count: int) -> int:
        tracemalloc.start()
        compare(before[:count], after[:count], P95, interleaved=True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(6)
    assert peak(10) < 1.3 * peak(6)

"""The figures of a run: requests that count, reliable percentiles, limits, and slow periods."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.report import render
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.summary import MAX_BINS, QUANTILES, summarize
from tests.rehearsal.synthetic_runs import Answers, Fest


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


def even(plan: Plan, each_second: float, *, until: float | None = None) -> Answers:
    """Return requests of 20 ms each, at equal intervals from the start of the run."""
    end = plan.warm_up + plan.duration if until is None else until
    intended = np.arange(0, end, 1 / each_second)
    return Answers(latency=np.full(len(intended), 0.020), intended=intended)


def test_the_warm_up_does_not_count(fest: Fest) -> None:
    answers = even(fest.plan, 70)
    slow_start = np.where(answers.intended < fest.plan.warm_up, 3.0, answers.latency)
    summary = summarize(fest.run("one", replace(answers, latency=slow_start)))
    assert summary.seconds == 10.0
    assert summary.all.requests == 700
    assert summary.all.rate == pytest.approx(70)
    assert summary.all.slowest == pytest.approx(0.020)
    assert summary.series.slowest[0] == pytest.approx(3.0)


def test_figures_are_those_of_the_requests(fest: Fest) -> None:
    latency = np.arange(1, 1001) / 1000
    intended = 2 + np.arange(1000) / 100
    answers = Answers(
        latency, intended, steps=("/events", "/checkout"), failed=6, size=500, connecting=(0, 1, 5)
    )
    summary = summarize(fest.run("one", answers))
    assert summary.all.mean == pytest.approx(0.5005)
    assert summary.all.quantiles["p50"] == pytest.approx(0.5005, abs=0.001)
    assert summary.all.quantiles["p95"] == pytest.approx(0.95, abs=0.003)
    assert summary.all.slowest == pytest.approx(1.0)
    assert summary.all.bytes_a_second == pytest.approx(50_000)
    assert summary.all.new_connections == 3
    assert summary.all.failed == pytest.approx(0.006)
    assert [step.name for step in summary.steps] == ["/events", "/checkout"]
    assert [step.requests for step in summary.steps] == [500, 500]
    assert dict(summary.failures) == {("/events", 500, ""): 3, ("/checkout", 500, ""): 3}


def test_the_response_time_of_a_late_request_begins_when_it_was_due(fest: Fest) -> None:
    summary = summarize(fest.run("one", replace(even(fest.plan, 70), late=0.5)))
    assert summary.all.late == 14
    assert summary.all.slowest == pytest.approx(0.52)
    assert summary.lateness == pytest.approx(0.5)


@pytest.mark.parametrize("requests, few", [(599, True), (600, False)])
def test_a_percentile_needs_thirty_requests_beyond_it(fest: Fest, requests: int, few: bool) -> None:
    summary = summarize(fest.run("one", fest.usual(1, requests=requests)))
    assert summary.all.few("p95") is few
    assert [min_requests(quantile) for _, quantile in QUANTILES] == [60, 600, 3000, 30_000]


def test_a_run_that_was_stopped_is_measured_until_its_end(fest: Fest) -> None:
    summary = summarize(fest.run("one", even(fest.plan, 70, until=6.0), state="cut"))
    assert summary.seconds == pytest.approx(4.0, abs=0.03)
    assert summary.all.rate == pytest.approx(70, rel=0.02)


def test_a_run_that_sent_nothing_after_its_warm_up_has_a_summary(fest: Fest) -> None:
    summary = summarize(fest.run("one", even(fest.plan, 70, until=1.0), state="cut"))
    assert (summary.all.requests, summary.seconds, summary.steps, summary.slow_period) == (0, 0.0, (), None)
    assert np.isnan(summary.all.quantiles["p95"])


def test_limits_are_met_or_not(fest: Fest) -> None:
    limits = (
        "p95(/events) < 200ms",
        "p95 < 10ms",
        "errors < 0.1%",
        "rate > 50/s",
        "p99(/nowhere) < 1s",
        "fast",
    )
    run = fest.run("one", fest.usual(1), plan=replace(fest.plan, fail_if=limits))
    summary = summarize(run)
    assert [limit.text for limit in summary.limits] == list(limits)
    assert [limit.held for limit in summary.limits] == [True, False, True, True, False, False]
    assert [limit.text for limit in summary.broken] == ["p95 < 10ms", "p99(/nowhere) < 1s", "fast"]
    assert summary.limits[2].value == 0.0
    assert summary.limits[3].value == pytest.approx(70)


def test_a_limit_on_a_percentile_of_few_requests_is_marked(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("p95 < 1s", "p99 < 1s", "errors < 1%"))
    summary = summarize(fest.run("one", fest.usual(1), plan=plan))
    assert [limit.few for limit in summary.limits] == [False, True, False]


def test_the_series_has_requests_due_and_answered_in_each_bin(fest: Fest) -> None:
    answers = fest.usual(3)
    # Nothing is answered between the fifth and the seventh second.
    frozen = (answers.intended >= 5) & (answers.intended < 7)
    latency = np.where(frozen, 7.0 - answers.intended + 0.02, answers.latency)
    summary = summarize(fest.run("one", replace(answers, latency=latency))).series
    assert summary.width == 1.0
    assert (summary.asked * summary.width).sum() == pytest.approx(700)
    assert summary.answered[6] == 0
    assert summary.answered[7] > 2 * summary.asked[7]
    inside = latency[(answers.intended >= 5) & (answers.intended < 6)]
    assert summary.p50[5] == pytest.approx(np.quantile(inside, 0.5, method="inverted_cdf"), abs=1e-5)
    assert summary.p95[5] == pytest.approx(np.quantile(inside, 0.95, method="inverted_cdf"), abs=1e-5)
    assert np.isnan(summary.p95[:2]).all()


def test_an_hour_is_a_few_hundred_points(fest: Fest) -> None:
    plan = replace(fest.plan, duration=3600.0)
    summary = summarize(fest.run("one", even(plan, 2), plan=plan)).series
    assert len(summary.at) <= MAX_BINS
    assert (summary.asked[:-1] == 2).all()
    assert summary.asked[-1] == pytest.approx(2)


def test_the_step_that_slows_down_first_is_named(fest: Fest) -> None:
    plan = replace(fest.plan, duration=60.0)
    answers = replace(fest.usual(4, requests=4200), steps=("/events", "/checkout"))
    intended = 2 + (answers.intended - 2) * 6
    checkout = np.arange(4200) % 2 == 1
    slow = np.where(checkout, (intended > 30) & (intended < 40), (intended > 34) & (intended < 40))
    latency = np.where(slow, answers.latency * 40, answers.latency)
    slow_period = summarize(
        fest.run("one", replace(answers, intended=intended, latency=latency), plan=plan)
    ).slow_period
    assert slow_period is not None
    assert slow_period.step == "/checkout"
    assert 29 <= slow_period.begin <= 31
    assert 39 <= slow_period.end <= 41
    # Some 350 requests are too few for a p95.
    assert slow_period.quantile == "p50"
    assert slow_period.waited == pytest.approx(0.8, rel=0.15)
    assert slow_period.usual == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_a_slow_period(fest: Fest, seed: int) -> None:
    assert summarize(fest.run("one", fest.usual(seed, requests=1500))).slow_period is None


def test_an_unnoticeable_slowdown_is_not_a_slow_period(fest: Fest) -> None:
    answers = fest.usual(1, slower=0.1)
    slow = (answers.intended > 5) & (answers.intended < 9)
    quick = replace(answers, latency=np.where(slow, answers.latency * 10, answers.latency))
    assert summarize(fest.run("one", quick)).slow_period is None


def test_resources_are_those_of_the_measured_seconds(fest: Fest) -> None:
    summary = summarize(fest.run("one", fest.usual(1), cpu=0.4))
    assert [machine.side for machine in summary.machines] == ["generator", "server"]
    assert summary.machines[0].cpu == pytest.approx(0.4)
    assert summary.machines[1].max_cpu == pytest.approx(0.95)
    assert len(summary.machines[1].seconds) == 12


def test_the_curve_rises_from_the_fastest_to_one_in_a_thousand(fest: Fest) -> None:
    plan = replace(fest.plan, load=Rate(2000.0))
    answers = fest.usual(1, requests=20_000)
    shares, waited = summarize(fest.run("one", answers, plan=plan)).curves[""]
    assert waited[0] == pytest.approx(answers.latency.min(), abs=1e-6)
    assert shares[-1] == pytest.approx(0.999)
    assert waited[-1] == pytest.approx(np.quantile(answers.latency, 0.999, method="inverted_cdf"), abs=1e-6)
    assert (np.diff(waited) >= 0).all()


def test_the_load_generator_is_judged_by_its_busiest_tenth_of_the_seconds(fest: Fest) -> None:
    """The mean of these seconds is 79.8 %, and every fifth second is at 98.6 %."""
    seconds = (0.751, 0.751, 0.751, 0.751, 0.986)
    summary = summarize(fest.run("one", fest.usual(1), cpu=seconds))
    machine = next(machine for machine in summary.machines if machine.side == "generator")
    assert machine.cpu == pytest.approx(0.798)
    assert machine.busiest == pytest.approx(0.986)
    report = render(summary, "text")
    assert "The load generator was saturated: 98.6 % of a core in the busiest tenth of the seconds" in report
    calm = summarize(fest.run("two", fest.usual(1), cpu=(0.751,) * 11 + (0.986,)))
    assert "saturated" not in render(calm, "text")

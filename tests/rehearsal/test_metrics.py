"""Metrics and thresholds: their syntax and their values."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats.mstats import hdquantiles  # type: ignore[import-untyped]

from festgate.rehearsal.stats.metrics import (
    BadMetric,
    Metric,
    measure,
    parse_metric,
    parse_threshold,
    parse_thresholds,
)
from tests.rehearsal.synthetic_runs import Answers, Fest


@pytest.mark.parametrize(
    "text,metric",
    [
        ("p95(/events)", Metric("p95(/events)", "quantile", 0.95, "/events")),
        ("p99.9", Metric("p99.9", "quantile", 0.9990000000000001, None)),
        (" mean( /checkout ) ", Metric("mean(/checkout)", "mean", None, "/checkout")),
        ("rate", Metric("rate", "rate", None, None)),
        ("cpu", Metric("cpu", "cpu", None, None)),
        (
            "errors(/events/{slug} (open))",
            Metric("errors(/events/{slug} (open))", "errors", None, "/events/{slug} (open)"),
        ),
    ],
)
def test_a_metric_is_read_as_it_is_written(text: str, metric: Metric) -> None:
    assert parse_metric(text) == metric


@pytest.mark.parametrize(
    "text", ["", "95", "p", "p0", "p100", "P95", "median", "p95 /events", "p95()", "mean(/a", "cpu(/events)"]
)
def test_an_invalid_metric_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadMetric, match=r"(Write|Examples:) (p95|cpu)|lie between p0 and p100"):
        parse_metric(text)


@pytest.mark.parametrize(
    "text,limit,good,bad",
    [
        ("p95(/events) < 200ms", 0.2, 0.199, 0.2),
        ("p95<=1.5s", 1.5, 1.5, 1.501),
        ("errors < 0.1%", 0.001, 0.0, 0.001),
        ("errors <= 0", 0.0, 0.0, 0.001),
        ("rate(/checkout) > 50/s", 50.0, 51.0, 50.0),
        ("rate >= 1800 /min", 30.0, 30.0, 29.9),
        ("cpu < 1ms", 0.001, 0.00099, 0.001),
    ],
)
def test_a_threshold_holds_up_to_its_limit(text: str, limit: float, good: float, bad: float) -> None:
    threshold = parse_threshold(text)
    assert threshold.limit == pytest.approx(limit)
    assert threshold.text == text
    assert threshold.holds(good)
    assert not threshold.holds(bad)
    assert not threshold.holds(float("nan"))


@pytest.mark.parametrize(
    "text",
    [
        "p95",
        "p95 200ms",
        "p95 = 200ms",
        "p95 < 200",
        "p95 < 5%",
        "errors < 5ms",
        "rate > 50",
        "p95 < -1ms",
        "cpu < 80%",
    ],
)
def test_a_threshold_without_a_limit_in_the_metrics_unit_is_not_read(text: str) -> None:
    with pytest.raises(BadMetric):
        parse_threshold(text)


@pytest.mark.parametrize(
    "text,sentence",
    [
        ("p95 < 200", "'p95 < 200' has no unit. Write 'p95 < 200ms' or 'p95 < 200s'."),
        ("rate>50", "'rate>50' has no unit. Write 'rate > 50/s' or 'rate > 50/min'."),
        ("errors < 0.05", "'errors < 0.05' has no unit. Write 'errors < 0.05%' or 'errors < 5%'."),
        ("errors < 5", "'errors < 5' has no unit. Write 'errors < 5%'."),
        ("p95 < 5%", "'p95 < 5%': p95 is not measured in %. Write 'p95 < 5ms'."),
        ("turned_away < 5%", "a number of people, without a unit: 'turned_away < 5'."),
    ],
)
def test_a_limit_without_its_unit_is_refused_with_every_reading(text: str, sentence: str) -> None:
    with pytest.raises(BadMetric, match=re.escape(sentence)):
        parse_threshold(text)


@pytest.mark.parametrize(
    "text,written",
    [
        ("errors < 0", "errors <= 0%"),
        ("errors(/events) < 0%", "errors(/events) <= 0%"),
        ("turned_away < 0", "turned_away <= 0"),
        ("p95 < 0ms", "p95 <= 0ms"),
    ],
)
def test_a_limit_that_can_never_be_met_is_refused(text: str, written: str) -> None:
    with pytest.raises(BadMetric, match=rf"can never be met.*Write '{re.escape(written)}'"):
        parse_threshold(text)
    assert parse_threshold(written).holds(0.0)


def test_thresholds_are_separated_by_commas_outside_step_names() -> None:
    texts = [threshold.text for threshold in parse_thresholds("p95(/a,b) < 300ms, errors < 0.1%")]
    assert texts == ["p95(/a,b) < 300ms", "errors < 0.1%"]


def test_a_metric_covers_its_step_from_the_time_a_request_was_due(tmp_path: Path) -> None:
    latency = np.arange(1, 101) / 1000
    answers = Answers(latency, np.arange(100) / 10, late=0.5, steps=("/a", "/b"), failed=4)
    samples = Fest(tmp_path).run("one", answers).samples()
    of_a = latency[::2].copy()
    of_a[[0, 25]] += 0.5  # the 0th and the 50th of all were sent half a second late
    assert measure(parse_metric("mean(/a)"), samples, 10) == pytest.approx(of_a.mean())
    assert measure(parse_metric("p95(/a)"), samples, 10) == pytest.approx(hdquantiles(of_a, [0.95])[0])
    assert measure(parse_metric("mean(/b)"), samples, 10) == pytest.approx(latency[1::2].mean())
    assert measure(parse_metric("rate"), samples, 10) == 10
    assert measure(parse_metric("rate(/b)"), samples, 10) == 5
    assert measure(parse_metric("errors"), samples, 10) == 0.04


def test_a_step_without_requests_has_no_latency_and_no_errors(tmp_path: Path) -> None:
    samples = Fest(tmp_path).run("one", Answers(np.array([0.1]), np.array([0.0]))).samples()
    assert np.isnan(measure(parse_metric("p95(/nowhere)"), samples, 1))
    assert np.isnan(measure(parse_metric("errors(/nowhere)"), samples, 1))
    assert measure(parse_metric("rate(/nowhere)"), samples, 1) == 0


@pytest.mark.parametrize(
    "text,value,shown",
    [
        ("p95", 0.1824, "182 ms"),
        ("p95", 0.00042, "0.420 ms"),
        ("mean", 1.254, "1.25 s"),
        ("errors", 0.0012, "0.120 %"),
        ("errors", 0.0, "0 %"),
        ("rate", 1234.5, "1,234/s"),
        ("cpu", 0.00021, "0.210 ms"),
        ("p95", float("nan"), "-"),
    ],
)
def test_a_figure_is_shown_with_its_unit_and_three_digits(text: str, value: float, shown: str) -> None:
    assert parse_metric(text).shown(value) == shown

"""The sentences that summarise a run and a comparison."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.report import render
from festgate.rehearsal.report.comparison_report import comparison_document
from festgate.rehearsal.report.words import (
    comparison_in_words,
    load_in_words,
    look_in_words,
    plan_in_words,
    run_in_words,
)
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize, Verdict
from festgate.rehearsal.verdict.findings import LoadFinding
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.synthetic_runs import Fest


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path, Plan("opening_day", "http://127.0.0.1:1", Rate(70.0), duration=10.0, warm_up=2.0))


def effect(verdict: Verdict, change: float, low: float, high: float, **others: object) -> EffectSize:
    template = EffectSize(
        metric=parse_metric("p95(/events)"),
        before=0.2,
        after=0.2 * (1 + change),
        change=change,
        low=low,
        high=high,
        p_value=0.01,
        p_value_adjusted=0.01,
        verdict=verdict,
        pairs_to_decide=None,
        samples_before=700,
        samples_after=690,
        differences=(math.log1p(low), math.log1p(change), math.log1p(high)),
    )
    return replace(template, **others)  # type: ignore[arg-type]


def compared(primary: EffectSize, *others: EffectSize) -> Comparison:
    return Comparison(primary.verdict, primary, others, (), (), 10, 0.05)


def test_the_summary_of_a_passed_run_states_its_load(fest: Fest) -> None:
    summary = summarize(fest.run("one", replace(fest.usual(1), steps=("/events",))))
    assert outcome_of(summary).result == "held"
    first, second = run_in_words(summary)
    assert first == "The target served 4,200 visitors a minute for 10 s; no request failed."
    assert second.startswith("95 of 100 requests took less than 3")
    assert second.endswith(" ms (p95).")


def test_the_slowest_step_is_named(fest: Fest) -> None:
    answers = replace(fest.usual(1, requests=1400), steps=("/events", "POST /checkout"))
    latency = np.where(np.arange(1400) % 2 == 1, answers.latency * 3, answers.latency)
    words = run_in_words(summarize(fest.run("one", replace(answers, latency=latency))))
    assert words[1].startswith("The slowest step was POST /checkout: 95 of 100 requests took less than 9")


def test_a_step_with_few_requests_has_no_95th_percentile(fest: Fest) -> None:
    steps = ("/events",) * 19 + ("POST /checkout",)
    answers = replace(fest.usual(1), steps=steps)
    latency = np.where(np.arange(700) % 20 == 19, 2.0, answers.latency)
    words = run_in_words(summarize(fest.run("one", replace(answers, latency=latency))))
    assert words[1] == (
        "POST /checkout seems to be the slowest step, but had only 35 requests, too few for a 95th percentile."
    )


def test_errors_without_a_limit_are_a_failure_and_name_the_step(fest: Fest) -> None:
    summary = summarize(fest.run("one", replace(fest.usual(1), failed=14, failed_status=0)))
    assert outcome_of(summary).result == "failed"
    assert (
        "2 % of the requests failed (14 of 700, all of them /events: no HTTP response)"
        in run_in_words(summary)[0]
    )


def test_errors_within_a_limit_are_no_failure(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("errors < 5%",))
    summary = summarize(fest.run("one", replace(fest.usual(1), failed=7), plan=plan))
    assert outcome_of(summary).result == "held"
    assert run_in_words(summary)[-1] == "The limit was met: errors < 5%."


def test_a_limit_that_is_not_met_is_named_with_its_value(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("mean < 1ms", "errors < 5%"))
    summary = summarize(fest.run("one", fest.usual(1), plan=plan))
    assert outcome_of(summary).result == "failed"
    assert run_in_words(summary)[-1].startswith("1 of 2 limits was not met: mean < 1ms (2")


def test_dropped_arrivals_are_counted(fest: Fest) -> None:
    summary = summarize(fest.run("one", fest.usual(1), dropped=120))
    assert outcome_of(summary).result == "failed"
    assert "120 more visitors arrived" in run_in_words(summary)[0]


@pytest.mark.parametrize(
    "limits, held",
    [
        (("p95 < 5s",), "the limit"),
        (("p95 < 5s", "errors < 1%"), "both limits"),
        (("p95 < 5s", "errors < 1%", "rate > 1/s"), "all 3 limits"),
    ],
)
def test_a_failed_check_is_stated_beside_the_limits_that_held(
    fest: Fest, limits: tuple[str, ...], held: str
) -> None:
    words = run_in_words(
        summarize(fest.run("one", fest.usual(1), plan=replace(fest.plan, fail_if=limits), dropped=35))
    )
    assert words[1] == f"Not held: 35 people were turned away, though {held} held."
    assert not any("met" in sentence for sentence in words)


def test_limits_that_were_met_are_counted(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("p95 < 5s", "errors < 1%"))
    assert run_in_words(summarize(fest.run("one", fest.usual(1), plan=plan)))[-1] == "Both limits were met."


def test_the_summary_of_a_run_that_was_stopped_states_its_duration(fest: Fest) -> None:
    plan = replace(fest.plan, duration=120.0)
    summary = summarize(fest.run("one", fest.usual(1), plan=plan, state="cut"))
    assert outcome_of(summary).result == "cut"
    assert "of the planned 2 minutes" in run_in_words(summary)[0]


@pytest.mark.parametrize(
    "load, words",
    [
        (Rate(30.0), "1,800 visitors a minute"),
        (Rate(1 / 60), "1 visitor a minute"),
        (Rate(0.01), "36 visitors an hour"),
        (Users(60, 1.0), "60 concurrent visitors"),
        (Users(1, 1.0), "1 concurrent visitor"),
    ],
)
def test_a_load_is_described_in_visitors(load: Rate | Users, words: str) -> None:
    assert load_in_words(load) == words


@pytest.mark.parametrize(
    "written, expected",
    [
        (figures.latency(0.00042), "0.420 ms"),
        (figures.latency(0.0042), "4.20 ms"),
        (figures.latency(0.09996), "100 ms"),
        (figures.latency(2.314), "2.31 s"),
        (figures.latency(math.nan), "-"),
        (figures.share(0.0), "0 %"),
        (figures.share(0.05), "5 %"),
        (figures.share(0.000412), "0.0412 %"),
        (figures.change(0.0321), "+3.2 %"),
        (figures.change(-0.0004), "0.0 %"),
        (figures.rate(0), "0/s"),
        (figures.rate(1234.5), "1,234/s"),
        (figures.size(812), "812 B"),
        (figures.size(1_200_000), "1.20 MB"),
        (figures.span(45), "45 s"),
        (figures.span(72), "1 min 12 s"),
        (figures.span(300), "5 minutes"),
        (figures.span(4800), "1 h 20 min"),
        (figures.at(42), "0:42"),
        (figures.at(3725), "1:02:05"),
    ],
)
def test_figures_have_as_many_digits_as_are_significant(written: str, expected: str) -> None:
    assert written == expected


def test_a_plan_is_one_sentence(fest: Fest) -> None:
    plan = replace(fest.plan, duration=300.0, warm_up=30.0)
    assert (
        plan_in_words(plan) == "opening_day: 4,200 visitors a minute for 5 minutes, after a warm-up of 30 s"
    )


@pytest.mark.parametrize(
    "verdict, sentence",
    [
        ("improved", "improved: -10.0 % (95 % interval -14.0 % to -6.0 %), from 200 ms to 180 ms"),
        ("equivalent", "is the same within 5 %: -10.0 %"),
        ("inconclusive", "may or may not have changed: -10.0 %"),
        ("changed", "changed by -10.0 %"),
        ("regressed", "became worse: -10.0 %"),
        ("refused", "cannot be judged"),
    ],
)
def test_every_verdict_is_a_sentence_with_its_interval(verdict: Verdict, sentence: str) -> None:
    words = comparison_in_words(compared(effect(verdict, -0.10, -0.14, -0.06)))
    assert words[0].startswith(f"p95(/events) {sentence}")


def test_an_inconclusive_verdict_states_how_many_pairs_would_decide() -> None:
    words = comparison_in_words(compared(effect("inconclusive", 0.03, -0.02, 0.08, pairs_to_decide=24)))
    assert words[1] == "About 24 pairs would decide it; there were 10 pairs of runs."


def test_responses_that_were_not_compared_are_in_the_first_line() -> None:
    flag = LoadFinding(
        "responses-not-compared", "/mine: at most 0 % recur", "Not noticed.", "Let the journey check."
    )
    improved = replace(compared(effect("improved", -0.2, -0.25, -0.15)), flags=(flag,))
    first, second, *_ = comparison_in_words(improved)
    assert first == (
        "responses-not-compared: only status, size and the journey's own checks were compared, not the content of the"
        " responses (/mine: at most 0 % recur)."
    )
    assert second.startswith("p95(/events) improved")
    assert first in render(improved, "json")
    assert "responses-not-compared" in render(improved, "junit")


def test_the_same_target_on_both_sides_is_called_an_a_a_comparison() -> None:
    comparison = replace(compared(effect("improved", -0.2, -0.25, -0.15)), same_target=True)
    document = comparison_document(comparison, (), ())
    assert (document.verdict, document.tone) == ("A/A comparison: improved", "plain")
    assert document.words[0].startswith("Both sides are the same target, so this is an A/A comparison")
    assert '"same_target": true' in render(comparison, "json")


def test_a_comparison_that_stopped_states_that_its_intervals_hold_at_every_look() -> None:
    comparison = replace(compared(effect("regressed", 0.2, 0.15, 0.25)), anytime=True)
    assert comparison_in_words(comparison)[1] == (
        "The verdict is based on 10 pairs of runs, and its intervals hold at every look after a pair."
    )
    assert "p-values hold at every look" in " ".join(render(comparison, "text").split())
    assert look_in_words(comparison) == (
        "After 10 pairs: regressed, p95(/events) +20.0 % (95 % interval +15.0 % to +25.0 %)."
    )


def test_a_secondary_metric_that_regressed_is_in_the_headline() -> None:
    beside = effect("regressed", 0.2, 0.15, 0.25, metric=parse_metric("p95(/checkout)"))
    comparison = compared(effect("equivalent", 0.0, -0.01, 0.01), beside)
    document = comparison_document(comparison, (), ())
    assert (document.verdict, document.tone) == (
        "No relevant difference, but another metric regressed",
        "bad",
    )
    assert document.words[-1] == "Another metric became worse: p95(/checkout)."


def test_a_refused_comparison_has_reasons_instead_of_a_verdict() -> None:
    reason = LoadFinding("too-few-runs", "2 pairs", "Two pairs decide nothing.", "Play ten.")
    words = comparison_in_words(Comparison("refused", None, (), (reason,), (), 2, 0.05))
    assert words == ("These runs cannot be compared, so there is no verdict.", "Two pairs decide nothing.")

"""What an organiser reads first, of a run and of a comparison."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.report.comparison_report import comparison_document
from festgate.rehearsal.report.words import (
    comparison_in_words,
    load_in_words,
    outcome,
    plan_in_words,
    run_in_words,
)
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize, Verdict
from festgate.rehearsal.verdict.findings import LoadFinding
from tests.rehearsal.played import Fest


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path, Plan("opening_day", "http://127.0.0.1:1", Rate(70.0), duration=10.0, warm_up=2.0))


def effect(verdict: Verdict, change: float, low: float, high: float, **others: object) -> EffectSize:
    told = EffectSize(
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
    return replace(told, **others)  # type: ignore[arg-type]


def compared(primary: EffectSize, *others: EffectSize) -> Comparison:
    return Comparison(primary.verdict, primary, others, (), (), 10, 0.05)


def test_a_run_that_held_says_what_it_held(fest: Fest) -> None:
    summary = summarize(fest.run("one", replace(fest.usual(1), steps=("/events",))))
    assert outcome(summary) == "held"
    first, second = run_in_words(summary)
    assert first == "Held 4,200 people a minute for 10 s without an error."
    assert second.startswith("The slowest twentieth waited 3")
    assert second.endswith(" ms or longer.")


def test_the_slowest_step_is_named(fest: Fest) -> None:
    answers = replace(fest.usual(1, requests=1400), steps=("/events", "POST /checkout"))
    latency = np.where(np.arange(1400) % 2 == 1, answers.latency * 3, answers.latency)
    words = run_in_words(summarize(fest.run("one", replace(answers, latency=latency))))
    assert words[1].startswith("POST /checkout was the slowest step: its slowest twentieth waited 9")


def test_a_step_that_was_hardly_asked_for_is_not_told_as_if_it_were_known(fest: Fest) -> None:
    steps = ("/events",) * 19 + ("POST /checkout",)
    answers = replace(fest.usual(1), steps=steps)
    latency = np.where(np.arange(700) % 20 == 19, 2.0, answers.latency)
    words = run_in_words(summarize(fest.run("one", replace(answers, latency=latency))))
    assert words[1] == (
        "POST /checkout looks like the slowest step, but was asked for only 35 times,"
        " too few to say how long its slowest waited."
    )


def test_errors_without_a_limit_are_a_failure_and_say_where(fest: Fest) -> None:
    summary = summarize(fest.run("one", replace(fest.usual(1), failed=7, failed_status=0)))
    assert outcome(summary) == "failed"
    assert (
        "1 % of the requests failed (7 of 700, all of them /events with no answer)"
        in run_in_words(summary)[0]
    )


def test_errors_within_a_limit_are_no_failure(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("errors < 5%",))
    summary = summarize(fest.run("one", replace(fest.usual(1), failed=7), plan=plan))
    assert outcome(summary) == "held"
    assert run_in_words(summary)[-1] == "The limit that was set held: errors < 5%."


def test_a_broken_limit_is_told_with_its_figure(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("mean < 1ms", "errors < 5%"))
    summary = summarize(fest.run("one", fest.usual(1), plan=plan))
    assert outcome(summary) == "failed"
    assert run_in_words(summary)[-1].startswith("1 of 2 limits did not hold: mean < 1ms (2")


def test_people_for_whom_no_visitor_was_free_are_told_of(fest: Fest) -> None:
    summary = summarize(fest.run("one", fest.usual(1), dropped=120))
    assert outcome(summary) == "failed"
    assert "120 people more came" in run_in_words(summary)[0]


def test_a_run_that_was_cut_off_says_how_much_of_it_there_is(fest: Fest) -> None:
    plan = replace(fest.plan, duration=120.0)
    summary = summarize(fest.run("one", fest.usual(1), plan=plan, state="cut"))
    assert outcome(summary) == "cut"
    assert "of the 2 minutes that were planned" in run_in_words(summary)[0]


@pytest.mark.parametrize(
    "load, words",
    [
        (Rate(30.0), "1,800 people a minute"),
        (Rate(1 / 60), "1 person a minute"),
        (Rate(0.01), "36 people an hour"),
        (Users(60, 1.0), "60 people at once"),
        (Users(1, 1.0), "1 person at once"),
    ],
)
def test_a_load_is_told_in_people(load: Rate | Users, words: str) -> None:
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
def test_figures_are_written_with_as_many_digits_as_they_are_worth(written: str, expected: str) -> None:
    assert written == expected


def test_a_plan_is_one_sentence(fest: Fest) -> None:
    plan = replace(fest.plan, duration=300.0, warm_up=30.0)
    assert plan_in_words(plan) == "opening_day: 4,200 people a minute for 5 minutes, after a warm-up of 30 s"


@pytest.mark.parametrize(
    "verdict, tells",
    [
        ("improved", "became better: -10.0 % (95 % interval -14.0 % to -6.0 %), from 200 ms to 180 ms"),
        ("equivalent", "is the same within 5 %: -10.0 %"),
        ("inconclusive", "may or may not have changed: -10.0 %"),
        ("changed", "changed by -10.0 %"),
        ("regressed", "became worse: -10.0 %"),
        ("refused", "cannot be judged"),
    ],
)
def test_every_verdict_is_a_sentence_with_its_interval(verdict: Verdict, tells: str) -> None:
    words = comparison_in_words(compared(effect(verdict, -0.10, -0.14, -0.06)))
    assert words[0].startswith(f"p95(/events) {tells}")


def test_what_is_not_decided_says_how_many_pairs_would_do() -> None:
    words = comparison_in_words(compared(effect("inconclusive", 0.03, -0.02, 0.08, pairs_to_decide=24)))
    assert words[1] == "About 24 pairs would decide it; there were 10 pairs of runs."


def test_what_became_worse_beside_a_primary_that_did_not_is_in_the_headline() -> None:
    beside = effect("regressed", 0.2, 0.15, 0.25, metric=parse_metric("p95(/checkout)"))
    told = compared(effect("equivalent", 0.0, -0.01, 0.01), beside)
    document = comparison_document(told, (), ())
    assert (document.verdict, document.tone) == ("No difference that matters, but worse beside it", "bad")
    assert document.words[-1] == "Beside it, p95(/checkout) became worse."


def test_a_refusal_has_no_verdict_but_its_reasons() -> None:
    reason = LoadFinding("too-few-runs", "2 pairs", "Two pairs decide nothing.", "Play ten.")
    words = comparison_in_words(Comparison("refused", None, (), (reason,), (), 2, 0.05))
    assert words == ("These runs cannot be compared, so there is no verdict.", "Two pairs decide nothing.")

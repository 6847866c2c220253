"""Each flag: runs that cause it, and runs that nearly do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.runs.plan import Rate, Users
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare, is_interleaved
from tests.rehearsal.synthetic_runs import BODY, REQUESTS, Answers, Fest, with_load

PAIRS = 6
Change = Callable[[Answers], Answers]


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


@pytest.fixture
def users(tmp_path: Path) -> Fest:
    """Twenty users, all started within the first second, with a think time of a quarter of one."""
    return Fest(tmp_path, with_load(Fest(tmp_path).plan, Users(20, spawn_rate=20.0)))


def compared(fest: Fest, before: Change, after: Change, metric: str = "p95", dropped: int = 0) -> Comparison:
    first, second = (
        [
            fest.run(f"{side}{number}", change(fest.usual(seed + number)), dropped=dropped)
            for number in range(PAIRS)
        ]
        for side, change, seed in (("a", before, 0), ("b", after, 100))
    )
    return compare(first, second, [parse_metric(metric)], interleaved=True)


def flags(comparison: Comparison) -> list[str]:
    """Return the codes; check that each flag has a figure, meaning and remedy."""
    assert comparison.refusals == ()
    for flag in comparison.flags:
        assert flag.figure
        assert flag.meaning.endswith(".")
        assert flag.remedy.endswith(".")
    return [flag.code for flag in comparison.flags]


def flagged(fest: Fest, change: Change, metric: str = "p95", dropped: int = 0) -> list[str]:
    return flags(compared(fest, change, change, metric, dropped))


def same(answers: Answers) -> Answers:
    return answers


@pytest.mark.parametrize(
    "every,expected", [(20, []), (8, ["responses-not-compared"]), (1, ["responses-not-compared"])]
)
def test_pages_that_differ_in_more_than_a_tenth_of_the_responses_are_not_compared(
    fest: Fest, every: int, expected: list[str]
) -> None:
    def varied(answers: Answers) -> Answers:
        first = int(answers.intended[0] * 1e12) % 2**31
        bodies = [BODY if number % every else first + number for number in range(REQUESTS)]
        return replace(answers, bodies=bodies)

    assert flagged(fest, varied) == expected


def test_only_compared_steps_are_reported_as_not_compared(fest: Fest) -> None:
    def varied(answers: Answers) -> Answers:
        first = int(answers.intended[0] * 1e12) % 2**31
        bodies = [BODY if number % 2 else first + number for number in range(REQUESTS)]
        return replace(answers, bodies=bodies, steps=("/mine", "/events"))

    first, second = (
        [fest.run(f"{side}{number}", varied(fest.usual(10 * place + number))) for number in range(PAIRS)]
        for place, side in enumerate("ab")
    )
    of_page, of_all = (
        compare(first, second, [parse_metric(metric)], interleaved=True) for metric in ("p50(/events)", "p50")
    )
    assert "responses-not-compared" not in flags(of_page)
    (figure,) = (flag.figure for flag in of_all.flags if flag.code == "responses-not-compared")
    assert figure == "/mine: no response recurs in another run of the same build"


def test_normal_runs_have_no_flag(fest: Fest) -> None:
    assert flagged(fest, same) == []


def test_normal_closed_loops_have_no_flag(users: Fest) -> None:
    assert flagged(users, same) == []


@pytest.mark.parametrize(
    "order,expected",
    [
        ("ABBABAABABBA", True),
        ("ABABABABABAB", True),
        ("AAAAAABBBBBB", False),
        ("ABBABAABABAABB", False),
        ("AB" * 5 + "A", False),
    ],
)
def test_runs_are_interleaved_when_each_two_in_time_are_one_of_each_build(
    fest: Fest, order: str, expected: bool
) -> None:
    runs = [(side, fest.run(f"{at:02}{side}", fest.usual(at, requests=3))) for at, side in enumerate(order)]
    before, after = ([run for side, run in runs if side == which] for which in "AB")
    assert is_interleaved(before[::-1], after) is expected


def test_runs_that_were_not_interleaved_are_flagged(fest: Fest) -> None:
    before, after = (
        [fest.run(f"{side}{number}", fest.usual(seed + number)) for number in range(PAIRS)]
        for side, seed in (("a", 0), ("b", 100))
    )
    p95 = [parse_metric("p95")]
    assert flags(compare(before, after, p95, interleaved=False)) == ["not-interleaved"]
    assert flags(compare(before, after, p95, interleaved=True)) == []


def test_a_run_without_a_warm_up_is_flagged(tmp_path: Path) -> None:
    fest = Fest(tmp_path, replace(Fest(tmp_path).plan, warm_up=0.0))
    assert flagged(fest, same) == ["warm-up-not-cut"]


@pytest.mark.parametrize("spawn_rate,expected", [(10.5, []), (5.0, ["warm-up-not-cut"])])
def test_a_warm_up_that_ends_before_all_users_are_there_is_flagged(
    tmp_path: Path, spawn_rate: float, expected: list[str]
) -> None:
    fest = Fest(tmp_path, with_load(Fest(tmp_path).plan, Users(20, spawn_rate)))
    assert flagged(fest, same) == expected


@pytest.mark.parametrize("factor,expected", [(1.1, []), (1.5, ["warm-up-not-cut"])])
def test_a_beginning_that_is_still_slow_is_flagged(fest: Fest, factor: float, expected: list[str]) -> None:
    def cold(answers: Answers) -> Answers:
        early = answers.intended < fest.plan.warm_up + 0.1 * fest.plan.duration
        return replace(answers, latency=answers.latency * np.where(early, factor, 1.0))

    assert flagged(fest, cold) == expected


def test_first_connections_that_take_two_seconds_are_flagged(fest: Fest) -> None:
    def fallback(answers: Answers) -> Answers:
        latency = answers.latency.copy()
        latency[:10] += 2.0
        return replace(answers, latency=latency, connecting=range(10))

    assert "connection-outliers" in flagged(fest, fallback)


def test_first_connections_that_take_a_little_longer_are_not_outliers(fest: Fest) -> None:
    def connecting(answers: Answers) -> Answers:
        latency = answers.latency.copy()
        latency[:10] += 0.04
        return replace(answers, latency=latency, connecting=range(10))

    assert flagged(fest, connecting) == []


def test_a_client_that_always_connects_anew_has_no_outliers(fest: Fest) -> None:
    def outliers(answers: Answers) -> Answers:
        latency = answers.latency.copy()
        latency[::90] += 2.0
        return replace(answers, latency=latency, connecting=range(REQUESTS))

    assert flagged(fest, outliers) == []


@pytest.mark.parametrize("frozen,expected", [(0.4, []), (2.0, ["coordinated-omission"])])
def test_a_closed_loop_that_stalled_is_flagged(users: Fest, frozen: float, expected: list[str]) -> None:
    def freeze(answers: Answers) -> Answers:
        # All that was under way at 6 s: six of twenty users, as the others think.
        latency = answers.latency.copy()
        at = int(np.searchsorted(answers.intended, 6.0))
        latency[at : at + 6] += frozen
        return replace(answers, latency=latency)

    assert flagged(users, freeze) == expected
    assert flagged(Fest(users.folder / "cpu", users.plan), freeze, "cpu") == []


def test_an_open_loop_that_stalled_omits_nothing(fest: Fest) -> None:
    def freeze(answers: Answers) -> Answers:
        latency = answers.latency.copy()
        latency[200:210] += 2.0
        return replace(answers, latency=latency)

    assert flagged(fest, freeze) == []


@pytest.mark.parametrize("together", [20, 70])
@pytest.mark.parametrize("spread,expected", [(1.05, []), (0.035, ["phase-lock"])])
def test_users_that_send_together_are_flagged(
    users: Fest, together: int, spread: float, expected: list[str]
) -> None:
    def fire(answers: Answers) -> Answers:
        # Twenty users every 0.286 s or seventy every second, each up to `spread` of that time after the beat. Of
        # seventy a run has as many beats as it has parts in which arrivals are looked at.
        pace = users.plan.duration / (REQUESTS / together)
        beat = users.plan.warm_up + np.arange(REQUESTS) // together * pace
        within = np.random.default_rng(1).uniform(0, spread * pace, REQUESTS)
        return replace(answers, intended=np.minimum(np.sort(beat + within), 11.99))

    assert flagged(users, fire) == expected
    assert flagged(Fest(users.folder / "cpu", users.plan), fire, "cpu") == []


def test_one_pause_of_the_target_is_not_a_phase_lock(users: Fest) -> None:
    def pause(answers: Answers) -> Answers:
        later = answers.intended > 6.0
        return replace(
            answers, intended=np.where(later, 8.0 + (answers.intended - 6.0) * 2 / 3, answers.intended)
        )

    assert flagged(users, pause) == []


def test_a_rate_that_the_plan_sets_is_flagged(fest: Fest) -> None:
    assert flagged(fest, same, metric="rate") == ["rate-is-given"]


@pytest.mark.parametrize("waiting,expected", [(0.2, ["rate-is-given"]), (0.8, [])])
def test_users_that_mostly_think_set_the_rate(users: Fest, waiting: float, expected: list[str]) -> None:
    def share(answers: Answers) -> Answers:
        asked = waiting * 20 * users.plan.duration / answers.latency.sum()
        return replace(answers, latency=answers.latency * asked)

    assert flagged(users, share, metric="rate") == expected


@pytest.mark.parametrize("more,expected", [(1, []), (8, ["mix-shifted"])])
def test_another_mix_of_steps_is_flagged(fest: Fest, more: int, expected: list[str]) -> None:
    def mixed(events: int) -> list[str]:
        # By lot: fifty of the one and then fifty of the other would be users that fire together.
        return [*np.random.default_rng(1).permutation(["/events"] * events + ["/checkout"] * (100 - events))]

    before, after = mixed(50), mixed(50 + more)
    comparison = compared(
        fest, lambda answers: replace(answers, steps=before), lambda answers: replace(answers, steps=after)
    )
    assert flags(comparison) == expected


@pytest.mark.parametrize("every,expected", [(17, []), (22, ["one-row-of-many"])])
def test_a_metric_of_a_rare_step_is_flagged(fest: Fest, every: int, expected: list[str]) -> None:
    steps = ["/checkout", *["/events"] * (every - 1)]
    assert flagged(fest, lambda answers: replace(answers, steps=steps), metric="mean(/checkout)") == expected


@pytest.mark.parametrize("factor,expected", [(0.7, ["drift"]), (0.9, []), (1.1, []), (1.6, ["drift"])])
def test_a_run_that_becomes_slower_or_faster_is_flagged(
    fest: Fest, factor: float, expected: list[str]
) -> None:
    def drifting(answers: Answers) -> Answers:
        return replace(answers, latency=answers.latency * np.linspace(1, factor, REQUESTS))

    assert flagged(fest, drifting) == expected


def test_more_concurrent_requests_than_users_are_flagged(users: Fest) -> None:
    def scaled(concurrency: float) -> Change:
        return lambda answers: replace(
            answers, latency=answers.latency * concurrency * users.plan.duration / answers.latency.sum()
        )

    assert flagged(Fest(users.folder / "near", users.plan), scaled(20.0)) == []
    assert flagged(Fest(users.folder / "over", users.plan), scaled(22.0)) == ["littles-law-off"]


@pytest.mark.parametrize("rate,expected", [(78.0, []), (100.0, ["littles-law-off"])])
def test_arrivals_that_are_not_those_of_the_plan_are_flagged(
    tmp_path: Path, rate: float, expected: list[str]
) -> None:
    fest = Fest(tmp_path, with_load(Fest(tmp_path).plan, Rate(rate)))
    assert flagged(fest, same) == expected


@pytest.mark.parametrize("dropped,expected", [(0, []), (2, ["arrivals-dropped"])])
def test_arrivals_that_were_never_sent_are_flagged(fest: Fest, dropped: int, expected: list[str]) -> None:
    assert flagged(fest, same, dropped=dropped) == expected


@pytest.mark.parametrize("late,expected", [(0.003, []), (0.006, ["sent-late"])])
def test_send_delay_of_a_tenth_of_the_metric_is_flagged(fest: Fest, late: float, expected: list[str]) -> None:
    # Of a p95 of 33 ms.
    assert flagged(fest, lambda answers: replace(answers, late=late, late_every=1)) == expected


def test_send_delay_does_not_affect_an_error_rate(fest: Fest) -> None:
    late = flagged(fest, lambda answers: replace(answers, late=0.1, late_every=1), metric="errors")
    assert late == []

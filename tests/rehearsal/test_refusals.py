"""Each refusal: runs that cause it, and runs that nearly do."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare
from tests.rehearsal.synthetic_runs import BODY, Answers, Fest, with_load

PAIRS = 6
P95 = [parse_metric("p95(/events)")]


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


Play = Callable[[str, Answers], Run]


def pairs(fest: Fest, before: Play, after: Play, count: int = PAIRS) -> tuple[list[Run], list[Run]]:
    """Return runs of both sides with the same requests within a pair, so that only the change of a test differs."""
    return (
        [before(f"a{number}", fest.usual(number)) for number in range(count)],
        [after(f"b{number}", fest.usual(100 + number)) for number in range(count)],
    )


def codes(comparison: Comparison) -> list[str]:
    """Return the codes of the refusals, and check that each has a figure, a meaning and a remedy."""
    for finding in comparison.refusals:
        assert finding.figure
        assert finding.meaning.endswith(".")
        assert finding.remedy.endswith((".", "`."))
    assert (comparison.verdict == "refused") == bool(comparison.refusals)
    return [finding.code for finding in comparison.refusals]


def refused(fest: Fest, before: Play, after: Play, count: int = PAIRS) -> list[str]:
    first, second = pairs(fest, before, after, count)
    return codes(compare(first, second, P95, interleaved=True))


def test_runs_that_differ_by_chance_only_are_not_refused(fest: Fest) -> None:
    assert refused(fest, fest.run, fest.run) == []


def test_five_pairs_are_too_few_and_six_are_not(fest: Fest) -> None:
    first, second = pairs(fest, fest.run, fest.run)
    assert codes(compare(first[:5], second[:5], P95, interleaved=True)) == ["too-few-runs"]
    assert codes(compare(first, second[:5], P95, interleaved=True)) == ["too-few-runs"]
    assert codes(compare(first, second, P95, interleaved=True)) == []


def test_nothing_at_all_is_too_few(fest: Fest) -> None:
    comparison = compare([], [], P95, interleaved=True)
    assert "too-few-runs" in codes(comparison)
    assert comparison.exit_code == 2


def test_a_run_that_was_cut_off_is_refused_by_its_name(fest: Fest) -> None:
    first, second = pairs(
        fest,
        fest.run,
        lambda name, answers: fest.run(name, answers, state="cut" if name == "b3" else "whole"),
    )
    comparison = compare(first, second, P95, interleaved=True)
    assert codes(comparison) == ["run-cut"]
    assert comparison.refusals[0].figure == "1 of 12 runs: b3"


@pytest.mark.parametrize(
    "change,figure",
    [
        (lambda plan: replace(plan, journey="attendee"), "journey: events / attendee"),
        (lambda plan: with_load(plan, Rate(80)), "load: 70 arrivals/s (poisson) / 80 arrivals/s (poisson)"),
        (lambda plan: replace(plan, warm_up=1.0), "warm-up: 2 s / 1 s"),
        (lambda plan: replace(plan, seed=5), "seeds 0 / 5"),
        (lambda plan: replace(plan, arguments=("--tags", "a")), "locustfile's options: none / --tags a"),
    ],
)
def test_another_workload_is_refused(fest: Fest, change: Callable[[Plan], Plan], figure: str) -> None:
    first, second = pairs(fest, fest.run, lambda name, answers: fest.run(name, answers, change(fest.plan)))
    comparison = compare(first, second, P95, interleaved=True)
    assert codes(comparison) == ["workload-differs"]
    assert comparison.refusals[0].figure == figure


def test_another_host_label_or_seed_per_pair_is_the_same_workload(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        plan = replace(fest.plan, host=f"http://{name}:1", label=name, seed=int(name[1:]))
        return fest.run(name, answers, plan)

    assert refused(fest, kept_run, kept_run) == []


def test_another_version_of_the_load_generator_is_another_workload(fest: Fest) -> None:
    assert refused(
        fest,
        fest.run,
        lambda name, answers: fest.run(name, answers, generator={"festgate": "1", "locust": "3"}),
    ) == ["workload-differs"]


def test_the_same_build_on_both_sides_is_refused_unless_it_is_meant(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, server={"server": "uvicorn", "revision": "1f2e3d"})

    first, second = pairs(fest, kept_run, kept_run)
    comparison = compare(first, second, P95, interleaved=True)
    assert codes(comparison) == ["same-build"]
    assert comparison.refusals[0].figure == "revision 1f2e3d"
    assert codes(compare(first, second, P95, interleaved=True, calibration=True)) == []


def test_overlapping_runs_are_refused_unless_only_processor_time_is_compared(
    fest: Fest,
) -> None:
    first, second = pairs(fest, fest.run, fest.run)
    long = fest.plan.warm_up + fest.plan.duration
    after = [replace(first[0], began=second[0].began - long), *first[1:]]
    over = [replace(first[0], began=second[0].began - long + 0.1), *first[1:]]
    assert codes(compare(after, second, P95, interleaved=True)) == []
    comparison = compare(over, second, P95, interleaved=True)
    assert [(finding.code, finding.figure) for finding in comparison.refusals] == [
        ("played-at-once", "1 of 6 runs before overlap with one after")
    ]
    assert codes(compare(over, second, [parse_metric("cpu")], interleaved=True)) == []


def test_a_header_that_every_build_sends_does_not_identify_a_build(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, server={"server": "nginx/1.29"})

    assert refused(fest, kept_run, kept_run) == []


def test_two_builds_on_one_side_are_refused_and_one_on_each_is_not(fest: Fest) -> None:
    def first(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, server={"revision": "one"})

    def mixed(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, server={"revision": "two" if name == "b4" else "three"})

    before, after = pairs(fest, first, mixed)
    assert codes(compare(before, after, P95, interleaved=True)) == ["builds-mixed"]
    others = [run for run in after if run.name != "b4"]
    again = fest.run("b9", fest.usual(9), server={"revision": "three"})
    assert codes(compare(before, [*others, again], P95, interleaved=True)) == []


@pytest.mark.parametrize("requests,expected", [(590, ["too-few-samples"]), (600, [])])
def test_a_p95_takes_six_hundred_requests_of_each_run(fest: Fest, requests: int, expected: list[str]) -> None:
    def kept_run(name: str, _: Answers) -> Run:
        return fest.run(name, fest.usual(int(name[1:]), requests=requests))

    assert refused(fest, kept_run, kept_run) == expected


def test_the_warm_up_does_not_count_among_the_requests(fest: Fest) -> None:
    plan = replace(fest.plan, warm_up=4.0, duration=8.0)  # of usual runs, sent from 2 s to 12 s

    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, plan)

    assert refused(fest, kept_run, kept_run) == ["too-few-samples"]


@pytest.mark.parametrize("failed,expected", [(4, []), (11, ["error-rates-differ"])])
def test_other_rates_of_errors_are_refused(fest: Fest, failed: int, expected: list[str]) -> None:
    assert (
        refused(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, failed=failed)))
        == expected
    )


@pytest.mark.parametrize(
    "failed,expected", [(35, []), (36, ["too-many-failures"]), (700, ["too-many-failures"])]
)
def test_builds_that_fail_alike_in_more_than_five_percent_are_refused(
    fest: Fest, failed: int, expected: list[str]
) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        faster = 1.0 if name[0] == "a" else 0.7
        return fest.run(name, replace(answers, failed=failed, latency=answers.latency * faster))

    assert refused(fest, kept_run, kept_run) == expected


def test_a_step_that_only_fails_is_refused_though_few_of_all_requests_failed(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        steps = ("/checkout",) * 30 + ("/events",) * 670
        return fest.run(name, replace(answers, failed=30, steps=steps))

    first, second = pairs(fest, kept_run, kept_run)
    comparison = compare(first, second, [parse_metric("mean(/checkout)")], interleaved=True)
    assert codes(comparison) == ["too-many-failures"]
    assert comparison.refusals[0].figure == "100 % / 100 % of the requests of /checkout failed"
    assert codes(compare(first, second, [parse_metric("mean(/events)")], interleaved=True)) == []


@pytest.mark.parametrize(
    "exceptions, codes_of_it",
    [(6, []), (12, ["error-rates-differ"]), (40, ["too-many-failures", "error-rates-differ"])],
)
def test_an_exception_of_a_task_counts_as_a_failed_request(
    fest: Fest, exceptions: int, codes_of_it: list[str]
) -> None:
    def raising(name: str, answers: Answers) -> Run:
        return fest.run(name, answers).update(
            exceptions={"AssertionError: no ticket (shop.py, line 9)": exceptions}
        )

    first, second = pairs(fest, fest.run, raising)
    comparison = compare(first, second, P95, interleaved=True)
    assert codes(comparison) == codes_of_it
    assert all("exceptions of tasks included" in refusal.figure for refusal in comparison.refusals)


def test_a_time_is_not_judged_beside_errors_if_many_requests_failed(fest: Fest) -> None:
    first, second = pairs(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, failed=40)))
    metrics = [parse_metric("errors"), *P95]
    beside = compare(first, second, metrics, interleaved=True).others[0]
    assert (beside.verdict, beside.reason) == ("refused", "5.7 % of its requests failed on one side")
    accepted = compare(first, second, metrics, interleaved=True, accepted={"too-many-failures"}).others[0]
    assert accepted.verdict != "refused"


def test_errors_themselves_can_be_compared(fest: Fest) -> None:
    first, second = pairs(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, failed=40)))
    comparison = compare(first, second, [parse_metric("errors")], interleaved=True)
    assert codes(comparison) == []
    assert comparison.verdict == "regressed"
    assert comparison.exit_code == 1


@pytest.mark.parametrize(
    "change,figure",
    [
        ({"size": 20_600}, "/events: 21,138 / 20,600 bytes"),
        ({"status": 303}, "/events: status 200 in 100 % / 0 % of its responses"),
        (
            {"bodies": (1, 2)},
            "/events: 0 % of its bodies occur on both sides, though 100 % recur on one side",
        ),
    ],
)
def test_other_responses_are_refused_unless_they_are_accepted(
    fest: Fest, change: dict[str, int], figure: str
) -> None:
    first, second = pairs(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, **change)))  # type: ignore[arg-type]
    comparison = compare(first, second, P95, interleaved=True)
    assert codes(comparison) == ["responses-differ"]
    assert comparison.refusals[0].figure == figure
    accepted = compare(first, second, P95, interleaved=True, accepted={"responses-differ"})
    assert codes(accepted) == []
    assert "responses-differ" in [flag.code for flag in accepted.flags]


@pytest.mark.parametrize("bodies", [(BODY, 1), (BODY, *range(100, 105))])
def test_a_page_with_one_known_body_in_six_is_the_same(fest: Fest, bodies: tuple[int, ...]) -> None:
    assert (
        refused(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, bodies=bodies))) == []
    )


@pytest.mark.parametrize("size,expected", [(3_180, []), (3_280, ["responses-differ"])])
def test_pages_that_differ_for_every_visitor_are_compared_by_their_size(
    fest: Fest, size: int, expected: list[str]
) -> None:
    def personal(name: str, answers: Answers) -> Run:
        return fest.run(
            name, replace(answers, bodies=unique_bodies(name), size=3_144 if name[0] == "a" else size)
        )

    assert refused(fest, personal, personal) == expected


def unique_bodies(name: str) -> range:
    """Return bodies that no other run has, one for each request."""
    return range(1_000 * ord(name[0]) + 10_000_000 * int(name[1:]), 2**32)[:700]


def test_a_page_that_became_the_same_for_all_visitors_is_another_page(fest: Fest) -> None:
    def personal(name: str, answers: Answers) -> Run:
        return fest.run(name, replace(answers, bodies=unique_bodies(name)))

    for before, after, figure in (
        (personal, fest.run, "0 % / 100 %"),
        (fest.run, personal, "100 % / 0 %"),
    ):
        first, second = pairs(fest, before, after)
        comparison = compare(first, second, P95, interleaved=True)
        assert codes(comparison) == ["responses-differ"]
        assert (
            comparison.refusals[0].figure
            == f"/events: {figure} of its bodies recur in other runs of their side"
        )
        for run in (*first, *second):
            shutil.rmtree(run.folder)


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ((2_900, 3_000, 3_100), []),
        ((3_000,), ["responses-differ"]),
        ((2_500, 3_000, 3_500), ["responses-differ"]),
    ],
)
def test_pages_of_the_same_mean_size_are_compared_by_their_smallest_and_largest(
    fest: Fest, sizes: tuple[int, ...], expected: list[str]
) -> None:
    def personal(name: str, answers: Answers) -> Run:
        own = (2_900, 3_000, 3_100) if name[0] == "a" else sizes
        return fest.run(name, replace(answers, bodies=unique_bodies(name), sizes=own))

    assert refused(fest, personal, personal) == expected


@pytest.mark.parametrize("cpu,expected", [(0.75, []), (0.85, ["generator-saturated"])])
def test_a_saturated_load_generator_is_refused(fest: Fest, cpu: float, expected: list[str]) -> None:
    assert refused(fest, fest.run, lambda name, answers: fest.run(name, answers, cpu=cpu)) == expected


def test_processor_time_is_shared_by_the_workers(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, answers, replace(fest.plan, workers=2), cpu=1.5)

    assert refused(fest, kept_run, kept_run) == []


@pytest.mark.parametrize("late,expected", [(0.025, []), (0.045, ["generator-saturated"])])
def test_runs_are_refused_if_half_of_the_metric_is_send_delay(
    fest: Fest, late: float, expected: list[str]
) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, replace(answers, late=late, late_every=1))

    # The p95 of the usual answers is 33 ms.
    assert refused(fest, fest.run, kept_run) == expected


def test_a_few_very_late_requests_do_not_affect_a_p95(fest: Fest) -> None:
    assert refused(fest, fest.run, lambda name, answers: fest.run(name, replace(answers, late=0.5))) == []


def test_names_that_contain_a_visitors_value_are_refused(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, replace(answers, steps=[f"/events?user={number}" for number in range(350)]))

    first, second = pairs(fest, kept_run, kept_run)
    comparison = compare(first, second, [parse_metric("p95")], interleaved=True)
    assert codes(comparison) == ["many-names"]
    assert comparison.refusals[0].figure == "350 names, most of them with 2 requests"


def test_a_journey_of_many_steps_has_many_requests_of_each(fest: Fest) -> None:
    def kept_run(name: str, answers: Answers) -> Run:
        return fest.run(name, replace(answers, steps=[f"/step/{number}" for number in range(70)]))

    first, second = pairs(fest, kept_run, kept_run)
    assert codes(compare(first, second, [parse_metric("p95")], interleaved=True)) == []

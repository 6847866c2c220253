"""Each refusal and flag on real runs: one selection of runs that causes it, and one that nearly does.

test_refusals.py and test_flags.py check the exact limits on generated runs. These tests show that recorded runs have
the properties behind the limits. A selection of one run per side is also refused as too few; only the finding in
question is checked.
"""

from collections.abc import Sequence

import pytest

from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare, is_interleaved
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.refusals import REFUSALS
from tests.rehearsal.real_runs import PAIRS, run_all

ONE = [f"one {number}" for number in range(PAIRS)]
TWO = [f"two {number}" for number in range(PAIRS)]
MEAN = "mean(/page)"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    return run_all(tmp_path_factory.mktemp("real"))


def compared(
    runs: dict[str, Run], before: Sequence[str], after: Sequence[str], metric: str = MEAN
) -> Comparison:
    first, second = ([runs[name] for name in side] for side in (before, after))
    return compare(
        first,
        second,
        [parse_metric(metric)],
        interleaved=len(first) < PAIRS or is_interleaved(first, second),
        # The real runs are made four at a time, to save time.
        accepted=["played-at-once"],
    )


def refusals(
    runs: dict[str, Run], before: Sequence[str], after: Sequence[str], metric: str = MEAN
) -> set[str]:
    comparison = compared(runs, before, after, metric)
    assert all(refusal.figure for refusal in comparison.refusals)
    return {refusal.code for refusal in comparison.refusals}


def flags(runs: dict[str, Run], before: Sequence[str], after: Sequence[str], metric: str = MEAN) -> set[str]:
    comparison = compared(runs, before, after, metric)
    assert all(flag.figure for flag in comparison.flags)
    return {flag.code for flag in comparison.flags}


REFUSED = {
    # The code: runs before and after that cause it, and runs that come near and do not.
    "run-cut": ((["one 0"], ["cut"]), (["one 0"], ["slow to come"])),
    "too-few-runs": ((ONE[:5], TWO[:5]), (ONE, TWO)),
    # A pair has a seed, and each side of it a server of its own at another address.
    "workload-differs": ((["one 0", "one 1"], ["two 0", "two 2"]), (["one 0", "one 1"], ["two 1", "two 0"])),
    "builds-mixed": ((["one 0", "two 0"], ["two 1", "two 2"]), (["one 0", "one 1"], ["two 0", "two 1"])),
    # Each site names the product that it runs on; only some name the build.
    "same-build": ((ONE[:2], ONE[2:4]), (["failing"], ["accepting"])),
    "many-names": ((["named by value"], ["named by value"]), (["named by one of twelve"],) * 2),
    "too-many-failures": ((["failing often"],) * 2, (ONE, TWO)),
    "error-rates-differ": ((["one 0"], ["failing"]), (ONE, TWO)),
    "generator-saturated": ((["open and computing"],) * 2, (["open"], ["open"])),
}
USUAL = [([name], [name]) for name in (*ONE, *TWO)]
FLAGGED = {
    # The code: runs before and after that cause it, and choices of which one at least does not. That is all of them on
    # a machine that does nothing else, and of twelve usual runs some on any other.
    "warm-up-not-cut": ((["cold"], ["cold"]), USUAL),
    "connection-outliers": ((["slow to connect"],) * 2, USUAL[PAIRS:]),
    "coordinated-omission": ((["frozen"],) * 2, [(["frozen before the patient"],) * 2, *USUAL]),
    "phase-lock": ((["paced"],) * 2, USUAL),
    "mix-shifted": ((["one 0"], ["at times onward"]), [(ONE, TWO), *USUAL]),
    "drift": ((["slower in the end"],) * 2, USUAL),
    "littles-law-off": ((["several at once"],) * 2, [(["restless"],) * 2]),
    # One that was due in the last moment is one of a thousand or two.
    "arrivals-dropped": ((["open with three people"],) * 2, [(["open", *ONE], TWO)]),
    "sent-late": ((["open and hesitating"],) * 2, [(["open"], ["open"])]),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_is_caused_by_runs_that_have_its_reason_and_not_by_those_that_nearly_have(
    runs: dict[str, Run], code: str
) -> None:
    cause, near = REFUSED[code]
    assert code in refusals(runs, *cause)
    assert code not in refusals(runs, *near)


@pytest.mark.parametrize("after", [["accepting"], ["shrunk"]])
def test_other_statuses_and_other_sizes_are_other_responses(runs: dict[str, Run], after: list[str]) -> None:
    assert "responses-differ" in refusals(runs, ["one 0"], after)


def test_another_page_for_all_visitors_is_another_response_and_a_visitors_own_is_not(
    runs: dict[str, Run],
) -> None:
    assert "responses-differ" in refusals(runs, ONE[:2], ["another page 1", "another page 2"])
    assert "responses-differ" not in refusals(runs, ONE, TWO)


def test_a_percentile_takes_as_many_requests_as_lie_beyond_it(runs: dict[str, Run]) -> None:
    many = ["frozen"]  # the quickest of all, apart from its freeze
    count = len(runs["frozen"].measured())
    most = max(share for share in range(500, 1000) if min_requests(share / 1000) <= count)
    assert "too-few-samples" not in refusals(runs, many, many, f"p{most / 10:g}")
    assert "too-few-samples" in refusals(runs, many, many, f"p{(most + 1) / 10:g}")


def test_runs_that_overlap_are_refused_and_the_first_and_the_last_are_not(
    runs: dict[str, Run],
) -> None:
    def refused(one: Run, other: Run) -> set[str]:
        return {
            finding.code
            for finding in compare([one], [other], [parse_metric(MEAN)], interleaved=True).refusals
        }

    first, second, *_, last = sorted(runs.values(), key=lambda run: run.began)
    assert "played-at-once" in refused(first, second)
    assert "played-at-once" in refused(second, first)
    assert "played-at-once" not in refused(first, last)


def test_pairs_of_two_builds_that_differ_in_little_are_judged(runs: dict[str, Run]) -> None:
    comparison = compared(runs, ONE, TWO)
    assert comparison.refusals == ()
    assert comparison.primary is not None


@pytest.mark.parametrize("code", FLAGGED)
def test_a_flag_is_caused_by_runs_that_have_its_reason_and_not_by_those_that_nearly_have(
    runs: dict[str, Run], code: str
) -> None:
    cause, nearly = FLAGGED[code]
    assert code in flags(runs, *cause)
    assert not all(code in flags(runs, *near) for near in nearly)


def test_a_start_without_a_warm_up_and_users_that_start_after_it_are_flagged(runs: dict[str, Run]) -> None:
    for name in ("named by value", "slow to come"):
        assert "warm-up-not-cut" in flags(runs, [name], [name])


def test_an_open_loop_omits_nothing_when_the_target_freezes(runs: dict[str, Run]) -> None:
    assert "coordinated-omission" not in flags(runs, ["open with three people"], ["open with three people"])


def test_runs_of_one_build_after_those_of_the_other_are_flagged_and_those_in_turn_are_not(
    runs: dict[str, Run],
) -> None:
    in_order = sorted((*ONE, *TWO), key=lambda name: runs[name].began)
    assert "not-interleaved" in flags(runs, in_order[:PAIRS], in_order[PAIRS:])
    assert "not-interleaved" not in flags(runs, in_order[::2], in_order[1::2])


def test_a_rate_that_the_load_sets_is_flagged_and_one_that_the_target_sets_is_not(
    runs: dict[str, Run],
) -> None:
    assert "rate-is-given" in flags(runs, ["open"], ["open"], "rate")
    assert "rate-is-given" in flags(runs, ONE, TWO, "rate")
    assert "rate-is-given" not in flags(runs, ["restless"], ["restless"], "rate")


def test_the_processor_time_of_a_target_that_was_only_an_address_is_refused(runs: dict[str, Run]) -> None:
    assert "target-unseen" in refusals(runs, ONE, TWO, "cpu")
    assert "target-unseen" not in refusals(runs, ONE, TWO)


def test_a_step_with_hardly_any_requests_is_flagged(runs: dict[str, Run]) -> None:
    own = "mean(/mine)"
    assert "one-row-of-many" in flags(runs, ["rarely onward"], ["rarely onward"], own)
    assert "one-row-of-many" not in flags(runs, ["at times onward"], ["at times onward"], own)


def test_a_page_that_differs_for_each_visitor_is_reported_as_not_compared(runs: dict[str, Run]) -> None:
    assert "responses-not-compared" in flags(runs, ONE, TWO, "mean(/mine)")
    assert "responses-not-compared" in flags(runs, ONE, TWO, "mean")
    assert "responses-not-compared" not in flags(runs, ONE, TWO, "mean(/page)")


def test_fewer_arrivals_than_were_planned_are_flagged(runs: dict[str, Run]) -> None:
    assert "littles-law-off" in flags(runs, ["open with three people"], ["open with three people"])
    assert "littles-law-off" not in flags(runs, ["open"], ["open"])


def test_every_refusal_and_every_flag_is_caused_here() -> None:
    apart = {"responses-differ", "too-few-samples", "target-unseen", "played-at-once"}
    apart |= {"not-interleaved", "rate-is-given", "one-row-of-many", "responses-not-compared"}
    assert {*REFUSED, *FLAGGED} | apart == {check.code for check in (*REFUSALS, *FLAGS)}

"""The verdict that follows from responses, times and counts, and the findings that report their disagreement."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.lab.verify import __file__ as package
from festgate.lab.verify.behaviour import Difference
from festgate.lab.verify.findings import MEANINGS
from festgate.lab.verify.outputs import as_gradescope, headline, not_verified
from festgate.lab.verify.processor import ProcessorTime
from festgate.lab.verify.timing import MAX_SECONDS, MIN_SECONDS, seconds_for, total_seconds
from festgate.lab.verify.verdicts import RouteVerdict, judge_route
from festgate.lab.verify.work import SIZES, RequestCount, Work, compare_work
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare
from tests.rehearsal.synthetic_runs import Fest
from tests.rules.project import ROOT

STARTER = {"instructions": 35_000, "statements": 1, "rows": 9, "steps": 87, "calls": 400}
LINEAR = {"instructions": 1.0, "statements": 0.0, "rows": 1.0, "steps": 1.0}
CAPPED = STARTER | {"instructions": 400_000}


def work(counts: Mapping[str, int], growth: Mapping[str, float] = LINEAR) -> Work:
    """Return work whose instructions at each size grow as that power of it, and are `counts` at nine events."""
    usual, steps = counts["instructions"], {"steps": counts["steps"]}
    by_size = [
        {"instructions": round(usual * (size / 9) ** growth["instructions"]), **steps}
        for size in (SIZES if growth else ())
    ]
    return Work("/events", RequestCount(counts, {}, usual >= 400_000, busy=False), True, growth, by_size)


QUICK = work(STARTER | {"instructions": 500})
SAME = work(STARTER)
SLOW = work(CAPPED, {})


@pytest.fixture
def timed(tmp_path: Path) -> "Times":
    return Times(tmp_path)


class Times:
    """Comparisons of six pairs of runs."""

    def __init__(self, folder: Path) -> None:
        """Write the runs into the folder."""
        self._folder = folder

    def __call__(self, slower: float, requests: int = 700) -> Comparison:
        """Compare two apps; the median of the second is `slower` times the first's."""
        fest = Fest(
            self._folder / str(len(list(self._folder.iterdir()))),
            Plan("x", "http://127.0.0.1:1", Users(1, 1.0), 10.0, 2.0),
        )
        sides: dict[str, list[Run]] = {"before": [], "after": []}
        for number in range(6):
            for side, factor in (("before", 1.0), ("after", slower)):
                seed = 10 * number + (side == "after")
                answers = fest.usual(seed, slower=factor, requests=requests)
                plan = replace(fest.plan, seed=number)
                sides[side].append(fest.run(f"{number}{side}", answers, plan, {"build": side}))
        metrics = [parse_metric("p50(/events)")]
        return compare(sides["before"], sides["after"], metrics, interleaved=True)


def judge(
    counts: tuple[Work, Work] | None,
    time: Comparison | None,
    processor: tuple[float, float] | None = None,
    *,
    changed: bool = True,
) -> tuple[RouteVerdict, list[str]]:
    """Return the verdict and the codes of further findings."""
    verdict, findings = judge_route(
        "events",
        "/events",
        changed=changed,
        differences=(),
        work=counts,
        time=time,
        processor=None if processor is None else ProcessorTime(*([time] * 7 for time in processor)),
    )
    return verdict, [finding.code for finding in findings]


def test_time_and_work_that_agree_give_the_share_with_its_interval(timed: Times) -> None:
    verdict, codes = judge((SLOW, QUICK), timed(0.05))
    assert (verdict.verdict, verdict.by, codes) == ("improved", ("time", "work"), [])
    assert verdict.time is not None
    assert verdict.time.low < -0.95 < verdict.time.high < -0.94
    assert headline(verdict).startswith("improved by 95.0 % [94.")
    verdict, codes = judge((SAME, work(STARTER | {"instructions": 90_000})), timed(1.6))
    assert (verdict.verdict, verdict.by, codes) == ("worse", ("time", "work"), [])


def test_work_decides_when_the_saving_is_too_small_for_the_timing(timed: Times) -> None:
    verdict, codes = judge((SAME, QUICK), timed(1.0))
    assert (verdict.verdict, verdict.by, codes) == ("improved", ("work",), [])
    assert "too small to measure over HTTP" in verdict.reasons[-1]
    assert headline(verdict) == "improved: 98.6 % fewer instructions, counted"


def test_contradictions_of_work_and_time_are_reported(timed: Times) -> None:
    # Half a second of instructions is gone but the time is the same: the work moved to where it is not counted.
    verdict, codes = judge((SLOW, QUICK), timed(1.0))
    assert (verdict.verdict, codes) == ("unchanged", ["work-elsewhere"])
    verdict, codes = judge((SAME, QUICK), timed(1.5))
    assert (verdict.verdict, codes) == ("worse", ["work-elsewhere"])
    verdict, codes = judge((SAME, SAME), timed(0.5))
    assert (verdict.verdict, codes) == ("improved", ["time-without-work"])


def test_with_too_few_requests_the_work_decides(timed: Times) -> None:
    verdict, _ = judge((SLOW, QUICK), timed(0.05, requests=40))
    assert (verdict.verdict, verdict.by, verdict.time) == ("improved", ("work",), None)
    assert verdict.reasons[0].startswith("The timing is inconclusive: ")
    assert "40 requests in a run" in verdict.reasons[0]
    assert headline(verdict) == "improved: at least 99.9 % fewer instructions, counted"


def test_without_counts_time_decides_alone_and_without_both_nothing_is_improved(timed: Times) -> None:
    verdict, _ = judge(None, timed(0.5))
    assert (verdict.verdict, verdict.by) == ("improved", ("time",))
    verdict, _ = judge(None, None)
    assert verdict.verdict == "unchanged"


def test_unchanged_code_is_unchanged_and_a_different_response_is_wrong() -> None:
    verdict, _ = judge((SLOW, SLOW), None, changed=False)
    assert (verdict.verdict, verdict.by) == ("unchanged", ("code",))
    difference = Difference("/events", "rows-dropped", "GET /events", "1 row (a)", "no rows")
    wrong, _ = judge_route(
        "events", "/events", changed=True, differences=[difference] * 3, work=(SLOW, QUICK), time=None
    )
    assert wrong.verdict == "wrong"
    assert wrong.reasons == (
        "GET /events: expected 1 row (a), got no rows.",
        "2 more of its responses differ.",
    )


@pytest.mark.parametrize(
    "after, change",
    [
        (STARTER, "same"),
        (STARTER | {"instructions": 34_000}, "same"),
        (STARTER | {"instructions": 20_000}, "less"),
        (STARTER | {"instructions": 20_000, "statements": 10}, "mixed"),
        (STARTER | {"statements": 2}, "more"),
        (STARTER | {"rows": 18}, "more"),
        (STARTER | {"steps": 9}, "same"),
        (STARTER | {"instructions": 36_900}, "more"),
        (CAPPED, "more"),
    ],
)
def test_work_is_less_only_when_no_count_is_more(after: dict[str, int], change: str) -> None:
    assert compare_work(SAME, work(after)) == change


def test_faster_growth_is_a_finding_and_the_number_of_events_from_which_it_is_slower(timed: Times) -> None:
    quadratic = work(QUICK.usual.counts, LINEAR | {"instructions": 2.0})
    for time, start in ((timed(0.5), "improved by "), (None, "improved: 98.6 %")):
        verdict, codes = judge((SAME, quadratic), time)
        assert (verdict.verdict, codes) == ("improved", ["grows-faster"])
        # 35,000 / 9 instructions for each event, and 500 / 81 for each pair: the same for 630 events.
        assert verdict.slower_from == 630
        assert "From about 630 events on it is slower than the starter" in verdict.reasons[-1]
        assert "instructions by a power of 2.0." in verdict.reasons[-1]
        assert headline(verdict).startswith(start)
        assert headline(verdict).endswith(", and slower from about 630 events on")
    # The starter's count stopped at the limit, so the two cross later.
    verdict, _ = judge((SLOW, quadratic), None)
    assert "From more than about 260 events on" in verdict.reasons[-1]
    # More work already with the starter's data.
    verdict, codes = judge((QUICK, work(STARTER, LINEAR | {"instructions": 2.0})), None)
    assert (verdict.verdict, codes) == ("worse", ["grows-faster"])


def test_growth_of_a_lower_order_is_no_finding() -> None:
    for growth in ({"instructions": 1.3}, {"statements": 1.0}):
        verdict, codes = judge((SAME, work(QUICK.usual.counts, LINEAR | growth)), None)
        assert (verdict.verdict, codes, verdict.slower_from) == ("improved", [], 0)
    quadratic = LINEAR | {"instructions": 2.0}
    # So is the growth that the starter has, too.
    verdict, codes = judge((work(STARTER, quadratic), work(QUICK.usual.counts, quadratic)), None)
    assert (verdict.verdict, codes) == ("improved", [])


@pytest.mark.parametrize(
    "after, processor, verdict, by, codes",
    [
        # A loop of three million turns, and of 600,000: both counts stopped at the limit.
        (SLOW, (200.0, 40.0), "improved", ("processor",), []),
        (SLOW, (200.0, 170.0), "unchanged", ("processor", "work"), []),
        (SLOW, (200.0, 400.0), "worse", ("processor",), []),
        # The work moved into one call of C, which counts as one instruction.
        (QUICK, (200.0, 60.0), "improved", ("processor", "work"), []),
        (QUICK, (200.0, 190.0), "unchanged", ("processor", "work"), ["work-elsewhere"]),
        (QUICK, (200.0, 700.0), "worse", ("processor",), ["work-elsewhere"]),
    ],
)
def test_without_timing_the_processor_time_sees_what_the_counts_do_not(
    after: Work,
    processor: tuple[float, float],
    verdict: str,
    by: tuple[str, ...],
    codes: list[str],
) -> None:
    judgement, found_codes = judge((SLOW, after), None, processor)
    assert (judgement.verdict, judgement.by, found_codes) == (verdict, by, codes)
    assert judgement.reasons[-1].startswith("Processor time of one request: from 200.0 ms to ")


def test_the_counts_decide_about_a_saving_too_small_for_the_processor_time() -> None:
    for processor in ((3.0, 2.9), (3.0, 3.5)):
        verdict, codes = judge((SAME, QUICK), None, processor)
        assert (verdict.verdict, verdict.by, codes) == ("improved", ("work",), [])
    verdict, codes = judge((SAME, QUICK), None, (3.0, 9.0))
    assert (verdict.verdict, codes) == ("worse", ["work-elsewhere"])
    assert headline(verdict) == "worse: 200.0 % more processor time"
    verdict, codes = judge((SAME, SAME), None, (3.0, 1.0))
    assert (verdict.verdict, codes) == ("improved", ["time-without-work"])
    assert headline(verdict) == "improved: 66.7 % less processor time"


@pytest.mark.parametrize(
    "before, after, change",
    [
        # A busy machine: the same code, on a core that it shares for a part of the time.
        ([209, 200, 197, 177, 220, 214, 186], [194, 130, 214, 129, 125, 122, 125], "same"),
        ([126, 130, 205, 138, 126, 130, 125], [190, 130, 207, 203, 128, 206, 138], "same"),
        ([209, 200, 197, 177, 220, 130, 186], [44, 27, 41, 60, 39, 180, 41], "less"),
        ([20, 31, 33, 90, 25, 26, 27], [150, 140, 30, 170, 130, 150, 131], "more"),
    ],
)
def test_processor_time_differs_only_when_the_samples_are_apart(
    before: list[float], after: list[float], change: str
) -> None:
    assert ProcessorTime(before, after).change == change


@pytest.mark.parametrize(
    "before, after, settled",
    [
        ([60] * 7, [30] * 7, True),
        ([60] * 7, [62] * 7, True),
        # Half of the work, measured while other programs used the core.
        ([60, 61, 59, 62, 60, 40, 41], [30, 31, 44, 43, 45, 30, 31], False),
        (
            [60, 61, 59, 62, 60, 40, 41] * 3,
            [30, 31, 31, 30, 31, 30, 31] * 2 + [30, 31, 44, 43, 45, 30, 31],
            True,
        ),
    ],
)
def test_samples_that_neither_differ_nor_agree_call_for_more(
    before: list[float], after: list[float], settled: bool
) -> None:
    assert ProcessorTime(before, after).is_settled is settled


def test_timing_decides_where_it_was_measured(timed: Times) -> None:
    verdict, _ = judge((SLOW, SLOW), timed(0.2), (200.0, 400.0))
    assert (verdict.verdict, verdict.by, verdict.processor) == ("improved", ("time",), None)


def test_an_app_that_does_not_become_idle_is_reported() -> None:
    restless = replace(SAME, usual=replace(SAME.usual, busy=True))
    verdict, codes = judge((SAME, restless), None)
    assert (verdict.verdict, codes) == ("unchanged", ["busy-without-requests"])


def test_a_run_is_as_long_as_a_median_of_the_slower_app_needs_and_all_end_in_time() -> None:
    assert seconds_for([(150.0, 3.0), (70.0, 70.0)]) == MAX_SECONDS
    assert seconds_for([(90.0, 3.0), (10.0, 10.0)]) == pytest.approx(2 * 60 * 0.1)
    assert seconds_for([(1.0, 1.0)]) == MIN_SECONDS
    assert seconds_for([(2_000.0, 1.0), (float("nan"), 1.0)]) == MAX_SECONDS
    assert total_seconds(6, MAX_SECONDS) < 330


def test_gradescope_gets_points_for_each_route_and_for_the_other_pages() -> None:
    finding = {"code": "rows-dropped", "route": "/events", "meaning": "Fewer.", "figure": "GET /events"}
    routes = [
        {"route": "/checkout", "verdict": "improved", "headline": "improved", "said": ["Time."]},
        {"route": "/events", "verdict": "wrong", "headline": "wrong", "said": ["No."]},
    ]
    results = {
        "routes": routes,
        "others_alike": True,
        "findings": [finding],
        "notes": ["A note."],
        "seconds": 12.4,
    }
    converted = as_gradescope(results)
    # https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
    assert set(converted) <= {
        "score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "extra_data",
        "tests", "leaderboard",
    }  # fmt: skip
    assert (converted["score"], converted["execution_time"], converted["output"]) == (4.0, 12, "A note.")
    for test in converted["tests"]:
        assert set(test) <= {
            "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags",
            "visibility", "extra_data",
        }  # fmt: skip
        assert test["visibility"] in {"hidden", "after_due_date", "after_published", "visible"}
    assert [(test["score"], test["max_score"], test["status"]) for test in converted["tests"]] == [
        (3.0, 3.0, "passed"),
        (0.0, 3.0, "failed"),
        (1.0, 1.0, "passed"),
    ]
    assert "rows-dropped: Fewer. (GET /events)" in converted["tests"][1]["output"]
    assert not_verified("No main.py.")["tests"][0]["output"] == "No main.py."


def test_every_finding_with_a_meaning_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(package).parent.glob("*.py"))
    assert {finding for finding in MEANINGS if code.count(f'"{finding}"') > 1} == set(MEANINGS)


def test_the_how_to_has_every_finding_with_its_meaning() -> None:
    page = (ROOT / "docs" / "how-to" / "check-submissions.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == MEANINGS

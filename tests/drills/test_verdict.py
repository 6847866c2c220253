"""The verdict on drills, on recordings whose impact is known."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.drills.file import find_drill
from festgate.drills.monitor import PageSample, ReadinessSample
from festgate.drills.plan import Tolerance
from festgate.drills.sentences import states_of_modules, summary
from festgate.drills.stage import CheckResult
from festgate.rehearsal.http_client import HttpResponse
from tests.drills.recorded import ARMED, BEGAN, ENDED, is_faulted, record

UNAVAILABLE: Mapping[str, object] = {"status": 503, "failed": True}
ERROR: Mapping[str, object] = {"status": 500, "failed": True}
CUT: Mapping[str, object] = {"status": 0, "failed": True}
UNFINISHED: Mapping[str, object] = {"status": 200, "failed": True}
CHECKOUT = ("/checkout", "POST /checkout", "/orders/{ref}")


def checkout_unavailable(step: str, at: float) -> Mapping[str, object]:
    """Make checkout unavailable while it is faulted."""
    return UNAVAILABLE if step in CHECKOUT and is_faulted(at) else {}


def test_a_fault_that_makes_only_its_module_unavailable_is_contained(tmp_path: Path) -> None:
    outcome = record(tmp_path / "run", checkout_unavailable).outcome()
    assert outcome.leaks == ()
    assert outcome.contained
    assert outcome.after(outcome.noticed) == pytest.approx(0.0, abs=0.2)
    assert outcome.after(outcome.contained_at) == 0.0
    assert outcome.recovered == pytest.approx(ENDED)
    assert {step.step for step in outcome.steps if step.unavailable} == set(CHECKOUT)
    assert sum(step.unavailable for step in outcome.steps) == 3 * 8 * 8
    assert states_of_modules(outcome)["checkout"] == "unavailable"
    assert "No other visitor was affected" in summary(outcome)[0]


@pytest.mark.parametrize(
    "fields",
    [ERROR, UNAVAILABLE, CUT, UNFINISHED],
    ids=["an error", "come back later", "no response", "an incomplete page"],
)
def test_other_visitors_who_do_not_get_their_page_are_a_leak_that_names_the_step(
    tmp_path: Path, fields: Mapping[str, object]
) -> None:
    def spilled(step: str, at: float) -> Mapping[str, object]:
        return fields if step == "/my-events" and 16 <= at < 17 else checkout_unavailable(step, at)

    outcome = record(tmp_path / "run", spilled).outcome()
    (leak,) = outcome.leaks
    assert leak.what.startswith("/my-events is outside the allowed blast radius")
    assert "8 times" in leak.what
    assert outcome.after(outcome.contained_at) == pytest.approx(1.885, abs=0.02)


def test_a_receipt_without_its_payment_is_no_error_of_the_faulted_module(tmp_path: Path) -> None:
    outcome = record(
        tmp_path / "run", lambda step, at: UNFINISHED if step == "/orders/{ref}" and is_faulted(at) else {}
    ).outcome()
    assert outcome.contained
    assert sum(step.unfinished for step in outcome.steps) == 64
    assert sum(step.errors for step in outcome.steps) == 0
    assert states_of_modules(outcome)["checkout"] == "unavailable"
    assert "64 requests inside it showed that a payment or a ticket was not there yet" in summary(outcome)[0]


def test_an_error_of_the_faulted_module_is_a_leak_where_a_503_was_promised(tmp_path: Path) -> None:
    recorded = record(
        tmp_path / "run", lambda step, at: ERROR if step == "/checkout" and is_faulted(at) else {}
    )
    assert [leak.what for leak in recorded.outcome().leaks] == [
        "Visitors of /checkout got an error 64 times instead of a page with the time to try again."
    ]
    drill = recorded.journal.drill
    anyhow = replace(drill, tolerance=replace(drill.tolerance, manner="any"))
    assert recorded.outcome(drill=anyhow).contained


def test_others_who_wait_significantly_longer_are_a_leak_but_a_few_milliseconds_are_not(
    tmp_path: Path,
) -> None:
    def slower(seconds: float, every: int) -> object:
        def changed(step: str, at: float) -> Mapping[str, object]:
            late = step not in CHECKOUT and is_faulted(at) and round(at * 8) % every == 0
            return {"latency": seconds} if late else checkout_unavailable(step, at)

        return changed

    stalled = record(tmp_path / "stalled", slower(0.5, 4)).outcome()  # type: ignore[arg-type]
    assert stalled.others.slower
    assert [leak.what.split(" times")[0] for leak in stalled.leaks] == [
        f"Other visitors waited {stalled.others.ratio:.1f}"
    ]
    assert stalled.contained_at is None
    unnoticed = record(tmp_path / "unnoticed", slower(0.05, 4)).outcome()  # type: ignore[arg-type]
    assert unnoticed.others.ratio > 1.5
    assert "below the 100 ms that people notice" in unnoticed.others.why_not
    assert unnoticed.contained
    rare = record(tmp_path / "rare", slower(0.5, 32)).outcome()  # type: ignore[arg-type]
    assert rare.contained


def test_a_wait_that_other_programs_cause_is_reported_and_is_no_leak(tmp_path: Path) -> None:
    recorded = record(
        tmp_path / "run",
        lambda _step, at: {"latency": 0.2} if is_faulted(at) else {},
        drill="checkout-raises",
    )
    assert not recorded.outcome().contained
    # 10 ms plus 100 that nobody notices, stretched to 275 ms by the other programs on the machine.
    busy = recorded.outcome(busy=0.6)
    assert busy.contained
    assert busy.others.why_not == "other programs used 60 % of this machine, which explains the difference"
    assert not recorded.outcome(busy=0.3).contained


def test_an_impact_within_the_time_that_a_drill_allows_for_containment_is_no_leak(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", lambda _step, at: {"latency": 0.6} if ARMED <= at < ARMED + 2 else {})
    drill = recorded.journal.drill
    patient = replace(drill, tolerance=replace(drill.tolerance, contained_within=3.0))
    outcome = recorded.outcome(drill=patient)
    assert outcome.contained
    assert outcome.after(outcome.contained_at) == pytest.approx(2.0)
    assert not recorded.outcome().contained


def test_a_fault_that_the_portal_does_not_report_is_a_leak(tmp_path: Path) -> None:
    recorded = record(
        tmp_path / "run", noticed=None, pages=[PageSample(BEGAN + 16, 0.01, HttpResponse(200, {}, b""))]
    )
    assert "The portal never reported that checkout is unavailable" in recorded.outcome().leaks[0].what
    late = [
        ReadinessSample(BEGAN + ARMED + 6, recorded.journal.readiness[0].readiness),
        *record(tmp_path / "two", noticed=21.0).journal.readiness,
    ]
    assert "took 6.0 s to report" in recorded.outcome(readiness=late).leaks[0].what


def test_a_refusal_without_a_way_onward_is_a_leak(tmp_path: Path) -> None:
    bare = PageSample(BEGAN + ARMED + 1, 0.01, HttpResponse(503, {}, b"<nav>"))
    silent = PageSample(BEGAN + ARMED + 2, 15.0, HttpResponse(0, {}, b""))
    recorded = record(tmp_path / "run", checkout_unavailable, pages=[bare])
    assert "got HTTP 503 without a page that helps, 1 of 1 times" in recorded.outcome().leaks[0].what
    assert "got no response" in recorded.outcome(pages=[silent]).leaks[0].what


def test_a_portal_that_does_not_recover_and_inconsistent_data_are_leaks(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", recovered=False)
    lost = CheckResult(clean=False, output="seat 7 is sold twice")
    outcome = recorded.outcome(deviation="not healthy: checkout", after=lost)
    assert [leak.what for leak in outcome.leaks] == [
        "The portal had not recovered 20 s after the rollback: not healthy: checkout.",
        "The data is no longer consistent: seat 7 is sold twice",
    ]


def test_only_the_requests_that_a_killed_worker_was_serving_may_be_lost(tmp_path: Path) -> None:
    def lost(step: str, at: float) -> Mapping[str, object]:
        return CUT if step == "/events" and 16 <= at < 16.5 else {}

    recorded = record(tmp_path / "cut", lost, drill="a-worker-is-killed")
    readiness = [
        ReadinessSample(BEGAN + at, recorded.journal.readiness[0].readiness, frozenset(workers))
        for at, workers in ((15.2, {1, 2}), (15.6, {2}), (16.4, {2, 3}), (24.0, {2, 3}))
    ]
    outcome = recorded.outcome(readiness=readiness, signalled=(1,), workers=2)
    assert outcome.contained
    assert outcome.after(outcome.noticed) == pytest.approx(0.6)
    assert outcome.after(outcome.recovered) == pytest.approx(1.4)
    assert sum(step.cut for step in outcome.steps) == 4
    failed = record(
        tmp_path / "failed", lambda step, at: ERROR if lost(step, at) else {}, drill="a-worker-is-killed"
    )
    assert not failed.outcome().contained


def test_requests_that_began_during_the_drill_before_do_not_count(tmp_path: Path) -> None:
    def hung(step: str, at: float) -> Mapping[str, object]:
        return {**UNAVAILABLE, "latency": 12.0} if step == "/events" and 4 <= at < 5 else {}

    recorded = record(tmp_path / "run", hung)
    assert recorded.outcome(since=BEGAN + 14.0).contained
    assert not recorded.outcome(since=BEGAN).contained


def test_every_step_may_be_affected_where_the_drill_allows_it(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", lambda _step, at: UNAVAILABLE if is_faulted(at) else {})
    drill = replace(find_drill("checkout-raises"), tolerance=Tolerance(affected=("*",), noticed_within=3.0))
    outcome = recorded.outcome(drill=drill)
    assert outcome.contained
    assert outcome.others.requests == 0
    assert math.isnan(outcome.others.ratio)
    assert outcome.recovered == pytest.approx(ENDED)


@pytest.mark.parametrize(
    "fields, counted",
    [(UNAVAILABLE, '"come back later" 8 times'), (CUT, "no response 8 times")],
    ids=["503", "cut"],
)
def test_expensive_text_that_makes_a_module_unavailable_for_a_second_is_not_contained(
    tmp_path: Path, fields: Mapping[str, object], counted: str
) -> None:
    def unavailable(step: str, at: float) -> Mapping[str, object]:
        return fields if step == "POST /login" and 16 <= at < 17 else {}

    outcome = record(tmp_path / "run", unavailable, "expensive-text").outcome()
    (leak,) = outcome.leaks
    assert not outcome.contained
    assert leak.what.startswith("POST /login is outside the allowed blast radius")
    assert counted in leak.what


def test_expensive_text_that_delays_everyone_is_not_contained(tmp_path: Path) -> None:
    def held(_step: str, at: float) -> Mapping[str, object]:
        return {"latency": 1.8} if is_faulted(at) else {}

    outcome = record(tmp_path / "run", held, "expensive-text").outcome()
    assert not outcome.contained
    assert any("Other visitors waited" in leak.what for leak in outcome.leaks)


def test_expensive_text_that_nobody_notices_is_contained(tmp_path: Path) -> None:
    outcome = record(tmp_path / "run", drill="expensive-text", noticed=None).outcome()
    assert outcome.leaks == ()
    assert outcome.contained

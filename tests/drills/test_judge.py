"""What was harmed and whether it was contained, on recordings whose truth is known."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.drills.file import find_drill
from festgate.drills.monitor import Look, Visit
from festgate.drills.plan import Tolerance
from festgate.drills.portal import Answer
from festgate.drills.sentences import in_words, modules_of
from festgate.drills.stage import Checked
from tests.drills.recorded import ARMED, BEGAN, ENDED, UNDONE, record, struck

RESTING: Mapping[str, object] = {"status": 503, "failed": True}
ERROR: Mapping[str, object] = {"status": 500, "failed": True}
CUT: Mapping[str, object] = {"status": 0, "failed": True}
UNFINISHED: Mapping[str, object] = {"status": 200, "failed": True}
CHECKOUT = ("/checkout", "POST /checkout", "/orders/{ref}")


def resting(step: str, at: float) -> Mapping[str, object]:
    """Checkout rests while it is struck."""
    return RESTING if step in CHECKOUT and struck(at) else {}


def test_a_module_that_rests_while_the_others_are_served_is_contained(tmp_path: Path) -> None:
    outcome = record(tmp_path / "run", resting).outcome()
    assert outcome.leaks == ()
    assert outcome.contained
    assert outcome.after(outcome.noticed) == pytest.approx(0.0, abs=0.2)
    assert outcome.after(outcome.contained_at) == 0.0
    assert outcome.recovered == pytest.approx(ENDED)
    assert {step.step for step in outcome.steps if step.resting} == set(CHECKOUT)
    assert sum(step.resting for step in outcome.steps) == 3 * 8 * 8
    assert modules_of(outcome)["checkout"] == "resting"
    assert "Nobody else was harmed" in in_words(outcome)[0]


@pytest.mark.parametrize(
    "answer",
    [ERROR, RESTING, CUT, UNFINISHED],
    ids=["an error", "come back later", "no answer", "a page without what they came for"],
)
def test_whatever_others_get_instead_of_their_page_is_a_leak_with_the_step(
    tmp_path: Path, answer: Mapping[str, object]
) -> None:
    def spilled(step: str, at: float) -> Mapping[str, object]:
        return answer if step == "/my-events" and 16 <= at < 17 else resting(step, at)

    outcome = record(tmp_path / "run", spilled).outcome()
    (leak,) = outcome.leaks
    assert leak.what.startswith("/my-events is not part of what was struck")
    assert "8 times" in leak.what
    assert outcome.after(outcome.contained_at) == pytest.approx(1.885, abs=0.02)


def test_a_receipt_that_says_that_nothing_is_paid_yet_is_no_error_of_what_was_struck(tmp_path: Path) -> None:
    outcome = record(
        tmp_path / "run", lambda step, at: UNFINISHED if step == "/orders/{ref}" and struck(at) else {}
    ).outcome()
    assert outcome.contained
    assert sum(step.unfinished for step in outcome.steps) == 64
    assert sum(step.errors for step in outcome.steps) == 0
    assert modules_of(outcome)["checkout"] == "resting"
    assert "64 of what was struck showed that a payment or a ticket was not there yet" in in_words(outcome)[0]


def test_an_error_of_the_struck_module_is_a_leak_where_a_503_was_promised(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", lambda step, at: ERROR if step == "/checkout" and struck(at) else {})
    assert [leak.what for leak in recorded.outcome().leaks] == [
        "Whoever asked for /checkout got an error 64 times, where a page that says when to come back was promised."
    ]
    drill = recorded.act.drill
    anyhow = replace(drill, tolerance=replace(drill.tolerance, manner="any"))
    assert recorded.outcome(drill=anyhow).contained


def test_others_who_wait_surely_longer_are_a_leak_and_a_few_milliseconds_are_none(tmp_path: Path) -> None:
    def slower(seconds: float, every: int) -> object:
        def changed(step: str, at: float) -> Mapping[str, object]:
            late = step not in CHECKOUT and struck(at) and round(at * 8) % every == 0
            return {"latency": seconds} if late else resting(step, at)

        return changed

    stalled = record(tmp_path / "stalled", slower(0.5, 4)).outcome()  # type: ignore[arg-type]
    assert stalled.others.slower
    assert [leak.what.split(" times")[0] for leak in stalled.leaks] == [
        f"Everybody else waited {stalled.others.ratio:.1f}"
    ]
    assert stalled.contained_at is None
    unnoticed = record(tmp_path / "unnoticed", slower(0.05, 4)).outcome()  # type: ignore[arg-type]
    assert unnoticed.others.ratio > 1.5
    assert "nobody notices" in unnoticed.others.why_not
    assert unnoticed.contained
    rare = record(tmp_path / "rare", slower(0.5, 32)).outcome()  # type: ignore[arg-type]
    assert rare.contained


def test_a_wait_that_other_programs_cause_is_told_and_is_no_leak(tmp_path: Path) -> None:
    recorded = record(
        tmp_path / "run", lambda _step, at: {"latency": 0.2} if struck(at) else {}, drill="checkout-raises"
    )
    assert not recorded.outcome().contained
    # Ten milliseconds and a hundred that nobody notices, stretched to 275 by a machine that is not ours.
    busy = recorded.outcome(busy=0.6)
    assert busy.contained
    assert busy.others.why_not == "other programs had 60 % of this machine, which explains as much"
    assert not recorded.outcome(busy=0.3).contained


def test_the_time_that_a_drill_gives_to_contain_it_is_not_held_against_it(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", lambda _step, at: {"latency": 0.6} if ARMED <= at < ARMED + 2 else {})
    drill = recorded.act.drill
    patient = replace(drill, tolerance=replace(drill.tolerance, contained=3.0))
    outcome = recorded.outcome(drill=patient)
    assert outcome.contained
    assert outcome.after(outcome.contained_at) == pytest.approx(2.0)
    assert not recorded.outcome().contained


def test_what_the_portal_does_not_say_by_itself_is_a_leak(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", noticed=None, visits=[Visit(BEGAN + 16, 0.01, Answer(200, {}, b""))])
    assert "The portal never said that checkout is not well" in recorded.outcome().leaks[0].what
    late = [
        Look(BEGAN + ARMED + 6, recorded.act.looks[0].readiness),
        *record(tmp_path / "two", noticed=21.0).act.looks,
    ]
    assert "said only after 6.0 s" in recorded.outcome(looks=late).leaks[0].what


def test_a_refusal_without_a_way_onward_is_a_leak(tmp_path: Path) -> None:
    bare = Visit(BEGAN + ARMED + 1, 0.01, Answer(503, {}, b"<nav>"))
    silent = Visit(BEGAN + ARMED + 2, 15.0, Answer(0, {}, b""))
    recorded = record(tmp_path / "run", resting, visits=[bare])
    assert "got HTTP 503 without a way onward, 1 of 1 times" in recorded.outcome().leaks[0].what
    assert "got no answer" in recorded.outcome(visits=[silent]).leaks[0].what


def test_what_does_not_come_back_and_data_that_is_not_sound_are_leaks(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", recovered=False)
    lost = Checked(clean=False, said="seat 7 is sold twice")
    said = [leak.what for leak in recorded.outcome(astray="not well: checkout", after=lost).leaks]
    assert said == [
        "20 s after everything was undone it was not as before: not well: checkout.",
        "The data is not sound any more: seat 7 is sold twice",
    ]


def test_what_a_struck_worker_had_in_hand_may_be_lost_and_nothing_else(tmp_path: Path) -> None:
    def lost(step: str, at: float) -> Mapping[str, object]:
        return CUT if step == "/events" and 16 <= at < 16.5 else {}

    recorded = record(tmp_path / "cut", lost, drill="a-worker-is-killed")
    looks = [
        Look(BEGAN + at, recorded.act.looks[0].readiness, frozenset(workers))
        for at, workers in ((15.2, {1, 2}), (15.6, {2}), (16.4, {2, 3}), (24.0, {2, 3}))
    ]
    outcome = recorded.outcome(looks=looks, struck=(1,), workers=2)
    assert outcome.contained
    assert outcome.after(outcome.noticed) == pytest.approx(0.6)
    assert outcome.after(outcome.recovered) == pytest.approx(1.4)
    assert sum(step.cut for step in outcome.steps) == 4
    failed = record(
        tmp_path / "failed", lambda step, at: ERROR if lost(step, at) else {}, drill="a-worker-is-killed"
    )
    assert not failed.outcome().contained


def test_what_was_begun_under_the_drill_before_is_not_counted(tmp_path: Path) -> None:
    def hung(step: str, at: float) -> Mapping[str, object]:
        return {**RESTING, "latency": 12.0} if step == "/events" and 4 <= at < 5 else {}

    recorded = record(tmp_path / "run", hung)
    assert recorded.outcome(since=BEGAN + 14.0).contained
    assert not recorded.outcome(since=BEGAN).contained


def test_every_step_may_be_harmed_where_the_drill_says_so(tmp_path: Path) -> None:
    recorded = record(tmp_path / "run", lambda _step, at: RESTING if struck(at) else {})
    drill = replace(find_drill("checkout-raises"), tolerance=Tolerance(harmed=("*",), noticed=3.0))
    outcome = recorded.outcome(drill=drill)
    assert outcome.contained
    assert outcome.others.requests == 0
    assert math.isnan(outcome.others.ratio)
    assert outcome.ended > UNDONE


@pytest.mark.parametrize(
    "answer, told",
    [(RESTING, '"come back later" 8 times'), (CUT, "no answer 8 times")],
    ids=["503", "cut"],
)
def test_expensive_text_that_makes_a_module_unavailable_for_a_second_is_not_contained(
    tmp_path: Path, answer: Mapping[str, object], told: str
) -> None:
    def unavailable(step: str, at: float) -> Mapping[str, object]:
        return answer if step == "POST /login" and 16 <= at < 17 else {}

    outcome = record(tmp_path / "run", unavailable, "expensive-text").outcome()
    (leak,) = outcome.leaks
    assert not outcome.contained
    assert leak.what.startswith("POST /login is not part of what was struck")
    assert told in leak.what


def test_expensive_text_that_holds_everybody_up_is_not_contained(tmp_path: Path) -> None:
    def held(_step: str, at: float) -> Mapping[str, object]:
        return {"latency": 1.8} if struck(at) else {}

    outcome = record(tmp_path / "run", held, "expensive-text").outcome()
    assert not outcome.contained
    assert any("Everybody else waited" in leak.what for leak in outcome.leaks)


def test_expensive_text_that_nobody_notices_is_contained(tmp_path: Path) -> None:
    outcome = record(tmp_path / "run", drill="expensive-text", noticed=None).outcome()
    assert outcome.leaks == ()
    assert outcome.contained

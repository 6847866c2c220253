"""The reference solution is improved on three routes and alike; each false friend is caught, and named.

Several false friends of different routes are handed in as one app: each is found on its own route.
"""

import re
from pathlib import Path

import pytest

from festgate.lab.verify.changes import changes_of
from festgate.lab.verify.verdicts import judge_route
from festgate.lab.verify.verification import Verification
from tests.lab import solutions
from tests.lab.verification import Desk, codes, counted, verdicts

IMPROVED = {"checkout": "improved", "events": "improved", "my-events": "improved"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def reference(desk: Desk) -> Verification:
    return desk.verified(desk.handed_in(solutions.reference))


@pytest.fixture(scope="module")
def at_once(desk: Desk) -> Verification:
    """Three false friends, one a route."""
    return desk.verified(
        desk.handed_in(
            solutions.reference, solutions.constant_page, solutions.shared_cache, solutions.fixed_total
        )
    )


@pytest.fixture(scope="module")
def rows_and_order(desk: Desk) -> Verification:
    """Rows dropped, a total that is quadratic, and a page besides that takes what it refused."""

    def anybody(lab: Path) -> None:
        solutions.edit(lab, "main.py", "event_id: int, user: str", "event_id: int, user: str = 'x'")

    return desk.verified(
        desk.handed_in(solutions.reference, solutions.dropped_rows, solutions.quadratic_total, anybody)
    )


@pytest.fixture(scope="module")
def failing(desk: Desk) -> Verification:
    """One route refuses everybody at once; checkout is quicker, and crashes."""

    def crash(lab: Path) -> None:
        solutions.edit(
            lab, "checkout/__init__.py", "    return total\n", f"{solutions.CRASH}    return total\n"
        )

    return desk.verified(desk.handed_in(solutions.reference, solutions.refused_at_once, crash))


def test_the_reference_solution_is_improved_on_three_routes_and_answers_alike(
    reference: Verification,
) -> None:
    assert verdicts(reference) == IMPROVED
    assert reference.passed
    assert reference.others_alike
    assert (reference.findings, reference.notes) == ((), ())


def test_work_is_counted_the_same_each_time_and_says_where_it_went(reference: Verification) -> None:
    checkout, events, mine = reference.routes
    assert checkout.work is not None
    before, after = checkout.work
    assert before.repeated
    assert after.repeated
    # 2,900 rupees, one by one, and then nine fees.
    assert before.usual.counts["instructions"] > 10 * 2_900
    assert after.usual.counts["instructions"] < 1_000
    assert [each.usual.counts["rows"] for each in (before, after)] == [9, 9]
    assert [each.usual.counts["statements"] for each in (before, after)] == [1, 1]
    assert "1 statement, 9 rows" in checkout.said[-1]
    for judged in (events, mine):
        assert judged.work is not None
        assert [each.usual.capped for each in judged.work] == [True, False]
        assert judged.work[1].growth == pytest.approx(
            {"instructions": 1, "statements": 0, "rows": 1, "steps": 1}, abs=0.1
        )


def test_a_page_that_stays_as_it_was_a_page_for_everybody_and_a_total_written_down_are_wrong(
    at_once: Verification,
) -> None:
    assert verdicts(at_once) == dict.fromkeys(IMPROVED, "wrong")
    found = codes(at_once)
    assert found["/events"] == {"constant-page"}
    assert "shared-answer" in found["/my-events"]
    assert found["/checkout"] == {"fixed-total"}
    assert at_once.others_alike
    assert not at_once.passed


def test_a_wrong_answer_is_told_with_what_was_asked_what_was_expected_and_what_came(
    at_once: Verification,
) -> None:
    checkout = at_once.routes[0]
    assert re.match(
        r"GET /checkout: amounts: ₹\d+ \(1\) was expected, amounts: ₹2900 \(1\) came\.", checkout.said[0]
    )


def test_dropped_rows_are_wrong_and_a_right_total_of_quadratic_work_is_worse(
    rows_and_order: Verification,
) -> None:
    assert verdicts(rows_and_order) == IMPROVED | {"events": "wrong", "checkout": "worse"}
    found = codes(rows_and_order)
    assert "rows-dropped" in found["/events"]
    assert found["/checkout"] == {"grows-faster"}
    checkout = rows_and_order.routes[0]
    assert checkout.by == ("work",)
    assert checkout.work is not None
    assert checkout.work[1].growth["instructions"] == pytest.approx(2, abs=0.1)
    assert "instructions with the power 2.0 of the rows" in checkout.said[-1]


def test_a_page_that_was_not_to_be_changed_counts_too(rows_and_order: Verification) -> None:
    assert not rows_and_order.others_alike
    assert codes(rows_and_order)["/register_event"] == {"others-differ"}


def test_what_refuses_at_once_and_what_still_crashes_is_wrong_however_quick(failing: Verification) -> None:
    assert verdicts(failing) == IMPROVED | {"events": "wrong", "checkout": "wrong"}
    assert codes(failing) == {"/events": {"fails-at-once"}, "/checkout": {"crash-left"}}
    assert "200 was expected, 422 came" in failing.routes[1].said[0]
    assert "200 was expected, 500 came" in failing.routes[0].said[0]


def test_a_crash_whose_error_is_swallowed_is_found_by_what_is_raised(desk: Desk) -> None:
    lab = desk.handed_in(solutions.reference, solutions.hidden_crash)
    work = counted(desk, lab, "checkout")["checkout"]
    judged, found = judge_route("checkout", changed=True, differences=(), work=work, time=None)
    assert judged.verdict == "wrong"
    assert [each.code for each in found] == ["crash-hidden"]


def quick_for_the_load(lab: Path) -> None:
    """Only whom the load asks as is spared the loop."""
    loop = solutions.LOOPS["my-events"]
    solutions.edit(
        lab, "main.py", loop, loop.replace("range(1_500_000)", "range(1_500_000 * (user != 'locust_user'))")
    )


@pytest.mark.parametrize(
    "base, change",
    [
        solutions.FALSE_FRIENDS["loop_in_middleware"],
        solutions.FALSE_FRIENDS["loop_in_dependency"],
        (solutions.mend, quick_for_the_load),
    ],
)
def test_a_loop_that_runs_elsewhere_or_for_others_than_the_load_is_still_counted(
    desk: Desk, base: solutions.Change, change: solutions.Change
) -> None:
    lab = desk.handed_in(base, change)
    assert changes_of(lab, lab).routes["my-events"]
    work = counted(desk, lab, "my-events")["my-events"]
    judged, found = judge_route("my-events", changed=True, differences=(), work=work, time=None)
    assert (judged.verdict, found) == ("unchanged", [])
    assert work[1].usual.capped


def test_work_in_another_thread_behind_the_answer_or_made_from_text_is_counted(desk: Desk) -> None:
    def elsewhere(lab: Path) -> None:
        loop = solutions.LOOPS["events"]
        solutions.edit(lab, "main.py", "FORM = {\n", f"def later() -> None:\n{loop}\n\nFORM = {{\n")
        solutions.edit(lab, "main.py", "from accounts", "import _thread\n\nfrom accounts")
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_EVENTS,
            f"    _thread.start_new_thread(later, ())\n{solutions.SHOW_EVENTS}",
        )
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_MINE,
            f'    exec("for n in range(3_000_000): n + 1")\n{solutions.SHOW_MINE}',
        )
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_TOTAL,
            '    answer = page(request, "checkout.html", total=total_payable())\n'
            "    answer.background = BackgroundTask(later)\n    return answer\n",
        )
        solutions.edit(
            lab,
            "main.py",
            "from registrations",
            "from starlette.background import BackgroundTask\nfrom registrations",
        )

    work = counted(desk, desk.handed_in(solutions.reference, elsewhere), "events", "my-events", "checkout")
    assert {name: after.usual.capped for name, (_, after) in work.items()} == dict.fromkeys(IMPROVED, True)


def test_pages_that_only_the_load_asks_for_bring_nothing(desk: Desk) -> None:
    verified = desk.verified(desk.handed_in(solutions.mend, solutions.pages_for_the_load))
    assert verdicts(verified) == dict.fromkeys(IMPROVED, "unchanged")
    assert codes(verified) == {"/events": {"load-changed"}}
    assert "user=locust_user&limit=3" in verified.findings[0].figure
    assert [each.by for each in verified.routes] == [("code",), ("work",), ("code",)]

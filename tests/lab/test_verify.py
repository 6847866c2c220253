"""The reference solution improves three routes and responds the same; each false improvement is found and named.

Several false improvements of different routes are submitted as one app: each is found on its own route.
"""

import re
import sys
from pathlib import Path

import pytest

from festgate.lab.verify.verification import CannotVerify, Verification
from tests.lab import solutions
from tests.lab.verification import Teacher, codes, verdicts

IMPROVED = {"checkout": "improved", "events": "improved", "my-events": "improved"}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return Teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def reference(teacher: Teacher) -> Verification:
    return teacher.verifies(teacher.receives(solutions.reference))


@pytest.fixture(scope="module")
def at_once(teacher: Teacher) -> Verification:
    """A false improvement of each route."""
    return teacher.verifies(
        teacher.receives(
            solutions.reference, solutions.constant_page, solutions.shared_cache, solutions.fixed_total
        )
    )


@pytest.fixture(scope="module")
def rows_and_order(teacher: Teacher) -> Verification:
    """Dropped rows, a quadratic total, and another page that accepts what the starter rejects."""

    def anybody(lab: Path) -> None:
        solutions.edit(lab, "main.py", "event_id: int, user: str", "event_id: int, user: str = 'x'")

    return teacher.verifies(
        teacher.receives(solutions.reference, solutions.dropped_rows, solutions.quadratic_total, anybody)
    )


@pytest.fixture(scope="module")
def failing(teacher: Teacher) -> Verification:
    """One route rejects every request; checkout is faster, and crashes."""

    def crash(lab: Path) -> None:
        solutions.edit(
            lab, "checkout/__init__.py", "    return total\n", f"{solutions.CRASH}    return total\n"
        )

    return teacher.verifies(teacher.receives(solutions.reference, solutions.refused_at_once, crash))


def test_the_reference_solution_improves_three_routes_and_responds_the_same(
    reference: Verification,
) -> None:
    assert verdicts(reference) == IMPROVED
    assert reference.passed
    assert reference.others_alike
    assert (reference.findings, reference.notes) == ((), ())


def test_counts_of_work_repeat_and_show_the_saving(reference: Verification) -> None:
    checkout, events, mine = reference.routes
    assert checkout.work is not None
    before, after = checkout.work
    assert before.repeated
    assert after.repeated
    # 2,900 rupees, one by one, and then nine fees.
    assert before.usual.counts["instructions"] > 10 * 2_900
    assert after.usual.counts["instructions"] < 1_000
    assert [work.usual.counts["rows"] for work in (before, after)] == [9, 9]
    assert [work.usual.counts["statements"] for work in (before, after)] == [1, 1]
    assert "1 statement, 9 rows" in checkout.reasons[1]
    for verdict in (events, mine):
        assert verdict.work is not None
        assert [work.usual.capped for work in verdict.work] == [True, False]
        assert verdict.work[1].growth == pytest.approx(
            {"instructions": 1, "statements": 0, "rows": 1, "steps": 1}, abs=0.1
        )


def test_a_constant_page_a_shared_page_and_a_fixed_total_are_wrong(
    at_once: Verification,
) -> None:
    assert verdicts(at_once) == dict.fromkeys(IMPROVED, "wrong")
    found_codes = codes(at_once)
    assert found_codes["/events"] == {"constant-page"}
    assert "shared-answer" in found_codes["/my-events"]
    assert found_codes["/checkout"] == {"fixed-total"}
    assert at_once.others_alike
    assert not at_once.passed


def test_a_wrong_response_is_reported_with_its_request_the_expected_and_the_actual_content(
    at_once: Verification,
) -> None:
    checkout = at_once.routes[0]
    assert re.match(
        r"GET /checkout: expected 1 amount \(₹\d+\), got 1 amount \(₹2900\)\.", checkout.reasons[0]
    )


def test_dropped_rows_are_wrong_and_a_correct_total_with_quadratic_work_is_slower_with_many_events(
    rows_and_order: Verification,
) -> None:
    assert verdicts(rows_and_order) == IMPROVED | {"events": "wrong"}
    found_codes = codes(rows_and_order)
    assert "rows-dropped" in found_codes["/events"]
    assert found_codes["/checkout"] == {"grows-faster"}
    checkout = rows_and_order.routes[0]
    assert checkout.by[0] == "work"
    # The starter needs some 3,900 instructions for each event, this total some nine for each pair of events.
    assert 200 < checkout.slower_from < 800
    assert checkout.work is not None
    assert checkout.work[1].growth["instructions"] == pytest.approx(2, abs=0.1)
    assert (
        f"From about {checkout.slower_from} events on it is slower than the starter" in checkout.reasons[-1]
    )


def test_a_page_outside_the_exercise_counts_too(rows_and_order: Verification) -> None:
    assert not rows_and_order.others_alike
    assert codes(rows_and_order)["/register_event"] == {"others-differ"}


def test_a_page_that_rejects_at_once_or_still_crashes_is_wrong_however_fast(failing: Verification) -> None:
    assert verdicts(failing) == IMPROVED | {"events": "wrong", "checkout": "wrong"}
    assert codes(failing) == {"/events": {"fails-at-once"}, "/checkout": {"crash-left"}}
    assert "expected status 200, got status 422" in failing.routes[1].reasons[0]
    assert "expected status 200, got status 500" in failing.routes[0].reasons[0]


def test_pages_that_only_the_load_requests_have_no_effect(teacher: Teacher) -> None:
    verification = teacher.verifies(teacher.receives(solutions.fix_crashes, solutions.pages_for_the_load))
    assert verdicts(verification) == dict.fromkeys(IMPROVED, "unchanged")
    assert codes(verification) == {"/events": {"load-changed"}}
    assert "GET /events became GET /events?limit=3" in verification.findings[0].evidence
    assert [route.by for route in verification.routes] == [("code",), ("processor", "work"), ("code",)]


def test_a_package_that_only_the_submission_needs_is_named_with_its_command(teacher: Teacher) -> None:
    def imports(lab: Path) -> None:
        solutions.edit(lab, "main.py", "FORM = {\n", "import nothing_of_the_kind\n\nFORM = {\n")

    lab = teacher.receives(imports)
    with pytest.raises(CannotVerify) as error:
        teacher.verifies(lab)
    message = str(error.value)
    assert message.startswith(f"{lab} cannot be run: ")
    assert message.endswith(
        "Its Python has no package nothing_of_the_kind. Install it with"
        f" `{sys.executable} -m pip install nothing_of_the_kind`."
    )

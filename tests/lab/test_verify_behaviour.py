"""A submission is compared with the starter's responses; it need not do what the starter itself cannot do."""

from dataclasses import replace
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.folder import write_starter
from festgate.lab.verify.behaviour import (
    Difference,
    ScenarioResults,
    StepResult,
    differences,
    starter_problems,
)
from festgate.lab.verify.descent import foreign_code
from festgate.lab.verify.inputs import Expected, RequestStep
from festgate.lab.verify.pages import PageContent
from tests.lab import solutions

HANDOUT = Path(__file__).parent / "handout"
NOWHERE = ("", ())


def result(
    status: int,
    expected: Expected = "same",
    path: str = "/events?user=meera",
    rows: tuple[tuple[str, str], ...] = (),
) -> StepResult:
    return StepResult(RequestStep(path, None, expected), PageContent(status, NOWHERE, rows), 1.0)


@pytest.mark.parametrize(
    "expected, ours, theirs, alike",
    [
        ("same", 200, 200, True),
        ("same", 200, 409, False),
        # The starter's status is what is expected, whatever it is.
        ("same", 409, 409, True),
        ("rejected", 422, 400, True),
        ("rejected", 422, 200, False),
        ("rejected", 200, 422, False),
        ("no failure", 404, 302, True),
        ("no failure", 404, 500, False),
        # A crash that need not be fixed, a locked database, and a starter that exited.
        ("no failure", 500, 500, True),
        ("no failure", 500, 404, True),
        ("same", 500, 302, True),
        ("same", 0, 200, True),
        ("same", 200, 0, False),
    ],
)
def test_the_starters_status_is_expected_unless_it_fails(
    expected: Expected, ours: int, theirs: int, alike: bool
) -> None:
    reported = differences(BUILT_IN, [[result(ours, expected)]], [[result(theirs, expected)]])
    assert (not reported) is alike


def test_an_amount_that_the_starters_rows_do_not_have_is_no_difference() -> None:
    without, with_amounts = (("Quiz", ""), ("Relay", "")), (("Quiz", "50"), ("Relay", "70"))
    sides = [[[result(200, rows=rows)]] for rows in (without, with_amounts, without[:1])]
    assert differences(BUILT_IN, sides[0], sides[1]) == []
    assert differences(BUILT_IN, sides[1], sides[0])
    assert differences(BUILT_IN, sides[0], sides[2])


def test_problems_of_the_starter_are_noted_once_for_each_kind() -> None:
    register = "/register_event/2?user=meera"
    results = ScenarioResults(
        [
            [
                result(200),
                result(500, path=register),
                result(500, path=register),
                result(500, "no failure", "/register_event/404?user=meera"),
                result(200, path="/register"),
                result(0),
            ]
        ],
        stuck={(0, 4), (0, 5)},
    )
    first, second, third = starter_problems(results)
    assert first.startswith(f"The starter itself answers 500 to GET {register};")
    assert second.startswith("The starter itself leaves its database locked after GET /register;")
    assert third.startswith("The starter itself gives no response to GET /events?user=meera;")


def differences_of_all_routes(*outside: str) -> list[Difference]:
    """Return a difference of each of the three routes, and of other pages."""
    return [Difference(route, "answers-differ", "", "", "") for route in (*BUILT_IN.paths.values(), *outside)]


def test_an_app_with_other_code_and_other_responses_does_not_descend_from_the_starter(
    tmp_path: Path,
) -> None:
    reason = foreign_code(BUILT_IN, HANDOUT, differences_of_all_routes("/login"))
    assert reason.endswith(
        "% of the starter's lines of code are in it, and /checkout, /events, /my-events, /login respond differently"
    )
    # It does where it responds as the starter, or is made of its code.
    assert not foreign_code(BUILT_IN, HANDOUT, differences_of_all_routes())
    assert not foreign_code(BUILT_IN, HANDOUT, differences_of_all_routes("/login")[1:])
    lab = tmp_path / "lab"
    write_starter(BUILT_IN, lab)
    solutions.reference(lab)
    assert not foreign_code(BUILT_IN, lab, differences_of_all_routes("/login"))
    assert not foreign_code(
        replace(BUILT_IN, folder=lab), BUILT_IN.folder, differences_of_all_routes("/login")
    )

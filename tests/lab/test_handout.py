"""Twenty submissions against a course's own handout: each gets the right verdicts, load findings and audit.

The handout is described by reading it, and runs with the packages of its time. The suite verifies the submissions that
differ most, without timed runs; `make torture` verifies all of them, and one with timed runs.
"""

from pathlib import Path

import pytest

from festgate.lab.audit.audit import audit
from festgate.lab.description.file import starter_of
from festgate.lab.description.starter import Starter
from festgate.lab.verify.changes import changes_of
from festgate.lab.verify.verification import CannotVerify, Options, verify
from tests.lab.environment import python_of_the_handout
from tests.lab.handout_submissions import HANDOUT, SUBMISSIONS, hand_in
from tests.lab.verification import SEED, Teacher, by_route, codes, verdicts
from tests.rig.lengths import LONG, length, torture

pytestmark = torture

VERIFIED = length(
    ("own-layout", "other-loops", "false-answers", "fewer-answers", "other-app", "report-only"),
    tuple(SUBMISSIONS),
)
"""The submissions that are verified; those that differ most in the suite."""


@pytest.fixture(scope="module")
def starter() -> Starter:
    return starter_of(HANDOUT)


@pytest.fixture(scope="module")
def teacher(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return Teacher(tmp_path_factory.mktemp("teacher"), starter, python_of_the_handout())


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_changes_of_the_load_are_named_and_harmless_ones_are_called_so(
    starter: Starter, name: str, tmp_path: Path
) -> None:
    submission, folder = SUBMISSIONS[name], hand_in(name, tmp_path)
    assert by_route(changes_of(starter, folder, folder).findings) == submission.load


@pytest.mark.parametrize("name", [name for name, submission in SUBMISSIONS.items() if submission.report])
def test_reports_are_audited_in_the_formats_that_students_hand_in(name: str, tmp_path: Path) -> None:
    submission, folder = SUBMISSIONS[name], hand_in(name, tmp_path)
    audited = audit(folder / submission.report)
    assert {finding.kind.code for finding in audited.findings} == submission.audit


@pytest.mark.parametrize("name", VERIFIED)
def test_each_route_gets_its_verdict(teacher: Teacher, name: str, tmp_path: Path) -> None:
    submission, folder = SUBMISSIONS[name], hand_in(name, tmp_path)
    if not submission.checkout:
        with pytest.raises(CannotVerify, match=submission.problem):
            teacher.verifies(folder)
        return
    verification = teacher.verifies(folder)
    assert verdicts(verification) == {
        "checkout": submission.checkout,
        "events": submission.events,
        "my-events": submission.mine,
    }
    assert codes(verification) == {
        route: submission.load.get(route, set()) | submission.behaviour.get(route, set())
        for route in submission.load.keys() | submission.behaviour.keys()
    }
    assert verification.others_alike


@pytest.mark.skipif(not LONG, reason="takes minutes")
def test_a_timed_verification_takes_at_most_six_minutes(teacher: Teacher, tmp_path: Path) -> None:
    options = Options(python=teacher.python, seed=SEED)
    verification = verify(hand_in("all-three", tmp_path), options, teacher.baseline, lambda *_: None)
    assert verification.passed
    assert [route.by[0] for route in verification.routes[1:]] == ["time", "time"]
    assert verification.seconds <= 360

"""False improvements of a course's own handout, and submissions with nothing to verify; timed runs of all others."""

from pathlib import Path

import pytest

from festgate.lab.description.file import starter_of
from festgate.lab.verify.verification import Options, verify
from tests.lab.environment import python_of_the_handout
from tests.lab.handout_grades import HandoutGrades, grade_handout
from tests.lab.handout_submissions import FALSE, HANDOUT, SUBMISSIONS, hand_in
from tests.lab.verification import SEED, Teacher, codes, verdicts
from tests.rig.lengths import LONG, torture

pytestmark = torture

VERIFIED = tuple(name for name, submission in SUBMISSIONS.items() if not submission.problem)
"""Those that hold something to verify; the timed runs of each take up to five minutes."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> HandoutGrades:
    return grade_handout(FALSE, tmp_path_factory.mktemp("teacher"))


def test_one_command_grades_them_and_its_exit_code_reports_those_with_nothing_to_verify(
    graded: HandoutGrades,
) -> None:
    assert graded.command.returncode == 2, graded.command.stderr
    assert graded.rows.keys() == set(FALSE)
    assert graded.results.keys() == set(FALSE) & set(VERIFIED)


@pytest.mark.parametrize("name", FALSE)
def test_each_trick_gets_its_verdict_and_its_finding(graded: HandoutGrades, name: str) -> None:
    graded.check(name, SUBMISSIONS[name])


if LONG:

    @pytest.mark.parametrize("name", VERIFIED)
    def test_timed_runs_agree(name: str, tmp_path: Path) -> None:
        teacher = Teacher(tmp_path / "teacher", starter_of(HANDOUT), python_of_the_handout())
        options = Options(python=teacher.python, seed=SEED)
        verification = verify(hand_in(name, tmp_path), options, teacher.baseline, lambda *_: None)
        assert verdicts(verification) == SUBMISSIONS[name].verdicts
        assert codes(verification) == SUBMISSIONS[name].findings
        assert verification.others_alike

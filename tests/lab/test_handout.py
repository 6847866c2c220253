"""Good work against a course's own handout: it gets the right verdicts, load findings and audit.

The handout is described by reading it, and runs with the packages of its time. The suite grades all twenty submissions
without timed runs, here and in the two files beside this one; `make torture` times all that can be verified.
"""

import pytest

from tests.lab.handout_grades import HandoutGrades, grade_handout
from tests.lab.handout_submissions import IMPROVED, SUBMISSIONS


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> HandoutGrades:
    return grade_handout(IMPROVED, tmp_path_factory.mktemp("teacher"))


def test_one_command_grades_all_submissions(graded: HandoutGrades) -> None:
    assert graded.command.returncode == 0, graded.command.stderr
    assert graded.rows.keys() == graded.results.keys() == set(IMPROVED)


@pytest.mark.parametrize("name", IMPROVED)
def test_each_route_gets_its_verdict_and_each_change_of_the_load_its_finding(
    graded: HandoutGrades, name: str
) -> None:
    graded.check(name, SUBMISSIONS[name])

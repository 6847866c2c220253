"""Work against a course's own handout that improves routes or leaves them: verdicts, load findings and audit are right.

The handout is described by reading it, and runs with the packages of its time. The suite grades all twenty submissions
without timed runs, here and in the file beside this one; `make torture` times all that can be verified.
"""

from pathlib import Path

import pytest

from festgate.lab.audit.audit import audit
from festgate.lab.audit.documents import UnreadableReport
from tests.lab.handout_grades import HandoutGrades, grade_handout
from tests.lab.handout_submissions import IMPROVED, SUBMISSIONS, UNCHANGED, collapsed_table, hand_in

GRADED = (*IMPROVED, *UNCHANGED)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> HandoutGrades:
    return grade_handout(GRADED, tmp_path_factory.mktemp("teacher"))


def test_one_command_grades_all_submissions(graded: HandoutGrades) -> None:
    assert graded.command.returncode == 0, graded.command.stderr
    assert graded.rows.keys() == graded.results.keys() == set(GRADED)


@pytest.mark.parametrize("name", GRADED)
def test_each_route_gets_its_verdict_and_each_change_of_the_load_or_flaw_of_the_report_its_finding(
    graded: HandoutGrades, name: str
) -> None:
    graded.check(name, SUBMISSIONS[name])


def test_a_folder_of_screenshots_is_audited_by_the_tables_that_are_typed_from_them(tmp_path: Path) -> None:
    folder = hand_in("pictures-only", tmp_path)
    unread = audit(folder / "screenshots")
    assert (unread.pictures, unread.is_checked, unread.findings) == (9, False, ())
    typed = collapsed_table("## Before", "/checkout", 17, 118, 9, "0.60")
    (folder / "screenshots.tables.md").write_text(typed, encoding="utf-8")
    read = audit(folder / "screenshots")
    assert (read.tables, read.is_checked) == (1, True)
    with pytest.raises(UnreadableReport, match="is a picture"):
        audit(folder / "screenshots" / "Screenshot 1.png")
    with pytest.raises(UnreadableReport, match="is a folder without pictures"):
        audit(folder / "checkout")

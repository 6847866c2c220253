"""Submissions against a course's own handout whose loops are left: only the load, the report or the crash changed."""

from pathlib import Path

import pytest

from festgate.lab.audit.audit import audit
from festgate.lab.audit.documents import UnreadableReport
from tests.lab.handout_grades import HandoutGrades, grade_handout
from tests.lab.handout_submissions import SUBMISSIONS, UNCHANGED, collapsed_table, hand_in


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> HandoutGrades:
    return grade_handout(UNCHANGED, tmp_path_factory.mktemp("teacher"))


def test_one_command_grades_all_submissions(graded: HandoutGrades) -> None:
    assert graded.command.returncode == 0, graded.command.stderr
    assert graded.rows.keys() == graded.results.keys() == set(UNCHANGED)


@pytest.mark.parametrize("name", UNCHANGED)
def test_no_route_is_improved_and_each_change_of_the_load_or_flaw_of_the_report_is_reported(
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

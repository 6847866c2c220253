"""Twenty submissions against a course's own handout: each gets the right verdicts, load findings and audit.

The handout is described by reading it, and runs with the packages of its time. The suite verifies the submissions that
differ most, without timed runs; `make torture` grades all of them, and times some.
"""

import csv
from pathlib import Path

import pytest

from festgate.lab.audit.audit import UnreadableReport, audit
from festgate.lab.description.file import starter_of
from festgate.lab.description.starter import Starter
from festgate.lab.verify.intake import copy_submission
from festgate.lab.verify.load_changes import load_findings
from festgate.lab.verify.verification import Options, verify
from tests.lab.environment import python_of_the_handout
from tests.lab.handout_submissions import HANDOUT, SUBMISSIONS, collapsed_table, hand_in
from tests.lab.verification import SEED, Teacher, by_route, codes, verdicts
from tests.rig import command
from tests.rig.lengths import LONG, length, torture
from tests.rig.server import environment

pytestmark = torture

VERIFIED = length(
    ("own-ways", "false-answers", "fewer-answers"),
    ("all-three", "own-ways", "moved-loop"),
)
"""The submissions that differ most; with timed runs of five minutes each, those that these could judge otherwise."""
GRADED = length(("other-app", "report-only"), tuple(SUBMISSIONS))
LOADED = tuple(name for name, submission in SUBMISSIONS.items() if submission.load and name not in VERIFIED)
REPORTED = tuple(name for name, submission in SUBMISSIONS.items() if submission.audit)


@pytest.fixture(scope="module")
def starter() -> Starter:
    return starter_of(HANDOUT)


@pytest.fixture(scope="module")
def teacher(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return Teacher(tmp_path_factory.mktemp("teacher"), starter, python_of_the_handout())


@pytest.mark.parametrize("name", VERIFIED)
def test_each_route_gets_its_verdict_and_each_trick_its_finding(
    teacher: Teacher, name: str, tmp_path: Path
) -> None:
    options = Options(python=teacher.python, seed=SEED, load=LONG)
    verification = verify(hand_in(name, tmp_path), options, teacher.baseline, lambda *_: None)
    assert verdicts(verification) == SUBMISSIONS[name].verdicts
    assert codes(verification) == SUBMISSIONS[name].findings
    assert verification.others_alike


@pytest.mark.parametrize("name", LOADED)
def test_a_changed_load_is_reported_for_what_it_changes(starter: Starter, name: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    submission = copy_submission(starter, hand_in(name, tmp_path), copy)
    statuses = {"/events": 422, "/my-events": 422}
    findings = load_findings(starter, submission.app, submission.tree, statuses)
    assert by_route(findings) == SUBMISSIONS[name].load


@pytest.mark.parametrize("name", REPORTED)
def test_reports_are_audited_in_the_formats_that_students_hand_in(name: str, tmp_path: Path) -> None:
    audited = audit(hand_in(name, tmp_path) / SUBMISSIONS[name].report)
    assert {finding.kind.code for finding in audited.findings} == SUBMISSIONS[name].audit


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


def test_one_command_grades_them(tmp_path: Path) -> None:
    for name in GRADED:
        hand_in(name, tmp_path / "submissions")
    words = ["lab", "grade", "submissions", "--starter", str(HANDOUT), "--python", python_of_the_handout()]
    done = command.run(
        [*words, "--without-load"],
        environment(tmp_path / "data"),
        folder=tmp_path,
        modules=command.REHEARSAL,
        seconds=1800,
    )
    assert done.returncode == 2, done.stderr  # two of them hold nothing to verify
    rows = csv.DictReader((tmp_path / "grades" / "grades.csv").read_text(encoding="utf-8-sig").splitlines())
    graded = {row["submission"]: row for row in rows}
    assert graded.keys() == set(GRADED)
    for name, row in graded.items():
        submission = SUBMISSIONS[name]
        if submission.problem:
            assert submission.problem in row["problem"]
        else:
            assert {route: row[route] for route in submission.verdicts} == submission.verdicts
            assert set(row["findings"].split()) == set().union(*submission.findings.values())
        assert row["reports"] == submission.report
        assert (row["report checked"] == "no report") == (not submission.report)
        assert set(row["report findings"].split()) == submission.audit

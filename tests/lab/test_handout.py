"""Twenty submissions against a course's own handout: each gets the right verdicts, load findings and audit.

The handout is described by reading it, and runs with the packages of its time. The suite grades the submissions that
differ most, without timed runs; `make torture` grades all of them, and times some.
"""

import csv
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

GRADED = length(
    ("own-ways", "false-answers", "fewer-answers", "other-app", "report-only"), tuple(SUBMISSIONS)
)
"""The submissions that differ most, or all."""
VERIFIED = ("all-three", "own-ways", "moved-loop")
"""The submissions that timed runs could judge otherwise; each takes five minutes."""
LOADED = tuple(name for name, submission in SUBMISSIONS.items() if submission.load and name != "own-ways")
REPORTED = tuple(name for name, submission in SUBMISSIONS.items() if submission.audit)


@pytest.fixture(scope="module")
def starter() -> Starter:
    return starter_of(HANDOUT)


@dataclass(frozen=True)
class Graded:
    """The results of one command for all submissions."""

    command: "subprocess.CompletedProcess[str]"
    rows: Mapping[str, Mapping[str, str]]
    """The rows of the table, by submission."""
    results: Mapping[str, Mapping[str, Any]]
    """The kept results of those that could be verified, by submission."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    folder = tmp_path_factory.mktemp("teacher")
    for name in GRADED:
        hand_in(name, folder / "submissions")
    words = ["lab", "grade", "submissions", "--starter", str(HANDOUT), "--python", python_of_the_handout()]
    done = command.run(
        [*words, "--without-load"],
        environment(folder / "data"),
        folder=folder,
        modules=command.REHEARSAL,
        seconds=1800,
    )
    grades = folder / "grades"
    rows = csv.DictReader((grades / "grades.csv").read_text(encoding="utf-8-sig").splitlines())
    kept = [json.loads(file.read_text(encoding="utf-8")) for file in (grades / "results").glob("*.json")]
    return Graded(
        done, {row["submission"]: row for row in rows}, {results["source"]: results for results in kept}
    )


def test_one_command_grades_them(graded: Graded) -> None:
    assert graded.command.returncode == 2, graded.command.stderr  # two of them hold nothing to verify
    assert graded.rows.keys() == set(GRADED)
    assert graded.results.keys() == {name for name in GRADED if not SUBMISSIONS[name].problem}


@pytest.mark.parametrize("name", GRADED)
def test_each_route_gets_its_verdict_and_each_trick_its_finding(graded: Graded, name: str) -> None:
    submission, row = SUBMISSIONS[name], graded.rows[name]
    assert row["reports"] == submission.report
    assert (row["report checked"] == "no report") == (not submission.report)
    assert set(row["report findings"].split()) == submission.audit
    if submission.problem:
        assert submission.problem in row["problem"]
        return
    assert {route: row[route] for route in submission.verdicts} == submission.verdicts
    assert set(row["findings"].split()) == set().union(*submission.findings.values())
    results = graded.results[name]
    route_codes: dict[str, set[str]] = {}
    for finding in results["findings"]:
        route_codes.setdefault(finding["route"], set()).add(finding["code"])
    assert route_codes == submission.findings
    assert results["others_alike"]


if LONG:

    @pytest.mark.parametrize("name", VERIFIED)
    def test_timed_runs_agree(starter: Starter, name: str, tmp_path: Path) -> None:
        teacher = Teacher(tmp_path / "teacher", starter, python_of_the_handout())
        options = Options(python=teacher.python, seed=SEED)
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

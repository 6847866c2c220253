"""The grades of several submissions against the course's handout, from one command without timed runs."""

import csv
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.environment import python_of_the_handout
from tests.lab.handout_submissions import HANDOUT, Submission, hand_in
from tests.rig import command
from tests.rig.server import environment


@dataclass(frozen=True)
class HandoutGrades:
    """The results of one command for all submissions."""

    command: "subprocess.CompletedProcess[str]"
    rows: Mapping[str, Mapping[str, str]]
    """The rows of the table, by submission."""
    results: Mapping[str, Mapping[str, Any]]
    """The kept results of those that could be verified, by submission."""

    def check(self, name: str, submission: Submission) -> None:
        """Check the audit, the verdicts and the findings of a submission, in the table and in the kept results."""
        row = self.rows[name]
        assert row["reports"] == submission.report
        assert (row["report checked"] == "no report") == (not submission.report)
        assert set(row["report findings"].split()) == submission.audit
        if submission.problem:
            assert submission.problem in row["problem"]
            return
        assert {route: row[route] for route in submission.verdicts} == submission.verdicts
        assert set(row["findings"].split()) == set().union(*submission.findings.values())
        results = self.results[name]
        codes: dict[str, set[str]] = {}
        for finding in results["findings"]:
            codes.setdefault(finding["route"], set()).add(finding["code"])
        assert codes == submission.findings
        assert results["others_alike"]


def grade_handout(names: Iterable[str], folder: Path) -> HandoutGrades:
    """Hand in the submissions, and grade them with the packages of the handout's time."""
    for name in names:
        hand_in(name, folder / "submissions")
    words = ["lab", "grade", "submissions", "--starter", str(HANDOUT), "--python", python_of_the_handout()]
    done = command.run(
        [*words, "--without-load"],
        environment(folder / "data"),
        folder=folder,
        modules=command.REHEARSAL,
        forks_all=True,
        seconds=1800,
    )
    grades = folder / "grades"
    rows = csv.DictReader((grades / "grades.csv").read_text(encoding="utf-8-sig").splitlines())
    kept = [json.loads(file.read_text(encoding="utf-8")) for file in (grades / "results").glob("*.json")]
    return HandoutGrades(
        done, {row["submission"]: row for row in rows}, {results["source"]: results for results in kept}
    )

"""Grades of kept results: verifications as they are kept, without running them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.grading.grades import Grade, Grader, Reading, Trouble, Verified
from festgate.lab.grading.rubric import Rubric, default_rubric
from festgate.lab.grading.students import Student
from festgate.lab.grading.submissions import copy_source, submissions_in
from festgate.lab.verify.verification import Baseline, Options


def verification(
    checkout: str = "improved",
    events: str = "improved",
    mine: str = "improved",
    *,
    findings: Sequence[tuple[str, str]] = (),
    others_alike: bool = True,
) -> dict[str, Any]:
    """Return a verification as it is kept, with the verdicts and the findings (code, route)."""
    verdicts = {"/checkout": checkout, "/events": events, "/my-events": mine}
    return {
        "source": "anu",
        "content": "c0ffee",
        "passed": others_alike and set(verdicts.values()) == {"improved"},
        "routes": [
            {
                "route": path,
                "verdict": verdict,
                "headline": "improved by 96.4 % [96.1 to 96.7]" if verdict == "improved" else verdict,
                "by": ["code"] if verdict == "unchanged" else ["time"],
                "said": [],
                "time": None,
                "work": None,
            }
            for path, verdict in verdicts.items()
        ],
        "others_alike": others_alike,
        "findings": [
            {"code": code, "route": route, "meaning": "", "figure": f"GET {route}: expected one, got another"}
            for code, route in findings
        ],
        "notes": [],
        "seed": 7,
        "python": "3.11",
        "seconds": 12.5,
    }


def grader(grades: Path, rubric: Rubric | None = None, starter: Starter = BUILT_IN) -> Grader:
    """Return a grader whose kept results are in `grades`."""
    options = Options(seed=7, load=False)
    return Grader(starter, options, rubric or default_rubric(), Baseline(grades / "starter", starter), grades)


def graded(
    grades: Path,
    results: Mapping[str, Any] | None,
    reading: Reading | None = None,
    student: Student | None = None,
    *,
    name: str = "anu",
    problem: str = "",
    trouble: Trouble = "",
    rubric: Rubric | None = None,
) -> Grade:
    """Return the grade of kept results."""
    reading = Reading() if reading is None else reading
    student = Student() if student is None else student
    verified = Verified(results, problem, trouble)
    return grader(grades, rubric).assembled(name, "c0ffee", verified, reading, student)


def readings(folder: Path, starter: Starter = BUILT_IN) -> dict[str, Reading]:
    """Read each submission in `folder/submissions`, as far as that needs no running app."""
    grades = folder / "grades"
    reader = grader(grades, starter=starter)
    known = {}
    for source in submissions_in(folder / "submissions", grades):
        with TemporaryDirectory(dir=folder) as temporary:
            copied = copy_source(starter, source, Path(temporary))
            reading, problem = reader.read(source, copied, lambda *_: None)
        assert not problem
        known[source.name] = reading
    return known

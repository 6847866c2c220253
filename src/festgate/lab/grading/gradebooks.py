"""Write the points in the import formats of Moodle, Canvas and Gradescope.

Moodle takes the worksheet of an assignment's offline grading. It finds a student by `Identifier`, `Participant` and the
number in the name of the downloaded folder, and reads `Grade`, `Last modified (grade)` and `Feedback comments`.

Canvas takes the CSV that its gradebook exports. It finds a student by `ID`, else by `SIS User ID` or `SIS Login ID`,
else by the name, and the assignment by the heading of its column: its name, or its name and number.

Gradescope takes a results.json for each submission.

A submission that could not be verified has no grade in Moodle and Canvas: the reason may be a package that is missing
on the teacher's machine.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from festgate.lab.grading.cells import as_csv
from festgate.lab.grading.grades import Grade
from festgate.lab.grading.students import Student
from festgate.lab.grading.submissions import file_name
from festgate.lab.verify.outputs import gradescope_results, gradescope_test

Gradebook = Literal["moodle", "canvas", "gradescope"]
MOODLE: Final = (
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum Grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
CANVAS: Final = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


@dataclass(frozen=True)
class GradebookFiles:
    """The files for a gradebook."""

    files: dict[str, bytes]
    """The content of each file by its path in the folder of the grades."""
    left_out: tuple[str, ...]
    """Submissions that the gradebook could not assign to a student."""
    repeated: tuple[str, ...] = ()
    """Submissions of a student of whom there are several: a line for each would overwrite the one before."""


def gradebook_files(
    gradebook: Gradebook, assignment: str, grades: Sequence[Grade], feedback: Sequence[str]
) -> GradebookFiles:
    """Return the files. `feedback` is the text for the student of each grade; `assignment` is its name in Canvas."""
    if gradebook == "moodle":
        return _moodle(grades, feedback)
    if gradebook == "canvas":
        return _canvas(assignment, grades)
    return GradebookFiles(
        {
            f"gradescope/{file_name(grade.name)}.json": (
                json.dumps(as_gradescope(grade, text), ensure_ascii=False, indent=2) + "\n"
            ).encode()
            for grade, text in zip(grades, feedback, strict=True)
        },
        (),
    )


def _moodle(grades: Sequence[Grade], feedback: Sequence[str]) -> GradebookFiles:
    rows, left_out = [], []
    repeated = _repeated(grades, lambda student: student.account)
    for grade, text in zip(grades, feedback, strict=True):
        if not grade.student.account.isdecimal():
            left_out.append(grade.name)
            continue
        if grade.name in repeated:
            continue
        rows.append(
            {
                "Identifier": f"Participant {grade.student.account}",
                "Full name": grade.student.name,
                "Grade": "" if grade.results is None else f"{grade.points:.2f}",
                "Maximum Grade": f"{grade.score.maximum:.2f}",
                "Grade can be changed": "Yes",
                "Feedback comments": text,
            }
        )
    return GradebookFiles({"moodle.csv": as_csv(MOODLE, rows, mark=False)}, tuple(left_out), repeated)


def _canvas(assignment: str, grades: Sequence[Grade]) -> GradebookFiles:
    points = {"Student": "    Points Possible", assignment: f"{grades[0].score.maximum:g}" if grades else ""}
    rows, left_out = [points], []
    repeated = _repeated(grades, lambda student: student.account or student.number or student.name)
    for grade in grades:
        student = grade.student
        numeric = student.account.isdecimal()
        if not (student.account or student.number or (student.name and "name" not in student.unsure)):
            left_out.append(grade.name)
            continue
        if grade.name in repeated:
            continue
        rows.append(
            {
                "Student": student.name,
                "ID": student.account if numeric else "",
                "SIS User ID": student.number,
                "SIS Login ID": "" if numeric else student.account,
                "Section": student.section,
                assignment: "" if grade.results is None else f"{grade.points:g}",
            }
        )
    return GradebookFiles(
        {"canvas.csv": as_csv((*CANVAS, assignment), rows, mark=False)}, tuple(left_out), repeated
    )


def _repeated(grades: Sequence[Grade], key_of: Callable[[Student], str]) -> tuple[str, ...]:
    """Return the names of submissions whose student, by the gradebook's key, has several."""
    counts = Counter(key_of(grade.student) for grade in grades)
    return tuple(grade.name for grade in grades if (key := key_of(grade.student)) and counts[key] > 1)


def as_gradescope(grade: Grade, feedback: str) -> dict[str, Any]:
    """Return the results.json: a test for each part of the rubric that gives points."""
    parts = [part for part in grade.score.parts if part.maximum]
    tests = [gradescope_test(part.title, part.points, part.maximum) for part in parts]
    return {**gradescope_results(grade.points, feedback, tests), "output_format": "md"}

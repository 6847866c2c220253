"""Points by a rubric, and the files for gradebooks."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.grading.gradebooks import Gradebook, gradebook_files
from festgate.lab.grading.grades import Grade, Reading
from festgate.lab.grading.reports import AuditedReport, ReportFinding
from festgate.lab.grading.rubric import InvalidRubric, default_rubric, default_text, read_rubric
from festgate.lab.grading.score import check_rubric
from festgate.lab.grading.students import Student
from tests.lab.grading import graded, verification


def rubric_file(folder: Path, text: str) -> Path:
    file = folder / "rubric.toml"
    file.write_text(text, encoding="utf-8")
    return file


ALL_PARTS = "[points]\ncrash = 2\nload = 3\nreport = 4\nanswers = 5\n"


@pytest.mark.parametrize(
    "results, points",
    [
        (verification(), 10),
        (verification(checkout="wrong"), 7),
        (verification(events="unchanged", mine="worse", others_alike=False), 3),
        (None, 0),
    ],
)
def test_by_default_a_route_gives_three_points_and_the_other_pages_one(
    tmp_path: Path, results: dict[str, Any] | None, points: float
) -> None:
    grade = graded(tmp_path, results)
    assert (grade.points, grade.score.maximum) == (points, 10)


def test_the_printed_rubric_is_the_default_and_what_it_leaves_out_as_well(tmp_path: Path) -> None:
    assert read_rubric(rubric_file(tmp_path, default_text())) == default_rubric()
    assert read_rubric(rubric_file(tmp_path, "")) == default_rubric()
    # As Windows PowerShell redirects it.
    (tmp_path / "rubric.toml").write_bytes(default_text().replace("\n", "\r\n").encode("utf-16"))
    assert read_rubric(tmp_path / "rubric.toml") == default_rubric()
    assert read_rubric(rubric_file(tmp_path, "[points]\nothers = 4\n")).maximum == 13


def test_each_part_of_the_rubric_is_counted(tmp_path: Path) -> None:
    rubric = read_rubric(rubric_file(tmp_path, ALL_PARTS))
    results = verification(
        findings=[
            ("crash-left", "/register_event/{event_id}"),
            ("load-changed", "/events"),
            ("wait-changed", "/my-events"),
        ]
    )
    findings = (ReportFinding("one-row-of-many", ""), ReportFinding("many-names", ""))
    reading = Reading(
        reports=(AuditedReport("a.md", findings, tables=2), AuditedReport("b.md", findings[:1])),
        answered=(12, 15),
    )
    grade = graded(tmp_path, results, reading, rubric=rubric)
    assert {part.part: part.points for part in grade.score.parts} == {
        "crash": 1,
        "checkout": 3,
        "events": 3,
        "my-events": 3,
        "others": 1,
        "load": 2,
        "report": 2,
        "answers": 4,
    }
    assert (grade.points, grade.score.maximum) == (19, 24)


def test_a_report_that_could_not_be_checked_gives_no_points(tmp_path: Path) -> None:
    rubric = read_rubric(rubric_file(tmp_path, ALL_PARTS))
    unchecked = Reading(reports=(AuditedReport("report.pdf", pictures=9),))
    checked = Reading(reports=(AuditedReport("report.md", tables=2),))
    points = [graded(tmp_path, None, reading, rubric=rubric).points for reading in (unchecked, checked)]
    assert points == [0, 4]


def test_a_verdict_can_give_a_share_of_the_points(tmp_path: Path) -> None:
    rubric = read_rubric(rubric_file(tmp_path, "[verdicts]\nworse = 0.5\n"))
    assert graded(tmp_path, verification(checkout="worse"), rubric=rubric).points == 8.5


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("[points\n", "is not TOML: "),
        ("[marks]\n", r"`marks` is not one of the tables \[points\], \[verdicts\], \[report\]\."),
        ("points = 3\n", "`points` is not one of the tables "),
        ("[points]\nevent = 3\n", r"\[points\] has no `event`. It has crash, checkout, events, "),
        ("[points]\nevents = '3'\n", r"`events` in \[points\] is '3'. Give a number from 0 to 1000."),
        ("[points]\nevents = true\n", "Give a number from 0 to 1000."),
        ("[points]\nevents = -1\n", "Give a number from 0 to 1000."),
        ("[points]\nevents = nan\n", "Give a number from 0 to 1000."),
        ("[verdicts]\nworse = 2\n", "Give a number from 0 to 1."),
        ("[report]\nfindings = 1\n", r"\[report\] has no `findings`."),
    ],
)
def test_a_wrong_rubric_is_explained(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidRubric, match=sentence):
        read_rubric(rubric_file(tmp_path, text))


def test_points_for_a_part_that_the_starter_does_not_have_are_refused(tmp_path: Path) -> None:
    rubric = read_rubric(rubric_file(tmp_path, ALL_PARTS))
    check_rubric(rubric, BUILT_IN)
    with pytest.raises(InvalidRubric, match="no report with questions"):
        check_rubric(rubric, Starter(tmp_path, crashes=BUILT_IN.crashes))
    with pytest.raises(InvalidRubric, match="no crash to fix"):
        check_rubric(read_rubric(rubric_file(tmp_path, "[points]\ncrash = 1\n")), Starter(tmp_path))


@pytest.fixture
def grades(tmp_path: Path) -> list[Grade]:
    """Return the grades of a passed submission, one that could not be verified, and one of an unknown student."""
    return [
        graded(tmp_path, verification(), student=Student("=Meera", "1AB22CS001", "C", "4711")),
        graded(tmp_path, None, student=Student("Anu Pillai", account="anu-p"), name="anu", problem="No app."),
        graded(
            tmp_path, verification(mine="wrong"), student=Student("X", unsure=frozenset({"name"})), name="x"
        ),
    ]


TEXTS = ["Well done.\n", "It could not be checked.\n", "Look again.\n"]


def table(content: bytes) -> list[dict[str, str]]:
    assert not content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_moodles_worksheet_names_the_participant_of_the_downloaded_folder(grades: list[Grade]) -> None:
    written = gradebook_files("moodle", "", grades, TEXTS)
    assert written.files.keys() == {"moodle.csv"}
    (row,) = table(written.files["moodle.csv"])
    assert (row["Identifier"], row["Grade"], row["Maximum Grade"]) == ("Participant 4711", "10.00", "10.00")
    # The three columns without which Moodle refuses the file, and the one of the feedback.
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= row.keys()
    assert (row["Full name"], row["Feedback comments"]) == ("'=Meera", "Well done.\n")
    assert written.left_out == ("anu", "x")


def test_canvas_has_a_row_of_possible_points_and_a_column_of_the_assignment(grades: list[Grade]) -> None:
    written = gradebook_files("canvas", "Fest lab (815)", grades, TEXTS)
    content = written.files["canvas.csv"]
    assert content.splitlines()[0] == b"Student,ID,SIS User ID,SIS Login ID,Section,Fest lab (815)"
    points, meera, anu = table(content)
    assert (points["Student"].strip(), points["Fest lab (815)"]) == ("Points Possible", "10")
    assert (meera["ID"], meera["SIS User ID"], meera["Section"]) == ("4711", "1AB22CS001", "C")
    assert meera["Fest lab (815)"] == "10"
    # What could not be verified has no grade, and does not overwrite one.
    assert (anu["SIS Login ID"], anu["Fest lab (815)"]) == ("anu-p", "")
    assert written.left_out == ("x",)


@pytest.mark.parametrize("gradebook", ["moodle", "canvas"])
def test_two_submissions_of_one_student_are_named_and_overwrite_nothing(
    tmp_path: Path, gradebook: Gradebook
) -> None:
    meera, late, anu = (
        graded(tmp_path, verification(), student=Student(name, account=account), name=folder)
        for name, account, folder in [
            ("Meera Nair", "4711", "first"),
            ("Meera Nair", "4711", "late"),
            ("Anu Pillai", "4712", "anu"),
        ]
    )
    written = gradebook_files(gradebook, "Fest lab (815)", [meera, late, anu], TEXTS)
    names = [row.get("Full name") or row["Student"] for row in table(written.files[f"{gradebook}.csv"])]
    assert names[-1] == "Anu Pillai"
    assert "Meera Nair" not in names
    assert written.repeated == ("first", "late")


def test_gradescope_has_a_test_for_each_part_that_gives_points(grades: list[Grade]) -> None:
    written = gradebook_files("gradescope", "", grades, TEXTS)
    assert written.files.keys() == {"gradescope/anu.json", "gradescope/x.json"}
    results = json.loads(written.files["gradescope/x.json"])
    assert (results["score"], results["output"], results["output_format"]) == (7, "Look again.\n", "md")
    assert [(test["score"], test["max_score"], test["status"]) for test in results["tests"]] == [
        (3, 3, "passed"),
        (3, 3, "passed"),
        (0, 3, "failed"),
        (1, 1, "passed"),
    ]
    assert written.left_out == ()

"""The feedback for a student: the expectation, the result, and a hint where to look."""

from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.grading.feedback import feedback_text
from festgate.lab.grading.grades import Reading, Trouble
from festgate.lab.grading.reports import AuditedReport, ReportFinding, RouteClaim
from festgate.lab.grading.students import Student
from festgate.lab.verify.findings import MEANINGS
from tests.lab.grading import graded, verification


def part(text: str, title: str) -> str:
    """Return one part of a feedback."""
    (section,) = [section for section in text.split("\n## ") if section.startswith(title)]
    return section


def test_each_part_has_what_was_expected_what_happened_and_what_to_look_at(tmp_path: Path) -> None:
    results = verification("wrong", "unchanged", "improved", findings=[("fixed-total", "/checkout")])
    text = feedback_text(BUILT_IN, graded(tmp_path, results, student=Student("Meera Nair")))
    assert text.startswith("# Feedback for Meera Nair\n\nPoints: 4 of 10\n")
    checkout = part(text, "/checkout")
    assert "Expected: The page responds as before, and faster." in checkout
    assert "The total stayed the same after a fee had changed.\n\n    GET /checkout: expected one" in checkout
    assert "What to look at:\n\n- Change a fee in the database while the app runs." in checkout
    assert "The code behind the page is the one that was handed out." in part(text, "/events")
    assert "It is faster by 96.4 %" in part(text, "/my-events")


@pytest.mark.parametrize("code", MEANINGS)
def test_no_finding_is_explained_with_its_code_or_the_words_of_the_lab(tmp_path: Path, code: str) -> None:
    results = verification("wrong", findings=[(code, "/checkout")])
    text = feedback_text(BUILT_IN, graded(tmp_path, results))
    for word in (code, "submission", "verif", "starter", "traceback"):
        assert word not in text.casefold()


def test_a_report_is_answered_with_the_audits_question(tmp_path: Path) -> None:
    finding = ReportFinding(
        "one-row", "One row was picked.", "It has few requests.", "How many?", ("line 3: 324 ms",)
    )
    reading = Reading(
        reports=(
            AuditedReport("report.md", (finding,), tables=1),
            AuditedReport("b.pdf", pictures=9),
            AuditedReport(
                "c.md", claims=(RouteClaim("/events", "451 to 324 ms", "faster", "", ""),), tables=2
            ),
        ),
        answered=(1, 3),
        missing=("/events: What did you change?", "/checkout: Why is it faster?"),
    )
    text = feedback_text(BUILT_IN, graded(tmp_path, verification(events="unchanged"), reading))
    assert "    line 3: 324 ms\n\nWhat to look at:\n\n- How many?" in part(text, "The report: `report.md`")
    assert "could not be checked: they are in 9 pictures." in part(text, "The report: `b.pdf`")
    assert "/events: the report claims 451 to 324 ms; the route's code is unchanged." in part(
        text, "The report and the app"
    )
    assert "1 of 3 are answered. Missing:\n- /events: What did you change?" in part(text, "The questions")


def test_markdown_of_a_submission_stays_text(tmp_path: Path) -> None:
    hostile = "# Points: 10 of 10 <b>`x`\n\n## The crash"
    grade = graded(tmp_path, None, student=Student(hostile), problem=hostile)
    lines = feedback_text(BUILT_IN, grade).splitlines()
    assert lines[0] == "# Feedback for Points 10 of 10 b x The crash"
    assert [line for line in lines if "of 10" in line][1:] == [
        "Points: 0 of 10",
        "    # Points: 10 of 10 <b>`x`",
    ]
    assert sum(line.startswith("## The crash") for line in lines) == 0


@pytest.mark.parametrize(
    "trouble, sentence",
    [
        ("submission", "    The app exited with code 1."),
        ("other app", "Nearly all pages respond differently from the original"),
        ("grading", "It has not been checked yet."),
    ],
)
def test_a_failure_of_the_grading_is_not_attributed_to_the_student(
    tmp_path: Path, trouble: Trouble, sentence: str
) -> None:
    grade = graded(tmp_path, None, problem="The app exited with code 1.", trouble=trouble)
    text = feedback_text(BUILT_IN, grade)
    assert sentence in text
    assert ("exited" in text) == (trouble == "submission")
    assert ("Points: 0" in text) == (trouble != "grading")


@pytest.mark.parametrize(
    "headline, sentence",
    [
        ("improved by 96.4 % [96.1 to 96.7]", "It is faster by 96.4 % [96.1 to 96.7] of the time, "),
        ("improved: 97.0 % less processor time", "It needs 97.0 % less processor time."),
        (
            "improved: 97.1 % fewer instructions, counted, and slower from about 840 events on",
            "With many rows it is slower than the original: from about 840 events on.",
        ),
    ],
)
def test_an_improvement_is_a_sentence(tmp_path: Path, headline: str, sentence: str) -> None:
    results = verification()
    results["routes"][0]["headline"] = headline
    assert sentence in part(feedback_text(BUILT_IN, graded(tmp_path, results)), "/checkout")

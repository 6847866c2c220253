"""Files that several submissions share."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.grading.twins import Twin, twins
from festgate.lab.student.folder import write_starter
from tests.lab import solutions
from tests.lab.grading import readings
from tests.lab.reports import markdown_report, sound_report, text_report
from tests.lab.solutions import Change


@dataclass(frozen=True)
class Course:
    """A folder of submissions, each with changes and a report."""

    folder: Path

    def hands_in(self, name: str, *changes: Change, report: str = "", file: str = "text.txt") -> Path:
        lab = self.folder / "submissions" / name
        write_starter(BUILT_IN, lab)
        for change in changes:
            change(lab)
        if report:
            (lab / file).write_text(report, encoding="utf-8")
        return lab

    def shares(self, name: str) -> dict[str, Twin]:
        known = readings(self.folder)
        files = {submission: reading.files for submission, reading in known.items()}
        return {twin.path: twin for twin in twins(files, dict.fromkeys(files, ""))[name]}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def test_the_same_app_file_is_named_with_the_other_submission(course: Course) -> None:
    course.hands_in("anu", solutions.reference, solutions.constant_page)
    meera = course.hands_in("meera", solutions.fix_crashes, solutions.constant_page)
    # The rest of the app differs, and this file has other comments and another layout.
    anu = course.folder / "submissions" / "anu" / "main.py"
    (meera / "main.py").write_text(
        f"# All mine.\n\n\n{anu.read_text(encoding='utf-8')}\n\n", encoding="utf-8"
    )
    shared = course.shares("anu")
    assert shared.keys() == {"main.py"}
    assert shared["main.py"].sentence == "main.py is the same as in meera."


def test_files_as_they_were_handed_out_are_not_shared_files(course: Course) -> None:
    course.hands_in("anu")
    course.hands_in("meera")
    assert course.shares("anu") == {}


def test_the_same_deletion_is_called_by_its_name(course: Course) -> None:
    def change(lab: Path) -> None:
        solutions.speed_up(lab, "events")

    course.hands_in("anu", change)
    course.hands_in("meera", change)
    assert course.shares("anu")["main.py"].sentence == (
        "main.py is the same as in meera, which only leaves out lines of the starter."
    )


def test_a_locustfile_under_another_name_is_found(course: Course) -> None:
    course.hands_in("anu", solutions.random_people)
    meera = course.hands_in("meera", solutions.random_people)
    (meera / "load" / "events.py").rename(meera / "load" / "mine.py")
    assert course.shares("anu")["load/events.py"].sentence == (
        "load/events.py is the same as in meera (load/mine.py)."
    )


def test_most_of_a_report_under_another_head_is_a_shared_file(course: Course) -> None:
    prose = " ".join(
        f"Request {number} of the journey took its time for reason {number * 7}." for number in range(30)
    )
    course.hands_in("anu", report=f"Name: Anu Pillai\nSRN: 1AB22CS007\n\n{prose}\n\n{text_report()}")
    course.hands_in(
        "meera", report=f"# Report of Meera Nair\n\n{prose}\n\n{markdown_report()}", file="notes.md"
    )
    course.hands_in("ila", report=sound_report())
    shared = course.shares("anu")
    assert shared.keys() == {"text.txt"}
    assert shared["text.txt"].others == (("meera", "notes.md"),)
    assert not shared["text.txt"].same
    assert 0.6 < shared["text.txt"].share < 1
    assert course.shares("ila") == {}


def test_submissions_with_the_same_content_are_not_compared_file_by_file(course: Course) -> None:
    course.hands_in("anu", solutions.random_people)
    course.hands_in("meera", solutions.random_people)
    known = readings(course.folder)
    files = {name: reading.files for name, reading in known.items()}
    assert twins(files, {"anu": "c0ffee", "meera": "c0ffee"}) == {"anu": (), "meera": ()}


def test_many_names_are_counted() -> None:
    twin = Twin("main.py", tuple((f"student {number}", "main.py") for number in range(9)), same=True)
    assert twin.sentence.endswith("student 5 and 3 more.")

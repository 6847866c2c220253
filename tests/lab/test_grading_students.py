"""The author of a submission: read from a report's head and from names, and corrected by the teacher."""

import csv
import io
from pathlib import Path

import pytest

from festgate.lab.grading.roster import FILE, InvalidRoster, read_roster, write_roster
from festgate.lab.grading.students import Student, student_in_head, student_of, students_by_name


@pytest.mark.parametrize(
    "lines",
    [
        ["# Lab report", "**Name:** Meera Nair", "**SRN:** 1AB22CS001", "**Section:** C"],
        ["Name: Meera Nair   SRN: 1ab22cs001    Section: C"],
        ["Name | Meera Nair", "Roll No. | 1AB22CS001", "Sec - C"],
        ["Student Name - Meera Nair", "USN - 1AB22CS001", "Class & Section: C"],
        ["Submitted by Meera Nair (1AB22CS001)", "Section: C"],
        ["SRN: 1AB22CS001, Name: Meera Nair, Section: C"],
    ],
)
def test_labels_in_the_head_of_a_report_name_its_author(lines: list[str]) -> None:
    assert student_in_head(lines) == Student("Meera Nair", "1AB22CS001", "C")


def test_a_line_without_labels_is_a_guess() -> None:
    student = student_in_head(["Cloud Computing Lab", "Meera Nair, 1AB22CS001, Section C"])
    assert (student.name, student.number, student.section) == ("Meera Nair", "1AB22CS001", "C")
    assert student.unsure == {"name", "number", "section"}


def test_the_text_of_a_report_names_nobody() -> None:
    lines = [
        "Load test of the fest portal",
        "One user was spawned, for about 30 s.",
        "The section before: see 12",
    ]
    assert student_in_head(lines) == Student()


@pytest.mark.parametrize(
    "name, student",
    [
        ("Nair Meera_12345_assignsubmission_file_", Student("Nair Meera", account="12345")),
        (
            "nairmeera_LATE_4711_67890_lab-1.zip",
            Student("nairmeera", account="4711", unsure=frozenset({"name"})),
        ),
        (
            "1AB22CS001_MeeraNair_final.zip",
            Student("Meera Nair", "1AB22CS001", unsure=frozenset({"name", "number"})),
        ),
        ("lab", Student()),
    ],
)
def test_names_of_downloads_name_a_student(name: str, student: Student) -> None:
    assert students_by_name(["another one", name])[name] == student


def test_the_common_beginning_of_github_classroom_is_the_assignment() -> None:
    students = students_by_name(["fest-lab-anu-p", "fest-lab-anup", "fest-lab-meera"])
    assert [student.account for student in students.values()] == ["anu-p", "anup", "meera"]
    assert all("name" in student.unsure for student in students.values())


def test_a_label_in_a_report_outranks_the_name_of_the_file_and_a_contradiction_is_marked() -> None:
    head = Student("Meera Nair", "1AB22CS001")
    canvas = Student("nairmeera", account="4711", unsure=frozenset({"name"}))
    assert student_of(canvas, [head]) == Student("Meera Nair", "1AB22CS001", account="4711")
    moodle = Student("Anu Pillai", account="12")
    assert student_of(moodle, [head]).unsure == {"name"}
    assert student_of(Student("Nair Meera", account="12"), [head]).unsure == frozenset()


def rows(folder: Path) -> dict[str, dict[str, str]]:
    text = (folder / FILE).read_text(encoding="utf-8-sig")
    return {row["submission"]: row for row in csv.DictReader(io.StringIO(text))}


def save(folder: Path, table: dict[str, dict[str, str]], *, delimiter: str, encoding: str) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(file, next(iter(table.values())), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(table.values())
    (folder / FILE).write_bytes(file.getvalue().encode(encoding))


@pytest.mark.parametrize("delimiter, encoding", [(",", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-8")])
def test_corrections_stay_and_what_is_read_anew_fills_the_rest(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    guess = Student("Anu", unsure=frozenset({"name"}))
    write_roster(tmp_path, tmp_path, read_roster(tmp_path, tmp_path), {"anu.zip": guess, "=1+1": Student()})
    table = rows(tmp_path)
    assert table["anu.zip"]["unsure"] == "name"
    table["anu.zip"]["name"] = "Anu Pill\u00e4i"
    save(tmp_path, table, delimiter=delimiter, encoding=encoding)
    # The next call reads a number in the report, and only one of the submissions before it was interrupted.
    roster = read_roster(tmp_path, tmp_path)
    now = Student("Anu", "1AB22CS007", unsure=frozenset({"name"}))
    assert roster.corrected("anu.zip", now) == Student("Anu Pill\u00e4i", "1AB22CS007")
    write_roster(tmp_path, tmp_path, roster, {"anu.zip": now})
    assert rows(tmp_path).keys() == {"anu.zip", "'=1+1"}
    assert read_roster(tmp_path, tmp_path).corrected("anu.zip", now).name == "Anu Pill\u00e4i"


def test_a_guess_that_nobody_corrected_is_replaced_by_what_is_read_later(tmp_path: Path) -> None:
    guess = Student("Anu", unsure=frozenset({"name"}))
    write_roster(tmp_path, tmp_path, read_roster(tmp_path, tmp_path), {"anu.zip": guess})
    read = Student("Anu Pillai")
    assert read_roster(tmp_path, tmp_path).corrected("anu.zip", read) == read


def test_an_emptied_cell_confirms_a_guess(tmp_path: Path) -> None:
    guess = Student("Anu", unsure=frozenset({"name"}))
    write_roster(tmp_path, tmp_path, read_roster(tmp_path, tmp_path), {"anu.zip": guess})
    table = rows(tmp_path)
    table["anu.zip"]["unsure"] = ""
    save(tmp_path, table, delimiter=",", encoding="utf-8")
    for _ in range(2):
        roster = read_roster(tmp_path, tmp_path)
        assert roster.corrected("anu.zip", guess) == Student("Anu")
        write_roster(tmp_path, tmp_path, roster, {"anu.zip": guess})


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("a,b\n", "line 1: there is no column `submission`."),
        (
            "submission,name,number,section,gradebook id,unsure\nanu,,,,,\nanu,,,,,\n",
            "line 3: anu has a second line.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRoster, match=sentence):
        read_roster(tmp_path, tmp_path)

"""`festgate lab verify` and `grade` on the command line, and the overview in a browser."""

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.grading.rubric import default_text
from festgate.lab.student.folder import write_starter
from festgate.lab.student.load import code_handed_out, code_now
from tests.lab import solutions
from tests.lab.handout_submissions import HANDOUT, hand_in
from tests.lab.kept_runs import KeptRuns
from tests.lab.report_files import screenshot
from tests.lab.reports import text_report
from tests.rig import axe, command
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import environment

SEED = ("--seed", "7", "--without-load")
FORMULA = "=1+1"
MARKUP = "b <i>&"


@dataclass(frozen=True)
class Grading:
    """The commands of a teacher with a folder of submissions, and their results."""

    folder: Path
    commands: Mapping[str, "subprocess.CompletedProcess[str]"]
    """The commands, by short names."""
    rows: list[dict[str, str]]
    """The rows of the CSV after the first command."""

    @property
    def grades(self) -> Path:
        return self.folder / "grades"


def run_lab(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    known = environment(folder / "data") | {"COLUMNS": "160"}
    return command.run(
        ["lab", *words], known, folder=folder, modules=command.REHEARSAL, forks_all=True, seconds=400
    )


def read_csv(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


@pytest.fixture(scope="module")
def grading(tmp_path_factory: pytest.TempPathFactory) -> Grading:
    """Grade a correct submission, a zip of it, a false improvement with reports, and two that cannot be verified."""
    folder = tmp_path_factory.mktemp("teacher")
    submissions = folder / "submissions"
    right, false, exits, empty = (submissions / name for name in (FORMULA, MARKUP, "c ends", "d empty"))
    write_starter(BUILT_IN, right)
    solutions.reference(right)
    write_starter(BUILT_IN, false)
    solutions.reference(false)
    solutions.fixed_total(false)
    (false / "text.txt").write_text(f"Name: Meera Nair\n{text_report()}", encoding="utf-8")
    (false / "report.html").write_text(f"<pre>{text_report()}</pre>Written by Festgate.", encoding="utf-8")
    exits.mkdir()
    (exits / "main.py").write_text("import sys\napp = sys.exit('not today')\n", encoding="utf-8")
    empty.mkdir()
    with zipfile.ZipFile(submissions / "e.zip", "w") as archive:
        for path in right.rglob("*"):
            if path.is_file():
                archive.write(path, Path("deep") / path.relative_to(right))
    claim = "The average of /events dropped from 451 ms to 324 ms.\n\n![Locust](after.png)\n"
    (empty / "report.md").write_text(claim, encoding="utf-8")
    (empty / "after.png").write_bytes(screenshot(240))
    of_windows = folder / "of windows"
    shutil.copytree(right, of_windows)
    solutions.save_on_windows(of_windows)
    codes = code_handed_out(BUILT_IN, "events"), code_now(BUILT_IN, of_windows, "events")
    KeptRuns(of_windows).pairs("1", 70, *codes)
    (of_windows / "fest.db").write_bytes(b"")
    commands = {"grade": run_lab(folder, "grade", "submissions", *SEED, "--gradebook", "canvas")}
    rows = read_csv(folder / "grades" / "grades.csv")
    (exits / "main.py").write_text("import sys\napp = sys.exit('nor tomorrow'\n", encoding="utf-8")
    (folder / "grades" / "rubric.toml").write_text("[points]\nevents = 5\nreport = 2\n", encoding="utf-8")
    commands["again"] = run_lab(folder, "grade", "submissions", *SEED)
    results = folder / "results.json"
    commands["verify"] = run_lab(
        folder, "verify", str(of_windows), "--json", "--gradescope", str(results), *SEED
    )
    commands["exits"] = run_lab(
        folder, "verify", str(exits), "--gradescope", str(folder / "exits.json"), *SEED
    )
    return Grading(folder, commands, rows)


def test_each_submission_has_a_row_and_a_failure_stops_nothing(grading: Grading) -> None:
    grade = grading.commands["grade"]
    assert grade.returncode == 2, grade.stderr
    assert grade.stdout == (
        f"Not in the file for Canvas, because the student is unknown: {FORMULA}, c ends, d empty, e.zip. Enter the name"
        " or the gradebook id in grades/students.csv.\n"
        "Graded 5 of 5 submissions; 2 passed. See grades/grades.csv and grades/overview.html.\n"
    )
    by_name = {row["submission"]: row for row in grading.rows}
    assert {name: row["result"] for name, row in by_name.items()} == {
        f"'{FORMULA}": "passed",
        MARKUP: "not all",
        "c ends": "not verified",
        "d empty": "not verified",
        "e.zip": "passed",
    }
    false = by_name[MARKUP]
    assert (false["checkout"], false["events"], false["my-events"]) == ("wrong", "improved", "improved")
    assert (false["points"], false["findings"], false["reports"]) == ("7", "fixed-total", "text.txt")
    assert "one-row-of-many" in false["report findings"].split()
    assert by_name["e.zip"]["same as"] == f"'{FORMULA}"
    assert by_name["c ends"]["problem"] == "c ends cannot be run: The app exited with code 1: not today."
    assert by_name["d empty"]["problem"].startswith("There is no main.py in ")
    assert (by_name["d empty"]["events claim"], by_name["d empty"]["events claim and verification"]) == (
        "451 to 324 ms (average)",
        "not compared",
    )


def test_report_and_verification_are_shown_side_by_side(grading: Grading) -> None:
    false = next(row for row in grading.rows if row["submission"] == MARKUP)
    assert (false["name"], false["unsure"], false["report checked"]) == ("Meera Nair", "", "findings")
    assert (false["events claim"], false["events claim and verification"]) == ("451 to 324 ms", "agrees")
    assert false["checkout claim and verification"] == "no claim"
    # The same correct loop in two submissions is a fact, and the zip of the whole submission is named as such.
    assert "main.py is the same as in" in false["same files"]


def test_the_files_for_students_and_for_the_gradebook_are_written(grading: Grading) -> None:
    feedback = (grading.grades / "feedback" / f"{MARKUP}.md").read_text(encoding="utf-8")
    assert feedback.startswith("# Feedback for Meera Nair\n")
    assert "The total stayed the same after a fee had changed." in feedback
    canvas = (grading.grades / "canvas.csv").read_text(encoding="utf-8").splitlines()
    assert canvas[2] == "Meera Nair,,,,,7"
    students = read_csv(grading.grades / "students.csv")
    assert {row["submission"]: row["name"] for row in students}[MARKUP] == "Meera Nair"


def test_a_second_call_verifies_only_changed_submissions(grading: Grading) -> None:
    first, again = grading.commands["grade"].stderr, grading.commands["again"].stderr
    assert first.count("sending requests to the submission") == 2
    assert first.count("sending requests to the starter") == 1
    assert re.findall(r"^(.*): reading the changes", again, re.MULTILINE) == ["c ends"]
    assert len(list((grading.grades / "results").glob("*.json"))) == 2
    now = {row["submission"]: row for row in read_csv(grading.grades / "grades.csv")}
    assert now["c ends"]["problem"].startswith("c ends: main.py, line 2: ")


def test_another_rubric_counts_the_kept_results(grading: Grading) -> None:
    now = {row["submission"]: row for row in read_csv(grading.grades / "grades.csv")}
    assert {name: (row["points"], row["max points"]) for name, row in now.items()} == {
        f"'{FORMULA}": ("12", "14"),
        MARKUP: ("9", "14"),
        "c ends": ("0", "14"),
        "d empty": ("0", "14"),
        "e.zip": ("12", "14"),
    }
    assert "sending requests to the submission" not in grading.commands["again"].stderr


def test_a_submission_from_windows_with_its_runs_is_verified_as_any_other(grading: Grading) -> None:
    verify = grading.commands["verify"]
    assert verify.returncode == 0, verify.stdout + verify.stderr
    # Redirected output of a Windows console has another encoding, which leaves ASCII unchanged.
    assert verify.stdout.isascii()
    assert json.loads(verify.stdout)["findings"] == []


def test_verify_writes_json_and_gradescopes_format(grading: Grading) -> None:
    result = json.loads(grading.commands["verify"].stdout)
    assert (result["passed"], result["others_alike"], result["seed"]) == (True, True, 7)
    assert [route["verdict"] for route in result["routes"]] == ["improved"] * 3
    results = json.loads((grading.folder / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 10.0
    assert [test["status"] for test in results["tests"]] == ["passed"] * 4


def test_a_submission_that_cannot_be_verified_has_a_message_and_a_result(grading: Grading) -> None:
    exits = grading.commands["exits"]
    assert (exits.returncode, exits.stdout) == (2, "")
    assert re.search(r"c ends: main\.py, line 2: .+\n$", exits.stderr)
    results = json.loads((grading.folder / "exits.json").read_text(encoding="utf-8"))
    assert (results["score"], results["tests"][0]["status"]) == (0.0, "failed")


def test_the_overview_opens_offline_sorts_and_is_accessible(grading: Grading, browser: Browser) -> None:
    address = (grading.grades / "overview.html").as_uri()
    for size, scheme in ((PHONE, "dark"), (DESK, "light")):
        with visit(browser, viewport=size, color_scheme=scheme) as seen:
            page = seen.context.new_page()
            page.goto(address)
            names = page.locator(".all tbody th")
            assert names.all_text_contents() == [FORMULA, MARKUP, "c ends", "d empty", "e.zip"]
            assert axe.violations(page) == []
            page.get_by_role("button", name="/checkout").click()
            assert names.all_text_contents()[:3] == [FORMULA, "e.zip", MARKUP]
            page.get_by_role("button", name="Points").click()
            page.get_by_role("button", name="Points").click()
            assert names.all_text_contents()[:2] in ([FORMULA, "e.zip"], ["e.zip", FORMULA])
            assert page.locator("th[aria-sort]").all_text_contents() == ["Points"]
            assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.get_by_role("link", name=MARKUP).click()
            assert page.locator("section:target").get_by_text("fixed-total").count() == 1
            page.get_by_role("link", name="1 screenshot: enter its numbers").click()
            assert page.get_by_role("heading", level=1).inner_text() == "Numbers of report.md"
            assert page.locator("img").count() == 1
            assert seen.problems == []


def test_a_course_with_its_own_starter_is_graded_by_it(tmp_path: Path) -> None:
    hand_in("report-only", tmp_path / "submissions")
    done = run_lab(tmp_path, "grade", "submissions", "--starter", str(HANDOUT), *SEED)
    assert done.returncode == 2, done.stderr
    (row,) = read_csv(tmp_path / "grades" / "grades.csv")
    assert row["problem"] == "There is no main.py in report-only. It holds no code."
    assert (row["reports"], row["events claim"], row["unanswered"]) == (
        "report.pdf",
        "451 to 324 ms (average)",
        "",
    )


def test_the_default_rubric_is_printed() -> None:
    done = command.run(["lab", "grade", "--print-rubric"], environment(Path.cwd()), modules=command.REHEARSAL)
    assert (done.returncode, done.stdout) == (0, default_text())


@pytest.mark.parametrize(
    "words, sentence",
    [
        (
            ("verify", "submissions", "--python", "no-such-python"),
            "--python no-such-python is not a program. Give the path of a Python, such as ",
        ),
        (("verify", "nowhere"), "nowhere does not exist."),
        (("verify", "submissions", "--seconds", "soon"), "'soon' is not a duration: "),
        (("grade", "nowhere"), "nowhere cannot be read: No such file or directory."),
        (("grade", "data"), "data holds no folder and no zip."),
        (("grade",), "Name the folder with the submissions: `festgate lab grade FOLDER`."),
        (("grade", "submissions", "--starter", "data"), "--starter: "),
        (
            ("grade", "submissions", "--rubric", "no.toml"),
            "no.toml cannot be read: No such file or directory.",
        ),
    ],
)
def test_wrong_arguments_are_explained_in_a_sentence(
    grading: Grading, words: tuple[str, ...], sentence: str
) -> None:
    (grading.folder / "data").mkdir(exist_ok=True)
    done = run_lab(grading.folder, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(sentence)

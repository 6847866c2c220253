"""`festgate lab compare`, `hint` and `report` when they refuse at once, or are interrupted and clean up."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.student.answers import answers_in
from festgate.lab.student.copies import copy_app, write_fixed_starter
from festgate.lab.student.folder import write_starter
from festgate.lab.student.load import code_handed_out, code_now
from festgate.rehearsal.runner import servers
from festgate.rehearsal.runs.store import list_runs
from tests.lab import solutions
from tests.lab.practice import Student
from tests.rig import command
from tests.rig.server import environment
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    """A student with three faster pages and no runs yet."""
    student = Student(tmp_path_factory.mktemp("student"))
    write_starter(BUILT_IN, student.lab)
    solutions.reference(student.lab)
    return student


def test_the_fixed_starter_is_the_starter_but_for_its_crashes(tmp_path: Path) -> None:
    repaired = tmp_path / "repaired"
    write_fixed_starter(BUILT_IN, repaired)
    assert {name: code_now(BUILT_IN, repaired, name) for name in ROUTES} == {
        name: code_handed_out(BUILT_IN, name) for name in ROUTES
    }
    assert all("1 / 0" not in path.read_text(encoding="utf-8") for path in repaired.rglob("*.py"))
    assert sum("1 / 0" in path.read_text(encoding="utf-8") for path in BUILT_IN.folder.rglob("*.py")) == 2


def test_a_copy_of_the_app_has_its_code_and_no_more(student: Student, tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    write_fixed_starter(BUILT_IN, lab)
    for name in (
        "fest.db",
        "fest.db-journal",
        ".env",
        "runs/1/notes.py",
        "env/pyvenv.cfg",
        "events/names.txt",
    ):
        (lab / name).parent.mkdir(parents=True, exist_ok=True)
        (lab / name).write_text("kept\n", encoding="utf-8")
    (lab / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    copy_app(BUILT_IN, lab, tmp_path / "bare", with_data=False)
    copy_app(BUILT_IN, lab, tmp_path / "whole", with_data=True)
    bare, whole = (
        {path.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("*")}
        for name in ("bare", "whole")
    )
    assert whole - bare == {"fest.db", "fest.db-journal"}
    assert {"main.py", "checkout/__init__.py", "templates/base.html", "events/names.txt"} <= bare
    assert not {name for name in bare if name.startswith(("runs", "load", "env", ".", "elsewhere"))}


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("compare", "basket", "lab"), "basket is not one of checkout, events, my-events."),
        (("compare", "events", "."), "There is no main.py in "),
        (("compare", "events", "lab", "--pairs", "3"), "--pairs 3: a comparison needs at least 6 pairs."),
        (
            ("compare", "events", "lab", "--users", "1", "--seconds", "30"),
            "With 1 user and a pause of 1.5 s after each response, 30 s have at most 20 requests, but a",
        ),
        (("compare", "events", "lab", "--python", "no-python"), "no-python is not a program."),
        (("hint", "basket", "lab"), "There is no hint basket. Choose one of arrivals-dropped, "),
        (("hint", "drift", "lab", "--run", "none"), "lab/runs/none is not the folder of a run"),
        (("report", "."), "There is no main.py in "),
    ],
)
def test_wrong_arguments_are_explained_in_a_sentence(
    student: Student, words: tuple[str, ...], sentence: str
) -> None:
    done = student.types(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_hint_without_a_run_still_has_its_question(student: Student) -> None:
    hint = student.types("hint", "too-few-runs", "lab")
    assert hint.returncode == 0, hint.stderr
    assert "? Look at the points of one side" in hint.stdout
    page = (student.lab / "hints" / "too-few-runs.html").read_text(encoding="utf-8")
    assert "There is no run to show this with yet" in page
    assert student.types("hint", "lab").stdout.startswith("No hint applies")


def test_an_app_that_does_not_start_or_fails_is_reported_before_the_first_run(tmp_path: Path) -> None:
    broken = Student(tmp_path)
    write_starter(BUILT_IN, broken.lab)
    broken.speeds_up("checkout")
    failing = broken.types("compare", "checkout", "lab")
    assert failing.stderr.startswith(
        "Your app responds to /checkout with status 500, so its response times cannot be compared."
    )
    broken.edits("main.py", "app = FastAPI(", "app = FastAPI[0](")
    dead = broken.types("compare", "checkout", "lab")
    assert re.search(r"The server ended before it answered \(exit code 1\): .*TypeError", dead.stderr)
    assert [(command.returncode, command.stdout) for command in (failing, dead)] == [(2, "")] * 2
    assert not (broken.lab / "runs").exists()


@pytest.mark.parametrize(
    "browser, sentence",
    [
        ("no-browser", "no-browser is not a program."),
        (sys.executable, "python.* took no screenshot of http://127"),
    ],
    ids=["no program", "no browser"],
)
def test_a_report_shows_what_is_missing(tmp_path: Path, browser: str, sentence: str) -> None:
    begun = Student(tmp_path)
    write_starter(BUILT_IN, begun.lab)
    report = begun.types("report", "lab", "--browser", browser)
    assert report.returncode == 0, report.stderr
    assert re.search(sentence, report.stdout)
    assert report.stdout.endswith("0 of 7 parts are done. The report is lab/report.html\n")
    page = (begun.lab / "report.html").read_text(encoding="utf-8")
    assert page.count("was not compared yet.</p>") == len(ROUTES)
    assert page.count("This route has no run of its own yet.") == len(ROUTES)
    assert "<code>festgate lab crash</code> has not recorded a failing page yet." in page
    assert page.count("Not answered yet.") == len(answers_in(BUILT_IN, begun.lab))
    assert "<img" not in page
    assert re.search(sentence, page)


def test_an_interrupted_comparison_keeps_its_runs_and_leaves_no_process(student: Student) -> None:
    log = student.folder / "compare.log"
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        words = ["lab", "compare", "checkout", "lab"]
        process = command.start(
            words,
            environment(student.folder / "data"),
            nothing,
            output,
            output,
            folder=student.folder,
            modules=command.REHEARSAL,
        )
    runs = student.lab / "runs"
    until(lambda: any(path.stat().st_size for path in runs.glob("*/*.samples")), "the first requests", 60)
    started = psutil.Process(process.pid).children(recursive=True)
    temporary = {process.cwd() for process in started} - {str(student.folder)}
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert f"Interrupted. The completed runs are kept in {runs}." in log.read_text(encoding="utf-8")
    assert not [process for process in started if process.is_running()]
    assert temporary
    assert not [folder for folder in temporary if Path(folder).exists()]
    (run,) = list_runs(runs)
    assert (run.state, run.plan.label) == ("cut", "checkout-before")
    assert json.loads((run.folder / "run.json").read_text(encoding="utf-8"))["server"]["build"] == (
        code_handed_out(BUILT_IN, "checkout")
    )


def test_an_interrupt_while_a_server_is_started_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  (passed on)
            super().__init__(*arguments, **named)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(KeyboardInterrupt), servers.serving(sleeper, tmp_path):
        pass
    assert not psutil.pid_exists(started[0])


def test_an_interrupt_while_a_server_is_ended_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_process: psutil.Process, *, recursive: bool) -> list[psutil.Process]:
        assert recursive
        signal.raise_signal(signal.SIGINT)
        return []

    monkeypatch.setattr(psutil.Process, "children", interrupted)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as sleeper:
        with pytest.raises(KeyboardInterrupt):
            servers.end_process(sleeper)
        left = sleeper.poll() is None
        sleeper.kill()
    assert not left


def test_a_page_with_too_few_responses_ends_the_comparison_after_that_run(
    tmp_path: Path,
) -> None:
    hasty = Student(tmp_path)
    write_starter(BUILT_IN, hasty.lab)
    solutions.reference(hasty.lab)
    # It sleeps on the event loop, so responses come one after another: 36 until the end of a run.
    solutions.edit(hasty.lab, "main.py", solutions.SHOW_TOTAL, f"    time.sleep(0.3)\n{solutions.SHOW_TOTAL}")
    solutions.edit(hasty.lab, "main.py", "\ndef checkout(", "\nasync def checkout(")
    solutions.edit(hasty.lab, "main.py", "from pathlib", "import time\nfrom pathlib")
    done = hasty.types("compare", "checkout", "lab", "--users", "100", "--seconds", "1", "--warm-up", "0")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "which needs 60 in each run, so the comparison would be refused." in done.stderr
    assert done.stderr.endswith("See `festgate lab hint too-few-samples`.\n")
    # On a slow machine already the starter may have too few responses.
    labels = [run.plan.label for run in reversed(list_runs(hasty.lab / "runs"))]
    assert labels in (["checkout-before", "checkout-after"], ["checkout-before"])

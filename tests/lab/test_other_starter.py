"""A lab of a course's own starter: every command works on it, and leaves out the parts that the starter lacks."""

import os
import re
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.lab.description.file import starter_of
from festgate.lab.description.reading import read_starter
from festgate.lab.description.starter import BUILT_IN, ROUTES, Crash, Starter
from festgate.lab.report.content import read_lab
from festgate.lab.student.code import fingerprint_of
from festgate.lab.student.copies import copy_database, fill_database, write_fixed_starter
from festgate.lab.student.crash import pages_of, take_snapshot
from festgate.lab.student.folder import NoLab, known_starter, load_file, quoted, starter_files, write_starter
from festgate.lab.student.load import code_handed_out, code_now
from festgate.lab.student.progress import parts
from festgate.rehearsal.runs.store import Run, list_runs
from tests.lab.environment import python_of_the_handout
from tests.lab.practice import Student, serving
from tests.lab.solutions import edit
from tests.lab.test_description import APP
from tests.rig import command
from tests.rig.lengths import LONG, length
from tests.rig.server import environment
from tests.rig.waiting import until

HANDOUT = Path(__file__).parent / "handout"
LOOP = "    waste = 0\n    for i in range(1000000):\n        waste += i\n"
COUNTING = '        fee = row["fee"]\n        while fee > 0:\n            total += 1\n            fee -= 1\n'


@pytest.fixture
def student(tmp_path: Path) -> Student:
    """Return a student with a copy of the course's handout, and the handout beside it."""
    shutil.copytree(HANDOUT, tmp_path / "handout", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(tmp_path / "handout", tmp_path / "lab")
    return Student(tmp_path)


@pytest.fixture
def starter(student: Student) -> Starter:
    """Return the description of the handout."""
    return starter_of(student.folder / "handout")


def test_a_starter_is_handed_out_without_its_data_environment_and_description(starter: Starter) -> None:
    for name in (
        "fest.db",
        "lab.toml",
        ".venv/lib/a.py",
        "env/pyvenv.cfg",
        "env/a.py",
        "__pycache__/a.pyc",
        ".git/x",
    ):
        (starter.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (starter.folder / name).write_bytes(b"")
    (starter.folder / "link.py").symlink_to(starter.folder / "main.py")
    files = {path.as_posix() for path in starter_files(starter)}
    assert files == {
        path.relative_to(HANDOUT).as_posix()
        for path in HANDOUT.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_fixed_starter_keeps_the_crash_that_may_stay(starter: Starter, tmp_path: Path) -> None:
    write_fixed_starter(starter, tmp_path / "fixed")
    assert "1 / 0" not in (tmp_path / "fixed/checkout/__init__.py").read_text(encoding="utf-8")
    assert "        1 / 0\n" in (tmp_path / "fixed/main.py").read_text(encoding="utf-8")
    assert {name: code_now(starter, tmp_path / "fixed", name) for name in ROUTES} == {
        name: code_handed_out(starter, name) for name in ROUTES
    }


@pytest.mark.parametrize(
    "line, fixed",
    [
        ("    raise ValueError(\n        'planted')\n", "    pass\n"),
        ("    é = '€'; one = 1 // 0\n", "    é = '€'; one = 1\n"),
    ],
)
def test_a_crash_of_any_form_is_fixed_in_place_and_fixing_it_is_no_change(
    tmp_path: Path, line: str, fixed: str
) -> None:
    (tmp_path / "given").mkdir()
    code = f"{APP}def total():\n{line}    return 2\n"
    (tmp_path / "given" / "main.py").write_text(code, encoding="utf-8")
    given = read_starter(tmp_path / "given").starter
    write_fixed_starter(given, tmp_path / "fixed")
    assert (tmp_path / "fixed" / "main.py").read_text(encoding="utf-8") == code.replace(line, fixed)
    assert code_now(given, tmp_path / "fixed", "checkout") == code_handed_out(given, "checkout")


def test_a_crash_that_moved_is_still_fixed_and_one_that_is_gone_is_named(
    starter: Starter, tmp_path: Path
) -> None:
    edit(starter.folder, "checkout/__init__.py", "def checkout", "# one\n# more line\ndef checkout")
    write_fixed_starter(starter, tmp_path / "moved")
    assert "1 / 0" not in (tmp_path / "moved/checkout/__init__.py").read_text(encoding="utf-8")
    gone = replace(starter, crashes=(Crash("database.py", 3, "1 / 0", "/checkout"),))
    with pytest.raises(NoLab, match=r"The crash `1 / 0` is not in .*database\.py\. Correct lab\.toml"):
        write_fixed_starter(gone, tmp_path / "gone")


def test_the_load_and_the_script_that_fills_the_database_are_not_the_apps_code(
    student: Student, starter: Starter
) -> None:
    edit(student.lab, "insert_events.py", "500", "501")
    edit(student.lab, "locust/locust/journey_locustfile.py", "between(1, 2)", "between(0, 1)")
    for path in starter.paths.values():
        assert fingerprint_of(starter, student.lab, path) == fingerprint_of(starter, starter.folder, path)
    edit(student.lab, "main.py", LOOP, "")
    changed = [
        name for name in ROUTES if code_now(starter, student.lab, name) != code_handed_out(starter, name)
    ]
    assert changed == ["events"]


def test_a_change_behind_a_router_with_a_prefix_is_of_its_route_alone(tmp_path: Path) -> None:
    pages = "".join(
        f"@router.get('/{name}')\ndef {name}(user: str):\n    return work_{name}()\n"
        f"def work_{name}():\n    return {name!r}\n"
        for name in ("checkout", "events", "my_events")
    )
    app = (
        "from fastapi import FastAPI\nimport a\napp = FastAPI()\napp.include_router(a.router, prefix='/v1')\n"
    )
    for name in ("given", "changed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text(app, encoding="utf-8")
        code = pages if name == "given" else pages.replace("return 'events'", "return 'no events'")
        code = f"from fastapi import APIRouter\nrouter = APIRouter()\n{code}"
        (tmp_path / name / "a.py").write_text(code, encoding="utf-8")
    given = read_starter(tmp_path / "given").starter
    assert given.paths["events"] == "/v1/events"
    changed = [
        name for name in ROUTES if code_now(given, tmp_path / "changed", name) != code_handed_out(given, name)
    ]
    assert changed == ["events"]


def test_the_script_fills_the_copy_and_both_sides_get_its_database(starter: Starter, tmp_path: Path) -> None:
    write_fixed_starter(starter, tmp_path / "before")
    fill_database(starter, tmp_path / "before", sys.executable)
    (tmp_path / "after").mkdir()
    copy_database(starter, tmp_path / "before", tmp_path / "after")
    with closing(sqlite3.connect(tmp_path / "after" / "fest.db")) as connection:
        assert connection.execute("SELECT count(*), sum(fee) FROM events").fetchone() == (9, 2900)
    assert not (starter.folder / "fest.db").exists()


def test_a_starter_without_a_script_hands_on_the_database_that_it_holds(
    starter: Starter, tmp_path: Path
) -> None:
    fill_database(starter, starter.folder, sys.executable)
    write_fixed_starter(starter, tmp_path / "before")
    assert not (tmp_path / "before" / "fest.db").exists()
    fill_database(replace(starter, fill=""), tmp_path / "before", sys.executable)
    (tmp_path / "after").mkdir()
    copy_database(starter, tmp_path / "before", tmp_path / "after")
    with closing(sqlite3.connect(tmp_path / "after" / "fest.db")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (9,)


@pytest.mark.parametrize(
    "code, sentence",
    [
        ("raise SystemExit('no table')", "The starter's insert_events.py failed: no table"),
        ("pass", "made no fest.db. Correct fill or database"),
    ],
)
def test_a_script_that_fills_nothing_is_reported(
    starter: Starter, tmp_path: Path, code: str, sentence: str
) -> None:
    (starter.folder / "insert_events.py").write_text(code, encoding="utf-8")

    def fill() -> None:
        fill_database(starter, starter.folder, sys.executable)
        copy_database(starter, starter.folder, tmp_path)

    with pytest.raises(NoLab, match=sentence):
        fill()


def test_the_lab_has_only_the_parts_that_the_starter_has(student: Student, starter: Starter) -> None:
    titles = [part.title for part in parts(starter, student.lab)]
    assert titles == ["Use it", "Crash it", "Fix it", "Load each route", "Speed each route up", "Compare"]
    bare = replace(starter, crashes=())
    assert len(parts(bare, student.lab)) == len(titles) - 2
    assert len(parts(BUILT_IN, student.lab)) == len(titles) + 1
    content = read_lab(starter, student.lab)
    assert (content.answers, content.audited) == ({}, None)


def test_a_route_without_a_locustfile_is_named(starter: Starter) -> None:
    load = {name: place for name, place in starter.load.items() if name != "events"}
    with pytest.raises(NoLab, match=r"no locustfile for events\. Add it to \[load\] in .*lab\.toml"):
        load_file(replace(starter, load=load), starter.folder, "events")


def test_pages_are_requested_under_the_starters_own_paths() -> None:
    other = replace(
        BUILT_IN,
        person="who",
        paths={"checkout": "/v1/cart", "events": "/v1/list", "my-events": "/v1/mine"},
        others={"register_event": "/v1/join/{number:int}"},
    )
    assert pages_of(other) == [
        "/v1/list?who=looking_on",
        "/v1/join/404?who=looking_on",
        "/v1/mine?who=looking_on",
        "/v1/cart?who=looking_on",
        "/docs",
    ]


def test_a_lab_remembers_the_starter_that_was_named(student: Student) -> None:
    named = student.types("status", "lab", "--starter", "handout")
    again = student.types("status", "lab")
    assert named.stdout == again.stdout
    assert again.stdout.endswith("0 of 6 parts are done.\n")
    assert known_starter(student.lab) == (student.folder / "handout").resolve()
    shutil.rmtree(student.folder / "handout")
    gone = student.types("status", "lab")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "does not exist any more. Name its folder with --starter." in gone.stderr


def test_a_lab_of_another_starter_is_new_and_complete(student: Student, tmp_path: Path) -> None:
    made = student.types("new", "my lab", "--starter", "handout")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "The lab is in my lab. Start the app with `festgate lab serve 'my lab'`.\n"
    assert (tmp_path / "my lab" / "locust" / "locust" / "journey_locustfile.py").is_file()
    refused = student.types("status", "lab", "--starter", "nowhere")
    assert (refused.returncode, refused.stderr) == (2, "--starter: nowhere does not exist.\n")


def test_an_unchanged_route_is_not_compared_and_a_missing_starter_file_is_no_load(student: Student) -> None:
    same = student.types("compare", "events", "lab", "--starter", "handout")
    assert (same.returncode, same.stdout) == (2, "")
    assert same.stderr.startswith("The code behind /events is unchanged, so there is nothing to compare.")


def test_a_python_that_refuses_the_starter_is_named_with_the_commands_for_a_fitting_one(
    student: Student,
) -> None:
    edit(student.lab, "main.py", LOOP, "")
    done = student.types("compare", "events", "lab", "--starter", "handout")
    assert (done.returncode, done.stdout) == (2, "")
    # Without python-multipart it does not start; with it, Starlette refuses a call of its time.
    refused = r"(no request\. .*multipart.*|/events with status 500\. )"
    assert re.search(rf"^With .* the starter responds to {refused}Make an environment", done.stderr)
    assert "bin/python -m pip install fastapi==0.128.0 " in done.stderr
    assert "starlette==0.50.0" in done.stderr
    assert "In PowerShell: `py -m venv " in done.stderr


def test_a_served_handout_crashes_and_is_fixed(student: Student, starter: Starter) -> None:
    python = python_of_the_handout()
    fill_database(starter, student.lab, sys.executable)
    with serving(student, "--starter", "handout", "--python", python) as address:
        crashed = student.types("crash", "lab", "--host", address)
        edit(student.lab, "checkout/__init__.py", "    1 / 0\n", "    # 1 / 0\n")
        snapshot = take_snapshot(starter, address)
        while "/checkout" in snapshot.failed:
            snapshot = take_snapshot(starter, address)
        fixed = student.types("crash", "lab", "--host", address)
    assert "/register_event/404, /checkout failed; the other 5 responded." in crashed.stdout.replace(
        "\n", " "
    )
    assert "/register_event/404 failed; the other 6 responded." in fixed.stdout.replace("\n", " ")
    done = [part.title for part in parts(starter, student.lab) if part.done]
    assert done == ["Crash it", "Fix it"]
    report = student.types("report", "lab", "--browser", "no-browser")
    assert report.stdout.endswith("2 of 6 parts are done. The report is lab/report.html\n")
    page = (student.lab / "report.html").read_text(encoding="utf-8")
    assert "The six parts" in page
    assert "Not answered yet." not in page


@pytest.mark.torture
def test_a_faster_route_of_a_handout_is_compared_with_its_packages(
    student: Student, starter: Starter
) -> None:
    edit(student.lab, "checkout/__init__.py", "    1 / 0\n", "    # 1 / 0\n")
    edit(student.lab, "checkout/__init__.py", COUNTING, '        total += row["fee"]\n')
    seconds = ("--seconds", length("3", "6"), "--warm-up", length("0", "1"))
    words = ("--users", length("120", "60"), *seconds, "--python", python_of_the_handout())
    log = student.folder / "compare.log"
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        process = command.start(
            ["lab", "compare", "checkout", "lab", "--starter", "handout", *words],
            environment(student.folder / "data"),
            nothing,
            output,
            output,
            folder=student.folder,
            modules=command.REHEARSAL,
        )

    def kept() -> list[Run]:
        return [run for run in list_runs(student.lab / "runs") if run.state == "whole"]

    try:
        if not LONG:
            until(lambda: len(kept()) >= 2 or process.poll() is not None, "runs of both sides", 120)
            process.send_signal(signal.SIGINT)
        code = process.wait(300)
    finally:
        process.send_signal(signal.SIGKILL)
    runs = kept()
    assert len(runs) >= length(2, 12), log.read_text(encoding="utf-8")
    # The verdict depends on the machine; 2 would be a refusal. The short form is interrupted.
    assert code in length({130}, {0, 1, 3}), log.read_text(encoding="utf-8")
    assert {run.server["build"] for run in runs} == {
        code_handed_out(starter, "checkout"),
        code_now(starter, student.lab, "checkout"),
    }
    assert all(not run.measured().failed.any() for run in runs)
    assert student.types("report", "lab", "--browser", "none").stdout.count("of 6 parts are done") == 1


@pytest.mark.parametrize(
    "path, argument",
    [
        ("lab", "lab"),
        ("../lab-1/a.b", "../lab-1/a.b"),
        ("my lab", "'my lab'"),
        ("a$b", "'a$b'"),
        ("Asha's", '"Asha\'s"'),
    ],
)
def test_a_path_in_a_command_is_right_in_both_kinds_of_shell(path: str, argument: str) -> None:
    assert quoted(Path(path)) == argument


def test_a_starter_can_be_written_only_into_an_empty_folder(starter: Starter, student: Student) -> None:
    with pytest.raises(NoLab, match="is not empty"):
        write_starter(starter, student.lab)

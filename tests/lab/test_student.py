"""The exercise as a student does it in two terminals, and what `festgate lab status` shows of it."""

import json
import re
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.student.crash import pages_of, snapshots_in, take_snapshot
from festgate.lab.student.folder import write_starter
from festgate.lab.student.load import UNKNOWN_CODE, code_handed_out, code_now, with_code
from festgate.lab.student.progress import parts
from festgate.lab.student.server import is_served
from festgate.rehearsal.runs.plan import Users
from festgate.rehearsal.runs.store import list_runs
from tests.lab.kept_runs import KeptRuns
from tests.lab.practice import Student, serving, status_of
from tests.rig.waiting import until


@dataclass(frozen=True)
class Exercise:
    """The first four parts, done."""

    student: Student
    outputs: Mapping[str, "subprocess.CompletedProcess[str]"]
    """The finished commands, by a name for each."""
    missing: Mapping[str, list[int]]
    """The parts that were still open after each step."""
    served: tuple[bool, bool]
    """Whether the server belonged to the lab, and to the folder around it."""


def open_parts(student: Student) -> list[int]:
    return [part.number for part in parts(BUILT_IN, student.lab) if not part.done]


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    student = Student(tmp_path_factory.mktemp("student"))
    outputs = {"new": student.types("new", "lab"), "again": student.types("new", "lab")}
    missing = {"new": open_parts(student)}
    with serving(student) as address:
        port = address.rpartition(":")[2]
        outputs["second server"] = student.types("serve", "lab", "--port", port)
        httpx.get(f"{address}/register_event/1?user=asha", trust_env=False, verify=False)
        missing["a link"] = open_parts(student)
        httpx.post(
            f"{address}/register",
            data={"username": "asha", "password": "sesame"},
            trust_env=False,
            verify=False,
        )
        missing["used"] = open_parts(student)
        outputs["crash"] = student.types("crash", "lab", "--host", address)
        missing["crash"] = open_parts(student)
        student.fixes_checkout()
        student.edits(
            "main.py", "        1 / 0\n", '        return Response("There is no such event.", 404)\n'
        )
        until(lambda: status_of(f"{address}/register_event/404?user=asha") == 404, "event 404, fixed", 60)
        until(lambda: status_of(f"{address}/checkout") == 200, "checkout, fixed", 60)
        outputs["repaired"] = student.types("crash", "lab", "--host", address)
        missing["repaired"] = open_parts(student)
        short = ("--host", address, "--duration", "2s", "--warm-up", "0s")
        served = (is_served(student.lab, address), is_served(student.folder, address))
        outputs["load"] = student.types("load", "events", "lab", *short)
        outputs["status"] = student.types("status", "lab")
    outputs["no server"] = student.types("crash", "lab", "--host", address)
    return Exercise(student, outputs, missing, served)


def test_the_lab_is_made_once_and_a_port_belongs_to_one_server(exercise: Exercise) -> None:
    new, again, second = (exercise.outputs[name] for name in ("new", "again", "second server"))
    assert new.returncode == 0
    assert "README.md" in new.stdout
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "lab is not empty, and its files would be overwritten. Choose another name.\n"
    assert second.returncode == 2
    assert re.fullmatch(r"Port \d+ cannot be used: .+ choose another port with --port\.\n", second.stderr)


def test_a_snapshot_shows_what_one_bug_did_to_each_page_before_and_after(exercise: Exercise) -> None:
    crash, repaired = exercise.outputs["crash"], exercise.outputs["repaired"]
    assert (crash.returncode, repaired.returncode) == (1, 0), crash.stderr + repaired.stderr
    assert "Before" not in crash.stdout
    assert re.search(r"/checkout +│ 500, [\d,]+ ms", crash.stdout)
    assert re.search(r"/events +│ 200, [\d,]+ ms", crash.stdout)
    assert "/register_event/404, /checkout failed; the other 5 responded." in crash.stdout
    assert "Before, at " in repaired.stdout
    assert re.search(r"/checkout +│ 500, [\d,]+ ms +│ 200, [\d,]+ ms", repaired.stdout)
    assert re.search(r"/register_event/404 +│ 500, [\d,]+ ms +│ 404, [\d,]+ ms", repaired.stdout)
    assert "Now every page responds." in repaired.stdout


def test_a_server_that_ends_takes_its_app_with_it_and_is_reported(exercise: Exercise) -> None:
    crash = exercise.outputs["no server"]
    assert crash.returncode == 2
    assert "Start it in another terminal with `festgate lab serve`" in crash.stderr
    assert len(snapshots_in(exercise.student.lab)) == 2


def test_a_load_is_kept_with_the_code_that_answered(exercise: Exercise) -> None:
    load = exercise.outputs["load"]
    assert load.returncode == 0, load.stderr
    assert "/events?user=locust_user" in load.stdout
    assert re.search(
        r"^Hints: too-few-samples, .+\. Show one with `festgate lab hint CODE`\.$", load.stdout, re.MULTILINE
    )
    assert load.stdout.endswith("The code behind /events is as it was handed out.\n")
    (run,) = list_runs(exercise.student.lab / "runs")
    assert run.state == "whole"
    assert run.server["build"] == code_handed_out(BUILT_IN, "events")
    assert (run.plan.load, run.plan.duration) == (Users(1, 1.0), 2.0)
    assert len(run.measured()) >= 1
    assert (run.folder / "report.html").stat().st_size > 10_000


def test_a_server_is_recognised_by_its_folder(exercise: Exercise) -> None:
    assert exercise.served == (True, False)
    assert not is_served(exercise.student.lab, "http://127.0.0.1:none")


def test_status_follows_the_work_and_a_registration_link_does_not_count(exercise: Exercise) -> None:
    assert exercise.missing == {
        "new": [1, 2, 3, 4, 5, 6, 7],
        "a link": [1, 2, 3, 4, 5, 6, 7],
        "used": [2, 3, 4, 5, 6, 7],
        "crash": [3, 4, 5, 6, 7],
        "repaired": [4, 5, 6, 7],
    }
    status = exercise.outputs["status"]
    assert status.returncode == 1
    assert "3 of 7 parts are done." in status.stdout
    assert "/my-events: not loaded yet: `festgate lab load my-events`." in status.stdout
    assert "/events: not loaded" not in status.stdout
    assert "/events: the code behind it is as it was handed out." in status.stdout


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("load", "basket", "."), "There is no main.py in "),
        (("status", "."), "There is no main.py in "),
        (("serve", "."), "There is no main.py in "),
        (("crash", "."), "There is no main.py in "),
        (("load", "basket", "lab"), "basket is not one of checkout, events, my-events, journey."),
        (("load", "events", "lab", "--duration", "soon"), "'soon' is not a duration: "),
        (("crash", "lab", "--host", "http://"), "http:// is not an address. "),
    ],
)
def test_a_command_that_cannot_run_ends_with_one_sentence(
    exercise: Exercise, words: tuple[str, ...], sentence: str
) -> None:
    done = exercise.student.types(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_all_pages_fail_on_a_server_that_accepts_connections_and_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        snapshot = take_snapshot(BUILT_IN, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
    assert len(snapshot.failed) == len(pages_of(BUILT_IN))
    assert {page.status for page in snapshot.pages} == {0}


@dataclass(frozen=True)
class LabWithRuns(KeptRuns):
    """A lab with runs of other days."""

    student: Student

    def missing(self, part: int, route: str) -> str:
        """Return what is missing for that route in a part."""
        missing = parts(BUILT_IN, self.student.lab)[part - 1].missing
        return next(
            (text.removeprefix(f"{route}: ") for text in missing if text.startswith(f"{route}: ")), ""
        )


@pytest.fixture
def lab(tmp_path: Path) -> LabWithRuns:
    student = Student(tmp_path)
    write_starter(BUILT_IN, student.lab)
    (student.lab / "runs").mkdir()
    return LabWithRuns(student.lab, student)


def test_a_load_counts_if_the_code_and_the_locustfile_are_as_handed_out(lab: LabWithRuns) -> None:
    was = code_handed_out(BUILT_IN, "events")
    lab.run("events", "code of another day", "1-events")
    assert (
        lab.missing(4, "/events") == "there is no run of its code as it was handed out, with the crash fixed."
    )
    lab.student.edits("load/events.py", "locust_user", "another_user")
    lab.run("events", was, "2-events", load=lab.student.lab)
    assert lab.missing(4, "/events") == "no run used the locustfile as it was handed out."
    lab.run("events", was, "3-events", failed=3)
    assert lab.missing(4, "/events") == "some requests failed in every run of it."
    lab.run("events", was, "4-events")
    assert lab.missing(4, "/events") == ""


def test_a_run_of_unknown_code_or_with_a_reload_does_not_count(lab: LabWithRuns) -> None:
    was = code_handed_out(BUILT_IN, "events")
    for code in ("", "code of a minute ago"):
        lab.run("events", was, f"1-{code}")
        (run, *_) = list_runs(lab.student.lab / "runs")
        kept = with_code(BUILT_IN, replace(run, server={}), lab.student.lab, "events", code)
        assert kept.server == ({"build": f"{code}, then {was}"} if code else {})
        assert (UNKNOWN_CODE in kept.notes) == (not code)
    assert (
        lab.missing(4, "/events") == "there is no run of its code as it was handed out, with the crash fixed."
    )


def test_a_route_is_sped_up_if_its_changed_code_was_loaded_with_the_same_load(lab: LabWithRuns) -> None:
    student = lab.student
    for route in ROUTES:
        lab.run(route, code_handed_out(BUILT_IN, route), f"1-{route}")
        assert lab.missing(5, BUILT_IN.paths[route]) == "the code behind it is as it was handed out."
    student.speeds_up("events")
    student.edits("load/events.py", "between(1, 2)", "between(0, 1)")
    assert lab.missing(5, "/events").startswith("its locustfile was changed")
    student.edits("load/events.py", "between(0, 1)", "between(1, 2)")
    assert lab.missing(5, "/events").startswith("there is no run of its code as it is now")
    lab.run("events", code_now(BUILT_IN, student.lab, "events"), "2-events")
    assert [lab.missing(number, "/events") for number in (4, 5)] == ["", ""]
    student.edits("main.py", "events=all_events())", "events=list(all_events()))")
    assert lab.missing(5, "/events").startswith("there is no run of its code as it is now")
    student.edits("database.py", "EVENTS = [", "EVENTS = ")
    assert lab.missing(5, "/events").startswith("database.py, line ")


def test_the_last_comparison_counts_if_it_is_not_refused(lab: LabWithRuns) -> None:
    not_yet = "not compared yet: `festgate lab compare events`."
    assert lab.missing(6, "/events") == not_yet
    was = code_handed_out(BUILT_IN, "events")
    lab.student.speeds_up("events")
    now = code_now(BUILT_IN, lab.student.lab, "events")
    lab.pairs("1", 40, was, now, count=5)
    assert lab.missing(6, "/events").startswith(
        "the last comparison is refused. Two runs of one build differ"
    )
    lab.pairs("2", 70, was, now)
    assert lab.missing(6, "/events") == ""
    lab.pairs("3", 10, now, now)
    assert lab.missing(6, "/events").startswith(
        "the last comparison is refused. Both sides are the same build"
    )


def test_a_comparison_counts_for_the_starter_and_the_code_as_it_is_now(lab: LabWithRuns) -> None:
    was, missing = (
        code_handed_out(BUILT_IN, "events"),
        "its code has changed since the comparison: `festgate lab compare events`.",
    )
    lab.student.speeds_up("events")
    now = code_now(BUILT_IN, lab.student.lab, "events")
    lab.pairs("1", 40, "code of a slower baseline", now)
    assert lab.missing(6, "/events").startswith("the side before is not the starter")
    lab.pairs("2", 70, was, now)
    assert lab.missing(6, "/events") == ""
    lab.student.edits("main.py", "events=all_events())", "events=list(all_events()))")
    assert lab.missing(6, "/events") == missing


def test_the_last_part_is_done_when_all_questions_are_answered(lab: LabWithRuns) -> None:
    report = lab.student.lab / "report.md"
    before = parts(BUILT_IN, lab.student.lab)[6].missing
    assert before[1] == "/checkout: not answered yet."
    lines = report.read_text(encoding="utf-8").splitlines()
    answered = [
        f"{line}\n\nIn run 3, 28 requests, the median.\n" if line.startswith("###") else line
        for line in lines
    ]
    report.write_text("\n".join(answered), encoding="utf-8")
    assert parts(BUILT_IN, lab.student.lab)[6].missing == ()


def test_damaged_snapshots_are_ignored(lab: LabWithRuns) -> None:
    (lab.student.lab / "crash.json").write_text(json.dumps({"looks": [{"at": 1}]}), encoding="utf-8")
    assert snapshots_in(lab.student.lab) == []

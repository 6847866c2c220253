"""The rehearsal's commands as a user types them: their output, their errors, their exit codes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from festgate.ports import free_port
from tests.rehearsal.target import answering, journey, welcome
from tests.rig import command
from tests.rig.server import environment

SERVER = """
import sys, time
sys.path.insert(0, {root!r})
from tests.rig import command
from tests.rehearsal.target import Target, welcome

def answer(path):
    if path == "/page":
        time.sleep(float(sys.argv[2]) / 1000)
    return welcome(path)

Target(answer, port=int(sys.argv[1])).serve_forever()
"""


def festgate(
    folder: Path, *words: str, seconds: float = 120, extra: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder, with `extra` added to the environment."""
    known = environment(folder / "data", extra) | {"COLUMNS": "120"}
    return command.run(
        list(words), known, folder=folder, modules=command.REHEARSAL, forks_all=True, seconds=seconds
    )


def server(folder: Path) -> str:
    """Return a command that serves /page after some milliseconds, the last argument."""
    script = folder / "server.py"
    script.write_text(SERVER.format(root=str(Path.cwd())), encoding="utf-8")
    return f"{sys.executable} {script} {{port}}"


@dataclass(frozen=True)
class Kept:
    """A folder with two runs, one whose limit held and one whose limit did not, and how their commands ended."""

    folder: Path
    held: "subprocess.CompletedProcess[str]"
    broken: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Two runs of two seconds against a server that is not Festgate."""
    folder = tmp_path_factory.mktemp("kept")
    with answering(welcome) as target:
        words = ["rehearse", journey(folder), "--host", target.url, "--users", "2"]
        words += ["--duration", "2s", "--warm-up", "0s"]
        held = festgate(folder, *words, "--label", "one", "--fail-if", "errors < 1%", "--format", "junit")
        broken = festgate(folder, *words, "--label", "two", "--fail-if", "rate(/page) > 100000/s")
    return Kept(folder, held, broken)


def test_a_threshold_that_holds_ends_with_0_and_one_that_does_not_with_1(kept: Kept) -> None:
    assert kept.held.returncode == 0, kept.held.stderr
    (suite,) = ET.fromstring(kept.held.stdout).iter("testsuite")  # noqa: S314  (our own)
    assert suite.attrib["failures"] == "0"
    assert "errors < 1%" in [case.attrib["name"] for case in suite.iter("testcase")]
    assert kept.broken.returncode == 1, kept.broken.stderr
    assert "rate(/page) > 100000/s" in kept.broken.stdout
    assert "report.html" in kept.broken.stderr


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["rehearse", "no_such_journey"], "no_such_journey is neither a journey"),
        (
            ["ab", "events", "--before", "x", "--after", "y", "--metric", "turned_away"],
            "no metric of a comparison",
        ),
        (["rehearse", "events", "--fail-if", "p95 is fine"], "is not a threshold"),
        (
            ["rehearse", "events", "--host", "http://127.0.0.1:{free}", "--fail-if", "cpu < 1ms"],
            "cpu cannot be",
        ),
        (
            ["ab", "events", "--before", "http://127.0.0.1:{free}", "--after", "HEAD", "--metric", "cpu"],
            "cpu cannot be measured of http://127.0.0.1",
        ),
        (["rehearse", "events", "--duration", "long"], "'long' is not a duration"),
        (["rehearse", "events", "--label", "a/b"], "letters, digits"),
        (["rehearse", "events", "--format", "pdf"], "Invalid value for '--format'"),
        (["rehearse", "events", "--host", "http://127.0.0.1:{free}"], "Nothing answers at"),
        (["runs", "show", "no-such-run"], "is not the folder of a run"),
        (["compare", "one"], "cannot be split into two halves"),
        (["ab", "events", "--before", "x", "--after", "y", "--pairs", "3"], "fewer than 6 pairs"),
        (
            ["ab", "events", "--before", "x", "--after", "y", "--until-decided", "--at-most", "5"],
            "--at-most 5: fewer than 6 pairs",
        ),
        (
            ["ab", "events", "--before", "x", "--after", "y", "--until-decided", "--pairs", "9"],
            "With --until-decided, set --at-most 9",
        ),
        (["ab", "events", "--before", "x", "--after", "y", "--at-most", "9"], "needs --until-decided"),
        (["ab", "events", "--before", "no-such-revision", "--after", "y"], "nor a revision of the checkout"),
        (["ab", "events", "--before", "x", "--after", "y", "--margin", "much"], "write a share"),
        (["ab", "events", "--before", "x", "--after", "y", "--metric", "speed"], "--metric"),
        (
            ["ab", "events", "--before", "x", "--after", "y", "--format", "pdf"],
            "Invalid value for '--format'",
        ),
        (
            ["ab", "events", "--before", "x", "--after", "y", "--at-once", "--metric", "p95(/events)"],
            "--at-once compares cpu alone, not p95(/events)",
        ),
        (["calibrate", "--at-once", "--metric", "cpu", "--metric", "rate"], "compares cpu alone, not rate"),
        (["capacity", "events", "--slo", "quick"], "is not a threshold"),
    ],
)
def test_wrong_use_is_reported_in_one_sentence_and_exit_code_2(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = festgate(tmp_path, *(word.replace("{free}", str(free_port())) for word in words))
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("festgate-runs/*"))


@pytest.mark.parametrize(
    "form, words, sentence",
    [
        ("junit", ["rehearse", "events", "--host", "http://127.0.0.1:{free}"], "Nothing answers at"),
        ("json", ["rehearse", "events", "--fail-if", "errors < 0"], "can never be met"),
        ("json", ["ab", "events", "--before", "no-such", "--after", "y"], "nor a revision of the checkout"),
        ("junit", ["compare", "one"], "cannot be split into two halves"),
        ("junit", ["capacity", "events", "--slo", "p95 < 300"], "Write 'p95 < 300ms' or 'p95 < 300s'."),
    ],
)
def test_a_command_without_a_result_writes_its_reason_in_the_format_too(
    tmp_path: Path, form: str, words: list[str], sentence: str
) -> None:
    done = festgate(tmp_path, *(word.replace("{free}", str(free_port())) for word in words), "--format", form)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    if form == "junit":
        (case,) = ET.fromstring(done.stdout).iter("testcase")  # noqa: S314  (our own)
        (error,) = case
        assert (case.get("name"), error.tag) == (words[0], "error")
        assert sentence in error.get("message", "")
    else:
        report = json.loads(done.stdout)
        assert (report["kind"], report["command"], report["exit_code"]) == ("error", words[0], 2)
        assert sentence in report["words"][0]


def test_without_a_host_it_runs_against_a_temporary_portal_and_removes_it(tmp_path: Path) -> None:
    done = festgate(
        tmp_path,
        "rehearse",
        "attendee",
        "--rate",
        "4",
        "--duration",
        "4s",
        "--warm-up",
        "1s",
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert "/tickets/{code}" in json.dumps(report)
    (folder,) = (tmp_path / "festgate-runs").iterdir()
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert run["server"]["build"].startswith("festgate ")
    sides = {
        line.split(",")[0] for line in (folder / "resources.csv").read_text(encoding="utf-8").splitlines()[1:]
    }
    assert sides == {"generator", "server"}
    assert (folder / "report.html").stat().st_size > 10_000
    assert not (tmp_path / "data").exists()


def test_runs_are_listed_shown_exported_and_pruned(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.folder / "festgate-runs", tmp_path / "festgate-runs")
    listed = festgate(tmp_path, "runs", "list").stdout
    names = [word for word in listed.split() if word.endswith(("-one", "-two"))]
    assert len(names) == 2
    assert names[0].endswith("-two")
    assert "/page" in festgate(tmp_path, "runs", "show", names[0], "--format", "markdown").stdout
    done = festgate(tmp_path, "runs", "export", names[0], "requests.csv")
    lines = (tmp_path / "requests.csv").read_text(encoding="utf-8").splitlines()
    assert f"{len(lines) - 1} requests in requests.csv." in done.stdout
    assert lines[1].startswith("/page,")
    again = festgate(tmp_path, "runs", "export", names[0], "requests.csv")
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    assert "1 deleted" in festgate(tmp_path, "runs", "prune", "--keep", "1", "--yes").stdout
    assert [entry.name for entry in (tmp_path / "festgate-runs").iterdir()] == [names[0]]


def test_the_capacity_of_a_server_that_answers_one_at_a_time_is_found(tmp_path: Path) -> None:
    words = ["--begin", "40", "--rates", "1", "--repeats", "1", "--duration", "1s", "--warm-up", "0.5s"]
    script = tmp_path / "one.py"
    script.write_text(
        SERVER.format(root=str(Path.cwd()))
        .replace("import sys, time", "import sys, threading, time\none = threading.Lock()")
        .replace("        time.sleep(", "        with one: time.sleep("),
        encoding="utf-8",
    )
    target = f"{sys.executable} {script} {{port}} 10"
    done = festgate(
        tmp_path,
        "capacity",
        journey(tmp_path),
        "--slo",
        "p50 < 200ms",
        "--target",
        target,
        "--format",
        "json",
        *words,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    # Each request takes a hundredth of a second, so 100 a second is the maximum, and 40 are easy.
    assert 40 <= report["most"] < report["breaks_at"]
    assert 80 <= report["breaks_at"] <= 320


def test_a_rehearsal_of_another_program_opens_no_database(kept: Kept) -> None:
    assert not list(kept.folder.rglob("*.sqlite3"))

"""Comparisons of real portals: a build that sleeps in `/events`, the same build twice; and the capacity of one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from festgate.rehearsal.runner.builds import resolve_build
from tests.docs.terminal import DOCS, Terminal
from tests.docs.test_rehearsal_docs import HOW_TO, SHELL
from tests.rehearsal.test_commands import festgate
from tests.rig.server import serving
from tests.rules.project import ROOT

SLEEP = 0.020
"""Seconds, several times the duration of `/events`."""
JOURNEY = """
from locust import FastHttpUser, constant, task

class Guest(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/events")
"""
RUN = ("--users", "3", "--warm-up", "0.5s", "--duration", "1.2s", "--pairs", "6", "--metric", "p50(/events)")


def copied(folder: Path) -> Path:
    """Copy the program's code; return the folder of the copy."""
    source = folder / "src"
    shutil.copytree(
        ROOT / "src" / "festgate", source / "festgate", ignore=shutil.ignore_patterns("__pycache__")
    )
    return source


def change(file: Path, text: str, other: str) -> None:
    before = file.read_text(encoding="utf-8")
    assert before.count(text) == 1
    file.write_text(before.replace(text, other), encoding="utf-8")


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A folder with a journey, and the URLs of this build and of one that sleeps."""
    folder = tmp_path_factory.mktemp("builds")
    (folder / "journey.py").write_text(JOURNEY, encoding="utf-8")
    source = copied(folder)
    route = "async def show_list(self, request: Request) -> Response:\n"
    slow = f"{route}        import asyncio\n        await asyncio.sleep({SLEEP})\n"
    change(source / "festgate" / "portal" / "catalogue" / "pages.py", route, slow)
    with (
        serving(folder / "one", "--demo") as one,
        serving(folder / "other", "--demo", extra={"PYTHONPATH": str(source)}) as other,
    ):
        yield folder, one.url, other.url


def kept(folder: Path, label: str) -> tuple[list[str], list[str]]:
    """Return the names of the runs with that label: before, after."""
    names = sorted(entry.name for entry in (folder / "festgate-runs").iterdir() if label in entry.name)
    return [name for name in names if "-before" in name], [name for name in names if "-after" in name]


def gate(before: str, after: str) -> str:
    """Return the how-to's script with these two builds instead of its revisions, and with shorter runs."""
    script = SHELL.search((DOCS / HOW_TO).read_text(encoding="utf-8"))
    assert script
    text = script["text"]
    for original, replacement in (
        ("ab events", "ab journey.py --label planted"),
        ("--before origin/main --after HEAD", f"--before {before} --after {after}"),
        ("--rate 80 --pairs 10 --warm-up 8s --duration 10s", " ".join([*RUN[:-4], "--until-decided"])),
        ("'p95(/events)'", f"'{RUN[-1]}'"),
    ):
        assert text.count(original) == 1, original
        text = text.replace(original, replacement)
    return text


def test_the_gate_of_the_how_to_detects_and_names_a_slower_route(
    builds: tuple[Path, str, str],
) -> None:
    folder, before, after = builds
    (folder / "gate.sh").write_text(gate(before, after), encoding="utf-8")
    code, output = Terminal(folder).run("sh gate.sh")
    assert code == 1, output
    assert output.splitlines()[-1] == "Slower: see speed.html."
    suites = ET.parse(folder / "speed.xml").getroot()  # noqa: S314  (our own)
    assert [case.attrib["name"] for case in suites.iter("testcase") if case.find("failure") is not None] == [
        RUN[-1]
    ]
    assert "Regressed" in (folder / "speed.html").read_text(encoding="utf-8")
    runs = kept(folder, "planted")
    # Of at most forty pairs.
    assert 6 <= len(runs[0]) == len(runs[1]) <= 10
    assert f"After {len(runs[0])} pairs: regressed, p50(/events) +" in output
    again = festgate(folder, "compare", *runs[0], *runs[1], "--metric", "p50(/events)", "--format", "json")
    assert (again.returncode, json.loads(again.stdout)["verdict"]) == (1, "regressed"), again.stderr
    assert json.loads(again.stdout)["until_decided"] is True


def test_the_same_build_twice_is_no_regression_and_gives_the_smallest_detectable_difference(
    builds: tuple[Path, str, str],
) -> None:
    folder, url, _ = builds
    done = festgate(folder, "calibrate", "journey.py", "--target", url, *RUN, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "p50(/events): the smallest detectable difference is" in done.stdout
    before, after = kept(folder, "calibrate")
    # Noise in such short runs stays below this margin, so a larger difference would be an error of the method.
    words = ["--metric", "p50(/events)", "--margin", "25%", "--format", "json"]
    compared = festgate(folder, "compare", *before, *after, *words)
    assert json.loads(compared.stdout)["verdict"] in {"equivalent", "inconclusive", "changed"}, (
        compared.stdout
    )


def test_the_capacity_of_the_portal_within_a_limit_is_found(builds: tuple[Path, str, str]) -> None:
    folder, url, _ = builds
    # A limit with a known end: the portal answers more than thirty requests a second, which it forbids.
    limits = ["--slo", "p95 < 5s, errors < 1%, rate < 30/s"]
    words = [
        "--target",
        url,
        "--begin",
        "20",
        "--rates",
        "1",
        "--repeats",
        "1",
        "--seed",
        "7",
        "--workers",
        "2",
    ]
    times = ["--warm-up", "0.5s", "--duration", "1.5s"]
    done = festgate(folder, "capacity", "journey.py", *limits, *words, *times, "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [step["rate"] for step in report["steps"]] == [20, 40, 28.3]
    for step in report["steps"]:
        samples = [*(folder / "festgate-runs" / step["run"]).glob("*.samples")]
        assert len([file for file in samples if file.stat().st_size]) == 2
    assert [step["holds"] for step in report["steps"]][:2] == [True, False]
    assert (report["most"], report["breaks_at"]) in {(20, 28.3), (28.3, 40)}
    # Fitting the law takes five different loads, and these are three.
    assert report["law"] is None
    assert "too few for the scalability law" in report["law_refused"]


def test_a_revision_of_the_checkout_serves_the_code_of_that_time(tmp_path: Path) -> None:
    app = copied(tmp_path) / "festgate" / "portal" / "app.py"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]

    def commit(message: str) -> None:
        subprocess.run([*git, "add", "src"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", message], check=True)

    subprocess.run([*git, "init", "--quiet"], check=True)
    change(app, '"ok\\n"', '"as it was\\n"')
    commit("then")
    change(app, '"as it was\\n"', '"as it is\\n"')
    commit("now")
    with resolve_build("HEAD~1", tmp_path) as then, then.serve() as server:
        assert server is not None
        assert httpx.get(f"{server.url}/healthz", trust_env=False, verify=False).text == "as it was\n"
        assert "festgate at" in json.dumps(server.identity)
    listed = subprocess.run([*git, "worktree", "list"], check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1

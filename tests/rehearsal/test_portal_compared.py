"""Two builds of the portal, played in turn: one that sleeps in `/events`, and the same one twice."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.test_commands import festgate
from tests.rules.project import ROOT

SLEEP = 0.020
"""Seconds: several times what `/events` takes."""
JOURNEY = """
from locust import FastHttpUser, constant, task

class Guest(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/events")
"""
PLAY = ("--users", "3", "--warm-up", "0.5s", "--duration", "1.2s", "--pairs", "6", "--metric", "p50(/events)")


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with this build of the portal, and after it one that sleeps."""
    folder = tmp_path_factory.mktemp("builds")
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "festgate", folder / "src" / "festgate", ignore=without)
    (folder / "journey.py").write_text(JOURNEY, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "src")
    git(folder, "commit", "--quiet", "--message", "as it is")
    pages = folder / "src" / "festgate" / "catalogue" / "pages.py"
    text = pages.read_text(encoding="utf-8")
    route = "async def show_list(self, request: Request) -> Response:\n"
    assert text.count(route) == 1
    slow = f"{route}        import asyncio\n        await asyncio.sleep({SLEEP})\n"
    pages.write_text(text.replace(route, slow), encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message", "slower")
    yield folder
    # Nothing of the comparison is left behind.
    listed = subprocess.run(
        ["git", "-C", str(folder), "worktree", "list"], check=True, capture_output=True, text=True
    )
    assert len(listed.stdout.splitlines()) == 1


def kept(folder: Path, label: str) -> tuple[list[str], list[str]]:
    """The runs of a comparison with that label: before, after."""
    names = sorted(entry.name for entry in (folder / "festgate-runs").iterdir() if label in entry.name)
    return [name for name in names if "-before" in name], [name for name in names if "-after" in name]


def test_a_sleep_planted_in_a_route_is_a_regression_and_is_named(checkout: Path) -> None:
    words = ["ab", "journey.py", "--before", "HEAD~1", "--after", "HEAD", "--label", "planted"]
    done = festgate(checkout, *words, *PLAY, "--format", "json", seconds=300)
    assert done.returncode == 1, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["verdict"] == "regressed"
    assert told["primary"]["metric"] == "p50(/events)"
    before, after = kept(checkout, "planted")
    assert (len(before), len(after)) == (6, 6)
    again = festgate(checkout, "compare", *before, *after, "--metric", "p50(/events)", "--format", "json")
    assert (again.returncode, json.loads(again.stdout)["verdict"]) == (1, "regressed"), again.stderr
    same = festgate(checkout, "compare", *before, *before, "--metric", "p50(/events)")
    assert same.returncode == 2
    assert "did not change" in same.stdout


def test_the_same_build_twice_is_no_regression_and_tells_what_can_be_seen_here(checkout: Path) -> None:
    done = festgate(checkout, "calibrate", "journey.py", "--target", "HEAD~1", *PLAY, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "p50(/events): the smallest difference to be seen here is" in done.stdout
    before, after = kept(checkout, "calibrate")
    # A margin that no noise of so short runs reaches: what is found beyond it would be a fault of the method.
    words = ["--metric", "p50(/events)", "--margin", "25%", "--accept", "same-build", "--format", "json"]
    compared = festgate(checkout, "compare", *before, *after, *words)
    assert json.loads(compared.stdout)["verdict"] in {"equivalent", "inconclusive", "changed"}, (
        compared.stdout
    )

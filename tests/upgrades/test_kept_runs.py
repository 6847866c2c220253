"""Today's commands read runs that an older release has stored."""

import json
from pathlib import Path

import pytest

from tests.rig import command
from tests.rig.server import environment
from tests.upgrades.old_fest import unpack

OLD = ("20261129T060546-old", "20261129T060557-old")
TWO_WORKERS = "20261129T060609-two_workers"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Unpack a folder with stored runs."""
    return unpack("runs.tar.xz", tmp_path)


def festgate(folder: Path, *words: str) -> tuple[int, str, str]:
    variables = environment(folder / "data") | {"COLUMNS": "120"}
    result = command.run(list(words), variables, folder=folder, modules=command.REHEARSAL, seconds=120)
    return result.returncode, result.stdout, result.stderr


def test_old_runs_are_listed_with_their_requests(kept: Path) -> None:
    code, listed, errors = festgate(kept, "runs", "list")
    assert (code, errors) == (0, "")
    for name in (*OLD, TWO_WORKERS):
        (line,) = [line for line in listed.splitlines() if name in line]
        assert ("80" if name in OLD else "20") in line.replace(name, "")


@pytest.mark.parametrize("name", [OLD[0], TWO_WORKERS])
def test_an_old_run_is_shown_and_exported(kept: Path, name: str) -> None:
    code, shown, errors = festgate(kept, "runs", "show", name)
    assert code == 0, errors
    assert "/events" in shown
    code, _, errors = festgate(kept, "runs", "export", name, "requests.csv")
    assert code == 0, errors
    requests = (kept / "requests.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(requests) == (80 if name in OLD else 20)


def test_old_runs_are_compared_or_refused_with_reasons(kept: Path) -> None:
    code, compared, errors = festgate(kept, "compare", *OLD, "--format", "json", "--report", "report.html")
    report = json.loads(compared)
    assert report["kind"] == "comparison"
    assert (code, errors.count("Traceback")) == (report["exit_code"], 0)
    assert {name for name in OLD if name in (kept / "report.html").read_text(encoding="utf-8")} == set(OLD)

"""The wheel, installed alone with the packages of the portal's lock, serves the demo from an empty folder."""

import importlib.metadata
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from festgate.ports import free_port
from tests.rig.waiting import until
from tests.rules.project import ROOT

NAME = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def run(*words: str | Path, folder: Path) -> str:
    """Run a command that must succeed; return its output."""
    result = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def link_locked_packages(target: Path) -> None:
    """Make the installed packages of the portal's lock, and no others, importable from `target`."""
    lock = (ROOT / "requirements" / "portal.lock").read_text(encoding="utf-8")
    for name in NAME.findall(lock):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        for top in {file.parts[0] for file in files if file.parts[0] not in {"..", "__pycache__"}}:
            (target / top).symlink_to(importlib.metadata.distribution(name).locate_file(top).resolve())  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with the portal's packages; return the path of its `festgate`."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from flit_core.buildapi import build_wheel; build_wheel(sys.argv[1])"
    run(sys.executable, "-c", build, folder, folder=ROOT)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    run(
        sys.executable,
        *("-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel),
        folder=folder,
    )
    (packages,) = (folder / "env" / "lib").glob("python3*/site-packages")
    link_locked_packages(packages)
    return folder / "env" / "bin" / "festgate"


@contextmanager
def serving(program: Path, folder: Path) -> Iterator[str]:
    """Serve the demo from an empty folder; return its address."""
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FESTGATE_", "PYTHON"))
    }
    with subprocess.Popen(
        [str(program), "serve", "--demo", "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def test_the_wheel_serves_the_demo_from_an_empty_folder(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as url:
        until(lambda: is_ready(url), "the demo responds", 60)
        page = httpx.get(f"{url}/events", trust_env=False, verify=False)
        assert page.status_code == 200
        assert "Robo Race" in page.text
        for address in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)):
            assert httpx.get(f"{url}{address}", trust_env=False, verify=False).status_code == 200, address
    assert (tmp_path / "festgate-data" / "festgate.sqlite3").exists()


def test_a_command_that_needs_an_extra_names_it_in_a_one_line_error(program: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [str(program), "rehearse", "events", "--users", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stdout
    assert "festgate[rehearsal]" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1

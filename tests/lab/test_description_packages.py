"""The pinned packages of a starter: its own, or those of the date of its files."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from festgate.lab.description.modules import read_modules
from festgate.lab.description.packages import Pins, pins_of
from festgate.lab.description.starter import BUILT_IN

UNPINNED = "fastapi\nuvicorn\njinja2\npython-multipart\nlocust\n"
NAME_FIRST = 'templates.TemplateResponse("a.html", {})\n'


def dated(folder: Path, files: Mapping[str, str], day: str) -> Path:
    """Write files of that day."""
    seconds = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, (seconds, seconds))
    return folder


def pins(folder: Path) -> Pins:
    """Return the pins of a starter."""
    return pins_of(folder, read_modules(folder))


def test_packages_without_versions_get_those_of_the_day(tmp_path: Path) -> None:
    folder = dated(tmp_path, {"main.py": "", "requirements.txt": UNPINNED}, "2024-02-20")
    assert pins(folder) == Pins(
        (
            "fastapi==0.108.0",
            "uvicorn==0.25.0",
            "jinja2==3.1.2",
            "python-multipart==0.0.6",
            "locust==2.20.0",
            "starlette==0.32.0.post1",
        ),
        "for 20 February 2024, the date of the newest of its files",
    )


def test_older_files_get_the_first_versions_and_newer_ones_none(tmp_path: Path) -> None:
    assert "fastapi==0.65.2" in pins(dated(tmp_path, {"main.py": ""}, "2019-05-01")).packages
    late = pins(dated(tmp_path, {"main.py": ""}, "2031-05-01"))
    assert late.packages == ()
    assert "Festgate's table of versions ends before 1 May 2031" in late.source


def test_code_that_names_the_template_first_gets_a_starlette_that_takes_it(tmp_path: Path) -> None:
    young = pins(dated(tmp_path, {"main.py": NAME_FIRST}, "2026-10-20"))
    assert "starlette==0.50.0" in young.packages
    assert "Starlette 1.0 refuses" in young.source
    old = pins(dated(tmp_path, {"main.py": NAME_FIRST}, "2023-10-20"))
    assert "starlette==0.27.0" in old.packages
    assert (
        pins(dated(tmp_path, {"main.py": "templates.TemplateResponse(r, 'a')"}, "2026-10-20"))
        .packages[-1]
        .startswith("starlette==1.")
    )


def test_a_starter_with_versions_keeps_them_and_unknown_packages_stay_unpinned(tmp_path: Path) -> None:
    files = {
        "main.py": "",
        "requirements.txt": "# ours\nFastAPI==0.99.1 ; python_version > '3'\nuvicorn[standard]==0.22\n",
    }
    assert pins(dated(tmp_path, files, "2024-02-20")) == Pins(
        ("fastapi==0.99.1", "uvicorn==0.22"), "from requirements.txt"
    )
    files["requirements.txt"] = "fastapi\naiofiles>=23\n"
    assert pins(dated(tmp_path, files, "2024-02-20")).packages[:2] == ("fastapi==0.108.0", "aiofiles")


def test_the_last_commit_counts_and_no_setting_of_the_repository_runs(tmp_path: Path) -> None:
    folder, trap = tmp_path / "course", tmp_path / "trap"
    folder.mkdir()
    (folder / "main.py").write_text("", encoding="utf-8")
    known = os.environ | {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", "Asha"),
            ("EMAIL", "asha@example.org"),
            ("DATE", "2023-02-03T04:05:06+00:00"),
        )
    }
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n", encoding="utf-8")
    program.chmod(0o755)
    for words in (
        ["init", "--quiet"],
        ["add", "main.py"],
        ["commit", "--quiet", "--message", "Hand out"],
        ["config", "core.fsmonitor", str(program)],
        ["config", "core.pager", str(program)],
        ["config", "gpg.program", str(program)],
        ["config", "log.showSignature", "true"],
        ["config", "uploadpack.packObjectsHook", str(program)],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True, env=known)
    made = pins(folder)
    assert made.source == "for 3 February 2023, the date of its last commit"
    assert "fastapi==0.88.0" in made.packages
    assert not trap.exists()


@pytest.mark.parametrize("system", [("linux", "Linux"), ("win32", "Windows"), ("darwin", "Darwin")])
def test_the_pins_of_festgates_own_starter_are_complete_on_each_system(system: tuple[str, str]) -> None:
    environment = {
        "sys_platform": system[0],
        "platform_system": system[1],
        "extra": "",
    }
    text = (BUILT_IN.folder / "requirements.txt").read_text(encoding="utf-8")
    names = {canonicalize_name(line.partition("==")[0]) for line in text.splitlines() if "==" in line}
    needed = {
        canonicalize_name(requirement.name)
        for name in names
        for requirement in map(Requirement, requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }
    assert needed <= names

"""The project: its folder and the files that belong to it."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@cache
def files(*endings: str) -> tuple[Path, ...]:
    """Return the tracked files and new files that are not ignored; with `endings`, only those with such a name.

    Without a repository (an unpacked archive), these are all files outside ignored folders and those of tools.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        ignored = {
            line.strip("/\n") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        }
        paths = [path for path in ROOT.rglob("*") if not ignored & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in paths if path.is_file() and path.name.endswith(endings or ("",))))


def lines(path: Path) -> list[str]:
    """Return the lines of a text file; none if it is not text (an image)."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def name(path: Path) -> str:
    """Return the path relative to the project's folder."""
    return path.relative_to(ROOT).as_posix()


@cache
def pyproject() -> dict[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

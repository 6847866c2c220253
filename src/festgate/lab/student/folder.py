"""A student's folder: the starter as it is handed out, and where its parts lie.

main.py and the folders beside it   the app
load/                               the locustfiles
runs/                               what the rehearsal kept
crash.json, crash.html              looks at the running app, and the last page that failed
report.md                           the questions, and the student's answers
hints/                              what weakens or forbids a comparison, shown with its runs
report.html                         all of it on one page
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

STARTER: Final = Path(__file__).parent.parent / "starter"
APP: Final = "main.py"
LOAD: Final = "load"
RUNS: Final = "runs"
SNAPSHOTS: Final = "crash.json"
CRASH_PAGE: Final = "crash.html"
REPORT: Final = "report.md"
PAGE: Final = "report.html"
HINTS: Final = "hints"
ROUTES: Final = {"checkout": "/checkout", "events": "/events", "my-events": "/my-events"}
"""The three that are loaded and sped up, by what they are called on the command line."""
JOURNEY: Final = "journey"
_DESKTOP: Final = frozenset({".ds_store", ".localized", "desktop.ini", "thumbs.db"})


class NoLab(Exception):
    """A folder is none of a student's, or cannot become one; the sentence says why."""


def find_program(named: str) -> Path | None:
    """What is meant by a name or a path, as typed; None where there is no such program.

    Not resolved: the link in an environment is what tells its packages.
    """
    # A path without its ending is found by Windows' own shell, and not by `which` of Python 3.11.
    names = (named, f"{named}.exe") if sys.platform == "win32" else (named,)
    found = next((each for each in map(shutil.which, names) if each), None)
    return None if found is None else Path(found).absolute()


def interpreter(python: str) -> str:
    """What runs a student's app: also from another folder than this. Raises NoLab where it is not there."""
    if not python:
        return sys.executable
    found = find_program(python)
    if found is None:
        example = r".venv\Scripts\python.exe" if sys.platform == "win32" else ".venv/bin/python"
        msg = f"{python} is no program. Give the path of a Python, as {example}."
        raise NoLab(msg)
    return str(found)


def is_of_desktop(name: str) -> bool:
    """Whether a file of that name was put there by who only looked into the folder: Finder, Explorer."""
    return name.lower() in _DESKTOP or name.startswith("._")


def write_starter(folder: Path) -> None:
    """Write the starter into `folder`, which is not there yet or empty: all of it, or nothing. Raises NoLab."""
    made = not folder.exists()
    try:
        if not made and not all(is_of_desktop(entry.name) for entry in folder.iterdir()):
            msg = f"{folder} is not empty, and nothing in it is to be lost. Choose another name."
            raise NoLab(msg)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".starter-", dir=folder, ignore_cleanup_errors=True
        ) as staging:
            _copy(Path(staging))
            for entry in sorted(Path(staging).iterdir()):
                entry.replace(folder / entry.name)
    except OSError as error:
        # It was empty, or was not there.
        for entry in {folder / path.parts[0] for path in starter_files()}:
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                with suppress(OSError):
                    entry.unlink()
        if made:
            with suppress(OSError):
                folder.rmdir()
        msg = f"The starter cannot be written into {folder}: {error.strerror}."
        raise NoLab(msg) from None


def lab_in(folder: Path) -> Path:
    """`folder` as a whole path, if a student's app lies in it. Raises NoLab."""
    if not (folder / APP).is_file():
        msg = f"There is no {APP} in {folder.resolve()}. Make a lab with `festgate lab new DIR`, and go into DIR."
        raise NoLab(msg)
    return folder.resolve()


def locustfile(folder: Path, name: str) -> Path:
    """The student's own locustfile of a route, or of the journey. Raises NoLab where it is gone, or no such name."""
    if name not in (*ROUTES, JOURNEY):
        msg = f"{name} is none of {', '.join((*ROUTES, JOURNEY))}."
        raise NoLab(msg)
    file = load_file(folder, name)
    if not file.is_file():
        msg = f"{file} is gone. `festgate lab new` in another folder gives you a fresh one to copy."
        raise NoLab(msg)
    return file


def load_file(folder: Path, name: str) -> Path:
    """Where the locustfile of a route lies."""
    return folder / LOAD / f"{name.replace('-', '_')}.py"


def starter_files() -> Iterator[Path]:
    """The files that are handed out, below STARTER."""
    for path in sorted(STARTER.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(STARTER)


def _copy(target: Path) -> None:
    for path in starter_files():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Bytes alone: what is installed may be read-only, and this is to be edited.
        copy.write_bytes((STARTER / path).read_bytes())

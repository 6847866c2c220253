"""A student's folder: the starter as it is handed out, and the places of its files.

main.py and the folders beside it   the app
load/                               the locustfiles; another starter may have other places for both
runs/                               the kept runs
crash.json, crash.html              snapshots of the running app, and the last page that failed
report.md                           the questions, and the student's answers
hints/                              pages about what weakens or forbids a comparison
report.html                         everything on one page
.starter                            the folder of another starter, as it was named with --starter
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from festgate.files import write_atomically
from festgate.lab.description.modules import is_skipped
from festgate.lab.description.starter import DESCRIPTION, JOURNEY, ROUTES, Starter

RUNS: Final = "runs"
SNAPSHOTS: Final = "crash.json"
CRASH_PAGE: Final = "crash.html"
PAGE: Final = "report.html"
HINTS: Final = "hints"
MEMORY: Final = ".starter"
DATABASES: Final = ("*.db", "*.db-*", "*.sqlite", "*.sqlite3")
_PLAIN: Final = re.compile(r"[\w./\\:+,@-]+")
"""Characters that no shell treats in a special way; `\\` is one only if it separates folders."""
_DESKTOP: Final = frozenset({".ds_store", ".localized", "desktop.ini", "thumbs.db"})


class NoLab(Exception):
    """A missing or unusable part of the lab. The message names it and the reason."""


def find_program(name: str) -> Path | None:
    """Find a program by its name or path as typed; return None if there is none.

    Symbolic links are kept: Python finds the packages of an environment by the link in it.
    """
    # Windows' own shell finds a path without its ending; `which` of Python 3.11 does not.
    names = (name, f"{name}.exe") if sys.platform == "win32" else (name,)
    program = next((path for path in map(shutil.which, names) if path), None)
    return None if program is None else Path(program).absolute()


def interpreter(python: str) -> str:
    """Return the absolute path of the Python that runs a student's app. Raises NoLab if there is none."""
    if not python:
        return sys.executable
    program = find_program(python)
    if program is None:
        example = r".venv\Scripts\python.exe" if sys.platform == "win32" else ".venv/bin/python"
        msg = f"{python} is not a program. Give the path of a Python, such as {example}."
        raise NoLab(msg)
    return str(program)


def is_of_desktop(name: str) -> bool:
    """Return whether Finder or Explorer creates a file of this name when a user opens the folder."""
    return name.lower() in _DESKTOP or name.startswith("._")


def write_starter(starter: Starter, folder: Path) -> None:
    """Write the starter into `folder`, which is empty or does not exist: completely or not at all. Raises NoLab."""
    is_new = not folder.exists()
    try:
        if not is_new and not all(is_of_desktop(entry.name) for entry in folder.iterdir()):
            msg = f"{folder} is not empty, and its files would be overwritten. Choose another name."
            raise NoLab(msg)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".starter-", dir=folder, ignore_cleanup_errors=True
        ) as staging:
            _copy(starter, Path(staging))
            for entry in sorted(Path(staging).iterdir()):
                entry.replace(folder / entry.name)
    except OSError as error:
        # Nothing of the user's is lost: the folder was empty or did not exist.
        for entry in {folder / path.parts[0] for path in starter_files(starter)}:
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                with suppress(OSError):
                    entry.unlink()
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        msg = f"The starter cannot be written into {folder}: {error.strerror}."
        raise NoLab(msg) from None


def quoted(path: Path) -> str:
    """Return a path as an argument of a command, in any shell of Linux and macOS and in PowerShell."""
    text = str(path)
    if _PLAIN.fullmatch(text):
        return text
    return f'"{text}"' if "'" in text else f"'{text}'"


def lab_in(starter: Starter, folder: Path) -> Path:
    """Return the absolute path of `folder`. Raises NoLab if it does not contain a student's app."""
    if not (folder / starter.app_file).is_file():
        msg = (
            f"There is no {starter.app_file} in {folder.resolve()}. Make a lab with `festgate lab new DIR`, and change"
            " to DIR."
        )
        raise NoLab(msg)
    return folder.resolve()


def known_starter(folder: Path) -> Path | None:
    """Return the folder of the starter that was named for this lab before; None for Festgate's own."""
    try:
        text = (folder / MEMORY).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return folder / text if text else None


def remember_starter(folder: Path, starter: Path) -> None:
    """Keep the folder of the starter that was named for this lab. Raises OSError."""
    if folder.is_dir() and known_starter(folder) != starter.resolve():
        write_atomically(folder / MEMORY, f"{starter.resolve()}\n")


def locustfile(starter: Starter, folder: Path, name: str) -> Path:
    """Return the student's locustfile of a route, or of the journey. Raises NoLab if it or the name is unknown."""
    if name not in (*ROUTES, JOURNEY):
        msg = f"{name} is not one of {', '.join((*ROUTES, JOURNEY))}."
        raise NoLab(msg)
    file = load_file(starter, folder, name)
    if not file.is_file():
        msg = f"{file} is missing. Make a new lab with `festgate lab new`, and copy the file from there."
        raise NoLab(msg)
    return file


def load_file(starter: Starter, folder: Path, name: str) -> Path:
    """Return the path of a route's locustfile. Raises NoLab if the starter has none for it."""
    if name not in starter.load:
        msg = f"The starter has no locustfile for {name}. Add it to [load] in {starter.folder / DESCRIPTION}."
        raise NoLab(msg)
    return folder / starter.load[name]


def starter_files(starter: Starter) -> Iterator[Path]:
    """Return the files that are handed out, relative to the starter's folder: its code, without data and runs."""
    for where, folders, files in os.walk(starter.folder):
        here = Path(where)
        folders[:] = sorted(name for name in folders if not is_skipped(here / name))
        for name in sorted(files):
            path = here / name
            if (
                not name.startswith(".")
                and name != DESCRIPTION
                and not any(path.match(kind) for kind in DATABASES)
                # A symbolic link may lead anywhere, and reading a pipe would never end.
                and not path.is_symlink()
                and path.is_file()
            ):
                yield path.relative_to(starter.folder)


def _copy(starter: Starter, target: Path) -> None:
    for path in starter_files(starter):
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Only the content: an installed file may be read-only, and students edit this one.
        copy.write_bytes((starter.folder / path).read_bytes())

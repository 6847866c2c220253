"""Temporary copies of an app: the starter with its crashes fixed, and the student's app as it is now."""

import ast
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from festgate.lab.description.starter import DESCRIPTION, Crash, Starter
from festgate.lab.student.folder import DATABASES, HINTS, RUNS, NoLab, write_starter
from festgate.lab.student.load import BUILD
from festgate.rehearsal.runner.servers import Server, serving

_NOT_THE_APP: Final = frozenset({RUNS, HINTS, "__pycache__", "node_modules"})
"""Folders that do not belong to the app, besides those of the locustfiles."""
FILL_SECONDS: Final = 60
"""Seconds for the script that inserts the events."""


def write_fixed_starter(starter: Starter, folder: Path) -> None:
    """Write the starter into `folder`, which is empty or does not exist, and fix the crashes that must be fixed.

    Raises NoLab.
    """
    write_starter(starter, folder)
    for crash in starter.crashes:
        if crash.must_be_fixed:
            _fix(folder / crash.file, crash)


def _fix(file: Path, crash: Crash) -> None:
    """Replace the statement of a crash in a file. Raises NoLab if the file does not hold it."""
    try:
        source = file.read_bytes()
        statements = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.stmt) and ast.unparse(node) == crash.code
        ]
    except (OSError, SyntaxError, ValueError):
        statements = []
    # Lines may have moved since the starter was described.
    nearest = min(statements, key=lambda statement: abs(statement.lineno - crash.line), default=None)
    if nearest is None or nearest.end_lineno is None or nearest.end_col_offset is None:
        msg = f"The crash `{crash.code}` is not in {file}. Correct {DESCRIPTION} in the starter's folder."
        raise NoLab(msg)
    lines = source.splitlines(keepends=True)
    begin = sum(map(len, lines[: nearest.lineno - 1])) + nearest.col_offset
    end = sum(map(len, lines[: nearest.end_lineno - 1])) + nearest.end_col_offset
    file.write_bytes(source[:begin] + (crash.replacement or "pass").encode() + source[end:])


def copy_app(starter: Starter, lab: Path, target: Path, *, with_data: bool) -> None:
    """Copy the student's app to `target`, which does not exist yet; `with_data` includes its database.

    Without data the copy starts as the starter does, with the events that its own code inserts. Raises NoLab.
    """
    environments = {path.parent.name for path in lab.glob("*/pyvenv.cfg")}
    not_the_app = _NOT_THE_APP | starter.load_folders | environments

    def ignored(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        ignored = {name for name in names if name.startswith(".") or name == "__pycache__"}
        if here == lab:
            ignored |= {name for name in names if name in not_the_app}
        if not with_data:
            ignored |= {name for name in names if any(Path(name).match(kind) for kind in DATABASES)}
        # A symbolic link may lead anywhere, and reading a pipe would never end.
        return ignored | {
            name
            for name in names
            if (here / name).is_symlink() or not ((here / name).is_file() or (here / name).is_dir())
        }

    try:
        shutil.copytree(lab, target, ignore=ignored)
    except OSError as error:
        msg = f"{lab} cannot be copied: {error.strerror or error}."
        raise NoLab(msg) from None


def fill_database(starter: Starter, folder: Path, python: str) -> None:
    """Insert the events in a copy of the starter, by its script or by the database that it holds. Raises NoLab."""
    if not starter.fill:
        shipped = starter.folder / starter.database
        if shipped.is_file():
            _copy_file(shipped, folder / starter.database)
        return
    try:
        done = subprocess.run(
            [python, starter.fill],
            cwd=folder,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=FILL_SECONDS,
            check=False,
        )
    except OSError as error:
        msg = f"{python} cannot be started: {error.strerror}."
        raise NoLab(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"The starter's {starter.fill} did not end within {FILL_SECONDS} s."
        raise NoLab(msg) from None
    if done.returncode:
        last = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
        msg = f"The starter's {starter.fill} failed: {last}"
        raise NoLab(msg)


def copy_database(starter: Starter, source: Path, target: Path) -> None:
    """Copy the database of the starter's copy, if it has one, to a copy of the student's app. Raises NoLab."""
    file = source / starter.database
    if file.is_file():
        _copy_file(file, target / starter.database)
    elif starter.fill:
        msg = (
            f"The starter's {starter.fill} made no {starter.database}. Correct fill or database in"
            f" {starter.folder / DESCRIPTION}."
        )
        raise NoLab(msg)


def _copy_file(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        msg = f"{source} cannot be copied: {error.strerror}."
        raise NoLab(msg) from None


@dataclass(frozen=True)
class App:
    """The app of a folder as one side of a comparison; each run gets a new server."""

    starter: Starter
    folder: Path
    python: str
    """The interpreter that has the app's packages."""
    code: str
    """The value that a run records for the code behind the route."""
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Serve the app on a free port. Raises CannotServe."""
        # Writing an access log takes the server's time and is not part of the app.
        command = [self.python, "-m", "uvicorn", self.starter.app, "--port", "{port}", "--no-access-log"]
        # Python checks a compiled file only by its size and its time in seconds, and would miss a quick edit.
        environment = {"PYTHONDONTWRITEBYTECODE": "1"}
        with (
            TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary,
            serving(command, Path(temporary), environment, working_folder=self.folder) as server,
        ):
            yield replace(server, identity={BUILD: self.code})

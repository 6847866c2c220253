"""Scratch copies of an app: the starter with its crash mended, and a student's as it is at this moment."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from festgate.lab.student.folder import APP, HINTS, LOAD, RUNS, NoLab, write_starter
from festgate.lab.student.load import BUILD
from festgate.rehearsal.runner.servers import Server, serving

MENDED: Final = (
    ("checkout/__init__.py", "    1 / 0\n", ""),
    ("main.py", "        1 / 0\n", '        return Response("There is no such event.", 404)\n'),
)
"""(file, what crashes, what stands there instead)."""
DATABASES: Final = ("*.db", "*.db-*", "*.sqlite", "*.sqlite3")
_LEFT: Final = (RUNS, HINTS, LOAD, "__pycache__", "node_modules")
"""Folders that are no part of the app."""


def write_mended(folder: Path) -> None:
    """The starter into `folder`, which is not there yet or empty, with both crashes mended. Raises NoLab."""
    write_starter(folder)
    for name, crash, mend in MENDED:
        file = folder / name
        file.write_text(file.read_text(encoding="utf-8").replace(crash, mend), encoding="utf-8")


def copy_app(lab: Path, target: Path, *, with_data: bool) -> None:
    """The student's app into `target`, which is not there yet; `with_data`: with what was registered in it.

    Without, it begins as the starter does: with the events that its own code puts in. Raises NoLab.
    """
    environments = {path.parent.name for path in lab.glob("*/pyvenv.cfg")}

    def left_out(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        out = {name for name in names if name.startswith(".") or name == "__pycache__"}
        if here == lab:
            out |= {name for name in names if name in _LEFT or name in environments}
        if not with_data:
            out |= {name for name in names if any(Path(name).match(kind) for kind in DATABASES)}
        # A link may lead anywhere, and a pipe would never end.
        return out | {
            name
            for name in names
            if (here / name).is_symlink() or not ((here / name).is_file() or (here / name).is_dir())
        }

    try:
        shutil.copytree(lab, target, ignore=left_out)
    except OSError as error:
        msg = f"{lab} cannot be copied: {error.strerror or error}."
        raise NoLab(msg) from None


@dataclass(frozen=True)
class App:
    """The app of a folder as one side of a comparison: a server of its own for each run."""

    folder: Path
    python: str
    """The interpreter that has its packages."""
    code: str
    """What a run says of the code behind the route."""
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """The app, on a port of its own. Raises CannotServe."""
        app = f"{Path(APP).stem}:app"
        # A line in a log for each request is the server's time, and no part of the app.
        words = [self.python, "-m", "uvicorn", app, "--port", "{port}", "--no-access-log"]
        with (
            TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as scratch,
            serving(words, Path(scratch), _environment(), working_folder=self.folder) as server,
        ):
            yield replace(server, identity={BUILD: self.code})


def _environment() -> dict[str, str]:
    # What was compiled before an edit within the same second, of the same size, would be taken for the edit.
    return {"PYTHONDONTWRITEBYTECODE": "1"}

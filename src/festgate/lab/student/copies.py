"""Temporary copies of an app: the starter with its crashes fixed, and the student's app as it is now."""

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

FIXES: Final = (
    ("checkout/__init__.py", "    1 / 0\n", ""),
    ("main.py", "        1 / 0\n", '        return Response("There is no such event.", 404)\n'),
)
"""(file, code that crashes, its replacement)."""
DATABASES: Final = ("*.db", "*.db-*", "*.sqlite", "*.sqlite3")
_NOT_THE_APP: Final = (RUNS, HINTS, LOAD, "__pycache__", "node_modules")
"""Folders that do not belong to the app."""


def write_mended(folder: Path) -> None:
    """Write the starter with both crashes fixed into `folder`, which is empty or does not exist. Raises NoLab."""
    write_starter(folder)
    for name, crash, fix in FIXES:
        file = folder / name
        file.write_text(file.read_text(encoding="utf-8").replace(crash, fix), encoding="utf-8")


def copy_app(lab: Path, target: Path, *, with_data: bool) -> None:
    """Copy the student's app to `target`, which does not exist yet; `with_data` includes its database.

    Without data the copy starts as the starter does, with the events that its own code inserts. Raises NoLab.
    """
    environments = {path.parent.name for path in lab.glob("*/pyvenv.cfg")}

    def ignored(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        ignored = {name for name in names if name.startswith(".") or name == "__pycache__"}
        if here == lab:
            ignored |= {name for name in names if name in _NOT_THE_APP or name in environments}
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


@dataclass(frozen=True)
class App:
    """The app of a folder as one side of a comparison; each run gets a new server."""

    folder: Path
    python: str
    """The interpreter that has the app's packages."""
    code: str
    """The value that a run records for the code behind the route."""
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Serve the app on a free port. Raises CannotServe."""
        app = f"{Path(APP).stem}:app"
        # Writing an access log takes the server's time and is not part of the app.
        command = [self.python, "-m", "uvicorn", app, "--port", "{port}", "--no-access-log"]
        # Python checks a compiled file only by its size and its time in seconds, and would miss a quick edit.
        environment = {"PYTHONDONTWRITEBYTECODE": "1"}
        with (
            TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary,
            serving(command, Path(temporary), environment, working_folder=self.folder) as server,
        ):
            yield replace(server, identity={BUILD: self.code})

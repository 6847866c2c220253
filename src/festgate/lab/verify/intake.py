"""Copy a submission (a folder, a git checkout or a zip) into a temporary folder, without links out of it."""

import ast
import hashlib
import os
import re
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import RUNS, is_of_desktop
from festgate.rehearsal.runs.store import RUN_FILE

MAX_FILES: Final = 2_000
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 12
"""Levels of nested folders."""
MAX_APP_DEPTH: Final = 3
"""Levels of folders in which main.py is searched: a zip often holds one or two folders around the app."""
EXCLUDED_FOLDERS: Final = frozenset({"__pycache__", "__macosx", "node_modules", "site-packages"})
"""Folders that are not copied, in lower case; virtual environments and dotfiles are not copied either."""
EXCLUDED_SUFFIXES: Final = (
    ".db",
    ".sqlite",
    ".sqlite3",
    "-wal",
    "-shm",
    "-journal",
    ".pyc",
    ".pyo",
    ".pyd",
    ".so",
    ".dll",
)
"""Data, and compiled code."""
BASELINE_FOLDERS: Final = frozenset({"before", "baseline", "starter", "old", "original"})
"""Folders that hold the baseline of a comparison, not the app."""
_CHUNK: Final = 65_536
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')
"""Characters that Windows refuses in the parts of a path."""


class InvalidSubmission(Exception):
    """The submission cannot be copied; the message names the problem, the place and what to do."""


class NoApp(InvalidSubmission):
    """The submission was copied completely, and holds no app that can be verified."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The temporary copy of a submission."""

    tree: Path
    """The whole copy."""
    app: Path
    """The folder that holds main.py."""
    skipped: tuple[str, ...]
    """One sentence for each file or link that was not copied and may be important."""
    content: str
    """A hash of all copied files: the same for a folder and its zip."""


def copy_submission(starter: Starter, source: Path, target: Path) -> Submission:
    """Copy `source` into the empty folder `target`. Raises InvalidSubmission."""
    skipped: list[str] = []
    try:
        if source.is_dir():
            _copy_folder(source, target, skipped)
        elif source.is_file() and zipfile.is_zipfile(source):
            _unpack(source, target, skipped)
        elif source.exists():
            msg = f"{source} is neither a folder nor a zip. Name the folder of the lab, or a zip of it."
            raise InvalidSubmission(msg)
        else:
            msg = f"{source} does not exist."
            raise InvalidSubmission(msg)
    except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        msg = f"{source} cannot be read: {error}. Make the folder or the zip again."
        raise InvalidSubmission(msg) from None
    return Submission(target, _app_in(starter, target, source), tuple(skipped), content_hash(target))


def content_hash(tree: Path, without: str = "") -> str:
    """Return a hash of all files and their names, ignoring outer folders that hold nothing else.

    Files whose names end in `without` do not count.
    """
    while len(inside := list(tree.iterdir())) == 1 and inside[0].is_dir():
        tree = inside[0]
    hashed = hashlib.sha256()
    # Sorted as POSIX names: paths of Windows are in another order.
    files = {
        path.relative_to(tree).as_posix(): path
        for path in tree.rglob("*")
        if path.is_file() and not (without and path.name.endswith(without))
    }
    for name, path in sorted(files.items()):
        inner = hashlib.sha256(path.read_bytes()).hexdigest()
        hashed.update(f"{name}\n{inner}\n".encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()[:16]


class _Allowance:
    """Counts the files and bytes that may still be copied."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._files = MAX_FILES
        self._bytes = MAX_BYTES

    def copy(self, source: IO[bytes], target: Path) -> None:
        """Copy a file. Raises InvalidSubmission when there are too many files or bytes."""
        self._files -= 1
        if self._files < 0:
            msg = f"{self._source} holds more than {MAX_FILES:,} files. Submit the folder of the lab, and nothing else."
            raise InvalidSubmission(msg)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while chunk := source.read(_CHUNK):
                self._bytes -= len(chunk)
                if self._bytes < 0:
                    megabytes = MAX_BYTES // 1024**2
                    msg = (
                        f"{self._source} holds more than {megabytes} MB (at {target.name}). Leave out what is not part"
                        " of the lab: data, runs, virtual environments."
                    )
                    raise InvalidSubmission(msg)
                file.write(chunk)


def _copy_folder(source: Path, target: Path, skipped: list[str]) -> None:
    allowance = _Allowance(source)
    for where, folders, files in os.walk(source, followlinks=False):
        here = Path(where)
        inside = here.relative_to(source)
        for name in list(folders):
            if (here / name).is_symlink():
                skipped.append(f"{(inside / name).as_posix()} is a link and was not copied.")
                folders.remove(name)
            elif (
                _is_excluded_folder(name)
                or (here / name / "pyvenv.cfg").is_file()
                or len(inside.parts) >= MAX_DEPTH
            ):
                folders.remove(name)
        folders.sort()
        for name in sorted(files):
            path = here / name
            kind = path.lstat().st_mode
            if stat.S_ISLNK(kind):
                skipped.append(f"{(inside / name).as_posix()} is a link and was not copied.")
            elif stat.S_ISREG(kind) and not _is_excluded_file((inside / name).parts):
                with path.open("rb") as file:
                    allowance.copy(file, target / inside / name)


def _unpack(source: Path, target: Path, skipped: list[str]) -> None:
    allowance = _Allowance(source)
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        environments = {
            PurePosixPath(member.filename).parent
            for member in members
            if PurePosixPath(member.filename).name == "pyvenv.cfg"
        }
        for member in members:
            name = member.filename.replace("\\", "/")
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
                msg = (
                    f"{source} has a member outside of the zip: {name[:80]!r}. Make the zip again from the folder of"
                    " the lab."
                )
                raise InvalidSubmission(msg)
            if sys.platform == "win32" and any(map(_NOT_ON_WINDOWS.search, path.parts)):
                skipped.append(f"{name} has a name that Windows does not allow and was not copied.")
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                skipped.append(f"{name} is a link and was not copied.")
                continue
            unwanted = any(_is_excluded_folder(part) for part in path.parts[:-1]) or environments & set(
                path.parents
            )
            if member.is_dir() or unwanted or len(path.parts) > MAX_DEPTH:
                continue
            if not _is_excluded_file(path.parts):
                with archive.open(member) as file:
                    allowance.copy(file, target.joinpath(*path.parts))


def _is_excluded_folder(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in EXCLUDED_FOLDERS


def _is_excluded_file(parts: Sequence[str]) -> bool:
    """Return whether a file is data, is of a desktop (`.DS_Store`), or is of a kept run and not its `run.json`."""
    data = parts[-1].lower().endswith(EXCLUDED_SUFFIXES) or is_of_desktop(parts[-1])
    return data or (RUNS in parts[:-1] and parts[-1] != RUN_FILE)


def _app_in(starter: Starter, tree: Path, source: Path) -> Path:
    """Return the one folder that holds the app. Raises NoApp."""
    folders = sorted(_apps(starter, tree), key=lambda folder: (len(folder.parts), folder))
    main, name = starter.app_file, starter.app.partition(":")[2]
    apps = [folder for folder in folders if folder.name.lower() not in BASELINE_FOLDERS] or folders
    if not apps:
        msg = (
            f"There is no {main} in {source} or its folders. {other_app(starter, tree)} Name the folder of the lab,"
            " or a zip of it."
        )
        raise NoApp(msg)
    shallowest = [app for app in apps if len(app.parts) == len(apps[0].parts)]
    if len(shallowest) > 1:
        places = ", ".join(app.relative_to(tree).as_posix() for app in shallowest)
        msg = f"{source} holds {main} in several folders: {places}. Name one of them."
        raise NoApp(msg)
    if not _has_app(shallowest[0] / main, name):
        place = (shallowest[0] / main).relative_to(tree).as_posix()
        msg = f"{place} of {source} has no `{name}`. The starter's {main} makes it with `{name} = FastAPI(...)`."
        raise NoApp(msg)
    return shallowest[0]


def _apps(starter: Starter, tree: Path) -> Iterator[Path]:
    depth = len(PurePosixPath(starter.app_file).parts)
    for path in tree.rglob(starter.app_file):
        if len(path.relative_to(tree).parts) <= MAX_APP_DEPTH + depth and path.is_file():
            yield path.parents[depth - 1]


def other_app(starter: Starter, tree: Path) -> str:
    """Describe the contents of a folder that has no app's file."""
    code = sorted(path for path in tree.rglob("*.py") if path.is_file())
    for path in code:
        if b"FastAPI(" in path.read_bytes():
            place = path.relative_to(tree).as_posix()
            return f"{place} makes an app under another name: if that is the one, call it {starter.app_file}."
    return "It holds code, but no app." if code else "It holds no code."


def _has_app(file: Path, name: str) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return True  # its interpreter will report the error
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.alias) and (node.asname or node.name) == name)
        for node in ast.walk(tree)
    )


def remove_folder(folder: Path) -> None:
    """Remove a temporary folder, whatever permissions the app has set in it."""
    for where, folders, _ in os.walk(folder, followlinks=False):
        for path in (Path(where, name) for name in folders):
            # The target of a link may be outside.
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def copy_code(folder: Path, target: Path) -> None:
    """Copy the code of an app, without its databases."""
    shutil.copytree(
        folder, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.db", "*.db-*")
    )

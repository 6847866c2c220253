"""Taking in what was handed in: a folder, a git checkout or a zip becomes a scratch copy that reaches nowhere else."""

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

from festgate.lab.student.folder import APP, RUNS, is_of_desktop
from festgate.rehearsal.runs.store import RUN_FILE

MAX_FILES: Final = 2_000
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 12
"""Folders within each other."""
MAX_APP_DEPTH: Final = 3
"""Folders below which main.py is looked for: a zip often holds one or two folders around it."""
EXCLUDED_FOLDERS: Final = frozenset({"__pycache__", "__macosx", "node_modules", "site-packages"})
"""Folders that are not copied, in small letters; nor are environments, and what begins with a dot."""
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
"""Data, and code that cannot be read."""
BASELINE_FOLDERS: Final = frozenset({"before", "baseline", "starter", "old", "original"})
"""Folders that hold what the app is compared with, and not the app."""
_CHUNK: Final = 65_536
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')
"""What no part of a name may hold there."""


class InvalidSubmission(Exception):
    """What was handed in cannot be taken in; the sentence says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A scratch copy."""

    tree: Path
    """All of it."""
    app: Path
    """The folder in it that holds main.py."""
    skipped: tuple[str, ...]
    """What was not copied and might be missed, a sentence each."""
    content: str
    """A hash of all that was copied: the same for a folder and its zip."""


def copy_submission(source: Path, scratch: Path) -> Submission:
    """Copy `source` into the empty folder `scratch`. Raises InvalidSubmission."""
    skipped: list[str] = []
    try:
        if source.is_dir():
            _copy_folder(source, scratch, skipped)
        elif source.is_file() and zipfile.is_zipfile(source):
            _unpack(source, scratch, skipped)
        elif source.exists():
            msg = f"{source} is neither a folder nor a zip. Give the folder of the lab, or a zip of it."
            raise InvalidSubmission(msg)
        else:
            msg = f"There is no {source}."
            raise InvalidSubmission(msg)
    except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        msg = f"{source} cannot be read: {error}. Make the folder or the zip anew."
        raise InvalidSubmission(msg) from None
    return Submission(scratch, _app_in(scratch, source), tuple(skipped), content_hash(scratch))


def content_hash(tree: Path) -> str:
    """Of all files, with their names below the folders that hold nothing else."""
    while len(inside := list(tree.iterdir())) == 1 and inside[0].is_dir():
        tree = inside[0]
    mark = hashlib.sha256()
    # By what they are called: paths of Windows are in another order.
    files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}
    for name, path in sorted(files.items()):
        inner = hashlib.sha256(path.read_bytes()).hexdigest()
        mark.update(f"{name}\n{inner}\n".encode())
    return mark.hexdigest()[:16]


class _Allowance:
    """What may still be copied."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._files = MAX_FILES
        self._bytes = MAX_BYTES

    def copy(self, come_from: IO[bytes], target: Path) -> None:
        """Copy a file. Raises InvalidSubmission where it is one too many, or too large."""
        self._files -= 1
        if self._files < 0:
            msg = f"{self._source} holds more than {MAX_FILES:,} files. Hand in the lab's folder, and nothing else."
            raise InvalidSubmission(msg)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            while chunk := come_from.read(_CHUNK):
                self._bytes -= len(chunk)
                if self._bytes < 0:
                    megabytes = MAX_BYTES // 1024**2
                    msg = (
                        f"{self._source} holds more than {megabytes} MB, at {target.name}. Leave out what is not of"
                        " the lab: data, runs, environments."
                    )
                    raise InvalidSubmission(msg)
                file.write(chunk)


def _copy_folder(source: Path, scratch: Path, skipped: list[str]) -> None:
    allowance = _Allowance(source)
    for where, folders, files in os.walk(source, followlinks=False):
        here = Path(where)
        inside = here.relative_to(source)
        for name in list(folders):
            if (here / name).is_symlink():
                skipped.append(f"{(inside / name).as_posix()} is a link, and is not followed.")
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
                skipped.append(f"{(inside / name).as_posix()} is a link, and is not followed.")
            elif stat.S_ISREG(kind) and not _is_excluded_file((inside / name).parts):
                with path.open("rb") as file:
                    allowance.copy(file, scratch / inside / name)


def _unpack(source: Path, scratch: Path, skipped: list[str]) -> None:
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
                    f"{source} has a member that points out of it: {name[:80]!r}. Make the zip anew from the lab's"
                    " folder."
                )
                raise InvalidSubmission(msg)
            if sys.platform == "win32" and any(map(_NOT_ON_WINDOWS.search, path.parts)):
                skipped.append(f"{name} has a name that Windows does not take.")
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                skipped.append(f"{name} is a link, and is not followed.")
                continue
            unwanted = any(_is_excluded_folder(part) for part in path.parts[:-1]) or environments & set(
                path.parents
            )
            if member.is_dir() or unwanted or len(path.parts) > MAX_DEPTH:
                continue
            if not _is_excluded_file(path.parts):
                with archive.open(member) as file:
                    allowance.copy(file, scratch.joinpath(*path.parts))


def _is_excluded_folder(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in EXCLUDED_FOLDERS


def _is_excluded_file(parts: Sequence[str]) -> bool:
    """Data, what a desktop writes, and of kept runs everything but what they are."""
    data = parts[-1].lower().endswith(EXCLUDED_SUFFIXES) or is_of_desktop(parts[-1])
    return data or (RUNS in parts[:-1] and parts[-1] != RUN_FILE)


def _app_in(tree: Path, source: Path) -> Path:
    """The one folder that holds the app. Raises InvalidSubmission."""
    found = sorted(_apps(tree), key=lambda each: len(each.parts))
    named = [each for each in found if each.name.lower() not in BASELINE_FOLDERS] or found
    if not named:
        msg = (
            f"There is no {APP} in {source}, nor in its folders. Give the folder that `festgate lab new` has made, or a"
            " zip of it."
        )
        raise InvalidSubmission(msg)
    shallowest = [each for each in named if len(each.parts) == len(named[0].parts)]
    if len(shallowest) > 1:
        places = ", ".join(each.relative_to(tree).as_posix() for each in shallowest)
        msg = f"{source} holds {APP} in several folders: {places}. Give the one that is meant."
        raise InvalidSubmission(msg)
    if not _has_app(shallowest[0] / APP):
        place = (shallowest[0] / APP).relative_to(tree).as_posix()
        msg = f"{place} of {source} has no `app`. The lab's {APP} makes it with `app = FastAPI(...)`."
        raise InvalidSubmission(msg)
    return shallowest[0]


def _apps(tree: Path) -> Iterator[Path]:
    for path in tree.rglob(APP):
        if len(path.relative_to(tree).parts) <= MAX_APP_DEPTH + 1 and path.is_file():
            yield path.parent


def _has_app(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return True  # what is wrong with it, its interpreter will say
    return any(
        (isinstance(node, ast.Name) and node.id == "app" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.alias) and (node.asname or node.name) == "app")
        for node in ast.walk(tree)
    )


def remove_folder(folder: Path) -> None:
    """Remove a scratch copy, whatever the app has done to it."""
    for where, folders, _ in os.walk(folder, followlinks=False):
        for each in (Path(where, name) for name in folders):
            # What a link leads to is not ours.
            if not each.is_symlink():
                with suppress(OSError):
                    each.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def copy_code(folder: Path, target: Path) -> None:
    """A further copy of what was taken in."""
    shutil.copytree(
        folder, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.db", "*.db-*")
    )

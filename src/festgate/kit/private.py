"""Private permissions for the fest's data, whatever the umask: folders 0700, files 0600.

Permissions are only ever tightened. On Windows they are inherited from the parent folder, and left unchanged.
"""

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Final

from festgate.kit.errors import StartupError

FOLDER: Final = 0o700
FILE: Final = 0o600
_OTHERS: Final = 0o077
_OURS: Final = frozenset({"secret", "festgate.sqlite3"})
"""Files that identify a data folder of Festgate."""
_FOLDERS: Final = ("backups", "mail")


def make_private(folder: Path) -> None:
    """Create the data folder, or make an existing one private.

    Raise StartupError if that is not safe, or OSError. The folder contains people's addresses and password hashes.
    """
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    if sys.platform == "win32":
        return
    mode = folder.stat().st_mode
    if not stat.S_ISDIR(mode):
        msg = f"The data folder {folder} is a file. Set FESTGATE_DATA_DIR to a folder."
        raise StartupError(msg)
    if not mode & _OTHERS:
        return
    _refuse_foreign(folder, mode)
    _close_below(folder)
    try:
        folder.chmod(FOLDER)
    except OSError as error:
        msg = (
            f"{_open_to_others(folder, mode)}, and its owner is another account. {_command(folder, 'sudo ')}"
        )
        raise StartupError(msg) from error


def create_private(path: Path) -> None:
    """Create an empty file that only this account can read, or make an existing one private. Raise OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE)
    try:
        # The umask may have removed this account's own rights, too.
        if sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o777 != FILE:
            os.fchmod(descriptor, FILE)
    finally:
        os.close(descriptor)


def close_file(path: Path) -> None:
    """Remove the rights of other accounts to the file, if it is ours. SQLite copies a database's rights to its WAL."""
    if sys.platform == "win32":
        return
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & _OTHERS:
            path.chmod(stat.S_IMODE(mode) & FILE)
    except OSError:
        return  # it belongs to another account or was deleted; its folder is private


def _close_below(folder: Path) -> None:
    """Make the files of a folder private if others could read it; only then, as there may be 100,000 emails."""
    for place in (folder, *(folder / name for name in _FOLDERS)):
        if place.is_symlink() and place != folder:
            continue
        for file in place.iterdir() if place.is_dir() else ():
            if file.name.startswith(("festgate", ".festgate")) or file.name in ("secret", "drills.json"):
                close_file(file)
        if place != folder and place.is_dir():
            place.chmod(FOLDER)


def _refuse_foreign(folder: Path, mode: int) -> None:
    """Raise StartupError for a folder that is shared on purpose or contains files that are not the fest's."""
    if mode & stat.S_ISVTX or folder.resolve() in (Path("/"), Path.home().resolve()):
        msg = (
            f"The data folder {folder} is not reserved for the fest. "
            "Set FESTGATE_DATA_DIR to a new folder or to one that only the fest uses."
        )
        raise StartupError(msg)
    if mode & stat.S_ISGID:
        msg = f"{_open_to_others(folder, mode)}, because it is shared with its group. {_command(folder)}"
        raise StartupError(msg)
    names = {entry.name for entry in folder.iterdir()}
    if names and not names & _OURS:
        msg = f"{_open_to_others(folder, mode)}, and it contains files that are not the fest's. {_command(folder)}"
        raise StartupError(msg)


def _open_to_others(folder: Path, mode: int) -> str:
    return f"Other accounts of this machine can read the data folder {folder} (mode {stat.S_IMODE(mode):o})"


def _command(folder: Path, before: str = "") -> str:
    return f"Close it with `{before}chmod 700 {shlex.quote(str(folder))}`, or set FESTGATE_DATA_DIR."

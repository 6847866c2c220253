"""What the fest keeps is for its own account only, whatever the umask: folders 0700, files 0600.

Permissions are tightened and never widened. On Windows they are inherited from the folder above, and left alone.
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
"""What a data folder of ours has, and no other folder."""
_FOLDERS: Final = ("backups", "mail")


def make_private(folder: Path) -> None:
    """Make the data folder, or close one that others may enter. Raises StartupError where that may not be, or OSError.

    It holds people's addresses and the hashes of their passwords.
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
    """Make an empty file that only this account can read, or close one that is there. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE)
    try:
        # The umask may have taken more than others' rights.
        if sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o777 != FILE:
            os.fchmod(descriptor, FILE)
    finally:
        os.close(descriptor)


def close_file(path: Path) -> None:
    """Take others' rights to the file, if it is there and ours; SQLite gives its WAL the rights of the database."""
    if sys.platform == "win32":
        return
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & _OTHERS:
            path.chmod(stat.S_IMODE(mode) & FILE)
    except OSError:
        return  # another account's, or gone: the folder around it is closed


def _close_below(folder: Path) -> None:
    """Close the files of a folder that others could enter. Only then: there may be a hundred thousand emails."""
    for place in (folder, *(folder / name for name in _FOLDERS)):
        if place.is_symlink() and place != folder:
            continue
        for file in place.iterdir() if place.is_dir() else ():
            if file.name.startswith(("festgate", ".festgate")) or file.name in ("secret", "drills.json"):
                close_file(file)
        if place != folder and place.is_dir():
            place.chmod(FOLDER)


def _refuse_foreign(folder: Path, mode: int) -> None:
    """Raise StartupError for a folder that is shared on purpose, or is not only the fest's."""
    if mode & stat.S_ISVTX or folder.resolve() in (Path("/"), Path.home().resolve()):
        msg = (
            f"The data folder {folder} is not the fest's alone. "
            "Set FESTGATE_DATA_DIR to a folder that is, or that is not there yet."
        )
        raise StartupError(msg)
    if mode & stat.S_ISGID:
        msg = f"{_open_to_others(folder, mode)}, as it is shared with its group. {_command(folder)}"
        raise StartupError(msg)
    names = {entry.name for entry in folder.iterdir()}
    if names and not names & _OURS:
        msg = f"{_open_to_others(folder, mode)}, and has files that are not the fest's. {_command(folder)}"
        raise StartupError(msg)


def _open_to_others(folder: Path, mode: int) -> str:
    return f"Other accounts of this machine can read the data folder {folder} (mode {stat.S_IMODE(mode):o})"


def _command(folder: Path, before: str = "") -> str:
    return f"Close it with `{before}chmod 700 {shlex.quote(str(folder))}`, or set FESTGATE_DATA_DIR."

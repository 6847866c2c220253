"""The files that a starter hands out, without what running it leaves there."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import Starter

MAX_FILES: Final = 2_000
_LEFT_BEHIND: Final = (".db", ".sqlite", ".sqlite3", ".pyc", "-wal", "-shm", "-journal")


def original_files(starter: Starter) -> list[Path]:
    """Return the starter's files, without databases, hidden files and environments."""
    return sorted(_walk(starter.folder))[:MAX_FILES]


def starter_identity(starter: Starter) -> str:
    """Return a hash of the starter's files and of its description."""
    fields = asdict(replace(starter, folder=Path()))
    hashed = hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode())
    for path in original_files(starter):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        hashed.update(f"{path.relative_to(starter.folder).as_posix()}\n{content}\n".encode())
    return hashed.hexdigest()[:12]


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder, followlinks=False):
        here = Path(where)
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__")) and not (here / name / "pyvenv.cfg").is_file()
        ]
        for name in names:
            path = here / name
            if not name.startswith(".") and not name.endswith(_LEFT_BEHIND) and path.is_file():
                yield path

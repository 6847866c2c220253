"""The files that a starter hands out, without files that its runs have left there."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import starter_files

MAX_FILES: Final = 2_000


def original_files(starter: Starter) -> list[Path]:
    """Return the starter's files, without databases, hidden files and environments."""
    return sorted(starter.folder / path for path in starter_files(starter))[:MAX_FILES]


def starter_identity(starter: Starter) -> str:
    """Return a hash of the starter's files and of its description."""
    fields = asdict(replace(starter, folder=Path()))
    hashed = hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode())
    for path in original_files(starter):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        hashed.update(f"{path.relative_to(starter.folder).as_posix()}\n{content}\n".encode())
    return hashed.hexdigest()[:12]

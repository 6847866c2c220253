"""Every request of a run, in columns, read from what `recording.py` wrote."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from festgate.rehearsal.runs.recording import COLUMNS, FAILED, HEADER, MAGIC, MICRO, NEW_CONNECTION

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Requests in columns of the same length, in the order in which they were to be sent."""

    names: tuple[str, ...]
    name: Integers
    """Which of `names`."""
    intended: Floats
    start: Floats
    latency: Floats
    status: Integers
    failed: Flags
    new_connection: Flags
    size: Integers
    digest: Integers

    def __len__(self) -> int:
        """How many requests."""
        return len(self.name)

    @property
    def response(self) -> Floats:
        """Seconds from when a request was to be sent to the end of its answer: what an open loop's visitor waits."""
        return self.start - self.intended + self.latency

    def only(self, chosen: Flags) -> "Samples":
        """The rows where `chosen`."""
        return Samples(
            self.names,
            self.name[chosen],
            self.intended[chosen],
            self.start[chosen],
            self.latency[chosen],
            self.status[chosen],
            self.failed[chosen],
            self.new_connection[chosen],
            self.size[chosen],
            self.digest[chosen],
        )

    def of(self, name: str) -> "Samples":
        """The requests of one step; none where no step has that name."""
        chosen = self.name == self.names.index(name) if name in self.names else np.zeros(len(self), np.bool_)
        return self.only(chosen)

    def between(self, begin: float, end: float) -> "Samples":
        """Those that were to be sent in [begin, end) seconds."""
        return self.only((self.intended >= begin) & (self.intended < end))


def read_samples(paths: Iterable[Path]) -> Samples:
    """The samples of all files together. A last chunk that is not whole is left aside.

    Raises ValueError with the file's name where something else is not as it was written.
    """
    parts: list[dict[str, NDArray[np.int64]]] = []
    names: dict[str, int] = {}
    for path in paths:
        parts += _read_file(path, names)
    if not parts:
        parts = [{name: np.zeros(0, np.int64) for name, _ in COLUMNS}]
    whole = {name: np.concatenate([part[name] for part in parts]) for name, _ in COLUMNS}
    order = np.argsort(whole["intended"], kind="stable")
    whole = {name: column[order] for name, column in whole.items()}
    return Samples(
        names=tuple(names),
        name=whole["name"],
        intended=whole["intended"] * MICRO,
        start=(whole["intended"] + whole["late"]) * MICRO,
        latency=whole["latency"] * MICRO,
        status=whole["status"],
        failed=(whole["marks"] & FAILED) > 0,
        new_connection=(whole["marks"] & NEW_CONNECTION) > 0,
        size=whole["size"],
        digest=whole["digest"],
    )


def _read_file(path: Path, names: dict[str, int]) -> Iterable[dict[str, NDArray[np.int64]]]:
    content = path.read_bytes()
    numbers: list[int] = []
    at = 0
    while at < len(content):
        if len(content) - at < HEADER.size:
            return
        magic, rows, names_length, columns_length, checksum = HEADER.unpack_from(content, at)
        at += HEADER.size
        told = content[at : at + names_length]
        packed = content[at + names_length : at + names_length + columns_length]
        at += names_length + columns_length
        if magic == MAGIC and at > len(content):
            return
        if magic != MAGIC or zlib.crc32(packed, zlib.crc32(told)) != checksum:
            msg = f"{path} is not a file of samples, or was changed: the chunk that ends at byte {at} is not whole."
            raise ValueError(msg)
        numbers += [names.setdefault(name, len(names)) for name in json.loads(told)]
        yield _unpacked(zlib.decompress(packed), rows, np.array(numbers, np.int64))


def _unpacked(data: bytes, rows: int, numbers: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    found: dict[str, NDArray[np.int64]] = {}
    at = 0
    for name, kind in COLUMNS:
        stored = np.dtype(f"<{kind}")
        width = stored.itemsize
        planes = np.frombuffer(data, np.uint8, rows * width, at).reshape(width, rows)
        found[name] = np.ascontiguousarray(planes.T).view(stored).reshape(rows).astype(np.int64)
        at += rows * width
    found["intended"] = np.cumsum(found["intended"])
    found["name"] = numbers[found["name"]]
    return found

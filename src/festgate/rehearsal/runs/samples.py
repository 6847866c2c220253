"""Every request of a run, in columns, read from the files that `recording.py` writes."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from festgate.rehearsal.runs.recording import (
    COLUMNS,
    FAILED,
    HEADER,
    MAGIC,
    MICRO,
    NEW_CONNECTION,
    NO_RESPONSE,
    REASON_SHIFT,
)

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Requests in columns of the same length, in the order of their intended start."""

    names: tuple[str, ...]
    name: Integers
    """The index in `names`."""
    intended: Floats
    start: Floats
    latency: Floats
    status: Integers
    failed: Flags
    new_connection: Flags
    no_response: Integers
    """The position in NO_RESPONSE; 0 if there was a response."""
    size: Integers
    digest: Integers

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.name)

    @property
    def response(self) -> Floats:
        """Seconds from the intended start of a request to the end of its answer: a visitor's wait in an open loop."""
        return self.start - self.intended + self.latency

    def only(self, chosen: Flags) -> "Samples":
        """Return the rows for which `chosen` is true."""
        return Samples(
            self.names,
            self.name[chosen],
            self.intended[chosen],
            self.start[chosen],
            self.latency[chosen],
            self.status[chosen],
            self.failed[chosen],
            self.new_connection[chosen],
            self.no_response[chosen],
            self.size[chosen],
            self.digest[chosen],
        )

    def of(self, name: str) -> "Samples":
        """Return the requests of one step; none if no step has that name."""
        chosen = self.name == self.names.index(name) if name in self.names else np.zeros(len(self), np.bool_)
        return self.only(chosen)

    def between(self, begin: float, end: float) -> "Samples":
        """Return the requests with an intended start in [begin, end) seconds."""
        return self.only((self.intended >= begin) & (self.intended < end))


def read_samples(paths: Iterable[Path]) -> Samples:
    """Read the samples of all files together. An incomplete last chunk is ignored.

    Raises ValueError with the file's name if anything else is damaged.
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
        no_response=np.minimum(whole["marks"] >> REASON_SHIFT, len(NO_RESPONSE)) % len(NO_RESPONSE),
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
        step_names = content[at : at + names_length]
        packed = content[at + names_length : at + names_length + columns_length]
        at += names_length + columns_length
        if magic == MAGIC and at > len(content):
            return
        if magic != MAGIC or zlib.crc32(packed, zlib.crc32(step_names)) != checksum:
            msg = f"{path} is not a file of samples, or is damaged: the chunk that ends at byte {at} is invalid."
            raise ValueError(msg)
        numbers += [names.setdefault(name, len(names)) for name in json.loads(step_names)]
        yield _unpacked(zlib.decompress(packed), rows, np.array(numbers, np.int64))


def _unpacked(data: bytes, rows: int, numbers: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    columns: dict[str, NDArray[np.int64]] = {}
    at = 0
    for name, kind in COLUMNS:
        stored = np.dtype(f"<{kind}")
        width = stored.itemsize
        planes = np.frombuffer(data, np.uint8, rows * width, at).reshape(width, rows)
        columns[name] = np.ascontiguousarray(planes.T).view(stored).reshape(rows).astype(np.int64)
        at += rows * width
    columns["intended"] = np.cumsum(columns["intended"])
    columns["name"] = numbers[columns["name"]]
    return columns

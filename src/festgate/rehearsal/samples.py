"""What a run is kept as: one row a request, in columns, written a second at a time.

A file is a row of chunks; each stands for itself, so that a file whose writer was killed is whole but for its last
second. A chunk is a header (`_HEADER`: magic, rows, bytes of names, bytes of columns, CRC-32 of both), the names of
steps that are new in this chunk (JSON), and the columns one after the other, compressed with zlib. Times are whole
microseconds, most of them as differences, which are small and compress well: about 13 bytes a request in all.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

SUFFIX: Final = ".samples"
_MAGIC = b"FGS1"
_HEADER = struct.Struct("<4sIIII")
_MICRO = 1e-6
_LEVEL = 6
_FAILED, _NEW_CONNECTION = 1, 2
# Each column as it is written: (name, type). `late` is start less intended.
_COLUMNS = (
    ("intended", "<i8"),
    ("late", "<i4"),
    ("latency", "<u4"),
    ("name", "<u2"),
    ("status", "<u2"),
    ("marks", "u1"),
    ("size", "<u4"),
    ("digest", "<u4"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request."""

    name: str
    """Of the step: a route template, never a visitor's value."""
    intended: float
    """Seconds from the run's beginning to when it was to be sent."""
    start: float
    """Seconds from the run's beginning to when it was sent."""
    latency: float
    """Seconds from `start` to the last byte of the answer."""
    status: int
    """Of HTTP; 0 where no answer came."""
    failed: bool
    """No answer, an error, or an answer that the step's own check did not take."""
    new_connection: bool
    """A connection was opened for it."""
    size: int
    """Bytes of the body as it came over the wire."""
    digest: int
    """CRC-32 of the body."""


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


def write_whole(file: FileIO, data: bytes) -> None:
    """Append all of `data`, or nothing: what there was room for is taken away again. OSError where the disk is full."""
    end = file.tell()
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        file.seek(end)
        file.truncate()
        raise


class SamplesWriter:
    """Appends samples to a file; `flush` after each second. Once that has failed nothing more is written."""

    def __init__(self, path: Path) -> None:
        """The file is made; FileExistsError where there is one, OSError where it cannot be written."""
        # Without a buffer: what could not be written would be tried again when the file is closed.
        self._file = path.open("xb", buffering=0)
        self._full = False
        self._waiting: list[Sample] = []
        self._numbers: dict[str, int] = {}

    def add(self, sample: Sample) -> None:
        """Keep one for the next chunk."""
        self._waiting.append(sample)

    def flush(self) -> None:
        """Write what has been added as one chunk. OSError where the disk is full; what was written stays readable."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._full:
            return
        known = len(self._numbers)
        for sample in waiting:
            self._numbers.setdefault(sample.name, len(self._numbers))
        names = json.dumps(list(self._numbers)[known:]).encode()
        columns = zlib.compress(b"".join(_columns(waiting, self._numbers)), _LEVEL)
        header = _HEADER.pack(
            _MAGIC, len(waiting), len(names), len(columns), zlib.crc32(columns, zlib.crc32(names))
        )
        try:
            write_whole(self._file, header + names + columns)
        except OSError:
            self._full = True
            raise

    def close(self) -> None:
        """Write the rest, and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()


def _columns(rows: Sequence[Sample], numbers: dict[str, int]) -> Iterable[bytes]:
    intended = np.array([round(row.intended / _MICRO) for row in rows], np.int64)
    start = np.array([round(row.start / _MICRO) for row in rows], np.int64)
    values = {
        "intended": np.diff(intended, prepend=np.int64(0)),
        "late": np.clip(start - intended, 0, 2**31 - 1),
        "latency": np.clip([round(row.latency / _MICRO) for row in rows], 0, 2**32 - 1),
        "name": [numbers[row.name] for row in rows],
        "status": [row.status for row in rows],
        "marks": [_FAILED * row.failed + _NEW_CONNECTION * row.new_connection for row in rows],
        "size": np.clip([row.size for row in rows], 0, 2**32 - 1),
        "digest": [row.digest for row in rows],
    }
    for name, kind in _COLUMNS:
        # Bytes of the same weight side by side: the high ones are nearly all zero, so they nearly vanish.
        column = np.asarray(values[name]).astype(kind)
        yield column.view(np.uint8).reshape(len(rows), -1).T.tobytes()


def read_samples(paths: Iterable[Path]) -> Samples:
    """The samples of all files together. A last chunk that is not whole is left aside.

    Raises ValueError with the file's name where something else is not as it was written.
    """
    parts: list[dict[str, NDArray[np.int64]]] = []
    names: dict[str, int] = {}
    for path in paths:
        parts += _read_file(path, names)
    if not parts:
        parts = [{name: np.zeros(0, np.int64) for name, _ in _COLUMNS}]
    whole = {name: np.concatenate([part[name] for part in parts]) for name, _ in _COLUMNS}
    order = np.argsort(whole["intended"], kind="stable")
    whole = {name: column[order] for name, column in whole.items()}
    return Samples(
        names=tuple(names),
        name=whole["name"],
        intended=whole["intended"] * _MICRO,
        start=(whole["intended"] + whole["late"]) * _MICRO,
        latency=whole["latency"] * _MICRO,
        status=whole["status"],
        failed=(whole["marks"] & _FAILED) > 0,
        new_connection=(whole["marks"] & _NEW_CONNECTION) > 0,
        size=whole["size"],
        digest=whole["digest"],
    )


def _read_file(path: Path, names: dict[str, int]) -> Iterable[dict[str, NDArray[np.int64]]]:
    content = path.read_bytes()
    numbers: list[int] = []
    at = 0
    while at < len(content):
        if len(content) - at < _HEADER.size:
            return
        magic, rows, names_length, columns_length, checksum = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        told = content[at : at + names_length]
        packed = content[at + names_length : at + names_length + columns_length]
        at += names_length + columns_length
        if magic == _MAGIC and at > len(content):
            return
        if magic != _MAGIC or zlib.crc32(packed, zlib.crc32(told)) != checksum:
            msg = f"{path} is not a file of samples, or was changed: the chunk that ends at byte {at} is not whole."
            raise ValueError(msg)
        numbers += [names.setdefault(name, len(names)) for name in json.loads(told)]
        yield _unpacked(zlib.decompress(packed), rows, np.array(numbers, np.int64))


def _unpacked(data: bytes, rows: int, numbers: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    found: dict[str, NDArray[np.int64]] = {}
    at = 0
    for name, kind in _COLUMNS:
        width = np.dtype(kind).itemsize
        planes = np.frombuffer(data, np.uint8, rows * width, at).reshape(width, rows)
        found[name] = np.ascontiguousarray(planes.T).view(kind).reshape(rows).astype(np.int64)
        at += rows * width
    found["intended"] = np.cumsum(found["intended"])
    found["name"] = numbers[found["name"]]
    return found

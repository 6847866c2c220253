"""The file format of recorded requests: one row a request, in columns, appended once a second.

A file is a sequence of independent chunks, so that a file whose writer was killed lacks only its last second. A chunk
is a header (HEADER: magic, rows, bytes of names, bytes of columns, CRC-32 of both), the names of steps that are new in
this chunk (JSON), and the columns one after the other, compressed with zlib. Times are whole microseconds, most of them
as differences, which are small and compress well: about 13 bytes a request in all.

`samples.py` reads the format. The load generator writes it without numpy, whose import would take a third of its
start-up time.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, get_args

SUFFIX: Final = ".samples"
MAGIC: Final = b"FGS1"
HEADER: Final = struct.Struct("<4sIIII")
MICRO: Final = 1e-6
FAILED, NEW_CONNECTION = 1, 2
"""Bits of the column `marks`; the bits above them are the position in NO_RESPONSE."""
REASON_SHIFT: Final = 2
NoResponse = Literal["", "refused", "reset", "timeout", "dns", "tls"]
NO_RESPONSE: Final[tuple[NoResponse, ...]] = get_args(NoResponse)
"""Reasons why a request got no response; the first one if there is a response, or if the reason is unknown."""
MAX_NAMES: Final = 2**16 - 1
"""Names in one file; a name is stored as a number of 16 bits."""
OTHER_NAMES: Final = "(other names)"
"""The name of the requests of all further steps."""
COLUMNS: Final = (
    ("intended", "q"),
    ("late", "i"),
    ("latency", "I"),
    ("name", "H"),
    ("status", "H"),
    ("marks", "B"),
    ("size", "I"),
    ("digest", "I"),
)
"""Each column's name and its type in the notation of `struct`, little-endian. `intended` is stored as differences,
`late` is start minus intended."""
_LEVEL = 6
_MAX_LATE, _MAX_VALUE = 2**31 - 1, 2**32 - 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded request."""

    name: str
    """The name of the step: a route template, never a visitor's value."""
    intended: float
    """Seconds from the run's beginning to the moment at which it was due."""
    start: float
    """Seconds from the run's beginning to when it was sent."""
    latency: float
    """Seconds from `start` to the last byte of the answer."""
    status: int
    """The HTTP status; 0 if no answer came."""
    failed: bool
    """No answer, an error, or an answer that failed the step's own check."""
    new_connection: bool
    """A connection was opened for this request."""
    size: int
    """Bytes of the body as it came over the wire."""
    digest: int
    """CRC-32 of the body."""
    no_response: NoResponse = ""
    """The reason why no response came, if it is known."""


def write_whole(file: FileIO, data: bytes) -> None:
    """Append all of `data` or nothing. Raises OSError if the disk is full, with a partial write undone."""
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
    """Appends samples to a file, with a `flush` after each second. After a failed write nothing more is written."""

    def __init__(self, path: Path) -> None:
        """Create the file. Raises FileExistsError, OSError."""
        # Unbuffered: Python would try to write a failed buffer again when the file is closed.
        self._file = path.open("xb", buffering=0)
        self._full = False
        self._waiting: list[Sample] = []
        self._numbers: dict[str, int] = {}

    def add(self, sample: Sample) -> None:
        """Keep the sample for the next chunk."""
        self._waiting.append(sample)

    def flush(self) -> None:
        """Write the added samples as one chunk. Raises OSError if the disk is full; earlier chunks stay readable."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._full:
            return
        known = len(self._numbers)
        for sample in waiting:
            if len(self._numbers) < MAX_NAMES:
                self._numbers.setdefault(sample.name, len(self._numbers))
            elif sample.name not in self._numbers:
                self._numbers.setdefault(OTHER_NAMES, MAX_NAMES)
        names = json.dumps(list(self._numbers)[known:]).encode()
        columns = zlib.compress(b"".join(_columns(waiting, self._numbers)), _LEVEL)
        header = HEADER.pack(
            MAGIC, len(waiting), len(names), len(columns), zlib.crc32(columns, zlib.crc32(names))
        )
        try:
            write_whole(self._file, header + names + columns)
        except OSError:
            self._full = True
            raise

    def close(self) -> None:
        """Write the remaining samples, and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()


def _columns(rows: Sequence[Sample], numbers: dict[str, int]) -> Iterable[bytes]:
    intended = [round(row.intended / MICRO) for row in rows]
    late = [round(row.start / MICRO) - due for row, due in zip(rows, intended, strict=True)]
    values = {
        "intended": [later - earlier for earlier, later in pairwise([0, *intended])],
        "late": [min(max(delay, 0), _MAX_LATE) for delay in late],
        "latency": [min(max(round(row.latency / MICRO), 0), _MAX_VALUE) for row in rows],
        "name": [numbers[row.name if row.name in numbers else OTHER_NAMES] for row in rows],
        "status": [row.status for row in rows],
        "marks": [
            FAILED * row.failed
            + NEW_CONNECTION * row.new_connection
            + (NO_RESPONSE.index(row.no_response) << REASON_SHIFT)
            for row in rows
        ],
        "size": [min(max(row.size, 0), _MAX_VALUE) for row in rows],
        "digest": [row.digest for row in rows],
    }
    for name, kind in COLUMNS:
        column = struct.pack(f"<{len(rows)}{kind}", *values[name])
        # Bytes of the same significance are put side by side: the high ones are nearly all zero and take almost no
        # space.
        width = struct.calcsize(f"<{kind}")
        yield b"".join(column[weight::width] for weight in range(width))

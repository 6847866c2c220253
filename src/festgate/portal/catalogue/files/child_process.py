"""Reading of workbooks by a child process: a small one can take any time and memory, and a worker has visitors.

The process `python -m festgate.portal.catalogue.files.child_process` reads standard input: a line of JSON with the name
of the file and the conventions, then the content. It writes the sheet, or the sentence of Unreadable, as JSON.
"""

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from festgate.portal.catalogue.files.formats import read_events
from festgate.portal.catalogue.files.rows import (
    Conventions,
    LineError,
    Notice,
    Origin,
    Row,
    Sheet,
    Unreadable,
)

MODULE: Final = "festgate.portal.catalogue.files.child_process"
SECONDS: Final = 9.0
"""Time limit, below that of a page of the office; 2,000 events take about a second."""
MAX_MEMORY: Final = 1024**3
"""Bytes of memory of the process, on systems that can limit it; 2,000 events take about a tenth."""
MAX_RESULT: Final = 32 * 1024**2
"""Bytes of the result: many cells of a workbook may share one long text."""
_TOO_LARGE: Final = (
    "Reading the file takes too long or too much memory. "
    "Import it in parts, or save it as CSV without empty rows."
)

log = structlog.get_logger()


async def read_events_apart(
    name: str, data: bytes, conventions: Conventions, seconds: float = SECONDS
) -> Sheet:
    """Read the events of a file as `read_events` does: a workbook in a child process with limits. Raises Unreadable.

    Texts are read on a thread. With at most two megabytes they take three seconds at worst: their readers have limits.
    """
    if not name.casefold().endswith(".xlsx"):
        return await asyncio.to_thread(read_events, name, data, conventions)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    heading = json.dumps({"name": name, "conventions": _plain(conventions)}) + "\n"
    try:
        async with asyncio.timeout(seconds):
            written, errors = await process.communicate(heading.encode() + data)
    except TimeoutError:
        log.warning("a file was not read in time", seconds=seconds)
        raise Unreadable(_TOO_LARGE) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        log.warning(
            "a file could not be read", code=process.returncode, error=errors.decode(errors="replace")[-2000:]
        )
        raise Unreadable(_TOO_LARGE)
    result = json.loads(written)
    if "unreadable" in result:
        raise Unreadable(result["unreadable"])
    return _sheet(result["sheet"])


def _plain(conventions: Conventions) -> dict[str, Any]:
    """Return the conventions for JSON."""
    return {
        "zone": conventions.zone.key,
        "currency": conventions.currency,
        "file_zone": conventions.file_zone.key if conventions.file_zone else None,
        "date_order": conventions.date_order,
        "seconds": conventions.duration.total_seconds() if conventions.duration else None,
    }


def _conventions(plain: dict[str, Any]) -> Conventions:
    return Conventions(
        ZoneInfo(plain["zone"]),
        plain["currency"],
        file_zone=ZoneInfo(plain["file_zone"]) if plain["file_zone"] else None,
        date_order=plain["date_order"],
        duration=timedelta(seconds=plain["seconds"]) if plain["seconds"] else None,
    )


def _sheet(plain: dict[str, Any]) -> Sheet:
    def rows(key: str) -> list[Row]:
        return [Row(**{**row, "origin": Origin(**row["origin"])}) for row in plain[key]]

    return Sheet(
        rows("rows"),
        [LineError(**error) for error in plain["errors"]],
        plain["needed"],
        rows("cancelled"),
        [Notice(**notice) for notice in plain["notices"]],
        plain["unit"],
    )


def _limit() -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  (not available on Windows)

    with suppress(ValueError, OSError):  # some systems cannot limit it
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def _main() -> None:
    _limit()
    heading = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    try:
        sheet = read_events(heading["name"], data, _conventions(heading["conventions"]))
    except Unreadable as error:
        result: dict[str, Any] = {"unreadable": str(error)}
    else:
        result = {"sheet": asdict(sheet)}
    text = json.dumps(result)
    sys.stdout.write(text if len(text) <= MAX_RESULT else json.dumps({"unreadable": _TOO_LARGE}))


if __name__ == "__main__":
    _main()

"""Building of Excel workbooks by a child process, with a time limit, in a temporary folder."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from festgate.kit.clock import SECOND
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, TooMany
from festgate.kit.translation import N_
from festgate.portal.accounts import facade as accounts

SECONDS: Final = 60.0
"""Time limit; 20,000 rows of twelve columns take about five seconds."""
MODULE: Final = "festgate.portal.backoffice.workbook_process"
_CHUNK: Final = 64 * 1024

log = structlog.get_logger()


class WorkbookFailed(Conflict):
    """A workbook that could not be built in time."""

    code = "workbook-failed"
    title = N_("The workbook was not built")
    message = N_(
        "Building the Excel file took too long or failed. Narrow the list down, or download it as CSV."
    )
    status = 503


class OneAtATime(TooMany):
    """A second workbook for the same person, while the first is being built."""

    title = N_("A workbook is being built for you")
    message = N_("Another Excel file is being built for you. Wait until it has arrived, then try again.")

    def __init__(self) -> None:
        """Advise a wait of a few seconds."""
        super().__init__(str(self.message), 10)


@asynccontextmanager
async def turn_of(database: Database, person_id: int) -> AsyncIterator[None]:
    """Let one workbook be built for the person at a time, in all workers. Raise OneAtATime for a second one."""
    await database.write(_begin, person_id)
    try:
        yield
    finally:
        await database.write(accounts.uncount_attempt, _limit(person_id))


def _begin(connection: Connection, person_id: int) -> None:
    try:
        accounts.count_attempt(connection, _limit(person_id))
    except TooMany:
        raise OneAtATime from None


def _limit(person_id: int) -> accounts.Limit:
    # If the worker is killed meanwhile, the turn ends by itself.
    return accounts.Limit(f"workbook:{person_id}", 1, window=int(SECONDS * SECOND))


@asynccontextmanager
async def built_workbook(lines: AsyncIterator[str], seconds: float = SECONDS) -> AsyncIterator[Path]:
    """Build a workbook from lines for workbook_process.py; yield its file, and remove it at the end of the block.

    Raise WorkbookFailed if it takes longer than `seconds` or fails.
    """
    with tempfile.TemporaryDirectory(prefix="festgate-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "guests.xlsx"
        try:
            async with asyncio.timeout(seconds):
                await _build(lines, path, folder)
        except TimeoutError:
            log.warning("a workbook was not built in time", seconds=seconds)
            raise WorkbookFailed from None
        yield path


async def _build(lines: AsyncIterator[str], path: Path, folder: str) -> None:
    # openpyxl keeps its own temporary files in the same folder, so that a killed process leaves none.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    assert process.stdin is not None  # noqa: S101  (asked for above)
    assert process.stderr is not None  # noqa: S101
    errors = asyncio.ensure_future(process.stderr.read())
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it ended: its exit code is checked below
            async for text in lines:
                process.stdin.write(text.encode())
                await process.stdin.drain()
        process.stdin.close()
        code = await process.wait()
        if code:
            log.error(
                "a workbook could not be built", code=code, error=(await errors).decode(errors="replace")
            )
            raise WorkbookFailed
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        errors.cancel()


async def pieces_of(path: Path) -> AsyncIterator[bytes]:
    """Yield the content of a file, read on a thread."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            yield piece
    finally:
        file.close()

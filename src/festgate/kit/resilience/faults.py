"""Fault injection: named points in the code at which a drill makes something fail on purpose.

A point that is not armed costs one lookup in an empty dictionary. The armed faults are kept in a file beside the data.
Every worker reads it, so a worker that replaces another sees them too, and each fault has an end: the file is a
dead man's switch that works even if the drill and the worker that armed the fault are gone.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from festgate.effects import EFFECTS, FAULTS_FILE, MAX_ARMED_SECONDS, Effect
from festgate.files import write_atomically

log = structlog.get_logger()

GENERAL_EFFECTS: Final[tuple[Effect, ...]] = ("raise", "delay", "hang", "burn", "block", "exit")
"""The effects that any point can have. The code at a point checks for the other effects itself, with `due`."""
POINTS: Final = ("module.", "import.", "outbox.", "database.", "mail.", "payments.", "clock", "loop")
"""The prefixes of the names of points."""
POLL: Final = 0.2
"""Seconds between two checks of the file."""
EXIT_CODE: Final = 70


class InjectedFault(Exception):
    """The error that the effect `raise` raises, in place of an unhandled exception."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An armed fault at one point."""

    point: str
    effect: Effect
    seconds: float = 0.0
    """The length of a delay or a burn, or the distance that the clock jumps."""
    times: int | None = None
    """How often the fault occurs, counted over all workers; None for no limit."""
    share: float = 1.0
    """The probability that the fault occurs when the point is reached."""
    until: float = 0.0
    """When the fault ends, in seconds since the epoch by the machine's own clock."""


armed: dict[str, Fault] = {}
"""The armed faults by point. Callers check this first, so that a point that is not armed costs almost nothing."""
_file: Path | None = None


def inject(point: str) -> None:
    """Raise, block the loop or end the process if a fault is armed at this point."""
    if armed and (fault := due(point, *GENERAL_EFFECTS)) is not None:
        _inject(fault)


async def inject_async(point: str) -> None:
    """Do the same as `inject`, except that a delay or a hang does not block the loop."""
    if armed and (fault := due(point, *GENERAL_EFFECTS)) is not None:
        if fault.effect == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.effect == "hang":
            await asyncio.Event().wait()
        else:
            _inject(fault)


def due(point: str, *effects: Effect) -> Fault | None:
    """Return the fault to inject at this point now if it has one of these effects, and count it; None for none."""
    fault = armed.get(point)
    if fault is None or fault.effect not in effects or time.time() >= fault.until:
        return None
    if fault.share < 1 and random.random() >= fault.share:  # noqa: S311  (no secret depends on it)
        return None
    if fault.times is not None:
        _count_down(fault)
    return fault


def _count_down(fault: Fault) -> None:
    """Write the remaining count before the fault occurs: it may end this worker, and the next must not count anew."""
    left = (fault.times or 1) - 1
    if left > 0:
        armed[fault.point] = replace(fault, times=left)
    else:
        armed.pop(fault.point, None)
    if _file is not None:
        _write(_file)


def _inject(fault: Fault) -> None:
    if fault.effect == "raise":
        msg = f"fault injected by a drill at {fault.point}"
        raise InjectedFault(msg)
    if fault.effect == "delay":  # this runs on a thread, where sleeping blocks nothing else
        time.sleep(fault.seconds)
    elif fault.effect == "burn":
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until:
            pass
    elif fault.effect in ("block", "hang"):
        log.warning("a drill blocks the event loop", point=fault.point)
        while True:
            pass
    elif fault.effect == "exit":
        os._exit(EXIT_CODE)


def clock_offset() -> int:
    """Return the milliseconds by which an armed fault moves the clock."""
    fault = armed.get("clock")
    return 0 if fault is None or time.time() >= fault.until else round(fault.seconds * 1000)


def arm(folder: Path, fault: Fault) -> None:
    """Arm the fault in this process and, through the file, in all others. Raise ValueError if it is not valid."""
    if not fault.point.startswith(POINTS):
        msg = f"{fault.point!r} is not a fault point; the names of points begin with {', '.join(POINTS)}"
        raise ValueError(msg)
    if fault.effect not in EFFECTS:
        msg = f"{fault.effect!r} is not an effect; use one of {', '.join(EFFECTS)}"
        raise ValueError(msg)
    if not 0 < fault.until - time.time() <= MAX_ARMED_SECONDS + 1:
        msg = f"a fault stays armed for more than 0 and at most {MAX_ARMED_SECONDS:g} seconds"
        raise ValueError(msg)
    armed[fault.point] = fault
    _write(folder / FAULTS_FILE)


def disarm(folder: Path) -> None:
    """Disarm every fault."""
    armed.clear()
    (folder / FAULTS_FILE).unlink(missing_ok=True)


def load(folder: Path) -> None:
    """Arm exactly the faults that the file lists; none if it cannot be read."""
    global _file  # noqa: PLW0603  (faults belong to the process, as the points do)
    _file = folder / FAULTS_FILE
    now = time.time()
    faults: dict[str, Fault] = {}
    try:
        for entry in json.loads(_file.read_text(encoding="utf-8")):
            fault = Fault(**entry)
            if fault.until > now:
                faults[fault.point] = fault
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        log.warning(
            "the file of armed faults cannot be read; no fault is armed", file=str(_file), reason=repr(error)
        )
    armed.clear()
    armed.update(faults)


def listed() -> list[Mapping[str, Any]]:
    """Return the armed faults as plain values."""
    return [asdict(fault) for fault in armed.values()]


async def watch(folder: Path) -> None:
    """Reload the file when another worker changes it or a fault ends, until cancelled."""
    seen: int | None = None
    while True:
        try:
            modified = (folder / FAULTS_FILE).stat().st_mtime_ns
        except OSError:
            modified = 0
        if modified != seen or any(time.time() >= fault.until for fault in armed.values()):
            seen = modified
            load(folder)
        await asyncio.sleep(POLL)


def _write(path: Path) -> None:
    write_atomically(path, json.dumps(listed()), private=True)

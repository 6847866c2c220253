"""Faults on purpose: named points in the code at which a drill makes something go wrong.

A point that is not armed costs the look at an empty dictionary. What is armed lies in a file beside the data, so that
every worker sees it, one that takes another's place too, and so that it ends by itself at its time, whoever has died:
the file is a dead-man's switch.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import structlog

from festgate.files import write_atomically

log = structlog.get_logger()

Effect = Literal["raise", "delay", "hang", "burn", "block", "exit", "jump", "full", "double", "lie", "lose"]
EFFECTS: tuple[str, ...] = get_args(Effect)
PLAIN: tuple[Effect, ...] = ("raise", "delay", "hang", "burn", "block", "exit")
"""What any point can do by itself; the others are left to the code at their point, which asks for them."""
POINTS = ("module.", "import.", "outbox.", "database.", "mail.", "payments.", "clock", "loop")
"""How the names of points begin."""
MAX_SECONDS = 600.0
"""Seconds that a fault may stay armed."""
LOOK = 0.2
"""Seconds between two looks at the file."""
FILE = "drills.json"
EXIT_CODE = 70


class Struck(Exception):
    """The error that a fault raises: a bug that a drill has planted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at one point."""

    point: str
    effect: Effect
    seconds: float = 0.0
    """How long a delay or a burn lasts; how far the clock jumps."""
    times: int | None = None
    """How often it strikes, over all workers; None for always."""
    share: float = 1.0
    """Of the times at which the point is met."""
    until: float = 0.0
    """Seconds since the epoch at which it is none any more, by the machine's clock."""


armed: dict[str, Fault] = {}
"""By point. Looked at before anything else, so that a point which is not armed costs nothing."""
_file: Path | None = None


def strike(point: str) -> None:
    """Raise, hold the loop or end the process, if that is armed here."""
    if armed and (fault := wanted(point, *PLAIN)) is not None:
        _strike(fault)


async def linger(point: str) -> None:
    """As `strike`; a delay or a hang waits without holding the loop."""
    if armed and (fault := wanted(point, *PLAIN)) is not None:
        if fault.effect == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.effect == "hang":
            await asyncio.Event().wait()
        else:
            _strike(fault)


def wanted(point: str, *effects: Effect) -> Fault | None:
    """The fault of one of these effects that strikes at this point now, and counts as one time; None for none."""
    fault = armed.get(point)
    if fault is None or fault.effect not in effects or time.time() >= fault.until:
        return None
    if fault.share < 1 and random.random() >= fault.share:  # noqa: S311  (nothing is kept secret by it)
        return None
    if fault.times is not None:
        _count(fault)
    return fault


def _count(fault: Fault) -> None:
    """One time less, written down first: the worker may not outlive it, and who takes its place must not begin anew."""
    left = (fault.times or 1) - 1
    if left > 0:
        armed[fault.point] = replace(fault, times=left)
    else:
        armed.pop(fault.point, None)
    if _file is not None:
        _write(_file)


def _strike(fault: Fault) -> None:
    if fault.effect == "raise":
        msg = f"planted by a drill at {fault.point}"
        raise Struck(msg)
    if fault.effect == "delay":  # on a thread of its own, where to wait holds up nobody
        time.sleep(fault.seconds)
    elif fault.effect == "burn":
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until:
            pass
    elif fault.effect in ("block", "hang"):
        log.warning("a drill holds the loop", point=fault.point)
        while True:
            pass
    elif fault.effect == "exit":
        os._exit(EXIT_CODE)


def jumped() -> int:
    """Milliseconds by which the clock is wrong."""
    fault = armed.get("clock")
    return 0 if fault is None or time.time() >= fault.until else round(fault.seconds * 1000)


def arm(folder: Path, fault: Fault) -> None:
    """Arm it in this process and, through the file, in all. Raises ValueError for what no drill can do."""
    if not fault.point.startswith(POINTS):
        msg = f"{fault.point!r} is no point; the names of points begin with {', '.join(POINTS)}"
        raise ValueError(msg)
    if fault.effect not in EFFECTS:
        msg = f"{fault.effect!r} is no effect; there are {', '.join(EFFECTS)}"
        raise ValueError(msg)
    if not 0 < fault.until - time.time() <= MAX_SECONDS + 1:
        msg = f"a fault stays armed for more than 0 and at most {MAX_SECONDS:g} seconds"
        raise ValueError(msg)
    armed[fault.point] = fault
    _write(folder / FILE)


def disarm(folder: Path) -> None:
    """Nothing goes wrong on purpose any more."""
    armed.clear()
    (folder / FILE).unlink(missing_ok=True)


def load(folder: Path) -> None:
    """Arm what the file says, and nothing else; a file that cannot be read arms nothing."""
    global _file  # noqa: PLW0603  (faults are of the process, as the points are)
    _file = folder / FILE
    now = time.time()
    found: dict[str, Fault] = {}
    try:
        for entry in json.loads(_file.read_text(encoding="utf-8")):
            fault = Fault(**entry)
            if fault.until > now:
                found[fault.point] = fault
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        log.warning("the file of faults cannot be read; none is armed", file=str(_file), reason=repr(error))
    armed.clear()
    armed.update(found)


def listed() -> list[Mapping[str, Any]]:
    """What is armed, for people."""
    return [asdict(fault) for fault in armed.values()]


async def watch(folder: Path) -> None:
    """Follow the file until cancelled: other workers arm and disarm, too, and every fault has its end."""
    seen: int | None = None
    while True:
        try:
            stamp = (folder / FILE).stat().st_mtime_ns
        except OSError:
            stamp = 0
        if stamp != seen or any(time.time() >= fault.until for fault in armed.values()):
            seen = stamp
            load(folder)
        await asyncio.sleep(LOOK)


def _write(path: Path) -> None:
    write_atomically(path, json.dumps(listed()), private=True)

"""Playing one run: from a plan to a kept folder."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from festgate.rehearsal.runner.preflight import look
from festgate.rehearsal.runner.resources import Watch
from festgate.rehearsal.runner.servers import Server, end, own_portal
from festgate.rehearsal.runs.histogram import write_histogram
from festgate.rehearsal.runs.plan import Plan, Staging, mark_of
from festgate.rehearsal.runs.store import Run, Side

MIN_DISK = 50 * 1024 * 1024
"""Bytes that must be free: a run of an hour at a thousand requests a second."""
GOODBYE = 30.0
"""Seconds for the player to keep what it has when the run is cut off."""


class CannotPlay(Exception):
    """Nothing was sent, or what was sent could not be kept to the end; the sentence says why."""


class Enough(Exception):
    """Raised by `tell`: what was sent will do. The run ends, and is kept as `cut`."""


@dataclass(frozen=True)
class Second:
    """How the run stands, told once a second."""

    at: float
    """Seconds since it began."""
    requests: int
    failures: int
    users: int
    waiting: int
    """Arrivals for whom no user was free yet."""
    p50: float | None
    """Of the responses of this second, in seconds; None where there was none."""
    p95: float | None
    worst: float | None
    cpu: Mapping[Side, float]
    """Share of a core."""


Tell = Callable[[Second], None]


Say = Callable[[str], None]
"""A sentence for whoever looks on."""


def rehearse(
    plan: Plan,
    runs: Path,
    *,
    tell: Tell = lambda _: None,
    server: Server | None = None,
    staging: Staging | None = None,
    say: Say = lambda _: None,
) -> Run:
    """Play `plan` and keep it in a new folder of `runs`; an own portal where `plan.host` is empty.

    `server` is what answers at `plan.host`, where the caller has started it. A run that is cut off by Ctrl-C or a crash
    of the player is kept as `cut`. Raises CannotPlay (also for a disk that is full, once the run is kept as `cut`),
    NotThere, CannotServe.
    """
    staging = staging or Staging()
    _look_at_ports(staging)
    folder = _new_folder(runs, plan)
    started: AbstractContextManager[Server | None] = nullcontext(server) if plan.host else own_portal()
    try:
        with started as serving:
            target = look(plan.host or (serving.url if serving else ""))
            run = Run(
                folder=folder,
                plan=replace(plan, host=target.url),
                state="running",
                began=time.time(),
                generator=_generator(plan.journey),
                server={**target.server, **(serving.identity if serving else {})},
                notes=tuple(target.notes),
            )
            try:
                run.keep()
                run.prepare_for_full_disk()
            except OSError as error:
                raise CannotPlay(_unusable(runs, error)) from None
            return _play(run, serving, staging, tell, say)
    except BaseException:
        if not _has_samples(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _play(run: Run, serving: Server | None, staging: Staging, tell: Tell, say: Say) -> Run:
    seed = {"FESTGATE_REHEARSAL_SEED": str(run.plan.seed)}
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "festgate.rehearsal.load",
            "player",
            str(run.folder),
            json.dumps(asdict(staging)),
        ],
        env={**os.environ, **seed, **(serving.environment if serving else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as player:
        sides: dict[Side, int] = {"generator": player.pid}
        if serving is not None:
            sides["server"] = serving.pid
        last: dict[str, Any] = {}
        with Watch(run.folder, sides, senders=run.plan.workers) as watch:
            try:
                _follow(player, watch, tell, say, last)
            except (KeyboardInterrupt, Enough):
                last |= _cut_off(player)
                if "began" not in last:
                    raise
                return _kept(run, {**last, "ended": "cut"})
            except BaseException:
                player.kill()
                raise
    if "error" in last:
        raise CannotPlay(last["error"])
    if last.get("ended") == "cut" and "began" not in last:
        raise KeyboardInterrupt
    return _kept(run, last)


def _follow(
    player: "subprocess.Popen[str]", watch: Watch, tell: Tell, say: Say, said: dict[str, Any]
) -> None:
    """Tell each second of the player, and its sentences; what its other lines say goes into `said`."""
    assert player.stdout is not None  # noqa: S101  (a pipe, as it was started)
    for line in player.stdout:
        fields = json.loads(line)
        if "began" in fields:
            watch.begin(fields["began"])
        if "says" in fields:
            say(fields["says"])
            continue
        if "second" not in fields:
            said |= fields
            continue
        at = fields.pop("second")
        watch.elsewhere = fields.pop("elsewhere", ())
        tell(Second(at=at, cpu={side: found.cpu for side, found in watch.last.items()}, **fields))


def _cut_off(player: "subprocess.Popen[str]") -> dict[str, Any]:
    if sys.platform == "win32":
        # A signal is the end at once there, of what was started alone: its workers would go on.
        end(player)
    else:
        player.send_signal(signal.SIGTERM)
    try:
        rest, _ = player.communicate(timeout=GOODBYE)
    except subprocess.TimeoutExpired:
        player.kill()
        return {}
    said: dict[str, Any] = {}
    for line in rest.splitlines():
        said |= json.loads(line)
    return said


def _kept(run: Run, last: Mapping[str, Any]) -> Run:
    notes = list(run.notes)
    if last.get("first_failure"):
        notes.append(f"The first failure was {last['first_failure']}.")
    notes += last.get("notes", ())
    unwritten = last.get("unwritten", "")
    if unwritten:
        notes.append(f"It could not be written any further: {unwritten}.")
    if "ended" not in last:
        notes.append("The process that sent the requests ended by itself; load.log has its last words.")
    try:
        ended = run.ended(
            "whole" if last.get("ended") == "whole" else "cut",
            began=last.get("began", run.began),
            dropped=last.get("dropped", 0),
            notes=tuple(notes),
        )
        write_histogram(ended)
    except OSError as error:
        run.cut_by_full_disk()
        unwritten = unwritten or error.strerror or str(error)
    else:
        run.forget_full_disk()
        if not unwritten:
            return ended
    kept = (
        "what there was room for is kept, and marked as cut"
        if _has_samples(run.folder)
        else "nothing is kept"
    )
    msg = (
        f"The run could not be written any further in {run.folder} ({unwritten}): {kept}."
        " Make room there, or choose another folder with --runs."
    )
    raise CannotPlay(msg)


def _has_samples(folder: Path) -> bool:
    return any(samples.stat().st_size for samples in folder.glob("*.samples"))


def _look_at_ports(staging: Staging) -> None:
    """Whether this program can listen where it is to. Raises CannotPlay."""
    wanted = [("Locust's page", "127.0.0.1", staging.page, "--ui-port")] if staging.page else []
    if staging.join_at is not None:
        wanted.append(("The place where workers join", *staging.join_at, "--join-at"))
    for what, host, port, option in wanted:
        try:
            with socket.create_server((host, port)):
                pass
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            msg = f"{what} cannot be at {host}:{port}: {why}. Choose another with {option}."
            raise CannotPlay(msg) from None


def _new_folder(runs: Path, plan: Plan) -> Path:
    """A folder whose name sorts by time and says what was played. Raises CannotPlay."""
    name = f"{time.strftime('%Y%m%dT%H%M%S')}-{plan.label or Path(plan.journey).stem}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(runs).free < MIN_DISK:
            msg = f"There is no room for a run in {runs}: less than {MIN_DISK // 2**20} MB are free."
            raise CannotPlay(msg)
        for number in range(1, 1000):
            folder = runs / (name if number == 1 else f"{name}-{number}")
            if not folder.exists():
                folder.mkdir()
                return folder
    except OSError as error:
        raise CannotPlay(_unusable(runs, error)) from None
    msg = f"There are a thousand runs named {name} in {runs}."
    raise CannotPlay(msg)


def _unusable(runs: Path, error: OSError) -> str:
    return f"Runs cannot be kept in {runs}: {error.strerror}. Choose another folder with --runs."


def _generator(journey: str) -> dict[str, str]:
    return {
        "festgate": version("festgate"),
        "journey": mark_of(journey),
        "locust": version("locust"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }

"""One run: from a plan to a kept folder."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median_low
from typing import Any

from festgate.rehearsal.runner.child_processes import child_process
from festgate.rehearsal.runner.limit_watch import LimitWatch
from festgate.rehearsal.runner.preflight import CheckedPlan, check_targets
from festgate.rehearsal.runner.resources import ResourceMonitor
from festgate.rehearsal.runner.servers import Server, end_process, temporary_portal
from festgate.rehearsal.runs.export import write_histogram
from festgate.rehearsal.runs.plan import (
    MIN_PRESENT,
    Plan,
    Rate,
    RunOptions,
    Users,
    journey_fingerprint,
    mean_load,
)
from festgate.rehearsal.runs.stage_loads import stage_loads
from festgate.rehearsal.runs.store import LoadSecond, Run, Side

MIN_DISK = 50 * 1024 * 1024
"""Bytes that must be free: a run of an hour at a thousand requests a second."""
NOT_CHECKED = "No user class has a web client of Locust, so the target was not checked before the run."
SHUTDOWN_TIMEOUT = 30.0
"""Seconds for the load generator to write what it has recorded when the run is cut short."""


class CannotRun(Exception):
    """A run that could not start, or could not be kept to its end. The message gives the reason."""


class StopRun(Exception):
    """Raised by `on_second` to end the run early; the run is kept as `cut`, with the message as its `aborted`."""


@dataclass(frozen=True)
class Second:
    """The progress of a run, reported once a second."""

    at: float
    """Seconds since the run began."""
    requests: int
    failures: int
    users: int
    waiting: int
    """Arrivals for which no user was free yet."""
    p50: float | None
    """Response times of this second, in seconds; None if there was no response."""
    p95: float | None
    worst: float | None
    cpu: Mapping[Side, float]
    """Share of a core."""


OnSecond = Callable[[Second], None]
OnNotice = Callable[[str], None]
"""Called with a sentence for the person at the terminal."""


def rehearse(
    plan: Plan,
    runs: Path,
    *,
    on_second: OnSecond = lambda _: None,
    on_notice: OnNotice = lambda _: None,
    server: Server | None = None,
    options: RunOptions | None = None,
) -> Run:
    """Run `plan` and keep it in a new folder of `runs`; with a temporary portal if it has no host.

    `server` is the one at `plan.host`, if the caller has started it. A run that Ctrl-C or a crash of the load
    generator ends is kept as `cut`. Raises CannotRun (also for a full disk, after the run is kept as `cut`), NotThere,
    CannotServe.
    """
    options = options or RunOptions()
    _check_ports(options)
    folder = _new_folder(runs, plan)
    started: AbstractContextManager[Server | None] = (
        nullcontext(server) if plan.targets or not options.web_target else temporary_portal()
    )
    try:
        with started as serving:
            if serving is not None and not plan.host:
                plan = replace(plan, host=serving.url)
            checked = (
                check_targets(plan, on_notice)
                if options.web_target
                else CheckedPlan(plan, (NOT_CHECKED,), {})
            )
            run = Run(
                folder=folder,
                plan=checked.plan,
                state="running",
                began=time.time(),
                generator=_describe_generator(plan.journey),
                server={**checked.server, **(serving.identity if serving else {})},
                notes=tuple(checked.notes),
            )
            try:
                run.save()
                run.prepare_for_full_disk()
            except OSError as error:
                raise CannotRun(_unusable(runs, error)) from None
            return _generate_load(run, serving, options, on_second, on_notice)
    except BaseException:
        if not _has_samples(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _generate_load(
    run: Run, serving: Server | None, options: RunOptions, on_second: OnSecond, on_notice: OnNotice
) -> Run:
    watch = LimitWatch(run, options.abort_after)

    def report_and_check(second: Second) -> None:
        on_second(second)
        broken = watch.broken(second.at)
        if broken:
            raise StopRun(broken)

    outcome: dict[str, Any] = {}
    with child_process(lambda: _start_generator(run, serving, options)) as generator:
        sides: dict[Side, int] = {"generator": generator.pid}
        if serving is not None:
            sides["server"] = serving.pid
        with ResourceMonitor(run.folder, sides, workers=run.plan.workers) as monitor:
            try:
                _follow(generator, monitor, report_and_check, on_notice, outcome, run.plan)
            except (KeyboardInterrupt, StopRun) as stop:
                outcome |= _interrupt(generator) | {"aborted": str(stop)}
                if "began" not in outcome:
                    raise
                return _complete(run, {**outcome, "ended": "cut"})
    if "error" in outcome:
        raise CannotRun(outcome["error"])
    if outcome.get("ended") == "cut" and "began" not in outcome:
        raise KeyboardInterrupt
    return _complete(run, outcome)


def _start_generator(run: Run, serving: Server | None, options: RunOptions) -> "subprocess.Popen[str]":
    seed = {"FESTGATE_REHEARSAL_SEED": str(run.plan.seed)}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "festgate.rehearsal.load",
            "generator",
            str(run.folder),
            json.dumps(asdict(options)),
        ],
        env={**os.environ, **seed, **(serving.environment if serving else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _follow(
    generator: "subprocess.Popen[str]",
    monitor: ResourceMonitor,
    on_second: OnSecond,
    on_notice: OnNotice,
    outcome: dict[str, Any],
    plan: Plan,
) -> None:
    """Pass on the generator's seconds and notices; collect the fields of its other lines in `outcome`.

    `present` lists the users of each second after the warm-up, `asked` those for which a shape asked, and `load` the
    load of each second of a run whose load varies.
    """
    due, begun, before = 0, 0, 0.0
    assert generator.stdout is not None  # noqa: S101  (a pipe, as it was started)
    for line in generator.stdout:
        fields = json.loads(line)
        if "began" in fields:
            monitor.begin(fields["began"])
        if "notice" in fields:
            on_notice(fields["notice"])
            continue
        if "second" not in fields:
            outcome |= fields
            continue
        at = fields.pop("second")
        asked = fields.pop("asked")
        monitor.remote = fields.pop("remote", ())
        cpu = {side: resources.cpu for side, resources in monitor.last.items()}
        if at > plan.warm_up:
            outcome.setdefault("present", []).append(fields["users"])
            outcome.setdefault("asked", []).append(asked)
        if plan.load.varies:
            outcome.setdefault("load", []).append(
                LoadSecond(at, fields["due"] - due, fields["begun"] - begun)
                if isinstance(plan.load, Rate)
                else LoadSecond(
                    at, mean_load(plan.load, before, at) if plan.load.stages else asked, fields["users"]
                )
            )
        due, begun, before = fields.pop("due"), fields.pop("begun"), at
        on_second(Second(at=at, cpu=cpu, **fields))


def _interrupt(generator: "subprocess.Popen[str]") -> dict[str, Any]:
    """End the generator; return the fields of its last lines."""
    if sys.platform == "win32":
        # On Windows a signal ends only the generator, and at once: its workers would go on.
        end_process(generator)
    else:
        generator.send_signal(signal.SIGTERM)
    try:
        rest, _ = generator.communicate(timeout=SHUTDOWN_TIMEOUT)
    except subprocess.TimeoutExpired:
        generator.kill()
        return {}
    outcome: dict[str, Any] = {}
    for line in rest.splitlines():
        fields = json.loads(line)
        if "second" not in fields:
            outcome |= fields
    return outcome


def _complete(run: Run, outcome: Mapping[str, Any]) -> Run:
    """Save the run with its outcome and its histogram. Raises CannotRun on a full disk."""
    notes, unwritten = tuple(_notes(run, outcome)), outcome.get("unwritten", "")
    load = outcome.get("load")
    try:
        if load:
            run.write_load(load)
        ended = run.update(
            **_load_fields(run.plan, outcome),
            exit_code=outcome.get("exit_code"),
            state="whole" if outcome.get("ended") == "whole" else "cut",
            began=outcome.get("began", run.began),
            dropped=outcome.get("dropped", 0),
            exceptions=outcome.get("exceptions", {}),
            aborted=outcome.get("aborted", ""),
            notes=notes,
        )
        write_histogram(ended)
    except OSError as error:
        run.cut_by_full_disk()
        unwritten = unwritten or error.strerror or str(error)
    else:
        run.forget_full_disk()
        if not unwritten:
            return ended
    kept = "What fitted on the disk is kept, marked as cut" if _has_samples(run.folder) else "Nothing is kept"
    msg = (
        f"The run could not be written to its end in {run.folder} ({unwritten}). {kept}."
        " Free some space there, or choose another folder with --runs."
    )
    raise CannotRun(msg)


def _notes(run: Run, outcome: Mapping[str, Any]) -> Iterator[str]:
    """Return the sentences for the reader of the run."""
    yield from run.notes
    if outcome.get("first_failure"):
        yield f"The first failure was {outcome['first_failure']}."
    yield from outcome.get("notes", ())
    if outcome.get("unwritten"):
        yield f"The run could not be written to its end: {outcome['unwritten']}."
    if "ended" not in outcome:
        yield "The load generator crashed; see the end of load.log."
    if outcome.get("untimed"):
        yield f"The locustfile reported {outcome['untimed']:,} requests without a response time. They count as 0 ms."
    if outcome.get("failed_after"):
        yield (
            f"{outcome['failed_after']:,} of the requests after the end failed; they do not count. Visits were"
            " completed, and `on_stop` was called."
        )
    if outcome.get("lasted") is not None:
        yield f"The locustfile ended the run after {outcome['lasted']:g} s."
    elif isinstance(run.plan.load, Users) and run.plan.load.shape and outcome.get("ended") == "whole":
        yield f"{run.plan.load.shape} was not over when the planned time ended."


def _load_fields(plan: Plan, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan with the load that the locustfile determined, and how much of the planned load was reached."""
    lasted, load = outcome.get("lasted"), outcome.get("load", ())
    if lasted is not None and lasted > plan.warm_up:
        plan = replace(plan, duration=lasted - plan.warm_up)
    present, short = outcome.get("present", ()), None
    if isinstance(plan.load, Users) and plan.load.shape:
        asked = outcome.get("asked", ())
        short = sum(users < MIN_PRESENT * wanted for users, wanted in zip(present, asked, strict=True))
        plan = replace(plan, load=replace(plan.load, users=max(asked, default=plan.load.users)))
    typical = max if plan.load.varies else median_low
    return {
        "plan": plan,
        "present": typical(present) if present else None,
        "short_seconds": short,
        "stages": stage_loads(plan, load),
    }


def _has_samples(folder: Path) -> bool:
    return any(samples.stat().st_size for samples in folder.glob("*.samples"))


def _check_ports(options: RunOptions) -> None:
    """Raise CannotRun if a port that the run has to listen on is taken."""
    ports = [("Locust's web page", "127.0.0.1", options.web_port, "--ui-port")] if options.web_port else []
    if options.join_at is not None:
        ports.append(("The rehearsal", *options.join_at, "--join-at"))
    for what, host, port, option in ports:
        try:
            with socket.create_server((host, port)):
                pass
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            msg = f"{what} cannot listen at {host}:{port}: {reason}. Choose another address with {option}."
            raise CannotRun(msg) from None


def _new_folder(runs: Path, plan: Plan) -> Path:
    """Make a folder whose name is the time and the label or journey. Raises CannotRun."""
    name = f"{time.strftime('%Y%m%dT%H%M%S')}-{plan.label or Path(plan.journey).stem}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(runs).free < MIN_DISK:
            msg = f"There is no space for a run in {runs}: less than {MIN_DISK // 2**20} MB are free."
            raise CannotRun(msg)
        for number in range(1, 1000):
            folder = runs / (name if number == 1 else f"{name}-{number}")
            if not folder.exists():
                folder.mkdir()
                return folder
    except OSError as error:
        raise CannotRun(_unusable(runs, error)) from None
    msg = f"There are a thousand runs named {name} in {runs}."
    raise CannotRun(msg)


def _unusable(runs: Path, error: OSError) -> str:
    return f"Runs cannot be kept in {runs}: {error.strerror}. Choose another folder with --runs."


def _describe_generator(journey: str) -> dict[str, str]:
    return {
        "festgate": version("festgate"),
        "journey": journey_fingerprint(journey),
        "locust": version("locust"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }

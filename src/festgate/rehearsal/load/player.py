"""The process that plays a journey: `python -m festgate.rehearsal.load.player RUN_FOLDER`.

It reads the plan from the run's folder, and writes the samples there and a line of JSON a second to standard output
(the fields of `rehearse.Second`). It ends after the plan's time, or at SIGTERM, with what is under way given up; the
last line says how it ended.
"""

import contextlib
import json
import logging
import math
import signal
import sys
import time
import traceback
from pathlib import Path

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from festgate.rehearsal.load.arrivals import Arrivals
from festgate.rehearsal.load.recorder import Recorder
from festgate.rehearsal.plan import Plan, Rate, Users, journey_file
from festgate.rehearsal.runs import LOG_FILE, read_run
from festgate.rehearsal.samples import SUFFIX, SamplesWriter

log = logging.getLogger(__name__)

LAST_ANSWERS = 10.0
"""Seconds that requests under way have to end after the plan's time."""
UNPLAYABLE = 2
"""Exit code: the journey cannot be played; nothing was sent."""


class Unplayable(Exception):
    """The sentence says what is wrong with the journey."""


def main(folder: Path) -> int:
    """Play the run of a folder; the process's exit code."""
    plan = read_run(folder).plan
    logging.basicConfig(filename=folder / LOG_FILE, level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        classes = load(journey_file(plan.journey))
    except Unplayable as error:
        tell(error=str(error))
        return UNPLAYABLE
    _allow_sockets()
    play(plan, classes, folder)
    return 0


def load(path: Path) -> list[type[User]]:
    """The users of a locustfile. Raises Unplayable."""
    try:
        found, _ = load_locustfile(str(path))
    except SyntaxError as error:
        msg = f"{path}, line {error.lineno}: {error.msg}."
        raise Unplayable(msg) from None
    except Exception as error:  # a journey is somebody's program: whatever it raises
        log.exception("the journey cannot be loaded")
        line = next(
            (
                frame.lineno
                for frame in reversed(traceback.extract_tb(error.__traceback__))
                if frame.filename == str(path)
            ),
            0,
        )
        msg = f"{path}, line {line}: {type(error).__name__}: {error}."
        raise Unplayable(msg) from None
    classes = [each for each in found.values() if not each.abstract]
    if not classes:
        msg = (
            f"{path} has no user: a class that is derived from locust's HttpUser or FastHttpUser, with tasks."
        )
        raise Unplayable(msg)
    return classes


def _allow_sockets() -> None:
    """As many as this account may have open: each person on the way has one, and the usual limit is a thousand."""
    try:
        import resource  # noqa: PLC0415  (not on Windows, where there is no such limit)
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def play(plan: Plan, classes: list[type[User]], folder: Path) -> None:
    """Send the plan's load, and keep every sample."""
    environment = Environment(user_classes=classes, host=plan.host, stop_timeout=LAST_ANSWERS)
    runner = environment.create_local_runner()
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    arrivals: Arrivals | None = None
    sender: gevent.Greenlet | None = None
    seconds = plan.warm_up + plan.duration
    if isinstance(plan.load, Rate):
        arrivals = Arrivals(classes, plan.load, f"{plan.seed}:0")
        for each in classes:
            each.host = plan.host
        arrivals.prepare(runner)
    began = time.time()
    recorder = Recorder(environment, writer, began)
    tell(began=began)
    if arrivals is not None:
        sender = gevent.spawn(arrivals.run, runner, began, seconds)
    elif isinstance(plan.load, Users):
        gevent.spawn(runner.start, plan.load.users, plan.load.spawn_rate)
    stopped = _stopped_by_signal()
    for second in range(1, math.ceil(seconds) + 1):
        if stopped.wait(timeout=max(0.0, began + min(second, seconds) - time.time())):
            break
        writer.flush()
        _tell_second(min(second, seconds), recorder, runner.user_count, arrivals)
    if sender is not None:
        sender.kill()
    never_sent = arrivals.waiting if arrivals is not None else 0
    if stopped.is_set():
        environment.stop_timeout = 0
    runner.stop()
    writer.close()
    tell(
        ended="cut" if stopped.is_set() else "whole", dropped=never_sent, first_failure=recorder.first_failure
    )


def _stopped_by_signal() -> Event:
    stopped = Event()
    # Ctrl-C reaches every process of the terminal; the one that started this one decides, and sends SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gevent.signal_handler(signal.SIGTERM, stopped.set)
    return stopped


def _tell_second(second: float, recorder: Recorder, users: int, arrivals: Arrivals | None) -> None:
    recent = sorted(recorder.take_recent())
    tell(
        second=second,
        requests=recorder.requests,
        failures=recorder.failures,
        users=users,
        waiting=arrivals.waiting if arrivals is not None else 0,
        p50=recent[len(recent) // 2] if recent else None,
        p95=recent[len(recent) * 95 // 100] if recent else None,
        worst=recent[-1] if recent else None,
    )


def tell(**fields: object) -> None:
    """A line for the process that started this one."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

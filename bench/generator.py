"""One core that sends as fast as it can: a Locust process, in turn with the rehearsal's recorder and without.

    python -m bench.generator URL USERS WARM_UP WINDOW PAIRS FOLDER

Users of Locust's FastHttpUser ask for URL again and again, without a pause. In one window of each pair every request is
recorded in FOLDER as a rehearsal records it, in the other Locust is by itself. They lie next to each other in one
process, so that whatever else the machine does meets both alike. Standard output is a line of JSON: for `recorded` and
`bare` the windows' [requests, seconds of the clock, seconds of the processor], and how many requests failed.
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, constant, task
from locust.env import Environment

from festgate.rehearsal.load.recorder import Recorder
from festgate.rehearsal.runs.recording import SUFFIX, SamplesWriter


class Asking(FastHttpUser):
    """Asks for one page."""

    abstract = True
    wait_time = constant(0)
    path = "/"

    @task
    def ask(self) -> None:
        """GET it."""
        self.client.get(self.path, name=self.path)


def main(url: str, users: int, warm_up: float, window: float, pairs: int, folder: Path) -> dict[str, object]:
    """Send, and count."""
    parts = urlsplit(url)
    Asking.path = parts.path
    Asking.host = f"{parts.scheme}://{parts.netloc}"
    environment = Environment(user_classes=[Asking], host=Asking.host)
    runner = environment.create_local_runner()
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    recorder = Recorder(environment, writer)
    recorder.began = time.time()
    # It listens from the moment it is made, which is before the first connection.
    environment.events.request.remove_listener(recorder.record)  # type: ignore[no-untyped-call]
    runner.start(users, spawn_rate=users)
    gevent.sleep(warm_up)

    def play() -> tuple[int, float, float]:
        sent, began, used = runner.stats.total.num_requests, time.monotonic(), time.process_time()
        gevent.sleep(window)
        # What the player does once a second; with nothing recorded it is nothing.
        writer.flush()
        sorted(recorder.take_recent())
        return (
            runner.stats.total.num_requests - sent,
            time.monotonic() - began,
            time.process_time() - used,
        )

    found: dict[str, list[tuple[int, float, float]]] = {"recorded": [], "bare": []}
    for pair in range(pairs):
        for side in ("recorded", "bare") if pair % 2 == 0 else ("bare", "recorded"):
            if side == "bare":
                found[side].append(play())
                continue
            environment.events.request.add_listener(recorder.record)  # type: ignore[no-untyped-call]
            found[side].append(play())
            environment.events.request.remove_listener(recorder.record)  # type: ignore[no-untyped-call]
    failed = runner.stats.total.num_failures
    runner.quit()
    writer.close()
    return {**found, "failed": failed}


if __name__ == "__main__":
    _, target, count, warming, length, many, kept = sys.argv
    print(json.dumps(main(target, int(count), float(warming), float(length), int(many), Path(kept))))

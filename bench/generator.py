"""A load generator on one core: a Locust process, alternately with the rehearsal's recorder and without.

    python -m bench.generator URL USERS WARM_UP WINDOW PAIRS FOLDER

Users of Locust's FastHttpUser request URL without a pause. In one window of each pair every request is recorded in
FOLDER as in a rehearsal, in the other window Locust runs alone. The windows are adjacent in one process, so that other
load on the machine affects both alike. The output is a line of JSON: for `recorded` and `bare` the windows' [requests,
seconds of the clock, seconds of the processor], and the number of failed requests.
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


class PageUser(FastHttpUser):
    """A user who requests one page."""

    abstract = True
    wait_time = constant(0)
    path = "/"

    @task
    def get_page(self) -> None:
        """Send GET for the page."""
        self.client.get(self.path, name=self.path)


def main(url: str, users: int, warm_up: float, window: float, pairs: int, folder: Path) -> dict[str, object]:
    """Send requests, and return the counts."""
    parts = urlsplit(url)
    PageUser.path = parts.path
    PageUser.host = f"{parts.scheme}://{parts.netloc}"
    environment = Environment(user_classes=[PageUser], host=PageUser.host)
    runner = environment.create_local_runner()
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    recorder = Recorder(environment, writer)
    recorder.began = time.time()
    # The recorder listens from its creation, which is before the first connection.
    environment.events.request.remove_listener(recorder.record)  # type: ignore[no-untyped-call]
    runner.start(users, spawn_rate=users)
    gevent.sleep(warm_up)

    def measure_window() -> tuple[int, float, float]:
        sent, began, used = runner.stats.total.num_requests, time.monotonic(), time.process_time()
        gevent.sleep(window)
        # A rehearsal does this once a second; without recorded requests it costs nothing.
        writer.flush()
        sorted(recorder.take_recent())
        return (
            runner.stats.total.num_requests - sent,
            time.monotonic() - began,
            time.process_time() - used,
        )

    windows: dict[str, list[tuple[int, float, float]]] = {"recorded": [], "bare": []}
    for pair in range(pairs):
        for side in ("recorded", "bare") if pair % 2 == 0 else ("bare", "recorded"):
            if side == "bare":
                windows[side].append(measure_window())
                continue
            environment.events.request.add_listener(recorder.record)  # type: ignore[no-untyped-call]
            windows[side].append(measure_window())
            environment.events.request.remove_listener(recorder.record)  # type: ignore[no-untyped-call]
    failed = runner.stats.total.num_failures
    runner.quit()
    writer.close()
    return {**windows, "failed": failed}


if __name__ == "__main__":
    _, target, count, warming, length, many, kept = sys.argv
    print(json.dumps(main(target, int(count), float(warming), float(length), int(many), Path(kept))))

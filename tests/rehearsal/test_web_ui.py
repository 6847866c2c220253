"""Locust's web page: of a rehearsal with --ui, and of each journey in Locust alone."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from festgate.ports import free_port
from festgate.rehearsal.runner.run import CannotRun, Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, Users, journey_file, journeys
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.target import answering, journey, welcome
from tests.rehearsal.test_commands import festgate
from tests.rig.server import environment, serving
from tests.rig.waiting import until

Stats = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A run with Locust's web page, and the content of the page."""

    run: Run
    page: str
    stats: Stats
    swarm: Stats
    gone: bool
    """Whether the page is gone after the run."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """A run of a minute whose page is read in its first second; then its Stop button is pressed."""
    folder = tmp_path_factory.mktemp("seen")
    port = free_port()
    at = f"http://127.0.0.1:{port}"
    notices: list[str] = []
    pages: list[tuple[str, Stats, Stats]] = []

    def read_page_and_stop(_second: Second) -> None:
        if pages:
            return
        with httpx.Client(base_url=at, trust_env=False, verify=False, timeout=20) as client:
            page, stats = client.get("/").text, client.get("/stats/requests").json()
            swarm = client.post(
                "/swarm", data={"user_count": 99, "spawn_rate": 99, "host": "http://127.0.0.1:1"}
            )
            pages.append((page, stats, swarm.json()))
            assert client.post("/stop").json()["success"] is True

    with answering(welcome) as target:
        plan = Plan(journey(folder), target.url, Rate(30), 60.0, seed=7)
        run = rehearse(
            plan,
            folder / "runs",
            on_second=read_page_and_stop,
            on_notice=notices.append,
            options=RunOptions(web_port=port),
        )
    assert notices == [f"Locust's web page of this run is {at}"]
    try:
        httpx.get(at, trust_env=False, verify=False)
    except httpx.ConnectError:
        return Seen(run, *pages[0], gone=True)
    return Seen(run, *pages[0], gone=False)


def test_the_page_shows_the_run_and_is_gone_afterwards(seen: Seen) -> None:
    assert "<title>Locust" in seen.page
    assert seen.stats["state"] == "running"
    assert [row["name"] for row in seen.stats["stats"]] == ["/page", "Aggregated"]
    assert seen.stats["stats"][0]["num_requests"] > 0
    assert seen.gone


def test_the_page_cannot_change_the_load_of_the_plan(seen: Seen) -> None:
    assert seen.swarm["success"] is False
    assert "cannot be changed" in seen.swarm["message"]
    assert not seen.run.samples().failed.any()


def test_the_stop_button_ends_the_run_which_is_kept(seen: Seen) -> None:
    assert seen.run.state == "cut"
    assert len(seen.run.samples()) > 0


def test_a_port_in_use_is_reported_in_one_sentence_and_nothing_is_sent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--host", "http://127.0.0.1:1", "--ui", "--ui-port", str(port)]
        done = festgate(tmp_path, "rehearse", "events", *words)
        with pytest.raises(CannotRun, match=r"Choose another address with --ui-port\."):
            rehearse(
                Plan("events", "http://127.0.0.1:1", Users(1, 1), 1.0),
                tmp_path,
                options=RunOptions(web_port=port),
            )
    assert done.returncode == 2, done.stderr
    assert f"Locust's web page cannot listen at 127.0.0.1:{port}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "festgate-runs").exists()


def swarm(name: str, url: str, folder: Path) -> tuple[str, Stats, str]:
    """Run a journey in Locust alone from its web page; return the page, its figures, and Locust's output."""
    port = free_port()
    words = ["--web-host", "127.0.0.1", "--web-port", str(port), "--host", url]
    with subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(journey_file(name)), *words],
        cwd=folder,
        env=environment(folder, {"FESTGATE_REHEARSAL_SEED": name, "FESTGATE_REHEARSAL_DOORS": "0"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as locust:
        assert locust.stderr is not None
        # Locust logs this before it listens, so the page itself is polled only then.
        start = next(
            line for line in locust.stderr if "Starting web interface" in line or "Traceback" in line
        )
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False, timeout=20
        ) as client:

            def page() -> str | None:
                try:
                    return client.get("/").text
                except httpx.TransportError:
                    return None

            def stats() -> Stats | None:
                # The page caches its figures for two seconds.
                current: Stats = client.get("/stats/requests").json()
                return current if current["stats"] and current["stats"][-1]["num_requests"] >= 3 else None

            shown = until(page, f"the page of {name}", 150)
            begun = client.post("/swarm", data={"user_count": 2, "spawn_rate": 2, "host": url}).json()
            assert begun["success"] is True
            figures = until(stats, f"{name} sends", 150)
            assert client.post("/stop").json()["success"] is True
        locust.send_signal(signal.SIGTERM)
        _, rest = locust.communicate(timeout=150)
    return shown, figures, start + rest


@pytest.fixture(scope="module")
def swarmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, Stats, str]]]:
    """Every journey against one demo fest, two at a time."""
    folder = tmp_path_factory.mktemp("portal")
    with serving(folder / "data", "--demo") as server, ThreadPoolExecutor(2) as pool:
        futures = {name: pool.submit(swarm, name, server.url, folder) for name in journeys()}
        yield {name: future.result() for name, future in futures.items()}


@pytest.mark.parametrize("name", journeys())
def test_a_journey_runs_in_locust_alone(swarmed: dict[str, tuple[str, Stats, str]], name: str) -> None:
    page, stats, output = swarmed[name]
    assert "<title>Locust" in page
    assert stats["state"] in ("spawning", "running")
    assert stats["errors"] == []
    assert "Traceback" not in output

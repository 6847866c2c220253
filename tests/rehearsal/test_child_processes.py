"""Ctrl-C while a process of a rehearsal is started."""

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from festgate.rehearsal.runner.participant import join
from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Plan, Users
from tests.rehearsal.target import answering, journey, welcome

NEW_PROCESSES = True
"""The processes are children of this one."""


def start_a_run(folder: Path) -> None:
    with answering(welcome) as target:
        rehearse(Plan(journey(folder), target.url, Users(1, 1.0), 60.0), folder / "runs")


def start_a_worker(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as master:
        host, port = master.getsockname()
        join(journey(folder), host, port, 20.0, on_notice=print)


@pytest.mark.parametrize("start", [start_a_run, start_a_worker])
def test_an_interrupt_while_load_is_started_leaves_no_process_and_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path], None]
) -> None:
    started: list[psutil.Process] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  (passed on)
            super().__init__(*arguments, **named)
            started.append(psutil.Process(self.pid))
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path)
    (process,) = started
    left = process.is_running()
    if left:
        process.kill()
    assert not left
    assert not list((tmp_path / "runs").glob("*"))

"""A student at work: a lab, its commands, and a running server."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from festgate.ports import free_port
from tests.rig import command
from tests.rig.server import environment
from tests.rig.waiting import until

CRASH = "    1 / 0\n"
WASTE = {
    "events": "    for number in range(3_000_000):\n        interest += number\n",
    "my-events": "    for number in range(1_500_000):\n        interest += number\n",
    "checkout": """        fee = event["fee"]
        while fee > 0:
            total += 1
            fee -= 1
""",
}
"""The slow code of each route, as it is handed out."""


@dataclass(frozen=True)
class Student:
    """A student who types commands in a folder."""

    folder: Path

    @property
    def lab(self) -> Path:
        """The folder that `festgate lab new lab` creates."""
        return self.folder / "lab"

    def types(self, *words: str, seconds: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Run `festgate lab WORDS...` to its end."""
        known = environment(self.folder / "data") | {"COLUMNS": "160"}
        return command.run(
            ["lab", *words],
            known,
            folder=self.folder,
            modules=command.REHEARSAL,
            forks_all=True,
            seconds=seconds,
        )

    def edits(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which the file contains once, and save."""
        path = self.lab / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def fixes_checkout(self) -> None:
        """Remove the planted crash."""
        self.edits("checkout/__init__.py", CRASH, "")

    def speeds_up(self, route: str) -> None:
        """Remove the slow code of a route."""
        file = "checkout/__init__.py" if route == "checkout" else "main.py"
        self.edits(file, WASTE[route], '        total += event["fee"]\n' if route == "checkout" else "")


@contextmanager
def serving(student: Student, *options: str) -> Iterator[str]:
    """Run `festgate lab serve` in another terminal and return its address; end it as closing the terminal would."""
    log = student.folder / "serve.log"
    known = environment(student.folder / "data")
    port = free_port()
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        words = ["lab", "serve", "lab", "--port", str(port), *options]
        process = command.start(
            words, known, nothing, output, output, folder=student.folder, modules=command.REHEARSAL
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: status_of(f"{address}/login") == 200, "the first answer of the lab's app", 60)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def status_of(address: str) -> int:
    """Return the status of the answer; 0 where there is none."""
    try:
        return httpx.get(address, timeout=30, trust_env=False, verify=False).status_code
    except httpx.TransportError:
        return 0

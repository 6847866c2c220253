"""A command of the program on a terminal, with the answers that a person types."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig.command import forked
from tests.rig.server import environment

TIMEOUT = 60.0
"""Seconds for the next question: many times as long as a command needs, for a busy machine."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True)
class Session:
    """The content of the terminal when the command has ended, its output and its exit code."""

    shown: str
    output: str
    """The text on standard output, which is no part of the terminal."""
    code: int


def answer(
    arguments: Sequence[str], answers: Sequence[tuple[str, str]], data: Path, extra: Mapping[str, str]
) -> Session:
    """Run a command on a terminal; type each answer once its question is shown."""
    terminal, end = pty.openpty()
    with forked():
        process = subprocess.Popen(
            [sys.executable, "-m", "festgate", *arguments],
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=end,
            env=environment(data, extra) | {"TERM": "dumb"},
        )
    os.close(end)
    shown, seen = "", 0
    with process:
        for question, typed in answers:
            while question not in shown[seen:]:
                shown += _read(terminal)
            seen = shown.index(question, seen) + len(question)
            os.write(terminal, f"{typed}\n".encode())
        while text := _read(terminal):
            shown += text
        output = process.stdout.read().decode() if process.stdout else ""
    os.close(terminal)
    return Session(shown, output, process.returncode)


def _read(terminal: int) -> str:
    """Return the next part of what is shown; an empty text at the end."""
    until = time.monotonic() + TIMEOUT
    ready, _, _ = select.select([terminal], [], [], until - time.monotonic())
    if not ready:
        raise TimeoutError
    try:
        return _CONTROL.sub("", os.read(terminal, 65_536).decode())
    except OSError:  # the command has ended
        return ""

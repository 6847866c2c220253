"""Pages of documentation, followed as a reader does: their commands are typed, and the output is compared.

In a fenced block of `console`, a line that begins with `$ ` is a command, and the lines below it are its output. `...`
stands for any text, on a line of its own for any number of lines, and `[exit code 2]` is the exit code where it is not
0. A fenced block of `toml` is written into the file that is named in the paragraph before it.
"""

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs import forked
from tests.rig.server import environment
from tests.rules.project import ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(?:[\w-]+/)*(?P<name>[\w-]+\.toml)`")
ENDING = re.compile(r"\[exit code (\d+)\]")
STAMP = re.compile(r"\d{8}T\d{6}")
YEAR = "2031"
"""The year of every event in the docs. The tests use next year instead, or they would fail once sales have ended."""


@dataclass(frozen=True)
class Step:
    """One command with its output."""

    section: str
    command: str
    expected: tuple[str, ...]
    code: int = 0


@dataclass(frozen=True)
class Written:
    """A file that the reader writes."""

    section: str
    name: str
    text: str


def read(page: str) -> list[Step | Written]:
    """Return the steps of a page (its path below docs/) in order, each with the heading above it."""
    text = (DOCS / page).read_text(encoding="utf-8").replace(f"{YEAR}-", f"{time.localtime().tm_year + 1}-")
    steps: list[Step | Written] = []
    for block in BLOCK.finditer(text):
        before = text[: block.start()]
        section = re.findall(r"^#+ (.+)$", before, re.MULTILINE)[-1]
        if block["kind"] == "console":
            steps += _steps(section, block["text"])
        elif block["kind"] == "toml":
            names = FILE.findall(before)
            steps.append(Written(section, names[-1], block["text"]))
    return steps


def _steps(section: str, block: str) -> Iterator[Step]:
    command: str | None = None
    lines: list[str] = []
    for line in [*block.splitlines(), "$ "]:
        if not line.startswith("$ "):
            lines.append(line)
            continue
        if command is not None:
            ending = ENDING.fullmatch(lines[-1]) if lines else None
            code = int(ending[1]) if ending else 0
            yield Step(section, command, tuple(lines[:-1] if ending else lines), code)
        command, lines = line[2:], []


@dataclass
class Terminal:
    """A shell in a folder, with `festgate` on its path."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    """Times in names of files: those that the page shows, and those of this run."""
    outputs: list[str] = field(default_factory=list)
    """The output of each command so far."""

    def follow(self, steps: list[Step | Written]) -> None:
        """Follow the steps of a page. Raise AssertionError where the result is another one."""
        for step in steps:
            if isinstance(step, Written):
                (self.folder / step.name).write_text(step.text, encoding="utf-8")
            else:
                self.do(step)

    def do(self, step: Step) -> None:
        """Run one command, and compare its output and exit code."""
        code, output = self.run(step.command)
        self.outputs.append(output)
        shown = f"$ {step.command}\n{output}[exit code {code}]"
        assert code == step.code, shown
        if step.expected:
            match = pattern(step.expected).fullmatch(output)
            assert match, f"{shown}\n\nwhere the page has:\n" + "\n".join(step.expected)
            stamps = [stamp for line in step.expected for stamp in STAMP.findall(line)]
            self.known |= dict(zip(stamps, match.groups(), strict=True))

    def run(self, command: str) -> tuple[int, str]:
        """Return the exit code and the whole output of a command. A `cd` stays in effect."""
        for shown, actual in self.known.items():
            command = command.replace(shown, actual)
        where = self.folder / ".where"
        folders = [str(Path(sys.executable).parent), environment(Path())["PATH"]]
        if sys.platform == "linux":
            folders.insert(0, str(forked.folder_for_path()))
        code, written = in_terminal(
            f'{command}\ncode=$?; pwd > "$WHERE"; exit $code',
            self.folder,
            environment(
                Path("festgate-data"),
                {
                    "PATH": ":".join(folders),
                    "WHERE": str(where),
                    "PYTHONUTF8": "1",
                    "COLUMNS": "80",
                    # Without colours, which a page cannot show.
                    "TERM": "dumb",
                    **self.extra,
                },
            ),
        )
        self.folder = Path(where.read_text(encoding="utf-8").strip())
        where.unlink()
        return code, "".join(f"{line.rstrip()}\n" for line in written.splitlines())


def in_terminal(script: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a script in a shell with a terminal, where some commands show tables; return its exit code and output."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        try:
            shell = subprocess.Popen(
                ["sh", "-c", script],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
            )
        finally:
            os.close(theirs)
        written = b""
        # A terminal whose last writer is gone reads as an I/O error on Linux, and as its end elsewhere.
        with suppress(OSError):
            while more := screen.read(65536):
                written += more
    return shell.wait(timeout=120), written.decode("utf-8")


def pattern(expected: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for the lines that a page shows. A time in a name of a file is a group."""
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            escaped = re.escape(line.rstrip()).replace(r"\.\.\.", ".*")
            parts.append(STAMP.sub(r"(\\d{8}T\\d{6})", escaped) + r"\n")
    return re.compile("".join(parts))

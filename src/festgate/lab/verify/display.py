"""What a verification does now, on standard error: a line with a bar in a terminal, elsewhere a line for each part."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

MAX_WIDTH = 70
"""Letters of what is done; longer ones are cut off."""


class Display:
    """Told what is done, and how much of the timed runs is behind; of many submissions also which one it is."""

    def __init__(self, submissions: int = 0) -> None:
        """Shows nothing before it is entered. `submissions`: of how many; 0 for a single one."""
        self._console = Console(file=sys.stderr, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._all = self._progress.add_task("submissions", total=submissions) if submissions else None
        self._task = self._progress.add_task("", total=None)
        self._part = ""
        self._before = ""

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._console.is_terminal:
            self._progress.stop()

    def begin(self, number: int, name: str) -> None:
        """The next of many, from 0."""
        if self._all is not None:
            self._progress.update(self._all, completed=number)
        self._before = f"{name}: "
        self("", None)

    def say(self, sentence: str) -> None:
        """A line above what is drawn."""
        self._console.print(sentence, soft_wrap=True, markup=False)

    def __call__(self, what: str, share: float | None) -> None:
        """What is done now; `share` of the timed runs that is behind, None in what takes seconds."""
        part = f"{self._before}{what.partition(':')[0]}"
        if part != self._part:
            self._part = part
            if not share:
                self._progress.reset(self._task, total=None if share is None else 1.0)
            if not self._console.is_terminal and what:
                self.say(part)
        description = f"{self._before}{what}"[:MAX_WIDTH].replace("[", "(")
        self._progress.update(self._task, description=description, completed=share)

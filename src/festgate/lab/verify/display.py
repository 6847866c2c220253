"""Show the progress of a verification on standard error: a bar in a terminal, elsewhere a line for each step."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

MAX_WIDTH = 70
"""Characters of the description; longer ones are cut off."""


class Display:
    """The current step, the finished share of the timed runs and, for several submissions, the current one."""

    def __init__(self, submissions: int = 0) -> None:
        """Prepare the display; it begins on entering. `submissions` is their number; 0 for a single one."""
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
        self._step = ""
        self._prefix = ""

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal."""
        if self._console.is_terminal:
            self._progress.stop()

    def begin(self, number: int, name: str) -> None:
        """Begin with the submission of that number, from 0."""
        if self._all is not None:
            self._progress.update(self._all, completed=number)
        self._prefix = f"{name}: "
        self("", None)

    def print(self, sentence: str) -> None:
        """Print a line above the bars."""
        self._console.print(sentence, soft_wrap=True, markup=False)

    def __call__(self, step: str, share: float | None) -> None:
        """Show the current step, and the finished share of the timed runs; None in steps that take seconds."""
        name = f"{self._prefix}{step.partition(':')[0]}"
        if name != self._step:
            self._step = name
            if not share:
                self._progress.reset(self._task, total=None if share is None else 1.0)
            if not self._console.is_terminal and step:
                self.print(name)
        description = f"{self._prefix}{step}"[:MAX_WIDTH].replace("[", "(")
        self._progress.update(self._task, description=description, completed=share)

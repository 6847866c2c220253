"""The progress of a run, displayed while it takes place."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from festgate.rehearsal.runner.run import Second
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats.limits import MAX_CPU

LINE_INTERVAL = 10
"""Seconds between two lines if there is no terminal."""


class Display:
    """A panel that is redrawn each second in a terminal; elsewhere a line every ten seconds."""

    def __init__(self, plan: Plan, console: Console) -> None:
        """Set up the display; nothing is shown yet."""
        self._plan = plan
        self._console = console
        self._seconds = plan.warm_up + plan.duration
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("Starting", total=self._seconds)
        self._live = Live(self._progress, console=console, transient=True) if console.is_terminal else None
        self._requests_before = 0
        self._at = 0.0

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the panel from the terminal."""
        if self._live is not None:
            self._live.stop()

    def __call__(self, second: Second) -> None:
        """Show the next second."""
        rate = (second.requests - self._requests_before) / max(second.at - self._at, 0.001)
        self._requests_before, self._at = second.requests, second.at
        warming = second.at <= self._plan.warm_up
        self._progress.update(
            self._task, completed=second.at, description="Warming up" if warming else "Measuring"
        )
        if self._live is not None:
            self._live.update(Group(self._progress, _table(second, rate), *_warnings(self._plan, second)))
        elif round(second.at) % LINE_INTERVAL == 0:
            self._console.print(
                f"{second.at:.0f} s of {self._seconds:.0f}: {second.requests} requests, {rate:.0f}/s, "
                f"{second.failures} failures, p95 {_time(second.p95)}"
            )

    def print(self, sentence: str) -> None:
        """Print a line above the panel."""
        self._console.print(sentence, soft_wrap=True)


def _table(second: Second, rate: float) -> Table:
    table = Table(box=None, padding=(0, 2))
    for heading in (
        "Requests",
        "Per second",
        "Failures",
        "Users",
        "p50",
        "p95",
        "Worst",
        "Generator",
        "Server",
    ):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{second.requests:,}",
        f"{rate:,.0f}",
        Text(f"{second.failures:,}", style="red" if second.failures else ""),
        f"{second.users:,}",
        _time(second.p50),
        _time(second.p95),
        _time(second.worst),
        _share(second.cpu.get("generator")),
        _share(second.cpu.get("server")),
    )
    return table


def _warnings(plan: Plan, second: Second) -> list[Text]:
    warnings = []
    if second.cpu.get("generator", 0.0) > MAX_CPU * plan.workers:
        warnings.append(
            Text(
                "The load generator is saturated, so part of the measured time is its own. Reduce the load.",
                "yellow",
            )
        )
    if isinstance(plan.load, Rate) and second.waiting > plan.load.rate:
        warnings.append(
            Text(
                f"{second.waiting:,} people are waiting: the target does not keep up with the rate.", "yellow"
            )
        )
    return warnings


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _share(cpu: float | None) -> str:
    return "-" if cpu is None else f"{cpu:.0%} of a core"


def console() -> Console:
    """Return a console on standard error, so that a report on standard output can be piped."""
    return Console(file=sys.stderr, highlight=False)

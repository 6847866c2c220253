"""Figures and their targets; showing and storing the figures of a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bench.alternation import Spread, spread


@dataclass(frozen=True)
class Target:
    """A limit that a figure must reach: `at least` or `at most` a value."""

    sense: Literal["at least", "at most"]
    value: float

    def reached(self, value: float) -> bool:
        """Return whether a value reaches the target."""
        return value >= self.value if self.sense == "at least" else value <= self.value


@dataclass(frozen=True)
class Figure:
    """A row of the table. Its value is the median of `samples`, which are in `unit`."""

    name: str
    unit: Literal["ratio", "/s", "MB", "s"]
    samples: tuple[float, ...]
    target: Target | None = None
    """None for a figure without a target."""
    notes: Mapping[str, float] = field(default_factory=dict)
    """Further values, by name; shares are of one core."""

    @property
    def spread(self) -> Spread:
        """The median, lowest and highest sample."""
        return spread(self.samples)

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        return None if self.target is None else self.target.reached(self.spread.median)


def written(value: float, unit: str) -> str:
    """Format a value with its unit: `0.53`, `1,870 /s`, `97 MB`, `1.21 s`."""
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "s":
        return f"{value:.2f} s"
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:,.1f} {unit}"


def show(console: Console, figures: Sequence[Figure]) -> None:
    """Print a table of all figures, and a line of notes for each."""
    table = Table(title="Figures and targets", title_justify="left")
    table.add_column("Figure")
    for heading in ("Median", "Lowest", "Highest", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Reached")
    for figure in figures:
        samples, target = figure.spread, figure.target
        table.add_row(
            figure.name,
            written(samples.median, figure.unit),
            written(samples.low, figure.unit),
            written(samples.high, figure.unit),
            "" if target is None else f"{target.sense} {written(target.value, figure.unit)}",
            {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[figure.reached],
        )
    console.print(table)
    for figure in figures:
        if figure.notes:
            notes = "; ".join(f"{name} {value:,.4g}" for name, value in figure.notes.items())
            console.print(f"[dim]{figure.name}: {notes}[/dim]")


def keep(path: Path, machine: Mapping[str, object], figures: Sequence[Figure]) -> None:
    """Write the run as JSON."""
    run = {
        "machine": dict(machine),
        "figures": [
            {**asdict(figure), **asdict(figure.spread), "reached": figure.reached} for figure in figures
        ],
    }
    path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def missed(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures that missed their target."""
    return [figure for figure in figures if figure.reached is False]

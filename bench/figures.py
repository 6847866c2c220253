"""Figures: ratios of programs under test that take turns, with their targets, as a table and as JSON."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

Side = Literal["portal", "bare"]


@dataclass(frozen=True)
class Spread:
    """The median, the lowest and the highest of a figure's samples."""

    median: float
    low: float
    high: float


def turns(pairs: int) -> Iterator[tuple[Side, Side]]:
    """Yield the order in each pair, A B, B A, A B, ..., so that a slow drift of the machine cancels out."""
    for pair in range(pairs):
        yield ("portal", "bare") if pair % 2 == 0 else ("bare", "portal")


def ratios(portal: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Return each pair's ratio: of two windows that are adjacent in time, never of two means."""
    return [first / second for first, second in zip(portal, bare, strict=True)]


def spread(samples: Sequence[float]) -> Spread:
    """Return the spread of at least one sample."""
    return Spread(statistics.median(samples), min(samples), max(samples))


@dataclass(frozen=True)
class Target:
    """The value that a figure has to reach: `at least` or `at most`."""

    sense: Literal["at least", "at most"]
    value: float

    def reached(self, value: float) -> bool:
        """Return whether `value` reaches the target."""
        return value >= self.value if self.sense == "at least" else value <= self.value


@dataclass(frozen=True)
class Figure:
    """One row of the table. The `samples` are in `unit`; their median is the figure's value."""

    name: str
    unit: Literal["ratio", "/s", "MB", "s", "ms"]
    samples: tuple[float, ...]
    target: Target | None = None
    """None for a figure without a target."""
    notes: Mapping[str, float] = field(default_factory=dict)
    """Other values that help to interpret it, by name; shares are of one core."""

    @property
    def spread(self) -> Spread:
        """The median, the lowest and the highest sample."""
        return spread(self.samples)

    @property
    def reached(self) -> bool | None:
        """Return whether the target is reached; None where there is none."""
        return None if self.target is None else self.target.reached(self.spread.median)


def formatted(value: float, unit: str) -> str:
    """Return the value with its unit: `0.53`, `1,870 /s`, `97 MB`, `1.21 s`."""
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "s":
        return f"{value:.2f} s"
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:,.1f} {unit}"


def show(console: Console, figures: Sequence[Figure]) -> None:
    """Print a table of all figures, and a line of notes for each."""
    table = Table(title="Compared with their limits", title_justify="left")
    table.add_column("Figure")
    for heading in ("Median", "Lowest", "Highest", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Reached")
    for figure in figures:
        values, target = figure.spread, figure.target
        table.add_row(
            figure.name,
            formatted(values.median, figure.unit),
            formatted(values.low, figure.unit),
            formatted(values.high, figure.unit),
            "" if target is None else f"{target.sense} {formatted(target.value, figure.unit)}",
            {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[figure.reached],
        )
    console.print(table)
    for figure in figures:
        if figure.notes:
            notes = "; ".join(f"{name} {value:,.4g}" for name, value in figure.notes.items())
            console.print(f"[dim]{figure.name}: {notes}[/dim]")


def keep(path: Path, machine: Mapping[str, object], figures: Sequence[Figure]) -> None:
    """Write the figures as JSON."""
    run = {
        "machine": dict(machine),
        "figures": [
            {**asdict(figure), **asdict(figure.spread), "reached": figure.reached} for figure in figures
        ],
    }
    path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def missed(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures that did not reach their target."""
    return [figure for figure in figures if figure.reached is False]

"""A figure, its target, and how a run's figures are shown and kept."""

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
    """What is to be reached: `at least` or `at most` that much."""

    sense: Literal["at least", "at most"]
    value: float

    def reached(self, value: float) -> bool:
        """Whether `value` is as good as that."""
        return value >= self.value if self.sense == "at least" else value <= self.value


@dataclass(frozen=True)
class Figure:
    """One line of the table. `samples` are in `unit`; its value is their median."""

    name: str
    unit: Literal["ratio", "/s", "MB", "s"]
    samples: tuple[float, ...]
    target: Target | None = None
    """None for what is only shown."""
    notes: Mapping[str, float] = field(default_factory=dict)
    """What helps to read it, by name; shares are of one core."""

    @property
    def spread(self) -> Spread:
        """Its median, lowest and highest sample."""
        return spread(self.samples)

    @property
    def reached(self) -> bool | None:
        """None where there is no target."""
        return None if self.target is None else self.target.reached(self.spread.median)


def written(value: float, unit: str) -> str:
    """`0.53`, `1,870 /s`, `97 MB`, `1.21 s`."""
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "s":
        return f"{value:.2f} s"
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:,.1f} {unit}"


def show(console: Console, figures: Sequence[Figure]) -> None:
    """A table of all figures, and a line of notes for each."""
    table = Table(title="Beside their limits", title_justify="left")
    table.add_column("Figure")
    for heading in ("Median", "Lowest", "Highest", "Target"):
        table.add_column(heading, justify="right")
    table.add_column("Reached")
    for figure in figures:
        found, target = figure.spread, figure.target
        table.add_row(
            figure.name,
            written(found.median, figure.unit),
            written(found.low, figure.unit),
            written(found.high, figure.unit),
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
    """Those that have a target and did not reach it."""
    return [figure for figure in figures if figure.reached is False]

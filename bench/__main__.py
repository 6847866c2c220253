"""Measure, and print a table: `python -m bench`."""

import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console

from bench import containment, figures, machine, rehearsal
from bench.measure import FULL, QUICK, Run
from bench.processes import BenchError
from bench.site import Site

MISSED = 1
CANNOT = 2
INTERRUPTED = 130
BUSY = 0.5
"""Share of the cores that other programs may use; above it, the figures are mostly about those programs."""


def measure(
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
    quick: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--quick", help="Measure for about four minutes, for a first look; too short to quote."),
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 when a target is missed.")] = False,  # noqa: FBT002
    only: Annotated[
        Literal["portal", "rehearsal", "containment"] | None, typer.Option(help="Measure only that part.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Put the temporary folder there; /var/tmp by default."),
    ] = None,
) -> None:
    """Measure the portal beside a bare Starlette route, how fast it takes orders, and what a rehearsal itself costs."""
    signal.signal(signal.SIGTERM, _end)
    progress, result = Console(stderr=True, highlight=False), Console(highlight=False)
    began = time.monotonic()

    def show_progress(step: str) -> None:
        progress.print(f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {step}")

    try:
        with tempfile.TemporaryDirectory(
            prefix="festgate-bench-", dir=folder or machine.disk_folder()
        ) as temporary:
            machine_facts = machine.describe(Path(temporary))
            progress.print(", ".join(f"{name} {value}" for name, value in machine_facts.items()))
            if float(str(machine_facts["load_before"])) > BUSY * float(str(machine_facts["cores"])):
                progress.print("[yellow]Other programs use this machine: expect a wide spread.[/yellow]")
            site = Site(Path(temporary))
            measured: list[figures.Figure] = []
            if only in (None, "portal"):
                measured += Run(site, QUICK if quick else FULL, show_progress).figures()
            if only in (None, "containment"):
                pairs = containment.QUICK if quick else containment.FULL
                measured.append(containment.Measure(site, pairs, show_progress).figure())
            if only in (None, "rehearsal"):
                lengths = rehearsal.QUICK if quick else rehearsal.FULL
                measured += rehearsal.Measure(site, lengths, show_progress).figures()
    except BenchError as error:
        progress.print(f"[red]{error}[/red]")
        raise typer.Exit(CANNOT) from None
    except KeyboardInterrupt:
        progress.print("Stopped; nothing is left running.")
        raise typer.Exit(INTERRUPTED) from None
    figures.show(result, measured)
    if json is not None:
        figures.keep(json, machine_facts, measured)
    if gate and figures.missed(measured):
        raise typer.Exit(MISSED)


def _end(*_: object) -> NoReturn:
    """End the run as Ctrl-C does: stop every process that it started, and remove the temporary folder."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(measure)

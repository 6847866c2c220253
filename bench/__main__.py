"""The command `python -m bench`: measure, and print a table."""

import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console

from bench import containment, figures, machine, office, rehearsal
from bench.measure import FULL, QUICK, Run
from bench.processes import BenchError
from bench.site import Site

TARGET_MISSED = 1
NOT_MEASURED = 2
INTERRUPTED = 130
BUSY = 0.5
"""Share of the cores that other programs may use. Above it the figures depend on those programs."""


def measure(  # noqa: C901  (one case for each part)
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file, as JSON.")] = None,
    quick: Annotated[  # noqa: FBT002
        bool, typer.Option("--quick", help="Measure for about a minute; too short to quote the figures.")
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with code 1 if a target is missed.")] = False,  # noqa: FBT002
    only: Annotated[
        Literal["portal", "rehearsal", "containment", "office"] | None,
        typer.Option(help="Measure only this part."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder for the temporary data of the run; /var/tmp by default."),
    ] = None,
) -> None:
    """Measure the portal against a bare Starlette route, its orders, its office, and the cost of a rehearsal itself."""
    signal.signal(signal.SIGTERM, _end)
    progress, result = Console(stderr=True, highlight=False), Console(highlight=False)
    began = time.monotonic()

    def show(step: str) -> None:
        progress.print(f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {step}")

    try:
        with tempfile.TemporaryDirectory(
            prefix="festgate-bench-", dir=folder or machine.disk_folder()
        ) as temporary:
            description = machine.describe(Path(temporary))
            progress.print(", ".join(f"{name} {value}" for name, value in description.items()))
            if float(str(description["load_before"])) > BUSY * float(str(description["cores"])):
                progress.print(
                    "[yellow]Other programs are using this machine: expect a wide spread.[/yellow]"
                )
            site = Site(Path(temporary))
            measured: list[figures.Figure] = []
            if only in (None, "portal"):
                measured += Run(site, QUICK if quick else FULL, show).figures()
            if only in (None, "containment"):
                pairs = containment.QUICK if quick else containment.FULL
                measured.append(containment.Measure(site, pairs, show).figure())
            if only in (None, "office"):
                measured += office.measure(site, office.QUICK if quick else office.FULL, show)
            if only in (None, "rehearsal"):
                lengths = rehearsal.QUICK if quick else rehearsal.FULL
                measured += rehearsal.Measure(site, lengths, show).figures()
    except BenchError as error:
        progress.print(f"[red]{error}[/red]")
        raise typer.Exit(NOT_MEASURED) from None
    except KeyboardInterrupt:
        progress.print("Stopped; no process is left running.")
        raise typer.Exit(INTERRUPTED) from None
    figures.show(result, measured)
    if json is not None:
        figures.keep(json, description, measured)
    if gate and figures.missed(measured):
        raise typer.Exit(TARGET_MISSED)


def _end(*_: object) -> NoReturn:
    """End the run as Ctrl-C does: end the processes, and remove the temporary folder."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(measure)

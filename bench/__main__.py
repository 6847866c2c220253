"""`python -m bench`: measure, and print a table."""

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
"""Of the cores that others use: more, and the figures say more about them."""


def measure(
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
    quick: Annotated[  # noqa: FBT002
        bool, typer.Option("--quick", help="About a minute, for a look; too short to quote.")
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 when a target is missed.")] = False,  # noqa: FBT002
    only: Annotated[
        Literal["portal", "rehearsal", "containment"] | None, typer.Option(help="Measure that part alone.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where scratch data lies for the time of the run; /var/tmp by default."),
    ] = None,
) -> None:
    """Measure the portal beside a bare Starlette route, how fast it takes orders, and what a rehearsal itself costs."""
    signal.signal(signal.SIGTERM, _end)
    progress, result = Console(stderr=True, highlight=False), Console(highlight=False)
    began = time.monotonic()

    def tell(step: str) -> None:
        progress.print(f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {step}")

    try:
        with tempfile.TemporaryDirectory(
            prefix="festgate-bench-", dir=folder or machine.disk_folder()
        ) as scratch:
            found_on = machine.describe(Path(scratch))
            progress.print(", ".join(f"{name} {value}" for name, value in found_on.items()))
            if float(str(found_on["load_before"])) > BUSY * float(str(found_on["cores"])):
                progress.print("[yellow]Other programs use this machine: expect a wide spread.[/yellow]")
            site = Site(Path(scratch))
            found: list[figures.Figure] = []
            if only in (None, "portal"):
                found += Run(site, QUICK if quick else FULL, tell).figures()
            if only in (None, "containment"):
                plays = containment.QUICK if quick else containment.FULL
                found.append(containment.Measure(site, plays, tell).figure())
            if only in (None, "rehearsal"):
                lengths = rehearsal.QUICK if quick else rehearsal.FULL
                found += rehearsal.Measure(site, lengths, tell).figures()
    except BenchError as error:
        progress.print(f"[red]{error}[/red]")
        raise typer.Exit(CANNOT) from None
    except KeyboardInterrupt:
        progress.print("Stopped; nothing is left running.")
        raise typer.Exit(INTERRUPTED) from None
    figures.show(result, found)
    if json is not None:
        figures.keep(json, found_on, found)
    if gate and figures.missed(found):
        raise typer.Exit(MISSED)


def _end(*_: object) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does: what was started is ended, the scratch folder removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(measure)

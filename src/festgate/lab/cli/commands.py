"""`festgate lab`: the rehearsal's tools as a course."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from festgate.lab.cli import comparison as comparing
from festgate.lab.cli import exercise
from festgate.lab.cli import report as reporting
from festgate.lab.cli import teacher as teaching
from festgate.rehearsal.cli.options import BROKEN
from festgate.terminal import WRONG_USE, fail

FORMATS = ("text", "json")
lab_app = typer.Typer(no_args_is_help=True)
exercise.mount(lab_app)
comparing.mount(lab_app)
reporting.mount(lab_app)
teaching.mount(lab_app)


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(
        lab_app,
        name="lab",
        help="Learn to measure: new, serve, crash, load, compare, hint, report, status; audit, verify, grade.",
    )


@lab_app.callback()
def lab() -> None:
    """Learn to measure."""


@lab_app.command()
def audit(
    files: Annotated[
        list[Path],
        typer.Argument(help="Reports: text, Markdown, HTML or PDF, with Locust's tables in them."),
    ],
    form: Annotated[str, typer.Option("--format", help="On standard output: text or json.")] = "text",
) -> None:
    """Check what lab reports conclude against the tables of Locust that they show.

    Exit code 0 when nothing was found, 1 when something was, 2 when a file could not be read.
    """
    if form not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")
    from festgate.lab.audit import audit as auditing  # noqa: PLC0415  (only this command needs them)
    from festgate.lab.audit import display  # noqa: PLC0415

    console = Console(highlight=False)
    reports, unreadable = [], []
    for file in files:
        try:
            report = auditing.audit(file)
        except auditing.UnreadableReport as error:
            unreadable.append(str(error))
            print(error, file=sys.stderr)
            continue
        reports.append(report)
        if form == "text":
            display.show(report, console)
    if form == "json":
        print(json.dumps(display.as_json(reports, unreadable), indent=2))
    if unreadable:
        raise typer.Exit(WRONG_USE)
    raise typer.Exit(BROKEN if any(report.findings for report in reports) else 0)

"""Assemble `festgate lab`, and audit reports."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from festgate.lab.cli import comparison, exercise, grading, report, teacher
from festgate.rehearsal.cli.options import BROKEN
from festgate.terminal import WRONG_USE

lab_app = typer.Typer(no_args_is_help=True)
for group in (exercise, comparison, report, teacher, grading):
    group.mount(lab_app)


def mount(app: typer.Typer) -> None:
    """Add the command group to the program."""
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
        typer.Argument(help="Reports with Locust's tables: text, Markdown, HTML or PDF."),
    ],
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Output format.")] = "text",
) -> None:
    """Check the conclusions of lab reports against their tables of Locust's results.

    Exit code 0 without findings, 1 with findings, 2 when a file could not be read.
    """
    from festgate.lab.audit import audit as auditing  # noqa: PLC0415  (only this command needs these modules)
    from festgate.lab.audit import display  # noqa: PLC0415

    console = Console(highlight=False)
    reports, unreadable = [], []
    for file in files:
        try:
            audited = auditing.audit(file)
        except auditing.UnreadableReport as error:
            unreadable.append(str(error))
            print(error, file=sys.stderr)
            continue
        reports.append(audited)
        if form == "text":
            display.show(audited, console)
    if form == "json":
        print(json.dumps(display.as_json(reports, unreadable), indent=2))
    if unreadable:
        raise typer.Exit(WRONG_USE)
    raise typer.Exit(BROKEN if any(audited.findings for audited in reports) else 0)

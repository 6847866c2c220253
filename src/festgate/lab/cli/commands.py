"""Assemble `festgate lab`, and audit reports."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from festgate.files import write_atomically
from festgate.lab.cli import comparison, description, exercise, grading, report, teacher
from festgate.rehearsal.cli.options import BROKEN
from festgate.terminal import WRONG_USE, fail

UNCHECKED = 3
"""Exit code when a report has no table, so that nothing could be checked."""

lab_app = typer.Typer(no_args_is_help=True)
for group in (exercise, comparison, report, description, teacher, grading):
    group.mount(lab_app)


def mount(app: typer.Typer) -> None:
    """Add the command group to the program."""
    app.add_typer(
        lab_app,
        name="lab",
        help=(
            "Learn to measure: new, serve, crash, load, compare, hint, report, status; describe, verify, grade, audit."
        ),
    )


@lab_app.callback()
def lab() -> None:
    """Learn to measure."""


@lab_app.command()
def audit(
    files: Annotated[
        list[Path],
        typer.Argument(help="Reports with Locust's tables: text, Markdown, HTML, PDF or docx."),
    ],
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Output format.")] = "text",
    enter: Annotated[
        bool,
        typer.Option(
            "--enter", help="Write a form for the numbers of each report's screenshots, to be typed."
        ),
    ] = False,
    tables: Annotated[
        Path | None,
        typer.Option(help="The file that the form made. Default: REPORT.tables.md beside the report."),
    ] = None,
) -> None:
    """Check the conclusions of lab reports against their tables of Locust's results.

    Exit code 0 without findings, 1 with findings, 2 when a file could not be read, 3 when nothing could be checked in a
    report because it has no table as text.
    """
    if tables is not None and len(files) > 1:
        fail("--tables belongs to one report. Name that report alone.")
    from festgate.lab.audit import audit as auditing  # noqa: PLC0415  (only this command needs these modules)
    from festgate.lab.audit import display, documents  # noqa: PLC0415

    # `lab audit *` also names the tables and forms, which belong to their reports.
    own = {name for file in files for name in (documents.tables_file(file), documents.form_file(file))}
    files = [file for file in files if file not in own]
    if enter:
        raise typer.Exit(_write_forms(files, tables))
    console = Console(highlight=False)
    reports, unreadable = [], []
    for file in files:
        try:
            audited = auditing.audit(file, tables)
        except documents.UnreadableReport as error:
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
    if any(audited.findings for audited in reports):
        raise typer.Exit(BROKEN)
    raise typer.Exit(0 if all(audited.is_checked for audited in reports) else UNCHECKED)


def _write_forms(files: list[Path], tables: Path | None) -> int:
    """Write the form of each report beside it, and return the exit code."""
    from festgate.lab.audit.documents import UnreadableReport, form_file, read_document, tables_file  # noqa: PLC0415
    from festgate.lab.audit.entry_form import entry_page  # noqa: PLC0415

    code = 0
    for file in files:
        typed = tables or tables_file(file)
        try:
            document = read_document(file, tables)
            entered = typed.read_text(encoding="utf-8") if document.entered else ""
        except (UnreadableReport, UnicodeDecodeError, OSError) as error:
            print(error, file=sys.stderr)
            code = WRONG_USE
            continue
        page = form_file(file)
        try:
            write_atomically(page, entry_page(file.name, document.pictures, entered))
        except OSError as error:
            fail(f"{page} cannot be written: {error.strerror}.")
        count = len(document.pictures)
        print(
            f"{page}: a form for {'1 screenshot' if count == 1 else f'{count} screenshots'}. Open it in a browser."
        )
        print(
            f"  It makes {typed.name}. Keep that file beside {file.name}, and run festgate lab audit again."
        )
    return code

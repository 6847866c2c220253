"""`festgate programme` and `festgate types`: the programme of a fest as a file, and the ticket types as a sheet."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from festgate.kit.cli import FOUND, current, opened, read_settings, run
from festgate.kit.db.statements import Connection
from festgate.kit.visitors import COMMAND
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.settings import Settings
from festgate.terminal import fail

programme = typer.Typer(no_args_is_help=True)
types = typer.Typer(no_args_is_help=True)

Publish = Annotated[bool, typer.Option("--publish", help="Publish the events too.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the file without importing it.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
Target = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard output.")]
Write: TypeAlias = Callable[[Connection], str]


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(programme, name="programme", help="The whole programme as a file: import, export.")
    program.add_typer(types, name="types", help="Ticket types as a spreadsheet: import, export.")


@programme.command("export")
def export_programme(file: Target, force: Force = False) -> None:
    """Write rooms, shared quotas, events, ticket types and promo codes to a JSON file.

    Cancelled events are left out, and so are seats, people and orders.
    """
    settings = read_settings()
    write = partial(catalogue.write_document, zone=settings.zone, currency=settings.currency)
    _export(file, write, "programme.exported", force=force)


@programme.command("import")
def import_programme(
    file: Annotated[Path, typer.Argument(help="A .json file.", exists=True, dir_okay=False)],
    publish: Publish = False,
    dry_run: DryRun = False,
    allow_past: Annotated[
        bool, typer.Option("--allow-past", help="Import events even if they are over already.")
    ] = False,
    update: Annotated[
        bool,
        typer.Option("--update", help="Move events with seats taken, even into the past or far away."),
    ] = False,
) -> None:
    """Create what a JSON file has, and change what exists: the whole file, or nothing.

    Rooms, quotas and ticket types are found by name, events by slug, promo codes by their text. Whatever the file does
    not have stays as it is.
    """
    settings = read_settings()
    try:
        document = catalogue.read_document(_content(file), settings.currency)
    except catalogue.Unreadable as error:
        _refuse(file, str(error))
    options = catalogue.DocumentOptions(
        settings.zone,
        settings.currency,
        publish=publish,
        keep=not dry_run,
        allow_past=allow_past,
        may_move=update,
        actor=COMMAND,
    )
    _import(file, document, options)


@types.command("export")
def export_types(file: Target, force: Force = False) -> None:
    """Write the ticket types of all events but cancelled ones to a CSV file, one row for each."""
    settings = read_settings()
    _export(file, partial(catalogue.write_type_sheet, zone=settings.zone), "types.exported", force=force)


@types.command("import")
def import_types(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx file.", exists=True, dir_okay=False)],
    dry_run: DryRun = False,
    date_order: Annotated[
        catalogue.DateOrder | None,
        typer.Option(help="Order in dates such as 03/04/2031, which are refused without it."),
    ] = None,
) -> None:
    """Create and change ticket types of events from a spreadsheet: the whole file, or nothing.

    The first row names the columns. `event` is the slug of an event, or its title; a type of the same name changes, and
    types that the file does not have stay.
    """
    settings = read_settings()
    conventions = catalogue.Conventions(settings.zone, settings.currency, date_order=date_order)
    try:
        document = catalogue.read_type_sheet(file.name, _content(file), conventions)
    except catalogue.Unreadable as error:
        _refuse(file, str(error))
    options = catalogue.DocumentOptions(settings.zone, settings.currency, keep=not dry_run, actor=COMMAND)
    _import(file, document, options)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened_file:
            return opened_file.read(catalogue.MAX_FILE + 1)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")


def _refuse(file: Path, *sentences: str) -> None:
    lines = [f"{file}: {sentence}" for sentence in sentences]
    fail("\n".join([*lines, "Nothing was imported."]), FOUND)


def _import(file: Path, document: catalogue.Document, options: catalogue.DocumentOptions) -> None:
    """Import a document, and list its errors or what it has changed."""

    async def work(settings: Settings) -> catalogue.DocumentReport:
        async with opened(settings) as database:
            try:
                return await database.write(
                    catalogue.import_document, document, options, registrations.count_of_type
                )
            except catalogue.DocumentTried as tried:
                return tried.report

    for notice in document.notices:
        typer.echo(f"{file}, {notice}", err=True)
    try:
        report = run(work)
    except catalogue.DocumentRefused as refusal:
        lines = [f"{file}, {problem.where}: {problem.sentence}" for problem in refusal.problems]
        count = len(lines)
        fail("\n".join([*lines, f"Nothing was imported: {count} error{'' if count == 1 else 's'}."]), FOUND)
    if not options.keep:
        typer.echo("Nothing was imported. Without --dry-run the result would be:")
    counts = {
        "Rooms": report.rooms,
        "Quotas": report.quotas,
        "Events": report.events,
        "Ticket types": report.types,
        "Questions": report.questions,
        "Promo codes": report.codes,
    }
    for kind, count_of_kind in counts.items():
        if any((count_of_kind.created, count_of_kind.changed, count_of_kind.unchanged)):
            typer.echo(
                f"{kind}: {count_of_kind.created} created, {count_of_kind.changed} changed, "
                f"{count_of_kind.unchanged} unchanged."
            )
    if report.published:
        typer.echo(f"Published: {report.published}.")


def _export(file: str, write: Write, action: audit.Action, *, force: bool) -> None:
    """Write a text of the database to a file or standard output."""
    to_file = file != "-"
    if to_file and Path(file).exists() and not force:
        fail(f"{file} exists already; --force replaces it.")

    async def read(settings: Settings) -> str:
        async with current(settings) as database:
            text = await database.report(write)
            await database.write(lambda connection: audit.record(connection, COMMAND, action, ""))
            return text

    text = run(read)
    if not to_file:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    # Spreadsheets read a CSV file as UTF-8 only if it begins with a byte order mark.
    encoding = "utf-8-sig" if Path(file).suffix.casefold() == ".csv" else "utf-8"
    try:
        Path(file).write_text(text, encoding=encoding, newline="")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.")

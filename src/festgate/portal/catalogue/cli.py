"""Events on the command line: list, import, export, create, publish, cancel."""

import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from festgate.kit import security_log
from festgate.kit.cli import FOUND, current, opened, run, show_rows
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.money import known_currencies
from festgate.portal.catalogue import events, imports, queries
from festgate.portal.catalogue.calendars import read_calendar, write_calendar
from festgate.portal.catalogue.entries import read_details
from festgate.portal.catalogue.imports import NothingImported, OnlyTried, Options, Report
from festgate.portal.catalogue.queries import Event, EventState
from festgate.portal.catalogue.rows import MAX_FILE, Sheet, Unreadable, Wrong
from festgate.portal.catalogue.sheets import read_sheet, write_sheet
from festgate.settings import Settings
from festgate.terminal import fail

app = typer.Typer(no_args_is_help=True)

MANY = 500
"""Rows from which on an import shows how far it is."""

T = TypeVar("T")
Work: TypeAlias = Callable[[Settings], Coroutine[Any, Any, T]]
Format = Literal["csv", "ics"]


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="events", help="Events: list, import, export, publish.")


@app.command("list")
def list_events(
    state: Annotated[
        EventState | None, typer.Option(help="Only those that are drafts, published or cancelled.")
    ] = None,
) -> None:
    """List the events with their seats."""

    async def work(settings: Settings) -> None:
        async with current(settings) as database:
            found = [
                event
                for event in await database.read(queries.all_events)
                if state is None or event.state == state
            ]
        rows = []
        for event in found:
            when = (
                f"{moment(event.starts_at, settings.zone):%Y-%m-%d %H:%M}" if event.starts_at else "not set"
            )
            seats = f"{event.taken} of {event.capacity}"
            rows.append((when, event.title, event.slug, event.state, seats, event.fee.shown(settings.locale)))
        show_rows(("When", "Event", "Slug", "State", "Taken", "Fee"), rows)

    run(work)


@app.command("import")
def import_events(
    file: Annotated[Path, typer.Argument(help="A .csv or .ics file.", exists=True, dir_okay=False)],
    publish: Annotated[bool, typer.Option("--publish", help="Publish them too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try all of it, and keep nothing.")] = False,
    capacity: Annotated[str | None, typer.Option(help="Seats of events whose row has none.")] = None,
    fee: Annotated[str | None, typer.Option(help="Fee of events whose row has none; 0 is free.")] = None,
) -> None:
    """Create events from a file, and change those whose slug is there; all of the file, or nothing.

    Times without an offset are the fest's own. The columns of a CSV file are title, summary, description, category,
    place, starts_at, ends_at, sales_open_at, sales_close_at, fee, capacity and slug.
    """
    try:
        sheet = read_file(file)
    except Unreadable as error:
        fail(f"{file}: {error}\nNothing was imported.", FOUND)
    defaults = {name: value for name, value in (("capacity", capacity), ("fee", fee)) if value is not None}

    async def work(settings: Settings) -> Report:
        options = Options(
            settings.zone, settings.currency, publish=publish, keep=not dry_run, defaults=defaults
        )
        async with opened(settings) as database:
            with _progress(len(sheet.rows)) as progress:

                def take_all(connection: Connection) -> Report:
                    events.refuse_other_currency(connection, settings.currency)
                    return imports.import_sheet(connection, sheet, options, progress)

                return await database.write(take_all)

    try:
        report = run(work)
    except NothingImported as error:
        fail(_complaint(file, error.wrongs), FOUND)
    except OnlyTried as tried:
        report = tried.report
        typer.echo("Nothing was kept; without --dry-run it would have been:")
    if sheet.left_out:
        typer.echo(f"Left out, because the file says that they are cancelled: {sheet.left_out}.", err=True)
    typer.echo(
        f"{report.created} created, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.published} published."
    )


@app.command("export")
def export_events(
    file: Annotated[str, typer.Argument(help="A .csv or .ics file, or - for standard output.")],
    form: Annotated[Format | None, typer.Option("--format", help="Where the name does not say it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the events, without those that are cancelled, so that importing the file again changes nothing."""
    to_file = file != "-"
    form = form or (_format_of(Path(file)) if to_file else "csv")
    if to_file and Path(file).exists() and not force:
        fail(f"{file} is there already; --force replaces it.")

    async def work(settings: Settings) -> tuple[str, int]:
        async with current(settings) as database:
            every = await database.report(queries.all_events)
        kept = [event for event in every if event.state != "cancelled" and _fits(event, form)]
        if form == "csv":
            return write_sheet(kept, settings.zone), len(every) - len(kept)
        return write_calendar(kept, settings.base_url, settings.zone), len(every) - len(kept)

    text, left_out = run(work)
    if to_file:
        # Spreadsheets take a CSV file for UTF-8 only if it begins with a byte order mark.
        encoding = "utf-8-sig" if form == "csv" else "utf-8"
        try:
            Path(file).write_text(text, encoding=encoding, newline="")
        except OSError as error:
            fail(f"{file} cannot be written: {error.strerror}.")
    else:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    if left_out:
        why = "cancelled" if form == "csv" else "cancelled, or without a time"
        typer.echo(f"Left out: {left_out} ({why}).", err=True)


@app.command("create")
def create(  # noqa: PLR0913, PLR0917  (each is a field of the event, and an option by its name)
    title: Annotated[str, typer.Argument(help="Name of the event.")],
    fee: Annotated[str, typer.Option(help="In the fest's currency, such as 250 or 250.50; 0 is free.")],
    starts_at: Annotated[str, typer.Option(help="Where the fest is, such as 2026-03-14T10:00.")] = "",
    ends_at: Annotated[str, typer.Option(help="As --starts-at.")] = "",
    place: Annotated[str, typer.Option(help="Where it is.")] = "",
    capacity: Annotated[str, typer.Option(help="Seats there are.")] = "",
    category: Annotated[str, typer.Option(help="Kind of event.")] = "",
    summary: Annotated[str, typer.Option(help="What it is, in a sentence.")] = "",
    description: Annotated[str, typer.Option(help="What it is, at length.")] = "",
    sales_open_at: Annotated[str, typer.Option(help="As --starts-at; at once without it.")] = "",
    sales_close_at: Annotated[str, typer.Option(help="As --starts-at; when it starts without it.")] = "",
    publish: Annotated[bool, typer.Option("--publish", help="Publish it too.")] = False,
) -> None:
    """Create an event: a draft, until it is published."""
    fields = {
        "title": title,
        "summary": summary,
        "description": description,
        "category": category,
        "place": place,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "sales_open_at": sales_open_at,
        "sales_close_at": sales_close_at,
        "fee": fee,
        "capacity": capacity,
    }

    async def work(settings: Settings) -> Event:
        details = read_details(fields, settings.zone, settings.currency)

        def operation(connection: Connection) -> Event:
            events.refuse_other_currency(connection, settings.currency)
            event = events.create_event(connection, details)
            return events.publish_event(connection, event.slug) if publish else event

        async with opened(settings) as database:
            return await database.write(operation)

    event = run(_by_option(work))
    typer.echo(f"{event.slug}: {event.state}.")


@app.command("set-currency")
def set_currency(
    currency: Annotated[str, typer.Argument(help="ISO 4217 code, such as EUR.")],
) -> None:
    """Put the fees of all events into another currency, the numbers as they are, while no seat is taken."""
    if currency not in known_currencies():
        fail(f"{currency!r} is not an ISO 4217 code; write it like EUR.")

    async def work(settings: Settings) -> int:
        async with current(settings) as database:
            return await database.write(events.set_currency, currency)

    changed = run(work)
    typer.echo(
        f"{changed} {'fee' if changed == 1 else 'fees'} changed. Set FESTGATE_CURRENCY={currency} too."
    )


@app.command("publish")
def publish_event(slug: Annotated[str, typer.Argument(help="The event's part of its address.")]) -> None:
    """Let everyone see an event and register."""

    async def work(settings: Settings) -> Event:
        async with current(settings) as database:
            return await database.write(events.publish_event, slug)

    run(_by_option(work))
    security_log.note_command("event-published")
    typer.echo(f"{slug}: published.")


@app.command("cancel")
def cancel_event(
    slug: Annotated[str, typer.Argument(help="The event's part of its address.")],
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone, and is meant.")] = False,
) -> None:
    """Call an event off, for good: its seats are given back and payments refunded."""

    async def work(settings: Settings) -> Event:
        async with current(settings) as database:
            event = await database.read(queries.any_event_by_slug, slug)
            if event.state == "cancelled" or not yes:
                return event
            return await database.write(events.cancel_event, slug)

    event = run(work)
    if event.state != "cancelled":
        fail(f"{event.title} has {event.taken} seats taken. Cancelling cannot be undone; add --yes to do it.")
    security_log.note_command("event-cancelled")
    typer.echo(f"{slug}: cancelled.")


def read_file(path: Path) -> Sheet:
    """The rows of a file. Raises Unreadable."""
    form = _format_of(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")
    return read_sheet(data) if form == "csv" else read_calendar(data)


def _format_of(path: Path) -> Format:
    known: dict[str, Format] = {".csv": "csv", ".ics": "ics"}
    form = known.get(path.suffix.casefold())
    if form is None:
        fail(f"{path}: the name has to end in .csv or .ics, so that it is clear what it is.")
    return form


def _fits(event: Event, form: Format) -> bool:
    """A calendar has no place for an event without a time."""
    return form == "csv" or bool(event.starts_at and event.ends_at)


def _by_option(work: Work[T]) -> Work[T]:
    """The same work, whose complaints name the command's options instead of fields."""

    async def named(settings: Settings) -> T:
        try:
            return await work(settings)
        except Invalid as refusal:
            fail("\n".join(f"{_option(name)}: {sentence}" for name, sentence in refusal.fields.items()))

    return named


def _option(field: str) -> str:
    return "TITLE" if field == "title" else f"--{field.replace('_', '-')}"


def _complaint(file: Path, wrongs: list[Wrong]) -> str:
    lines = [f"{file}, line {wrong.line}: {wrong.sentence}" for wrong in wrongs]
    rows = len({wrong.line for wrong in wrongs})
    return "\n".join([*lines, f"Nothing was imported: {rows} {'row is' if rows == 1 else 'rows are'} wrong."])


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[], None]]:
    """What is called after each row; it draws a bar on a terminal when there are many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=rows < MANY or not console.is_terminal) as bar:
        task = bar.add_task("Importing", total=rows)
        yield lambda: bar.advance(task)

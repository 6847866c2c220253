"""`festgate events`: the commands that list, import, export, create, publish and cancel events."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import typer

from festgate.kit import security_log
from festgate.kit.cli import current, opened, read_settings, run, show_rows
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.money import known_currencies
from festgate.kit.visitors import COMMAND
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import events, queries
from festgate.portal.catalogue.calendars import write_calendar
from festgate.portal.catalogue.details import read_details
from festgate.portal.catalogue.files.rows import Conventions, DateOrder
from festgate.portal.catalogue.files.times import read_duration
from festgate.portal.catalogue.files.zones import zone_of_name
from festgate.portal.catalogue.import_command import FileImport, read_file, show_outcome
from festgate.portal.catalogue.imports import Options
from festgate.portal.catalogue.proposals import Answers
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.sheets import write_sheet
from festgate.portal.catalogue.tables import EventState
from festgate.settings import Settings
from festgate.terminal import fail

app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
Task: TypeAlias = Callable[[Settings], Coroutine[Any, Any, T]]
Format = Literal["csv", "ics"]
NO_EVENT = "There is no event {slug}. `festgate events list` shows all slugs."


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

    async def show(settings: Settings) -> None:
        async with current(settings) as database:
            every = await database.read(queries.all_events)
        rows = []
        for event in every:
            if state is not None and event.state != state:
                continue
            when = (
                f"{moment(event.starts_at, settings.zone):%Y-%m-%d %H:%M}" if event.starts_at else "not set"
            )
            seats = f"{event.taken} of {event.capacity}"
            rows.append((when, event.title, event.slug, event.state, seats, event.fee.shown(settings.locale)))
        show_rows(("When", "Event", "Slug", "State", "Taken", "Fee"), rows)

    run(show)


@app.command("import")
def import_events(  # noqa: PLR0913, PLR0917  (each is an option)
    file: Annotated[Path, typer.Argument(help="A .csv, .xlsx or .ics file.", exists=True, dir_okay=False)],
    publish: Annotated[bool, typer.Option("--publish", help="Publish them too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file without importing it.")] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out events with errors, and list them.")
    ] = False,
    capacity: Annotated[str | None, typer.Option(help="Seats of events whose row has none.")] = None,
    fee: Annotated[str | None, typer.Option(help="Fee of events whose row has none; 0 is free.")] = None,
    default_duration: Annotated[
        str | None,
        typer.Option(
            help="Length of events without an end, such as 90m or 2h; in calendars an hour if not given."
        ),
    ] = None,
    date_order: Annotated[
        DateOrder | None,
        typer.Option(help="Order in dates such as 03/04/2031, which are refused without it."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of times that name none or an unknown one, such as Europe/Berlin; "
            "by default the calendar's own, or the fest's."
        ),
    ] = None,
    allow_past: Annotated[
        bool, typer.Option("--allow-past", help="Import events even if they are over already.")
    ] = False,
    update: Annotated[
        bool | None,
        typer.Option(
            "--update/--no-update",
            help="Make all changes of a calendar's new version, or none of those that need consent; "
            "a terminal asks without it.",
        ),
    ] = None,
    cancel: Annotated[
        bool | None,
        typer.Option(
            "--cancel/--no-cancel",
            help="Cancel the events that the calendar has cancelled for good, or keep them; "
            "a terminal asks without it.",
        ),
    ] = None,
) -> None:
    """Create events from a file, and change those that exist: the whole file, or nothing.

    The first row of a spreadsheet names its columns: title, summary, description, category, place, starts_at, ends_at,
    sales_open_at, sales_close_at, fee, capacity, slug and room. What the import corrects, such as a text that is too
    long, it lists on standard error.

    An event of a calendar that was imported before is updated if its version in the file is newer (SEQUENCE,
    LAST-MODIFIED). If seats are taken, or if no version is the newer one, a terminal asks, and a script needs --update
    or --no-update. For an event that the calendar has cancelled it needs --cancel or --no-cancel.
    """
    duration = _read_option("--default-duration", default_duration, read_duration)
    zone = _read_option("--time-zone", time_zone, _read_zone)
    defaults = {name: value for name, value in (("capacity", capacity), ("fee", fee)) if value is not None}

    settings = read_settings()
    sheet = read_file(file, Conventions(settings.zone, settings.currency, zone, date_order, duration))
    options = Options(
        settings.zone,
        settings.currency,
        publish=publish,
        keep=not dry_run,
        defaults=defaults,
        allow_past=allow_past,
        answers=Answers(update, cancel),
        actor=COMMAND,
    )
    outcome = FileImport(file, sheet, options, skip_invalid=skip_invalid).finish()
    if not dry_run:
        for _ in range(outcome.report.cancelled):
            security_log.note_command("event-cancelled")
    show_outcome(outcome)


@app.command("export")
def export_events(
    file: Annotated[str, typer.Argument(help="A .csv or .ics file, or - for standard output.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Needed if the file's name does not end in .csv or .ics."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write all events but cancelled ones to a file that can be imported again without a change."""
    to_file = file != "-"
    form = form or (_format_of(Path(file)) if to_file else "csv")
    if to_file and Path(file).exists() and not force:
        fail(f"{file} exists already; --force replaces it.")

    async def read(settings: Settings) -> tuple[str, int]:
        async with current(settings) as database:
            every = await database.report(queries.all_events)
            await database.write(
                lambda connection: audit.record(connection, COMMAND, "events.exported", form)
            )
        kept = [event for event in every if event.state != "cancelled" and _is_writable(event, form)]
        if form == "csv":
            return write_sheet(kept, settings.zone), len(every) - len(kept)
        return write_calendar(kept, settings.base_url, settings.zone), len(every) - len(kept)

    text, left_out = run(read)
    if to_file:
        # Spreadsheets read a CSV file as UTF-8 only if it begins with a byte order mark.
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
    starts_at: Annotated[str, typer.Option(help="Start in the fest's time zone: 2026-03-14T10:00.")] = "",
    ends_at: Annotated[str, typer.Option(help="End, written like the start.")] = "",
    place: Annotated[str, typer.Option(help="Place of the event.")] = "",
    capacity: Annotated[str, typer.Option(help="Number of seats.")] = "",
    category: Annotated[str, typer.Option(help="Kind of event.")] = "",
    summary: Annotated[str, typer.Option(help="One sentence about the event.")] = "",
    description: Annotated[str, typer.Option(help="The full description.")] = "",
    sales_open_at: Annotated[str, typer.Option(help="Opening of sales; by default when published.")] = "",
    sales_close_at: Annotated[str, typer.Option(help="End of sales; by default the start.")] = "",
    publish: Annotated[bool, typer.Option("--publish", help="Publish it too.")] = False,
) -> None:
    """Create an event. It is a draft until it is published."""
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

    async def create_in(settings: Settings) -> Event:
        details = read_details(fields, settings.zone, settings.currency)

        def operation(connection: Connection) -> Event:
            events.refuse_other_currency(connection, settings.currency)
            event = events.create_event(connection, details, actor=COMMAND)
            return events.publish_event(connection, event.slug, actor=COMMAND) if publish else event

        async with opened(settings) as database:
            return await database.write(operation)

    event = run(_by_option(create_in))
    typer.echo(f"{event.slug}: {event.state}.")


@app.command("set-currency")
def set_currency(currency: Annotated[str, typer.Argument(help="ISO 4217 code, such as EUR.")]) -> None:
    """Put the fees of all events into another currency without converting them, while no seat is taken."""
    if currency not in known_currencies():
        fail(f"{currency!r} is not an ISO 4217 code; write it like EUR.")

    async def change(settings: Settings) -> int:
        async with current(settings) as database:
            return await database.write(events.set_currency, currency, COMMAND)

    changed = run(change)
    typer.echo(
        f"{changed} {'fee' if changed == 1 else 'fees'} changed. Set FESTGATE_CURRENCY={currency} too."
    )


@app.command("publish")
def publish_event(slug: Annotated[str, typer.Argument(help="The event's part of its address.")]) -> None:
    """Publish an event: everyone can see it and register."""

    async def publish(settings: Settings) -> Event:
        async with current(settings) as database:
            return await database.write(partial(events.publish_event, actor=COMMAND), slug)

    run(_by_option(publish), missing=NO_EVENT.format(slug=slug))
    security_log.note_command("event-published")
    typer.echo(f"{slug}: published.")


@app.command("cancel")
def cancel_event(
    slug: Annotated[str, typer.Argument(help="The event's part of its address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Confirm, as this cannot be undone.")] = False,
) -> None:
    """Cancel an event for good: its seats are released and its payments refunded."""

    async def cancel(settings: Settings) -> Event:
        async with current(settings) as database:
            event = await database.read(queries.any_event_by_slug, slug)
            if event.state == "cancelled" or not yes:
                return event
            return await database.write(partial(events.cancel_event, actor=COMMAND), slug)

    event = run(cancel, missing=NO_EVENT.format(slug=slug))
    if event.state != "cancelled":
        fail(f"{event.title} has {event.taken} seats taken. Cancelling cannot be undone; add --yes to do it.")
    security_log.note_command("event-cancelled")
    typer.echo(f"{slug}: cancelled.")


def _read_option(name: str, text: str | None, read: Callable[[str], T]) -> T | None:
    try:
        return None if text is None else read(text)
    except ValueError as error:
        fail(f"{name}: {error}")


def _read_zone(text: str) -> ZoneInfo:
    zone = zone_of_name(text)
    if zone is None:
        msg = f"{text!r} is not a time zone; write it like Europe/Berlin."
        raise ValueError(msg)
    return zone


def _format_of(path: Path) -> Format:
    known: dict[str, Format] = {".csv": "csv", ".ics": "ics"}
    form = known.get(path.suffix.casefold())
    if form is None:
        fail(f"{path}: the name has to end in .csv or .ics.")
    return form


def _is_writable(event: Event, form: Format) -> bool:
    """Return whether the file can hold the event: a calendar has no entries without a time."""
    return form == "csv" or bool(event.starts_at and event.ends_at)


def _by_option(task: Task[T]) -> Task[T]:
    """Return a task whose errors name the command's options instead of the event's fields."""

    async def task_by_option(settings: Settings) -> T:
        try:
            return await task(settings)
        except Invalid as refusal:
            fail("\n".join(f"{_option(name)}: {sentence}" for name, sentence in refusal.fields.items()))

    return task_by_option


def _option(field: str) -> str:
    return "TITLE" if field == "title" else f"--{field.replace('_', '-')}"

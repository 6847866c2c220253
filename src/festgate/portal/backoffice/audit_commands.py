"""`festgate audit`: the audit log on the command line."""

import json
import sys
from typing import Annotated

import typer

from festgate.kit.cli import current, run, show_rows
from festgate.kit.clock import moment
from festgate.kit.errors import Invalid
from festgate.portal.backoffice.audit_log import AskedFilters, EntryView, read_log
from festgate.settings import Settings
from festgate.terminal import fail

app = typer.Typer(no_args_is_help=True)

MAX_LISTED = 100_000


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="audit", help="The audit log: refunds, roles, exports, sign-ins of the team.")


@app.command("list")
def list_entries(
    words: Annotated[str, typer.Option(help="Words in the action, the subject and the details.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, such as order.refunded.")] = "",
    person: Annotated[
        str, typer.Option(metavar="NAME", help="Only actions of this account: username or email address.")
    ] = "",
    event: Annotated[str, typer.Option(metavar="SLUG", help="Only actions on this event.")] = "",
    day: Annotated[
        str, typer.Option(metavar="DAY", help="Only this day in the fest's time zone: 2031-03-14.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="The number of entries.")] = 100,
) -> None:
    """List the entries, newest first: a table in a terminal, else lines with tabs.

    The fields of a line: time (UTC), username (or command, portal, none), action, subject, slug of the event, details
    as JSON, origin, address.
    """
    asked = AskedFilters(words, action, person, event, day)

    async def read(settings: Settings) -> tuple[Settings, tuple[EntryView, ...], int]:
        async with current(settings) as database:
            try:
                log = await database.report(read_log, asked, settings.zone, 1, limit)
            except Invalid as refusal:
                options = {"q": "words"}
                fail(
                    "\n".join(f"--{options.get(name, name)}: {text}" for name, text in refusal.fields.items())
                )
            return settings, log.rows, log.total

    settings, rows, total = run(read)
    if not sys.stdout.isatty():
        show_rows((), [_fields(row) for row in rows])
        return
    table = [
        (
            f"{moment(row.entry.at, settings.zone):%Y-%m-%d %H:%M}",
            row.actor,
            row.title,
            row.subject,
            ", ".join(f"{label}: {value}" for label, value in row.details),
            f"{row.origin} {row.entry.address}".strip(),
        )
        for row in rows
    ]
    show_rows(("When", "Person", "Action", "On", "Details", "From"), table)
    if total > len(rows):
        print(f"{len(rows)} of {total} entries. --limit lists more.")


def _fields(row: EntryView) -> tuple[str, ...]:
    entry = row.entry
    by_itself = entry.origin if entry.origin in ("command", "portal") else "none"
    return (
        f"{moment(entry.at):%Y-%m-%dT%H:%M:%SZ}",
        by_itself if entry.person is None else row.username or f"#{entry.person}",
        entry.action,
        entry.subject or row.subject,
        row.slug,
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
        entry.origin,
        entry.address,
    )

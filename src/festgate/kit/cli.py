"""Parts that the commands of every module share: settings, an open database, errors, tables; and `festgate db`."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from festgate.kit import data_settings
from festgate.kit.cells import guard, one_line
from festgate.kit.db import schema
from festgate.kit.db.damage import RESTORE, damage_of, damaged
from festgate.kit.errors import NotFound, Refused, StartupError
from festgate.kit.logging import configure
from festgate.settings import Settings, SettingsError, read_given
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.kit.db.database import Database

T = TypeVar("T")

FOUND = 1
"""Exit code of a command that worked and found a problem."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator["Database"]:
    """Upgrade and open the database; close it at the end of the block."""
    await asyncio.to_thread(schema.upgrade, settings)
    async with _database(settings) as database:
        yield database


@asynccontextmanager
async def current(settings: Settings) -> AsyncIterator["Database"]:
    """Open the database without an upgrade, for commands that only read. Raise StartupError if its schema differs."""
    revision = await asyncio.to_thread(schema.revision, settings)
    if revision is None:
        msg = f"There is no fest at {settings.shown_database} yet. `festgate serve` creates one."
        raise StartupError(msg)
    if revision != schema.HEAD:
        msg = (
            f"The database is at {revision}, this program at {schema.HEAD}. Run `festgate db upgrade` first."
        )
        raise StartupError(msg)
    async with _database(settings) as database:
        yield database


def _database(settings: Settings) -> "Database":
    # The import takes an eighth of a second, and the supervisor does not need it.
    from festgate.kit.db.database import Database  # noqa: PLC0415

    return Database(settings.url)


def read_settings(defaults: Mapping[str, object] | None = None, **overrides: Any) -> Settings:  # noqa: ANN401
    """Load the settings and configure the log; end the command with a sentence if a setting is wrong."""
    try:
        settings, _ = data_settings.in_force(read_given(defaults=defaults, **overrides))
    except SettingsError as error:
        fail(str(error))
    configure(settings.log_format, settings.log_level)
    return settings


def run(command: Callable[[Settings], Coroutine[Any, Any, T]], *, missing: str = "") -> T:
    """Run the body of a command; end the command with a sentence if it cannot be done.

    `missing` replaces the sentence of a page, if what the command names does not exist.
    """
    settings = read_settings()
    try:
        return asyncio.run(command(settings))
    except NotFound as error:
        fail(missing or str(error))
    except (StartupError, Refused, sqlite3.DatabaseError) as error:
        what = damage_of(error)
        if what:
            fail(damaged(settings.shown_database, what))
        if isinstance(error, sqlite3.DatabaseError):
            raise
        fail(str(error))


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in a terminal; elsewhere a line for each row, its fields separated by tabs, for other programs."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(guard(one_line(cell)) for cell in row))
        return
    table = Table()
    for column in columns:
        # Long names are wrapped, never cut off, so that they can be copied.
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


database_app = typer.Typer(no_args_is_help=True)


def mount(program: typer.Typer) -> None:
    """Add `festgate db` to the program."""
    program.add_typer(database_app, name="db", help="Upgrade, back up and check the database.")


@database_app.command()
def upgrade() -> None:
    """Upgrade the schema; an SQLite file is backed up first."""
    settings = read_settings()
    try:
        before = schema.upgrade(settings)
    except StartupError as error:
        fail(str(error))
    if before == schema.HEAD:
        print(f"The schema is at {schema.HEAD} already.")
    elif before is None:
        print(f"Created the schema at {schema.HEAD}.")
    else:
        print(f"Upgraded the schema from {before} to {schema.HEAD}.")


@database_app.command()
def backup() -> None:
    """Copy the SQLite file to backups/ in the data folder, also while the portal is running."""
    settings = read_settings()
    try:
        print(schema.backup(settings))
    except StartupError as error:
        fail(str(error))


@database_app.command()
def check() -> None:
    """Check the integrity of the database and its schema; exit 1 if there is a problem."""
    settings = read_settings()
    try:
        revision = schema.revision(settings)
        problems = schema.integrity(settings) if revision is not None else []
    except StartupError as error:
        fail(str(error))
    if revision is None:
        fail("There is no database yet. `festgate serve` creates one.")
    for problem in problems:
        print(problem)
    if problems:
        print(f"The database {settings.shown_database} is damaged. {RESTORE}.")
        raise typer.Exit(FOUND)
    if revision != schema.HEAD:
        print(f"The schema is at {revision}, this program at {schema.HEAD}. Run `festgate db upgrade`.")
        raise typer.Exit(FOUND)
    print(f"The database is sound, its schema at {revision}.")

"""What the commands of every module share: the settings, an open database, and how things end."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from festgate.kit.cells import guard, one_line
from festgate.kit.db import schema
from festgate.kit.db.damage import RESTORE, damage_of, damaged
from festgate.kit.errors import Refused, StartupError
from festgate.kit.logging import configure
from festgate.settings import Settings, SettingsError, load_settings
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.kit.db.database import Database

T = TypeVar("T")

FOUND = 1
"""Exit code when the command worked and what it found is not good."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator["Database"]:
    """The fest's database, its schema up to date; closed at the end of the block."""
    # An eighth of a second, which the parent of the workers has no use for.
    from festgate.kit.db.database import Database  # noqa: PLC0415

    await asyncio.to_thread(schema.upgrade, settings)
    database = Database(settings.url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def current(settings: Settings) -> AsyncIterator["Database"]:
    """The database as it is, for commands that only look; StartupError when its schema is not this program's."""
    found = await asyncio.to_thread(schema.revision, settings)
    if found is None:
        msg = f"There is no fest at {settings.shown_database} yet. `festgate serve` makes one."
        raise StartupError(msg)
    if found != schema.HEAD:
        msg = f"The database is at {found}, this program at {schema.HEAD}. Run `festgate db upgrade` first."
        raise StartupError(msg)
    from festgate.kit.db.database import Database  # noqa: PLC0415  (see `opened`)

    database = Database(settings.url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def read_settings(defaults: Mapping[str, object] | None = None, **overrides: Any) -> Settings:  # noqa: ANN401
    """The settings of this command; ends it with a sentence when one is wrong."""
    try:
        settings = load_settings(defaults=defaults, **overrides)
    except SettingsError as error:
        fail(str(error))
    configure(settings.log_format, settings.log_level)
    return settings


def run(work: Callable[[Settings], Coroutine[Any, Any, T]], **overrides: Any) -> T:  # noqa: ANN401
    """Do a command's work; ends it with one sentence where it cannot be done."""
    settings = read_settings(**overrides)
    try:
        return asyncio.run(work(settings))
    except (StartupError, Refused, sqlite3.DatabaseError) as error:
        what = damage_of(error)
        if what:
            fail(damaged(settings.shown_database, what))
        if isinstance(error, sqlite3.DatabaseError):
            raise
        fail(str(error))


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in a terminal; elsewhere a line for each row, its fields with tabs between, for other programs."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(guard(one_line(cell)) for cell in row))
        return
    table = Table()
    for column in columns:
        # Whole words may be folded, but a name that is to be copied is never cut off.
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


database_app = typer.Typer(no_args_is_help=True)


def mount(program: typer.Typer) -> None:
    """Add the commands of the data to the program."""
    program.add_typer(database_app, name="db", help="The data: upgrade, back up, check.")


@database_app.command()
def upgrade() -> None:
    """Bring the schema up to date; an SQLite file is backed up first."""
    settings = read_settings()
    try:
        before = schema.upgrade(settings)
    except StartupError as error:
        fail(str(error))
    print(
        f"At {schema.HEAD} already."
        if before == schema.HEAD
        else f"From {before or 'nothing'} to {schema.HEAD}."
    )


@database_app.command()
def backup() -> None:
    """Copy the SQLite file to backups/ in the data folder, also while the portal serves."""
    settings = read_settings()
    try:
        print(schema.backup(settings))
    except StartupError as error:
        fail(str(error))


@database_app.command()
def check() -> None:
    """Check the file itself and the schema; exit 1 when something is wrong with it."""
    settings = read_settings()
    try:
        found = schema.revision(settings)
        wrong = schema.integrity(settings) if found is not None else []
    except StartupError as error:
        fail(str(error))
    if found is None:
        fail("There is no database yet. `festgate serve` makes one.")
    for line in wrong:
        print(line)
    if wrong:
        print(f"The database {settings.shown_database} is damaged. {RESTORE}.")
        raise typer.Exit(FOUND)
    if found != schema.HEAD:
        print(f"The schema is at {found}, this program at {schema.HEAD}. Run `festgate db upgrade`.")
        raise typer.Exit(FOUND)
    print(f"The database is sound, its schema at {found}.")

"""The `festgate` command."""

import asyncio
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from festgate import __version__
from festgate.accounts.commands import app as accounts_app
from festgate.catalogue.commands import app as catalogue_app
from festgate.kit import schema
from festgate.kit.commands import FOUND, current, database_app, fail, opened, read_settings, run
from festgate.kit.errors import Refused, StartupError
from festgate.kit.imports import uncollected
from festgate.kit.secret import load_secret
from festgate.rehearsal import commands as rehearsal_commands
from festgate.settings import PREFIX, Settings

app = typer.Typer(
    name="festgate",
    help="Event registration and checkout that is still standing when the doors open.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(accounts_app, name="user", help="People and their roles.")
app.add_typer(catalogue_app, name="events", help="Events: list, import, export, publish.")
app.add_typer(database_app, name="db", help="The data: upgrade, back up, check.")
rehearsal_commands.mount(app)


@app.callback(invoke_without_command=True)
def festgate(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Event registration and checkout that is still standing when the doors open."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill an empty fest with the demo's events, and take play money.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Addresses to listen on, separated by commas.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="For development: start again when the code changes.")
    ] = False,
) -> None:
    """Open the gate."""
    with uncollected():
        from festgate import serving  # noqa: PLC0415  (the web framework takes a second, and only this command needs it)
        from festgate.demo import DEMO_SETTINGS  # noqa: PLC0415

    overrides: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    settings = read_settings(DEMO_SETTINGS if demo else {}, **overrides)
    console = Console(stderr=True, highlight=False)
    try:
        load_secret(settings.data_dir)
        sockets = serving.listen(settings)
        with uncollected():
            schema.upgrade(settings)
        password = asyncio.run(_plant(settings)) if demo else None
        settings = reachable(settings, sockets[0].getsockname()[1])
        _greet(console, settings, password)
        code = serving.serve(settings, sockets, reload=reload)
    except StartupError as error:
        fail(str(error))
    raise typer.Exit(code)


@app.command()
def check() -> None:
    """Prove the invariants on the data as it is; exit 1 and the rows where one does not hold."""
    found = run(_check)
    console = Console(highlight=False)
    if not found:
        console.print("All invariants hold.")
        return
    table = Table("Rule", "Where", "What", title=f"{len(found)} broken")
    for finding in found:
        table.add_row(finding.rule, finding.where, finding.what)
    console.print(table)
    raise typer.Exit(FOUND)


@app.command()
def settings() -> None:
    """List every setting, what it is now, and what it means."""
    now = read_settings()
    table = Table("Setting", "Now", "Meaning", show_lines=True)
    for name, field in Settings.model_fields.items():
        value = getattr(now, name)
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        table.add_row(
            f"{PREFIX}{name.upper()}", "(set)" if not field.repr and shown else shown, field.description
        )
    Console().print(table)


def main() -> None:
    """Run the command line."""
    # Names and currencies are not ASCII, and a pipe on Windows may be.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    app()


async def _plant(settings: Settings) -> str | None:
    from festgate.demo import plant  # noqa: PLC0415  (see serve)

    async with opened(settings) as database:
        try:
            return await plant(database, settings)
        except Refused as error:
            raise StartupError(str(error)) from error


async def _check(settings: Settings) -> list[Any]:
    from festgate.modules import CHECKS  # noqa: PLC0415  (see serve)

    async with current(settings) as database:
        found = []
        for rule in CHECKS:
            found += await database.report(rule)
        return found


def reachable(settings: Settings, port: int) -> Settings:
    """The settings with the address people use: the one that is set, else this machine's with the port in use."""
    if "base_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"base_url": f"http://localhost:{port}"})


def _greet(console: Console, settings: Settings, password: str | None) -> None:
    console.print(f"[bold]{settings.fest_name}[/bold] is open at {settings.base_url}")
    if password is not None:
        console.print(f"Sign in as [bold]organiser[/bold] with the password [bold]{password}[/bold]")
        console.print("It is shown this once; `festgate user password organiser` makes another.")
    console.print("Ctrl-C closes it.")

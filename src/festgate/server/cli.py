"""The command `festgate serve`."""

import sys
from typing import Annotated

import typer

from festgate.kit.errors import StartupError
from festgate.server.channel import WorkerSpec
from festgate.server.sockets import listen
from festgate.server.supervisor import supervise
from festgate.settings import DEMO_SETTINGS, SettingsError, load_settings, read_config, refuse_play_money
from festgate.terminal import WRONG_USE


def mount(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(serve)


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill an empty fest with demo events, and accept sandbox payments.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Addresses to listen on, separated by commas.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 chooses a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Number of worker processes.")] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="For development: serve every change of the code at once.")
    ] = False,
) -> None:
    """Serve the portal."""
    overrides: dict[str, str | int | None] = {"host": host, "port": port, "workers": workers}
    try:
        text = read_config()
        settings = load_settings(None, DEMO_SETTINGS if demo else {}, text, **overrides)
        refuse_play_money(settings)
        sockets = listen(settings.host, settings.port)
    except (SettingsError, StartupError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USE) from None
    spec = WorkerSpec(
        "festgate.server.worker",
        sockets[0].getsockname()[1],
        log_format=settings.log_format,
        log_level=settings.log_level,
        demo=demo,
        overrides=overrides,
        config_text=text,
    )
    raise typer.Exit(supervise(sockets, spec, settings.workers, reload=reload))

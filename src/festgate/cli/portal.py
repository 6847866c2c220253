"""The portal's own commands: see how it is, prove its data, list its settings."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from festgate.addresses import hide_password
from festgate.kit.cli import FOUND, current, read_settings, run
from festgate.settings import PREFIX, Settings
from festgate.terminal import fail

MAX_LOOK = 5.0
"""Seconds for the portal to say how it is."""


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(status)
    app.command()(check)
    app.command()(settings)


def status(
    url: Annotated[
        str | None,
        typer.Option(help="Where the portal answers; without it, this machine and the port of the settings."),
    ] = None,
) -> None:
    """Say how each module of the open portal is, and why one rests or is not there; exit 1 when not all is well."""
    settings = read_settings()
    answer = _ask((url or f"http://127.0.0.1:{settings.port}").rstrip("/"))
    table = Table("Part", "Is", "Why")
    table.add_row(
        "database", "well" if answer["ready"] else "away", "" if answer["ready"] else answer["database"]
    )
    for name, state in answer["modules"].items():
        table.add_row(name, state["state"], state.get("why", ""))
    unknown = answer.get("facts", {}).get("unknown", {})
    for kind, count in unknown.items():
        table.add_row("facts", "waiting", f"{count} of kind {kind}, which this version does not know")
    Console(highlight=False).print(table)
    if (
        not answer["ready"]
        or unknown
        or any(state["state"] != "well" for state in answer["modules"].values())
    ):
        raise typer.Exit(FOUND)


def _ask(url: str) -> dict[str, Any]:
    """What /readyz says, well or not."""
    from urllib.error import HTTPError, URLError  # noqa: PLC0415  (only this command needs it)
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    # A proxy of the environment has nothing to do with a portal that is asked directly.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=MAX_LOOK) as response:
            body = response.read()
    except HTTPError as error:
        body = error.read()
    except (URLError, OSError, ValueError) as error:
        fail(
            f"Nothing answers at {url} ({getattr(error, 'reason', error)}). `festgate serve` opens the portal."
        )
    try:
        found: dict[str, Any] = json.loads(body)
        found["modules"], found["ready"]
    except (ValueError, KeyError, TypeError):
        fail(f"What answers at {url} is no Festgate portal.")
    return found


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


def settings() -> None:
    """List every setting, what it is now, and what it means."""
    now = read_settings()
    table = Table("Setting", "Now", "Meaning", show_lines=True)
    for name, field in Settings.model_fields.items():
        value = getattr(now, name)
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        if name == "database_url":
            shown = hide_password(shown)
        table.add_row(
            f"{PREFIX}{name.upper()}", "(set)" if not field.repr and shown else shown, field.description
        )
    Console().print(table)


async def _check(settings: Settings) -> list[Any]:
    from festgate.portal.inventory import checks  # noqa: PLC0415  (see serve)

    async with current(settings) as database:
        found = []
        for rule in checks():
            found += await database.report(rule)
        return found

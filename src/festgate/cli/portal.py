"""Commands of the portal as a whole: report its status, check its data, list its settings."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from festgate.addresses import hide_password
from festgate.kit import data_settings
from festgate.kit.cli import FOUND, current, read_settings, run
from festgate.settings import PREFIX, Settings, SettingsError, meaning, read_given
from festgate.terminal import fail

STATUS_TIMEOUT = 5.0
"""Seconds to wait for the portal's answer."""


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(status)
    app.command()(check)
    app.command()(settings)


def status(
    url: Annotated[
        str | None,
        typer.Option(help="Address of the portal; by default this machine and the port of the settings."),
    ] = None,
) -> None:
    """Report the health of each module of the running portal; exit 1 if any is not healthy."""
    settings = read_settings()
    readiness = _fetch_readiness((url or f"http://127.0.0.1:{settings.port}").rstrip("/"))
    table = Table("Part", "State", "Reason")
    ready = readiness["ready"]
    table.add_row("database", *(("well", "") if ready else ("unavailable", readiness["database"])))
    for name, state in readiness["modules"].items():
        table.add_row(name, state["state"], state.get("why", ""))
    unknown = readiness.get("facts", {}).get("unknown", {})
    for kind, count in unknown.items():
        table.add_row("facts", "waiting", f"{count} of kind {kind}, which this version does not know")
    Console(highlight=False).print(table)
    if not ready or unknown or any(state["state"] != "well" for state in readiness["modules"].values()):
        raise typer.Exit(FOUND)


def _fetch_readiness(url: str) -> dict[str, Any]:
    """Return the answer of /readyz, whether the portal is ready or not."""
    from urllib.error import HTTPError, URLError  # noqa: PLC0415  (only this command needs it)
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    # The request goes directly to the portal, never through a proxy of the environment.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=STATUS_TIMEOUT) as response:
            body = response.read()
    except HTTPError as error:
        body = error.read()
    except (URLError, OSError, ValueError) as error:
        fail(
            f"No portal answers at {url} ({getattr(error, 'reason', error)}). Start it with `festgate serve`."
        )
    try:
        readiness: dict[str, Any] = json.loads(body)
        readiness["modules"], readiness["ready"]
    except (ValueError, KeyError, TypeError):
        fail(f"The server at {url} is not a Festgate portal.")
    return readiness


def check() -> None:
    """Check the invariants of the data; list every violation and exit 1 if there is any."""
    findings = run(_check)
    console = Console(highlight=False)
    if not findings:
        console.print("All invariants hold.")
        return
    table = Table("Invariant", "Where", "Problem", title=f"{len(findings)} broken")
    for finding in findings:
        table.add_row(finding.rule, finding.where, finding.what)
    console.print(table)
    raise typer.Exit(FOUND)


def settings() -> None:
    """List every setting with its current value, the place that it comes from, and its meaning."""
    try:
        given = read_given()
        current_settings, stored = data_settings.in_force(given)
    except SettingsError as error:
        fail(str(error))
    table = Table("Setting", "Value", "From", "Meaning", show_lines=True)
    for name, field in Settings.model_fields.items():
        value = getattr(current_settings, name)
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        if name == "database_url":
            shown = hide_password(shown)
        table.add_row(
            f"{PREFIX}{name.upper()}",
            "(set)" if not field.repr and shown else shown,
            given.source(name, stored),
            meaning(name),
        )
    Console().print(table)


async def _check(settings: Settings) -> list[Any]:
    from festgate.portal.inventory import checks  # noqa: PLC0415  (imports every module)

    async with current(settings) as database:
        return [finding for rule in checks() for finding in await database.report(rule)]

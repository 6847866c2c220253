"""The `festgate` command. It imports the module of a command when that runs: all together take most of a second."""

import sys
from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from festgate import __version__
from festgate.kit import data_settings
from festgate.kit.process import gc_paused, raise_file_limit

if TYPE_CHECKING:  # not every command needs the settings
    from festgate.settings import Given, Settings

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "festgate.server.cli": ("serve",),
    "festgate.cli.portal": ("status", "check", "settings"),
    "festgate.cli.people": ("user",),
    "festgate.portal.catalogue.cli": ("events",),
    "festgate.portal.checkout.cli": ("payments",),
    "festgate.portal.backoffice.programme_commands": ("programme", "types"),
    "festgate.portal.backoffice.cli": ("orders",),
    "festgate.portal.backoffice.audit_commands": ("audit",),
    "festgate.kit.cli": ("db",),
    "festgate.rehearsal.cli.commands": ("rehearse", "compare", "ab", "calibrate", "capacity", "runs"),
    "festgate.drills.cli": ("drill",),
    "festgate.lab.cli.commands": ("lab",),
}
"""The commands of each module, in the order of `--help`. The module's `mount` adds them to the program."""


class OnDemand(UserDict[str, Any]):
    """The commands by name; the value is the name of the module until the first access, which imports the module."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (Typer gives its commands no public type)
        """Return the command. Raise KeyError for an unknown name."""
        if isinstance(module := self.data[name], str):
            part = typer.Typer()
            with gc_paused():
                import_module(module).mount(part)
            self.data |= typer.main.get_group(part).commands
        return self.data[name]


class Root(TyperGroup):
    """The root command, which loads its commands on demand."""

    def __init__(self, **more: Any) -> None:  # noqa: ANN401  (passed on to Typer)
        """Pass all arguments on to Typer's group."""
        super().__init__(**more)
        self.commands = OnDemand({name: module for module, names in PLACES.items() for name in names})


app = typer.Typer(
    name="festgate",
    cls=Root,
    help="Event registration and checkout that stays up when registration opens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def festgate(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Event registration and checkout that stays up when registration opens."""
    if version:
        print(__version__)
        raise typer.Exit


def _read_data_settings(given: "Given") -> "tuple[Settings, Mapping[str, object]]":
    values: tuple[Settings, Mapping[str, object]] = import_module("festgate.portal.fest.commands").in_force(
        given
    )
    return values


def main() -> None:
    """Run the command-line program."""
    # Names and currencies are not ASCII, but the encoding of a pipe on Windows may be.
    data_settings.use(_read_data_settings)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    raise_file_limit()
    app()

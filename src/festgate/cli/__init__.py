"""The `festgate` command. It imports the module of a command when that runs: all together take most of a second."""

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup

from festgate import __version__
from festgate.kit.process import gc_paused, raise_file_limit

PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "festgate.server.cli": ("serve",),
    "festgate.cli.portal": ("status", "check", "settings"),
    "festgate.portal.accounts.cli": ("user",),
    "festgate.portal.catalogue.cli": ("events",),
    "festgate.portal.checkout.cli": ("payments",),
    "festgate.portal.backoffice.cli": ("orders",),
    "festgate.kit.cli": ("db",),
    "festgate.rehearsal.cli.commands": ("rehearse", "compare", "ab", "calibrate", "capacity", "runs"),
    "festgate.drills.cli": ("drill",),
    "festgate.lab.cli.commands": ("lab",),
}
"""The commands of each module, in the order of `--help`. The module's `mount` adds them to the program."""


class OnDemand(Mapping[str, Any]):
    """The commands by name; the first access to one imports its module."""

    def __init__(self, places: Mapping[str, tuple[str, ...]]) -> None:
        """Take the names of modules and, for each, of its commands. Import nothing yet."""
        self._places = {name: module for module, names in places.items() for name in names}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (Typer gives its commands no public type)
        """Return the command. Raise KeyError for an unknown name."""
        if name not in self._loaded:
            module = self._places[name]
            part = typer.Typer()
            with gc_paused():
                import_module(module).mount(part)
            self._loaded |= typer.main.get_group(part).commands
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names without importing a module."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a command, without importing its module."""
        return name in self._places


class Root(TyperGroup):
    """The root command, which loads its commands on demand."""

    def __init__(self, **more: Any) -> None:  # noqa: ANN401  (passed on to Typer)
        """Pass all arguments on to Typer's group."""
        super().__init__(**more)
        # Typer only reads this mapping.
        self.commands = cast("MutableMapping[str, Any]", OnDemand(PLACES))


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


def main() -> None:
    """Run the command-line program."""
    # Names and currencies are not ASCII, but the encoding of a pipe on Windows may be.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    raise_file_limit()
    app()

"""The `festgate` command.

What a command imports is imported when it is asked for: all of them together take most of a second.
"""

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
"""Where each command is, in the order of `--help`: a module whose `mount` adds these to a program."""


class OnDemand(Mapping[str, Any]):
    """The commands by their names; the first look at one imports its module."""

    def __init__(self, places: Mapping[str, tuple[str, ...]]) -> None:
        """Imports nothing yet. `places` are modules and the names of what each mounts."""
        self._places = {name: module for module, names in places.items() for name in names}
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (Typer gives its commands no public type)
        """Raises KeyError for a name that there is not."""
        if name not in self._known:
            module = self._places[name]
            part = typer.Typer()
            with gc_paused():
                import_module(module).mount(part)
            self._known |= typer.main.get_group(part).commands
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Names, without an import."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        """Whether there is one of that name, without an import."""
        return name in self._places


class Root(TyperGroup):
    """The command without a name: what its commands import waits until one is asked for."""

    def __init__(self, **more: Any) -> None:  # noqa: ANN401  (whatever Typer gives)
        """As Typer's own group."""
        super().__init__(**more)
        # Typer only reads it.
        self.commands = cast("MutableMapping[str, Any]", OnDemand(PLACES))


app = typer.Typer(
    name="festgate",
    cls=Root,
    help="Event registration and checkout that is still standing when the doors open.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def festgate(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Event registration and checkout that is still standing when the doors open."""
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    # Names and currencies are not ASCII, and a pipe on Windows may be.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    raise_file_limit()
    app()

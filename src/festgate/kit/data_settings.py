"""The settings in the fest's data, for commands: the program sets the function that reads them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # every command loads this module, and some need no settings
    from festgate.settings import Given, Settings

Read: TypeAlias = "Callable[[Given], tuple[Settings, Mapping[str, object]]]"
"""Returns the settings in force, and the values among them that the data has."""


def _read_none(given: "Given") -> "tuple[Settings, Mapping[str, object]]":
    return given.settings(), {}


_read: Read = _read_none


def use(read: Read) -> None:
    """Read the settings of the data with this function from now on."""
    global _read  # noqa: PLW0603  (a program has one way to read them)
    _read = read


def in_force(given: "Given") -> "tuple[Settings, Mapping[str, object]]":
    """Return the settings in force, and the values among them that the data has. Raise SettingsError."""
    return _read(given)

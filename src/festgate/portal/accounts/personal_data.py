"""The contract by which every module hands out its data about a person, and ends or keeps it when the account goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from festgate.kit.clock import Milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money

Values: TypeAlias = Mapping[str, object]
"""Parts of the download, as JSON can hold them, by name."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The effect that deleting the account would have on one module's data: a sentence for each thing."""

    obstacles: tuple[str, ...] = ()
    """The reasons why the account cannot be deleted now, with what to do."""
    ended: tuple[str, ...] = ()
    """The registrations and orders that would end."""
    kept: tuple[str, ...] = ()
    """The records that would stay, without the person's name."""


@dataclass(frozen=True, slots=True)
class PersonalRecords:
    """The functions of one module for its data about a person, each of `(connection, person id)`."""

    export: Callable[[Connection, int], Values]
    foresee: Callable[[Connection, int], Forecast]
    end: Callable[[Connection, int], object]
    """End what `foresee` lists as `ended`. It runs in the transaction that deletes the account."""
    move: Callable[[Connection, int, int], object]
    """Give everything of a guest to another person, `(connection, guest id, person id)`, in one transaction for all."""


AllRecords: TypeAlias = Sequence[PersonalRecords]
"""The records of all modules above accounts, lowest first."""


def export_time(at: Milliseconds | None) -> str | None:
    """Return the time in the form of the download (ISO 8601, UTC)."""
    return None if at is None else f"{moment(at):%Y-%m-%dT%H:%M:%SZ}"


def export_amount(amount: Money) -> Values:
    """Return the amount in the form of the download: in minor units, as in the API."""
    return {"minor": amount.minor, "currency": amount.currency}

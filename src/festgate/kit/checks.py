"""Invariants of the data: the form of a check and of its findings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from festgate.kit.db.statements import Connection


@dataclass(frozen=True)
class Finding:
    """A violation of an invariant."""

    rule: str
    where: str
    what: str


Check: TypeAlias = Callable[[Connection], list[Finding]]
"""A report over one snapshot of the data; it returns no findings if the invariant holds."""

"""What must be true of the data at every moment, and where it is not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from festgate.kit.db.statements import Connection


@dataclass(frozen=True)
class Finding:
    """One place where a rule does not hold."""

    rule: str
    where: str
    what: str


Check: TypeAlias = Callable[[Connection], list[Finding]]
"""A long read over one snapshot; nothing found is the good answer."""

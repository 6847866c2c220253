"""How money and moments are written, for modules that make sentences and know no web framework."""

from typing import Protocol

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money


class Formats(Protocol):
    """The fest's locale and time zone; `kit.pages.Writing` is one."""

    def money(self, amount: Money) -> str:
        """`₹500.00`."""

    def time(self, at: Milliseconds) -> str:
        """`18:00`."""

    def when(self, at: Milliseconds) -> str:
        """`Sun, 22 Nov 2026, 18:00`."""

"""The interface for writing money and times, for modules that write sentences without a web framework."""

from typing import Protocol

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money


class Formats(Protocol):
    """Writes money and times in the fest's locale and time zone; `kit.writing.Writing` implements it."""

    def money(self, amount: Money) -> str:
        """Return an amount such as `₹500.00`."""

    def time(self, at: Milliseconds) -> str:
        """Return a time of day such as `18:00`."""

    def when(self, at: Milliseconds) -> str:
        """Return a date and time such as `Sun, 22 Nov 2026, 18:00`."""

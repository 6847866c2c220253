"""A hand in a browser: it counts its clicks and keys, and estimates the time that a person needs for them.

The estimate is the keystroke-level model (Card, Moran and Newell, 1983). It is computed from what a test really types
and clicks, so it is the same on every machine; the time of pages to load is not in it.
"""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page

KEY: Final = 0.28
"""Seconds to type a character (K), for a person that types little."""
POINT: Final = 1.1
"""Seconds to point at a place with a mouse (P)."""
CLICK: Final = 0.2
"""Seconds to press and release a button of the mouse (two B)."""
MOVE: Final = 0.4
"""Seconds to move the hand between mouse and keyboard (H)."""
DECIDE: Final = 1.35
"""Seconds to prepare for a field or a decision (M)."""


@dataclass
class Hand:
    """A hand that counts its clicks; entering a field is one, too."""

    page: Page
    clicks: int = 0
    fields: int = 0
    """Fields that were typed into."""
    characters: int = 0
    """Characters that were typed."""

    @property
    def seconds(self) -> float:
        """The estimate of the time for all that was done."""
        return self.clicks * (DECIDE + POINT + CLICK) + self.fields * 2 * MOVE + self.characters * KEY

    def click(self, place: Locator) -> None:
        """Click on a link, a button or a box."""
        self.clicks += 1
        place.click()

    def fill(self, label: str, value: str, *, exact: bool = True) -> None:
        """Enter a field and type."""
        self.clicks += 1
        self.fields += 1
        self.characters += len(value)
        self.page.get_by_label(label, exact=exact).fill(value)

    def select(self, label: str, value: str) -> None:
        """Open a list, and choose a value."""
        self.clicks += 2
        self.page.get_by_label(label).select_option(value)

    def press(self, name: str) -> None:
        """Press the button of that name."""
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str) -> None:
        """Follow the link of that name."""
        self.click(self.page.get_by_role("link", name=name, exact=True).first)

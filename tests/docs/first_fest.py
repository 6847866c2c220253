"""The tutorial "Your first fest", followed in a browser: its buttons are pressed, its tables typed into the forms."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.docs.terminal import DOCS
from tests.rig.browser import PHONE

TUTORIAL = "tutorials/first-fest.md"
PASSWORD = "a long one that nobody guesses"
WIDE: ViewportSize = {"width": 1280, "height": 848}
CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")
TABLE = re.compile(r"^\| Field \| Enter \|\n\| --- \| --- \|\n(?P<rows>(?:\|.*\|\n)+)", re.MULTILINE)

Picture = Callable[[str, Page], None]
"""A function that is called with the name and the page of each picture of the tutorial."""


def no_picture(name: str, page: Page) -> None:
    """Take no picture."""


def tables(year: str) -> list[dict[str, str]]:
    """Return the tables of the tutorial, as values by the labels of their fields."""
    text = (DOCS / TUTORIAL).read_text(encoding="utf-8").replace("2031-", f"{year}-")
    listed = []
    for match in TABLE.finditer(text):
        rows = [line.strip("| ").split(" | ") for line in match["rows"].splitlines()]
        listed.append({label: re.sub(r"^(\S+-\d\d) (\d\d:\d\d)$", r"\1T\2", value) for label, value in rows})
    return listed


@dataclass
class Reader:
    """A reader with a browser, with the words in bold type that they have pressed."""

    page: Page
    pressed: set[str] = field(default_factory=set)

    def press(self, label: str) -> None:
        """Press a link or a button; more words around its label are for screen readers only."""
        self.pressed.add(label)
        exact = self._named(re.compile(rf"^{re.escape(label)}$"))
        around = self._named(re.compile(rf"(^|: ){re.escape(label)}"))
        expect(around.last).to_be_visible()
        (exact if exact.count() else around).last.click()

    def choose(self, label: str) -> None:
        """Choose one of several options."""
        self.pressed.add(label)
        self.page.get_by_role("radio", name=re.compile(rf"^{re.escape(label)}")).check()

    def expect(self, words: str) -> None:
        """Wait for words on the page."""
        expect(self.page.get_by_role("main").get_by_text(words).first).to_be_visible()

    def see(self, words: str) -> None:
        """Look for words on the page that the tutorial has in bold type."""
        self.pressed.add(words)
        expect(self.page.get_by_text(words, exact=True).first).to_be_visible()

    def enter(self, label: str, value: str) -> None:
        """Type a value into a field."""
        name = re.compile(rf"^{re.escape(label)}( \(optional\))?$")
        self.page.get_by_label(name).first.fill(value)

    def _named(self, name: re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))


class FirstFest:
    """The sections 3 to 10 of the tutorial, with a window of the owner and one of an attendee."""

    def __init__(self, owner: Page, visitor: Page, year: str, picture: Picture = no_picture) -> None:
        """Take pages of two browser contexts, and the year of the event."""
        self._asha, self._ravi = Reader(owner), Reader(visitor)
        self._picture = picture
        self._setup, self._event = tables(year)
        owner.set_viewport_size(WIDE)
        visitor.set_viewport_size(PHONE)

    def follow(self, link: str, folder: Path) -> set[str]:
        """Follow all sections from the link of the first run; return the labels that were pressed and seen.

        The export is saved in `folder`.
        """
        self._set_up(link)
        self._create()
        self._publish()
        number = self._buy(link.partition("/setup")[0])
        code = self._take_money(number)
        self._sell()
        self._export(folder)
        self._check_in(code)
        self._back_up()
        return self._asha.pressed | self._ravi.pressed

    def _set_up(self, link: str) -> None:
        asha = self._asha
        asha.page.goto(link)
        for label, value in self._setup.items():
            asha.enter(label, PASSWORD if label == "Password" else value)
        self._picture("setup", asha.page)
        asha.press("Open the fest")
        expect(asha.page.get_by_role("heading", level=1)).to_have_text("Next steps")

    def _create(self) -> None:
        asha = self._asha
        asha.press("New event")
        for label, value in self._event.items():
            asha.enter(label, value)
        asha.press("Save the draft")
        asha.expect("Robo Race is saved as a draft.")

    def _publish(self) -> None:
        asha = self._asha
        asha.press("Robo Race")
        asha.press("Tickets")
        asha.press("Ticket")
        asha.enter("Name", "Standard")
        asha.press("Save")
        asha.press("Add a ticket type")
        asha.enter("Name", "Student")
        asha.enter("Price in INR", "300")
        asha.press("Save")
        asha.press("Overview")
        asha.press("Publish")
        asha.expect("Publish Robo Race?")
        asha.press("Publish")
        asha.expect("Robo Race is published.")

    def _buy(self, address: str) -> str:
        """Return the number of the order."""
        ravi = self._ravi
        ravi.page.goto(address)
        ravi.press("Robo Race")
        ravi.choose("Student")
        ravi.enter("Name", "Ravi Example")
        ravi.enter("Email", "ravi@example.org")
        self._picture("event", ravi.page)
        ravi.press("Register")
        ravi.press("Reserve, pay at the desk")
        ravi.page.wait_for_url("**/orders/*")
        number = ravi.page.url.rpartition("/")[2]
        assert re.fullmatch(r"[0-9A-Z]{10}", number)
        return number

    def _take_money(self, number: str) -> str:
        """Return the code of the ticket."""
        asha, ravi = self._asha, self._ravi
        asha.press("Organise")
        asha.press("Orders")
        asha.expect(number)
        self._picture("orders", asha.page)
        asha.press("Mark paid")
        asha.expect(f"Order {number} is paid: ₹300.00.")
        ravi.page.reload()
        ravi.press("Show ticket")
        ravi.page.wait_for_url("**/tickets/*")
        self._picture("ticket", ravi.page)
        code = CODE.search(ravi.page.get_by_role("main").inner_text())
        assert code is not None
        return code[0]

    def _sell(self) -> None:
        asha = self._asha
        asha.press("Organise")
        asha.press("Box office")
        asha.press("Standard")
        asha.enter("Name", "Meena Walk-in")
        asha.press("Sell")
        asha.expect("Sold")
        self._picture_on_phone("sold", asha.page)

    def _export(self, folder: Path) -> None:
        asha = self._asha
        asha.press("Organise")
        asha.press("Robo Race")
        asha.press("Guests")
        asha.expect("ravi@example.org")
        asha.expect("Meena Walk-in")
        self._picture("guests", asha.page)
        asha.press("Export")
        asha.choose("Excel")
        with asha.page.expect_download() as download:
            asha.press("Export")
        download.value.save_as(folder / "guests.xlsx")

    def _check_in(self, code: str) -> None:
        asha = self._asha
        asha.press("Door")
        asha.press("Robo Race")
        for state in ("In", "Already in"):
            asha.enter("Ticket", code)
            asha.press("Check in")
            asha.see(state)
            if state == "In":
                self._picture_on_phone("door", asha.page)

    def _back_up(self) -> None:
        asha = self._asha
        asha.press("Organise")
        asha.expect("2 of 48")
        self._picture("dashboard", asha.page)
        asha.press("Back up now")
        asha.expect("The backup is made.")

    def _picture_on_phone(self, name: str, page: Page) -> None:
        page.set_viewport_size(PHONE)
        self._picture(name, page)
        page.set_viewport_size(WIDE)

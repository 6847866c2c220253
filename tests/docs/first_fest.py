"""The tutorial "Your first fest", played in a browser: its buttons are pressed, and its tables are typed into the forms."""

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


def play(
    link: str, owner: Page, visitor: Page, folder: Path, year: str, picture: Picture = no_picture
) -> set[str]:
    """Follow the sections 3 to 10 from the link of the first run; return the labels that were pressed and seen.

    `owner` and `visitor` are pages of two browser contexts; `folder` is for the export.
    """
    asha, ravi = Reader(owner), Reader(visitor)
    setup, event = tables(year)
    owner.set_viewport_size(WIDE)
    visitor.set_viewport_size(PHONE)

    owner.goto(link)
    for label, value in setup.items():
        asha.enter(label, PASSWORD if label == "Password" else value)
    picture("setup", owner)
    asha.press("Open the fest")
    expect(owner.get_by_role("heading", level=1)).to_have_text("Next steps")

    asha.press("New event")
    for label, value in event.items():
        asha.enter(label, value)
    asha.press("Save the draft")
    expect(owner.get_by_text("Robo Race is saved as a draft.")).to_be_visible()
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
    expect(owner.get_by_role("heading", name="Publish Robo Race?")).to_be_visible()
    asha.press("Publish")
    expect(owner.get_by_text("Robo Race is published.")).to_be_visible()

    visitor.goto(link.partition("/setup")[0])
    ravi.press("Robo Race")
    ravi.choose("Student")
    ravi.enter("Name", "Ravi Example")
    ravi.enter("Email", "ravi@example.org")
    picture("event", visitor)
    ravi.press("Register")
    ravi.press("Reserve, pay at the desk")
    visitor.wait_for_url("**/orders/*")
    number = visitor.url.rpartition("/")[2].partition("?")[0]
    assert re.fullmatch(r"[0-9A-Z]{10}", number)

    asha.press("Organise")
    asha.press("Orders")
    expect(owner.get_by_text(number).first).to_be_visible()
    picture("orders", owner)
    asha.press("Mark paid")
    expect(owner.get_by_text(f"Order {number} is paid: ₹300.00.")).to_be_visible()
    visitor.reload()
    ravi.press("Show ticket")
    visitor.wait_for_url("**/tickets/*")
    picture("ticket", visitor)
    code = CODE.search(visitor.get_by_role("main").inner_text())
    assert code is not None

    asha.press("Organise")
    asha.press("Box office")
    asha.press("Standard")
    asha.enter("Name", "Meena Walk-in")
    asha.press("Sell")
    expect(owner.get_by_role("heading", name="Sold")).to_be_visible()
    owner.set_viewport_size(PHONE)
    picture("sold", owner)
    owner.set_viewport_size(WIDE)

    asha.press("Organise")
    asha.press("Robo Race")
    asha.press("Guests")
    expect(owner.get_by_text("Ravi Example", exact=True).first).to_be_visible()
    expect(owner.get_by_text("Meena Walk-in", exact=True).first).to_be_visible()
    picture("guests", owner)
    asha.press("Export")
    asha.choose("Excel")
    with owner.expect_download() as download:
        asha.press("Export")
    download.value.save_as(folder / "guests.xlsx")

    asha.press("Door")
    asha.press("Robo Race")
    for state in ("In", "Already in"):
        asha.enter("Ticket", code[0])
        asha.press("Check in")
        asha.see(state)
        if state == "In":
            owner.set_viewport_size(PHONE)
            picture("door", owner)
            owner.set_viewport_size(WIDE)

    asha.press("Organise")
    expect(owner.get_by_text("2 of 48").first).to_be_visible()
    picture("dashboard", owner)
    asha.press("Back up now")
    expect(owner.get_by_text("The backup is made.")).to_be_visible()
    return asha.pressed | ravi.pressed

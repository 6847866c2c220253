"""The tutorial, followed to its end in an empty folder: its commands in a shell, its clicks in a browser."""

import re
from pathlib import Path

from playwright.sync_api import Page

from tests.docs.terminal import DOCS, Step, Terminal, Written, pattern, read
from tests.rig.server import Serve
from tests.rig.waiting import until

TUTORIAL = "tutorials/first-fest.md"
PASSWORD = "ravi's own password"


class Reader:
    """A reader with a browser, with the words in bold type that they have pressed."""

    def __init__(self, page: Page) -> None:
        """Take the browser's page; nothing has been pressed yet."""
        self.page = page
        self.pressed: set[str] = set()

    def press(self, label: str) -> None:
        """Press a link or a button; words in brackets after its label are for screen readers only."""
        self.pressed.add(label)
        name = re.compile(rf"^{re.escape(label)}")
        either = self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))
        either.last.click()

    def sign_in(self, username: str, password: str) -> None:
        self.press("Sign in")
        self.page.get_by_label("Username or email").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()


def part(steps: list[Step | Written], numbers: str) -> list[Step | Written]:
    return [step for step in steps if step.section[0] in numbers]


def test_a_reader_of_the_tutorial_gets_a_fest_with_a_paid_ticket(
    tmp_path: Path, serve: Serve, page: Page
) -> None:
    steps = read(TUTORIAL)
    terminal = Terminal(tmp_path)
    terminal.follow(part(steps, "1234"))
    password = next(
        match[1]
        for output in terminal.outputs
        if (match := re.search(r"^Password: (.+)$", output, re.MULTILINE))
    )

    (opening,) = part(steps, "5")
    assert isinstance(opening, Step)
    assert opening.command == "festgate serve"
    server = serve(
        data=terminal.folder / "festgate-data",
        extra={"FESTGATE_CONFIG": str(terminal.folder / "festgate.toml")},
    )
    port = server.url.rpartition(":")[2]
    assert pattern(tuple(line.replace("8000", port) for line in opening.expected)).search(server.log())

    reader = Reader(page)
    page.goto(server.url)
    reader.press("Sign up")
    page.get_by_label("Name", exact=True).fill("Ravi Example")
    page.get_by_label("Username").fill("ravi")
    page.get_by_label("Email").fill("ravi@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    reader.press("Sign up")
    reader.press("Robo Race")
    reader.press("Register")
    page.wait_for_url("**/my-events")
    reader.press("My events")
    reader.press("Pay ₹450.00")
    reader.press("Reserve, pay at the desk")
    page.wait_for_url("**/orders/*")
    assert re.fullmatch(r"[0-9A-Z]{10}", page.url.rpartition("/")[2])

    reader.press("Sign out")
    reader.sign_in("asha", password)
    reader.press("Organise")
    reader.press("Orders")
    reader.press("Mark paid")
    page.get_by_text("is paid: ₹450.00").wait_for()
    reader.press("Organise")
    page.get_by_text("1 of 48").first.wait_for()

    until(lambda: list((terminal.folder / "festgate-data" / "mail").glob("*.eml")), "an email as a file")
    reader.press("Sign out")
    reader.sign_in("ravi", PASSWORD)
    reader.press("My events")
    reader.press("Ticket")
    page.wait_for_url("**/tickets/*")

    terminal.follow(part(steps, "89"))
    tutorial = (DOCS / TUTORIAL).read_text(encoding="utf-8")
    assert set(re.findall(r"\*\*(.+?)\*\*", tutorial)) == reader.pressed

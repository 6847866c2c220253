"""The tutorial, followed to its end in an empty folder: its commands in a shell, its clicks in a browser."""

import re
import time
from pathlib import Path

from openpyxl import load_workbook
from playwright.sync_api import Browser

from tests.docs.first_fest import TUTORIAL, FirstFest
from tests.docs.terminal import DOCS, Step, Terminal, Written, pattern, read
from tests.rig.browser import visit
from tests.rig.server import Serve, Server
from tests.rig.waiting import until

BOLD = re.compile(r"\*\*(.+?)\*\*")
PICTURE = re.compile(r"!\[.+\]\(\.\./images/first-fest-(\w+)\.png\)")
NOT_FOLLOWED = {"bold", "Import"}
"""Words in bold type that the reader does not press: the example of bold type, and another page that is named."""


def part(steps: list[Step | Written], *numbers: int) -> list[Step | Written]:
    """Return the steps of the sections with these numbers."""
    return [step for step in steps if int(step.section.partition(".")[0]) in numbers]


def announced(server: Server, opening: Step | Written) -> None:
    """Check that the server printed what the tutorial shows below `festgate serve`."""
    assert isinstance(opening, Step)
    assert opening.command == "festgate serve"
    port = server.url.rpartition(":")[2]
    assert pattern(tuple(line.replace("8000", port) for line in opening.expected)).search(server.log())


def test_a_reader_of_the_tutorial_gets_a_fest_with_guests_and_money(
    tmp_path: Path, serve: Serve, browser: Browser
) -> None:
    steps = read(TUTORIAL)
    terminal = Terminal(tmp_path)
    *before, opening = part(steps, 1, 2)
    terminal.follow(before)
    data = terminal.folder / "festgate-data"
    server = serve(data=data, first_run=True)
    announced(server, opening)
    link = re.search(r"/setup\?token=\S+", server.log())
    assert link is not None

    seen: list[str] = []
    with visit(browser) as asha, visit(browser) as ravi:
        pages = asha.context.new_page(), ravi.context.new_page()
        year = str(time.localtime().tm_year + 1)
        tutorial = FirstFest(*pages, year, lambda name, _: seen.append(name))
        pressed = tutorial.follow(server.url + link[0], tmp_path)
        assert not asha.problems
        assert not ravi.problems
    until(lambda: list((data / "mail").glob("*.eml")), "an email as a file")
    assert list((data / "backups").glob("*.sqlite3"))
    rows = list(load_workbook(tmp_path / "guests.xlsx").active.values)
    assert len(rows) == 3

    server.stop()
    server.start()
    (reopening,) = part(steps, 10)
    announced(server, reopening)
    terminal.follow(part(steps, 11))

    page = (DOCS / TUTORIAL).read_text(encoding="utf-8")
    assert set(BOLD.findall(page)) == pressed | NOT_FOLLOWED
    assert PICTURE.findall(page) == seen
    assert all((DOCS / "images" / f"first-fest-{name}.png").is_file() for name in seen)

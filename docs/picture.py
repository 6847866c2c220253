# ruff: noqa: INP001  (a script, run from the project's folder; docs is no package)
"""Take the screenshots of the docs again, from really served fests in a real Chromium.

python -m docs.picture

The README has a page of the demo. The tutorial "Your first fest" has the pages of the fest that it makes: the same
steps as in its test are played, and a picture is taken where the tutorial has one.
"""

import contextlib
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.docs.first_fest import WIDE, FirstFest
from tests.rig.browser import chromium, visit
from tests.rig.server import Server, serving

IMAGES = Path(__file__).parent / "images"
MAX_BYTES = 150_000
"""Bytes. A reader of the docs waits for the pictures to load."""
YEAR = "2031"
"""The year of every event in the docs."""


def save(name: str, page: Page) -> None:
    """Save what is visible of a page as a picture."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    if size > MAX_BYTES:
        sys.exit(f"{path} has {size} bytes; the maximum is {MAX_BYTES}.")


def take_events(browser: Browser, folder: Path) -> None:
    """Take a picture of the list of events of the demo, for a visitor who already holds a seat."""
    with serving(folder / "data", "--demo") as server, visit(browser, viewport=WIDE) as visitor:
        page = visitor.context.new_page()
        page.goto(f"{server.url}/register?next=/events/photography-walk")
        page.get_by_label("Name", exact=True).fill("Ravi Kumar")
        page.get_by_label("Username").fill("ravi")
        page.get_by_label("Email").fill("ravi@example.org")
        page.get_by_label("Password").fill("a long enough one")
        page.get_by_role("button", name="Sign up").click()
        page.get_by_role("button", name="Register").click()
        page.goto(f"{server.url}/events")
        save("events", page)


def take_first_fest(browser: Browser, folder: Path) -> None:
    """Take the pictures of the tutorial "Your first fest"."""
    server = Server(folder / "festgate-data", first_run=True)
    try:
        server.start()
        link = re.search(r"/setup\?token=\S+", server.log())
        if link is None:
            sys.exit("festgate serve printed no link.")
        with visit(browser) as asha, visit(browser) as ravi:
            pages = asha.context.new_page(), ravi.context.new_page()
            fest = FirstFest(*pages, YEAR, lambda name, page: save(f"first-fest-{name}", page))
            fest.follow(server.url + link[0], folder)
    finally:
        server.end()


def main() -> None:
    """Take every picture."""
    with chromium() as browser:
        for take in (take_events, take_first_fest):
            # Paths on the pictures are relative, as for a fest that is started in its own folder.
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                take(browser, Path())


if __name__ == "__main__":
    main()

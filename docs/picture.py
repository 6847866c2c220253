# ruff: noqa: INP001  (a script, run from the project's folder; docs is no package)
"""Take the README's screenshot again, from a running demo in a real Chromium.

python -m docs.picture
"""

import sys
import tempfile
from pathlib import Path

from tests.rig.browser import chromium, visit
from tests.rig.server import serving

PICTURE = Path(__file__).parent / "images" / "events.png"
VIEW = {"width": 1280, "height": 848}
MAX_BYTES = 150_000
"""Bytes. A reader of the README waits for the picture to load."""


def main() -> None:
    """Take a picture of the list of events, for a visitor who already holds a seat."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "data", "--demo") as server,
        chromium() as browser,
        visit(browser, viewport=VIEW) as visitor,
    ):
        page = visitor.context.new_page()
        page.goto(f"{server.url}/register?next=/events/photography-walk")
        page.get_by_label("Username").fill("ravi")
        page.get_by_label("Email").fill("ravi@example.org")
        page.get_by_label("Password").fill("a long enough one")
        page.get_by_role("button", name="Sign up").click()
        page.get_by_role("button", name="Register").click()
        page.goto(f"{server.url}/events")
        page.screenshot(path=PICTURE)
    size = PICTURE.stat().st_size
    if size > MAX_BYTES:
        sys.exit(f"{PICTURE} has {size} bytes; the maximum is {MAX_BYTES}.")


if __name__ == "__main__":
    main()

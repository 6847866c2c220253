"""The student's own app as a browser shows it: a copy of it is served for that, with what was registered in it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from festgate.lab.report.browser import NoBrowser, find_browser, screenshots
from festgate.lab.student.copies import App, copy_app
from festgate.lab.student.crash import NOBODY
from festgate.lab.student.folder import CRASH_PAGE, NoLab
from festgate.rehearsal.report.document import Screen
from festgate.rehearsal.runner.servers import CannotServe


@dataclass(frozen=True)
class AppScreens:
    """What came of it."""

    screens: Sequence[Screen]
    missing: Sequence[str]
    """A sentence for each thing that could not be taken."""


def photograph(lab: Path, python: str, browser: str) -> AppScreens:
    """Pictures of the three pages and of the last crash that was looked at; what cannot be taken is told."""
    missing: list[str] = []
    screens: list[Screen] = []
    try:
        found = find_browser(browser)
    except NoBrowser as error:
        return AppScreens((), (f"{error} So there are no pictures of the app in this report.",))
    crash = lab / CRASH_PAGE
    if crash.is_file():
        says = "As it answered at the last look that saw a page fail."
        screens += _pictures(found, [("The crash", says, crash.as_uri())], lab, missing)
    else:
        missing.append(
            "There is no picture of the crash: no look has seen a page fail. `festgate lab crash`."
        )
    try:
        with TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as scratch:
            copy = Path(scratch) / "app"
            copy_app(lab, copy, with_data=True)
            with App(copy, python, "").serve() as server:
                pages = [
                    (title, says, f"{server.url}{path}") for title, says, path in _pages(_somebody(copy))
                ]
                screens += _pictures(found, pages, lab, missing)
    except (NoLab, CannotServe) as error:
        missing.append(f"There are no pictures of the app's pages: {error}")
    return AppScreens(screens, missing)


def _pictures(
    browser: Path, pages: Sequence[tuple[str, str, str]], lab: Path, missing: list[str]
) -> list[Screen]:
    try:
        taken = screenshots(browser, [address for *_, address in pages], lab)
    except (NoBrowser, OSError) as error:
        missing.append(str(error))
        return []
    return [
        Screen(title, says, shot.png, shot.width, shot.height)
        for (title, says, _), shot in zip(pages, taken, strict=True)
    ]


def _pages(user: str) -> list[tuple[str, str, str]]:
    whose = "as nobody in particular" if user == NOBODY else f"as {user}"
    return [
        ("/events", f"The programme, {whose}.", f"/events?user={quote(user)}"),
        ("/my-events", f"The list, {whose}.", f"/my-events?user={quote(user)}"),
        ("/checkout", "What is to be paid.", "/checkout"),
    ]


def _somebody(app: Path) -> str:
    """Who has an account and an event; nobody's name where there is none."""
    for file in app.glob("*.db"):
        with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as connection:
            both = "SELECT username FROM registrations JOIN users USING (username) LIMIT 1"
            row = connection.execute(both).fetchone()
            if row:
                return str(row[0])
    return NOBODY

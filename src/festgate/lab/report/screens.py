"""Take screenshots of the student's app: a copy of it is served, with its data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from festgate.lab.description.starter import Starter
from festgate.lab.report.browser import NoBrowser, find_browser, screenshots
from festgate.lab.student.copies import App, copy_app
from festgate.lab.student.crash import NOBODY
from festgate.lab.student.folder import CRASH_PAGE, NoLab
from festgate.lab.student.progress import registered_user
from festgate.rehearsal.report.document import Screen
from festgate.rehearsal.runner.servers import CannotServe


@dataclass(frozen=True)
class AppScreens:
    """The screenshots of an app."""

    screens: Sequence[Screen]
    missing: Sequence[str]
    """A sentence for each missing screenshot."""


def take_screenshots(starter: Starter, lab: Path, python: str, browser: str) -> AppScreens:
    """Take screenshots of the three pages and of the last recorded crash."""
    missing: list[str] = []
    screens: list[Screen] = []
    try:
        program = find_browser(browser)
    except NoBrowser as error:
        return AppScreens((), (f"{error} This report has no screenshots of the app.",))
    crash = lab / CRASH_PAGE
    if crash.is_file():
        caption = "The response of the page at its last recorded failure."
        screens += _screens(program, [("The crash", caption, crash.as_uri())], lab, missing)
    else:
        missing.append(
            "There is no screenshot of the crash: `festgate lab crash` has not recorded a failing page yet."
        )
    try:
        with TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
            copy = Path(temporary) / "app"
            copy_app(starter, lab, copy, with_data=True)
            with App(starter, copy, python, "").serve() as server:
                pages = [
                    (title, caption, f"{server.url}{path}")
                    for title, caption, path in _pages(starter, registered_user(starter, copy) or NOBODY)
                ]
                screens += _screens(program, pages, lab, missing)
    except (NoLab, CannotServe) as error:
        missing.append(f"There are no screenshots of the app's pages: {error}")
    return AppScreens(screens, missing)


def _screens(
    browser: Path, pages: Sequence[tuple[str, str, str]], lab: Path, missing: list[str]
) -> list[Screen]:
    try:
        taken = screenshots(browser, [address for *_, address in pages], lab)
    except (NoBrowser, OSError) as error:
        missing.append(str(error))
        return []
    return [
        Screen(title, caption, shot.png, shot.width, shot.height)
        for (title, caption, _), shot in zip(pages, taken, strict=True)
    ]


def _pages(starter: Starter, user: str) -> list[tuple[str, str, str]]:
    viewer = "without a user" if user == NOBODY else f"as {user}"
    return [
        (starter.paths[name], caption, starter.page(name, user))
        for name, caption in (
            ("events", f"The programme, {viewer}."),
            ("my-events", f"The registrations, {viewer}."),
            ("checkout", "The amount due."),
        )
    ]

"""A served fest that tests open on a phone without JavaScript."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, check_data
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_PAYMENT_METHODS": "desk,sandbox",
}


@dataclass
class Fest:
    """A served fest, its organiser, and people without any seat yet."""

    server: Server
    organiser: Guest
    people: list[Guest]


@contextmanager
def served_fest(
    data: Path, prepare: Callable[[Path], tuple[Guest, list[Guest]]], settings: dict[str, str] = SETTINGS
) -> Iterator[Fest]:
    """Serve the fest that `prepare` makes, and check its log and its data afterwards."""
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser, people = thread.submit(prepare, data).result()
    with serving(data, extra=settings) as server:
        yield Fest(server, organiser, people)
        assert "unhandled exception" not in server.log()
        check_data(data, settings)


@contextmanager
def phone_at(fest: Fest, browser: Browser) -> Iterator[Page]:
    """Open the fest on a phone without JavaScript, and check that its pages had no problems."""
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def sign_in(page: Page, fest: Fest, guest: Guest) -> None:
    """Sign the guest in, in place of anybody before."""
    page.context.clear_cookies()
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": fest.server.url}])

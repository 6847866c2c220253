"""The public pages in a real browser: on a phone and a desk, in light and dark, by keyboard, without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.demo import plant_demo
from festgate.portal.catalogue.events import cancel_event
from festgate.portal.catalogue.seats import take_seat
from tests.journeys.stage import announce, before_opening
from tests.portal.catalogue.programme import KOLKATA
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_FEST_NAME": "Aurora Fest",
    "FESTGATE_FEST_TAGLINE": "Three days of building, racing, dancing and staying up late.",
}
PAGES = (
    "/",
    "/events",
    "/events?q=unheard-of",
    "/events/hackathon",
    "/events/photography-walk",
    "/events/stand-up-comedy",
    "/events/called-off",
    "/events/over-soon",
)


def add_events(connection: Connection) -> None:
    plant_demo(connection, KOLKATA, "INR")
    for _ in range(8):
        take_seat(connection, 4)
    cancel_event(connection, announce(connection, "Called Off", category="Games").slug)
    announce(
        connection,
        "Over Soon: The International Championship of Extraordinarily Long Names",
        starts_at=connection.now - HOUR,
        fee=0,
    )
    for number in range(30):
        announce(connection, f"Talk {number}", category="Talks")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("shown") / "data"
    with before_opening(data) as database:
        database.write(add_events)
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server


@pytest.fixture(params=["phone dark", "desk light"])
def page(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Page]:
    size, scheme = request.param.split()
    options = {"viewport": PHONE if size == "phone" else DESK, "color_scheme": scheme, "base_url": server.url}
    with visit(browser, **options) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_accessible_and_fits_the_screen(page: Page, path: str) -> None:
    page.goto(path)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator("h1")).to_have_count(1)


@pytest.fixture
def page_without_scripts(server: Server, browser: Browser) -> Iterator[Page]:
    """Open a page in a browser without JavaScript."""
    with visit(browser, base_url=server.url, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def test_a_visitor_finds_an_event_by_keyboard_without_javascript(page_without_scripts: Page) -> None:
    page_without_scripts.goto("/events")
    page_without_scripts.get_by_role("searchbox", name="Find").focus()
    page_without_scripts.keyboard.type("robo")
    page_without_scripts.keyboard.press("Enter")
    expect(page_without_scripts.locator(".card")).to_have_count(1)
    page_without_scripts.get_by_role("link", name="Robo Race").focus()
    page_without_scripts.keyboard.press("Enter")
    expect(page_without_scripts.get_by_role("heading", level=1)).to_have_text("Robo Race")
    page_without_scripts.get_by_role("button", name="Register").focus()
    page_without_scripts.keyboard.press("Enter")
    expect(page_without_scripts).to_have_url(re.compile(r"/login\?next="))


def test_a_visitor_pages_and_filters(page_without_scripts: Page) -> None:
    page_without_scripts.goto("/events")
    page_without_scripts.get_by_label("Category").select_option("Talks")
    page_without_scripts.get_by_role("button", name="Search").click()
    expect(page_without_scripts.locator(".head .number")).to_have_text("30 events")
    page_without_scripts.get_by_role("link", name="Next").click()
    expect(page_without_scripts.locator(".card")).to_have_count(6)
    expect(page_without_scripts.get_by_label("Category")).to_have_value("Talks")
    page_without_scripts.get_by_label("Category").select_option("Arts")
    page_without_scripts.get_by_role("button", name="Search").click()
    expect(page_without_scripts.locator(".card")).to_have_count(1)

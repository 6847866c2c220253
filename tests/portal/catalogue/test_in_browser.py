"""The public pages in a real browser by keyboard, without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.demo import plant_demo
from tests.journeys.stage import announce, before_opening
from tests.portal.catalogue.programme import KOLKATA
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_FEST_NAME": "Aurora Fest",
    "FESTGATE_FEST_TAGLINE": "Three days of building, racing, dancing and staying up late.",
}


def add_events(connection: Connection) -> None:
    plant_demo(connection, KOLKATA, "INR")
    for number in range(30):
        announce(connection, f"Talk {number}", category="Talks")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("shown") / "data"
    with before_opening(data) as database:
        database.write(add_events)
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server


@pytest.fixture
def page_without_scripts(server: Server, browser: Browser) -> Iterator[Page]:
    """Open a page in a browser without JavaScript."""
    with visit(browser, base_url=server.url, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def test_the_front_page_shows_the_days_of_the_fest_on_a_phone_without_javascript(
    server: Server, browser: Browser
) -> None:
    with visit(browser, base_url=server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        page = visitor.context.new_page()
        page.goto("/")
        main = page.get_by_role("main")
        # As "29 Nov \u2013 1 Dec 2026" or "3 \u2013 5 Dec 2026".
        days = re.compile(r"^\s*\d+(\s\w+)?(\s\d{4})?\s*\u2013\s*\d+\s\w+\s\d{4}\s*$")
        expect(main.locator(".gate")).to_have_text(days)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
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
    page_without_scripts.get_by_role("main").get_by_role("link", name="Sign in").focus()
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
    expect(page_without_scripts.locator(".card")).to_have_count(2)

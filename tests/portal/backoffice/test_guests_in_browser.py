"""The list of guests in a real browser on a phone, without JavaScript: filter, cancel, export."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, before_opening
from tests.portal.backoffice.test_guest_pages import prepare
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving


def fill(data: Path) -> Guest:
    with before_opening(data) as database:
        return database.write(prepare)["meena"]


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Guest]]:
    data = tmp_path_factory.mktemp("guest-list") / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser = thread.submit(fill, data).result()
    with serving(data) as server:
        yield server, organiser


def test_guests_are_filtered_selected_cancelled_and_exported_on_a_phone(
    fest: tuple[Server, Guest], browser: Browser
) -> None:
    server, organiser = fest
    with visit(browser, base_url=server.url, java_script_enabled=False, viewport=PHONE) as visitor:
        visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": organiser.session, "url": server.url}])
        page = visitor.context.new_page()
        page.goto("/organise")
        page.get_by_role("link", name="Guests", exact=True).click()
        page.get_by_label("Search").fill("unal")
        page.get_by_label("Event").select_option("Open Stage")
        page.get_by_label("Sort by").select_option("Name")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("1\u20133 of 3")).to_be_visible()
        page.get_by_label("Select Ravi Ünal").check()
        page.get_by_label("Action").select_option("Cancel the registration")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Cancel 1 registration?")).to_be_visible()
        page.get_by_role("button", name="Cancel 1 registration").click()
        expect(page.get_by_role("heading", name="1 registration was cancelled")).to_be_visible()
        page.get_by_role("link", name="Back to the guests").click()
        page.get_by_role("link", name="Export", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        assert download.value.suggested_filename == "fest-guests.csv"
        assert not visitor.problems

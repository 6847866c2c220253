"""From an empty folder to an open paid event in a real browser on a phone, without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.portal.fest.factories import FACTS, OWNER
from tests.rig import axe
from tests.rig.browser import PHONE, visit
from tests.rig.hand import Hand
from tests.rig.server import Server

MAX_CLICKS = 40
MAX_SECONDS = 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("empty") / "fest"
    server = Server(data, first_run=True)
    try:
        server.start()
        yield server
    finally:
        server.end()


def test_the_form_of_the_first_run_is_accessible(server: Server, browser: Browser) -> None:
    link = re.search(r"/setup\?token=\S+", server.log())
    assert link is not None
    with visit(browser, base_url=server.url, viewport=PHONE) as visitor:
        page = visitor.context.new_page()
        page.goto(link[0])
        page.get_by_role("button", name="Open the fest").wait_for()
        assert axe.violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert not visitor.problems


def test_an_empty_folder_becomes_a_fest_with_an_open_paid_event_in_forty_clicks_and_five_minutes(
    server: Server, browser: Browser
) -> None:
    link = re.search(r"/setup\?token=\S+", server.log())
    assert link is not None
    options = {"base_url": server.url, "viewport": PHONE, "java_script_enabled": False}
    with visit(browser, **options) as visitor, visit(browser, **options) as stranger:
        page, other = visitor.context.new_page(), stranger.context.new_page()
        other.goto("/events")
        expect(other.get_by_role("heading", level=1)).to_have_text("This fest has not been set up yet")
        hand = Hand(page)
        page.goto(link[0])
        labels = {"name": "Your name", "username": "Username", "email": "Email", "password": "Password"}
        for name, label in labels.items():
            hand.fill(label, OWNER[name])
        hand.fill("Name", FACTS["fest_name"])
        hand.fill("First day (optional)", FACTS["fest_starts"])
        hand.fill("Last day (optional)", FACTS["fest_ends"])
        hand.fill("Place (optional)", FACTS["fest_place"])
        hand.fill("Time zone", FACTS["timezone"])
        hand.fill("Currency", FACTS["currency"])
        hand.fill("Contact (optional)", FACTS["fest_contact"])
        hand.press("Open the fest")
        expect(page.get_by_role("heading", level=1)).to_have_text("Next steps")
        hand.follow("Payment methods")
        hand.click(page.get_by_label("Sandbox: play money, for trying things out"))
        hand.press("Save")
        expect(page.locator(".notice-good")).to_contain_text("Saved.")
        page.goto("/organise/settings/next")
        hand.clicks += 1
        hand.follow("New event")
        hand.fill("Name", "Robo Race")
        hand.fill("Fee in INR", "450")
        hand.fill("Place", "Workshop", exact=False)
        hand.fill("Starts", "2031-03-14T10:00", exact=False)
        hand.fill("Ends", "2031-03-14T12:00", exact=False)
        hand.fill("Seats", "48", exact=False)
        hand.press("Save and publish")
        expect(page.locator(".notice-good")).to_have_text("Robo Race is published.")
        other.goto("/events/robo-race")
        expect(other.get_by_role("heading", level=1)).to_have_text("Robo Race")
        expect(other.get_by_text("₹450").first).to_be_visible()
        expect(other.get_by_role("button", name="Register")).to_be_visible()
        assert not visitor.problems
        assert not stranger.problems
        assert hand.clicks <= MAX_CLICKS
        assert hand.seconds <= MAX_SECONDS

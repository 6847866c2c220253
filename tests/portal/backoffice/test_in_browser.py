"""The organisers' pages in a real browser: errors of a form, and an event created by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from festgate.kit.db.statements import Connection
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.catalogue.events import create_event
from tests.journeys.stage import Guest, before_opening, invite_one
from tests.portal.catalogue.programme import details
from tests.rig.browser import visit
from tests.rig.server import Server, serving


def add_draft(connection: Connection) -> Guest:
    """Add a draft of an event; return the organiser."""
    create_event(connection, details(0, title="An Idea", capacity=0))
    return invite_one(connection, "meena", "organiser")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Guest]]:
    data: Path = tmp_path_factory.mktemp("organised") / "data"
    with before_opening(data) as database:
        organiser = database.write(add_draft)
    with serving(data, extra={"FESTGATE_TIMEZONE": "Asia/Kolkata"}) as new_server:
        yield new_server, organiser


def sign_in(context: BrowserContext, fest: tuple[Server, Guest]) -> None:
    server, organiser = fest
    context.add_cookies([{"name": SESSION_COOKIE, "value": organiser.session, "url": server.url}])


def test_each_invalid_field_of_a_form_is_described_by_its_error(
    fest: tuple[Server, Guest], browser: Browser
) -> None:
    with visit(browser, base_url=fest[0].url) as visitor:
        sign_in(visitor.context, fest)
        page = visitor.context.new_page()
        page.goto("/organise/events/an-idea/edit")
        page.get_by_role("button", name="Save and publish").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Starts")).to_have_accessible_description(
            "Time in Asia/Kolkata. Enter a start before you publish the event."
        )
        assert not visitor.problems


def test_an_organiser_creates_an_event_by_keyboard_without_javascript(
    fest: tuple[Server, Guest], browser: Browser
) -> None:
    with visit(browser, base_url=fest[0].url, java_script_enabled=False) as visitor:
        sign_in(visitor.context, fest)
        page = visitor.context.new_page()
        page.goto("/organise/events/new")
        page.get_by_label("Name").fill("Chess")
        page.get_by_label("Fee in INR").fill("0")
        page.get_by_label("Place").fill("Yard")
        page.get_by_label("Starts").fill("2199-03-14T10:00")
        page.get_by_label("Ends").fill("2199-03-14T12:00")
        page.get_by_label("Seats").fill("20")
        page.get_by_role("button", name="Save and publish").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".notice-good")).to_have_text("Chess is published.")
        page.get_by_role("link", name="Chess", exact=True).focus()
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Settings", exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Starts")).to_have_value("2199-03-14T10:00")
        page.get_by_label("Name").fill("Rapid Chess")
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.locator(".notice-good")).to_have_text("Rapid Chess is saved.")

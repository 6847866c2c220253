"""The organisers' pages in a real browser: on a phone and a desk, in light and dark, by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.catalogue.events import create_event
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.portal.catalogue.programme import details
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import Server, serving

PAGES = (
    "/organise",
    "/organise/events/new",
    "/organise/events/robo-race",
    "/organise/events/an-idea",
    "/organise/events/robo-race/cancel",
    "/organise/orders",
)


def add_events_and_order(connection: Connection) -> Guest:
    """Add a published event with a desk order, and a draft; return the organiser."""
    announce(connection, "Robo Race")
    create_event(connection, details(0, title="An Idea", capacity=0))
    asha = invite_one(connection, "asha")
    hold_seat(connection, asha.id, "robo-race", 15)
    place_order(connection, asha.id, "desk", DAY, "once", asks=False)
    return invite_one(connection, "meena", "organiser")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Guest]]:
    data: Path = tmp_path_factory.mktemp("organised") / "data"
    with before_opening(data) as database:
        organiser = database.write(add_events_and_order)
    with serving(data, extra={"FESTGATE_TIMEZONE": "Asia/Kolkata"}) as new_server:
        yield new_server, organiser


def sign_in(context: BrowserContext, fest: tuple[Server, Guest]) -> None:
    server, organiser = fest
    context.add_cookies([{"name": SESSION_COOKIE, "value": organiser.session, "url": server.url}])


@pytest.fixture(params=["phone dark", "desk light"])
def page(request: pytest.FixtureRequest, fest: tuple[Server, Guest], browser: Browser) -> Iterator[Page]:
    size, scheme = request.param.split()
    options = {"viewport": PHONE if size == "phone" else DESK, "color_scheme": scheme}
    with visit(browser, base_url=fest[0].url, **options) as visitor:
        sign_in(visitor.context, fest)
        yield visitor.context.new_page()
        assert not visitor.problems


def is_accessible_and_fits(page: Page) -> bool:
    """Check the page with axe; return whether it fits the width of the screen."""
    assert violations(page) == []
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_accessible_and_fits_the_screen(page: Page, path: str) -> None:
    page.goto(path)
    assert is_accessible_and_fits(page)
    expect(page.locator("h1")).to_have_count(1)


def test_form_errors_are_accessible(page: Page) -> None:
    page.goto("/organise/events/an-idea")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Starts")).to_have_accessible_description(
        "Time in Asia/Kolkata. Enter a start before you publish the event."
    )
    assert is_accessible_and_fits(page)


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
        expect(page.locator(".notice")).to_have_text("Chess is published.")
        page.get_by_role("link", name="Edit Chess").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Starts")).to_have_value("2199-03-14T10:00")
        page.get_by_label("Name").fill("Rapid Chess")
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.locator(".notice")).to_have_text("Rapid Chess is saved.")

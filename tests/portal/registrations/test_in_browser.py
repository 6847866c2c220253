"""A visitor with seats in a real browser: on a phone, without JavaScript."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from festgate.kit.clock import HOUR
from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.journeys.visitor_steps import follow_link, press_button, show_ticket
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {
    "FESTGATE_FEST_NAME": "The International Festival of Robots, Chess and Very Long Names",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_PAYMENT_METHODS": "desk,sandbox",
}
PEOPLE = 6


@dataclass
class Fest:
    """A served fest, and people, signed in, without any seat yet."""

    server: Server
    people: list[Guest] = field(default_factory=list)
    organiser: Guest | None = None


def prepare(data: Path, fest: Fest) -> None:
    with before_opening(data) as database:
        database.write(announce, "Robo Race")
        database.write(announce, "Quiz", starts_at=database.clock.now + 25 * HOUR)
        database.write(announce, "Gala", starts_at=database.clock.now + 72 * HOUR, fee=30_000)
        database.write(announce, "Open Stage", starts_at=database.clock.now + 48 * HOUR, fee=0)
        database.write(announce, "Last Seat", starts_at=database.clock.now + 96 * HOUR, fee=0, capacity=1)
        fest.people = [database.write(invite_one, f"guest-{number}") for number in range(PEOPLE)]
        fest.organiser = database.write(invite_one, "head-of-everything-there-is", "organiser")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("visitors") / "data"
    served = Fest(Server(data))
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(prepare, data, served).result()
    with serving(data, extra=SETTINGS) as served.server:
        yield served
        assert "unhandled exception" not in served.server.log()
        check_data(data, SETTINGS)


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    """Open the fest as a new person on a phone without JavaScript."""
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        page = visitor.context.new_page()
        sign_in(page, fest, fest.people.pop())
        yield page
        assert not visitor.problems


def sign_in(page: Page, fest: Fest, guest: Guest | None) -> None:
    page.context.clear_cookies()
    if guest is not None:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": fest.server.url}])


def register(page: Page, slug: str) -> None:
    page.goto(f"/events/{slug}")
    press_button(page, "Register")
    expect(page).to_have_url(re.compile("/my-events$"))


def in_menu(page: Page, name: str) -> Locator:
    """Open the menu of the header; return its link."""
    page.get_by_role("button", name="Menu").click()
    return page.get_by_role("navigation").get_by_role("link", name=name)


def test_the_event_page_shows_the_seat_from_the_hold_to_the_ticket(phone: Page) -> None:
    register(phone, "gala")
    phone.goto("/events/gala")
    main = phone.get_by_role("main")
    expect(main.get_by_text(re.compile(r"Held: 1[45] min \d\d s left"))).to_be_visible()
    expect(main.get_by_role("button", name="Register")).to_have_count(0)
    follow_link(phone, "Pay ₹300.00")
    press_button(phone, "Reserve, pay at the desk")
    expect(phone.get_by_text("Pay ₹300.00 at the desk by")).to_be_visible()
    ref = phone.url.rpartition("/")[2]
    phone.goto("/events/gala")
    expect(main.get_by_text("Waiting for payment")).to_be_visible()
    follow_link(phone, f"Order {ref}")
    follow_link(phone, "Cancel this order")
    follow_link(phone, "Keep it")
    follow_link(phone, "Cancel this order")
    press_button(phone, "Cancel this order")
    expect(phone.get_by_text("This order is cancelled. Nothing was charged.")).to_be_visible()
    phone.goto("/events/gala")
    press_button(phone, "Register")
    phone.goto("/checkout")
    press_button(phone, "Pay ₹300.00")
    show_ticket(phone)
    # The tickets come first, then the receipt.
    expect(main.get_by_role("link").first).to_have_accessible_name("Show ticket for Gala")
    expect(main.get_by_role("heading", name="Order")).to_be_visible()
    phone.goto("/events/gala")
    expect(main.get_by_text("You have a seat")).to_be_visible()
    expect(main.get_by_role("link", name="Receipt")).to_be_visible()
    expect(main.get_by_role("link", name="Cancel my registration")).to_have_count(0)
    follow_link(phone, "Show ticket")
    expect(phone).to_have_url(re.compile("/tickets/"))


def test_a_second_registration_from_an_old_tab_leads_to_the_seat(phone: Page, fest: Fest) -> None:
    phone.goto("/events/open-stage")
    old_tab = phone.context.new_page()
    old_tab.goto("/events/open-stage")
    press_button(phone, "Register")
    press_button(old_tab, "Register")
    expect(old_tab).to_have_url(f"{fest.server.url}/events/open-stage?already=1")
    expect(old_tab.get_by_text("You are already registered for this event.")).to_be_visible()
    expect(old_tab.get_by_text("You have a seat")).to_be_visible()


def test_cancelling_asks_first_and_what_the_visitor_cancelled_can_be_taken_again(phone: Page) -> None:
    register(phone, "last-seat")
    phone.goto("/events/last-seat")
    main = phone.get_by_role("main")
    follow_link(phone, "Cancel my registration")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Cancel your registration for Last Seat?")
    expect(main).to_contain_text(
        "Your seat goes to someone else, and your ticket will not be valid any more."
    )
    follow_link(phone, "Keep it")
    card = main.get_by_role("listitem").filter(has_text="Last Seat")
    expect(card).to_contain_text("Confirmed")
    follow_link(phone, "Cancel my registration for Last Seat")
    question = phone.url
    press_button(phone, "Cancel my registration")
    expect(card).to_contain_text("You cancelled")
    expect(card.get_by_text("You cancelled")).to_have_class(re.compile("badge-closed"))
    phone.goto(question)
    expect(phone).to_have_url(re.compile("/my-events$"))
    press_button(phone, "Register again for Last Seat")
    expect(card.first).to_contain_text("Confirmed")


def test_overlapping_seats_are_pointed_out_and_one_time_is_shown_before_paying(phone: Page) -> None:
    register(phone, "robo-race")
    overlap = re.compile(r"Robo Race and Quiz overlap: \w+, \d+ \w+, .* to .*\.")
    main = phone.get_by_role("main")
    phone.goto("/events/quiz")
    expect(main.get_by_text(overlap)).to_be_visible()
    press_button(phone, "Register")
    register(phone, "gala")
    for path in ("/my-events", "/checkout"):
        phone.goto(path)
        expect(main.get_by_text(overlap)).to_be_visible()
        expect(main.get_by_text(re.compile("Held: .* left"))).to_have_count(1)
    phone.goto("/events/gala")
    expect(main.get_by_text("overlap")).to_have_count(0)


def test_the_header_is_one_row_on_a_phone_and_shows_checkout_when_something_is_in_it(
    phone: Page, fest: Fest
) -> None:
    checkout = phone.get_by_role("banner").get_by_role("link", name="Checkout")
    phone.goto("/events")
    expect(checkout).to_have_count(0)
    expect_one_row(phone)
    register(phone, "gala")
    expect(checkout).to_have_accessible_name("Checkout 1 seat held")
    expect_one_row(phone)
    in_menu(phone, "My events").click()
    expect(phone).to_have_url(re.compile("/my-events$"))
    sign_in(phone, fest, fest.organiser)
    phone.goto("/events")
    expect_one_row(phone)
    in_menu(phone, "Organise").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Organise")
    expect(in_menu(phone, "signed in as head-of-everything-there-is")).to_be_visible()
    sign_in(phone, fest, None)
    phone.goto("/events")
    expect_one_row(phone)
    phone.set_viewport_size(DESK)
    expect_one_row(phone)


def expect_one_row(page: Page) -> None:
    """Assert that the links of the header stand in one row, also on the narrowest screen."""
    size = page.viewport_size
    for width in (size["width"] if size else 0, 320):
        page.set_viewport_size({"width": width, "height": 800})
        links = page.get_by_role("banner").locator("a:visible, button:visible")
        boxes = [box for link in links.all() if (box := link.bounding_box())]
        assert len(boxes) > 2
        middles = {round((box["y"] + box["height"] / 2) / 4) for box in boxes}
        assert len(middles) == 1, (width, boxes)
        assert max(box["x"] + box["width"] for box in boxes) <= width
    if size:
        page.set_viewport_size(size)

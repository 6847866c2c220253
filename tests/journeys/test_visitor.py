"""A new visitor of the demo fest, in a real browser: finds an event, signs up, registers, pays, opens the ticket."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.stage import change_file, check_data
from tests.journeys.visitor_steps import (
    PASSWORD,
    charges_of,
    expect_ticket,
    fill_in,
    follow_link,
    full_name,
    hold_seat,
    new_name,
    open_as_new_visitor,
    open_menu,
    open_ticket,
    orders_of,
    press_button,
    show_ticket,
    sign_up,
)
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.waiting import until

MAX_TABS = 60
"""Presses of the Tab key: more than any page has elements that take the focus."""
BROWSERS: dict[str, dict[str, Any]] = {
    "on a desktop": {"viewport": DESK},
    "on a phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "on a phone without JavaScript": {"viewport": PHONE, "java_script_enabled": False},
}
IN_EVERY_BROWSER = pytest.mark.parametrize("browser_options", BROWSERS.values(), ids=BROWSERS, indirect=True)
WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize(
    "browser_options", list(BROWSERS.values())[::2], ids=list(BROWSERS)[::2], indirect=True
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("visitor") / "fest", "--demo") as running:
        yield running
        assert "unhandled exception" not in running.log()
        check_data(running.data)


@pytest.fixture
def browser_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options of a desktop browser, unless the test sets others."""
    options: dict[str, Any] = getattr(request, "param", BROWSERS["on a desktop"])
    return options


@IN_EVERY_BROWSER
def test_a_new_visitor_signs_up_and_gets_a_free_ticket_in_three_clicks(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Aurora Fest")
    follow_link(page, "See all events")
    page.get_by_role("navigation").get_by_role("link", name="Sign up").click()
    name = sign_up(page)
    expect(page).to_have_url(f"{server.url}/events")
    open_menu(page)
    expect(page.get_by_text(name)).to_be_visible()
    page.keyboard.press("Escape")
    follow_link(page, "Opening Ceremony")
    press_button(page, "Register")
    expect(page).to_have_url(f"{server.url}/my-events")
    open_ticket(page, "Opening Ceremony")
    expect_ticket(page, name, "Opening Ceremony")


@IN_EVERY_BROWSER
def test_signing_up_returns_to_the_event_and_a_paid_ticket_takes_three_clicks(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/events/robo-race")
    follow_link(page, "Sign in")
    expect(page).to_have_url(f"{server.url}/login?next=/events/robo-race")
    follow_link(page, "Sign up")
    name = sign_up(page)
    expect(page).to_have_url(f"{server.url}/events/robo-race")
    press_button(page, "Register")
    follow_link(page, "Pay ₹450.00")
    press_button(page, "Pay ₹450.00")
    expect(page).to_have_url(re.compile(r"/orders/[0-9A-Z]{10}$"))
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    open_ticket(page, "Robo Race")
    expect_ticket(page, name, "Robo Race")
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [45_000])


def test_an_event_that_ends_on_the_next_day_shows_that_date_with_its_times(
    page: Page, server: Server
) -> None:
    end = re.compile(r"to \w+, \d+ \w+, 9:00\sam")
    open_as_new_visitor(page, server)
    hackathon = page.get_by_role("listitem").filter(has_text="Hackathon")
    expect(hackathon).to_contain_text(end)
    follow_link(page, "Hackathon")
    expect(page.get_by_role("main")).to_contain_text(end)
    press_button(page, "Register")
    expect(hackathon).to_contain_text(end)
    follow_link(page, "Pay ₹500.00")
    press_button(page, "Pay ₹500.00")
    open_ticket(page, "Hackathon")
    expect(page.get_by_role("main")).to_contain_text(end)


def test_the_whole_journey_works_with_tab_and_enter(page: Page, server: Server) -> None:
    name = new_name()
    page.goto(f"{server.url}/events/treasure-hunt")
    tab_to(page, "Sign in", within="main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login?next=**")
    tab_to(page, "Sign up", within="main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/register?next=**")
    fields = {"Username": name, "Email": f"{name}@example.org", "Password": PASSWORD}
    for field, text in {"Name": full_name(name), **fields}.items():
        tab_to(page, field)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/events/treasure-hunt")
    tab_to(page, "Register", within="main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my-events")
    tab_to(page, "Pay ₹150.00")
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    tab_to(page, "Pay ₹150.00")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/*")
    show_ticket(page)
    tab_to(page, "Ticket for Treasure Hunt: On your own")
    page.keyboard.press("Enter")
    expect_ticket(page, name, "Treasure Hunt")


FOCUSED_NAME = """within => {
  const element = document.activeElement;
  if (!element || element === document.body || (within && !element.closest(within))) return "";
  const label = element.labels && element.labels.length ? element.labels[0].innerText : element.textContent;
  return label.trim().replace(/\\s+/g, " ");
}"""


def tab_to(page: Page, name: str, within: str = "") -> None:
    """Press Tab until the element with that name has the focus; assert that the focus is visible."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED_NAME, within) == name:
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {name} is not visible"
            return
    raise AssertionError(f"Tab does not reach {name} on {page.url}")


def test_the_first_tab_reaches_a_link_that_skips_the_navigation(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/events")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED_NAME, "") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")


@WITH_AND_WITHOUT_SCRIPT
def test_a_double_click_on_pay_makes_one_order_and_one_charge(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    page.get_by_role("button", name="Pay ₹300.00").dblclick(no_wait_after=True)
    page.wait_for_url("**/orders/*")
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


@WITH_AND_WITHOUT_SCRIPT
def test_going_back_and_paying_again_makes_one_order_and_one_charge(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    order = page.url
    page.go_back()
    page.wait_for_url("**/checkout")
    again = page.get_by_role("button", name="Pay ₹300.00")
    if again.count():  # if the browser shows the page from its cache
        again.click()
        expect(page).to_have_url(order)
        expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    else:
        expect(page.get_by_role("heading", name="Nothing to pay")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


def test_the_form_of_an_old_tab_leads_to_the_order_that_was_placed(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    old = page.context.new_page()
    old.goto(f"{server.url}/checkout")
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    old.get_by_role("button", name="Pay ₹300.00").click()
    expect(old).to_have_url(page.url)
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


@WITH_AND_WITHOUT_SCRIPT
def test_each_tab_pays_only_for_the_seats_that_it_showed(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    second = page.context.new_page()
    second.goto(f"{server.url}/events/treasure-hunt")
    press_button(second, "Register")
    second.wait_for_url("**/my-events")
    # A list is not paid in part after one of its seats was cancelled in another tab.
    third = page.context.new_page()
    third.goto(f"{server.url}/checkout")
    follow_link(second, "Cancel my registration for Treasure Hunt")
    press_button(second, "Cancel my registration")
    second.wait_for_url("**/my-events")
    third.get_by_role("button", name="Pay ₹450.00").click()
    expect(third.get_by_role("alert")).to_contain_text(
        re.compile("not held for you any more|You hold no unpaid seats")
    )
    expect(third.get_by_role("button", name="Pay ₹300.00")).to_be_visible()
    assert charges_of(server, name) == []
    second.goto(f"{server.url}/events/treasure-hunt")
    press_button(second, "Register")
    second.wait_for_url("**/my-events")
    # The first tab still shows one seat, and only that one is charged. The seat of the second tab stays held.
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    assert charges_of(server, name) == [30_000]
    second.reload()
    expect(second.get_by_role("link", name="Pay ₹150.00")).to_be_visible()


@WITH_AND_WITHOUT_SCRIPT
def test_a_declined_card_can_be_replaced_by_another_one(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    press_button(page, "Pay ₹300.00")
    expect(page.get_by_role("alert")).to_contain_text("The card was declined.")
    follow_link(page, "Try again")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    press_button(page, "Pay ₹300.00")
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["declined", "paid"], [30_000])


def test_a_desk_order_keeps_its_seats_until_an_organiser_marks_it_paid(
    page: Page, server: Server, browser: Browser
) -> None:
    name = hold_seat(page, server)
    press_button(page, "Reserve, pay at the desk")
    page.wait_for_url("**/orders/*")
    ref = page.url.rpartition("/")[2]
    expect(page.get_by_text(f"Your order number is {ref}.")).to_be_visible()
    (password,) = re.findall(r"Sign in as organiser with the password (\S+)", server.log())
    with visit(browser) as desk:
        organiser = desk.context.new_page()
        organiser.goto(f"{server.url}/organise/orders")
        fill_in(organiser, Username="organiser", Password=password)
        press_button(organiser, "Sign in")
        expect(organiser).to_have_url(f"{server.url}/organise/orders")
        expect(organiser.get_by_role("row", name=ref)).to_contain_text(name)
        press_button(organiser, f"Mark paid order {ref}")
        expect(organiser.get_by_text(f"Order {ref} is paid: ₹300.00.")).to_be_visible()
        expect(organiser.get_by_role("row", name=ref)).to_have_count(0)
        assert not desk.problems
    page.reload()
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    open_ticket(page, "Dance Battle")
    expect_ticket(page, name, "Dance Battle")


def test_a_seat_is_available_as_soon_as_its_hold_expires(
    page: Page, server: Server, browser: Browser
) -> None:
    open_as_new_visitor(page, server)
    page.goto(f"{server.url}/events/ai-workshop")
    press_button(page, "Register")
    expect(page.get_by_text(re.compile(r"Held: 1[45] min \d\d s left"))).to_be_visible()
    # All other seats are taken, and the hold expires in three seconds.
    change_file(
        server.data,
        "UPDATE catalogue_seats SET capacity = taken WHERE event_id = "
        "(SELECT id FROM catalogue_events WHERE slug = 'ai-workshop')",
        "UPDATE registrations_seats SET held_until = CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 3000 "
        "WHERE state = 'held' AND event_id = (SELECT id FROM catalogue_events WHERE slug = 'ai-workshop')",
    )
    with visit(browser) as other_browser:
        next_person = other_browser.context.new_page()
        name = open_as_new_visitor(next_person, server)
        next_person.goto(f"{server.url}/events/ai-workshop")
        # Nothing is committed from here on: the seat becomes available only because time passes.
        until(lambda: is_open(next_person), "the seat is available")
        press_button(next_person, "Register")
        follow_link(next_person, "Pay ₹400.00")
        press_button(next_person, "Pay ₹400.00")
        open_ticket(next_person, "AI Workshop")
        expect_ticket(next_person, name, "AI Workshop")
        assert not other_browser.problems
    page.reload()
    expect(page.get_by_text("Hold expired")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Pay"))).to_have_count(0)
    page.goto(f"{server.url}/events/ai-workshop")
    expect(page.get_by_text("Sold out")).to_be_visible()


def is_open(page: Page) -> bool:
    """Reload the page of an event; return whether a visitor can register."""
    page.reload()
    return page.get_by_role("button", name="Register").count() > 0


def test_the_page_counts_down_the_time_of_a_hold(page: Page, server: Server) -> None:
    open_as_new_visitor(page, server)
    page.goto(f"{server.url}/events/music-night")
    press_button(page, "Register")
    countdown = page.locator("time[data-countdown]")
    first = countdown.inner_text()
    expect(countdown).not_to_have_text(first)
    expect(countdown).to_have_text(re.compile(r"^\d+ min \d\d s left$"))


def test_a_cancelled_seat_is_available_again(page: Page, server: Server) -> None:
    open_as_new_visitor(page, server)
    page.goto(f"{server.url}/events/photography-walk")
    before = page.get_by_text(re.compile(r"\d of 8 left")).inner_text()
    press_button(page, "Register")
    follow_link(page, "Cancel my registration for Photography Walk")
    press_button(page, "Cancel my registration")
    expect(page).to_have_url(f"{server.url}/my-events")
    expect(page.get_by_text("You cancelled", exact=True)).to_be_visible()
    page.goto(f"{server.url}/events/photography-walk")
    expect(page.get_by_text(before)).to_be_visible()


def test_after_signing_out_no_page_shows_the_account(page: Page, server: Server) -> None:
    name = hold_seat(page, server)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server.url}/")
    expect(page.get_by_text(name)).to_have_count(0)
    page.goto(f"{server.url}/checkout")
    expect(page).to_have_url(f"{server.url}/login?next=/checkout")

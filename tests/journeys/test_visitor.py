"""A stranger at the demo fest, in a real browser: finds an event, gets an account, registers, pays, holds a ticket."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.stage import change_file, holds
from tests.journeys.visiting import (
    PASSWORD,
    charges_of,
    come,
    fill_in,
    follow,
    has_ticket,
    hold,
    join,
    new_name,
    orders_of,
    press,
    ticket_link,
    wait_for,
)
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import Server, serving

MAX_TABS = 60
"""Presses of the Tab key after which a page has been gone round, and more."""
HOW: dict[str, dict[str, Any]] = {
    "at a desk": {"viewport": DESK},
    "on a phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "on a phone without JavaScript": {"viewport": PHONE, "java_script_enabled": False},
}
EVERYWHERE = pytest.mark.parametrize("browser_options", HOW.values(), ids=HOW, indirect=True)
WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize(
    "browser_options", list(HOW.values())[::2], ids=list(HOW)[::2], indirect=True
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("visitor") / "fest", "--demo") as running:
        yield running
        assert "unhandled exception" not in running.log()
        holds(running.data)


@pytest.fixture
def browser_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """At a desk, unless the test says otherwise."""
    options: dict[str, Any] = getattr(request, "param", HOW["at a desk"])
    return options


@EVERYWHERE
def test_a_stranger_finds_the_fest_and_an_account_and_has_a_free_ticket_in_three_clicks(
    page: Page, server: Server
) -> None:
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Aurora Fest")
    follow(page, "See all events")
    page.get_by_role("navigation").get_by_role("link", name="Sign up").click()
    name = join(page)
    expect(page).to_have_url(f"{server.url}/events")
    expect(page.get_by_text(name)).to_be_visible()
    follow(page, "Opening Ceremony")
    press(page, "Register")
    expect(page).to_have_url(f"{server.url}/my-events")
    ticket_link(page, "Opening Ceremony")
    has_ticket(page, name, "Opening Ceremony")


@EVERYWHERE
def test_who_was_looking_at_an_event_comes_back_to_it_and_has_a_paid_ticket_in_three_clicks(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/events/robo-race")
    press(page, "Register")
    expect(page).to_have_url(f"{server.url}/login?next=/events/robo-race")
    follow(page, "Sign up")
    name = join(page)
    expect(page).to_have_url(f"{server.url}/events/robo-race")
    press(page, "Register")
    follow(page, "Pay ₹450.00")
    press(page, "Pay ₹450.00")
    expect(page).to_have_url(re.compile(r"/orders/[0-9A-Z]{10}$"))
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    ticket_link(page, "Robo Race")
    has_ticket(page, name, "Robo Race")
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [45_000])


def test_an_event_that_ends_on_the_next_day_says_so_wherever_its_times_stand(
    page: Page, server: Server
) -> None:
    end = re.compile(r"to \w+, \d+ \w+, 9:00\sam")
    come(page, server)
    hackathon = page.get_by_role("listitem").filter(has_text="Hackathon")
    expect(hackathon).to_contain_text(end)
    follow(page, "Hackathon")
    expect(page.get_by_role("main")).to_contain_text(end)
    press(page, "Register")
    expect(hackathon).to_contain_text(end)
    follow(page, "Pay ₹500.00")
    press(page, "Pay ₹500.00")
    ticket_link(page, "Hackathon")
    expect(page.get_by_role("main")).to_contain_text(end)


def test_everything_can_be_done_with_tab_and_enter(page: Page, server: Server) -> None:
    name = new_name()
    page.goto(f"{server.url}/events/treasure-hunt")
    tab_to(page, "Register", within="main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login?next=**")
    tab_to(page, "Sign up", within="main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/register?next=**")
    for field, text in {"Username": name, "Email": f"{name}@example.org", "Password": PASSWORD}.items():
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
    wait_for(page, page.get_by_role("link", name="Ticket for Treasure Hunt").count)
    tab_to(page, "Ticket for Treasure Hunt")
    page.keyboard.press("Enter")
    has_ticket(page, name, "Treasure Hunt")


NAMED = """within => {
  const it = document.activeElement;
  if (!it || it === document.body || (within && !it.closest(within))) return "";
  const label = it.labels && it.labels.length ? it.labels[0].innerText : it.textContent;
  return label.trim().replace(/\\s+/g, " ");
}"""


def tab_to(page: Page, name: str, within: str = "") -> None:
    """Press Tab until what has the focus is called that; whoever has it can be seen to have it."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(NAMED, within) == name:
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{name} has the focus, and nothing shows it"
            return
    raise AssertionError(f"Tab never comes to {name} on {page.url}")


def test_the_first_tab_leads_past_the_navigation(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/events")
    page.keyboard.press("Tab")
    assert page.evaluate(NAMED, "") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")


@WITH_AND_WITHOUT_SCRIPT
def test_a_double_click_on_pay_is_one_order_and_one_charge(page: Page, server: Server) -> None:
    name = hold(page, server)
    page.get_by_role("button", name="Pay ₹300.00").dblclick(no_wait_after=True)
    page.wait_for_url("**/orders/*")
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


@WITH_AND_WITHOUT_SCRIPT
def test_the_back_button_after_paying_and_paying_again_is_one_order_and_one_charge(
    page: Page, server: Server
) -> None:
    name = hold(page, server)
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    order = page.url
    page.go_back()
    page.wait_for_url("**/checkout")
    again = page.get_by_role("button", name="Pay ₹300.00")
    if again.count():  # where the browser shows the page as it was
        again.click()
        expect(page).to_have_url(order)
        expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    else:
        expect(page.get_by_role("heading", name="Nothing to pay")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


def test_the_form_of_an_old_tab_is_the_order_that_was_placed_already(page: Page, server: Server) -> None:
    name = hold(page, server)
    old = page.context.new_page()
    old.goto(f"{server.url}/checkout")
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    old.get_by_role("button", name="Pay ₹300.00").click()
    expect(old).to_have_url(page.url)
    assert (orders_of(server, name), charges_of(server, name)) == (["paid"], [30_000])


@WITH_AND_WITHOUT_SCRIPT
def test_two_tabs_pay_for_what_each_of_them_showed(page: Page, server: Server) -> None:
    name = hold(page, server)
    second = page.context.new_page()
    second.goto(f"{server.url}/events/treasure-hunt")
    press(second, "Register")
    second.wait_for_url("**/my-events")
    # A list of which a seat is given back in another tab is not paid for in part.
    third = page.context.new_page()
    third.goto(f"{server.url}/checkout")
    press(second, "Cancel my registration for Treasure Hunt")
    second.wait_for_url("**/my-events")
    third.get_by_role("button", name="Pay ₹450.00").click()
    expect(third.get_by_role("alert")).to_contain_text(
        re.compile("not held for you any more|You hold no unpaid seats")
    )
    expect(third.get_by_role("button", name="Pay ₹300.00")).to_be_visible()
    assert charges_of(server, name) == []
    second.goto(f"{server.url}/events/treasure-hunt")
    press(second, "Register")
    second.wait_for_url("**/my-events")
    # The first tab still shows one seat, and charges that one; the seat of the second tab stays held.
    page.get_by_role("button", name="Pay ₹300.00").click()
    page.wait_for_url("**/orders/*")
    assert charges_of(server, name) == [30_000]
    second.reload()
    expect(second.get_by_role("link", name="Pay ₹150.00")).to_be_visible()


@WITH_AND_WITHOUT_SCRIPT
def test_a_declined_card_can_be_followed_by_another_one(page: Page, server: Server) -> None:
    name = hold(page, server)
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    press(page, "Pay ₹300.00")
    expect(page.get_by_role("alert")).to_contain_text("The card was declined.")
    follow(page, "Try again")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    press(page, "Pay ₹300.00")
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    assert (orders_of(server, name), charges_of(server, name)) == (["declined", "paid"], [30_000])


def test_an_order_for_the_desk_keeps_its_seats_until_an_organiser_marks_it_paid(
    page: Page, server: Server, browser: Browser
) -> None:
    name = hold(page, server)
    page.get_by_label("Pay at the desk").check()
    press(page, "Pay ₹300.00")
    page.wait_for_url("**/orders/*")
    ref = page.url.rpartition("/")[2]
    expect(page.get_by_text(f"Your order number is {ref}.")).to_be_visible()
    (password,) = re.findall(r"Sign in as organiser with the password (\S+)", server.log())
    with visit(browser) as desk:
        organiser = desk.context.new_page()
        organiser.goto(f"{server.url}/organise/orders")
        fill_in(organiser, Username="organiser", Password=password)
        press(organiser, "Sign in")
        expect(organiser).to_have_url(f"{server.url}/organise/orders")
        expect(organiser.get_by_role("row", name=ref)).to_contain_text(name)
        press(organiser, f"Mark paid order {ref}")
        expect(organiser.get_by_text(f"Order {ref} is paid: ₹300.00.")).to_be_visible()
        expect(organiser.get_by_role("row", name=ref)).to_have_count(0)
        assert not desk.wrongs
    page.reload()
    expect(page.get_by_text("Paid. Your tickets")).to_be_visible()
    ticket_link(page, "Dance Battle")
    has_ticket(page, name, "Dance Battle")


def test_a_hold_ends_by_the_clock_and_its_seat_is_the_next_persons_at_that_instant(
    page: Page, server: Server, browser: Browser
) -> None:
    come(page, server)
    page.goto(f"{server.url}/events/ai-workshop")
    press(page, "Register")
    expect(page.get_by_text(re.compile(r"Held: 1[45] min \d\d s left"))).to_be_visible()
    # The rest of the room is taken, and the quarter of an hour is nearly over.
    change_file(
        server.data,
        "UPDATE catalogue_seats SET capacity = taken WHERE event_id = "
        "(SELECT id FROM catalogue_events WHERE slug = 'ai-workshop')",
        "UPDATE registrations_seats SET held_until = CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 3000 "
        "WHERE state = 'held' AND event_id = (SELECT id FROM catalogue_events WHERE slug = 'ai-workshop')",
    )
    with visit(browser) as another:
        next_person = another.context.new_page()
        name = come(next_person, server)
        next_person.goto(f"{server.url}/events/ai-workshop")
        # Nothing is committed from here on: it is the clock alone that frees the seat.
        wait_for(next_person, next_person.get_by_role("button", name="Register").count)
        press(next_person, "Register")
        follow(next_person, "Pay ₹400.00")
        press(next_person, "Pay ₹400.00")
        ticket_link(next_person, "AI Workshop")
        has_ticket(next_person, name, "AI Workshop")
        assert not another.wrongs
    page.reload()
    expect(page.get_by_text("Hold expired")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Pay"))).to_have_count(0)
    page.goto(f"{server.url}/events/ai-workshop")
    expect(page.get_by_text("Sold out")).to_be_visible()


def test_the_time_that_a_hold_has_left_runs_in_the_page(page: Page, server: Server) -> None:
    come(page, server)
    page.goto(f"{server.url}/events/music-night")
    press(page, "Register")
    left = page.locator("time[data-countdown]")
    first = left.inner_text()
    expect(left).not_to_have_text(first)
    expect(left).to_have_text(re.compile(r"^\d+ min \d\d s left$"))


def test_a_seat_that_is_given_back_is_free_again(page: Page, server: Server) -> None:
    come(page, server)
    page.goto(f"{server.url}/events/photography-walk")
    before = page.get_by_text(re.compile(r"Only \d of 8 left")).inner_text()
    press(page, "Register")
    press(page, "Cancel my registration for Photography Walk")
    expect(page).to_have_url(f"{server.url}/my-events")
    expect(page.get_by_text("Cancelled by you", exact=True)).to_be_visible()
    page.goto(f"{server.url}/events/photography-walk")
    expect(page.get_by_text(before)).to_be_visible()


def test_whoever_signs_out_is_out_and_the_back_button_shows_nothing_of_theirs(
    page: Page, server: Server
) -> None:
    name = hold(page, server)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server.url}/")
    expect(page.get_by_text(name)).to_have_count(0)
    page.goto(f"{server.url}/checkout")
    expect(page).to_have_url(f"{server.url}/login?next=/checkout")

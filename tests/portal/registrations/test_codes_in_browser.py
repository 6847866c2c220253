"""Promo codes in a real browser, on a phone without JavaScript: an organiser creates them, and visitors apply them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.portal.registrations.phone_fest import Fest, phone_at, served_fest, sign_in


def prepare(data: Path) -> tuple[Guest, list[Guest]]:
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        people = [database.write(invite_one, f"guest-{number}") for number in range(2)]
        return database.write(invite_one, "meena", "organiser"), people


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    with served_fest(tmp_path_factory.mktemp("codes") / "data", prepare) as served:
        yield served


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    with phone_at(fest, browser) as page:
        yield page


def apply_code(page: Page, code: str) -> None:
    """Enter the code on the page of an event."""
    field = page.get_by_role("textbox", name="Promo code")
    if not field.is_visible():
        page.get_by_text("Promo code", exact=True).click()
    field.fill(code)
    press_button(page, "Apply")


def test_an_organiser_creates_a_code_and_a_visitor_pays_the_price_that_it_shows(
    fest: Fest, phone: Page
) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise")
    follow_link(phone, "Promo codes")
    follow_link(phone, "New promo code")
    phone.get_by_label("Code", exact=True).fill("campus20")
    press_button(phone, "Create code")
    expect(phone.get_by_text("Enter how much less a ticket costs.")).to_be_visible()
    phone.get_by_label("Percent or amount").fill("20")
    phone.get_by_label("For", exact=True).select_option("Robo Race")
    phone.get_by_label("Maximum uses").fill("1")
    press_button(phone, "Create code")
    expect(phone.get_by_role("link", name="CAMPUS20")).to_be_visible()

    sign_in(phone, fest, fest.people[0])
    phone.goto("/events/robo-race")
    apply_code(phone, "campus2")
    expect(phone.get_by_text("There is no such promo code for this event.")).to_be_visible()
    expect(phone.get_by_role("textbox", name="Promo code")).to_have_value("campus2")
    apply_code(phone, "campus20")
    expect(phone.get_by_text("Promo code CAMPUS20 is applied.")).to_be_visible()
    expect(phone.get_by_role("radio", name="Ticket before ₹450 ₹360")).to_be_checked()
    press_button(phone, "Register")
    expect(phone).to_have_url(re.compile("/my-events$"))
    follow_link(phone, "Pay ₹360.00")
    expect(phone.get_by_role("main").get_by_text("Promo code CAMPUS20")).to_be_visible()
    press_button(phone, "Reserve, pay at the desk")
    expect(phone.get_by_role("row", name="Total ₹360.00")).to_be_visible()

    sign_in(phone, fest, fest.people[1])
    phone.goto("/events/robo-race?code=CAMPUS20")
    expect(phone.get_by_text("This promo code has been used up.")).to_be_visible()


def test_a_code_that_unlocks_a_hidden_ticket_and_makes_it_free_confirms_it_at_once(
    fest: Fest, phone: Page
) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/tickets")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    phone.get_by_label("Name").fill("Standard")
    press_button(phone, "Save")
    follow_link(phone, "Add a ticket type")
    phone.get_by_label("Name").fill("Crew")
    phone.get_by_label("Price in").fill("50")
    phone.get_by_label("Hidden").check()
    press_button(phone, "Save")
    phone.goto("/organise/promo-codes/new")
    phone.get_by_label("Code", exact=True).fill("BACKSTAGE")
    phone.get_by_label("Effect").select_option("Free")
    phone.get_by_label("For", exact=True).select_option("Robo Race: Crew")
    phone.get_by_label("Also unlocks hidden tickets").check()
    press_button(phone, "Create code")

    sign_in(phone, fest, fest.people[1])
    phone.goto("/events/robo-race")
    expect(phone.get_by_text("Crew")).to_have_count(0)
    apply_code(phone, "Backstage")
    phone.get_by_label("Crew").check()
    press_button(phone, "Register")
    expect(phone.get_by_role("main").get_by_text("Confirmed").first).to_be_visible()

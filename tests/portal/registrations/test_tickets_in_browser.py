"""Ticket types in a real browser without JavaScript: an organiser sells them, and visitors choose them on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.clock import HOUR
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.portal.registrations.phone_fest import Fest, phone_at, served_fest, sign_in
from tests.rig.waiting import until


def prepare(data: Path) -> tuple[Guest, list[Guest]]:
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        database.write(announce, "Gala", starts_at=database.clock.now + 72 * HOUR, fee=0)
        people = [database.write(invite_one, f"guest-{number}") for number in range(3)]
        return database.write(invite_one, "meena", "organiser"), people


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    with served_fest(tmp_path_factory.mktemp("tickets") / "data", prepare) as served:
        yield served


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    with phone_at(fest, browser) as page:
        yield page


def fill(page: Page, **values: str) -> None:
    for label, value in values.items():
        page.get_by_label(label.replace("_", " "), exact=False).first.fill(value)


def test_an_organiser_sells_two_types_and_a_visitor_chooses_one(fest: Fest, phone: Page) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race")
    follow_link(phone, "Tickets")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    fill(phone, Name="Standard")
    press_button(phone, "Save")
    follow_link(phone, "Add a ticket type")
    fill(phone, Name="Standard", Price_in="300,50")
    press_button(phone, "Save")
    expect(phone.get_by_text("Another ticket type of this event has this name.")).to_be_visible()
    fill(phone, Name="Student", Description="With a student card.", Price_in="300,50", Tickets="1")
    press_button(phone, "Save")
    expect(phone.get_by_role("link", name="Student")).to_be_visible()

    sign_in(phone, fest, fest.people[0])
    phone.goto("/events")
    expect(phone.get_by_text("from ₹300.50")).to_be_visible()
    phone.goto("/events/robo-race")
    phone.get_by_label("Student").check()
    press_button(phone, "Register")
    expect(phone.get_by_role("link", name="Robo Race: Student", exact=True)).to_be_visible()
    follow_link(phone, "Pay ₹300.50")
    expect(phone.get_by_role("main").get_by_text("Robo Race: Student")).to_be_visible()

    sign_in(phone, fest, fest.people[1])
    phone.goto("/events/robo-race")
    expect(phone.get_by_text("Sold out")).to_be_visible()
    expect(phone.get_by_label("Student")).to_be_disabled()
    press_button(phone, "Register")
    expect(phone.get_by_role("link", name="Robo Race: Standard", exact=True)).to_be_visible()


def test_a_visitor_takes_several_free_tickets_and_gets_each_of_them(fest: Fest, phone: Page) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/gala/tickets")
    fill(phone, Tickets_per_person="3")
    press_button(phone, "Save")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    fill(phone, Maximum_per_order="3")
    press_button(phone, "Save")

    sign_in(phone, fest, fest.people[2])
    phone.goto("/events/gala")
    phone.get_by_role("combobox").select_option("2")
    press_button(phone, "Register")
    expect(phone).to_have_url(re.compile("/my-events$"))
    until(lambda: phone.request.get(phone.url).text().count('href="/tickets/') == 2, "both tickets")
    phone.reload()
    expect(phone.get_by_role("link", name=re.compile("^Ticket for Gala"))).to_have_count(2)
    phone.goto("/events/gala")
    expect(phone.get_by_role("link", name="You have 2 tickets for this event.")).to_be_visible()
    phone.get_by_role("combobox").select_option("3")
    press_button(phone, "Register")
    expect(phone.get_by_text("One person cannot have so many tickets for this event.")).to_be_visible()
    phone.get_by_role("combobox").select_option("1")
    press_button(phone, "Register")
    phone.goto("/events/gala")
    expect(phone.get_by_role("button", name="Register")).to_have_count(0)

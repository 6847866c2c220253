"""Passes in a real browser without JavaScript: sold on a phone, and checked in at each event with one code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.portal.registrations.phone_fest import SETTINGS, Fest, phone_at, served_fest, sign_in
from tests.rig.waiting import until


def prepare(data: Path) -> tuple[Guest, list[Guest]]:
    with before_opening(data) as database:
        database.write(announce, "Grand Opening", fee=45_000)
        database.write(announce, "Robo Race", capacity=1)
        database.write(announce, "Music Night")
        people = [database.write(invite_one, f"guest-{number}") for number in range(2)]
        return database.write(invite_one, "meena", "organiser"), people


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    with served_fest(
        tmp_path_factory.mktemp("passes") / "data",
        prepare,
        SETTINGS | {"FESTGATE_PAYMENT_METHODS": "sandbox"},
    ) as served:
        yield served


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    with phone_at(fest, browser) as page:
        yield page


def check_in(page: Page, slug: str, code: str) -> None:
    page.goto(f"/door/{slug}")
    page.get_by_label("Ticket", exact=True).fill(code)
    press_button(page, "Check in")
    expect(page.locator("#answer")).to_contain_text("guest-0")


def test_a_pass_is_sold_once_and_admits_at_each_of_its_events(fest: Fest, phone: Page) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/grand-opening/tickets")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    phone.get_by_label("Name").fill("Single")
    press_button(phone, "Save")
    follow_link(phone, "Add a ticket type")
    phone.get_by_label("Name").fill("Festival pass")
    phone.get_by_label("Price in").fill("900")
    phone.get_by_text("Also admits to other events").click()
    phone.get_by_label("Robo Race").check()
    phone.get_by_label("Music Night").check()
    press_button(phone, "Save")
    expect(phone.get_by_text(re.compile("Also admits to: .*Robo Race"))).to_be_visible()
    expect(phone.get_by_text(re.compile("overlap"))).to_be_visible()

    buyer, late = fest.people
    sign_in(phone, fest, buyer)
    phone.goto("/events/grand-opening")
    phone.get_by_label(re.compile("Festival pass")).check()
    press_button(phone, "Register")
    expect(phone).to_have_url(re.compile("/my-events$"))
    follow_link(phone, re.compile("^Pay"))
    phone.get_by_label("Card number").fill("4242 4242 4242 4242")
    phone.get_by_role("button", name=re.compile("^Pay")).click()
    expect(phone).to_have_url(re.compile("/orders/"))
    until(lambda: 'href="/tickets/' in phone.request.get("/my-events").text(), "the ticket of the pass")
    phone.goto("/my-events")
    expect(phone.get_by_role("heading", name="Grand Opening: Festival pass")).to_have_count(1)
    expect(phone.get_by_role("link", name="Robo Race", exact=True)).to_be_visible()
    assert phone.get_by_role("link", name=re.compile("^Ticket for")).count() == 1
    phone.goto("/events/robo-race")
    expect(phone.get_by_text("You have a seat")).to_be_visible()
    follow_link(phone, "Show ticket")
    expect(phone.get_by_text(re.compile("Robo Race"))).to_be_visible()
    code = phone.url.rsplit("/", 1)[1]

    sign_in(phone, fest, late)
    phone.goto("/events/robo-race")
    expect(phone.get_by_text("Sold out").first).to_be_visible()
    phone.goto("/events/grand-opening")
    expect(phone.get_by_label(re.compile("Festival pass"))).to_be_disabled()

    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/grand-opening/tickets")
    phone.get_by_role("link", name="Festival pass").click()
    phone.get_by_label("Music Night").uncheck()
    press_button(phone, "Save")
    expect(phone.get_by_text("Tickets of this type have been taken")).to_be_visible()
    check_in(phone, "robo-race", code)
    check_in(phone, "grand-opening", code)
    check_in(phone, "music-night", code)
    expect(phone.get_by_text("1 of 1")).to_be_visible()

"""Teams in a real browser without JavaScript: a captain pays for one on a phone, and members join by its link."""

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
        database.write(announce, "Robo Race", fee=45_000)
        people = [database.write(invite_one, f"guest-{number}") for number in range(3)]
        return database.write(invite_one, "meena", "organiser"), people


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    with served_fest(
        tmp_path_factory.mktemp("teams") / "data", prepare, SETTINGS | {"FESTGATE_PAYMENT_METHODS": "sandbox"}
    ) as served:
        yield served


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    with phone_at(fest, browser) as page:
        yield page


def test_a_team_is_paid_and_its_members_join_and_leave_and_the_door_shows_it(fest: Fest, phone: Page) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/tickets")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    phone.get_by_label("Price in").fill("1000")
    phone.get_by_label("Largest team").fill("4")
    press_button(phone, "Save")

    captain, first, second = fest.people
    sign_in(phone, fest, captain)
    phone.goto("/events/robo-race")
    expect(phone.get_by_text("₹1,000 per team")).to_be_visible()
    phone.get_by_label("Name of the team").fill("Bolts")
    phone.get_by_label("Members, with you").select_option("3")
    press_button(phone, "Register a team")
    expect(phone).to_have_url(re.compile("/my-events$"))
    follow_link(phone, re.compile("^Pay"))
    phone.get_by_label("Card number").fill("4242 4242 4242 4242")
    phone.get_by_role("button", name=re.compile("^Pay")).click()
    expect(phone).to_have_url(re.compile("/orders/"))
    until(
        lambda: phone.request.get("/my-events").text().count('href="/tickets/') == 3,
        "the tickets of the team",
    )
    phone.goto("/my-events")
    phone.get_by_role("link", name="Bolts").first.click()
    expect(phone.get_by_text("2 places are free.")).to_be_visible()
    link = phone.get_by_role("link", name="/teams/join/").inner_text()
    path = link[link.index("/teams/") :]

    for member in (first, second):
        sign_in(phone, fest, member)
        phone.goto(path)
        expect(phone.get_by_role("heading", name="Join Bolts")).to_be_visible()
        press_button(phone, "Join the team")
        expect(phone.get_by_role("heading", name="Bolts")).to_be_visible()
    press_button(phone, "Leave the team")
    expect(phone.get_by_text("Bolts")).to_have_count(0)

    sign_in(phone, fest, first)
    phone.goto("/my-events")
    phone.get_by_role("link", name=re.compile("^Ticket for Robo Race")).click()
    expect(phone.get_by_text("Bolts")).to_be_visible()
    code = phone.url.rsplit("/", 1)[1]

    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/teams")
    expect(phone.get_by_text("3 places, 1 free")).to_be_visible()
    phone.goto("/door/robo-race")
    phone.get_by_label("Ticket", exact=True).fill(code)
    press_button(phone, "Check in")
    answer = phone.locator("#answer")
    expect(answer).to_contain_text("guest-1")
    expect(answer).to_contain_text("Team Bolts")

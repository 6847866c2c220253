"""The waiting list in a real browser, on a phone without JavaScript: join, get an offer by email, and take it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import (
    Guest,
    announce,
    before_opening,
    change_file,
    check_data,
    invite_one,
    query_file,
)
from tests.journeys.visitor_steps import follow_link, press_button
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.waiting import until

SETTINGS = {"FESTGATE_LOCALE": "en_IN", "FESTGATE_TIMEZONE": "Asia/Kolkata"}


@dataclass
class Fest:
    """A served fest, its organiser, and people."""

    server: Server
    data: Path
    organiser: Guest
    people: list[Guest]


def prepare(data: Path) -> tuple[Guest, list[Guest]]:
    with before_opening(data) as database:
        database.write(announce, "Gala", fee=0, capacity=1)
        people = [database.write(invite_one, f"guest-{number}") for number in range(4)]
        return database.write(invite_one, "meena", "organiser"), people


@pytest.fixture
def fest(tmp_path: Path) -> Iterator[Fest]:
    data = tmp_path / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser, people = thread.submit(prepare, data).result()
    with serving(data, extra=SETTINGS) as server:
        yield Fest(server, data, organiser, people)
        assert "unhandled exception" not in server.log()
        check_data(data, SETTINGS)


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    """Open the fest on a phone without JavaScript."""
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def sign_in(page: Page, fest: Fest, guest: Guest) -> None:
    page.context.clear_cookies()
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": fest.server.url}])


def test_a_seat_that_is_cancelled_goes_to_the_first_in_line_and_then_to_the_next(
    fest: Fest, phone: Page
) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/gala")
    follow_link(phone, "Waiting list")
    phone.get_by_label("Waiting list").select_option("open")
    press_button(phone, "Save")
    holder, first, second, newcomer = fest.people
    sign_in(phone, fest, holder)
    phone.goto("/events/gala")
    press_button(phone, "Register")

    for number, person in enumerate((first, second), start=1):
        sign_in(phone, fest, person)
        phone.goto("/events/gala")
        press_button(phone, "Join the waiting list")
        expect(phone.get_by_text(f"You are number {number}.")).to_be_visible()

    sign_in(phone, fest, holder)
    phone.goto("/events/gala")
    follow_link(phone, "Cancel my registration")
    press_button(phone, "Cancel my registration")
    until(
        lambda: query_file(fest.data, "SELECT 1 FROM kit_mail WHERE body LIKE '%A seat has come free%'"),
        "the email with the offer",
    )

    sign_in(phone, fest, newcomer)
    phone.goto("/events/gala")
    expect(phone.get_by_role("button", name="Register")).to_have_count(0)

    sign_in(phone, fest, second)
    phone.goto("/events/gala")
    expect(phone.get_by_text("You are number 1.")).to_be_visible()

    # The time of the offer runs out. The next step of anyone on the list gives the seat to the next.
    change_file(fest.data, "UPDATE registrations_seats SET held_until = 1 WHERE state = 'held'")
    sign_in(phone, fest, newcomer)
    phone.goto("/events/gala")
    press_button(phone, "Join the waiting list")
    expect(phone.get_by_text("You are number 1.")).to_be_visible()
    sign_in(phone, fest, first)
    phone.goto("/events/gala")
    expect(phone.get_by_text("its time has run out")).to_be_visible()
    sign_in(phone, fest, second)
    phone.goto("/events/gala")
    press_button(phone, "Confirm my seat")
    until(lambda: 'href="/tickets/' in phone.request.get(phone.url).text(), "the ticket")
    phone.goto("/events/gala")
    expect(phone.get_by_text("You have a seat")).to_be_visible()

"""A person's name, from the sign-up to the door, on a phone without JavaScript; and a mistyped email address."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.roles import Role
from tests.journeys.stage import check_data
from tests.journeys.visitor_steps import (
    PASSWORD,
    fill_in,
    follow_link,
    open_ticket,
    press_button,
    show_ticket,
)
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, festgate, serving

NAME = "Ünal O\u2019Brien-García"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("names") / "fest", "--demo") as running:
        yield running
        assert "unhandled exception" not in running.log()
        check_data(running.data)


@contextmanager
def phone(browser: Browser, server: Server) -> Iterator[Page]:
    """Open a phone without JavaScript. No page may be wider than it, and none may have an error."""
    with visit(browser, base_url=server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        page = visitor.context.new_page()
        yield page
        assert not visitor.problems


@contextmanager
def crew_phone(browser: Browser, server: Server, role: Role) -> Iterator[Page]:
    """Open the phone of the demo's organiser or member of staff, signed in with a new password."""
    reset = festgate("user", "password", role, data=server.data)
    (password,) = re.findall(r"^Password: (.+)$", reset.stdout, re.MULTILINE)
    with phone(browser, server) as page:
        page.goto("/login")
        fill_in(page, Username=role, Password=password)
        press_button(page, "Sign in")
        expect(page).to_have_url(f"{server.url}/events")
        yield page


def expect_to_fit(page: Page) -> None:
    widths = page.locator("html").evaluate("page => [page.scrollWidth, page.clientWidth]")
    assert widths[0] <= widths[1], page.url


def test_the_name_is_on_the_ticket_and_at_the_door_and_a_mistyped_address_is_corrected(
    server: Server, browser: Browser
) -> None:
    with phone(browser, server) as page:
        page.goto("/register?next=/events/opening-ceremony")
        page.get_by_label("Name", exact=True).fill(f"  {NAME.replace(' ', '   ')} ")
        fill_in(page, Username="uenal7", Email="uenal@gmial.example", Password=PASSWORD)
        expect_to_fit(page)
        press_button(page, "Sign up")
        press_button(page, "Register")
        show_ticket(page)
        open_ticket(page, "Opening Ceremony")
        expect(page.get_by_text(NAME, exact=True)).to_be_visible()
        expect_to_fit(page)
        code = page.url.rpartition("/")[2]

        with crew_phone(browser, server, "staff") as staff:
            staff.goto("/door/opening-ceremony")
            staff.get_by_label("Name", exact=True).fill("unal obrien")
            press_button(staff, "Find")
            guest = staff.get_by_role("row").filter(has_text="uenal7")
            expect(guest).to_contain_text(NAME)
            # The door sees names only.
            expect(guest).not_to_contain_text("uenal@gmial.example")
            expect(guest.get_by_role("link")).to_have_count(0)
            staff.get_by_label("Ticket", exact=True).fill(code)
            press_button(staff, "Check in")
            expect(staff.locator("#answer")).to_contain_text(NAME)
            expect(staff.locator("#answer")).to_contain_text("uenal7")
            expect_to_fit(staff)

        with crew_phone(browser, server, "organiser") as organiser:
            organiser.goto("/organise")
            follow_link(organiser, "People")
            organiser.get_by_label("Name, username or email").fill("Unal O'Brien")
            press_button(organiser, "Find")
            expect_to_fit(organiser)
            follow_link(organiser, NAME)
            expect_to_fit(organiser)
            follow_link(organiser, "Correct email address")
            organiser.get_by_label("Email").fill("uenal@gmail.example")
            press_button(organiser, "Continue")
            expect(organiser.get_by_role("main")).to_contain_text("The person is signed out everywhere.")
            expect_to_fit(organiser)
            press_button(organiser, "Correct address")
            expect(organiser.get_by_role("main")).to_contain_text(
                "The email address is uenal@gmail.example now."
            )
            press_button(organiser, "Send ticket again Opening Ceremony")
            expect(organiser.get_by_role("row").filter(has_text="Opening Ceremony")).to_contain_text(
                "uenal@gmail.example"
            )
            expect_to_fit(organiser)

        page.goto("/my-events")
        expect(page).to_have_url(f"{server.url}/login?next=/my-events")
        fill_in(page, Username="uenal@gmail.example", Password=PASSWORD)
        press_button(page, "Sign in")
        open_ticket(page, "Opening Ceremony")
        assert page.url.rpartition("/")[2] == code

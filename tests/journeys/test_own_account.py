"""A person's own account in a browser without JavaScript, on a phone: change it, sign out, download it, delete it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.clock import HOUR
from festgate.kit.roles import Role
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.catalogue import facade as catalogue
from tests.journeys.stage import announce, await_idle, before_opening, check_data, query_file
from tests.journeys.visitor_steps import PASSWORD, fill_in, follow_link, press_button
from tests.kit.mailing import emails, text_of
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.waiting import until

PEOPLE: dict[str, Role] = {"asha": "attendee", "ravi": "attendee", "meena": "owner"}
LINK = re.compile(r"(http\S+/account/email/confirm\?token=\S+)")


@dataclass(frozen=True)
class Fest:
    """A served fest with a free event today, and one that is paid for."""

    server: Server
    free: catalogue.Event
    paid: catalogue.Event


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data: Path = tmp_path_factory.mktemp("own-account") / "data"
    with before_opening(data) as database:
        for name, role in PEOPLE.items():
            newcomer = Newcomer(name, f"{name}@example.org", role, f"{name.title()} Rao")
            database.write(add_person, newcomer, hash_password(PASSWORD), confirmed=True)
        free = database.write(announce, "Opening Ceremony", fee=0)
        paid = database.write(announce, "Robo Race", starts_at=database.clock.now + HOUR)
    with serving(data, extra={"FESTGATE_PAYMENT_METHODS": "sandbox"}) as server:
        yield Fest(server, free, paid)
        assert "unhandled exception" not in server.log()
        check_data(data)


@pytest.fixture
def browser_options(fest: Fest) -> dict[str, Any]:
    return {"viewport": PHONE, "java_script_enabled": False, "base_url": fest.server.url}


def sign_in(page: Page, name: str = "asha") -> None:
    page.goto("/login?next=/account")
    fill_in(page, Username=name, Password=PASSWORD)
    press_button(page, "Sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def link_to(fest: Fest, address: str) -> str:
    """Return the link in the email to the new address, which the fest writes into a file."""

    def find() -> str | None:
        links = [LINK.search(text_of(email)) for email in emails(fest.server.data) if email["To"] == address]
        return next((match[1] for match in links if match), None)

    return until(find, f"an email to {address}") or ""


def subjects_to(fest: Fest, address: str) -> list[str]:
    return [str(email["Subject"]) for email in emails(fest.server.data) if email["To"] == address]


def change_name(page: Page) -> None:
    expect(page.get_by_label("Your name")).to_have_value("Asha Rao")
    page.get_by_label("Your name").fill("Asha María Rao")
    press_button(page, "Save name")
    expect(page.get_by_text("Your name has been saved.")).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_value("Asha María Rao")


def request_address(page: Page) -> None:
    page.get_by_label("New email address").fill("asha.rao@example.net")
    page.get_by_label("Your password").fill("not this one")
    press_button(page, "Send the link")
    expect(page.get_by_label("New email address")).to_have_value("asha.rao@example.net")
    page.get_by_label("Your password").fill(PASSWORD)
    press_button(page, "Send the link")
    expect(page.get_by_text("We sent a link to asha.rao@example.net.")).to_be_visible()
    expect(page.get_by_text("asha@example.org")).to_be_visible()


def use_link(page: Page, link: str) -> None:
    page.goto(link)
    press_button(page, "Use this address")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your email address is changed")
    page.reload()  # a second click sends the form again
    expect(page.get_by_role("heading", level=1)).to_have_text("Your email address is changed")


def expect_signed_out(page: Page) -> None:
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def download_data(page: Page, file: Path) -> Any:  # noqa: ANN401  (JSON)
    page.goto("/account")
    with page.expect_download() as download:
        follow_link(page, "Download my data")
    download.value.save_as(file)
    return json.loads(file.read_text(encoding="utf-8"))


def confirm_deletion(page: Page, username: str = "ravi") -> None:
    page.get_by_label("Type your username, ravi").fill(username)
    page.get_by_label("Your password").fill(PASSWORD)
    press_button(page, "Delete my account")


def test_a_person_changes_their_name_and_address_and_signs_out_elsewhere(
    page: Page, browser: Browser, browser_options: dict[str, Any], fest: Fest
) -> None:
    with visit(browser, **browser_options) as elsewhere, visit(browser, **browser_options) as mail_reader:
        other = elsewhere.context.new_page()
        sign_in(other)
        sign_in(page)
        change_name(page)
        request_address(page)
        # In a browser that is not signed in: a person may read their email anywhere.
        use_link(mail_reader.context.new_page(), link_to(fest, "asha.rao@example.net"))
        until(lambda: subjects_to(fest, "asha@example.org"), "an email to the old address")
        assert subjects_to(fest, "asha@example.org") == ["Your email address was changed"]
        expect_signed_out(other)
        expect_signed_out(page)
        sign_in(page, "asha.rao@example.net")
        sign_in(other)
        page.reload()
        expect(page.get_by_text("This browser")).to_be_visible()
        press_button(page, re.compile("Sign out the browser of"))
        expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
        expect_signed_out(other)
        assert not elsewhere.problems
        assert not mail_reader.problems


def test_a_person_downloads_their_data_and_deletes_their_account_in_two_tabs(
    page: Page, fest: Fest, tmp_path: Path
) -> None:
    sign_in(page, "ravi")
    for event in (fest.free, fest.paid):
        page.goto(f"/events/{event.slug}")
        press_button(page, "Register")
    await_idle(fest.server)
    data = download_data(page, tmp_path / "data.json")
    address = data["account"]["email"]
    assert [seat["title"] for seat in data["registrations"]] == ["Robo Race", "Opening Ceremony"]
    assert [ticket["event"] for ticket in data["tickets"]] == [fest.free.slug]
    assert any("Opening Ceremony" in email["subject"] for email in data["emails"])
    until(lambda: subjects_to(fest, address), "an email with the ticket")

    page.goto("/account")
    follow_link(page, "Delete my account")
    expect(page.get_by_text("The registration for Opening Ceremony ends")).to_be_visible()
    confirm_deletion(page, "asha")
    expect(page.get_by_text("Type your username: ravi.")).to_be_visible()
    second_tab = page.context.new_page()
    second_tab.goto("/account/delete")
    for tab in (page, second_tab):
        confirm_deletion(tab)
        expect(tab.get_by_role("heading", level=1)).to_have_text("Your account is deleted")
        expect(tab.get_by_role("navigation").get_by_role("link", name="Sign in")).to_be_visible()
    people = query_file(fest.server.data, "SELECT * FROM accounts_people")
    assert "ravi" not in repr(people).lower()
    states = query_file(
        fest.server.data,
        "SELECT s.state FROM registrations_seats s JOIN accounts_people p ON p.id = s.person_id WHERE p.email = ''",
    )
    assert states == [("cancelled",)] * 2
    assert subjects_to(fest, address) == []


def test_a_paid_ticket_and_the_last_owner_are_kept_from_deletion(page: Page, fest: Fest) -> None:
    sign_in(page, "meena")
    page.goto(f"/events/{fest.paid.slug}")
    press_button(page, "Register")
    follow_link(page, re.compile("^Pay"))
    press_button(page, re.compile("^Pay"))
    page.wait_for_url("**/orders/*")
    page.goto("/account/delete")
    obstacles = page.get_by_role("alert")
    expect(obstacles).to_contain_text("It is the account of the only owner.")
    expect(obstacles).to_contain_text("There is a paid ticket for Robo Race.")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)

"""Tickets with names in a real browser without JavaScript: bought, sent, transferred, and shown at the door."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.catalogue import facade as catalogue
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.smtp import Mailbox, smtp_server
from tests.rig.waiting import until

BASE = {
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_PAYMENT_METHODS": "sandbox",
    "FESTGATE_CONFIRM_EMAIL": "off",
}


@dataclass
class Fest:
    """A served fest that sends mail, and its people."""

    server: Server
    mailbox: Mailbox
    organiser: Guest
    staff: Guest
    buyer: Guest


def prepare(data: Path) -> tuple[Guest, Guest, Guest]:
    with before_opening(data) as database:
        event = database.write(announce, "Robo Race", fee=45_000)
        database.write(catalogue.limit_per_person, event.slug, 2)
        organiser = database.write(invite_one, "meena", "organiser")
        return organiser, database.write(invite_one, "ravi", "staff"), database.write(invite_one, "asha")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("holders") / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser, staff, buyer = thread.submit(prepare, data).result()
    with smtp_server() as mailbox:
        settings = {
            **BASE,
            "FESTGATE_SMTP_HOST": mailbox.host,
            "FESTGATE_SMTP_PORT": str(mailbox.port),
            "FESTGATE_SMTP_SECURITY": "none",
        }
        with serving(data, extra=settings) as server:
            yield Fest(server, mailbox, organiser, staff, buyer)
            assert "unhandled exception" not in server.log()
            check_data(data, settings)


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    """Open the fest on a phone without JavaScript."""
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def sign_in(page: Page, fest: Fest, guest: Guest | None) -> None:
    page.context.clear_cookies()
    if guest is not None:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": fest.server.url}])


def email_to(fest: Fest, recipient: str, subject: str) -> str:
    """Wait for the email with that subject, and return its text."""

    def bodies() -> list[str]:
        return [
            str(body.get_content())
            for email in fest.mailbox.emails
            if (body := email.message.get_body())
            and email.message["to"] == recipient
            and email.message["subject"] == subject
        ]

    until(bodies, f"an email to {recipient}")
    return bodies()[-1]


def link_in(text: str) -> str:
    """Return the path of the link to the ticket."""
    link = re.search(r"https?://[^/\s]+(/tickets/open/\S+)", text)
    assert link is not None, text
    return link[1]


def code_on(page: Page) -> str:
    return (page.locator(".ticket-code").text_content() or "").strip()


def check_in(page: Page, code: str) -> None:
    page.goto("/door/robo-race")
    page.get_by_label("Ticket", exact=True).fill(code)
    press_button(page, "Check in")


def require_names(phone: Page, fest: Fest) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/tickets")
    phone.get_by_role("link", name="Ticket", exact=True).click()
    phone.get_by_label("Maximum per order").fill("2")
    press_button(phone, "Save")
    follow_link(phone, "Names and transfers")
    phone.get_by_label("A name for each ticket").check()
    press_button(phone, "Save")


def buy_two(phone: Page, fest: Fest) -> None:
    """Buy a ticket for Asha Rao and one for Boris Ivanov, after a mistake in his name."""
    sign_in(phone, fest, fest.buyer)
    phone.goto("/events/robo-race")
    phone.get_by_role("combobox").select_option("2")
    press_button(phone, "Register")
    follow_link(phone, re.compile("^Pay"))
    first, second = (phone.get_by_role("group", name=f"Robo Race, ticket {number}") for number in (1, 2))
    first.get_by_label("Name").fill("Asha Rao")
    second.get_by_label("Name").fill("...")
    second.get_by_label("Email").fill("boris@example.net")
    press_button(phone, re.compile("^Pay"))
    expect(second.get_by_text("Use letters, spaces, hyphens, apostrophes and dots.")).to_be_visible()
    expect(first.get_by_label("Name")).to_have_value("Asha Rao")
    second.get_by_label("Name").fill("Boris Ivanov")
    phone.get_by_label("Card number").fill("4242 4242 4242 4242")
    press_button(phone, re.compile("^Pay"))
    expect(phone.get_by_role("link", name=re.compile("^Show ticket"))).to_have_count(2)
    assert "Boris Ivanov" in email_to(fest, "asha@example.org", "Your tickets: Robo Race, Robo Race")


def send_second(phone: Page, fest: Fest) -> tuple[str, str, str]:
    """Send the second ticket to its holder; return its page, its code, and the link of the holder."""
    phone.goto("/my-events")
    expect(phone.get_by_text("Boris Ivanov")).to_be_visible()
    phone.locator(".card", has_text="Boris Ivanov").get_by_role("link", name=re.compile("^Ticket")).click()
    page = phone.url
    press_button(phone, "Send the ticket")
    expect(phone.get_by_role("button", name="Send the ticket again")).to_be_visible()
    link = link_in(email_to(fest, "boris@example.net", "Your ticket: Robo Race"))
    code = code_on(phone)
    return page, code, link


def open_link(phone: Page, fest: Fest, link: str, code: str) -> None:
    """Open the ticket by the link, without an account."""
    sign_in(phone, fest, None)
    response = phone.goto(link)
    assert response is not None
    assert response.headers["referrer-policy"] == "no-referrer"
    assert code_on(phone) == code
    expect(phone.get_by_role("heading", name="Holder")).to_have_count(0)


def transfer(phone: Page, fest: Fest, page: str) -> tuple[str, str]:
    """Transfer the ticket to Chen Li; return its new code, and the new holder's link."""
    sign_in(phone, fest, fest.buyer)
    phone.goto(page)
    follow_link(phone, "Transfer")
    phone.get_by_label("Name of the new holder").fill("Chen Li")
    phone.get_by_label("Email of the new holder").fill("chen@example.net")
    press_button(phone, "Transfer the ticket")
    expect(phone.get_by_text("chen@example.net")).to_be_visible()
    email_to(fest, "boris@example.net", "Transferred: your ticket for Robo Race")
    return code_on(phone), link_in(email_to(fest, "chen@example.net", "Your ticket: Robo Race"))


def test_two_named_tickets_are_bought_and_one_is_sent_and_one_transferred(fest: Fest, phone: Page) -> None:
    require_names(phone, fest)
    buy_two(phone, fest)
    page, old_code, old_link = send_second(phone, fest)
    open_link(phone, fest, old_link, old_code)
    new_code, new_link = transfer(phone, fest, page)
    assert new_code != old_code
    phone.goto(page)  # the address that the buyer has in an email
    assert code_on(phone) == new_code
    open_link(phone, fest, new_link, new_code)
    assert phone.request.get(old_link).status == 410

    sign_in(phone, fest, fest.staff)
    assert phone.request.post("/door/robo-race", form={"code": old_code}).status == 409
    phone.goto("/door/robo-race?q=chen")
    expect(phone.get_by_role("rowheader", name="Chen Li")).to_be_visible()
    check_in(phone, new_code)
    expect(phone.locator("#answer")).to_contain_text("Chen Li")
    sign_in(phone, fest, fest.buyer)
    phone.goto(page)
    expect(phone.get_by_role("link", name="Transfer")).to_have_count(0)

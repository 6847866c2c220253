"""Buying without an account, in a real browser on a phone without JavaScript."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from festgate.kit.clock import HOUR
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.waiting import until

SETTINGS = {
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
    "FESTGATE_CONFIRM_EMAIL": "on",
}
CARD = "4242 4242 4242 4242"
LINK = re.compile(r"(?<=localhost:)\d+(/guest/open\?token=\S+)")


@dataclass
class Fest:
    """A served fest with a paid and a free event, and its organiser."""

    server: Server
    data: Path
    organiser: Guest

    def links(self, email: str) -> list[str]:
        """Return the links in all emails to the address, the oldest first."""
        files = sorted((self.data / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        texts = [
            part.get_content()
            for message in messages
            if message["to"] == email
            for part in message.walk()
            if part.get_content_type() == "text/plain"
        ]
        return [link for text in texts for link in LINK.findall(text)]

    def wait_for_links(self, email: str, count: int = 1) -> list[str]:
        """Wait until so many links were sent to the address, and return them."""
        until(lambda: len(self.links(email)) >= count, f"{count} links to {email}")
        return self.links(email)


def prepare(data: Path) -> Guest:
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        database.write(announce, "Gala", starts_at=database.clock.now + 72 * HOUR, fee=0)
        return database.write(invite_one, "meena", "organiser")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("guests") / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser = thread.submit(prepare, data).result()
    with serving(data, extra=SETTINGS) as server:
        yield Fest(server, data, organiser)
        assert "unhandled exception" not in server.log()
        check_data(data, SETTINGS)


@dataclass
class Visit:
    """A phone without JavaScript, and the pages that it has opened."""

    page: Page
    pages: list[str] = field(default_factory=list)
    fields: int = 0

    def note(self, request: Request) -> None:
        """Note a page that was opened, and not only a redirection to one."""
        if request.resource_type == "document" and request.method == "GET":
            self.pages.append(request.url.partition("//")[2].partition("/")[2])

    def fill(self, label: str, text: str) -> None:
        """Fill in a field of the page, and count it."""
        self.page.get_by_label(label, exact=True).fill(text)
        self.fields += 1


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Visit]:
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        opened = Visit(visitor.context.new_page())
        opened.page.on("request", opened.note)
        yield opened
        assert not visitor.problems


def test_a_free_ticket_takes_one_page_and_two_fields(fest: Fest, phone: Visit) -> None:
    phone.page.goto("/events/gala")
    phone.fill("Name", "Asha Rao")
    phone.fill("Email", "asha@example.org")
    press_button(phone.page, "Register")
    expect(phone.page).to_have_url(re.compile("/tickets/[0-9A-Z]{16}$"))
    expect(phone.page.get_by_role("main").get_by_text("Asha Rao")).to_be_visible()
    assert len(phone.pages) == 2, phone.pages  # the event, and the ticket
    assert phone.fields == 2
    assert fest.wait_for_links("asha@example.org")


def test_a_paid_ticket_takes_one_page_besides_the_payment_and_three_fields(fest: Fest, phone: Visit) -> None:
    phone.page.goto("/events/robo-race")
    phone.fill("Name", "Boris Ivanov")
    phone.fill("Email", "boris@example.org")
    press_button(phone.page, "Register")
    expect(phone.page).to_have_url(re.compile("/checkout$"))
    phone.fill("Card number", CARD)
    press_button(phone.page, re.compile("^Pay ₹450"))
    expect(phone.page.get_by_text("Show ticket")).to_be_visible()
    assert len(phone.pages) == 3, phone.pages  # the event, the payment, and its receipt with the ticket
    assert phone.fields <= 4
    follow_link(phone.page, re.compile("^Show ticket"))
    expect(phone.page.get_by_role("main").get_by_text("Boris Ivanov")).to_be_visible()

    # On another device the order opens by the link in the email, after the press of a button.
    phone.page.context.clear_cookies()
    link = fest.wait_for_links("boris@example.org")[-1]
    answer = phone.page.goto(link)
    assert answer is not None
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    expect(phone.page.get_by_text("boris@example.org")).to_be_visible()
    press_button(phone.page, "Open my tickets")
    expect(phone.page).to_have_url(re.compile("/orders/[0-9A-Z]{10}$"))
    expect(phone.page.get_by_text("Show ticket")).to_be_visible()
    # No page of an account opens with it.
    phone.page.goto("/account")
    expect(phone.page).to_have_url(re.compile("/guest$"))
    phone.page.goto("/account/delete")
    expect(phone.page).to_have_url(re.compile("/login"))
